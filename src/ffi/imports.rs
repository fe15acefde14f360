//! Imports: functions of the host that a guest may call.

use super::boundary;
use super::boundary::callback::{UserData, bytes_function, raw_function};
use super::caller::hostel_caller;
use super::error::hostel_error;
use super::status::{hostel_finalizer, hostel_status};
use crate::host::Imports;
use crate::inspect::{FuncType, ValueType};
use crate::{Error, Result};
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

/// A host function of bytes.
///
/// `input` is the guest's memory: read it during the call, do not keep it; it may be empty, and is then not NULL.
/// Answer with hostel_caller_return() or hostel_caller_fail(), or not at all, which is an empty answer.
///
/// Return HOSTEL_STATUS_OK to let the guest go on: with the answer, or with the failure, which the guest sees in its
/// ABI's own form. Return HOSTEL_STATUS_HOST_ERROR to end the guest's call there and then: its status is HOST_ERROR,
/// with the failure that was told. Anything else is a HOST_ERROR, too, that names the number. The same failure is the same error,
/// however it ends the call: same kind, place, payload, and word on whether an instance may be kept (hostel_error_maybe_corrupt()).
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

impl hostel_imports {
    /// Changes them; BUSY once they are frozen.
    pub(super) fn change(&self, change: impl FnOnce(&mut Imports) -> Result<()>) -> Result<()> {
        let mut definitions = boundary::shared(&self.inner);
        if definitions.frozen {
            return Err(Error::Busy("imports: frozen, because a guest was made with them".into()));
        }
        change(&mut definitions.imports)
    }
}

fn define(imports: &hostel_imports, data: &Arc<UserData>, add: impl FnOnce(&mut Imports) -> Result<()>) -> Result<()> {
    imports.change(add)?;
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
