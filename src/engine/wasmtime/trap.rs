//! wasmtime's errors in our terms.

use crate::Error;
use crate::call::State;
use crate::engine::HostStop;
use crate::error::{Frame, Trap, TrapCode, function_name};
use crate::prepare::Meters;
use alloc::{boxed::Box, format, vec::Vec};
use wasmtime::{ThrownException, Trap as Theirs, WasmBacktrace};

/// How many frames of a trap are kept: a guest chooses how deep it recurses.
pub(super) const FRAMES_MAX: usize = 64;

/// The error of a call that was unwound.
#[cold]
pub(super) fn error(error: &wasmtime::Error, meters: Option<&Meters>, state: &mut State) -> Error {
    state.unwound = true;
    if error.is::<HostStop>()
        && let Some(failure) = state.failure.take()
    {
        return failure;
    }
    let Some(code) = code(error) else { return Error::Internal(format!("wasmtime: {error:#}")) };
    let trap = Box::new(Trap { code, backtrace: frames(error, meters) });
    if code == TrapCode::StackOverflow { Error::StackOverflow(trap) } else { Error::Trap(trap) }
}

/// The error of an instance that was not made, or whose start did not come to its end.
#[cold]
pub(super) fn not_made(failure: &wasmtime::Error, meters: Option<&Meters>, state: &mut State) -> Error {
    if failure.is::<HostStop>() || code(failure).is_some() {
        return error(failure, meters, state);
    }
    Error::OutOfResources(format!("no instance can be made: {}", crate::sys::words(format_args!("{failure:#}"))))
}

fn code(error: &wasmtime::Error) -> Option<TrapCode> {
    if let Some(trap) = error.downcast_ref::<Theirs>() {
        return Some(trap_code(*trap));
    }
    if error.is::<ThrownException>() {
        return Some(TrapCode::UncaughtException);
    }
    if error.is::<HostStop>() {
        return Some(TrapCode::Other);
    }
    // Where exceptions that were thrown are kept.
    let no_memory = error.is::<wasmtime::GcHeapOutOfMemory<()>>() || error.is::<wasmtime::OutOfMemory>();
    no_memory.then_some(TrapCode::OutOfMemory)
}

/// The guest's frames, innermost first.
fn frames(error: &wasmtime::Error, meters: Option<&Meters>) -> Vec<Frame> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return Vec::new() };
    let guests =
        backtrace.frames().iter().filter(|frame| meters.is_none_or(|meters| frame.func_index() < meters.guest_functions));
    let frame = |frame: &wasmtime::FrameInfo| Frame {
        function: frame.func_index(),
        name: frame.func_name().map(function_name),
        // Where limits were compiled in, offsets are those of another module than the host's.
        offset: if meters.is_none() { frame.module_offset() } else { None },
    };
    guests.take(FRAMES_MAX).map(frame).collect()
}

fn trap_code(trap: Theirs) -> TrapCode {
    match trap {
        Theirs::StackOverflow => TrapCode::StackOverflow,
        Theirs::MemoryOutOfBounds => TrapCode::MemoryOutOfBounds,
        Theirs::HeapMisaligned => TrapCode::UnalignedAtomic,
        Theirs::TableOutOfBounds => TrapCode::TableOutOfBounds,
        Theirs::IndirectCallToNull => TrapCode::IndirectCallToNull,
        Theirs::BadSignature => TrapCode::BadSignature,
        Theirs::IntegerOverflow => TrapCode::IntegerOverflow,
        Theirs::IntegerDivisionByZero => TrapCode::IntegerDivisionByZero,
        Theirs::BadConversionToInteger => TrapCode::BadConversionToInteger,
        Theirs::UnreachableCodeReached => TrapCode::Unreachable,
        Theirs::NullReference => TrapCode::NullReference,
        Theirs::AllocationTooLarge => TrapCode::OutOfMemory,
        _ => TrapCode::Other,
    }
}
