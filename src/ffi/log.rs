//! Log: what the library tells, if the host wants to hear it.

use super::boundary;
use super::error::hostel_error;
use super::status::hostel_status;
use crate::log::{self, Level};
use crate::{Error, Result};
use core::ffi::{c_char, c_void};

/// How important a message is: one of the HOSTEL_LOG_* values.
pub type hostel_log_level = i32;

/// Nothing is told.
pub const HOSTEL_LOG_OFF: hostel_log_level = 0;
/// Something failed that nobody else reports.
pub const HOSTEL_LOG_ERROR: hostel_log_level = 1;
/// Something is not as it should be, and was dealt with.
pub const HOSTEL_LOG_WARN: hostel_log_level = 2;
/// Something worth knowing happened.
pub const HOSTEL_LOG_INFO: hostel_log_level = 3;
/// What the library does.
pub const HOSTEL_LOG_DEBUG: hostel_log_level = 4;
/// What the library does, step by step.
pub const HOSTEL_LOG_TRACE: hostel_log_level = 5;

/// Receives a message. `target` names the part of the library, such as "hostel::module"; both strings end with the call.
///
/// May be called from any thread, and from several at once. It must not unwind or longjmp. It may call this
/// library, except hostel_log_set(); what happens meanwhile on this thread is not told.
pub type hostel_log_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, level: hostel_log_level, target: *const c_char, message: *const c_char)>;

/// Sets who hears the library's messages up to `max_level`, for the whole process; nobody does until this is called.
///
/// `callback` NULL or `max_level` HOSTEL_LOG_OFF turns it off. `user_data` is passed on and never looked at. When
/// the function returns, the callback that was set before is not running any more and will not be called again.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `max_level` is none of the levels;
///         HOSTEL_STATUS_BUSY             if called from inside a log callback.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_log_set(
    callback: hostel_log_callback,
    user_data: *mut c_void,
    max_level: hostel_log_level,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: the pointer rules at the top of hostel.h.
    unsafe {
        boundary::run(error_out, || {
            let level = level(max_level)?;
            let sink = level.zip(boundary::callback::sink(callback, user_data));
            if log::set(sink) { Ok(()) } else { Err(Error::Busy("hostel_log_set() was called from a log callback".into())) }
        })
    }
}

fn level(number: hostel_log_level) -> Result<Option<Level>> {
    Ok(Some(match number {
        HOSTEL_LOG_OFF => return Ok(None),
        HOSTEL_LOG_ERROR => Level::Error,
        HOSTEL_LOG_WARN => Level::Warn,
        HOSTEL_LOG_INFO => Level::Info,
        HOSTEL_LOG_DEBUG => Level::Debug,
        HOSTEL_LOG_TRACE => Level::Trace,
        _ => return Err(Error::InvalidArgument(format!("max_level: {number} is not a HOSTEL_LOG_* value"))),
    }))
}
