//! How much stack a thread has left, so that what needs some can do without where there is little.

use core::cell::Cell;
use core::ops::Range;

std::thread_local! {
    /// Where the stack lies that the system gave the thread; asked once.
    static PLACE: Cell<Option<Range<usize>>> = const { Cell::new(None) };
}

/// How many bytes are left of the stack that the system gave this thread; 0 where that is not known, on a stack of somebody
/// else's making too.
#[inline(never)]
pub(crate) fn left() -> usize {
    let here = core::ptr::from_ref(&core::hint::black_box(0u8)).addr();
    let place = PLACE.take().unwrap_or_else(|| place().unwrap_or(0..0));
    let left = if place.contains(&here) { here - place.start } else { 0 };
    PLACE.set(Some(place));
    left
}

#[cfg(target_os = "linux")]
fn place() -> Option<Range<usize>> {
    let mut attributes = core::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut lowest, mut bytes) = (core::ptr::null_mut(), 0);
    // SAFETY: the attributes are written before they are read, and let go of once.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let told = libc::pthread_attr_getstack(attributes.as_ptr(), &mut lowest, &mut bytes);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        if told != 0 {
            return None;
        }
    }
    Some(lowest.addr()..lowest.addr().checked_add(bytes)?)
}

#[cfg(not(target_os = "linux"))]
fn place() -> Option<Range<usize>> {
    None
}

#[cfg(test)]
mod tests {
    use super::left;

    fn deeper(levels: usize) -> usize {
        let frame = core::hint::black_box([0u8; 4096]);
        if levels == 0 { left() } else { deeper(levels - 1).min(usize::from(frame[0]).wrapping_sub(1)) }
    }

    #[test]
    fn it_is_what_the_thread_was_given_less_what_is_used() {
        let thread = std::thread::Builder::new().stack_size(1 << 20);
        let measured = thread.spawn(|| (left(), deeper(10))).expect("a thread").join().expect("no panic");
        assert!((512 << 10..(1 << 20) + (256 << 10)).contains(&measured.0), "{measured:?}");
        assert!(measured.0 - measured.1 >= 10 * 4096, "{measured:?}");
    }
}
