//! How far a load is, for those who want to know, and who may stop it.

use crate::Result;
use alloc::sync::Arc;

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

/// Who watches a load, if anybody does.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<Watcher>>);

impl Progress {
    /// A watcher gets the phase, what of it is done, and how much there is to do (0: not known). An error stops the load.
    pub fn new(watcher: impl Fn(Phase, u64, u64) -> Result<()> + Send + Sync + 'static) -> Self {
        Progress(Some(Arc::new(watcher)))
    }

    /// The same for a load of this thread's, whatever threads of the engine's it is told on: they work for this one.
    #[cfg(feature = "std")]
    pub(crate) fn of_this_thread(&self) -> Progress {
        let Progress(Some(watcher)) = self.clone() else { return Progress::default() };
        let me = crate::knots::me();
        Progress::new(move |phase, done, total| crate::knots::working_for(me, || watcher(phase, done, total)))
    }

    /// Whether anybody wants to know.
    pub fn is_watched(&self) -> bool {
        self.0.is_some()
    }

    /// Tells how far it is.
    pub fn tell(&self, phase: Phase, done: u64, total: u64) -> Result<()> {
        self.0.as_ref().map_or(Ok(()), |watcher| watcher(phase, done, total))
    }
}
