//! Guests: modules linked with their imports, ready to be called.

use super::boundary;
use super::boundary::callback::c_text;
use super::buffer::hostel_buffer;
use super::call_options::{self, hostel_call_options};
use super::error::hostel_error;
use super::guest_options::hostel_guest_options;
use super::imports::hostel_imports;
use super::module::hostel_module;
use super::status::hostel_status;
use crate::Result;
use crate::abi::{Abi, START};
use crate::guest::Guest;
use crate::host::Imports;
use core::ffi::c_char;
use std::ffi::CString;
use std::sync::Arc;

/// A guest. Made by hostel_guest_new(), released by hostel_guest_free().
/// Any number of threads may call one guest at the same time.
pub struct hostel_guest {
    pub(super) inner: Arc<Guest>,
    abi: CString,
}

/// Links a module with what it may reach. Runs nothing of the guest yet.
///
/// `imports` NULL means that the guest may reach nothing; otherwise it is frozen when this succeeds. `options` may be NULL.
/// On success `*guest_out` is yours: release it with hostel_guest_free(). On failure it is NULL.
/// `error_out` may be NULL; otherwise it receives NULL on success, else an error to release with hostel_error_free().
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `module` or `guest_out` is NULL;
///         HOSTEL_STATUS_LINK_ERROR       if imports are missing or of another type; the message names them all;
///         HOSTEL_STATUS_BAD_ABI          if the guest lacks what its ABI needs, such as an allocator.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_guest_new(
    module: *const hostel_module,
    imports: *const hostel_imports,
    options: *const hostel_guest_options,
    guest_out: *mut *mut hostel_guest,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce(guest_out, "guest_out", error_out, || {
            let module = &boundary::borrow("module", module)?.inner;
            let options = boundary::borrow_optional(options);
            let abi = options.and_then(|options| options.abi);
            let rooms = options.map(|options| options.rooms.clone()).unwrap_or_default();
            let guest = match boundary::borrow_optional(imports) {
                Some(imports) => {
                    boundary::shared(&imports.inner).freeze_for(|imports| Guest::new(module, imports, abi, rooms))?
                }
                None => Guest::new(module, &Imports::default(), abi, rooms)?,
            };
            Ok(hostel_guest { abi: c_text(guest.abi().map_or("none", Abi::name)), inner: Arc::new(guest) })
        })
    }
}

/// Calls a function of a guest by name: bytes in, bytes out. The call has an instance of its own, as new.
///
/// A `function` of NULL runs a program of WASI: `input` is its standard input, `*output_out` is what it writes to its standard output.
///
/// `input` is read during the call and not kept; it may be NULL when `input_len` is 0. `options` may be NULL.
/// On success `*output_out` is yours: release it with hostel_buffer_free(). On failure it is empty.
/// `error_out` may be NULL; otherwise it receives NULL on success, else an error to release with hostel_error_free().
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `guest` or `output_out` is NULL, or `input` is NULL with a length;
///         HOSTEL_STATUS_BUSY             if `options` are in use by another call, or no room was free in time
///                                        (hostel_guest_options_set_rooms_max());
///         HOSTEL_STATUS_LIMIT_NOT_COMPILED if a limit of `options` is not compiled into the guest;
///         HOSTEL_STATUS_DEADLINE         if its time was over, or its start took too long (HOSTEL_LIMIT_START_MS);
///         HOSTEL_STATUS_CANCELLED        if a token of `options` was triggered;
///         HOSTEL_STATUS_OUT_OF_FUEL      if its fuel was used up;
///         HOSTEL_STATUS_NO_SUCH_FUNCTION if the guest exports no such function, or `function` is NULL and it is no program;
///         HOSTEL_STATUS_BAD_ABI          if the function has another type than the ABI's, or the guest hands out
///                                        pointers outside its memory;
///         HOSTEL_STATUS_GUEST_ERROR      if the guest said no; its bytes are the error's payload;
///         HOSTEL_STATUS_HOST_ERROR       if a host function ended the call;
///         HOSTEL_STATUS_EXIT             if the guest ended itself: hostel_error_exit_code() is its code, the error's payload what a
///                                        program wrote until then (a program that ends with 0 has succeeded);
///         HOSTEL_STATUS_TRAP             if the guest trapped, in its start or in the call;
///         HOSTEL_STATUS_STACK_OVERFLOW   if its stack is exhausted, or calls lie too deep inside one another;
///         HOSTEL_STATUS_MEMORY_LIMIT     if it needed more memory than allowed;
///         HOSTEL_STATUS_OUTPUT_TOO_LARGE if the output is over its limit;
///         HOSTEL_STATUS_OUT_OF_RESOURCES if the system has no memory for the instance.
/// Where several are true, the first of DEADLINE, CANCELLED, OUT_OF_FUEL is told (of the two, what came first), then the rest.
/// Thread-safe. Runs as long as the guest does, and calls the host functions that the guest calls.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_guest_call(
    guest: *const hostel_guest,
    function: *const c_char,
    input: *const u8,
    input_len: usize,
    options: *mut hostel_call_options,
    output_out: *mut hostel_buffer,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce_bytes(output_out, "output_out", error_out, || {
            let guest = &boundary::borrow("guest", guest)?.inner;
            let function = function_name(function)?;
            let input = boundary::bytes("input", input, input_len)?;
            call_options::with(options, |options| guest.call(function, input, options))
        })
    }
}

/// Calls a function of plain values by name, such as `add(i32, i32) -> i32`, in an instance of its own.
///
/// `values` holds the parameters, one each: integers as they are, floats as their bits, 32-bit values in the low half (the
/// high half does not count). The results go to the same place, from the start, with zero in unused halves. It needs
/// room for `values_len` values, at least as many as the larger of parameters and results; on failure it is not changed
/// in any way you can rely on. `options` and `error_out` may be NULL.
///
/// Returns what hostel_guest_call() returns, but for its output;
///         HOSTEL_STATUS_INVALID_ARGUMENT also if `values_len` is too small;
///         HOSTEL_STATUS_BAD_ABI          if the function has other than plain values.
/// Thread-safe. Runs as long as the guest does, and calls the host functions that the guest calls.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_guest_call_values(
    guest: *const hostel_guest,
    function: *const c_char,
    values: *mut u64,
    values_len: usize,
    options: *mut hostel_call_options,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let guest = &boundary::borrow("guest", guest)?.inner;
            let function = function_name(function)?;
            let values = boundary::values_mut("values", values, values_len)?;
            call_options::with(options, |options| guest.call_values(function, values, options))
        })
    }
}

/// The name of the function to call. NULL stands for the program itself.
pub(super) unsafe fn function_name<'a>(function: *const c_char) -> Result<&'a str> {
    // SAFETY: see above.
    Ok(unsafe { boundary::text_optional("function", function) }?.unwrap_or(START))
}

/// The ABI a guest speaks, such as "hostel"; "none" when it is none we know, NULL for NULL. The string lives as long
/// as the guest. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_guest_abi(guest: *const hostel_guest) -> *const c_char {
    // SAFETY: see above.
    unsafe { boundary::borrow_optional(guest) }.map_or(core::ptr::null(), |guest| guest.abi.as_ptr())
}

/// Lets go of a guest; functions and instances made from it keep what they need. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_guest_free(guest: *mut hostel_guest) {
    // SAFETY: see above.
    unsafe { boundary::free(guest) }
}
