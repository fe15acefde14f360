//! Callers: a host function's view of the call that it serves.

use super::boundary;
use super::error::hostel_kind;
use super::status::{HOSTEL_UNLIMITED, hostel_status};
use crate::error::{Kind, WasmError};
use crate::host::{Caller, Failure, Reply};
use crate::{Error, Result};
use core::ffi::{c_char, c_void};
use std::time::Instant;

/// A host function's view of the call it is part of. Valid until the function returns, on its thread only.
pub struct hostel_caller {
    caller: *mut Caller<'static>, // really of the call; C has no lifetimes, the comment above stands for it
}

impl hostel_caller {
    pub(super) fn new(caller: &mut Caller<'_>) -> Self {
        hostel_caller { caller: core::ptr::from_mut(caller).cast() }
    }
}

/// The context that the host gave with hostel_call_options_set_context() for the call that runs; NULL if none.
/// Only inside a host function, with its `caller`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_caller_context(caller: *const hostel_caller) -> *mut c_void {
    // SAFETY: the pointer rules at the top of hostel.h, here and below; the header says that a caller is used only inside the function that got it.
    let caller = unsafe { boundary::borrow_optional(caller).and_then(|handle| handle.caller.as_mut()) };
    caller.map_or(core::ptr::null_mut(), Caller::context)
}

/// Answers the guest with bytes, which are copied. A later answer replaces an earlier one, a short circuit too.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `caller` or a non-empty `output` is NULL.
/// Only inside a host function, with its `caller`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_caller_return(caller: *mut hostel_caller, output: *const u8, output_len: usize) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(core::ptr::null_mut(), || {
            let output = boundary::bytes("output", output, output_len)?;
            reply(caller, Reply::Output(output.to_vec()))
        })
    }
}

/// Tells that the host function failed: `message` for people, `payload` for the guest or the caller of the guest, who
/// gets the message if there is no payload. Both are copied; a later answer replaces an earlier one, a short circuit too.
///
/// It is of the kind HOST (GUEST in a build without the feature `error-as-host`), made in "hostel", line 0. A guest whose ABI has
/// kinds gets it as text: the payload if that is UTF-8, else the message.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `caller`, `message` or a non-empty `payload` is NULL, or `message` is not UTF-8.
/// Only inside a host function, with its `caller`. It only tells: the host function's own return value decides
/// whether the guest goes on (see hostel_host_function).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_caller_fail(
    caller: *mut hostel_caller,
    message: *const c_char,
    payload: *const u8,
    payload_len: usize,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(core::ptr::null_mut(), || {
            let message = boundary::text("message", message)?.into();
            let payload = boundary::bytes("payload", payload, payload_len)?.to_vec();
            reply(caller, Reply::Failure(Failure { message, payload, wasm_error: None }))
        })
    }
}

/// Tells that the host function failed, with a kind and a place, for guests whose ABI has them; others get what the kind
/// carries, or the message if that is nothing.
///
/// `kind` is one of the HOSTEL_KIND_* values but NONE, `module_path` and `line` say where the error was made; `module_path`
/// may be NULL. What the kind carries is `payload` for DESERIALIZE and HOST_SHORT_CIRCUIT, nothing for POINTER_MAP,
/// ERROR_WHILE_ERROR and MEMORY, and else `message`; that is the payload of the error, too. The kind also says whether an instance
/// goes on (see hostel_error_maybe_corrupt()).
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `caller`, `message` or a non-empty `payload` is NULL, a text is not UTF-8, or
///                                        `kind` is none of the kinds.
/// Only inside a host function, with its `caller`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_caller_fail_as(
    caller: *mut hostel_caller,
    kind: hostel_kind,
    module_path: *const c_char,
    line: u32,
    message: *const c_char,
    payload: *const u8,
    payload_len: usize,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(core::ptr::null_mut(), || {
            let unknown = || Error::InvalidArgument(format!("kind: {kind} is not a HOSTEL_KIND_* value"));
            let kind = Kind::from_number(kind).ok_or_else(unknown)?;
            let module_path = boundary::text_optional("module_path", module_path)?.unwrap_or("hostel").into();
            let message: String = boundary::text("message", message)?.into();
            let payload = boundary::bytes("payload", payload, payload_len)?.to_vec();
            let wasm_error = WasmError::new(module_path, line, kind, &message, &payload);
            reply(caller, Reply::Failure(Failure { message, payload, wasm_error: Some(wasm_error) }))
        })
    }
}

/// Ends the guest's call, successfully: when the host function returns HOSTEL_STATUS_OK, the guest does not go on, and
/// hostel_guest_call() returns HOSTEL_STATUS_OK with just these bytes, as if the guest had returned them. They are
/// copied, and replace an answer. No bytes are a value, too: to the caller of a holochain guest, MessagePack's nil. (holochain calls
/// this a host short circuit. What the abandoned function had on its stack in a stateful instance is not given back.)
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `caller` or a non-empty `output` is NULL.
/// Only inside a host function, with its `caller`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_caller_short_circuit(
    caller: *mut hostel_caller,
    output: *const u8,
    output_len: usize,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(core::ptr::null_mut(), || {
            let output = boundary::bytes("output", output, output_len)?.to_vec();
            with_caller(caller, |caller| {
                caller.short_circuit(output);
                Ok(())
            })
        })
    }
}

/// How much fuel the guest's call has left, what calls inside this host function have used taken off; HOSTEL_UNLIMITED where
/// none is counted or the call was not given any, and for NULL.
/// Only inside a host function, with its `caller`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_caller_fuel_left(caller: *mut hostel_caller) -> u64 {
    // SAFETY: see above.
    let left =
        unsafe { with_caller(caller, |caller| Ok(if caller.bounds().fuel.is_some() { caller.fuel_left() } else { None })) };
    left.ok().flatten().unwrap_or(HOSTEL_UNLIMITED)
}

/// Takes fuel off the guest's call, for work that the host does for it.
///
/// Returns HOSTEL_STATUS_OK, also where no fuel is counted or the call was not given any;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `caller` is NULL;
///         HOSTEL_STATUS_OUT_OF_FUEL      if that was more than was left: the guest's call ends as OUT_OF_FUEL when the host
///                                        function returns, whatever it returns.
/// Only inside a host function, with its `caller`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_caller_use_fuel(caller: *mut hostel_caller, units: u64) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(core::ptr::null_mut(), || {
            let enough = with_caller(caller, |caller| Ok(caller.use_fuel(units)))?;
            let message = || "more fuel than was left".into();
            if enough { Ok(()) } else { Err(Error::OutOfFuel { message: message(), backtrace: Vec::new() }) }
        })
    }
}

/// How many milliseconds the guest's call has left, rounded down, so that a host function that waits knows how long it may;
/// HOSTEL_UNLIMITED if it has no deadline, and for NULL. 0 when it is over.
/// Only inside a host function, with its `caller`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_caller_time_left_ms(caller: *mut hostel_caller) -> u64 {
    // SAFETY: see above.
    let deadline = unsafe { with_caller(caller, |caller| Ok(caller.bounds().deadline)) };
    let left = |at: Instant| at.saturating_duration_since(Instant::now()).as_millis();
    deadline.ok().flatten().map_or(HOSTEL_UNLIMITED, |at| u64::try_from(left(at)).unwrap_or(HOSTEL_UNLIMITED))
}

/// Whether the guest's call is to stop, by a deadline or a token: it will when the host function returns, so that one that
/// takes long may look now and then. false for NULL.
/// Only inside a host function, with its `caller`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_caller_is_stopped(caller: *mut hostel_caller) -> bool {
    // SAFETY: see above.
    unsafe { with_caller(caller, |caller| Ok(caller.stopped().is_some())) }.unwrap_or(false)
}

unsafe fn reply(caller: *mut hostel_caller, reply: Reply) -> Result<()> {
    // SAFETY: see above.
    unsafe {
        with_caller(caller, |caller| {
            caller.reply(reply);
            Ok(())
        })
    }
}

pub(super) unsafe fn with_caller<T>(caller: *mut hostel_caller, f: impl FnOnce(&mut Caller<'_>) -> Result<T>) -> Result<T> {
    // SAFETY: see above.
    unsafe {
        let handle = boundary::borrow_mut("caller", caller)?;
        f(boundary::borrow_mut("caller", handle.caller)?)
    }
}
