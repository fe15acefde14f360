//! What one call may use up: fuel, time, somebody's patience. A call from inside a host function has what is left to the
//! call around it.

use crate::call::Options;
use crate::engine::Settings;
use crate::guest::Guest;
use crate::stop::{Reason, Stop};
use crate::{Error, Result};
use alloc::{format, string::String, sync::Arc};
use core::fmt;
use core::time::Duration;
#[cfg(feature = "std")]
pub(crate) use with::{inherited, lend};

#[cfg(feature = "std")]
use crate::stop::{Attached, Cancel, timer};
#[cfg(feature = "std")]
use alloc::vec::Vec;
#[cfg(feature = "std")]
use std::time::Instant;

/// What a call may use up.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    /// In units of fuel.
    pub fuel: Option<u64>,
    /// When it is to be over.
    #[cfg(feature = "std")]
    pub deadline: Option<Instant>,
    /// Who may stop it.
    #[cfg(feature = "std")]
    pub cancels: Vec<Arc<Cancel>>,
    /// How much fuel that was once, and who has set it.
    pub fuel_set: Set<u64>,
    /// How long it was to the deadline once, and who has set it.
    pub time_set: Set<Duration>,
}

/// A number as it was set, which is what messages name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Set<T> {
    number: T,
    by: By,
}

/// Who has set a bound.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(
    not(feature = "std"),
    allow(dead_code, reason = "then calls do not know of those around them, and starts have no clock")
)]
enum By {
    /// The options of the call itself.
    #[default]
    Call,
    /// Those of a call that it lies in.
    Around,
    /// The engine, for starts.
    Start,
}

impl<T> Set<T> {
    fn by_call(number: T) -> Self {
        Set { number, by: By::Call }
    }

    /// Seen from a call inside the one that it was set for.
    #[cfg(feature = "std")]
    fn seen_from_inside(self) -> Self {
        Set { by: By::Around, ..self }
    }
}

impl<T: fmt::Display> fmt::Display for Set<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = match self.by {
            By::Call => "of the call",
            By::Around => "of a call around this one",
            By::Start => "that a start has",
        };
        write!(f, "{whose}, {}", self.number)
    }
}

impl Bounds {
    /// Why a guest does not come to its end, when its fuel is used up.
    pub(crate) fn no_fuel(&self) -> String {
        format!("the fuel {}, is used up", self.fuel_set)
    }

    /// The same, when it is told to stop.
    pub(crate) fn told_to_stop(&self, reason: Reason) -> String {
        match reason {
            Reason::Deadline => {
                format!("the time {}, is over", Set { number: Milliseconds(self.time_set.number), by: self.time_set.by })
            }
            Reason::Cancelled => "the call was cancelled".into(),
        }
    }

    /// Of a call that begins now: what its options say, within what is left to the call around it.
    #[inline]
    pub fn of(options: &Options, settings: &Settings, nested: bool) -> Result<Bounds> {
        if !nested && !options.has_bounds() { Ok(Bounds::default()) } else { Bounds::asked(options, settings, nested) }
    }

    fn asked(options: &Options, settings: &Settings, nested: bool) -> Result<Bounds> {
        let fuel_set = Set::by_call(options.fuel.unwrap_or_default());
        let bounds = Bounds { fuel: options.fuel, fuel_set, ..Bounds::default() };
        #[cfg(feature = "std")]
        let bounds = bounds.in_time(options, nested);
        #[cfg(not(feature = "std"))]
        let _ = nested;
        let lacks = |limit: &str| {
            let message = format!("the engine was made without {limit}, so that the call cannot be held to it");
            Err(Error::LimitNotCompiled(message))
        };
        if bounds.fuel.is_some() && settings.fuel.is_none() {
            return lacks("fuel");
        }
        #[cfg(feature = "std")]
        if (bounds.deadline.is_some() || !bounds.cancels.is_empty()) && !settings.deadline {
            return lacks("deadlines and cancelling");
        }
        Ok(bounds)
    }

    #[cfg(feature = "std")]
    fn in_time(mut self, options: &Options, nested: bool) -> Bounds {
        self.deadline = options.time.and_then(|time| Instant::now().checked_add(time));
        self.time_set = Set::by_call(options.time.unwrap_or_default());
        self.cancels.extend(options.cancel.clone());
        if nested {
            self.within(inherited());
        }
        self
    }

    #[cfg(feature = "std")]
    fn within(&mut self, outer: Bounds) {
        if is_lower(outer.fuel, self.fuel) {
            (self.fuel, self.fuel_set) = (outer.fuel, outer.fuel_set.seen_from_inside());
        }
        if is_lower(outer.deadline, self.deadline) {
            (self.deadline, self.time_set) = (outer.deadline, outer.time_set.seen_from_inside());
        }
        self.cancels.extend(outer.cancels);
    }

    /// For start code that later calls depend on: it may take so much time, as much fuel as it likes, and is stopped with
    /// the call that waits for it.
    pub fn of_start(&self, guest: &Guest) -> Bounds {
        let start = Bounds { fuel: None, ..self.clone() };
        #[cfg(feature = "std")]
        let start = start.start_in_time(guest);
        #[cfg(not(feature = "std"))]
        let _ = guest;
        start
    }

    #[cfg(feature = "std")]
    fn start_in_time(mut self, guest: &Guest) -> Bounds {
        if guest.settings().deadline && guest.starts() {
            let time = Duration::from_millis(guest.limits().get(crate::limits::Limit::StartMs));
            let deadline = Instant::now().checked_add(time);
            if is_lower(deadline, self.deadline) {
                (self.deadline, self.time_set) = (deadline, Set { number: time, by: By::Start });
            }
        }
        self
    }

    /// Whether anything but fuel bounds it.
    #[inline]
    pub(crate) fn stops(&self) -> bool {
        #[cfg(feature = "std")]
        return self.deadline.is_some() || !self.cancels.is_empty();
        #[cfg(not(feature = "std"))]
        false
    }

    /// Whether it is over by now, and why: for who waits where no guest runs.
    #[cfg(feature = "std")]
    pub fn ended(&self) -> Option<Reason> {
        if self.cancels.iter().any(|cancel| cancel.is_triggered()) {
            return Some(Reason::Cancelled);
        }
        self.deadline.is_some_and(|at| at <= Instant::now()).then_some(Reason::Deadline)
    }

    /// When to look whether it is over. Tokens do not wake who waits, so that it looks now and then.
    #[cfg(feature = "std")]
    pub fn look_again(&self) -> Option<Duration> {
        let soon = (!self.cancels.is_empty()).then_some(Duration::from_millis(1));
        lower(soon, self.deadline.map(|at| at.saturating_duration_since(Instant::now())))
    }

    /// Lets deadline and tokens stop a guest as long as what this returns is kept.
    #[inline]
    pub fn watch(&self, stop: &Arc<Stop>) -> Result<Watch> {
        #[cfg(feature = "std")]
        if self.stops() {
            return self.begin(stop);
        }
        let _ = stop;
        Ok(Watch::default())
    }

    #[cfg(feature = "std")]
    fn begin(&self, stop: &Arc<Stop>) -> Result<Watch> {
        if self.deadline.is_some_and(|at| at <= Instant::now()) {
            stop.ask(Reason::Deadline);
        }
        Ok(Watch {
            _deadline: self.deadline.map(|at| timer::schedule(at, stop)).transpose()?,
            _cancels: self.cancels.iter().map(|cancel| cancel.attach(stop)).collect(),
        })
    }
}

/// Who watches over a call; dropping it ends that.
#[derive(Default)]
pub struct Watch {
    #[cfg(feature = "std")]
    _deadline: Option<timer::Scheduled>,
    #[cfg(feature = "std")]
    _cancels: Vec<Attached>,
}

/// Whether one bound holds before the other does.
#[cfg(feature = "std")]
fn is_lower<T: Ord>(bound: Option<T>, other: Option<T>) -> bool {
    bound.is_some_and(|bound| other.is_none_or(|other| bound < other))
}

/// A time in the unit that hosts set it in.
struct Milliseconds(Duration);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.as_millis())?;
        match self.0.subsec_nanos() % 1_000_000 {
            0 => {}
            rest => write!(f, ".{rest:06}")?,
        }
        f.write_str(" ms")
    }
}

#[cfg(feature = "std")]
fn lower<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(feature = "std")]
mod with {
    use super::Bounds;
    use std::cell::RefCell;

    std::thread_local! {
        /// What the host function that runs has got from the call that it serves.
        static LENT: RefCell<Option<Lent>> = const { RefCell::new(None) };
    }

    struct Lent {
        bounds: Bounds,
        /// What calls from inside the host function have used.
        spent: u64,
    }

    /// What is left to the call around one that begins.
    pub(crate) fn inherited() -> Bounds {
        LENT.with_borrow(|lent| match lent {
            Some(Lent { bounds, spent }) => {
                Bounds { fuel: bounds.fuel.map(|fuel| fuel.saturating_sub(*spent)), ..bounds.clone() }
            }
            None => Bounds::default(),
        })
    }

    /// A call from inside a host function has used so much.
    pub(crate) fn spend(units: u64) {
        LENT.with_borrow_mut(|lent| {
            if let Some(lent) = lent {
                lent.spent = lent.spent.saturating_add(units);
            }
        });
    }

    /// The guest has used so much itself while the host function runs.
    pub(crate) fn lessen(units: i64) {
        LENT.with_borrow_mut(|lent| {
            if let Some(fuel) = lent.as_mut().and_then(|lent| lent.bounds.fuel.as_mut()) {
                *fuel = fuel.saturating_sub(u64::try_from(units).unwrap_or(0));
            }
        });
    }

    /// What calls from inside the host function that runs have used.
    pub(crate) fn spent() -> u64 {
        LENT.with_borrow(|lent| lent.as_ref().map_or(0, |lent| lent.spent))
    }

    /// Runs a host function with what is left to the call that it serves, and tells what calls inside it have used.
    pub(crate) fn lend<T>(bounds: Bounds, run: impl FnOnce() -> T) -> (T, u64) {
        let around = LENT.replace(Some(Lent { bounds, spent: 0 }));
        let back = PutBack(around);
        let outcome = run();
        let spent = spent();
        drop(back);
        (outcome, spent)
    }

    /// Also when a host function panics.
    struct PutBack(Option<Lent>);

    impl Drop for PutBack {
        fn drop(&mut self) {
            LENT.set(self.0.take());
        }
    }
}
#[cfg(feature = "std")]
pub(crate) use with::{lessen, spend, spent};

/// Without threads nobody can tell whose call it lies in.
#[cfg(not(feature = "std"))]
pub(crate) fn spend(_: u64) {}

#[cfg(not(feature = "std"))]
pub(crate) fn lessen(_: i64) {}

#[cfg(not(feature = "std"))]
pub(crate) fn spent() -> u64 {
    0
}
