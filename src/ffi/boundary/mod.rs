//! Every raw pointer that comes from C is read here, every output is written here, and no panic gets past.

pub(super) mod callback;

use super::buffer::hostel_buffer;
use super::error::hostel_error;
use super::status::hostel_status;
use crate::{Error, Result, Status, sys};
use core::ffi::{CStr, c_char};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

/// Runs `f`, turns its outcome into a status, and writes `*error_out` if there is one. The one door for panics.
///
/// # Safety
/// `error_out` is null or valid for a write.
pub(super) unsafe fn run(error_out: *mut *mut hostel_error, f: impl FnOnce() -> Result<()>) -> hostel_status {
    let outcome = sys::catch_panic(f);
    let error = match outcome {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error),
        Err(message) => Some(Error::Internal(format!("a bug in hostel: {message}"))),
    };
    let status = error.as_ref().map_or(Status::Ok, Error::status) as hostel_status;
    if !error_out.is_null() {
        let handle = error.map_or(core::ptr::null_mut(), |error| Box::into_raw(Box::new(hostel_error::new(error))));
        // SAFETY: not null, and the caller promises that it can be written.
        unsafe { error_out.write(handle) };
    }
    status
}

/// Runs `f` and writes its value to `*out`, or `empty` when it fails.
///
/// # Safety
/// `out` and `error_out` are null or valid for a write.
pub(super) unsafe fn fill<T>(
    out: *mut T,
    name: &str,
    empty: T,
    error_out: *mut *mut hostel_error,
    f: impl FnOnce() -> Result<T>,
) -> hostel_status {
    if !out.is_null() {
        // SAFETY: not null, and the caller promises that it can be written.
        unsafe { out.write(empty) };
    }
    let fill = || {
        if out.is_null() {
            return Err(null(name));
        }
        let value = f()?;
        // SAFETY: as above.
        unsafe { out.write(value) };
        Ok(())
    };
    // SAFETY: the caller's promise.
    unsafe { run(error_out, fill) }
}

/// Runs `f` and hands its value over as a new handle in `*out`; null when it fails.
///
/// # Safety
/// As for [`fill`].
pub(super) unsafe fn produce<T>(
    out: *mut *mut T,
    name: &str,
    error_out: *mut *mut hostel_error,
    f: impl FnOnce() -> Result<T>,
) -> hostel_status {
    // SAFETY: the caller's promise.
    unsafe { fill(out, name, core::ptr::null_mut(), error_out, || f().map(|value| Box::into_raw(Box::new(value)))) }
}

/// Runs `f` and hands the bytes over in `*out`; empty when it fails.
///
/// # Safety
/// As for [`fill`].
pub(super) unsafe fn produce_bytes(
    out: *mut hostel_buffer,
    name: &str,
    error_out: *mut *mut hostel_error,
    f: impl FnOnce() -> Result<Box<[u8]>>,
) -> hostel_status {
    // SAFETY: the caller's promise.
    unsafe { fill(out, name, hostel_buffer::EMPTY, error_out, || f().map(hostel_buffer::from_bytes)) }
}

/// A handle that must be there.
///
/// # Safety
/// `handle` is null or was handed out by this library and not freed yet; likewise for every function below.
pub(super) unsafe fn borrow<'a, T>(name: &str, handle: *const T) -> Result<&'a T> {
    // SAFETY: the caller's promise.
    unsafe { handle.as_ref() }.ok_or_else(|| null(name))
}

/// A handle that may be null.
pub(super) unsafe fn borrow_optional<'a, T>(handle: *const T) -> Option<&'a T> {
    // SAFETY: the caller's promise.
    unsafe { handle.as_ref() }
}

/// A handle that the call changes, which by the header's rule only one thread uses at a time.
pub(super) unsafe fn borrow_mut<'a, T>(name: &str, handle: *mut T) -> Result<&'a mut T> {
    // SAFETY: the caller's promise.
    unsafe { handle.as_mut() }.ok_or_else(|| null(name))
}

/// Bytes of the caller, read during the call.
pub(super) unsafe fn bytes<'a>(name: &str, data: *const u8, len: usize) -> Result<&'a [u8]> {
    check_range(name, data, len)?;
    if len == 0 {
        return Ok(&[]);
    }
    // SAFETY: not null, not longer than any object can be, and the caller promises that it can be read.
    Ok(unsafe { core::slice::from_raw_parts(data, len) })
}

/// Bytes of the caller, written during the call.
pub(super) unsafe fn bytes_mut<'a>(name: &str, data: *mut u8, len: usize) -> Result<&'a mut [u8]> {
    check_range(name, data, len)?;
    if len == 0 {
        return Ok(&mut []);
    }
    // SAFETY: not null, not longer than any object can be, and the caller promises that it can be written. Bytes
    // that were never initialised are only ever written.
    Ok(unsafe { core::slice::from_raw_parts_mut(data, len) })
}

/// Values of the caller, read during the call.
pub(super) unsafe fn values<'a, T: Copy>(name: &str, data: *const T, len: usize) -> Result<&'a [T]> {
    let size = len.checked_mul(size_of::<T>()).ok_or_else(|| too_long(name, len))?;
    check_range(name, data.cast(), size)?;
    if len == 0 {
        return Ok(&[]);
    }
    if !data.is_aligned() {
        return Err(Error::InvalidArgument(format!("{name}: the pointer is not aligned")));
    }
    // SAFETY: not null, aligned, not longer than any object can be, and the caller promises that it can be read.
    Ok(unsafe { core::slice::from_raw_parts(data, len) })
}

/// Values of the caller, read and written during the call.
pub(super) unsafe fn values_mut<'a, T: Copy>(name: &str, data: *mut T, len: usize) -> Result<&'a mut [T]> {
    // SAFETY: the caller's promise.
    let len = unsafe { values(name, data.cast_const(), len) }?.len();
    if len == 0 {
        return Ok(&mut []);
    }
    // SAFETY: as above, and the caller promises that it can be written.
    Ok(unsafe { core::slice::from_raw_parts_mut(data, len) })
}

/// A name: UTF-8, ended by a zero byte.
pub(super) unsafe fn text<'a>(name: &str, text: *const c_char) -> Result<&'a str> {
    // SAFETY: the caller's promise.
    unsafe { text_optional(name, text) }?.ok_or_else(|| null(name))
}

/// A name that may be null.
pub(super) unsafe fn text_optional<'a>(name: &str, text: *const c_char) -> Result<Option<&'a str>> {
    if text.is_null() {
        return Ok(None);
    }
    // SAFETY: not null, and the caller promises that it ends with a zero byte.
    let text = unsafe { CStr::from_ptr(text) }.to_str();
    text.map(Some).map_err(|error| Error::InvalidArgument(format!("{name}: not UTF-8 ({error})")))
}

/// A path: any bytes, ended by a zero byte.
#[cfg(unix)]
pub(super) unsafe fn path<'a>(name: &str, path: *const c_char) -> Result<&'a std::path::Path> {
    use std::os::unix::ffi::OsStrExt;
    if path.is_null() {
        return Err(null(name));
    }
    // SAFETY: not null, and the caller promises that it ends with a zero byte.
    let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
    Ok(std::path::Path::new(std::ffi::OsStr::from_bytes(bytes)))
}

/// A path: UTF-8, ended by a zero byte.
#[cfg(not(unix))]
pub(super) unsafe fn path<'a>(name: &str, path: *const c_char) -> Result<&'a std::path::Path> {
    // SAFETY: the caller's promise.
    unsafe { text(name, path) }.map(std::path::Path::new)
}

/// Frees a handle; null is fine.
pub(super) unsafe fn free<T>(handle: *mut T) {
    if !handle.is_null() {
        // SAFETY: it came from `produce`, and the caller promises to free it once. A panic of a destructor is ours
        // and must not reach C; there is no status to report it with.
        let _ = sys::catch_panic(|| drop(unsafe { Box::from_raw(handle) }));
    }
}

/// The use of a handle that serves one call at a time; BUSY while another has it.
pub(super) fn exclusive<'a, T>(name: &str, lock: &'a Mutex<T>) -> Result<MutexGuard<'a, T>> {
    match lock.try_lock() {
        Ok(guard) => Ok(guard),
        // A panic under the lock was reported as INTERNAL when it happened; what is there is still valid data.
        Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => Err(Error::Busy(format!("{name}: in use by another call"))),
    }
}

/// The same for a handle that may be waited for: it is held for moments only.
pub(super) fn shared<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

fn check_range(name: &str, data: *const u8, len: usize) -> Result<()> {
    if data.is_null() && len != 0 {
        return Err(Error::InvalidArgument(format!("{name}: NULL with a length of {len}")));
    }
    if len > isize::MAX as usize {
        return Err(too_long(name, len));
    }
    Ok(())
}

fn too_long(name: &str, len: usize) -> Error {
    Error::InvalidArgument(format!("{name}: a length of {len} is more than any object can have"))
}

fn null(name: &str) -> Error {
    Error::InvalidArgument(format!("{name}: must not be NULL"))
}
