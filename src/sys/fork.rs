//! Whether this is still the process that it was: what is tied to a process must not be used by a forked child.

use std::cell::Cell;
use std::ffi::c_int;
use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

static GENERATION: AtomicU64 = AtomicU64::new(0);

/// Held by whoever does what a child must not find half done, and while the process forks. The descriptors are those that a child
/// is not to have.
static WHOLE: Mutex<Vec<c_int>> = Mutex::new(Vec::new());

std::thread_local! {
    /// While this thread forks.
    static FORKING: Cell<Option<MutexGuard<'static, Vec<c_int>>>> = const { Cell::new(None) };
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
    // Called in the thread that has locked it, which is the child's only one.
    if let Ok(Some(mut whole)) = FORKING.try_with(Cell::take) {
        for descriptor in whole.drain(..) {
            // SAFETY: who has put it there never uses it in a child.
            unsafe { libc::close(descriptor) };
        }
    }
}

/// Runs `f` so that no child finds it half done: a fork waits until it is. For what takes locks that are not ours.
pub(crate) fn undivided<T>(f: impl FnOnce() -> T) -> T {
    with_descriptors(|_| f())
}

fn with_descriptors<T>(f: impl FnOnce(&mut Vec<c_int>) -> T) -> T {
    generation();
    f(&mut WHOLE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A file that no forked child has open. What is locked by it is locked by this process alone, and free when this one is gone.
#[derive(Debug)]
pub(crate) struct Unshared {
    generation: u64,
    file: ManuallyDrop<File>,
}

impl Unshared {
    /// What `open` opens, which is quick: no child is forked meanwhile.
    pub fn open(open: impl FnOnce() -> io::Result<File>) -> io::Result<Self> {
        with_descriptors(|descriptors| {
            let file = open()?;
            descriptors.push(file.as_raw_fd());
            Ok(Unshared { generation: GENERATION.load(Ordering::Relaxed), file: ManuallyDrop::new(file) })
        })
    }
}

impl Deref for Unshared {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl DerefMut for Unshared {
    fn deref_mut(&mut self) -> &mut File {
        &mut self.file
    }
}

impl Drop for Unshared {
    fn drop(&mut self) {
        if self.generation != generation() {
            return; // closed when this process was forked
        }
        with_descriptors(|descriptors| {
            descriptors.retain(|descriptor| *descriptor != self.file.as_raw_fd());
            // SAFETY: it is being dropped, and used no more.
            unsafe { ManuallyDrop::drop(&mut self.file) };
        });
    }
}
