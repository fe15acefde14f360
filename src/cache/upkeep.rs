//! What operators do with a directory of artifacts: look which are as they should be, and make room.

use super::listing::{Listed, Listing};
use super::trailer::{Flaw, Proof};
use super::{SealKey, locks};
use crate::engine::{self, Settings, capabilities};
use crate::prepare::Weights;
use crate::sys::inside;
use crate::{Error, Result};
use std::io::{ErrorKind, Result as IoResult};
use std::path::{Path, PathBuf};

/// How an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Sealed with this key, for the place where it lies.
    Sound,
    /// No use to anybody; why.
    Damaged(String),
    /// Of use to others, who have another key or version; why.
    Foreign(String),
}

impl State {
    /// One word.
    pub fn name(&self) -> &'static str {
        match self {
            State::Sound => "ok",
            State::Damaged(_) => "damaged",
            State::Foreign(_) => "foreign",
        }
    }

    /// Why it is not sound.
    pub fn reason(&self) -> Option<&str> {
        match self {
            State::Sound => None,
            State::Damaged(reason) | State::Foreign(reason) => Some(reason),
        }
    }
}

fn reason(flaw: Flaw) -> String {
    format!("it is {flaw}")
}

/// What was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Locks and half-written files of processes that were killed.
    pub leftovers: u64,
    /// Artifacts and aliases that were damaged.
    pub damaged: u64,
    /// Artifacts and aliases that made room.
    pub evicted: u64,
    /// How many bytes all of them had.
    pub bytes: u64,
}

/// What tells how an entry is: a key, and the engines of this build.
pub struct Examiner {
    key: SealKey,
    engines: Engines,
}

impl Examiner {
    /// For what is sealed with this key.
    pub fn new(key: SealKey) -> Result<Self> {
        Ok(Examiner { key, engines: Engines::of_this_build()? })
    }

    /// Looks at an artifact or an alias without loading it; nothing if it is gone meanwhile.
    pub fn examine(&self, entry: &Listed) -> Option<State> {
        if !entry.is_file {
            return Some(State::Damaged("it is not a file".into()));
        }
        // Another version may end its artifacts in another way, so that they only look damaged.
        if self.engines.name(&entry.key.fingerprint).is_none() {
            return Some(State::Foreign(reason(Flaw::OtherEngine)));
        }
        let proof = Proof::new(entry.kind, &self.key);
        let examine = |(mut file, len)| proof.examine(&mut file, len, &entry.key);
        Some(match inside::open(&entry.path).and_then(examine) {
            Ok(Ok(())) => State::Sound,
            Ok(Err(flaw @ (Flaw::OtherKey | Flaw::OtherFormat))) => State::Foreign(reason(flaw)),
            Ok(Err(flaw)) => State::Damaged(reason(flaw)),
            Err(error) if error.kind() == ErrorKind::NotFound => return None,
            Err(error) => State::Foreign(format!("it cannot be read: {}", crate::sys::words(error))),
        })
    }
}

/// The fingerprints of this build's engines, with limits compiled in and without, deterministic and not, but else as they are by
/// default, and their names.
pub struct Engines(Vec<([u8; 32], &'static str)>);

impl Engines {
    /// Makes each engine once, to ask it.
    pub fn of_this_build() -> Result<Self> {
        let ask = |(name, fuel, deadline, deterministic)| {
            let settings = Settings { fuel, deadline, deterministic, ..Settings::default() };
            Ok((engine::new(name, settings)?.fingerprint().hash, name))
        };
        let metered = [(None, true), (None, false), (Some(Weights::default()), true), (Some(Weights::default()), false)];
        let settings = |name| {
            let both = metered
                .clone()
                .into_iter()
                .flat_map(|(fuel, deadline)| [(fuel.clone(), deadline, false), (fuel, deadline, true)]);
            both.map(move |(fuel, deadline, deterministic)| (name, fuel, deadline, deterministic))
        };
        capabilities::built().flat_map(|engine| settings(engine.name)).map(ask).collect::<Result<_>>().map(Engines)
    }

    /// The engine with this fingerprint.
    pub fn name(&self, fingerprint: &[u8; 32]) -> Option<&'static str> {
        self.0.iter().find(|(known, _)| known == fingerprint).map(|(_, name)| *name)
    }
}

/// Removes leftovers, damaged entries if there is somebody to tell them, and what was not used for longest until at most
/// `bytes_max` bytes are left. All that can be removed is, also when something cannot: the first such failure comes, too.
pub(super) fn prune(listing: Listing, examiner: Option<&Examiner>, bytes_max: u64) -> (Pruned, Result<()>) {
    let mut work = Work::default();
    work.remove_leftovers(&listing.transient);
    let is_damaged = |entry: &Listed| {
        let state = examiner.and_then(|examiner| examiner.examine(entry));
        matches!(state, Some(State::Damaged(_)))
    };
    let (damaged, entries): (Vec<_>, Vec<_>) = listing.entries.into_iter().partition(is_damaged);
    work.pruned.damaged = damaged.iter().map(|entry| work.remove(entry)).sum();
    let mut bytes: u64 = entries.iter().map(|entry| entry.bytes).sum();
    for entry in &entries {
        if bytes <= bytes_max {
            break;
        }
        work.pruned.evicted += work.remove(entry);
        bytes -= entry.bytes; // what cannot go is not to be made up for by others
    }
    (work.pruned, work.outcome())
}

/// Removes leftovers, and what was not used for longest until so many bytes are free, if there are so many.
pub(super) fn free(listing: &Listing, bytes: u64) -> Pruned {
    let mut work = Work::default();
    work.remove_leftovers(&listing.transient);
    if work.pruned.bytes + listing.bytes() >= bytes {
        for entry in &listing.entries {
            if work.pruned.bytes >= bytes && work.pruned.leftovers + work.pruned.evicted > 0 {
                break;
            }
            work.pruned.evicted += work.remove(entry);
        }
    }
    work.pruned
}

#[derive(Default)]
struct Work {
    pruned: Pruned,
    failures: u64,
    first: Option<Error>,
}

impl Work {
    fn attempt<T>(&mut self, path: &Path, f: impl FnOnce() -> IoResult<T>) -> Option<T> {
        match f() {
            Ok(value) => Some(value),
            Err(error) => {
                self.failures += 1;
                self.first.get_or_insert_with(|| {
                    Error::CacheIo(format!("cannot remove {}: {}", crate::error::shown_path(path), crate::sys::words(error)))
                });
                None
            }
        }
    }

    fn remove_leftovers(&mut self, paths: &[PathBuf]) {
        for path in paths {
            if let Some(Some(freed)) = self.attempt(path, || locks::remove_abandoned(path)) {
                self.pruned.leftovers += 1;
                self.pruned.bytes += freed;
            }
        }
    }

    /// How many that were: 1, or none.
    fn remove(&mut self, entry: &Listed) -> u64 {
        let removed = self.attempt(&entry.path, || inside::remove(&entry.path)).is_some();
        self.pruned.bytes += if removed { entry.bytes } else { 0 };
        u64::from(removed)
    }

    fn outcome(self) -> Result<()> {
        match self.first {
            None => Ok(()),
            Some(Error::CacheIo(first)) if self.failures > 1 => {
                Err(Error::CacheIo(format!("{first}; nor {} others", self.failures - 1)))
            }
            Some(error) => Err(error),
        }
    }
}
