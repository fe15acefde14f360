//! What the tiers of a cache have in common.

use super::agree::Claim;
use super::locks::Place;
use crate::Result;
use crate::engine::{Code, Engine};
use crate::inspect::ModuleInfo;
use crate::module::Module;
use std::sync::Arc;
use std::time::Instant;

/// What an entry is kept under: what the module is, and what its code depends on besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// BLAKE3 of the module's bytes.
    pub wasm: [u8; 32],
    /// The engine's fingerprint.
    pub fingerprint: [u8; 32],
}

/// Live code and the outline of the module it was made from.
#[derive(Clone)]
pub struct Entry {
    /// The outline.
    pub info: Arc<ModuleInfo>,
    /// The code.
    pub code: Arc<dyn Code>,
}

/// An entry, and the name of the tier that had it.
pub(crate) type Found = (Entry, &'static str);

/// What a tier has counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it; the C header documents each")]
pub struct Stats {
    pub hits: u64,
    pub misses: u64,
    pub entries: u64,
    pub bytes: u64,
    pub evictions: u64,
    pub rejected: u64,
}

/// Where entries live.
pub trait Tier: Send + Sync {
    /// The entry, made ready for this engine, and the name of the tier that had it. Whatever is wrong with an entry
    /// makes it a miss, and removes it where that is ours to do.
    fn load(&self, key: &Key, engine: &dyn Engine) -> Option<(Entry, &'static str)>;

    /// The module, ready for this engine, if the tier has it near: of a chain those tiers are asked that lie before the first that
    /// is far.
    fn load_near(&self, key: &Key, engine: &Arc<dyn Engine>) -> Option<Result<Arc<Module>>> {
        if self.is_far() {
            return None;
        }
        let begun = Instant::now();
        let (entry, tier) = self.load(key, &**engine)?;
        Some(Module::from_entry(engine, entry, tier).map(|module| Arc::new(module.loading_since(begun))))
    }

    /// The same of all other tiers, which takes time: one asks for a key at a time, for all who want it.
    fn load_far(&self, key: &Key, engine: &dyn Engine) -> Option<(Entry, &'static str)> {
        if self.is_far() { self.load(key, engine) } else { None }
    }

    /// Whether it, or a tier of it, is behind a network.
    fn is_far(&self) -> bool {
        false
    }

    /// Claims a key, so that other machines leave it to this one to compile; nothing where they cannot be told.
    fn claim(&self, _key: &Key) -> Option<Claim> {
        None
    }

    /// Gives a claim back, by its token.
    fn release(&self, _key: &Key, _token: &str) {}

    /// Keeps an entry. That it could not is told in the log: a cache that fails makes nothing else fail.
    fn save(&self, key: &Key, entry: &Entry);

    /// Whether there seems to be an entry.
    fn contains(&self, key: &Key) -> bool;

    /// Forgets an entry.
    fn remove(&self, key: &Key);

    /// The module that an alias was last given to (see `alias`).
    fn load_alias(&self, alias: &Key) -> Option<[u8; 32]>;

    /// The same right after a load; a tier that has just failed then is not waited for again.
    fn present_alias(&self, alias: &Key) -> Option<[u8; 32]> {
        self.load_alias(alias)
    }

    /// Gives an alias to a module. That it could not is told in the log.
    fn save_alias(&self, alias: &Key, wasm: &[u8; 32]);

    /// Whether there is an entry now, as far as that can be told at once: for who waits for one and looks again and again.
    fn appeared(&self, key: &Key) -> bool;

    /// The files to lock while a module is compiled, where the tier is shared with other processes.
    fn locks(&self, _key: &Key) -> Vec<Place> {
        Vec::new()
    }

    /// Whether callbacks of the host's are behind it.
    fn calls_host(&self) -> bool {
        false
    }

    /// How many tiers it is.
    fn tiers(&self) -> usize {
        1
    }

    /// What each tier has counted, first tier first.
    fn stats(&self) -> Vec<(&'static str, Stats)>;
}
