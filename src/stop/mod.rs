//! Stopping a guest from outside: the word that its code looks at, and who may write to it.
//!
//! A room has one word. While a call runs in it, the timer and the cancel tokens that the call was given may write to the
//! word; they forget it before the call ends. So what they write stops this call and no other.

#[cfg(feature = "std")]
mod cancel;
#[cfg(feature = "std")]
pub mod timer;

#[cfg(feature = "std")]
pub use cancel::{Attached, Cancel};

use core::sync::atomic::{AtomicU32, Ordering};

/// Why a guest is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Reason {
    /// Its time is over.
    Deadline = 1,
    /// Somebody does not want it any more.
    Cancelled = 2,
}

/// A word: 0 while the guest may run, else a number below 0 whose lower half is the reason. (In two halves, for machines without
/// atomic numbers of 64 bits. Whoever reads them when half is written sees the rest soon.)
#[derive(Debug, Default)]
#[repr(C, align(8))]
pub struct Word {
    #[cfg(target_endian = "big")]
    sign: AtomicU32,
    reason: AtomicU32,
    #[cfg(target_endian = "little")]
    sign: AtomicU32,
}

const SIGN: u32 = 1 << 31;

impl Word {
    fn ask(&self, reason: u32) {
        // Who has been asked already stays asked; either way there is nothing more to do.
        let _ = self.reason.compare_exchange(0, reason, Ordering::Relaxed, Ordering::Relaxed);
        self.sign.store(SIGN, Ordering::Relaxed);
    }

    fn clear(&self) {
        self.reason.store(0, Ordering::Relaxed);
        self.sign.store(0, Ordering::Relaxed);
    }
}

/// The word of one room, and what stops its guest.
#[derive(Debug, Default)]
#[repr(C, align(8))]
pub struct Stop {
    word: Word,
    #[cfg(feature = "wasmtime")]
    copy: copy::Copy,
}

impl Stop {
    /// Asks the guest to stop. The first who asks is the reason.
    pub fn ask(&self, reason: Reason) {
        self.word.ask(reason as u32);
        #[cfg(feature = "wasmtime")]
        self.copy.with(|copy| copy.ask(reason as u32));
    }

    /// Whether it is to stop, and why.
    #[inline]
    pub fn asked(&self) -> Option<Reason> {
        match self.word.reason.load(Ordering::Relaxed) {
            0 => None,
            asked if asked == Reason::Deadline as u32 => Some(Reason::Deadline),
            _ => Some(Reason::Cancelled),
        }
    }

    /// Makes ready for a call: nobody knows the word yet.
    #[inline]
    pub fn clear(&self) {
        #[cfg(feature = "wasmtime")]
        if self.asked().is_some() {
            self.copy.with(Word::clear);
        }
        self.word.clear();
    }

    /// Where it is, for code that looks at it.
    pub fn address(&self) -> *mut u8 {
        core::ptr::from_ref(&self.word).cast_mut().cast()
    }

    /// Keeps a copy of the word where the guest's code looks, from now on; or none any more: then nobody writes there.
    #[cfg(feature = "wasmtime")]
    pub fn keep_copy(&self, at: Option<&'static Word>) {
        self.copy.set(at);
        if let Some(reason) = self.asked() {
            self.copy.with(|copy| copy.ask(reason as u32));
        }
    }
}

/// For an engine that lets nobody say where a guest's memory lies.
#[cfg(feature = "wasmtime")]
mod copy {
    use super::Word;
    use std::sync::{Mutex, PoisonError};

    #[derive(Debug, Default)]
    pub(super) struct Copy(Mutex<Option<&'static Word>>);

    impl Copy {
        pub fn set(&self, at: Option<&'static Word>) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
        }

        /// Under the lock: who sets it waits until nobody writes there any more.
        pub fn with(&self, f: impl FnOnce(&Word)) {
            if let Some(word) = *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
                f(word);
            }
        }
    }
}

#[cfg(all(test, feature = "wasmtime"))]
mod tests {
    use super::*;
    use alloc::boxed::Box;

    fn is_set(word: &Word) -> bool {
        word.sign.load(Ordering::Relaxed) != 0 && word.reason.load(Ordering::Relaxed) != 0
    }

    #[test]
    fn a_copy_is_what_the_word_is_as_long_as_it_is_kept() {
        let (stop, copy): (Stop, &'static Word) = (Stop::default(), Box::leak(Box::default()));
        stop.keep_copy(Some(copy));
        assert!(!is_set(copy));
        stop.ask(Reason::Deadline);
        assert!(is_set(copy));
        stop.clear();
        assert!(!is_set(copy));
        stop.keep_copy(None);
        stop.ask(Reason::Cancelled);
        assert!(!is_set(copy));
        stop.keep_copy(Some(copy)); // asked before it is there
        assert!(is_set(copy));
    }
}
