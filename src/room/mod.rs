//! Rooms: where calls run. Today every room is a new instance; pools, snapshots and resets will live here.

use crate::call::{self, Options, State};
use crate::engine::{Instance, Setup};
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
        let setup = Setup { host: guest.host(), state, table_elements_max };
        let mut room = Room { instance: guest.module().code().instantiate(setup)?, dead: false };
        if let Some(initialize) = guest.initialize() {
            room.instance.call(initialize, &mut [])?;
        }
        match room.instance.state().refusal.take() {
            Some(payload) => Err(Error::Guest { payload }), // a guest may say no while it starts, too
            None => Ok(room),
        }
    }

    /// Runs one call. After an error that stopped the guest half-way the room is dead.
    pub fn call(&mut self, guest: &Guest, export: usize, input: &[u8], options: &Options) -> Result<Box<[u8]>> {
        self.instance.state().begin(guest, options);
        let engine_max = guest.limits().get(Limit::OutputBytes);
        let output_max = options.output_bytes_max.unwrap_or(engine_max).min(engine_max);
        let outcome = guest.convention()?.call(&mut *self.instance, export, input, output_max);
        self.dead = outcome.as_ref().is_err_and(Error::stopped_the_guest);
        call::settle(outcome, self.instance.state())
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
