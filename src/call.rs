//! The way a call takes, top to bottom.
//!
//! options -> a room (one from the guest's pool, or the stateful one the host keeps) -> the guest's ABI puts the input in,
//! calls, and takes the output out -> what came of it: the output, or one error with its status.

use crate::guest::Guest;
use crate::limits::{Limit, Limits, MemoryGate};
use crate::room::Room;
use crate::sys::nesting;
use crate::{Error, Result};
use alloc::{boxed::Box, format, sync::Arc, vec::Vec};
use core::ffi::c_void;
use core::sync::atomic::AtomicPtr;

/// What a host may say about a call; everything has a default.
#[derive(Debug, Default)]
pub struct Options {
    /// Handed to host functions that the guest calls; never looked at.
    pub context: AtomicPtr<c_void>,
    /// Largest output in bytes, if lower than the engine's limit.
    pub output_bytes_max: Option<u64>,
    /// Largest memory in bytes, if lower than the engine's limit.
    pub memory_bytes_max: Option<u64>,
}

/// What a guest may always attach when it says no, however low the limit of its output.
const REFUSAL_BYTES: u64 = 1 << 20;

impl Options {
    /// The limit of the output in force.
    pub(crate) fn output_max(&self, limits: &Limits) -> u64 {
        let engine_max = limits.get(Limit::OutputBytes);
        self.output_bytes_max.map_or(engine_max, |max| max.min(engine_max))
    }

    /// For the start of a room that later calls will have: the engine's limits, and not those of the call that happens to be
    /// the first.
    pub(crate) fn of_start(&self) -> Options {
        let context = AtomicPtr::new(self.context.load(core::sync::atomic::Ordering::Relaxed));
        Options { context, ..Options::default() }
    }

    /// Sets a limit that a call may set.
    pub fn set_limit(&mut self, limit: Limit, value: u64) -> Result<()> {
        Limits::default().set(limit, value)?; // checks the bounds
        match limit {
            Limit::OutputBytes => self.output_bytes_max = Some(value),
            Limit::MemoryBytes => self.memory_bytes_max = Some(value),
            _ => {
                let what = limit.row().what;
                return Err(Error::InvalidArgument(format!("limit: the {what} is fixed by the engine's configuration")));
            }
        }
        Ok(())
    }
}

/// The state of the call that an instance is busy with; engines carry it, host functions and ABIs use it.
#[derive(Debug, Default)]
pub struct State {
    /// The host's context for this call.
    pub context: AtomicPtr<c_void>,
    /// The memory cap, shared with the instance's memories.
    pub memory: Arc<MemoryGate>,
    /// What the guest gave when it said no.
    pub refusal: Option<Vec<u8>>,
    /// How many bytes that may be.
    pub refusal_max: u64,
    /// Why a host function ended the call.
    pub stop: Option<Error>,
    /// What a host function ended the call with, successfully.
    pub short_circuit: Option<Vec<u8>>,
    /// Whether a host function was called.
    pub host_used: bool,
    /// How many host functions of bytes this instance is inside of.
    pub host_depth: u32,
    /// Set by the engine when the guest was stopped half-way and its frames are gone.
    pub unwound: bool,
}

impl State {
    /// Makes ready for a call.
    pub(crate) fn begin(&mut self, guest: &Guest, options: &Options) {
        let limits = guest.limits();
        let asked = options.memory_bytes_max.unwrap_or(u64::MAX);
        self.memory.reset(asked.min(limits.get(Limit::MemoryBytes)));
        let context = options.context.load(core::sync::atomic::Ordering::Relaxed);
        self.context = AtomicPtr::new(context);
        self.refusal = None;
        self.refusal_max = options.output_max(limits).max(REFUSAL_BYTES);
        self.stop = None;
        self.short_circuit = None;
        self.unwound = false;
        self.host_used = false;
        self.host_depth = 0;
    }
}

/// Calls `export` in a room that is as new.
pub fn fresh(guest: &Arc<Guest>, export: usize, input: &[u8], options: &Options) -> Result<Box<[u8]>> {
    let _nested = nesting::enter(guest.limits())?;
    guest.check_bytes(export)?;
    guest.rooms().take(guest, options)?.call(guest, export, input, options)
}

/// Opens a room that keeps its state between calls.
pub fn open(guest: &Arc<Guest>, options: &Options) -> Result<Room> {
    let _nested = nesting::enter(guest.limits())?;
    Room::start(guest, options)
}

/// Calls `export` in a room that keeps its state between calls.
pub fn stateful(room: &mut Room, guest: &Arc<Guest>, export: usize, input: &[u8], options: &Options) -> Result<Box<[u8]>> {
    let _nested = nesting::enter(guest.limits())?;
    guest.check_bytes(export)?;
    if room.is_dead() {
        return Err(Error::InstanceDead);
    }
    room.call(guest, export, input, options)
}

/// Calls a function of plain values in a room that is as new.
pub fn fresh_values(guest: &Arc<Guest>, export: usize, values: &mut [u64], options: &Options) -> Result<()> {
    let _nested = nesting::enter(guest.limits())?;
    let slots = guest.value_slots(export, values)?;
    guest.rooms().take(guest, options)?.call_values(guest, export, slots, options)
}

/// Calls a function of plain values in a room that keeps its state between calls.
pub fn stateful_values(room: &mut Room, guest: &Arc<Guest>, export: usize, values: &mut [u64], options: &Options) -> Result<()> {
    let _nested = nesting::enter(guest.limits())?;
    let slots = guest.value_slots(export, values)?;
    if room.is_dead() {
        return Err(Error::InstanceDead);
    }
    room.call_values(guest, export, slots, options)
}

/// What a call came to, given what was noted on the way: a result that a host function ended it with, a guest that
/// said no, a memory that was not allowed to grow.
pub(crate) fn settle(outcome: Result<Box<[u8]>>, state: &mut State, output_max: u64) -> Result<Box<[u8]>> {
    if let Some(output) = state.short_circuit.take() {
        let len = output.len() as u64;
        return if len > output_max { Err(Error::OutputTooLarge { len, max: output_max }) } else { Ok(output.into()) };
    }
    let outcome = match (state.refusal.take(), outcome) {
        // A guest may stop any way it likes once it has said no, except by misusing the host.
        (Some(payload), Ok(_)) => Err(Error::Guest { payload, trap: None, wasm_error: None }),
        (Some(payload), Err(Error::Trap(trap))) => Err(Error::Guest { payload, trap: Some(trap), wasm_error: None }),
        (_, outcome) => outcome,
    };
    outcome.map_err(|error| match error {
        Error::Trap(_) | Error::Guest { .. } | Error::StackOverflow(_) if state.memory.refused() => {
            let max = state.memory.max_bytes();
            let message = format!("a memory was not allowed to grow over {max} bytes, and then: {error}");
            Error::MemoryLimit { message, cause: Some(Box::new(error)) }
        }
        error => error,
    })
}
