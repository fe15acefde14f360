//! Putting a room back, and what has to be looked at before it is used again.

use super::snapshot::Snapshot;
use super::{Room, Spare};
use crate::sys::faults;
use alloc::sync::Arc;

/// What a room remembers between its calls.
#[derive(Default)]
pub struct History {
    /// The thread of its last call.
    thread: usize,
    calls: u32,
    faults: u64,
    /// Whether writes faulted in its last call.
    faulted: bool,
}

/// A room that has settled, with no faults any more, is looked at each so many calls.
const CALLS_BETWEEN_LOOKS: u32 = 16;

impl Room {
    /// Takes a snapshot of a room that has just started, if others may be like it.
    pub(super) fn snapshot(&mut self) -> Option<Arc<Snapshot>> {
        if self.instance.state().host_used {
            return None; // it may hold something of this moment, or of this room alone
        }
        self.instance.snapshot().map(Arc::new)
    }

    /// Makes sure that a write in this thread would reach our handler, or that none faults; false when that cannot be had.
    ///
    /// Asking the system takes as long as the rest of a reset, so a settled room is looked at now and then only.
    pub(super) fn can_run_in(&mut self, thread: usize) -> bool {
        if !self.is_ours() {
            return false;
        }
        let History { thread: last, calls, faulted, .. } = &mut self.history;
        *calls = calls.wrapping_add(1);
        let due = *last != thread || *faulted || calls.is_multiple_of(CALLS_BETWEEN_LOOKS);
        *last = thread;
        if !due || faults::are_ours() {
            return true;
        }
        self.instance.memories().iter_mut().all(|memory| !memory.is_tracked() || memory.untrack().is_ok())
    }

    /// Ends a room that cannot be put back, but for its memories, if another can have them.
    pub(super) fn into_spare(self) -> Option<Spare> {
        if self.like.is_some() {
            return None;
        }
        let mut spare = self.instance.into_memories();
        spare.reverse(); // they are used from the end
        (!spare.is_empty() && spare.iter_mut().all(|memory| memory.clear())).then_some(spare)
    }

    /// Puts it back as it was made: how many pages that took and how many writes had faulted, or nothing when it cannot be
    /// done.
    pub(super) fn reset(&mut self) -> Option<(u64, u64)> {
        let like = self.like.as_ref()?;
        let (mut pages, mut faults) = (0, 0);
        for memory in self.instance.memories() {
            pages += memory.reset()?;
            faults += memory.faults();
        }
        self.instance.restore();
        #[cfg(feature = "wasi")]
        drop(core::mem::take(&mut self.instance.state().wasi));
        let new = faults.saturating_sub(self.history.faults);
        self.history.faulted = new > 0;
        if new > 0 {
            self.history.faults = faults;
            like.learn(self.instance.memories());
        }
        Some((pages, new))
    }
}
