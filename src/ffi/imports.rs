//! Imports: functions of the host that a guest may call.

use super::boundary;
use super::boundary::callback::{UserData, bytes_function, raw_function};
use super::error::{hostel_error, hostel_kind};
use super::status::{hostel_finalizer, hostel_status};
use crate::error::{Kind, WasmError};
use crate::host::{Caller, Failure, Imports, Reply};
use crate::inspect::{FuncType, ValueType};
use crate::{Error, Result, room};
use core::ffi::{c_char, c_void};
use std::sync::{Arc, Mutex};

/// The type of a plain value: one of the HOSTEL_VALUE_* values.
pub type hostel_value_type = i32;

/// A 32-bit integer, in the low half of a value.
pub const HOSTEL_VALUE_I32: hostel_value_type = 1;
/// A 64-bit integer.
pub const HOSTEL_VALUE_I64: hostel_value_type = 2;
/// The bits of a 32-bit float, in the low half of a value.
pub const HOSTEL_VALUE_F32: hostel_value_type = 3;
/// The bits of a 64-bit float.
pub const HOSTEL_VALUE_F64: hostel_value_type = 4;

/// The functions that a host offers its guests. Made by hostel_imports_new(), released by hostel_imports_free().
/// One thread at a time defines; once a guest was made with it, it is frozen, and shared by any number of threads.
pub struct hostel_imports {
    pub(super) inner: Mutex<Definitions>,
}

pub(super) struct Definitions {
    imports: Imports,
    frozen: bool,
}

impl Definitions {
    /// Uses the functions; when that succeeds they are frozen.
    pub(super) fn freeze_for<T>(&mut self, use_them: impl FnOnce(&Imports) -> Result<T>) -> Result<T> {
        let used = use_them(&self.imports)?;
        self.frozen = true;
        Ok(used)
    }
}

/// A host function's view of the call it is part of. Valid until the function returns, on its thread only.
pub struct hostel_caller {
    caller: *mut Caller<'static>, // really of the call; C has no lifetimes, the comment above stands for it
}

impl hostel_caller {
    pub(super) fn new(caller: &mut Caller<'_>) -> Self {
        hostel_caller { caller: core::ptr::from_mut(caller).cast() }
    }
}

/// A host function of bytes.
///
/// `input` is the guest's memory: read it during the call, do not keep it; it may be empty, and is then not NULL.
/// Answer with hostel_caller_return() or hostel_caller_fail(), or not at all, which is an empty answer.
///
/// Return HOSTEL_STATUS_OK to let the guest go on: with the answer, or with the failure, which the guest sees in its
/// ABI's own form. Return HOSTEL_STATUS_HOST_ERROR to end the guest's call there and then: its status is HOST_ERROR,
/// with the message and payload given to hostel_caller_fail(). Anything else is a HOST_ERROR that names the number.
///
/// May be called from several threads at once. It must not unwind or longjmp, nor free the guest's call options. It
/// may call guests, this one included: each call has an instance of its own.
pub type hostel_host_function = Option<
    unsafe extern "C" fn(user_data: *mut c_void, caller: *mut hostel_caller, input: *const u8, input_len: usize) -> hostel_status,
>;

/// A host function of plain values, for guests that import functions such as `(i32, i32) -> i32`.
///
/// `values` holds the parameters, one each; the results go to the same place, from the start. There is room for the
/// larger of both. Otherwise as hostel_host_function; a failure always ends the guest's call.
pub type hostel_raw_function =
    Option<unsafe extern "C" fn(user_data: *mut c_void, caller: *mut hostel_caller, values: *mut u64) -> hostel_status>;

/// Makes an empty set of functions.
///
/// On success `*imports_out` is yours: release it with hostel_imports_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `imports_out` is NULL.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_imports_new(
    imports_out: *mut *mut hostel_imports,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    let new = || Ok(hostel_imports { inner: Mutex::new(Definitions { imports: Imports::default(), frozen: false }) });
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe { boundary::produce(imports_out, "imports_out", error_out, new) }
}

/// Offers a function of bytes to guests, which import it as `module`.`name`. Which parameters and results it has for
/// the guest is set by the guest's ABI.
///
/// Both names are copied. `user_data` is passed to `callback` and never looked at; `finalizer`, which may be NULL, is
/// called with it when the function is not needed any more. When this fails, `user_data` stays yours.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `imports`, a name or `callback` is NULL, a name is not UTF-8, or the
///                                        function is defined already;
///         HOSTEL_STATUS_BUSY             if a guest was made with `imports`, which froze it.
/// Not thread-safe: `imports` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_imports_define(
    imports: *mut hostel_imports,
    module: *const c_char,
    name: *const c_char,
    callback: hostel_host_function,
    user_data: *mut c_void,
    finalizer: hostel_finalizer,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let imports = boundary::borrow("imports", imports)?;
            let (module, name) = (boundary::text("module", module)?, boundary::text("name", name)?);
            let data = UserData::new(user_data, finalizer);
            let function = bytes_function(callback, data.clone())?;
            define(imports, &data, |imports| imports.define(module, name, function))
        })
    }
}

/// Offers a function of plain values to guests, which import it as `module`.`name` with just this type.
///
/// `params` and `results` list the types, as HOSTEL_VALUE_* values; they are copied, and may be NULL when there are
/// none. The rest is as for hostel_imports_define(); HOSTEL_STATUS_INVALID_ARGUMENT also if a type is none of these.
/// Not thread-safe: `imports` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_imports_define_raw(
    imports: *mut hostel_imports,
    module: *const c_char,
    name: *const c_char,
    params: *const hostel_value_type,
    params_len: usize,
    results: *const hostel_value_type,
    results_len: usize,
    callback: hostel_raw_function,
    user_data: *mut c_void,
    finalizer: hostel_finalizer,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let imports = boundary::borrow("imports", imports)?;
            let (module, name) = (boundary::text("module", module)?, boundary::text("name", name)?);
            let params = types("params", boundary::values("params", params, params_len)?)?;
            let results = types("results", boundary::values("results", results, results_len)?)?;
            let data = UserData::new(user_data, finalizer);
            let function = raw_function(callback, data.clone())?;
            define(imports, &data, |imports| imports.define_raw(module, name, FuncType { params, results }, function))
        })
    }
}

fn define(imports: &hostel_imports, data: &Arc<UserData>, add: impl FnOnce(&mut Imports) -> Result<()>) -> Result<()> {
    let mut definitions = boundary::shared(&imports.inner);
    if definitions.frozen {
        return Err(Error::Busy("imports: frozen, because a guest was made with them".into()));
    }
    add(&mut definitions.imports)?;
    data.take_over();
    Ok(())
}

fn types(name: &str, numbers: &[hostel_value_type]) -> Result<Vec<ValueType>> {
    let ty = |&number: &hostel_value_type| match number {
        HOSTEL_VALUE_I32 => Ok(ValueType::I32),
        HOSTEL_VALUE_I64 => Ok(ValueType::I64),
        HOSTEL_VALUE_F32 => Ok(ValueType::F32),
        HOSTEL_VALUE_F64 => Ok(ValueType::F64),
        _ => Err(Error::InvalidArgument(format!("{name}: {number} is not a HOSTEL_VALUE_* value"))),
    };
    numbers.iter().map(ty).collect()
}

/// Lets go of the set; guests made with it keep what they need. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_imports_free(imports: *mut hostel_imports) {
    // SAFETY: see above.
    unsafe { boundary::free(imports) }
}

/// The context that the host gave with hostel_call_options_set_context() for the call that runs; NULL if none.
/// Only inside a host function, with its `caller`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_caller_context(caller: *const hostel_caller) -> *mut c_void {
    // SAFETY: see above; the header says that a caller is used only inside the function that got it.
    let caller = unsafe { boundary::borrow_optional(caller).and_then(|handle| handle.caller.as_mut()) };
    caller.map_or(core::ptr::null_mut(), Caller::context)
}

/// Answers the guest with bytes, which are copied. A later answer replaces an earlier one.
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
/// gets the message if there is no payload. Both are copied; a later answer replaces an earlier one.
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

/// Tells that the host function failed, with a kind and a place, for guests whose ABI has them; others get the payload
/// or the message, as from hostel_caller_fail().
///
/// `kind` is one of the HOSTEL_KIND_* values but NONE, `module_path` and `line` say where the error was made; `module_path`
/// may be NULL. What the kind carries is `payload` for DESERIALIZE and HOST_SHORT_CIRCUIT, and else `message`.
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
/// copied. (holochain calls this a host short circuit. What the abandoned function had on its stack in a stateful
/// instance is not given back.)
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

/// Copies bytes out of the guest's memory, for host functions of plain values that get addresses.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `caller` is NULL, `data` is NULL with a length, or the bytes are not all
///                                        inside the memory.
/// Only inside a host function, with its `caller`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_caller_memory_read(
    caller: *mut hostel_caller,
    address: u64,
    data: *mut u8,
    len: usize,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(core::ptr::null_mut(), || {
            let data = boundary::bytes_mut("data", data, len)?;
            with_caller(caller, |caller| room::read_memory(caller.memory(), address, data))
        })
    }
}

/// Copies bytes into the guest's memory, for host functions of plain values that get addresses.
///
/// Returns what hostel_caller_memory_read() returns.
/// Only inside a host function, with its `caller`.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_caller_memory_write(
    caller: *mut hostel_caller,
    address: u64,
    data: *const u8,
    len: usize,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(core::ptr::null_mut(), || {
            let data = boundary::bytes("data", data, len)?;
            with_caller(caller, |caller| room::write_memory(caller.memory(), address, data))
        })
    }
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

unsafe fn with_caller<T>(caller: *mut hostel_caller, f: impl FnOnce(&mut Caller<'_>) -> Result<T>) -> Result<T> {
    // SAFETY: see above.
    unsafe {
        let handle = boundary::borrow_mut("caller", caller)?;
        f(boundary::borrow_mut("caller", handle.caller)?)
    }
}
