//! Tells how far a compile is: wasmer's threads count function bodies, and one of them at a time tells.

use crate::progress::{Phase, Progress};
use std::sync::{Mutex, PoisonError};
use wasmer_types::{CompilationProgressCallback, UserAbort};

#[derive(Default)]
struct Told {
    done: u64,
    stopped: bool,
}

/// What wasmer is to call during a compile; nothing when nobody wants to know.
pub(super) fn watched(progress: &Progress) -> Option<CompilationProgressCallback> {
    if !progress.is_watched() {
        return None;
    }
    let (progress, told) = (progress.clone(), Mutex::new(Told::default()));
    Some(CompilationProgressCallback::new(move |now| {
        let (done, total) = (now.phase_step().unwrap_or(0), now.phase_step_count().unwrap_or(0));
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.stopped {
            return Err(UserAbort::new("stopped")); // the threads stop one by one; the first has said why
        }
        if done <= told.done {
            return Ok(()); // overtaken by another thread between counting and telling
        }
        told.done = done;
        progress.tell(Phase::Compile, done, total).map_err(|error| {
            told.stopped = true;
            UserAbort::new(error.to_string())
        })
    }))
}
