//! The interpreter's errors in our terms.

use super::super::HostStop;
use super::run::ToldToStop;
use crate::Error;
use crate::call::State;
use crate::error::{Trap, TrapCode};
use alloc::{boxed::Box, string::ToString, vec::Vec};
use wasmi::errors::{ErrorKind, InstantiationError, MemoryError, TableError};

/// The error of a call or an instantiation that did not come back in order.
pub(super) fn call_error(error: wasmi::Error, state: &mut State) -> Error {
    state.unwound = true;
    if error.downcast_ref::<HostStop>().is_some()
        && let Some(failure) = state.failure.take()
    {
        return failure;
    }
    if error.downcast_ref::<ToldToStop>().is_some() {
        // Told apart by the word that said so (see `call::bounded`).
        return Error::Trap(Box::new(Trap { code: TrapCode::Other, backtrace: Vec::new() }));
    }
    let trap = |code| Trap { code, backtrace: Vec::new() };
    if let Some(code) = error.as_trap_code() {
        return match trap_code(code) {
            TrapCode::StackOverflow => Error::StackOverflow(Box::new(trap(TrapCode::StackOverflow))),
            code => Error::Trap(Box::new(trap(code))),
        };
    }
    match error.kind() {
        // Active segments that do not fit, while instantiating.
        ErrorKind::Memory(MemoryError::OutOfBoundsAccess) => Error::Trap(Box::new(trap(TrapCode::MemoryOutOfBounds))),
        ErrorKind::Table(TableError::InitOutOfBounds | TableError::CopyOutOfBounds) => {
            Error::Trap(Box::new(trap(TrapCode::TableOutOfBounds)))
        }
        ErrorKind::Instantiation(InstantiationError::ElementSegmentDoesNotFit { .. }) => {
            Error::Trap(Box::new(trap(TrapCode::TableOutOfBounds)))
        }
        ErrorKind::Memory(_) | ErrorKind::Table(_) | ErrorKind::Instantiation(_) => Error::OutOfResources(error.to_string()),
        _ => Error::Internal(error.to_string()),
    }
}

fn trap_code(code: wasmi::TrapCode) -> TrapCode {
    use wasmi::TrapCode as Theirs;
    match code {
        Theirs::UnreachableCodeReached => TrapCode::Unreachable,
        Theirs::MemoryOutOfBounds => TrapCode::MemoryOutOfBounds,
        Theirs::TableOutOfBounds => TrapCode::TableOutOfBounds,
        Theirs::IndirectCallToNull => TrapCode::IndirectCallToNull,
        Theirs::IntegerDivisionByZero => TrapCode::IntegerDivisionByZero,
        Theirs::IntegerOverflow => TrapCode::IntegerOverflow,
        Theirs::BadConversionToInteger => TrapCode::BadConversionToInteger,
        Theirs::StackOverflow => TrapCode::StackOverflow,
        Theirs::BadSignature => TrapCode::BadSignature,
        Theirs::OutOfSystemMemory => TrapCode::OutOfMemory,
        Theirs::OutOfFuel | Theirs::GrowthOperationLimited => TrapCode::Other,
    }
}
