//! What belongs to one process: a forked child finds its parent's locks as they were, and those that other threads held will
//! never be let go of.

use super::fork;
use alloc::boxed::Box;
use core::convert::Infallible;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

/// Something that each process has one of its own of. A child makes its own when it first asks, and leaves its parent's alone.
#[derive(Debug)]
pub(crate) struct OfProcess<T> {
    generation: u64,
    value: T,
    /// A forked child's, which has its children's in turn. Never changes once it is there.
    of_child: AtomicPtr<OfProcess<T>>,
}

impl<T: Send + Sync> OfProcess<T> {
    /// This process's.
    pub fn new(value: T) -> Self {
        Self::of(fork::generation(), value)
    }

    /// Of the process that has loaded the library.
    #[cfg(feature = "std")]
    pub const fn of_the_first(value: T) -> Self {
        Self::of(0, value)
    }

    const fn of(generation: u64, value: T) -> Self {
        OfProcess { generation, value, of_child: AtomicPtr::new(ptr::null_mut()) }
    }

    /// The one of this process, which is made if it has none yet.
    pub fn get(&self, make: impl FnOnce() -> T) -> &T {
        self.get_like(|_| make())
    }

    /// The same; it is made from that of the process that this one was forked from.
    pub fn get_like(&self, make: impl FnOnce(&T) -> T) -> &T {
        let Ok(value) = self.try_get(|of_parent| Ok::<_, Infallible>(make(of_parent)));
        value
    }

    /// The same, when it cannot always be made.
    pub fn try_get<E>(&self, make: impl FnOnce(&T) -> Result<T, E>) -> Result<&T, E> {
        let mut last = self;
        while last.generation != fork::generation() {
            match last.child() {
                Some(child) => last = child,
                None => return last.make_child(make(&last.value)?).map(|child| &child.value),
            }
        }
        Ok(&last.value)
    }

    fn child(&self) -> Option<&OfProcess<T>> {
        // SAFETY: only boxes are put there, and they stay until this one is dropped.
        unsafe { self.of_child.load(Ordering::Acquire).as_ref() }
    }

    fn make_child<E>(&self, value: T) -> Result<&OfProcess<T>, E> {
        let made = Box::into_raw(Box::new(OfProcess::new(value)));
        let put = self.of_child.compare_exchange(ptr::null_mut(), made, Ordering::AcqRel, Ordering::Acquire);
        // SAFETY: as above; and nobody has seen ours if another thread was first.
        unsafe {
            Ok(match put {
                Ok(_) => &*made,
                Err(theirs) => {
                    drop(Box::from_raw(made));
                    &*theirs
                }
            })
        }
    }
}

impl<T> Drop for OfProcess<T> {
    fn drop(&mut self) {
        let child = *self.of_child.get_mut();
        if !child.is_null() {
            // SAFETY: it came from a box, and nobody else has it.
            drop(unsafe { Box::from_raw(child) });
        }
    }
}

impl<T: Default + Send + Sync> Default for OfProcess<T> {
    fn default() -> Self {
        OfProcess::new(T::default())
    }
}

/// Something that is dropped only in the process that made it: in a forked child it stays, because it may hold what its parent's
/// threads had locked, or are still using.
#[cfg(feature = "wasmtime")]
pub(crate) struct MadeHere<T> {
    generation: u64,
    value: core::mem::ManuallyDrop<T>,
}

#[cfg(feature = "wasmtime")]
impl<T> MadeHere<T> {
    pub fn new(value: T) -> Self {
        MadeHere { generation: fork::generation(), value: core::mem::ManuallyDrop::new(value) }
    }
}

#[cfg(feature = "wasmtime")]
impl<T> core::ops::Deref for MadeHere<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

#[cfg(feature = "wasmtime")]
impl<T> core::ops::DerefMut for MadeHere<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

#[cfg(feature = "wasmtime")]
impl<T> Drop for MadeHere<T> {
    fn drop(&mut self) {
        if self.generation == fork::generation() {
            // SAFETY: it is being dropped, and used no more.
            unsafe { core::mem::ManuallyDrop::drop(&mut self.value) };
        }
    }
}

/// The use of what all processes have in common. Nothing in a forked child when a thread of its parent held the lock at that
/// moment. What these locks are for takes no time, so that a short while is long enough to know.
#[cfg(feature = "std")]
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> Option<std::sync::MutexGuard<'_, T>> {
    use std::sync::{PoisonError, TryLockError};
    if fork::generation() == 0 {
        return Some(mutex.lock().unwrap_or_else(PoisonError::into_inner));
    }
    for _ in 0..50 {
        match mutex.try_lock() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(core::time::Duration::from_millis(1)),
        }
    }
    None
}
