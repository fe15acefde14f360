//! Threads of the library's own.

#[cfg(unix)]
use core::cell::Cell;
use std::io;
#[cfg(any(feature = "wasmer", feature = "wasi", feature = "remote"))]
use std::sync::{Arc, Mutex};
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

/// Whether so many threads can be started now, together: they are, and end. For what starts threads and cannot do without.
#[cfg(any(feature = "wasmer", feature = "wasi", feature = "remote"))]
pub(crate) fn can_start(count: usize, stack_bytes: usize) -> io::Result<()> {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock();
    let started: io::Result<Vec<_>> = (0..count)
        .map(|_| {
            let gate = gate.clone();
            with_stack("hostel-probe", stack_bytes, move || drop(gate.lock()))
        })
        .collect();
    drop(closed);
    // They do not panic; if one could not be started, the others end by themselves.
    started?.into_iter().for_each(|thread| drop(thread.join()));
    Ok(())
}

/// Without signals there is nothing to block.
#[cfg(not(unix))]
pub(crate) fn without_signals<T>(f: impl FnOnce() -> T) -> T {
    f()
}

/// Nor to let through.
#[cfg(all(feature = "wasi", not(unix)))]
pub(crate) fn with_signals<T>(f: impl FnOnce() -> T) -> T {
    f()
}

#[cfg(unix)]
std::thread_local! {
    /// The signals that the host has blocked in this thread, while we block all.
    static BEFORE: Cell<Option<libc::sigset_t>> = const { Cell::new(None) };
}

/// Runs `f` with the host's signals blocked: a thread that it starts has them blocked from its beginning. Not those that a thread
/// causes by what it does: a host's callback there may run a guest, which traps by them.
#[cfg(unix)]
pub(crate) fn without_signals<T>(f: impl FnOnce() -> T) -> T {
    // SAFETY: a signal set is plain bits, which `sigfillset` writes.
    let all = unsafe {
        let mut all = core::mem::zeroed();
        libc::sigfillset(&mut all);
        for its_own in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP] {
            libc::sigdelset(&mut all, its_own);
        }
        all
    };
    let _masked = Masked::by(all, |before| Some(BEFORE.get().unwrap_or(before)));
    f()
}

/// Runs a callback of the host's with the signals blocked that its thread had blocked, whatever we have blocked.
#[cfg(all(feature = "wasi", unix))]
pub(crate) fn with_signals<T>(f: impl FnOnce() -> T) -> T {
    let _masked = BEFORE.get().map(|before| Masked::by(before, |_| None));
    f()
}

/// Another signal mask of this thread, until it is dropped.
#[cfg(unix)]
struct Masked {
    /// The mask that was in force, if it could be changed.
    mask: Option<libc::sigset_t>,
    known: Option<libc::sigset_t>,
}

#[cfg(unix)]
impl Masked {
    /// Sets a mask, and what is known as the host's.
    fn by(mask: libc::sigset_t, known: impl FnOnce(libc::sigset_t) -> Option<libc::sigset_t>) -> Masked {
        // SAFETY: both are signal sets, and the second is written before it is looked at.
        unsafe {
            let mut before = core::mem::zeroed();
            if libc::pthread_sigmask(libc::SIG_SETMASK, &mask, &mut before) != 0 {
                return Masked { mask: None, known: BEFORE.get() };
            }
            Masked { mask: Some(before), known: BEFORE.replace(known(before)) }
        }
    }
}

#[cfg(unix)]
impl Drop for Masked {
    fn drop(&mut self) {
        BEFORE.set(self.known);
        if let Some(mask) = self.mask {
            // SAFETY: a mask that was in force can be so again.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &mask, core::ptr::null_mut()) };
        }
    }
}
