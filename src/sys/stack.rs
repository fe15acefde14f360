//! How much is left of the stack of a thread: host functions that call guests again take more of it each time.
//!
//! The bounds of a thread's own stack are asked for once. Who runs elsewhere, such as a coroutine of the host's, is on a stack
//! that nobody here knows the end of: there only the depth is bounded.

use crate::{Error, Result};

/// What a call may need before its host function runs, and what that is left with: with any engine, when it makes an instance
/// and when its guest traps. Measured are 15 KiB for the call; a level takes 5 KiB of it, and 9 on wasmi.
pub(crate) const CALL: usize = 32 << 10;
/// What a host function of bytes, or of WASI, is left with at least: its guest may make several of them run inside one another.
pub(crate) const HOST: usize = 20 << 10;
/// What a load may need where it is asked for. Measured are 85 KiB; compilers have threads of their own, or stacks.
#[cfg(feature = "std")]
pub(crate) const LOAD: usize = 128 << 10;

/// What reading the text format may need: 20 KiB are measured.
#[cfg(feature = "wat")]
pub(crate) const TEXT: usize = 48 << 10;

/// STACK_OVERFLOW unless so many bytes are left, as far as can be known.
#[inline]
pub(crate) fn need(bytes: usize) -> Result<()> {
    if has(bytes) { Ok(()) } else { Err(used_up(bytes)) }
}

#[cold]
fn used_up(bytes: usize) -> Error {
    let kib = bytes >> 10;
    Error::TooDeep(alloc::format!("call stack exhausted: less than {kib} KiB are left of the stack of this thread"))
}

#[cfg(all(feature = "std", any(target_os = "linux", target_os = "android")))]
#[inline]
fn has(bytes: usize) -> bool {
    let here = stack_pointer();
    let own = OWN.get();
    let left = here.wrapping_sub(own.lowest);
    if left < own.len { left >= bytes } else { has_elsewhere(here, bytes) }
}

/// How many bytes are left of the stack that the system gave this thread; 0 where that is not known, on a stack of somebody
/// else's making too. For what can do without where there is little.
#[cfg(feature = "std")]
pub(crate) fn left() -> usize {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return linux::left();
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    0
}

/// Where it cannot be known, only the depth is bounded.
#[cfg(not(all(feature = "std", any(target_os = "linux", target_os = "android"))))]
#[inline]
fn has(_bytes: usize) -> bool {
    true
}

#[cfg(all(feature = "std", any(target_os = "linux", target_os = "android")))]
use linux::{OWN, has_elsewhere, stack_pointer};

#[cfg(all(feature = "std", any(target_os = "linux", target_os = "android")))]
mod linux {
    use std::cell::Cell;

    /// The part of a thread's own stack that can be used.
    #[derive(Clone, Copy)]
    pub(super) struct Own {
        pub lowest: usize,
        /// 0 while it was not asked for, and where that has failed.
        pub len: usize,
        asked: bool,
    }

    std::thread_local! {
        pub(super) static OWN: Cell<Own> = const { Cell::new(Own { lowest: 0, len: 0, asked: false }) };
    }

    /// On a stack that is not the thread's own, or the first time.
    #[cold]
    pub(super) fn has_elsewhere(here: usize, bytes: usize) -> bool {
        if OWN.get().asked {
            return true;
        }
        let own = ask();
        OWN.set(own);
        let left = here.wrapping_sub(own.lowest);
        left >= own.len || left >= bytes
    }

    pub(super) fn left() -> usize {
        let here = stack_pointer();
        has_elsewhere(here, 0); // asks
        let own = OWN.get();
        let left = here.wrapping_sub(own.lowest);
        if left < own.len { left } else { 0 }
    }

    fn ask() -> Own {
        let unknown = Own { lowest: 0, len: 0, asked: true };
        // SAFETY: attributes are plain bytes, which the first call fills and the last one gives back; the outputs are ours.
        unsafe {
            let mut attributes = core::mem::zeroed();
            if libc::pthread_getattr_np(libc::pthread_self(), &mut attributes) != 0 {
                return unknown;
            }
            let (mut lowest, mut len, mut guard) = (core::ptr::null_mut(), 0, 0);
            let known = libc::pthread_attr_getstack(&attributes, &mut lowest, &mut len) == 0
                && libc::pthread_attr_getguardsize(&attributes, &mut guard) == 0;
            libc::pthread_attr_destroy(&mut attributes);
            // Some libraries count the pages below that cannot be touched, and some do not.
            if known && len > guard { Own { lowest: lowest.addr() + guard, len: len - guard, asked: true } } else { unknown }
        }
    }

    /// Not the address of a variable, which sanitizers keep elsewhere.
    #[inline]
    pub(super) fn stack_pointer() -> usize {
        let here: usize;
        #[cfg(target_arch = "x86_64")]
        // SAFETY: it reads a register.
        unsafe {
            core::arch::asm!("mov {}, rsp", out(reg) here, options(nomem, nostack, preserves_flags));
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: it reads a register.
        unsafe {
            core::arch::asm!("mov {}, sp", out(reg) here, options(nomem, nostack, preserves_flags));
        }
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        {
            let variable = 0_u8;
            here = core::hint::black_box(&raw const variable).addr();
        }
        here
    }
}

#[cfg(all(test, feature = "std", any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;

    fn on_a_stack_of<T: Send + 'static>(bytes: usize, f: impl FnOnce() -> T + Send + 'static) -> T {
        let thread = std::thread::Builder::new().stack_size(bytes).spawn(f).expect("there is a thread");
        thread.join().expect("it does not panic")
    }

    #[test]
    fn a_thread_has_about_the_stack_that_it_was_given() {
        assert!(on_a_stack_of(1 << 20, || has(900 << 10) && !has(1 << 20)));
        assert!(on_a_stack_of(128 << 10, || has(64 << 10) && !has(128 << 10)));
    }

    #[test]
    fn what_is_in_use_is_not_left() {
        #[inline(never)]
        fn with_less() -> bool {
            let used = [1_u8; 600 << 10];
            core::hint::black_box(&used);
            let has = has(512 << 10);
            core::hint::black_box(&used);
            has
        }
        assert!(on_a_stack_of(1 << 20, || has(512 << 10) && !with_less()));
    }

    #[test]
    fn what_is_left_is_known_in_bytes() {
        let left = on_a_stack_of(1 << 20, left);
        assert!((900 << 10..(1 << 20) + (256 << 10)).contains(&left), "{left}");
    }

    #[test]
    fn a_thread_that_is_refused_is_told_how_much_there_should_be() {
        let error = on_a_stack_of(256 << 10, || need(1 << 20).expect_err("there is not so much"));
        assert_eq!(error.status(), crate::Status::StackOverflow);
        assert!(error.to_string().contains("1024 KiB"));
    }
}
