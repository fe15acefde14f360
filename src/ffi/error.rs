//! Errors: what went wrong, in full.

use super::boundary;
use super::boundary::callback::{EMPTY, c_text};
use super::status::{HOSTEL_STATUS_OK, hostel_status};
use crate::Error;
use crate::error::{Kind, TrapCode, message};
use core::ffi::c_char;
use std::ffi::CString;
use std::fmt::Write;
use std::sync::LazyLock;

/// Why a guest was stopped: one of the HOSTEL_TRAP_* values. More may be added.
pub type hostel_trap = i32;

/// No trap.
pub const HOSTEL_TRAP_NONE: hostel_trap = 0;
/// An `unreachable` instruction: how most toolchains compile a panic or abort.
pub const HOSTEL_TRAP_UNREACHABLE: hostel_trap = 1;
/// A memory access out of bounds.
pub const HOSTEL_TRAP_MEMORY_OUT_OF_BOUNDS: hostel_trap = 2;
/// A table access out of bounds.
pub const HOSTEL_TRAP_TABLE_OUT_OF_BOUNDS: hostel_trap = 3;
/// An indirect call to an empty table entry.
pub const HOSTEL_TRAP_INDIRECT_CALL_TO_NULL: hostel_trap = 4;
/// An indirect call to a function of another type.
pub const HOSTEL_TRAP_BAD_SIGNATURE: hostel_trap = 5;
/// An integer overflow in a division.
pub const HOSTEL_TRAP_INTEGER_OVERFLOW: hostel_trap = 6;
/// A division by zero.
pub const HOSTEL_TRAP_INTEGER_DIVISION_BY_ZERO: hostel_trap = 7;
/// A float that no integer of the type can hold.
pub const HOSTEL_TRAP_BAD_CONVERSION_TO_INTEGER: hostel_trap = 8;
/// The call stack is exhausted.
pub const HOSTEL_TRAP_STACK_OVERFLOW: hostel_trap = 9;
/// An atomic access at an address that is not aligned.
pub const HOSTEL_TRAP_UNALIGNED_ATOMIC: hostel_trap = 10;
/// An exception that nothing caught.
pub const HOSTEL_TRAP_UNCAUGHT_EXCEPTION: hostel_trap = 11;
/// The system had no memory for the guest.
pub const HOSTEL_TRAP_OUT_OF_MEMORY: hostel_trap = 12;
/// Something the engine has no better word for.
pub const HOSTEL_TRAP_OTHER: hostel_trap = 13;
/// A null reference where something else is needed: called, thrown, or taken for not null.
pub const HOSTEL_TRAP_NULL_REFERENCE: hostel_trap = 14;

/// What an error counts as among holochain's: one of the HOSTEL_KIND_* values. They are those of `WasmErrorInner` in
/// crate holochain_wasmer_common 0.0.103.
pub type hostel_kind = i32;

/// That taxonomy has no word for it, or there is no error.
pub const HOSTEL_KIND_NONE: hostel_kind = 0;
/// A pointer or length that cannot be one.
pub const HOSTEL_KIND_POINTER_MAP: hostel_kind = 1;
/// Bytes that could not be decoded; they are the payload.
pub const HOSTEL_KIND_DESERIALIZE: hostel_kind = 2;
/// A value that could not be encoded.
pub const HOSTEL_KIND_SERIALIZE: hostel_kind = 3;
/// An error while making an error.
pub const HOSTEL_KIND_ERROR_WHILE_ERROR: hostel_kind = 4;
/// Reading or writing the guest's memory failed.
pub const HOSTEL_KIND_MEMORY: hostel_kind = 5;
/// The guest's own affair.
pub const HOSTEL_KIND_GUEST: hostel_kind = 6;
/// The host's own affair.
pub const HOSTEL_KIND_HOST: hostel_kind = 7;
/// A host function ended the call with a result, which is the payload.
pub const HOSTEL_KIND_HOST_SHORT_CIRCUIT: hostel_kind = 8;
/// The module could not be compiled or linked.
pub const HOSTEL_KIND_MODULE_BUILD: hostel_kind = 9;
/// A compiled module could not be serialized.
pub const HOSTEL_KIND_MODULE_SERIALIZE: hostel_kind = 10;
/// A compiled module could not be read back.
pub const HOSTEL_KIND_MODULE_DESERIALIZE: hostel_kind = 11;
/// The guest could not be called, or did not come back: a trap, fuel or time that is used up, memory that was refused.
pub const HOSTEL_KIND_CALL_ERROR: hostel_kind = 12;

/// An error: status, message and detail. It belongs to whoever received it: free it with hostel_error_free().
/// The getters accept NULL, which stands for success. An error may be read by several threads at once.
pub struct hostel_error {
    error: Error,
    message: CString,
    backtrace: CString,
    module_path: CString,
}

impl hostel_error {
    pub(super) fn new(error: Error) -> Self {
        let mut lines = String::new();
        for frame in error.backtrace() {
            let _ = write!(lines, "function {}", frame.function);
            if let Some(name) = &frame.name {
                let _ = write!(lines, " {name}");
            }
            if let Some(offset) = frame.offset {
                let _ = write!(lines, " at {offset:#x}");
            }
            lines.push('\n');
        }
        let module_path = c_text(error.wasm_error().map_or("", |told| &told.module_path));
        hostel_error { message: c_text(&message(&error)), backtrace: c_text(&lines), module_path, error }
    }
}

/// The status of an error; HOSTEL_STATUS_OK for NULL. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_error_status(error: *const hostel_error) -> hostel_status {
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe { boundary::borrow_optional(error) }.map_or(HOSTEL_STATUS_OK, |error| error.error.status() as hostel_status)
}

/// What went wrong, for people: UTF-8, never NULL, "" for a NULL error. It lives as long as the error. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_error_message(error: *const hostel_error) -> *const c_char {
    // SAFETY: see above.
    unsafe { boundary::borrow_optional(error) }.map_or(EMPTY, |error| &error.message).as_ptr()
}

/// What a program ended with, for HOSTEL_STATUS_EXIT; 0 for any other error, and for NULL. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_error_exit_code(error: *const hostel_error) -> i32 {
    // SAFETY: see above.
    unsafe { boundary::borrow_optional(error) }.and_then(|error| error.error.exit_code()).unwrap_or(0)
}

/// The bytes that the guest or a host function attached; NULL and 0 when there are none. For an error that has a kind of its own,
/// or that a host function told, they are what the kind carries. For a program (ABI command) that has written to its standard
/// output they are what it had written, whatever has ended it.
///
/// They live as long as the error. `len_out` may be NULL. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_error_payload(error: *const hostel_error, len_out: *mut usize) -> *const u8 {
    // SAFETY: see above.
    let payload = unsafe { boundary::borrow_optional(error) }.map_or(&[][..], |error| error.error.payload());
    if !len_out.is_null() {
        // SAFETY: not null, and the caller promises that it can be written.
        unsafe { len_out.write(payload.len()) };
    }
    if payload.is_empty() { core::ptr::null() } else { payload.as_ptr() }
}

/// Why the guest trapped; HOSTEL_TRAP_NONE when it did not: also when it was stopped, as DEADLINE, CANCELLED or OUT_OF_FUEL.
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_error_trap(error: *const hostel_error) -> hostel_trap {
    // SAFETY: see above.
    let error = unsafe { boundary::borrow_optional(error) };
    error.and_then(|error| error.error.trap()).map_or(HOSTEL_TRAP_NONE, |trap| trap.code as hostel_trap)
}

/// The name of a trap, such as "memory access out of bounds"; "none" for HOSTEL_TRAP_NONE, "unknown" for a number that is
/// none.
///
/// The string is never NULL and lives for ever. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn hostel_trap_name(trap: hostel_trap) -> *const c_char {
    static NAMES: LazyLock<Vec<CString>> = LazyLock::new(|| TrapCode::ALL.iter().map(|code| c_text(&code.to_string())).collect());
    match trap {
        HOSTEL_TRAP_NONE => c"none".as_ptr(),
        trap => {
            usize::try_from(trap - 1).ok().and_then(|index| NAMES.get(index)).map_or(c"unknown".as_ptr(), |name| name.as_ptr())
        }
    }
}

/// Where the guest was when it trapped or was stopped, innermost function first, at most 64, one a line with a line feed each: its index, its
/// name (of a function in Rust, without what the compiler has added; of none more than 256 bytes) and its place in the
/// module's bytes, as far as they are known; "" when the engine does not tell.
///
/// Never NULL; it lives as long as the error. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_error_backtrace(error: *const hostel_error) -> *const c_char {
    // SAFETY: see above.
    unsafe { boundary::borrow_optional(error) }.map_or(EMPTY, |error| &error.backtrace).as_ptr()
}

/// What an error counts as among holochain's: the kind that a holochain guest or a host function told, else what that
/// crate's host calls such an error; HOSTEL_KIND_NONE when it has no word for it. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_error_kind(error: *const hostel_error) -> hostel_kind {
    // SAFETY: see above.
    let error = unsafe { boundary::borrow_optional(error) };
    error.and_then(|error| error.error.kind()).map_or(HOSTEL_KIND_NONE, |kind| kind as hostel_kind)
}

/// The name of a kind, such as "HostShortCircuit"; "None" for HOSTEL_KIND_NONE, "Unknown" for a number that is none.
///
/// The string is never NULL and lives for ever. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn hostel_kind_name(kind: hostel_kind) -> *const c_char {
    static NAMES: LazyLock<Vec<CString>> = LazyLock::new(|| Kind::ALL.iter().map(|&(_, name)| c_text(name)).collect());
    match kind {
        HOSTEL_KIND_NONE => c"None".as_ptr(),
        kind => Kind::from_number(kind).map_or(c"Unknown".as_ptr(), |kind| NAMES[kind as usize - 1].as_ptr()),
    }
}

/// The module of the source that a holochain error was made in, such as "my_guest::entries"; "" when it was not told.
///
/// Never NULL; it lives as long as the error. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_error_module_path(error: *const hostel_error) -> *const c_char {
    // SAFETY: see above.
    unsafe { boundary::borrow_optional(error) }.map_or(EMPTY, |error| &error.module_path).as_ptr()
}

/// The line of the source that a holochain error was made in; 0 when it was not told. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_error_line(error: *const hostel_error) -> u32 {
    // SAFETY: see above.
    unsafe { boundary::borrow_optional(error) }.and_then(|error| error.error.wasm_error()).map_or(0, |told| told.line)
}

/// Whether the guest was stopped half-way or misbehaved, so that its state is not to be trusted. Guest calls are not affected,
/// because each has a new instance.
///
/// A stateful instance goes on after every error that does not say so. After one that does, it is dead if the guest was stopped
/// half-way, and says INSTANCE_DEAD from then on. If the guest came back in order, but with addresses that make no sense or an
/// error of such a kind, the instance still answers; a host that wants to be sure does not use it.
///
/// For an error that a host function or a holochain guest told, its kind decides, as that crate's own table has it: a failure of
/// the host's (HOST, GUEST, DESERIALIZE, SERIALIZE, HOST_SHORT_CIRCUIT) leaves the instance alive, however the host function ended
/// the call. What the abandoned function had on its stack is not given back then, and what it was in the middle of stays so: a
/// host that will not have that fails with a kind that says so, such as CALL_ERROR, or does not keep the instance.
///
/// True for: traps, calls that were stopped after they began (DEADLINE, CANCELLED, OUT_OF_FUEL), EXIT, addresses outside the guest's memory, answers of host functions that the guest found no memory for, INSTANCE_DEAD,
/// INTERNAL, and the kinds POINTER_MAP, ERROR_WHILE_ERROR, MEMORY, CALL_ERROR and MODULE_* when they were told. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_error_maybe_corrupt(error: *const hostel_error) -> bool {
    // SAFETY: see above.
    unsafe { boundary::borrow_optional(error) }.is_some_and(|error| error.error.maybe_corrupt())
}

/// Frees an error. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_error_free(error: *mut hostel_error) {
    // SAFETY: see above.
    unsafe { boundary::free(error) }
}
