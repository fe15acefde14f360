//! Whether this is still the process that it was: what is tied to a process must not be used by a forked child.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

static GENERATION: AtomicU64 = AtomicU64::new(0);

/// A number that is another one in a forked child.
pub(crate) fn generation() -> u64 {
    static WATCH: Once = Once::new();
    if !WATCH.is_completed() {
        WATCH.call_once(|| {
            // SAFETY: the handler only counts, which is allowed after a fork. It fails only when there is no memory.
            let _ = unsafe { libc::pthread_atfork(None, None, Some(forked)) };
        });
    }
    GENERATION.load(Ordering::Relaxed)
}

unsafe extern "C" fn forked() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}
