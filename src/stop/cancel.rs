//! A token that stops the calls it was given to.

use super::{Reason, Stop};
use crate::sys::process::OfProcess;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Stops calls, those that run and those that begin later. Once triggered it stays so.
#[derive(Debug, Default)]
pub struct Cancel {
    triggered: AtomicBool,
    /// Those of this process: in a forked child its parent's do not run.
    calls: OfProcess<Mutex<Calls>>,
}

#[derive(Debug, Default)]
struct Calls {
    next: u64,
    running: BTreeMap<u64, Arc<Stop>>,
}

impl Cancel {
    /// Stops the calls it was given to.
    pub fn trigger(&self) {
        let calls = self.calls();
        self.triggered.store(true, Ordering::Relaxed);
        calls.running.values().for_each(|stop| stop.ask(Reason::Cancelled));
    }

    /// Whether it was triggered.
    pub fn is_triggered(&self) -> bool {
        self.triggered.load(Ordering::Relaxed)
    }

    /// Gives it to a call, until what this returns is dropped.
    pub fn attach(self: &Arc<Self>, stop: &Arc<Stop>) -> Attached {
        let mut calls = self.calls();
        let key = calls.next;
        calls.next += 1;
        calls.running.insert(key, stop.clone());
        // Looked at under the lock: whoever triggers it later finds the call.
        if self.is_triggered() {
            stop.ask(Reason::Cancelled);
        }
        Attached { cancel: self.clone(), key }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.get(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that a token was given to.
#[derive(Debug)]
pub struct Attached {
    cancel: Arc<Cancel>,
    key: u64,
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.cancel.calls().running.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stops_the_calls_it_has_and_those_to_come() {
        let cancel = Arc::new(Cancel::default());
        let (before, during, after) = (Arc::<Stop>::default(), Arc::<Stop>::default(), Arc::<Stop>::default());
        drop(cancel.attach(&before));
        let _during = cancel.attach(&during);
        cancel.trigger();
        let _after = cancel.attach(&after);
        assert_eq!(before.asked(), None);
        assert_eq!(during.asked(), Some(Reason::Cancelled));
        assert_eq!(after.asked(), Some(Reason::Cancelled));
    }

    #[test]
    fn the_first_reason_stays() {
        let stop = Stop::default();
        stop.ask(Reason::Deadline);
        stop.ask(Reason::Cancelled);
        assert_eq!(stop.asked(), Some(Reason::Deadline));
    }
}
