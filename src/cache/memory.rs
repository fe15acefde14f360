//! The tiers that hold live code: one for all threads, one for each.

use super::alias::Aliases;
use super::front::Fronts;
use super::{Entry, Key, Stats, Tier};
use crate::Result;
use crate::engine::Engine;
use crate::module::Module;
use quick_cache::sync::Cache as Concurrent;
use quick_cache::unsync::Cache as Single;
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Clone)]
struct Bytes;

impl Weighter<Key, Entry> for Bytes {
    fn weight(&self, _: &Key, entry: &Entry) -> u64 {
        entry.code.size() as u64 + 1024 // the code, and about as much as an outline takes
    }
}

/// What a tier counts, wherever in it that happens.
#[derive(Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    evictions: AtomicU64,
}

impl Counters {
    fn count<T>(&self, found: Option<T>) -> Option<T> {
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found
    }

    fn stats(&self, entries: u64, bytes: u64) -> Stats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (hits, misses, evictions) = (get(&self.hits), get(&self.misses), get(&self.evictions));
        Stats { hits, misses, entries, bytes, evictions, rejected: 0 }
    }
}

/// Counts what makes room, and tells the fronts if there are any.
#[derive(Clone)]
struct Evicted(Arc<Counters>, Option<Arc<Fronts>>);

impl Lifecycle<Key, Entry> for Evicted {
    type RequestState = ();

    fn on_evict(&self, _: &mut (), key: Key, _: Entry) {
        self.0.evictions.fetch_add(1, Ordering::Relaxed);
        if let Some(fronts) = &self.1 {
            fronts.forget(&key);
        }
    }
}

/// Live code for all threads, bounded by bytes; what was not used for long goes first. A hit takes a lock that
/// few other threads take, or else a read lock of one shard; there are as many shards as can each hold a large module.
pub struct Shared {
    cache: Concurrent<Key, Entry, Bytes, DefaultHashBuilder, Evicted>,
    fronts: Arc<Fronts>,
    aliases: Aliases,
    counters: Arc<Counters>,
}

impl Shared {
    /// A tier of at most so many bytes.
    pub fn new(bytes_max: u64) -> Self {
        const ENTRIES_EXPECTED: usize = 1024;
        const SHARD_BYTES: u64 = 64 << 20; // an entry larger than its shard is not kept
        let shards = (bytes_max / SHARD_BYTES).clamp(1, 64) as usize;
        let mut options = OptionsBuilder::new();
        options.estimated_items_capacity(ENTRIES_EXPECTED).weight_capacity(bytes_max).shards(shards);
        let options = options.build().expect("all that is needed is set");
        let (counters, fronts) = (Arc::<Counters>::default(), Arc::<Fronts>::default());
        let evicted = Evicted(counters.clone(), Some(fronts.clone()));
        let cache = Concurrent::with_options(options, Bytes, DefaultHashBuilder::default(), evicted);
        Shared { cache, fronts, aliases: Aliases::default(), counters }
    }
}

impl Tier for Shared {
    fn load(&self, key: &Key, _: &dyn Engine) -> Option<(Entry, &'static str)> {
        self.counters.count(self.cache.get(key)).map(|entry| (entry, "shared"))
    }

    fn load_near(&self, key: &Key, engine: &Arc<dyn Engine>) -> Option<Result<Arc<Module>>> {
        if let Some(module) = self.fronts.get(key, engine) {
            return Some(Ok(module));
        }
        let (entry, tier) = self.load(key, &**engine)?;
        let module = Module::from_entry(engine, entry, tier).map(Arc::new);
        if let Ok(module) = &module {
            self.fronts.put(key, module);
            if !self.contains(key) {
                self.fronts.forget(key); // it went before the fronts had it
            }
        }
        Some(module)
    }

    fn save(&self, key: &Key, entry: &Entry) {
        if !self.contains(key) {
            self.cache.insert(*key, entry.clone());
        }
    }

    fn contains(&self, key: &Key) -> bool {
        self.cache.peek(key).is_some()
    }

    fn appeared(&self, key: &Key) -> bool {
        self.contains(key)
    }

    fn remove(&self, key: &Key) {
        self.cache.remove(key);
        self.fronts.forget(key);
    }

    fn load_alias(&self, alias: &Key) -> Option<[u8; 32]> {
        self.aliases.get(alias)
    }

    fn save_alias(&self, alias: &Key, wasm: &[u8; 32]) {
        self.aliases.insert(alias, wasm);
    }

    fn stats(&self) -> Vec<(&'static str, Stats)> {
        let mut stats = self.counters.stats(self.cache.len() as u64, self.cache.weight());
        stats.hits += self.fronts.hits();
        vec![("shared", stats)]
    }
}

thread_local! {
    // A thread's part of every thread-local tier, by the tier's number.
    static PARTS: RefCell<HashMap<u64, Part>> = RefCell::default();
}

/// What the parts of one tier have in common.
#[derive(Default)]
struct Common {
    counters: Arc<Counters>,
    /// Of all threads: a module is looked for by its key, which takes no lock, far more often.
    aliases: Aliases,
    /// All parts together.
    entries: AtomicU64,
    bytes: AtomicU64,
    /// How often something was removed: a part that has not heard of it yet forgets everything.
    removals: AtomicU64,
}

/// What one thread has.
struct Part {
    cache: Single<Key, Entry, Bytes, DefaultHashBuilder, Evicted>,
    common: Arc<Common>,
    removals: u64,
    counted: (u64, u64),
}

impl Part {
    fn new(bytes_max: u64, common: &Arc<Common>) -> Self {
        let evicted = Evicted(common.counters.clone(), None);
        let cache = Single::with(64, bytes_max, Bytes, DefaultHashBuilder::default(), evicted);
        let removals = common.removals.load(Ordering::Acquire);
        Part { cache, common: common.clone(), removals, counted: (0, 0) }
    }

    /// Hears of what was removed in other threads.
    fn refresh(&mut self) {
        let removals = self.common.removals.load(Ordering::Acquire);
        if removals != self.removals {
            self.removals = removals;
            self.cache.clear();
            self.recount();
        }
    }

    /// Brings the tier's sums up to date with this part.
    fn recount(&mut self) {
        let now = (self.cache.len() as u64, self.cache.weight());
        self.common.entries.fetch_add(now.0.wrapping_sub(self.counted.0), Ordering::Relaxed);
        self.common.bytes.fetch_add(now.1.wrapping_sub(self.counted.1), Ordering::Relaxed);
        self.counted = now;
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.cache.clear();
        self.recount();
    }
}

/// Live code for each thread by itself: a hit takes no lock at all. The bound is for each thread.
pub struct ThreadLocal {
    number: u64,
    bytes_max: u64,
    common: Arc<Common>,
}

impl ThreadLocal {
    /// A tier of at most so many bytes in each thread.
    pub fn new(bytes_max: u64) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        ThreadLocal { number: NEXT.fetch_add(1, Ordering::Relaxed), bytes_max, common: Arc::default() }
    }

    fn with<T>(&self, f: impl FnOnce(&mut Part) -> T) -> T {
        PARTS.with_borrow_mut(|parts| {
            if !parts.contains_key(&self.number) {
                // A good moment to let go of tiers that are gone: only this thread still has a part of them.
                parts.retain(|_, part| Arc::strong_count(&part.common) > 1);
                parts.insert(self.number, Part::new(self.bytes_max, &self.common));
            }
            let part = parts.get_mut(&self.number).expect("it was just made");
            part.refresh();
            f(part)
        })
    }
}

impl Drop for ThreadLocal {
    fn drop(&mut self) {
        // This thread's part; those of other threads go when they use another tier, or end.
        let _ = PARTS.try_with(|parts| parts.borrow_mut().remove(&self.number));
    }
}

impl Tier for ThreadLocal {
    fn load(&self, key: &Key, _: &dyn Engine) -> Option<(Entry, &'static str)> {
        let found = self.with(|part| part.cache.get(key).cloned());
        self.common.counters.count(found).map(|entry| (entry, "thread_local"))
    }

    fn save(&self, key: &Key, entry: &Entry) {
        self.with(|part| {
            if part.cache.peek(key).is_none() {
                part.cache.insert(*key, entry.clone());
                part.recount();
            }
        });
    }

    fn contains(&self, key: &Key) -> bool {
        self.with(|part| part.cache.peek(key).is_some())
    }

    fn appeared(&self, key: &Key) -> bool {
        self.contains(key)
    }

    fn remove(&self, key: &Key) {
        self.with(|part| {
            part.cache.remove(key);
            part.recount();
            // The other threads forget all they have, and this one knows already.
            part.removals = part.common.removals.fetch_add(1, Ordering::AcqRel) + 1;
        });
    }

    fn load_alias(&self, alias: &Key) -> Option<[u8; 32]> {
        self.common.aliases.get(alias)
    }

    fn save_alias(&self, alias: &Key, wasm: &[u8; 32]) {
        self.common.aliases.insert(alias, wasm);
    }

    fn stats(&self) -> Vec<(&'static str, Stats)> {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (entries, bytes) = (get(&self.common.entries), get(&self.common.bytes));
        vec![("thread_local", self.common.counters.stats(entries, bytes))]
    }
}
