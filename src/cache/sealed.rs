//! The tiers that hold sealed artifacts: what they share, over any store of bytes.

use super::seal::{self, SealKey, Trust};
use super::{Entry, Key, Stats, Tier, alias, warn};
use crate::Result;
use crate::engine::Engine;
use crate::sys::pages::Pages;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// A store of sealed artifacts. It need not be trusted: what it hands out is checked before it is used.
pub trait ModuleCache: Send + Sync {
    /// What it is called in reports.
    fn name(&self) -> &'static str;

    /// The bytes kept under a key, if any.
    fn load(&self, key: &Key) -> Result<Option<Pages>>;

    /// Keeps bytes under a key.
    fn save(&self, key: &Key, artifact: &[u8]) -> Result<()>;

    /// Whether there are bytes under a key.
    fn contains(&self, key: &Key) -> Result<bool>;

    /// Forgets what is under a key.
    fn remove(&self, key: &Key) -> Result<()>;

    /// The record of an alias, if there is one.
    fn load_alias(&self, alias: &Key) -> Result<Option<Pages>> {
        self.load(alias)
    }

    /// Keeps the record of an alias, over an earlier one.
    fn save_alias(&self, alias: &Key, record: &[u8]) -> Result<()> {
        self.save(alias, record)
    }

    /// See [`Tier::locks`].
    fn locks(&self, _key: &Key) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Entries, bytes and evictions, as far as they are known.
    fn stats(&self) -> Stats {
        Stats::default()
    }
}

/// A tier over a store.
pub struct Sealed<S> {
    store: S,
    seal_key: SealKey,
    hits: AtomicU64,
    misses: AtomicU64,
    rejected: AtomicU64,
}

impl<S: ModuleCache> Sealed<S> {
    /// A tier whose artifacts are sealed with this key.
    pub fn new(store: S, seal_key: SealKey) -> Self {
        let (hits, misses, rejected) = Default::default();
        Sealed { store, seal_key, hits, misses, rejected }
    }

    fn open(&self, key: &Key, engine: &dyn Engine) -> Option<Entry> {
        let name = self.store.name();
        let bytes = match self.store.load(key) {
            Ok(bytes) => bytes?,
            Err(error) => {
                warn(name, "cannot load", &error);
                return None;
            }
        };
        match seal::open(bytes, Trust::Sealed(&self.seal_key), engine, Some(&key.wasm)) {
            Ok(entry) => Some(entry),
            Err(error) => {
                self.rejected.fetch_add(1, Ordering::Relaxed);
                warn(name, "an entry is not taken, and is removed", &error);
                self.remove(key);
                None
            }
        }
    }
}

impl<S: ModuleCache> Tier for Sealed<S> {
    fn load(&self, key: &Key, engine: &dyn Engine) -> Option<(Entry, &'static str)> {
        let entry = self.open(key, engine);
        let counter = if entry.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        Some((entry?, self.store.name()))
    }

    fn save(&self, key: &Key, entry: &Entry) {
        let sealed = seal::seal(entry, Trust::Sealed(&self.seal_key), &key.fingerprint);
        if let Err(error) = sealed.and_then(|artifact| self.store.save(key, &artifact)) {
            warn(self.store.name(), "cannot save", &error);
        }
    }

    fn contains(&self, key: &Key) -> bool {
        self.store.contains(key).unwrap_or(false)
    }

    fn remove(&self, key: &Key) {
        if let Err(error) = self.store.remove(key) {
            warn(self.store.name(), "cannot remove", &error);
        }
    }

    fn load_alias(&self, alias: &Key) -> Option<[u8; 32]> {
        let record = self.store.load_alias(alias).transpose()?;
        let wasm = record.and_then(|record| alias::open(&record, alias, &self.seal_key));
        if let Err(error) = &wasm {
            self.rejected.fetch_add(1, Ordering::Relaxed);
            warn(self.store.name(), "an alias is not taken", error);
        }
        wasm.ok()
    }

    fn save_alias(&self, alias: &Key, wasm: &[u8; 32]) {
        if let Err(error) = self.store.save_alias(alias, &alias::seal(alias, wasm, &self.seal_key)) {
            warn(self.store.name(), "cannot save an alias", &error);
        }
    }

    fn locks(&self, key: &Key) -> Vec<PathBuf> {
        self.store.locks(key)
    }

    fn stats(&self) -> Vec<(&'static str, Stats)> {
        let (hits, misses) = (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed));
        vec![(self.store.name(), Stats { hits, misses, rejected: self.rejected.load(Ordering::Relaxed), ..self.store.stats() })]
    }
}
