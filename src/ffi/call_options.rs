//! Call options: what a host may say about a call.

use super::boundary;
use super::cancel::hostel_cancel;
use super::engine::hostel_limit;
use super::error::hostel_error;
use super::status::{HOSTEL_UNLIMITED, hostel_status};
use crate::Result;
use crate::call::Options;
use crate::limits::Limit;
use crate::report::Slot;
use core::ffi::c_void;
use core::sync::atomic::AtomicPtr;
use std::sync::Mutex;
use std::time::Duration;

/// Options of calls. Made by hostel_call_options_new(), released by hostel_call_options_free().
/// They serve one call at a time and may be used again for the next; using or changing them meanwhile is BUSY.
pub struct hostel_call_options {
    pub(super) inner: Mutex<Options>,
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
    let new = || Ok(hostel_call_options { inner: Mutex::new(Options { report: Some(Slot::default()), ..Options::default() }) });
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
    unsafe { change(options, error_out, |options| options.context = AtomicPtr::new(context)) }
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

/// Gives fuel to each call with these options: when it is used up, the call ends as OUT_OF_FUEL. HOSTEL_UNLIMITED, the
/// default, is as much as a call likes; more than 2^63 - 1 is as much as that. What hostel_engine_config_set_fuel() asks for must be compiled in, else the call is
/// LIMIT_NOT_COMPILED. A call that a host function makes on its thread has at most what is left to the call around it, and uses
/// that up; one that traps uses up all that it had, unless it is certain what it has used.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `options` is NULL;
///         HOSTEL_STATUS_BUSY             if a call uses them.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_call_options_set_fuel(
    options: *mut hostel_call_options,
    fuel: u64,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe { change(options, error_out, |options| options.fuel = (fuel != HOSTEL_UNLIMITED).then_some(fuel)) }
}

/// Gives each call with these options so many milliseconds, from when it is made: then it ends as DEADLINE, some 0.1 ms later,
/// or when the host function returns that it is inside of. HOSTEL_UNLIMITED, the default, is as long as a call likes. An
/// engine that was made without (see hostel_engine_config_set_deadline()) makes the call LIMIT_NOT_COMPILED. A call that
/// a host function makes on its thread ends with the call around it.
///
/// The library waits for deadlines in a thread of its own, which starts with the first (see hostel_timer_join()).
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `options` is NULL;
///         HOSTEL_STATUS_BUSY             if a call uses them.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_call_options_set_deadline_ms(
    options: *mut hostel_call_options,
    milliseconds: u64,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    let time = (milliseconds != HOSTEL_UNLIMITED).then(|| Duration::from_millis(milliseconds));
    // SAFETY: see above.
    unsafe { change(options, error_out, |options| options.time = time) }
}

/// Gives the calls with these options to a token, which may stop them; NULL takes them away from it. What the token needs is
/// kept, so that it may be freed at any time. As for a deadline, the call is LIMIT_NOT_COMPILED with an engine that was made
/// without.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `options` is NULL;
///         HOSTEL_STATUS_BUSY             if a call uses them.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_call_options_set_cancel(
    options: *mut hostel_call_options,
    cancel: *const hostel_cancel,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        let cancel = boundary::borrow_optional(cancel).map(|cancel| cancel.inner.clone());
        change(options, error_out, |options| options.cancel = cancel)
    }
}

unsafe fn change(
    options: *mut hostel_call_options,
    error_out: *mut *mut hostel_error,
    change: impl FnOnce(&mut Options),
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let options = boundary::borrow("options", options)?;
            change(&mut *boundary::exclusive("options", &options.inner)?);
            Ok(())
        })
    }
}

/// Frees options. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_call_options_free(options: *mut hostel_call_options) {
    // SAFETY: see above.
    unsafe { boundary::free(options) }
}
