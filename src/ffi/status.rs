//! Statuses: what every fallible function returns.

use crate::Status;
use core::ffi::{c_char, c_void};

/// What became of a call: one of the HOSTEL_STATUS_* values. 0 is success.
///
/// Numbers are grouped (1: any time, 100: loading, 200: linking, 300: calling), never reused, and new ones may be
/// added: treat a number that you do not know as a failure.
pub type hostel_status = i32;

/// Success.
pub const HOSTEL_STATUS_OK: hostel_status = 0;
/// An argument is wrong; the message names it.
pub const HOSTEL_STATUS_INVALID_ARGUMENT: hostel_status = 1;
/// The handle is in use by another call and serves one at a time, or it is frozen because it has been used.
pub const HOSTEL_STATUS_BUSY: hostel_status = 2;
/// This build does not have what was asked for.
pub const HOSTEL_STATUS_UNSUPPORTED: hostel_status = 3;
/// The system has not enough memory, address space or mappings.
pub const HOSTEL_STATUS_OUT_OF_RESOURCES: hostel_status = 4;
/// A bug in this library. The process is sound; please report the message.
pub const HOSTEL_STATUS_INTERNAL: hostel_status = 5;
/// The bytes are not a valid WebAssembly module (or not valid text format); the message says where.
pub const HOSTEL_STATUS_INVALID_MODULE: hostel_status = 100;
/// The module is over a limit, or needs what the engine lacks; the message names it.
pub const HOSTEL_STATUS_UNSUPPORTED_MODULE: hostel_status = 101;
/// There is no such engine, or it is not part of this build.
pub const HOSTEL_STATUS_UNSUPPORTED_ENGINE: hostel_status = 102;
/// The artifact was made by another engine, version, or for another machine.
pub const HOSTEL_STATUS_ARTIFACT_MISMATCH: hostel_status = 103;
/// The artifact is damaged, or its seal is not ours.
pub const HOSTEL_STATUS_ARTIFACT_CORRUPT: hostel_status = 104;
/// A cache could not be read or written.
pub const HOSTEL_STATUS_CACHE_IO: hostel_status = 105;
/// The module is not in the cache, and there is nothing to compile it from or with.
pub const HOSTEL_STATUS_NOT_CACHED: hostel_status = 106;
/// Imports of the guest are missing or of another type; the message names them all.
pub const HOSTEL_STATUS_LINK_ERROR: hostel_status = 200;
/// The guest exports no function of this name.
pub const HOSTEL_STATUS_NO_SUCH_FUNCTION: hostel_status = 201;
/// The guest breaks its ABI: exports missing or of a wrong type, pointers outside its memory.
pub const HOSTEL_STATUS_BAD_ABI: hostel_status = 202;
/// A limit was asked for that the engine was not built with.
pub const HOSTEL_STATUS_LIMIT_NOT_COMPILED: hostel_status = 300;
/// The guest said no; what it attached is the error's payload.
pub const HOSTEL_STATUS_GUEST_ERROR: hostel_status = 301;
/// A host function ended the call; what it attached is the error's payload.
pub const HOSTEL_STATUS_HOST_ERROR: hostel_status = 302;
/// The guest trapped; hostel_error_trap() says why.
pub const HOSTEL_STATUS_TRAP: hostel_status = 303;
/// The guest's stack is exhausted, or calls from host functions into guests lie too deep inside one another.
pub const HOSTEL_STATUS_STACK_OVERFLOW: hostel_status = 304;
/// The call's fuel is used up, or that of a call around it; the message names how much it was.
pub const HOSTEL_STATUS_OUT_OF_FUEL: hostel_status = 305;
/// The time of the call is over, that of a call around it, or that of a start; the message names how much it was.
pub const HOSTEL_STATUS_DEADLINE: hostel_status = 306;
/// The call was cancelled, or the load was by its progress callback.
pub const HOSTEL_STATUS_CANCELLED: hostel_status = 307;
/// The guest needed more memory than it is allowed, or failed after being refused more.
pub const HOSTEL_STATUS_MEMORY_LIMIT: hostel_status = 308;
/// The output is larger than allowed.
pub const HOSTEL_STATUS_OUTPUT_TOO_LARGE: hostel_status = 309;
/// An earlier call of the instance was stopped half-way, with an error that says hostel_error_maybe_corrupt(); make a new one.
pub const HOSTEL_STATUS_INSTANCE_DEAD: hostel_status = 310;
/// A program ended with an exit code other than 0, or another guest with any.
pub const HOSTEL_STATUS_EXIT: hostel_status = 311;

/// No limit, for limits that are numbers; also what is told where nothing is counted.
pub const HOSTEL_UNLIMITED: u64 = u64::MAX;

/// Called once with the `user_data` of callbacks when nothing uses them any more, on the thread that lets go last.
/// It must not unwind or longjmp.
pub type hostel_finalizer = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// The name of a status without its prefix, such as "OUT_OF_FUEL"; "UNKNOWN" for a number that is none.
///
/// The string is never NULL and lives for ever. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn hostel_status_name(status: hostel_status) -> *const c_char {
    use crate::ffi::boundary::callback::c_text;
    use std::{collections::HashMap, ffi::CString, sync::LazyLock};
    static NAMES: LazyLock<HashMap<i32, CString>> =
        LazyLock::new(|| Status::ALL.iter().map(|&(status, name)| (status as i32, c_text(name))).collect());
    NAMES.get(&status).map_or(c"UNKNOWN", |name| name).as_ptr()
}

/// The version of this library, such as "0.1.0". The string lives for ever. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn hostel_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// The version of this interface. It grows when a program compiled against an older header no longer works with the
/// library; additions leave it as it is. Compare it with HOSTEL_ABI_VERSION at start. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn hostel_abi_version() -> u32 {
    HOSTEL_ABI_VERSION
}

/// The version of the interface that this header describes.
pub const HOSTEL_ABI_VERSION: u32 = 0;
