//! Rooms: where calls run. A room is an instance of a guest, linked and started; a guest's pool keeps rooms between calls
//! and puts them back as they were, so that no byte of one call is visible to the next.

#[cfg(snapshots)]
pub mod memory;
#[cfg(feature = "std")]
pub mod pool;
#[cfg(feature = "std")]
pub mod registry;
#[cfg(snapshots)]
mod reset;
pub mod snapshot;
#[cfg(not(feature = "std"))]
pub mod unpooled;
#[cfg(not(feature = "std"))]
pub use unpooled as pool;

#[cfg(feature = "wasi")]
use crate::abi::Abi;
use crate::bounds::Bounds;
use crate::call::{self, Options, State};
use crate::engine::{Instance, NoInstance, Setup};
use crate::error::TrapCode;
use crate::guest::Guest;
use crate::limits::{Limit, Limits};
use crate::report::Usage;
use crate::stop::Stop;
use crate::sys::fork;
use crate::{Error, Result};
use alloc::{boxed::Box, format, sync::Arc, vec::Vec};
use snapshot::Snapshot;

/// Memories that wait for a room.
#[cfg(snapshots)]
type Spare = memory::Memories;
#[cfg(not(snapshots))]
type Spare = ();

/// An instance of a guest, linked and started.
pub struct Room {
    instance: Box<dyn Instance + Send>,
    /// A call was stopped half-way, by what may leave the guest corrupt.
    dead: bool,
    /// The last call was ended from inside, by whatever it was.
    unwound: bool,
    /// The last call ended in a way after which an instance is not used again.
    spoilt: bool,
    /// What it was made like, if it was.
    #[cfg_attr(not(snapshots), allow(dead_code, reason = "then no room is made like another"))]
    like: Option<Arc<Snapshot>>,
    /// How much memory its guest had then.
    memory_bytes_as_new: u64,
    /// Calls since it was as new.
    uses: u32,
    /// Whether any call has run in it.
    used: bool,
    /// The process it was made in.
    generation: u64,
    #[cfg(snapshots)]
    history: reset::History,
}

impl Room {
    /// Makes an instance, and runs its start function and `_initialize`.
    pub fn start(guest: &Arc<Guest>, options: &Options, bounds: &Bounds) -> Result<Room> {
        let start = Bounds { fuel: bounds.fuel, ..bounds.of_start(guest) };
        Room::begin(guest, options, &start, Spare::default())
    }

    /// Makes one for calls that have limits of their own, which are not those of the start; in memories that another room
    /// does not need any more.
    fn start_for_calls(guest: &Arc<Guest>, options: &Options, bounds: &Bounds, spare: Spare) -> Result<Room> {
        Room::begin(guest, &options.of_start(), &bounds.of_start(guest), spare)
    }

    fn begin(guest: &Arc<Guest>, options: &Options, bounds: &Bounds, spare: Spare) -> Result<Room> {
        let stop = Arc::<Stop>::default();
        let _watch = bounds.watch(&stop)?;
        if let Some(reason) = stop.asked() {
            return Err(while_starting(call::stopped(reason, bounds, Vec::new())));
        }
        let mut room = Room::make(guest, options, bounds, stop, None, spare)?;
        let started = guest.initialize().map_or(Ok(()), |initialize| room.instance.call(initialize, &mut []));
        let left = room.instance.fuel();
        let state = room.instance.state();
        if started.is_err() || state.refusal.is_some() || left < 0 {
            return Err(start_error(started, state, left));
        }
        room.memory_bytes_as_new = state.memory.taken();
        #[cfg(feature = "wasi")]
        state.wasi.end_start();
        Ok(room)
    }

    /// MEMORY_LIMIT when a call may not have what the guest has before it runs.
    fn check(&self, guest: &Guest, options: &Options) -> Result<()> {
        check_memory(self.memory_bytes_as_new, memory_max(guest.limits(), options))
    }

    #[cfg_attr(not(snapshots), allow(unused_variables, reason = "then memories are the engine's"))]
    fn make(
        guest: &Arc<Guest>,
        options: &Options,
        bounds: &Bounds,
        stop: Arc<Stop>,
        like: Option<Arc<Snapshot>>,
        spare: Spare,
    ) -> Result<Room> {
        let mut state = State { stop, ..State::default() };
        state.begin(guest, options, bounds);
        #[cfg(feature = "wasi")]
        if guest.abi() == Some(Abi::Command) {
            state.wasi.begin_start(options.output_max(guest.limits()));
        }
        check_memory(guest.module().info().memory_bytes_at_start(), state.memory.max_bytes())?;
        let limits = guest.limits();
        let setup = Setup {
            host: guest.host(),
            state,
            table_elements_max: limits.get(Limit::TableElements),
            stack_bytes: limits.get(Limit::StackBytes) as usize,
            memory_bytes_max: limits.get(Limit::MemoryBytes),
            #[cfg(snapshots)]
            spare,
            like: like.clone(),
        };
        match guest.module().code().instantiate(setup) {
            Ok(instance) => Ok(Room {
                memory_bytes_as_new: like.as_ref().map_or(0, |like| like.memory_bytes()),
                instance,
                dead: false,
                unwound: false,
                spoilt: false,
                like,
                uses: 0,
                used: false,
                generation: fork::generation(),
                #[cfg(snapshots)]
                history: reset::History::default(),
            }),
            Err(failed) => {
                let NoInstance { error, mut state, fuel } = *failed;
                Err(start_error(Err(error), &mut state, fuel))
            }
        }
    }

    /// Runs one call. After an error that stopped the guest half-way, and says that it may be corrupt, the room is dead.
    pub fn call(&mut self, guest: &Guest, export: usize, input: &[u8], options: &Options, bounds: &Bounds) -> Result<Box<[u8]>> {
        let output_max = options.output_max(guest.limits());
        let convention = guest.convention()?;
        let outcome = self.within(guest, options, bounds, |instance| convention.call(instance, export, input, output_max));
        if let Some(output) = self.instance.state().short_circuit.as_mut().filter(|output| output.is_empty()) {
            output.extend_from_slice(convention.nothing());
        }
        let outcome = outcome.and_then(|outcome| self.settle(outcome, output_max));
        outcome.map_err(|error| error.with_output(self.instance.state().written()))
    }

    /// Runs one call of a function of plain values. `slots` is as [`Instance::call`] wants it.
    pub fn call_values(
        &mut self,
        guest: &Guest,
        export: usize,
        slots: &mut [u64],
        options: &Options,
        bounds: &Bounds,
    ) -> Result<()> {
        let outcome = self.within(guest, options, bounds, |instance| instance.call(export, slots).map(|()| Box::default()))?;
        let output = self.settle(outcome, u64::MAX)?;
        // A host function may have ended the call with bytes, which have no form here.
        if output.is_empty() {
            Ok(())
        } else {
            Err(Error::BadAbi("a host function answered a call of plain values with bytes".into()))
        }
    }

    /// Runs code of the guest within the bounds of a call. The outer error is of a call that did not begin.
    #[inline]
    fn within<T>(
        &mut self,
        guest: &Guest,
        options: &Options,
        bounds: &Bounds,
        run: impl FnOnce(&mut dyn Instance) -> Result<T>,
    ) -> Result<Result<T>> {
        let instance = &mut *self.instance;
        let state = instance.state();
        state.begin(guest, options, bounds);
        state.stop.clear();
        if !state.limited {
            return Ok(run(instance));
        }
        let watch = bounds.watch(&state.stop)?;
        if let Some(given) = state.fuel {
            instance.set_fuel(given);
        }
        let outcome = match call::over(instance) {
            None => run(instance),
            Some(error) => return Err(error),
        };
        drop(watch);
        let left = instance.fuel();
        Ok(call::bounded(outcome, instance.state(), left))
    }

    fn settle(&mut self, outcome: Result<Box<[u8]>>, output_max: u64) -> Result<Box<[u8]>> {
        self.spoilt = outcome.as_ref().is_err_and(spoils);
        let state = self.instance.state();
        self.unwound = state.unwound;
        self.spoilt |= state.memory.refused() && state.unwound;
        let outcome = call::settle(outcome, state, output_max);
        // What came back in order is for its host to judge.
        self.dead = self.unwound && outcome.as_ref().is_err_and(Error::maybe_corrupt);
        outcome
    }

    /// Without a snapshot nothing can be put back.
    #[cfg(all(feature = "std", not(snapshots)))]
    fn reset(&mut self) -> Option<(u64, u64)> {
        None
    }

    #[cfg(all(feature = "std", not(snapshots)))]
    fn can_run_in(&mut self, _: usize) -> bool {
        self.is_ours()
    }

    /// Whether it was made in this process. The one that this was forked from may give up what its rooms are like at any time,
    /// and its threads may have held locks of their engine.
    #[cfg(feature = "std")]
    fn is_ours(&self) -> bool {
        self.generation == fork::generation()
    }

    /// INSTANCE_DEAD when an earlier call stopped the guest half-way, and may have left it corrupt.
    pub fn check_alive(&self) -> Result<()> {
        if self.dead { Err(Error::InstanceDead) } else { Ok(()) }
    }

    /// Whether no call has run in it yet.
    pub fn is_new(&self) -> bool {
        !self.used
    }

    /// What the last call has used.
    pub fn usage(&mut self) -> Usage {
        let left = self.instance.fuel();
        let state = self.instance.state();
        let fuel = state.fuel.map(|given| given.saturating_sub(left.max(0)) as u64);
        Usage { fuel, more_fuel: state.counter_lost, memory_bytes: state.memory.taken() }
    }

    /// The guest's memory, for a host that keeps a stateful instance.
    pub fn memory(&mut self) -> &mut [u8] {
        self.instance.memory()
    }
}

/// Whether an instance is better not used again: its stack ran out, or something went wrong that should not.
fn spoils(error: &Error) -> bool {
    match error {
        Error::Trap(trap) => !matches!(
            trap.code,
            TrapCode::MemoryOutOfBounds
                | TrapCode::TableOutOfBounds
                | TrapCode::IndirectCallToNull
                | TrapCode::BadSignature
                | TrapCode::IntegerOverflow
                | TrapCode::IntegerDivisionByZero
                | TrapCode::BadConversionToInteger
                | TrapCode::Unreachable
        ),
        Error::Guest { .. } | Error::Host { .. } | Error::BadAbi(_) | Error::Misbehaved(_) | Error::Envelope { .. } => false,
        Error::OutputTooLarge { .. } | Error::Exit { .. } => false,
        _ => true,
    }
}

/// MEMORY_LIMIT when a guest has more memory before it runs than a call may.
fn check_memory(needs: u64, max: u64) -> Result<()> {
    if needs <= max {
        return Ok(());
    }
    let message = format!("the guest starts with a memory of {needs} bytes, over the limit of {max}");
    Err(Error::MemoryLimit { message, cause: None })
}

/// The lower of what an engine and a call allow.
fn memory_max(limits: &Limits, options: &Options) -> u64 {
    options.memory_bytes_max.unwrap_or(u64::MAX).min(limits.get(Limit::MemoryBytes))
}

/// Why a start did not come to its end in order; as for a call, a guest may also say no while it starts.
fn start_error(started: Result<()>, state: &mut State, fuel: i64) -> Error {
    let started = call::bounded(started, state, fuel).map_err(while_starting);
    let ended = || Error::BadAbi("a host function ended the guest's start with a result".into());
    let error = call::settle(started.map(|()| Box::default()), state, u64::MAX).err().unwrap_or_else(ended);
    error.with_output(state.written())
}

/// An error of a start, with a message that says so where the host could not tell.
fn while_starting(error: Error) -> Error {
    match error {
        Error::Stopped { reason, message, backtrace } => {
            Error::Stopped { reason, message: format!("while the guest started: {message}"), backtrace }
        }
        error => error,
    }
}

/// Copies bytes out of a guest's memory.
pub fn read_memory(memory: &mut [u8], address: u64, data: &mut [u8]) -> Result<()> {
    data.copy_from_slice(place(memory, address, data.len())?);
    Ok(())
}

/// Copies bytes into a guest's memory.
pub fn write_memory(memory: &mut [u8], address: u64, data: &[u8]) -> Result<()> {
    place(memory, address, data.len())?.copy_from_slice(data);
    Ok(())
}

fn place(memory: &mut [u8], address: u64, len: usize) -> Result<&mut [u8]> {
    let size = memory.len();
    let outside =
        || Error::InvalidArgument(format!("address: {len} bytes at {address:#x} are outside the memory of {size} bytes"));
    let start = usize::try_from(address).map_err(|_| outside())?;
    let end = start.checked_add(len).ok_or_else(outside)?;
    memory.get_mut(start..end).ok_or_else(outside)
}
