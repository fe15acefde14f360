//! Two tiers as one: a hit in the second is kept in the first, and what is new is kept in both.

use super::agree::Claim;
use super::locks::Place;
use super::{Entry, Key, Stats, Tier};
use crate::engine::Engine;
use crate::module::Module;
use crate::{Error, Result};
use std::sync::Arc;

/// How many tiers a chain may have, each counted as often as it stands there. So it is not deeper than that either, whichever
/// way it was put together.
pub const TIERS_MAX: usize = 32;

/// The first tier, and the one behind it.
pub struct Fallback {
    first: Arc<dyn Tier>,
    second: Arc<dyn Tier>,
}

impl Fallback {
    /// Chains two tiers, or chains; INVALID_ARGUMENT when those have too many.
    pub fn new(first: Arc<dyn Tier>, second: Arc<dyn Tier>) -> Result<Self> {
        let tiers = first.tiers() + second.tiers();
        if tiers > TIERS_MAX {
            return Err(Error::InvalidArgument(format!("a chain of {tiers} caches is over the limit of {TIERS_MAX}")));
        }
        Ok(Fallback { first, second })
    }
}

impl Tier for Fallback {
    fn load(&self, key: &Key, engine: &dyn Engine) -> Option<(Entry, &'static str)> {
        if let Some(found) = self.first.load(key, engine) {
            return Some(found);
        }
        let found = self.second.load(key, engine)?;
        self.first.save(key, &found.0);
        Some(found)
    }

    fn load_near(&self, key: &Key, engine: &Arc<dyn Engine>) -> Option<Result<Arc<Module>>> {
        if let Some(found) = self.first.load_near(key, engine) {
            return Some(found);
        }
        if self.first.is_far() {
            return None;
        }
        let found = self.second.load_near(key, engine)?;
        if let Ok(module) = &found {
            self.first.save(key, &module.entry());
        }
        Some(found)
    }

    fn load_far(&self, key: &Key, engine: &dyn Engine) -> Option<(Entry, &'static str)> {
        let found = match self.first.is_far() {
            true => match self.first.load_far(key, engine) {
                None => self.second.load(key, engine)?,
                found => return found,
            },
            false => self.second.load_far(key, engine)?,
        };
        self.first.save(key, &found.0);
        Some(found)
    }

    fn is_far(&self) -> bool {
        self.first.is_far() || self.second.is_far()
    }

    fn claim(&self, key: &Key) -> Option<Claim> {
        self.first.claim(key).or_else(|| self.second.claim(key))
    }

    fn release(&self, key: &Key, token: &str) {
        self.first.release(key, token);
        self.second.release(key, token);
    }

    fn save(&self, key: &Key, entry: &Entry) {
        self.first.save(key, entry);
        self.second.save(key, entry);
    }

    fn contains(&self, key: &Key) -> bool {
        self.first.contains(key) || self.second.contains(key)
    }

    fn remove(&self, key: &Key) {
        self.first.remove(key);
        self.second.remove(key);
    }

    fn load_alias(&self, alias: &Key) -> Option<[u8; 32]> {
        if let Some(wasm) = self.first.load_alias(alias) {
            return Some(wasm);
        }
        let wasm = self.second.load_alias(alias)?;
        self.first.save_alias(alias, &wasm);
        Some(wasm)
    }

    fn present_alias(&self, alias: &Key) -> Option<[u8; 32]> {
        self.first.present_alias(alias).or_else(|| self.second.present_alias(alias))
    }

    fn save_alias(&self, alias: &Key, wasm: &[u8; 32]) {
        self.first.save_alias(alias, wasm);
        self.second.save_alias(alias, wasm);
    }

    fn appeared(&self, key: &Key) -> bool {
        self.first.appeared(key) || self.second.appeared(key)
    }

    fn locks(&self, key: &Key) -> Vec<Place> {
        let mut locks = self.first.locks(key);
        locks.extend(self.second.locks(key));
        locks
    }

    fn calls_host(&self) -> bool {
        self.first.calls_host() || self.second.calls_host()
    }

    fn tiers(&self) -> usize {
        self.first.tiers() + self.second.tiers()
    }

    fn stats(&self) -> Vec<(&'static str, Stats)> {
        let mut stats = self.first.stats();
        stats.extend(self.second.stats());
        stats
    }
}
