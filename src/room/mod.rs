//! Rooms: where calls run. Today every room is a new instance; pools, snapshots and resets will live here.

use crate::call::{self, Options, State};
use crate::engine::{Instance, NoInstance, Setup};
use crate::guest::Guest;
use crate::limits::Limit;
use crate::{Error, Result};
use alloc::{boxed::Box, format, sync::Arc};

/// An instance of a guest, linked and started.
pub struct Room {
    instance: Box<dyn Instance + Send>,
    dead: bool,
}

impl Room {
    /// Makes an instance, and runs its start function and `_initialize`.
    pub fn new(guest: &Arc<Guest>, options: &Options) -> Result<Room> {
        let mut state = State::default();
        state.begin(guest, options);
        let (needs, max) = (guest.module().info().memory_bytes_at_start(), state.memory.max_bytes());
        if needs > max {
            let message = format!("the guest starts with a memory of {needs} bytes, over the limit of {max}");
            return Err(Error::MemoryLimit { message, cause: None });
        }
        let table_elements_max = guest.limits().get(Limit::TableElements);
        let stack_bytes = guest.limits().get(Limit::StackBytes) as usize;
        let setup = Setup { host: guest.host(), state, table_elements_max, stack_bytes };
        let instance = match guest.module().code().instantiate(setup) {
            Ok(instance) => instance,
            Err(failed) => {
                let NoInstance { error, mut state } = *failed;
                return Err(start_error(Err(error), &mut state));
            }
        };
        let mut room = Room { instance, dead: false };
        let started = guest.initialize().map_or(Ok(()), |initialize| room.instance.call(initialize, &mut []));
        let state = room.instance.state();
        if started.is_err() || state.refusal.is_some() {
            return Err(start_error(started, state));
        }
        Ok(room)
    }

    /// Runs one call. After an error that stopped the guest half-way the room is dead.
    pub fn call(&mut self, guest: &Guest, export: usize, input: &[u8], options: &Options) -> Result<Box<[u8]>> {
        self.instance.state().begin(guest, options);
        let output_max = options.output_max(guest.limits());
        let outcome = guest.convention()?.call(&mut *self.instance, export, input, output_max);
        self.settle(outcome, output_max)
    }

    /// Runs one call of a function of plain values. `slots` is as [`Instance::call`] wants it.
    pub fn call_values(&mut self, guest: &Guest, export: usize, slots: &mut [u64], options: &Options) -> Result<()> {
        self.instance.state().begin(guest, options);
        let outcome = self.instance.call(export, slots).map(|()| Box::default());
        let output = self.settle(outcome, u64::MAX)?;
        // A host function may have ended the call with bytes, which have no form here.
        if output.is_empty() {
            Ok(())
        } else {
            Err(Error::BadAbi("a host function answered a call of plain values with bytes".into()))
        }
    }

    fn settle(&mut self, outcome: Result<Box<[u8]>>, output_max: u64) -> Result<Box<[u8]>> {
        let state = self.instance.state();
        // A host function that ends a call with a result leaves the guest usable, as holochain's guests expect.
        self.dead = state.unwound && state.short_circuit.is_none();
        call::settle(outcome, state, output_max)
    }

    /// Whether an earlier call stopped the guest half-way.
    pub fn is_dead(&self) -> bool {
        self.dead
    }

    /// The guest's memory, for a host that keeps a stateful instance.
    pub fn memory(&mut self) -> &mut [u8] {
        self.instance.memory()
    }
}

/// Why a start did not come to its end in order; as for a call, a guest may also say no while it starts.
fn start_error(started: Result<()>, state: &mut State) -> Error {
    let ended = || Error::BadAbi("a host function ended the guest's start with a result".into());
    call::settle(started.map(|()| Box::default()), state, u64::MAX).err().unwrap_or_else(ended)
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
