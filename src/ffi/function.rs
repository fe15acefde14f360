//! Functions: exports of a guest, looked up and type-checked once.

use super::boundary;
use super::buffer::hostel_buffer;
use super::call_options::{self, hostel_call_options};
use super::error::hostel_error;
use super::guest::hostel_guest;
use super::status::hostel_status;
use crate::call;
use crate::guest::Guest;
use core::ffi::c_char;
use std::sync::Arc;

/// A function of a guest. Made by hostel_guest_function(), released by hostel_function_free().
/// Any number of threads may call one function at the same time.
pub struct hostel_function {
    pub(super) guest: Arc<Guest>,
    pub(super) export: usize,
}

/// Looks up a function of a guest, so that calls of it need not.
///
/// On success `*function_out` is yours: release it with hostel_function_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `guest`, `name` or `function_out` is NULL, or `name` is not UTF-8;
///         HOSTEL_STATUS_NO_SUCH_FUNCTION if the guest exports no function of this name;
///         HOSTEL_STATUS_BAD_ABI          if the function has another type than the ABI's, or is one that the ABI itself calls,
///                                        such as its allocator or `_initialize`.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_guest_function(
    guest: *const hostel_guest,
    name: *const c_char,
    function_out: *mut *mut hostel_function,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe {
        boundary::produce(function_out, "function_out", error_out, || {
            let guest = boundary::borrow("guest", guest)?.inner.clone();
            let export = guest.function(boundary::text("name", name)?)?;
            Ok(hostel_function { guest, export })
        })
    }
}

/// Looks up a function of plain values, such as `add(i32, i32) -> i32`, for the functions that end in `_values`.
///
/// On success `*function_out` is yours: release it with hostel_function_free(). `error_out` may be NULL.
///
/// Returns what hostel_guest_function() returns; HOSTEL_STATUS_BAD_ABI if the function has other than plain values. Functions that
/// the ABI itself calls, such as its allocator, are not offered by messages, but found: call them if you know what you do.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_guest_value_function(
    guest: *const hostel_guest,
    name: *const c_char,
    function_out: *mut *mut hostel_function,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce(function_out, "function_out", error_out, || {
            let guest = boundary::borrow("guest", guest)?.inner.clone();
            let export = guest.value_function(boundary::text("name", name)?)?;
            Ok(hostel_function { guest, export })
        })
    }
}

/// Calls a function: as hostel_guest_call(), without looking it up.
///
/// Returns what hostel_guest_call() returns, except HOSTEL_STATUS_NO_SUCH_FUNCTION.
/// Thread-safe. Runs as long as the guest does, and calls the host functions that the guest calls.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_function_call(
    function: *const hostel_function,
    input: *const u8,
    input_len: usize,
    options: *mut hostel_call_options,
    output_out: *mut hostel_buffer,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce_bytes(output_out, "output_out", error_out, || {
            let function = boundary::borrow("function", function)?;
            let input = boundary::bytes("input", input, input_len)?;
            call_options::with(options, |options| call::fresh(&function.guest, function.export, input, options))
        })
    }
}

/// Calls a function of plain values: as hostel_guest_call_values(), without looking it up.
///
/// Returns what hostel_guest_call_values() returns, except HOSTEL_STATUS_NO_SUCH_FUNCTION.
/// Thread-safe. Runs as long as the guest does, and calls the host functions that the guest calls.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_function_call_values(
    function: *const hostel_function,
    values: *mut u64,
    values_len: usize,
    options: *mut hostel_call_options,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let function = boundary::borrow("function", function)?;
            let values = boundary::values_mut("values", values, values_len)?;
            call_options::with(options, |options| call::fresh_values(&function.guest, function.export, values, options))
        })
    }
}

/// Frees a function. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_function_free(function: *mut hostel_function) {
    // SAFETY: see above.
    unsafe { boundary::free(function) }
}
