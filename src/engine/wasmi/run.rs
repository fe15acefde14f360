//! Running a guest in slices: the interpreter has no atomic loads to look at a word with, so it stops by itself now and
//! then, by its own fuel, and is resumed unless the guest is to stop.

use super::instance::Data;
use wasmi::{AsContextMut, Error, Func, ResumableCall, Val};

/// What runs between two looks, in the interpreter's own units: about a quarter of a millisecond.
const SLICE: u64 = 100_000;

/// Why a guest that runs in slices did not come back.
#[derive(Debug, thiserror::Error)]
#[error("told to stop")]
pub(super) struct ToldToStop;

impl wasmi::errors::HostError for ToldToStop {}

/// Calls a function.
pub(super) fn run(
    mut context: impl AsContextMut<Data = Data>,
    function: Func,
    params: &[Val],
    results: &mut [Val],
) -> Result<(), Error> {
    let mut context = context.as_context_mut();
    if !context.data().sliced {
        return function.call(context, params, results);
    }
    context.set_fuel(SLICE)?;
    let mut call = function.call_resumable(&mut context, params, results)?;
    loop {
        call = match call {
            ResumableCall::Finished => return Ok(()),
            ResumableCall::HostTrap(trap) => return Err(trap.into_host_error()),
            ResumableCall::OutOfFuel(pause) => {
                if context.data().state.stop.asked().is_some() {
                    return Err(Error::host(ToldToStop));
                }
                context.set_fuel(SLICE.max(pause.required_fuel()))?;
                pause.resume(&mut context, results)?
            }
        };
    }
}
