//! Whether this is still the process that it was: what is tied to a process must not be used by a forked child.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

static GENERATION: AtomicU64 = AtomicU64::new(0);

/// Held by whoever does what a child must not find half done, and while the process forks.
static WHOLE: Mutex<()> = Mutex::new(());

std::thread_local! {
    /// While this thread forks.
    static FORKING: Cell<Option<MutexGuard<'static, ()>>> = const { Cell::new(None) };
}

unsafe extern "C" fn lock() {
    let whole = WHOLE.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = FORKING.try_with(|forking| forking.set(Some(whole)));
}

unsafe extern "C" fn unlock() {
    let _ = FORKING.try_with(Cell::take);
}

/// A number that is another one in a forked child.
pub(crate) fn generation() -> u64 {
    static WATCH: Once = Once::new();
    if !WATCH.is_completed() {
        WATCH.call_once(|| {
            // SAFETY: the handlers count, lock and unlock, which is allowed then. It fails only when there is no memory.
            let _ = unsafe { libc::pthread_atfork(Some(lock), Some(unlock), Some(forked)) };
        });
    }
    GENERATION.load(Ordering::Relaxed)
}

unsafe extern "C" fn forked() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    // SAFETY: called in the thread that has locked it, which is the child's only one.
    unsafe { unlock() };
}

/// Runs `f` so that no child finds it half done: a fork waits until it is. For what takes locks that are not ours.
#[cfg(feature = "wasmtime")]
pub(crate) fn undivided<T>(f: impl FnOnce() -> T) -> T {
    generation();
    let _whole = WHOLE.lock().unwrap_or_else(PoisonError::into_inner);
    f()
}
