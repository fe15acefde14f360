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

/// The word of one room: 0 while its guest may run, else a number below 0 whose lower half is the reason. (In two halves, for
/// machines without atomic numbers of 64 bits. Whoever reads them when half is written sees the rest soon.)
#[derive(Debug, Default)]
#[repr(C, align(8))]
pub struct Stop {
    #[cfg(target_endian = "big")]
    sign: AtomicU32,
    reason: AtomicU32,
    #[cfg(target_endian = "little")]
    sign: AtomicU32,
}

const SIGN: u32 = 1 << 31;

impl Stop {
    /// Asks the guest to stop. The first who asks is the reason.
    pub fn ask(&self, reason: Reason) {
        // Who has been asked already stays asked; either way there is nothing more to do.
        let _ = self.reason.compare_exchange(0, reason as u32, Ordering::Relaxed, Ordering::Relaxed);
        self.sign.store(SIGN, Ordering::Relaxed);
    }

    /// Whether it is to stop, and why.
    #[inline]
    pub fn asked(&self) -> Option<Reason> {
        match self.reason.load(Ordering::Relaxed) {
            0 => None,
            asked if asked == Reason::Deadline as u32 => Some(Reason::Deadline),
            _ => Some(Reason::Cancelled),
        }
    }

    /// Makes ready for a call: nobody knows the word yet.
    pub fn clear(&self) {
        self.reason.store(0, Ordering::Relaxed);
        self.sign.store(0, Ordering::Relaxed);
    }

    /// Where it is, for the code that looks at it.
    pub fn address(&self) -> *mut u8 {
        core::ptr::from_ref(self).cast_mut().cast()
    }
}
