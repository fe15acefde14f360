//! wasmer's traps in our terms.

use super::Compiled;
use crate::call::State;
use crate::error::{Frame, Trap, TrapCode, function_name};
use crate::{Error, Result};
use alloc::{boxed::Box, string::ToString, vec::Vec};

/// The error of a call of this code that was unwound.
pub(super) fn error(trap: wasmer_vm::Trap, compiled: &Compiled, state: &mut State) -> Error {
    state.unwound = true;
    let (code, backtrace) = match &trap {
        wasmer_vm::Trap::User(_) => match state.failure.take() {
            Some(failure) => return failure,
            None => (TrapCode::Other, Vec::new()),
        },
        wasmer_vm::Trap::OOM { backtrace } => (TrapCode::OutOfMemory, frames(compiled, backtrace, None)),
        wasmer_vm::Trap::Lib { trap_code: code, backtrace } => (trap_code(*code), frames(compiled, backtrace, None)),
        wasmer_vm::Trap::UncaughtException { .. } => (TrapCode::Other, Vec::new()),
        wasmer_vm::Trap::Wasm { pc, backtrace, signal_trap } => {
            let code = compiled.image.trap_at(*pc).or(*signal_trap).unwrap_or(wasmer_types::TrapCode::StackOverflow);
            (trap_code(code), frames(compiled, backtrace, Some(*pc)))
        }
    };
    let trap = Box::new(Trap { code, backtrace });
    if code == TrapCode::StackOverflow { Error::StackOverflow(trap) } else { Error::Trap(trap) }
}

/// The guest's frames, innermost first: the first so many, with names of bounded length, because a guest chooses how
/// deep it recurses and what its functions are called.
fn frames(compiled: &Compiled, backtrace: &backtrace::Backtrace, trapped_at: Option<usize>) -> Vec<Frame> {
    const FRAMES_MAX: usize = 64;
    let meters = compiled.info.meters.as_ref();
    let frames = backtrace.frames().iter().filter_map(|frame| {
        let pc = frame.ip() as usize;
        // All but the frame that trapped are at the instruction after their call.
        let pc = if Some(pc) == trapped_at { pc } else { pc.checked_sub(1)? };
        let (function, name, offset) = compiled.image.frame_at(pc)?;
        // Where limits were compiled in, offsets are those of another module than the host's.
        let offset = if meters.is_none() { offset } else { None };
        let ours = meters.is_some_and(|meters| function >= meters.guest_functions);
        (!ours).then(|| Frame { function, name: name.map(function_name), offset: offset.map(|offset| offset as usize) })
    });
    frames.take(FRAMES_MAX).collect()
}

/// The outcome of instantiation.
pub(super) fn instantiated<T>(
    result: core::result::Result<T, Box<wasmer_compiler::InstantiationError>>,
    compiled: &Compiled,
    state: &mut State,
) -> Result<T> {
    use wasmer_compiler::{InstantiationError, LinkError};
    result.map_err(|failure| match *failure {
        InstantiationError::Start(trap) | InstantiationError::Link(LinkError::Trap(trap)) => error(trap, compiled, state),
        InstantiationError::Link(LinkError::Resource(message)) => Error::OutOfResources(crate::sys::words(message)),
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
        Theirs::UncaughtException
        | Theirs::UninitializedExnRef
        | Theirs::YieldOutsideAsyncContext
        | Theirs::HostInterrupt
        | Theirs::ReadonlyTableModified => TrapCode::Other,
    }
}
