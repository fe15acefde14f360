//! Ways to say no: every kind of error, and every form of the macros that make one.

use holochain_wasmer_guest::allocation::__hc__deallocate_1;
use holochain_wasmer_guest::*;

/// An error of each kind, by the name of the kind.
fn error_of(kind: &str) -> Option<WasmErrorInner> {
    Some(match kind {
        "PointerMap" => WasmErrorInner::PointerMap,
        "Deserialize" => WasmErrorInner::Deserialize(vec![0x93, 0, 0xff]),
        "Serialize" => WasmErrorInner::Serialize(SerializedBytesError::Serialize("no form".into())),
        "Serialize2" => WasmErrorInner::Serialize(SerializedBytesError::Deserialize("no sense".into())),
        "ErrorWhileError" => WasmErrorInner::ErrorWhileError,
        "Memory" => WasmErrorInner::Memory,
        "Guest" => WasmErrorInner::Guest("no room".into()),
        "Host" => WasmErrorInner::Host("no host".into()),
        "HostShortCircuit" => WasmErrorInner::HostShortCircuit(vec![0xa2, b'h', b'i', 0, 0xff]),
        "ModuleBuild" => WasmErrorInner::ModuleBuild("no module".into()),
        "ModuleSerialize" => WasmErrorInner::ModuleSerialize("no artifact".into()),
        "ModuleDeserialize" => WasmErrorInner::ModuleDeserialize("no sealed artifact".into()),
        "CallError" => WasmErrorInner::CallError("no call".into()),
        _ => return None,
    })
}

const REFUSED_AT: u32 = line!() + 3;

fn refusal(error: WasmErrorInner) -> WasmError {
    wasm_error!(error)
}

/// Fails with the kind that its input names; answers `unknown` when there is none of that name.
#[no_mangle]
pub extern "C" fn fail_as(ptr: usize, len: usize) -> DoubleUSize {
    match host_args::<String>(ptr, len) {
        Ok(kind) => error_of(&kind).map_or_else(|| return_ptr("unknown"), |error| return_err_ptr(refusal(error))),
        Err(error) => error,
    }
}

/// The line in which `fail_as` makes its errors.
#[no_mangle]
pub extern "C" fn fail_as_line(ptr: usize, len: usize) -> DoubleUSize {
    __hc__deallocate_1(ptr, len);
    return_ptr(REFUSED_AT)
}

/// Fails with the text that came.
#[no_mangle]
pub extern "C" fn fail_with(ptr: usize, len: usize) -> DoubleUSize {
    match host_args::<String>(ptr, len) {
        Ok(text) => return_err_ptr(wasm_error!(text)),
        Err(error) => error,
    }
}

/// Fails with a literal.
#[no_mangle]
pub extern "C" fn fail_literal(ptr: usize, len: usize) -> DoubleUSize {
    __hc__deallocate_1(ptr, len);
    return_err_ptr(wasm_error!("closed for the season"))
}

/// Fails with a format and what came: a number, twice.
#[no_mangle]
pub extern "C" fn fail_format(ptr: usize, len: usize) -> DoubleUSize {
    match host_args::<u64>(ptr, len) {
        Ok(number) => return_err_ptr(wasm_error!("{} of {:#x} rooms", number, number)),
        Err(error) => error,
    }
}

/// Answers what stands in an Ok, fails with what stands in an Err.
#[no_mangle]
pub extern "C" fn try_result(ptr: usize, len: usize) -> DoubleUSize {
    match host_args::<Result<String, String>>(ptr, len) {
        Ok(result) => return_ptr(try_ptr!(result, "tried")),
        Err(error) => error,
    }
}

/// A value that cannot be serialized: a map whose length is not known and whose keys fail.
#[derive(Debug)]
struct Unspeakable;

impl Serialize for Unspeakable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("unspeakable"))
    }
}

/// Returns a value that cannot be serialized, which is an error of its own.
#[no_mangle]
pub extern "C" fn unspeakable(ptr: usize, len: usize) -> DoubleUSize {
    __hc__deallocate_1(ptr, len);
    return_ptr(Unspeakable)
}

/// Panics, which is a trap.
#[no_mangle]
pub extern "C" fn panics(ptr: usize, len: usize) -> DoubleUSize {
    __hc__deallocate_1(ptr, len);
    panic!("the guest panics")
}
