//! Machines that share a remote store agree on who compiles: one claims the key there, for a while, and the others wait for what it
//! makes. Where the store cannot be asked, or the other takes too long, each compiles for itself.

use super::{Key, Tier, warn};
use crate::Result;
use crate::log::{self, Level};
use crate::patience::Patience;
use crate::sys::fork;
use std::thread;
use std::time::{Duration, Instant};

/// What came of claiming a key in a store.
pub struct Claim {
    /// What the claim is given back with, if it is ours.
    pub token: Option<String>,
    /// Whether there is an entry under the key.
    pub there: bool,
    /// How long a claim holds, and is waited for.
    pub time: Duration,
}

/// A claim of ours, until it is dropped.
pub(super) struct Claimed<'a> {
    tier: &'a dyn Tier,
    key: Key,
    token: String,
    generation: u64,
}

impl Drop for Claimed<'_> {
    fn drop(&mut self) {
        if self.generation == fork::generation() {
            self.tier.release(&self.key, &self.token);
        }
    }
}

/// What who wants to compile comes to.
pub(super) enum Agreed<'a, T> {
    /// It compiles, and the others wait for it if it has a claim.
    Compile(Option<Claimed<'a>>),
    /// It need not.
    Found(T),
}

/// How often a store is asked again: soon at first, then once a second.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Claims a key, or waits for who has; `look` looks for the entry.
pub(super) fn agree<'a, T>(
    tier: &'a dyn Tier,
    key: &Key,
    patience: &mut Patience,
    mut look: impl FnMut(&mut Patience) -> Result<Option<T>>,
) -> Result<Agreed<'a, T>> {
    let (begun, mut pause) = (Instant::now(), FIRST_PAUSE);
    while let Some(Claim { token, there, time }) = tier.claim(key) {
        let generation = fork::generation();
        let claimed = token.map(|token| Claimed { tier, key: *key, token, generation });
        if there && let Some(found) = look(patience)? {
            return Ok(Agreed::Found(found));
        }
        if claimed.is_some() {
            return Ok(Agreed::Compile(claimed));
        }
        if begun.elapsed() >= time {
            log::emit(Level::Warn, "hostel::cache", || format!("another machine has not compiled a module in {time:?}"));
            break;
        }
        let until = Instant::now() + pause.min(time.saturating_sub(begun.elapsed()));
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            patience.wait(&"another machine's load of the same module", None, |most| thread::sleep(most.min(left)))?;
        }
        pause = (pause * 2).min(LAST_PAUSE);
    }
    Ok(Agreed::Compile(None))
}

/// Tells what kept a claim from being made; without one, two may compile.
pub(super) fn claimed(tier: &str, outcome: Result<Option<Claim>>) -> Option<Claim> {
    outcome.inspect_err(|error| warn(tier, "cannot agree with other machines", error)).ok().flatten()
}
