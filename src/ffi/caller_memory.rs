//! Callers' memory: what a host function does with the memory of the guest that called it.

use super::boundary;
use super::caller::{hostel_caller, with_caller};
use super::error::hostel_error;
use super::status::hostel_status;
use crate::room;

/// Copies bytes out of the guest's memory, for host functions that get addresses.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `caller` is NULL, `data` is NULL with a length, or the bytes are not all
///                                        inside the memory.
/// Only inside a host function, with its `caller`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_caller_memory_read(
    caller: *mut hostel_caller,
    address: u64,
    data: *mut u8,
    len: usize,
) -> hostel_status {
    // SAFETY: the pointer rules at the top of hostel.h, here and below; the header says that a caller is used only inside the
    // function that got it.
    unsafe {
        boundary::run(core::ptr::null_mut(), || {
            let data = boundary::bytes_mut("data", data, len)?;
            with_caller(caller, |caller| room::read_memory(caller.memory(), address, data))
        })
    }
}

/// Copies bytes into the guest's memory, for host functions that get addresses.
///
/// Returns what hostel_caller_memory_read() returns.
/// Only inside a host function, with its `caller`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_caller_memory_write(
    caller: *mut hostel_caller,
    address: u64,
    data: *const u8,
    len: usize,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(core::ptr::null_mut(), || {
            let data = boundary::bytes("data", data, len)?;
            with_caller(caller, |caller| room::write_memory(caller.memory(), address, data))
        })
    }
}

/// How many bytes the guest's memory has now; 0 when it exports none, and for NULL. Addresses below are inside.
/// Only inside a host function, with its `caller`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_caller_memory_size(caller: *mut hostel_caller) -> u64 {
    // SAFETY: see above.
    unsafe { with_caller(caller, |caller| Ok(caller.memory().len() as u64)) }.unwrap_or(0)
}

/// Asks the guest's allocator, the one of its ABI, for a block of `len` bytes, which then belongs to the guest: for host
/// functions that leave more than an answer in the guest's memory. Fill it with hostel_caller_memory_write(), and tell the guest
/// where it is.
///
/// On success `*address_out` is where the block begins in the guest's memory; for no bytes it may be 0. On failure it is 0.
/// `error_out` may be NULL. The `input` of the host function stays valid.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `caller` or `address_out` is NULL;
///         HOSTEL_STATUS_BAD_ABI          if the guest's ABI has no allocator ("command", or none), or the guest's gives no block
///                                        or one outside of its memory;
///         HOSTEL_STATUS_OUT_OF_RESOURCES if the block would be larger than a guest can have;
///         HOSTEL_STATUS_MEMORY_LIMIT     if the guest found no memory within the limit;
///         HOSTEL_STATUS_STACK_OVERFLOW   if the allocator calls the host, which allocates, and so on;
///         what a call returns            if the allocator traps, uses the call's fuel or time up, or a host function that it
///                                        calls fails.
/// After an error that says hostel_error_maybe_corrupt(), or with which the allocator was stopped half-way, the guest's call ends
/// with that error when the host function returns, whatever it returns.
/// Only inside a host function, with its `caller`. Runs as long as the guest's allocator does.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_caller_allocate(
    caller: *mut hostel_caller,
    len: usize,
    address_out: *mut u64,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe { boundary::fill(address_out, "address_out", 0, error_out, || with_caller(caller, |caller| caller.allocate(len))) }
}

/// Gives a block of the guest's memory back to the guest's allocator: one that hostel_caller_allocate() made, or that the guest
/// gave the host function to keep. Which blocks those are is for guest and host to agree on; the guest's allocator is told
/// whatever stands here.
///
/// `address` and `len` are those of the block. `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `caller` is NULL, or the bytes are not all inside the memory;
///         HOSTEL_STATUS_BAD_ABI          if the guest's ABI has no allocator ("command", or none);
///         otherwise what hostel_caller_allocate() returns, and the guest's call ends as described there.
/// Only inside a host function, with its `caller`. Runs as long as the guest's allocator does.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_caller_deallocate(
    caller: *mut hostel_caller,
    address: u64,
    len: usize,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe { boundary::run(error_out, || with_caller(caller, |caller| caller.deallocate(address, len))) }
}
