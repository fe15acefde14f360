//! Guest options: how a guest is linked, and how its calls are kept apart.

use super::boundary;
use super::error::hostel_error;
use super::status::hostel_status;
use crate::abi::Abi;
use crate::room::pool::Settings;
use crate::{Error, Result};
use core::ffi::c_char;
use std::time::Duration;

/// Options of guests. Made by hostel_guest_options_new(), released by hostel_guest_options_free().
/// Used by one thread at a time while they are changed.
pub struct hostel_guest_options {
    pub(super) abi: Option<Abi>,
    pub(super) rooms: Settings,
}

/// Makes options with the default of everything.
///
/// On success `*options_out` is yours: release it with hostel_guest_options_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `options_out` is NULL.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_guest_options_new(
    options_out: *mut *mut hostel_guest_options,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe {
        boundary::produce(options_out, "options_out", error_out, || {
            Ok(hostel_guest_options { abi: None, rooms: Settings::default() })
        })
    }
}

/// Says which ABI a guest speaks: "auto" (the default: told from what the module imports and exports), "hostel",
/// "holochain" or "command" (a program of WASI).
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `options` or `name` is NULL, or there is no such ABI.
/// Not thread-safe: `options` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_guest_options_set_abi(
    options: *mut hostel_guest_options,
    name: *const c_char,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let options = boundary::borrow_mut("options", options)?;
            options.abi = match boundary::text("name", name)? {
                "auto" => None,
                name => Some(Abi::from_name(name)?),
            };
            Ok(())
        })
    }
}

/// Lets calls share a room: a room serves `calls` calls before it is as new again. 1, the default, keeps every call to
/// itself. With more, a call finds what the calls before it in the same room have left, and which those were is up to chance:
/// only for guests whose calls may see one another.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `options` is NULL or `calls` is 0.
/// Not thread-safe: `options` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_guest_options_set_calls_per_room(
    options: *mut hostel_guest_options,
    calls: u32,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe { change(options, error_out, |options| positive("calls", calls).map(|calls| options.rooms.calls = calls)) }
}

/// Bounds how many calls of a guest run at once: one more waits until a room is free, at most `wait_ms` milliseconds, and is
/// then BUSY. Calls from inside a call of any guest on the same thread neither wait nor count. Without this there is no bound.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `options` is NULL or `rooms` is 0.
/// Not thread-safe: `options` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_guest_options_set_rooms_max(
    options: *mut hostel_guest_options,
    rooms: u32,
    wait_ms: u64,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        change(options, error_out, |options| {
            options.rooms.rooms_max = Some(positive("rooms", rooms)?);
            options.rooms.wait = Duration::from_millis(wait_ms);
            Ok(())
        })
    }
}

/// Says whether rooms may find out what a call has written by letting the first write to a page fault (SIGSEGV), which is the
/// fastest way and the default. Turned off, or where the library's handler of the signal is not in front of all others or
/// the signal is blocked, the system is asked after each call instead, which takes a few microseconds. A host that puts a
/// handler of its own in front, without passing on what is not its own, turns this off before, and so does a thread that
/// blocks the signal between its calls: new rooms notice at once, one that is in use within 16 calls.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `options` is NULL.
/// Not thread-safe: `options` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_guest_options_set_write_tracking(
    options: *mut hostel_guest_options,
    on: bool,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        change(options, error_out, |options| {
            options.rooms.tracked = on;
            Ok(())
        })
    }
}

/// Frees options; guests made with them are not affected. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_guest_options_free(options: *mut hostel_guest_options) {
    // SAFETY: see above.
    unsafe { boundary::free(options) }
}
/// # Safety
/// As for the functions above.
unsafe fn change(
    options: *mut hostel_guest_options,
    error_out: *mut *mut hostel_error,
    change: impl FnOnce(&mut hostel_guest_options) -> Result<()>,
) -> hostel_status {
    // SAFETY: the caller's promise.
    unsafe { boundary::run(error_out, || change(boundary::borrow_mut("options", options)?)) }
}

fn positive(name: &str, number: u32) -> Result<u32> {
    if number > 0 { Ok(number) } else { Err(Error::InvalidArgument(format!("{name} is 0"))) }
}
