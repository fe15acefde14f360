//! The threads that compile: a few for each compile, gone when it is done. Nothing of the process's is used, so that a compile
//! that could not start its threads leaves nothing behind, and a forked child compiles as its parent does. They are born with the
//! host's signals blocked.

use crate::sys::{self, threads};
use crate::{Error, Result, background};
use alloc::{format, string::String};
use core::fmt::Display;
use core::num::NonZeroUsize;
use std::thread;

/// Compilers go as deep as a guest's blocks do.
const STACK_BYTES: usize = 8 << 20;
/// A thread for each so many bytes of a module: it is started in the time that a compiler takes for some of them.
const BYTES_EACH: usize = 4 << 10;

/// How many threads a module of so many bytes is compiled with: no more than processors, or than this thread's share of them.
pub(super) fn wanted(bytes: usize) -> NonZeroUsize {
    let most = background::compile_threads().or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    most.min(NonZeroUsize::MIN.saturating_add(bytes / BYTES_EACH))
}

/// Runs `compile`, which uses rayon's threads, in so many of its own. It may start some more itself, and need not be ready for not
/// getting them. OUT_OF_RESOURCES when the system does not give so many.
pub(super) fn with_threads<T: Send>(count: NonZeroUsize, more: usize, compile: impl FnOnce() -> T + Send) -> Result<T> {
    let refused = |why: &dyn Display| Error::OutOfResources(format!("no threads to compile with: {}", sys::words(why)));
    #[cfg(feature = "wasmer")]
    if more > 0 {
        threads::can_start(count.get() + more, STACK_BYTES).map_err(|error| refused(&error))?;
    }
    let builder = rayon_core::ThreadPoolBuilder::new().num_threads(count.get()).stack_size(STACK_BYTES);
    let pool = threads::without_signals(|| builder.thread_name(|_| String::from("hostel-compile")).build());
    let pool = pool.map_err(|error| refused(&error))?;
    sys::catch_panic(|| pool.install(compile)).map_err(|message| match message.contains("ThreadPoolBuildError") {
        true => refused(&message), // somebody else got the last one meanwhile
        false => Error::Internal(format!("a compiler panicked: {message}")),
    })
}
