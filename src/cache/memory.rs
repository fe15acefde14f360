//! The tiers that hold live code: one for all threads, one for each.

use super::{Entry, Key, Stats, Tier};
use crate::engine::Engine;
use quick_cache::Weighter;
use quick_cache::sync::Cache as Concurrent;
use quick_cache::unsync::Cache as Single;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many entries the tables are made for; more are no problem, the bytes are the bound.
const ENTRIES_EXPECTED: usize = 1024;

#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Entry> for Bytes {
    fn weight(&self, _: &Key, entry: &Entry) -> u64 {
        entry.code.size() as u64 + 1024 // the code, and about as much as an outline takes
    }
}

#[derive(Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    saved: AtomicU64,
}

impl Counters {
    fn count<T>(&self, found: Option<T>) -> Option<T> {
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    fn stats(&self, entries: u64, bytes: u64) -> Stats {
        let evictions = self.saved.load(Ordering::Relaxed).saturating_sub(entries);
        let (hits, misses) = (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed));
        Stats { hits, misses, entries, bytes, evictions, rejected: 0 }
    }
}

/// Live code for all threads, bounded by bytes; what was not used for long goes first. A hit takes a read lock of one of
/// many shards, never one of the whole.
pub struct Shared {
    cache: Concurrent<Key, Entry, Bytes>,
    counters: Counters,
}

impl Shared {
    /// A tier of at most so many bytes.
    pub fn new(bytes_max: u64) -> Self {
        Shared { cache: Concurrent::with_weighter(ENTRIES_EXPECTED, bytes_max, Bytes), counters: Counters::default() }
    }
}

impl Tier for Shared {
    fn load(&self, key: &Key, _: &dyn Engine) -> Option<(Entry, &'static str)> {
        self.counters.count(self.cache.get(key)).map(|entry| (entry, "shared"))
    }

    fn save(&self, key: &Key, entry: &Entry) {
        self.counters.saved.fetch_add(1, Ordering::Relaxed);
        self.cache.insert(*key, entry.clone());
    }

    fn contains(&self, key: &Key) -> bool {
        self.cache.peek(key).is_some()
    }

    fn remove(&self, key: &Key) {
        self.cache.remove(key);
    }

    fn stats(&self) -> Vec<(&'static str, Stats)> {
        vec![("shared", self.counters.stats(self.cache.len() as u64, self.cache.weight()))]
    }
}

thread_local! {
    // A thread's part of every thread-local tier, by the tier's number.
    static PARTS: RefCell<HashMap<u64, Single<Key, Entry, Bytes>>> = RefCell::default();
}

/// Live code for each thread by itself: a hit takes no lock at all. The bound is for each thread.
pub struct ThreadLocal {
    number: u64,
    bytes_max: u64,
    counters: Counters,
}

impl ThreadLocal {
    /// A tier of at most so many bytes in each thread.
    pub fn new(bytes_max: u64) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        ThreadLocal { number: NEXT.fetch_add(1, Ordering::Relaxed), bytes_max, counters: Counters::default() }
    }

    fn with<T>(&self, f: impl FnOnce(&mut Single<Key, Entry, Bytes>) -> T) -> T {
        let new = || Single::with_weighter(64, self.bytes_max, Bytes);
        PARTS.with_borrow_mut(|parts| f(parts.entry(self.number).or_insert_with(new)))
    }
}

impl Drop for ThreadLocal {
    fn drop(&mut self) {
        // This thread's part; those of other threads go with their threads.
        let _ = PARTS.try_with(|parts| parts.borrow_mut().remove(&self.number));
    }
}

impl Tier for ThreadLocal {
    fn load(&self, key: &Key, _: &dyn Engine) -> Option<(Entry, &'static str)> {
        self.counters.count(self.with(|part| part.get(key).cloned())).map(|entry| (entry, "thread_local"))
    }

    fn save(&self, key: &Key, entry: &Entry) {
        self.with(|part| part.insert(*key, entry.clone()));
    }

    fn contains(&self, key: &Key) -> bool {
        self.with(|part| part.peek(key).is_some())
    }

    fn remove(&self, key: &Key) {
        self.with(|part| part.remove(key));
    }

    fn stats(&self) -> Vec<(&'static str, Stats)> {
        let (entries, bytes) = self.with(|part| (part.len() as u64, part.weight()));
        vec![("thread_local", self.counters.stats(entries, bytes))]
    }
}
