//! The way a call takes, top to bottom.
//!
//! options -> a room (one from the guest's pool, or the stateful one the host keeps) -> the guest's ABI puts the input in,
//! calls, and takes the output out -> what came of it: the output, or one error with its status.

use crate::bounds::{self, Bounds};
use crate::engine::Instance;
use crate::error::{Frame, TrapCode};
use crate::guest::Guest;
use crate::limits::{Limit, Limits, MemoryGate};
use crate::report::{self, Recorder};
use crate::room::Room;
use crate::stop::{Reason, Stop};
use crate::sys::nesting::{self, Nested};
use crate::{Error, Result};
use alloc::{boxed::Box, format, string::String, sync::Arc, vec::Vec};
use core::ffi::c_void;
use core::ops::DerefMut;
use core::sync::atomic::{AtomicPtr, Ordering};

/// What a host may say about a call; everything has a default.
#[derive(Debug, Default)]
pub struct Options {
    /// Handed to host functions that the guest calls; never looked at.
    pub context: AtomicPtr<c_void>,
    /// Largest output in bytes, if lower than the engine's limit.
    pub output_bytes_max: Option<u64>,
    /// Largest memory in bytes, if lower than the engine's limit.
    pub memory_bytes_max: Option<u64>,
    /// How much fuel it has.
    pub fuel: Option<u64>,
    /// How long it may take.
    #[cfg(feature = "std")]
    pub time: Option<core::time::Duration>,
    /// Who may stop it.
    #[cfg(feature = "std")]
    pub cancel: Option<Arc<crate::stop::Cancel>>,
    /// Where what it came to is told, if the host wants to know.
    #[cfg(feature = "std")]
    pub report: Option<report::Slot>,
}

/// What a guest may always attach when it says no, however low the limit of its output.
const REFUSAL_BYTES: u64 = 1 << 20;

impl Options {
    /// The limit of the output in force.
    pub(crate) fn output_max(&self, limits: &Limits) -> u64 {
        let engine_max = limits.get(Limit::OutputBytes);
        self.output_bytes_max.map_or(engine_max, |max| max.min(engine_max))
    }

    /// Whether it says what the call may use up.
    #[inline]
    pub(crate) fn has_bounds(&self) -> bool {
        #[cfg(feature = "std")]
        return self.fuel.is_some() || self.time.is_some() || self.cancel.is_some();
        #[cfg(not(feature = "std"))]
        self.fuel.is_some()
    }

    /// For the start of a room that later calls will have: the engine's caps, and not those of the call that happens to be
    /// the first.
    pub(crate) fn of_start(&self) -> Options {
        let context = AtomicPtr::new(self.context.load(Ordering::Relaxed));
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
    /// The word that stops the guest, if its code looks at one.
    pub stop: Arc<Stop>,
    /// What the call may use up.
    pub bounds: Bounds,
    /// Whether the guest counts fuel, and how much it was given.
    pub fuel: Option<i64>,
    /// Whether anything of that is so: else nobody looks at the rest of it.
    pub limited: bool,
    /// What the guest gave when it said no.
    pub refusal: Option<Vec<u8>>,
    /// How many bytes that may be.
    pub refusal_max: u64,
    /// Why a host function ended the call.
    pub failure: Option<Error>,
    /// What a host function ended the call with, successfully.
    pub short_circuit: Option<Vec<u8>>,
    /// Whether a host function was called.
    pub host_used: bool,
    /// How many host functions of bytes this instance is inside of.
    pub host_depth: u32,
    /// What WASI holds for it.
    #[cfg(feature = "wasi")]
    pub wasi: crate::wasi::PerCall,
    /// Set by the engine when the guest was stopped half-way and its frames are gone.
    pub unwound: bool,
    /// The guest was stopped where it had not put its counter of fuel away.
    pub counter_lost: bool,
}

impl State {
    /// Makes ready for a call; but for the word that stops it, which those who watch over the call may know already.
    pub(crate) fn begin(&mut self, guest: &Guest, options: &Options, bounds: &Bounds) {
        let limits = guest.limits();
        let asked = options.memory_bytes_max.unwrap_or(u64::MAX);
        self.memory.reset(asked.min(limits.get(Limit::MemoryBytes)));
        let context = options.context.load(Ordering::Relaxed);
        self.context = AtomicPtr::new(context);
        let was_limited = core::mem::take(&mut self.limited);
        let given = bounds.fuel.map_or(i64::MAX, |fuel| i64::try_from(fuel).unwrap_or(i64::MAX));
        self.fuel = guest.module().info().counts_fuel().then_some(given);
        self.limited = self.fuel.is_some() || bounds.stops();
        if self.limited || was_limited {
            self.bounds.clone_from(bounds);
        }
        self.refusal = None;
        self.refusal_max = options.output_max(limits).max(REFUSAL_BYTES);
        self.failure = None;
        self.short_circuit = None;
        self.unwound = false;
        self.counter_lost = false;
        self.host_used = false;
        self.host_depth = 0;
    }

    /// What a program has written until now: its run is over. Nothing of other guests.
    pub(crate) fn written(&mut self) -> Vec<u8> {
        #[cfg(feature = "wasi")]
        return self.wasi.end();
        #[cfg(not(feature = "wasi"))]
        Vec::new()
    }
}

/// Calls `export` in a room that is as new.
pub fn fresh(guest: &Arc<Guest>, export: usize, input: &[u8], options: &Options) -> Result<Box<[u8]>> {
    let guest = guest.best();
    report::keep(guest, options, input.len(), |recorder| {
        let call = Call::enter(guest, options)?;
        guest.check_bytes(export)?;
        let mut room = call.take_room()?;
        let is_new = room.is_new();
        call.run(&mut room, is_new, recorder, |room| room.call(guest, export, input, options, &call.bounds))
    })
}

/// Opens a room that keeps its state between calls, and stays what it is: it is of this very guest.
pub fn open(guest: &Arc<Guest>, options: &Options) -> Result<Room> {
    let call = Call::enter(guest, options)?;
    Room::start(guest, options, &call.bounds)
}

/// Calls `export` in a room that keeps its state between calls.
pub fn stateful(room: &mut Room, guest: &Arc<Guest>, export: usize, input: &[u8], options: &Options) -> Result<Box<[u8]>> {
    report::keep(guest, options, input.len(), |recorder| {
        let call = Call::enter(guest, options)?;
        guest.check_bytes(export)?;
        room.check_alive()?;
        call.run(room, false, recorder, |room| room.call(guest, export, input, options, &call.bounds))
    })
}

/// Calls a function of plain values in a room that is as new.
pub fn fresh_values(guest: &Arc<Guest>, export: usize, values: &mut [u64], options: &Options) -> Result<()> {
    let guest = guest.best();
    report::keep(guest, options, 0, |recorder| {
        let call = Call::enter(guest, options)?;
        let slots = guest.value_slots(export, values)?;
        let mut room = call.take_room()?;
        let is_new = room.is_new();
        call.run(&mut room, is_new, recorder, |room| room.call_values(guest, export, slots, options, &call.bounds))
    })
}

/// Calls a function of plain values in a room that keeps its state between calls.
pub fn stateful_values(room: &mut Room, guest: &Arc<Guest>, export: usize, values: &mut [u64], options: &Options) -> Result<()> {
    report::keep(guest, options, 0, |recorder| {
        let call = Call::enter(guest, options)?;
        let slots = guest.value_slots(export, values)?;
        room.check_alive()?;
        call.run(room, false, recorder, |room| room.call_values(guest, export, slots, options, &call.bounds))
    })
}

/// A call that has been entered.
struct Call<'a> {
    guest: &'a Arc<Guest>,
    options: &'a Options,
    bounds: Bounds,
    nested: Nested,
}

impl<'a> Call<'a> {
    #[inline]
    fn enter(guest: &'a Arc<Guest>, options: &'a Options) -> Result<Call<'a>> {
        let nested = nesting::enter(guest.limits())?;
        let bounds = Bounds::of(options, guest.settings(), nested.is_inner())?;
        Ok(Call { guest, options, bounds, nested })
    }

    fn take_room(&self) -> Result<impl DerefMut<Target = Room> + 'a> {
        self.guest.rooms().take(self.guest, self.options, &self.bounds)
    }

    /// Runs it in a room, and notes what it has used.
    #[inline]
    fn run<T>(
        &self,
        room: &mut Room,
        is_new: bool,
        recorder: &mut Recorder<'_>,
        run: impl FnOnce(&mut Room) -> Result<T>,
    ) -> Result<T> {
        recorder.enter(is_new);
        let outcome = run(room);
        if !recorder.is_on() && !self.nested.is_inner() {
            return outcome; // nobody wants to know
        }
        let usage = room.usage();
        recorder.leave(usage);
        if self.nested.is_inner() {
            // What is not known is taken to be all that it had: else a guest could compute for nothing in calls that trap.
            let all = self.bounds.fuel.filter(|_| usage.more_fuel);
            bounds::spend(all.or(usage.fuel).unwrap_or_default());
        }
        outcome
    }
}

/// Why a guest may not go on, if it is over its bounds: its code looks now and then only.
#[inline]
pub(crate) fn over(instance: &mut dyn Instance) -> Option<Error> {
    let state = instance.state();
    if !state.limited {
        return None;
    }
    if let Some(reason) = state.stop.asked() {
        return Some(stopped(reason, &state.bounds, Vec::new()));
    }
    if state.fuel.is_some() && instance.fuel() < 0 { Some(out_of_fuel(&instance.state().bounds, Vec::new())) } else { None }
}

/// Why a guest does not come to its end.
#[cold]
pub(crate) fn stopped(reason: Reason, bounds: &Bounds, backtrace: Vec<Frame>) -> Error {
    Error::Stopped { reason, message: told(bounds.told_to_stop(reason), &backtrace), backtrace }
}

#[cold]
fn out_of_fuel(bounds: &Bounds, backtrace: Vec<Frame>) -> Error {
    Error::OutOfFuel { message: told(bounds.no_fuel(), &backtrace), backtrace }
}

/// A message with the place where the guest was.
fn told(message: String, backtrace: &[Frame]) -> String {
    match backtrace.first() {
        Some(Frame { name: Some(name), .. }) => format!("{message}, in {name}"),
        Some(Frame { function, .. }) => format!("{message}, in function {function}"),
        None => message,
    }
}

/// What a guest's own code came to, given that it may have been stopped: code that is stopped runs into `unreachable`, and
/// code that is almost at its end is not stopped at all when its fuel is used up.
#[inline]
pub(crate) fn bounded<T>(outcome: Result<T>, state: &mut State, left: i64) -> Result<T> {
    state.counter_lost = state.fuel.is_some() && outcome.as_ref().is_err_and(loses_counter);
    let reason = state.stop.asked().filter(|_| state.unwound);
    let used_up = state.fuel.is_some() && left < 0;
    if reason.is_none() && !used_up {
        return outcome;
    }
    Err(over_bounds(outcome.err(), state, reason))
}

/// Whether a guest that ended so may have used more than its counter says: code puts it away where it calls, returns or
/// gives up, and not in front of each operator that may trap.
fn loses_counter(error: &Error) -> bool {
    use TrapCode::{BadSignature, IndirectCallToNull, StackOverflow, UncaughtException, Unreachable};
    let known = |code| matches!(code, Unreachable | StackOverflow | UncaughtException | IndirectCallToNull | BadSignature);
    error.trap().is_some_and(|trap| !known(trap.code))
}

#[cold]
fn over_bounds(error: Option<Error>, state: &mut State, reason: Option<Reason>) -> Error {
    // How its code gave up is no trap of the guest's; where it was is worth knowing.
    let backtrace = match error {
        Some(Error::Trap(trap)) => trap.backtrace,
        Some(Error::OutOfFuel { backtrace, .. } | Error::Stopped { backtrace, .. }) => backtrace,
        _ => Vec::new(),
    };
    state.unwound = true; // an instance that was over its bounds is not used again
    state.short_circuit = None;
    state.refusal = None;
    match reason {
        Some(reason) => stopped(reason, &state.bounds, backtrace),
        None => out_of_fuel(&state.bounds, backtrace),
    }
}

/// What a call came to, given what was noted on the way: a result that a host function ended it with, a guest that
/// said no, a memory that was not allowed to grow, a guest that was stopped half-way.
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
    let outcome = outcome.map_err(|error| match error {
        Error::Trap(_) | Error::Guest { .. } | Error::StackOverflow(_) if state.memory.refused() => {
            let max = state.memory.max_bytes();
            let message = format!("a memory was not allowed to grow over {max} bytes, and then: {error}");
            Error::MemoryLimit { message, cause: Some(Box::new(error)) }
        }
        error => error,
    });
    outcome.map_err(|error| if state.unwound { error.half_way() } else { error })
}
