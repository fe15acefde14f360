//! Call options: what a host may say about a call.

use super::boundary;
use super::engine::hostel_limit;
use super::error::hostel_error;
use super::status::hostel_status;
use crate::Result;
use crate::call::Options;
use crate::limits::Limit;
use core::ffi::c_void;
use core::sync::atomic::AtomicPtr;
use std::sync::Mutex;

/// Options of calls. Made by hostel_call_options_new(), released by hostel_call_options_free().
/// They serve one call at a time and may be used again for the next; using or changing them meanwhile is BUSY.
pub struct hostel_call_options {
    inner: Mutex<Options>,
}

/// Runs `f` with the options, held for the call; with the defaults when there are none.
///
/// # Safety
/// `options` is null or a live handle.
pub(super) unsafe fn with<T>(options: *mut hostel_call_options, f: impl FnOnce(&Options) -> Result<T>) -> Result<T> {
    // SAFETY: the caller's promise.
    match unsafe { boundary::borrow_optional(options) } {
        Some(options) => f(&*boundary::exclusive("options", &options.inner)?),
        None => f(&Options::default()),
    }
}

/// Makes options with the default of everything.
///
/// On success `*options_out` is yours: release it with hostel_call_options_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `options_out` is NULL.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_call_options_new(
    options_out: *mut *mut hostel_call_options,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    let new = || Ok(hostel_call_options { inner: Mutex::default() });
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe { boundary::produce(options_out, "options_out", error_out, new) }
}

/// Sets what host functions get from hostel_caller_context() during calls with these options; it is never looked at.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `options` is NULL;
///         HOSTEL_STATUS_BUSY             if a call uses them.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_call_options_set_context(
    options: *mut hostel_call_options,
    context: *mut c_void,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let options = boundary::borrow("options", options)?;
            boundary::exclusive("options", &options.inner)?.context = AtomicPtr::new(context);
            Ok(())
        })
    }
}

/// Lowers a limit for calls with these options: HOSTEL_LIMIT_MEMORY_BYTES or HOSTEL_LIMIT_OUTPUT_BYTES. A value above
/// the engine's own limit has no effect.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `options` is NULL, `limit` cannot be set for a call, or `value` is out of bounds;
///         HOSTEL_STATUS_BUSY             if a call uses them.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_call_options_set_limit(
    options: *mut hostel_call_options,
    limit: hostel_limit,
    value: u64,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let options = boundary::borrow("options", options)?;
            let limit = Limit::from_number(limit)?;
            boundary::exclusive("options", &options.inner)?.set_limit(limit, value)
        })
    }
}

/// Frees options. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_call_options_free(options: *mut hostel_call_options) {
    // SAFETY: see above.
    unsafe { boundary::free(options) }
}
