//! Leaves alone what fails again and again.

use super::RemoteLimits;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Counts failures in a row. After too many nobody is let through for a while, then one at a time, until one succeeds.
pub struct Breaker {
    limits: RemoteLimits,
    state: Mutex<State>,
}

struct State {
    failures: u64,
    closed_until: Instant,
}

impl Breaker {
    /// One that has seen no failure.
    pub fn new(limits: RemoteLimits) -> Self {
        Breaker { limits, state: Mutex::new(State { failures: 0, closed_until: Instant::now() }) }
    }

    /// Whether to try; who does says how it went with [`Breaker::note`].
    pub fn may_try(&self) -> bool {
        let mut state = self.state();
        if state.failures < self.limits.failures {
            return true;
        }
        let now = Instant::now();
        let tries = now >= state.closed_until;
        if tries {
            state.closed_until = now + self.limits.pause; // the others wait for how this one fares
        }
        tries
    }

    /// Notes how a try went; true when from now on nobody is let through.
    pub fn note(&self, worked: bool) -> bool {
        let mut state = self.state();
        state.failures = if worked { 0 } else { state.failures.saturating_add(1) };
        let closes = state.failures >= self.limits.failures;
        if closes {
            state.closed_until = Instant::now() + self.limits.pause;
        }
        closes
    }

    /// Whether the last try failed.
    pub fn failing(&self) -> bool {
        self.state().failures > 0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
