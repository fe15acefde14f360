//! Asking the host, and what to make of its errors.

use holochain_wasmer_guest::serde_bytes::ByteBuf;
use holochain_wasmer_guest::*;

// The last one is never called, so it is not imported.
host_externs!(answer:1, next:1, short_circuit:5, unused:9);

/// Passes a text on and answers what the host answers; a failure of the host is its own, unchanged.
#[no_mangle]
pub extern "C" fn ask(ptr: usize, len: usize) -> DoubleUSize {
    match host_args::<String>(ptr, len) {
        Ok(text) => match host_call::<&String, String>(__hc__answer_1, &text) {
            Ok(answer) => return_ptr(answer),
            Err(error) => return_err_ptr(error),
        },
        Err(error) => error,
    }
}

/// The same by `try_ptr!`, which makes a text of the host's error.
#[no_mangle]
pub extern "C" fn ask_or_fail(ptr: usize, len: usize) -> DoubleUSize {
    match host_args::<String>(ptr, len) {
        Ok(text) => return_ptr(try_ptr!(host_call::<&String, String>(__hc__answer_1, &text), "the host failed")),
        Err(error) => error,
    }
}

/// Answers a Result: the host's answer, or its whole error as a value.
#[no_mangle]
pub extern "C" fn ask_and_tell(ptr: usize, len: usize) -> DoubleUSize {
    match host_args::<String>(ptr, len) {
        Ok(text) => return_ptr(host_call::<&String, String>(__hc__answer_1, &text)),
        Err(error) => error,
    }
}

/// Bytes to the host and back.
#[no_mangle]
pub extern "C" fn ask_bytes(ptr: usize, len: usize) -> DoubleUSize {
    match host_args::<ByteBuf>(ptr, len) {
        Ok(bytes) => return_ptr(try_ptr!(host_call::<&ByteBuf, ByteBuf>(__hc__answer_1, &bytes), "the host failed")),
        Err(error) => error,
    }
}

/// Counts up from 0 by asking the host for the next number, so many times.
#[no_mangle]
pub extern "C" fn ask_often(ptr: usize, len: usize) -> DoubleUSize {
    let times: u32 = match host_args(ptr, len) {
        Ok(times) => times,
        Err(error) => return error,
    };
    let mut number: u32 = 0;
    for _ in 0..times {
        number = try_ptr!(host_call(__hc__next_1, number), "the host lost count");
    }
    return_ptr(number)
}

/// Asks the host for a short circuit. What follows is never done, if the host does as it is asked.
#[no_mangle]
pub extern "C" fn shorten(ptr: usize, len: usize) -> DoubleUSize {
    match host_args::<String>(ptr, len) {
        Ok(text) => match host_call::<String, ()>(__hc__short_circuit_5, text) {
            Ok(()) => return_ptr("went on"),
            Err(error) => return_ptr(format!("went on after {:?}", error.error)),
        },
        Err(error) => error,
    }
}
