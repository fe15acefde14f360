//! Conversions: JSON and MessagePack, for guests whose values are the latter.

use super::boundary;
use super::buffer::hostel_buffer;
use super::error::hostel_error;
use super::status::hostel_status;
use crate::convert;
use core::ffi::c_char;

/// Turns a JSON text into a MessagePack value.
///
/// `json` need not end with a zero byte; it is read during the call and not kept. On success `*msgpack_out` is yours:
/// release it with hostel_buffer_free(). `error_out` may be NULL. Values may lie 127 deep.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `msgpack_out` or a non-empty `json` is NULL, or the text is not UTF-8, not
///                                        JSON, has a key twice in an object, or an integer that does not fit 64 bits.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_json_to_msgpack(
    json: *const c_char,
    json_len: usize,
    msgpack_out: *mut hostel_buffer,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe {
        boundary::produce_bytes(msgpack_out, "msgpack_out", error_out, || {
            Ok(convert::json_to_msgpack(boundary::bytes("json", json.cast(), json_len)?)?.into())
        })
    }
}

/// Turns a MessagePack value into a JSON text. Binary becomes an array of integers, integer keys become text.
///
/// `msgpack` is read during the call and not kept. On success `*json_out` is yours: release it with
/// hostel_buffer_free(); it does not end with a zero byte. `error_out` may be NULL. Values may lie 127 deep.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `json_out` or a non-empty `msgpack` is NULL, or the bytes are not just one
///                                        value, or one that JSON cannot say: NaN, an infinity, an extension type, a key
///                                        twice, or a key that is neither text nor an integer.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_msgpack_to_json(
    msgpack: *const u8,
    msgpack_len: usize,
    json_out: *mut hostel_buffer,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce_bytes(json_out, "json_out", error_out, || {
            let msgpack = boundary::bytes("msgpack", msgpack, msgpack_len)?;
            Ok(convert::msgpack_to_json(msgpack)?.into_bytes().into())
        })
    }
}
