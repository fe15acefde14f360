//! The word that stops a guest, as its code sees it: the beginning of a memory of its own, which wasmtime has made. So there are
//! two words, the room's and this one, and whoever stops the room is told of both.

use crate::stop::{self, Stop};
use alloc::sync::Arc;

/// The word of a guest, which a room's is copied to; dropping ends that.
pub(super) struct Word(Arc<Stop>);

impl Word {
    /// # Safety
    /// At `at` begins the memory of an instance that goes after this; the guest only reads it, atomically.
    pub unsafe fn new(stop: Arc<Stop>, at: *const u8) -> Self {
        // SAFETY: it is the beginning of a page of zeros, which stays until `drop` has made it forgotten.
        stop.keep_copy(unsafe { at.cast::<stop::Word>().as_ref() });
        Word(stop)
    }
}

impl Drop for Word {
    fn drop(&mut self) {
        self.0.keep_copy(None);
    }
}
