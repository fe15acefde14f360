//! Threads of the library's own.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread that runs little code and that no signal of the host's disturbs.
pub(crate) fn start(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    with_stack(name, 256 << 10, run)
}

/// The same for one that may run a compiler.
pub(crate) fn start_large(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    with_stack(name, 8 << 20, run)
}

fn with_stack(name: &str, bytes: usize, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    without_signals(|| Builder::new().name(name.into()).stack_size(bytes).spawn(run))
}

/// Keeps the host's signals from the thread that calls this.
#[cfg(feature = "wasi")]
pub(crate) fn block_signals() {
    #[cfg(unix)]
    // SAFETY: a signal set is plain bits, which `sigfillset` writes.
    unsafe {
        let mut all = core::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, core::ptr::null_mut());
    }
}

/// Without signals there is nothing to block.
#[cfg(not(unix))]
pub(crate) fn without_signals<T>(f: impl FnOnce() -> T) -> T {
    f()
}

/// Runs `f` with all signals blocked: a thread that it starts has them blocked from its beginning.
#[cfg(unix)]
pub(crate) fn without_signals<T>(f: impl FnOnce() -> T) -> T {
    // SAFETY: a signal set is plain bits, which `sigfillset` writes; a mask that was in force can be so again.
    unsafe {
        let (mut all, mut before) = (core::mem::zeroed(), core::mem::zeroed());
        libc::sigfillset(&mut all);
        let blocked = libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before) == 0;
        let outcome = f();
        if blocked {
            libc::pthread_sigmask(libc::SIG_SETMASK, &before, core::ptr::null_mut());
        }
        outcome
    }
}
