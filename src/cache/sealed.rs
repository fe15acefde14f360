//! The tiers that hold sealed artifacts: what they share, over any store of bytes.

use super::seal::{self, SealKey};
use super::{Entry, Key, Stats, Tier, warn};
use crate::engine::Engine;
use crate::{Error, Result};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// A store of sealed artifacts. It need not be trusted: what it hands out is checked before it is used.
pub trait ModuleCache: Send + Sync {
    /// What it is called in reports.
    fn name(&self) -> &'static str;

    /// The bytes kept under a key, if any.
    fn load(&self, key: &Key) -> Result<Option<Vec<u8>>>;

    /// Keeps bytes under a key.
    fn save(&self, key: &Key, artifact: &[u8]) -> Result<()>;

    /// Whether there are bytes under a key.
    fn contains(&self, key: &Key) -> Result<bool>;

    /// Forgets what is under a key.
    fn remove(&self, key: &Key) -> Result<()>;

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
        let opened =
            self.store.load(key).transpose()?.and_then(|bytes| seal::open(bytes, &self.seal_key, engine, Some(&key.wasm)));
        match opened {
            Ok(entry) => Some(entry),
            // That it cannot be read now says nothing about what is there.
            Err(error @ Error::CacheIo(_)) => {
                warn(name, "cannot load", &error);
                None
            }
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
        let sealed = seal::seal(entry, &self.seal_key, &key.fingerprint);
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

    fn locks(&self, key: &Key) -> Vec<PathBuf> {
        self.store.locks(key)
    }

    fn stats(&self) -> Vec<(&'static str, Stats)> {
        let (hits, misses) = (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed));
        vec![(self.store.name(), Stats { hits, misses, rejected: self.rejected.load(Ordering::Relaxed), ..self.store.stats() })]
    }
}
