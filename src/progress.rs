//! How far a load is, for those who want to know, and who may stop it.

#[cfg(feature = "std")]
use crate::Error;
use crate::Result;
#[cfg(feature = "std")]
use crate::limits::{Limit, Limits};
#[cfg(feature = "std")]
use crate::stop::Reason;
use alloc::sync::Arc;
#[cfg(feature = "std")]
use alloc::vec::Vec;
#[cfg(feature = "std")]
use std::time::{Duration, Instant};

/// A part of a load that takes time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Somebody else is waited for: who compiles the same module, or what is to be loaded before.
    Wait,
    /// The module is validated.
    Validate,
    /// Limits are compiled in.
    Prepare,
    /// The engine makes code.
    Compile,
    /// All is done.
    Ready,
}

type Watcher = dyn Fn(Phase, u64, u64) -> Result<()> + Send + Sync;
#[cfg(feature = "std")]
type Wanted = dyn Fn() -> Result<()> + Send + Sync;

/// Who watches a load, if anybody does, and what ends it.
#[derive(Clone, Default)]
pub struct Progress {
    watcher: Option<Arc<Watcher>>,
    /// Fails once nobody wants the module any more.
    #[cfg(feature = "std")]
    wanted: Option<Arc<Wanted>>,
    #[cfg(feature = "std")]
    time: Option<Time>,
}

/// The time of a load.
#[cfg(feature = "std")]
#[derive(Clone, Copy)]
struct Time {
    ms: u64,
    end: Instant,
}

impl Progress {
    /// A watcher gets the phase, what of it is done, and how much there is to do (0: not known). An error stops the load.
    pub fn new(watcher: impl Fn(Phase, u64, u64) -> Result<()> + Send + Sync + 'static) -> Self {
        Progress { watcher: Some(Arc::new(watcher)), ..Progress::default() }
    }

    /// The same, asked every few milliseconds whether the module is still wanted. It must not call the host.
    #[cfg(feature = "std")]
    pub fn wanted_while(self, wanted: impl Fn() -> Result<()> + Send + Sync + 'static) -> Self {
        Progress { wanted: Some(Arc::new(wanted)), ..self }
    }

    /// The same, with the time that these limits give a load from now on, unless its time runs already.
    #[cfg(feature = "std")]
    pub fn timed(&self, limits: &Limits) -> Self {
        let ms = limits.get(Limit::CompileMs);
        let time = self.time.or_else(|| Some(Time { ms, end: Instant::now().checked_add(Duration::from_millis(ms))? }));
        Progress { time, ..self.clone() }
    }

    /// The same for a load of this thread's, whatever threads of the engine's it is told on: they work for this one.
    #[cfg(feature = "std")]
    pub(crate) fn of_this_thread(&self) -> Progress {
        let Some(watcher) = self.watcher.clone() else { return self.clone() };
        let me = crate::knots::me();
        let watcher = move |phase, done, total| crate::knots::working_for(me, || watcher(phase, done, total));
        Progress { watcher: Some(Arc::new(watcher)), ..self.clone() }
    }

    /// Whether anybody wants to know.
    pub fn is_watched(&self) -> bool {
        self.watcher.is_some()
    }

    /// Whether it may be stopped by more than its time.
    #[cfg(feature = "std")]
    pub fn may_end_early(&self) -> bool {
        self.watcher.is_some() || self.wanted.is_some()
    }

    /// Tells how far it is.
    pub fn tell(&self, phase: Phase, done: u64, total: u64) -> Result<()> {
        #[cfg(feature = "std")]
        self.check()?;
        self.watcher.as_ref().map_or(Ok(()), |watcher| watcher(phase, done, total))
    }

    /// Whether it may go on. Nobody is told anything.
    #[cfg(feature = "std")]
    pub fn check(&self) -> Result<()> {
        self.wanted.as_ref().map_or(Ok(()), |wanted| wanted())?;
        match self.time {
            Some(Time { ms, end }) if end <= Instant::now() => Err(Error::Stopped {
                reason: Reason::Deadline,
                message: format!("the module was not loaded within {ms} ms (HOSTEL_LIMIT_COMPILE_MS)"),
                backtrace: Vec::new(),
            }),
            _ => Ok(()),
        }
    }

    /// How much of its time is left, if that is known.
    #[cfg(feature = "std")]
    pub fn time_left(&self) -> Option<Duration> {
        self.time.map(|time| time.end.saturating_duration_since(Instant::now()))
    }
}
