//! Cancel tokens: stopping calls from any thread.

use super::boundary;
use super::error::hostel_error;
use super::status::hostel_status;
use crate::stop::{Cancel, timer};
use std::sync::Arc;

/// Stops the calls that it was given to with hostel_call_options_set_cancel(). Made by hostel_cancel_new(), released by
/// hostel_cancel_free(). It works once and for good: a call that gets it afterwards does not begin. Any number of threads may
/// use one token, for any number of calls, at the same time.
pub struct hostel_cancel {
    pub(super) inner: Arc<Cancel>,
}

/// Makes a token.
///
/// On success `*cancel_out` is yours: release it with hostel_cancel_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `cancel_out` is NULL.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cancel_new(
    cancel_out: *mut *mut hostel_cancel,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    let new = || Ok(hostel_cancel { inner: Arc::default() });
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe { boundary::produce(cancel_out, "cancel_out", error_out, new) }
}

/// Stops the calls that have the token: each ends as CANCELLED, some 0.1 ms later, unless it has just come to its end. Other
/// calls of the same guest are not touched. A call that is inside a host function stops when that returns. Once is enough;
/// more does nothing.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `cancel` is NULL.
/// Thread-safe. Does not wait for the calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cancel_trigger(cancel: *const hostel_cancel, error_out: *mut *mut hostel_error) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            boundary::borrow("cancel", cancel)?.inner.trigger();
            Ok(())
        })
    }
}

/// Whether the token was triggered; false for NULL. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cancel_is_triggered(cancel: *const hostel_cancel) -> bool {
    // SAFETY: see above.
    unsafe { boundary::borrow_optional(cancel) }.is_some_and(|cancel| cancel.inner.is_triggered())
}

/// Lets go of a token; options and calls that have it keep what they need, and can then not be cancelled any more. NULL is
/// fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cancel_free(cancel: *mut hostel_cancel) {
    // SAFETY: see above.
    unsafe { boundary::free(cancel) }
}

/// Ends the one thread that the library has for deadlines, and waits for its end: for hosts that want no thread of somebody
/// else's while they end, fork, or count. The next deadline starts it again. Without one it does nothing.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_BUSY if a call with a deadline runs (starting a guest counts as one).
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_timer_join(error_out: *mut *mut hostel_error) -> hostel_status {
    // SAFETY: see above.
    unsafe { boundary::run(error_out, timer::join) }
}
