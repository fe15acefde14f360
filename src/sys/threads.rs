//! Threads of the library's own, and what belongs to one process.

use std::io;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread::{Builder, JoinHandle};

/// Starts a thread that runs little code and that no signal of the host's disturbs.
pub(crate) fn start(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    const STACK_BYTES: usize = 256 << 10;
    let start = || Builder::new().name(name.into()).stack_size(STACK_BYTES).spawn(run);
    #[cfg(unix)]
    return without_signals(start);
    #[cfg(not(unix))]
    start()
}

/// Runs `f` with all signals blocked: a thread that it starts has them blocked from its beginning.
#[cfg(unix)]
fn without_signals<T>(f: impl FnOnce() -> T) -> T {
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

/// What `place` holds, if it `is_ours`; else something new. What a forked child finds of its parent's stays where it is: its
/// locks may be held by threads that there are not.
pub(crate) fn per_process<T: Sync>(
    place: &'static AtomicPtr<T>,
    is_ours: impl Fn(&T) -> bool,
    new: impl FnOnce() -> T,
) -> &'static T {
    let found = place.load(Ordering::Acquire);
    // SAFETY: only boxes that are never freed are put there.
    if let Some(found) = unsafe { found.as_ref() }.filter(|found| is_ours(found)) {
        return found;
    }
    let made = Box::into_raw(Box::new(new()));
    match place.compare_exchange(found, made, Ordering::AcqRel, Ordering::Acquire) {
        // SAFETY: as above.
        Ok(_) => unsafe { &*made },
        Err(theirs) => {
            // SAFETY: nobody has seen ours; theirs is of this process, for only its own threads put something there.
            unsafe {
                drop(Box::from_raw(made));
                &*theirs
            }
        }
    }
}
