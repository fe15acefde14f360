//! What a call came to: told when the host wants to know.

#[cfg(feature = "std")]
use crate::Status;
use crate::call::Options;
use crate::guest::Guest;
use crate::{Error, Result};
#[cfg(feature = "std")]
use std::cell::Cell;
#[cfg(feature = "std")]
use std::time::{Duration, Instant};

/// What a room's last call has used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Units of fuel, if they are counted.
    pub fuel: Option<u64>,
    /// Whether that is not all: the guest was stopped where its counter is not known.
    pub more_fuel: bool,
    /// The most that its memories together had, in bytes.
    pub memory_bytes: u64,
}

/// What a call came to.
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// How it ended.
    pub status: Status,
    /// The engine that it ran on.
    pub engine: &'static str,
    /// Where its code came from: "compiled", or the tier of a cache.
    pub origin: &'static str,
    /// Whether its room was made for it.
    pub room_is_new: bool,
    /// What it has used.
    pub usage: Usage,
    /// How long the module took to load, before.
    pub load: Duration,
    /// How long it took to get a room.
    pub room: Duration,
    /// How long the guest ran, with its input going in and its output coming out.
    pub call: Duration,
    /// Sizes in bytes.
    pub input_bytes: u64,
    /// Sizes in bytes.
    pub output_bytes: u64,
}

#[cfg(feature = "std")]
impl Report {
    /// Of a call that has not begun.
    fn of(guest: &Guest, input_bytes: usize, status: Status) -> Report {
        Report {
            status,
            engine: guest.module().engine().capabilities().name,
            origin: guest.module().origin(),
            room_is_new: false,
            usage: Usage { fuel: guest.module().info().counts_fuel().then_some(0), ..Usage::default() },
            load: guest.module().load_time(),
            room: Duration::ZERO,
            call: Duration::ZERO,
            input_bytes: input_bytes as u64,
            output_bytes: 0,
        }
    }
}

/// Where a report is kept.
#[cfg(feature = "std")]
#[derive(Debug, Default)]
pub struct Slot(Cell<Option<Report>>);

#[cfg(feature = "std")]
impl Slot {
    /// The report of the last call.
    pub fn get(&self) -> Option<Report> {
        self.0.get()
    }
}

/// Writes the report of a call while it goes on.
#[cfg(feature = "std")]
pub(crate) struct Recorder<'a> {
    place: Option<(&'a Slot, Report)>,
    since: Option<Instant>,
}

#[cfg(feature = "std")]
impl Recorder<'_> {
    /// Whether anybody wants to know.
    pub fn is_on(&self) -> bool {
        self.place.is_some()
    }

    /// The call has its room.
    pub fn enter(&mut self, is_new: bool) {
        let lap = self.lap();
        if let Some((_, report)) = &mut self.place {
            report.room = lap;
            report.room_is_new = is_new;
        }
    }

    /// The guest has returned.
    pub fn leave(&mut self, usage: Usage) {
        let lap = self.lap();
        if let Some((_, report)) = &mut self.place {
            report.call = lap;
            report.usage = usage;
        }
    }

    fn lap(&mut self) -> Duration {
        let Some(since) = &mut self.since else { return Duration::ZERO };
        let now = Instant::now();
        now - core::mem::replace(since, now)
    }
}

/// Runs a call; keeps what it came to, if the options want that.
#[cfg(feature = "std")]
#[inline]
pub(crate) fn keep<T: Output>(
    guest: &Guest,
    options: &Options,
    input_bytes: usize,
    call: impl FnOnce(&mut Recorder<'_>) -> Result<T>,
) -> Result<T> {
    let mut recorder = Recorder { place: None, since: None };
    let Some(slot) = &options.report else { return call(&mut recorder) };
    let report = Report::of(guest, input_bytes, Status::Ok);
    recorder = Recorder { place: Some((slot, report)), since: Some(Instant::now()) };
    let outcome = call(&mut recorder);
    if let Some((slot, mut report)) = recorder.place {
        match &outcome {
            Ok(output) => report.output_bytes = output.bytes(),
            Err(error) => report.status = error.status(),
        }
        slot.0.set(Some(report));
    }
    outcome
}

/// The error of a call that is refused for what it asks; kept as what it came to, if the options want that.
#[cfg(feature = "std")]
#[cold]
pub(crate) fn refused(guest: &Guest, options: &Options, input_bytes: usize, error: Error) -> Error {
    if let Some(slot) = &options.report {
        slot.0.set(Some(Report::of(guest, input_bytes, error.status())));
    }
    error
}

/// What a call gives back.
pub(crate) trait Output {
    /// Its size.
    fn bytes(&self) -> u64;
}

impl Output for alloc::boxed::Box<[u8]> {
    fn bytes(&self) -> u64 {
        self.len() as u64
    }
}

impl Output for () {
    fn bytes(&self) -> u64 {
        0
    }
}

/// Without a clock there are no reports.
#[cfg(not(feature = "std"))]
pub(crate) struct Recorder<'a>(core::marker::PhantomData<&'a ()>);

#[cfg(not(feature = "std"))]
impl Recorder<'_> {
    pub fn is_on(&self) -> bool {
        false
    }

    pub fn enter(&mut self, _: bool) {}

    pub fn leave(&mut self, _: Usage) {}
}

#[cfg(not(feature = "std"))]
pub(crate) fn keep<T: Output>(_: &Guest, _: &Options, _: usize, call: impl FnOnce(&mut Recorder<'_>) -> Result<T>) -> Result<T> {
    call(&mut Recorder(core::marker::PhantomData))
}

#[cfg(not(feature = "std"))]
pub(crate) fn refused(_: &Guest, _: &Options, _: usize, error: Error) -> Error {
    error
}
