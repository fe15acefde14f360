//! wasmer's traps in our terms.

use crate::call::State;
use crate::error::{Frame, Trap, TrapCode};
use crate::{Error, Result};
use alloc::{boxed::Box, string::ToString};
use wasmer_compiler::get_trace_and_trapcode;

/// The error of a call that was unwound.
pub(super) fn error(trap: wasmer_vm::Trap, state: &mut State) -> Error {
    state.unwound = true;
    if let wasmer_vm::Trap::User(_) = trap
        && let Some(stop) = state.stop.take()
    {
        return stop;
    }
    let (frames, code) = get_trace_and_trapcode(&trap);
    let code = match (&trap, code) {
        (wasmer_vm::Trap::OOM { .. }, _) => TrapCode::OutOfMemory,
        (_, Some(code)) => trap_code(code),
        (_, None) => TrapCode::Other,
    };
    let backtrace = frames
        .iter()
        .map(|frame| Frame {
            function: frame.func_index(),
            name: frame.function_name().map(|name| name.to_string()),
            offset: Some(frame.module_offset()).filter(|&offset| offset != 0),
        })
        .collect();
    let trap = Box::new(Trap { code, backtrace });
    if code == TrapCode::StackOverflow { Error::StackOverflow(trap) } else { Error::Trap(trap) }
}

/// The outcome of instantiation.
pub(super) fn instantiated<T>(
    result: core::result::Result<T, wasmer_compiler::InstantiationError>,
    state: &mut State,
) -> Result<T> {
    use wasmer_compiler::{InstantiationError, LinkError};
    result.map_err(|failure| match failure {
        InstantiationError::Start(trap) | InstantiationError::Link(LinkError::Trap(trap)) => error(trap, state),
        InstantiationError::Link(LinkError::Resource(message)) => Error::OutOfResources(message),
        InstantiationError::Link(failure) => Error::Link(failure.to_string()),
        InstantiationError::CpuFeature(message) => Error::UnsupportedModule(message),
    })
}

fn trap_code(code: wasmer_types::TrapCode) -> TrapCode {
    use wasmer_types::TrapCode as Theirs;
    match code {
        Theirs::StackOverflow => TrapCode::StackOverflow,
        Theirs::HeapAccessOutOfBounds | Theirs::HeapMisaligned => TrapCode::MemoryOutOfBounds,
        Theirs::TableAccessOutOfBounds => TrapCode::TableOutOfBounds,
        Theirs::IndirectCallToNull => TrapCode::IndirectCallToNull,
        Theirs::BadSignature => TrapCode::BadSignature,
        Theirs::IntegerOverflow => TrapCode::IntegerOverflow,
        Theirs::IntegerDivisionByZero => TrapCode::IntegerDivisionByZero,
        Theirs::BadConversionToInteger => TrapCode::BadConversionToInteger,
        Theirs::UnreachableCodeReached => TrapCode::Unreachable,
        Theirs::UnalignedAtomic => TrapCode::UnalignedAtomic,
        Theirs::UncaughtException | Theirs::UninitializedExnRef => TrapCode::UncaughtException,
        Theirs::YieldOutsideAsyncContext | Theirs::HostInterrupt | Theirs::ReadonlyTableModified => TrapCode::Other,
    }
}
