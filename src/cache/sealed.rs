//! The tiers that hold sealed artifacts: what they share, over any store of bytes.

use super::agree::{self, Claim};
use super::locks::Place;
use super::seal::{self, SealKey, Trust};
use super::{Entry, Key, Stats, Tier, alias, warn};
use crate::engine::Engine;
use crate::sys::pages::Pages;
use crate::{Error, Result};
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

    /// Forgets an alias.
    fn remove_alias(&self, alias: &Key) -> Result<()> {
        self.remove(alias)
    }

    /// Whether it could not be reached when something was last looked for.
    fn failing(&self) -> bool {
        false
    }

    /// See [`Tier::calls_host`].
    fn calls_host(&self) -> bool {
        false
    }

    /// See [`Tier::appeared`].
    fn appeared(&self, _key: &Key) -> bool {
        false
    }

    /// See [`Tier::is_far`].
    fn is_far(&self) -> bool {
        false
    }

    /// Claims a key, so that other machines leave it to this one to compile; nothing where that cannot be.
    fn claim(&self, _key: &Key) -> Result<Option<Claim>> {
        Ok(None)
    }

    /// Gives a claim back.
    fn release(&self, _key: &Key, _token: &str) -> Result<()> {
        Ok(())
    }

    /// See [`Tier::locks`].
    fn locks(&self, _key: &Key) -> Vec<Place> {
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

    /// What the store has, if that is as it should be; otherwise it is removed.
    fn accept<T>(&self, found: Result<T>, what: &str, remove: impl FnOnce() -> Result<()>) -> Option<T> {
        let name = self.store.name();
        match found {
            Ok(found) => return Some(found),
            // That it cannot be read now says nothing about what is there.
            Err(error @ Error::CacheIo(_)) => warn(name, &format!("cannot load {what}"), &error),
            Err(error) => {
                self.rejected.fetch_add(1, Ordering::Relaxed);
                warn(name, &format!("{what} is not taken, and is removed"), &error);
                self.report(remove(), "cannot remove");
            }
        }
        None
    }

    fn open(&self, key: &Key, engine: &dyn Engine) -> Option<Entry> {
        let bytes = self.store.load(key).transpose()?;
        let trust = Trust::Sealed(&self.seal_key);
        let opened = bytes.and_then(|bytes| seal::open(bytes, trust, engine, Some(&key.wasm)));
        self.accept(opened, "an entry", || self.store.remove(key))
    }

    /// A cache that fails makes nothing else fail.
    fn report(&self, outcome: Result<()>, what: &str) {
        if let Err(error) = outcome {
            warn(self.store.name(), what, &error);
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
        self.report(sealed.and_then(|artifact| self.store.save(key, &artifact)), "cannot save");
    }

    fn contains(&self, key: &Key) -> bool {
        self.store.contains(key).unwrap_or(false)
    }

    fn remove(&self, key: &Key) {
        self.report(self.store.remove(key), "cannot remove");
    }

    fn load_alias(&self, alias: &Key) -> Option<[u8; 32]> {
        let record = self.store.load_alias(alias).transpose()?;
        let opened = record.and_then(|record| alias::open(&record, alias, &self.seal_key));
        self.accept(opened, "an alias", || self.store.remove_alias(alias))
    }

    fn present_alias(&self, alias: &Key) -> Option<[u8; 32]> {
        if self.store.failing() { None } else { self.load_alias(alias) }
    }

    fn save_alias(&self, alias: &Key, wasm: &[u8; 32]) {
        let record = alias::seal(alias, wasm, &self.seal_key);
        self.report(self.store.save_alias(alias, &record), "cannot save an alias");
    }

    fn appeared(&self, key: &Key) -> bool {
        self.store.appeared(key)
    }

    fn locks(&self, key: &Key) -> Vec<Place> {
        self.store.locks(key)
    }

    fn calls_host(&self) -> bool {
        self.store.calls_host()
    }

    fn is_far(&self) -> bool {
        self.store.is_far()
    }

    fn claim(&self, key: &Key) -> Option<Claim> {
        agree::claimed(self.store.name(), self.store.claim(key))
    }

    fn release(&self, key: &Key, token: &str) {
        self.report(self.store.release(key, token), "cannot give a claim back");
    }

    fn stats(&self) -> Vec<(&'static str, Stats)> {
        let (hits, misses) = (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed));
        vec![(self.store.name(), Stats { hits, misses, rejected: self.rejected.load(Ordering::Relaxed), ..self.store.stats() })]
    }
}
