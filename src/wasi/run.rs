//! What a call does with WASI: answering the guest, and a program's own input and output.

use super::session::Session;
use super::streams::{self, Capture};
use super::{Function, Moment, Wasi};
use crate::engine::Instance;
use crate::{Error, Result};
use alloc::{boxed::Box, vec::Vec};
use core::fmt;

impl Wasi {
    /// Answers a guest's call of a WASI function: results in place of the parameters.
    pub(crate) fn call(&self, function: Function, instance: &mut dyn Instance, slots: &mut [u64]) -> Result<()> {
        let state = instance.state();
        state.host_used |= !function.is_steady();
        if function == Function::ProcExit {
            return Err(Error::Exit { code: slots.first().map_or(0, |&slot| slot as i32) });
        }
        let moment = Moment { context: *state.context.get_mut(), deadline: state.bounds.deadline };
        let (bounds, stop) = (state.bounds.clone(), state.stop.clone());
        let mut session = match state.wasi.session.take() {
            Some(session) => session,
            None => Box::new(Session::new(self, &mut state.wasi, &bounds)?),
        };
        let answer = streams::during(moment, || session.answer(function, instance.memory(), slots, &bounds, &stop));
        instance.state().wasi.session = Some(session);
        let errno = answer?;
        if let Some(slot) = slots.first_mut() {
            *slot = u64::from(errno as u32);
        }
        Ok(())
    }
}

/// What WASI holds for the call that an instance is busy with.
#[derive(Default)]
pub struct PerCall {
    pub(super) session: Option<Box<Session>>,
    /// What the program reads, instead of what was granted.
    pub(super) input: Option<bytes::Bytes>,
    /// Who takes what it writes, instead.
    pub(super) output: Option<Capture>,
}

impl PerCall {
    /// Begins the start of a program, if it has one before it is run.
    pub(crate) fn begin_start(&mut self, output_max: u64) {
        *self = PerCall { session: None, input: None, output: Some(Capture::new(output_max)) };
    }

    /// Ends it. What it has written is kept for the run.
    pub(crate) fn end_start(&mut self) {
        if self.output.as_ref().is_some_and(Capture::is_empty) {
            *self = PerCall::default();
        }
    }

    /// Begins the run of a program: this is its input, if it is not empty, and its output will be taken, up to so many bytes;
    /// what its start has written comes first.
    pub(crate) fn begin(&mut self, input: &[u8], output_max: u64) -> Result<()> {
        let written = self.end();
        let input = (!input.is_empty()).then(|| bytes::Bytes::copy_from_slice(input));
        let output = Capture::new(output_max);
        let began = output.take_in(&written);
        *self = PerCall { session: None, input, output: Some(output) };
        began
    }

    /// Whether the call is the run of a program.
    pub(super) fn is_program(&self) -> bool {
        self.output.is_some()
    }

    /// Ends it: what it has written. Nothing, and nothing ends, if no program runs.
    pub(crate) fn end(&mut self) -> Vec<u8> {
        let Some(output) = self.output.take() else { return Vec::new() };
        *self = PerCall::default();
        output.take()
    }
}

impl fmt::Debug for PerCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerCall").field("begun", &self.session.is_some()).finish_non_exhaustive()
    }
}
