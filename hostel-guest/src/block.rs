//! Blocks: bytes that change hands between guest and host. A block is what a `Vec` without spare room owns.

use alloc::alloc::{Layout, alloc};
use alloc::vec::Vec;
use core::{mem::ManuallyDrop, ptr};

/// What the host calls to get a block of `len` bytes into which it writes. NULL when there is no room.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn hostel_alloc(len: usize) -> *mut u8 {
    match Layout::array::<u8>(len) {
        // SAFETY: the layout is not empty.
        Ok(layout) if len > 0 => unsafe { alloc(layout) },
        _ => ptr::null_mut(),
    }
}

/// What the host calls to give a block back.
///
/// # Safety
/// `ptr` and `len` are those of a block that nobody else gives back, or `len` is 0.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub unsafe extern "C" fn hostel_free(ptr: *mut u8, len: usize) {
    // SAFETY: as our caller promises.
    drop(unsafe { take(ptr, len) });
}

/// Makes a `Vec` of a block.
///
/// # Safety
/// As for [`hostel_free`]: from now on the bytes are the `Vec`'s.
pub(crate) unsafe fn take(ptr: *mut u8, len: usize) -> Vec<u8> {
    if len == 0 {
        return Vec::new();
    }
    // SAFETY: a block was allocated with exactly this length and no alignment.
    unsafe { Vec::from_raw_parts(ptr, len, len) }
}

/// Makes a block of a `Vec`, without copying when it has no spare room. (NULL, 0) when it is empty.
pub(crate) fn give(bytes: Vec<u8>) -> (*mut u8, usize) {
    if bytes.is_empty() {
        return (ptr::null_mut(), 0);
    }
    let mut block = ManuallyDrop::new(bytes.into_boxed_slice());
    (block.as_mut_ptr(), block.len())
}

#[cfg(test)]
mod tests {
    use super::{give, hostel_alloc, hostel_free, take};
    use alloc::vec::Vec;

    #[test]
    fn what_was_given_can_be_taken() {
        let mut bytes = Vec::with_capacity(100); // spare room, which a block must not have
        bytes.extend_from_slice(b"bytes");
        let (ptr, len) = give(bytes);
        assert_eq!(len, 5);
        // SAFETY: the block was just made.
        assert_eq!(unsafe { take(ptr, len) }, b"bytes");
    }

    #[test]
    fn the_host_can_fill_a_block_and_free_one() {
        let ptr = hostel_alloc(3);
        // SAFETY: the block has three bytes, and each block is given back once.
        unsafe {
            ptr.copy_from_nonoverlapping(b"abc".as_ptr(), 3);
            assert_eq!(take(ptr, 3), b"abc");
            hostel_free(hostel_alloc(9), 9);
        }
    }

    #[test]
    fn empty_is_null_and_can_be_freed() {
        assert!(hostel_alloc(0).is_null());
        assert_eq!(give(Vec::with_capacity(10)), (core::ptr::null_mut(), 0));
        // SAFETY: there is nothing to free.
        unsafe { hostel_free(core::ptr::null_mut(), 0) };
    }

    #[test]
    fn too_much_is_null() {
        assert!(hostel_alloc(usize::MAX).is_null());
    }
}
