//! The way to a host's callbacks, for those who may outlive what the host has given them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// One at a time goes through, and nobody once it is closed.
#[derive(Default)]
pub(crate) struct Door {
    closed: AtomicBool,
    turn: Mutex<()>,
    inside: Mutex<Option<ThreadId>>,
}

impl Door {
    /// Calls when it is this thread's turn; not when it is closed.
    pub fn pass<T>(&self, call: impl FnOnce() -> T) -> Option<T> {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.enter(turn, call)
    }

    /// The same, but not when somebody else is inside.
    pub fn pass_if_free<T>(&self, call: impl FnOnce() -> T) -> Option<T> {
        let turn = self.turn.try_lock().ok()?;
        self.enter(turn, call)
    }

    fn enter<T>(&self, _turn: MutexGuard<'_, ()>, call: impl FnOnce() -> T) -> Option<T> {
        if self.is_closed() {
            return None;
        }
        *self.inside() = Some(thread::current().id());
        let outcome = call();
        *self.inside() = None;
        Some(outcome)
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Waits for who is inside, unless that is the one who closes it.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        let inside = *self.inside();
        if inside != Some(thread::current().id()) {
            drop(self.turn.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn inside(&self) -> MutexGuard<'_, Option<ThreadId>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
