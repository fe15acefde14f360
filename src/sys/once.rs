//! A place that is filled once. Nobody waits for who fills it, who may be a thread that a forked child does not have.

use alloc::boxed::Box;
use core::marker::PhantomData;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

/// Empty, or for ever what was put there first.
pub(crate) struct Once<T> {
    place: AtomicPtr<T>,
    owns: PhantomData<Box<T>>,
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Once::new()
    }
}

impl<T> Once<T> {
    /// An empty one.
    pub const fn new() -> Self {
        Once { place: AtomicPtr::new(ptr::null_mut()), owns: PhantomData }
    }
}

impl<T: Send + Sync> Once<T> {
    /// What is there.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        // SAFETY: only boxes are put there, and they stay until this is dropped.
        unsafe { self.place.load(Ordering::Acquire).as_ref() }
    }

    /// Fills it, unless it is full; what is there then, and whether it is this.
    pub fn fill(&self, value: T) -> (&T, bool) {
        let ours = Box::into_raw(Box::new(value));
        let put = self.place.compare_exchange(ptr::null_mut(), ours, Ordering::AcqRel, Ordering::Acquire);
        // SAFETY: as above; and nobody has seen ours if another was first.
        unsafe {
            match put {
                Ok(_) => (&*ours, true),
                Err(theirs) => {
                    drop(Box::from_raw(ours));
                    (&*theirs, false)
                }
            }
        }
    }
}

impl<T> Drop for Once<T> {
    fn drop(&mut self) {
        let there = *self.place.get_mut();
        if !there.is_null() {
            // SAFETY: it came from a box, and nobody else has it.
            drop(unsafe { Box::from_raw(there) });
        }
    }
}
