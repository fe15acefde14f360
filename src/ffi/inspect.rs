//! Modules before an engine sees them: what one is, and the text format.

use super::boundary;
use super::buffer::hostel_buffer;
use super::error::hostel_error;
use super::status::hostel_status;
use crate::inspect::{self, Features, json};
use crate::limits::Limits;
use crate::text;
use core::ffi::c_char;

/// Says what a module is, without an engine: a JSON object with `kind`, `abi`, `key` (BLAKE3 of the bytes, in
/// hexadecimal), `imports`, `exports`, `memories` and `resettable` (true, or the reason why not). An exported function that the ABI
/// itself calls, such as its allocator, has `internal`: true.
///
/// `wasm` is a binary module, read during the call and not kept. On success `*json_out` is yours: release it with
/// hostel_buffer_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT   if `json_out` or a non-empty `wasm` is NULL;
///         HOSTEL_STATUS_INVALID_MODULE     if the bytes do not validate with every WebAssembly proposal on;
///         HOSTEL_STATUS_UNSUPPORTED_MODULE if it is a component, over a default limit, or shares memory between threads.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_inspect(
    wasm: *const u8,
    wasm_len: usize,
    json_out: *mut hostel_buffer,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe {
        boundary::produce_bytes(json_out, "json_out", error_out, || {
            let wasm = boundary::bytes("wasm", wasm, wasm_len)?;
            let info = inspect::inspect(wasm, Features::all(), &Limits::default())?;
            Ok(json::outline(&info).into_bytes().into())
        })
    }
}

/// Turns WebAssembly text format (WAT) into a binary module.
///
/// `text` need not end with a zero byte; it is read during the call and not kept. On success `*wasm_out` is yours:
/// release it with hostel_buffer_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT   if `wasm_out` or a non-empty `text` is NULL;
///         HOSTEL_STATUS_INVALID_MODULE     if the text does not parse; the message says where;
///         HOSTEL_STATUS_UNSUPPORTED_MODULE if it is a component, or longer than the default limit of a module;
///         HOSTEL_STATUS_UNSUPPORTED        if this build does not read the text format.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_wat_to_wasm(
    text: *const c_char,
    text_len: usize,
    wasm_out: *mut hostel_buffer,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce_bytes(wasm_out, "wasm_out", error_out, || {
            Ok(text::wat_to_wasm(boundary::bytes("text", text.cast(), text_len)?, &Limits::default())?.into())
        })
    }
}
