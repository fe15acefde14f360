//! Caches of compiled code. A cache is a tier, or two tiers chained; memory tiers hold live code, the others sealed
//! artifacts (see `seal`). What is not in any tier is compiled once, however many ask for it at the same time.

mod agree;
mod alias;
mod asked;
mod directory;
mod fallback;
mod flight;
mod front;
mod heart;
mod listing;
mod locks;
mod memory;
mod remote;
pub mod report;
pub mod seal;
mod sealed;
mod tier;
mod trailer;
mod upkeep;
mod user_key;

pub use crate::sys::pages::Pages;
pub use directory::Directory;
pub use fallback::{Fallback, TIERS_MAX};
pub use listing::{Listed, Listing, hex};
pub use memory::{Shared, ThreadLocal};
pub use remote::{RemoteLimits, RemoteOptions, remote};
pub use seal::SealKey;
pub use sealed::{ModuleCache, Sealed};
pub(crate) use tier::Found;
pub use tier::{Entry, Key, Stats, Tier};
pub use trailer::Kind;
pub use upkeep::{Engines, Examiner, Pruned, State};

use crate::engine::Engine;
use crate::log::{self, Level};
use crate::module::{LoadOptions, Module};
use crate::patience::Patience;
use crate::{Error, Result, tiers};
use agree::Agreed;
use asked::Asked;
use flight::{Entered, Flights};
use locks::Taken;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a module that did not compile is not tried again.
const FAILURE_KEPT: Duration = Duration::from_secs(10);
/// How many such modules are remembered.
const FAILURES_MAX: usize = 1024;

/// A cache as a host has it.
pub struct Cache {
    tier: Arc<dyn Tier>,
    calls_host: bool,
    flights: Flights<Key, Found>,
    /// Who asks tiers that are far, for all who want the same.
    fetches: Flights<Key, Option<Found>>,
    failures: Mutex<HashMap<Key, (Instant, Error)>>,
    pinned: Mutex<HashMap<Key, Entry>>,
    compiles: AtomicU64,
}

impl Cache {
    /// A cache over a tier.
    pub fn new(tier: Arc<dyn Tier>) -> Self {
        let (flights, fetches, failures, pinned) = Default::default();
        let calls_host = tier.calls_host();
        Cache { tier, calls_host, flights, fetches, failures, pinned, compiles: AtomicU64::new(0) }
    }

    /// The tier, to chain it with others.
    pub fn tier(&self) -> &Arc<dyn Tier> {
        &self.tier
    }

    /// A module from the cache, or compiled and kept; its alias, if it has one, is kept too.
    pub fn load(&self, engine: &Arc<dyn Engine>, wasm: &[u8], options: &LoadOptions) -> Result<Arc<Module>> {
        let module = self.load_bytes(engine, wasm, options)?;
        self.note_module_alias(engine, options, &module);
        Ok(module)
    }

    /// Gives a module the alias that a load wants it to have.
    pub(crate) fn note_module_alias(&self, engine: &Arc<dyn Engine>, options: &LoadOptions, module: &Module) {
        if let Some(alias) = &options.alias {
            self.note_alias(&alias::key(alias, engine.fingerprint().hash), &module.info().key);
        }
    }

    /// A module from the cache by an alias that a load gave it; NOT_CACHED if no tier knows it, or has its code.
    pub fn load_alias(&self, engine: &Arc<dyn Engine>, alias: &[u8; 32]) -> Result<Arc<Module>> {
        let mut known = Ok(None);
        for engine in tiers::best_first(engine) {
            let alias = alias::key(alias, engine.fingerprint().hash);
            let asked = self.ask(&alias)?;
            let found = self.tier.load_alias(&alias);
            drop(asked);
            if let Some(wasm) = found {
                known = self.load_key(engine, wasm).map(Some);
                if known.is_ok() {
                    break;
                }
            }
        }
        known?.ok_or_else(|| {
            let engine = engine.capabilities().name;
            Error::NotCached(format!("no module for {engine} has the alias {}", blake3::Hash::from_bytes(*alias)))
        })
    }

    fn note_alias(&self, alias: &Key, wasm: &[u8; 32]) {
        let _asked = match self.ask(alias) {
            Ok(asked) => asked,
            Err(error) => return warn("custom", "cannot save an alias", &error),
        };
        let before = self.tier.present_alias(alias);
        if before.as_ref() == Some(wasm) {
            return;
        }
        if before.is_some() {
            let wasm = blake3::Hash::from_bytes(*wasm);
            log::emit(Level::Warn, "hostel::cache", || format!("an alias is given to another module, {wasm}"));
        }
        self.tier.save_alias(alias, wasm);
    }

    fn load_bytes(&self, engine: &Arc<dyn Engine>, wasm: &[u8], options: &LoadOptions) -> Result<Arc<Module>> {
        let key = Key { wasm: *blake3::hash(wasm).as_bytes(), fingerprint: engine.fingerprint().hash };
        let mut patience = Patience::of(options);
        if let Some(module) = self.find(&key, engine, &mut patience)? {
            return Ok(module);
        }
        engine.can_compile()?; // before anything is waited for
        // One at a time for each key, here, in other processes and on other machines; who waited finds what the first has made.
        let flight = match self.flights.enter(key, &mut patience)? {
            Entered::Flight(flight) => flight,
            Entered::Brought(found) => return Module::from_far(engine, found, Instant::now()),
        };
        let locks = match locks::take(self.tier.locks(&key), &mut patience, self.looking_for(&key, engine))? {
            Taken::Found(module) => return Ok(module),
            Taken::Locks(locks) => locks,
        };
        let may_be_there = if flight.waited() { self.tier.contains(&key) } else { !locks.is_empty() && self.tier.appeared(&key) };
        if may_be_there && let Some(module) = self.find(&key, engine, &mut patience)? {
            if self.tier.is_far() {
                flight.bring((module.entry(), module.origin())); // so that not all of them fetch it
            }
            return Ok(module);
        }
        if let Some(error) = self.recent_failure(&key) {
            return Err(error);
        }
        let look = |patience: &mut Patience| self.find(&key, engine, patience);
        let _claimed = match agree::agree(&*self.tier, &key, &mut patience, look)? {
            Agreed::Found(module) => return Ok(module),
            Agreed::Compile(claimed) => claimed,
        };
        let module = Module::compile(engine, wasm, &options.progress).inspect_err(|error| self.note_failure(key, error))?;
        self.compiles.fetch_add(1, Ordering::Relaxed);
        let _asked = self.ask(&key)?;
        self.tier.save(&key, &module.entry());
        Ok(Arc::new(module))
    }

    /// Looks for a module again and again; what has appeared and is of no use is not looked at again for a while.
    fn looking_for(&self, key: &Key, engine: &Arc<dyn Engine>) -> impl FnMut() -> Result<Option<Arc<Module>>> {
        const AGAIN_AFTER: Duration = Duration::from_secs(1);
        let mut looked: Option<Instant> = None;
        move || {
            if looked.is_some_and(|looked| looked.elapsed() < AGAIN_AFTER) || !self.tier.appeared(key) {
                return Ok(None);
            }
            looked = Some(Instant::now());
            let _asked = self.ask(key)?;
            self.tier.load_near(key, engine).transpose()
        }
    }

    /// A module from the cache by the hash of its bytes alone; NOT_CACHED if it is in no tier.
    pub fn load_key(&self, engine: &Arc<dyn Engine>, wasm: [u8; 32]) -> Result<Arc<Module>> {
        for engine in tiers::best_first(engine) {
            let key = Key { wasm, fingerprint: engine.fingerprint().hash };
            if let Some(module) = self.find(&key, engine, &mut Patience::default())? {
                return Ok(module);
            }
        }
        let engine = engine.capabilities().name;
        Err(Error::NotCached(format!("no code of module {} for {engine} is in the cache", blake3::Hash::from_bytes(wasm))))
    }

    /// A module that is there already.
    pub(crate) fn find(&self, key: &Key, engine: &Arc<dyn Engine>, patience: &mut Patience) -> Result<Option<Arc<Module>>> {
        let pinned = || {
            let entry = self.pinned.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
            entry.map(|entry| Module::from_entry(engine, entry, "pinned").map(Arc::new))
        };
        let near = self.ask(key).map(|_asked| self.tier.load_near(key, engine))?;
        if let Some(found) = near.or_else(pinned) {
            return found.map(Some);
        }
        if !self.tier.is_far() {
            return Ok(None);
        }
        let begun = Instant::now();
        let fetched = match self.fetches.enter(*key, patience)? {
            Entered::Brought(fetched) => fetched,
            Entered::Flight(flight) => {
                let _asked = self.ask(key)?;
                // Another may have fetched it between the two looks.
                let near = if self.tier.appeared(key) { self.tier.load_near(key, engine) } else { None };
                if let Some(found) = near {
                    return found.map(Some);
                }
                let fetched = self.tier.load_far(key, &**engine);
                flight.bring(fetched.clone());
                fetched
            }
        };
        fetched.map(|found| Module::from_far(engine, found, begun)).transpose()
    }

    /// Keeps an entry whatever is evicted, until it is unpinned; NOT_CACHED if it is in no tier.
    pub fn pin(&self, engine: &Arc<dyn Engine>, wasm: [u8; 32]) -> Result<()> {
        self.load_key(engine, wasm)?; // NOT_CACHED if there is none
        for engine in tiers::best_first(engine) {
            let key = Key { wasm, fingerprint: engine.fingerprint().hash };
            if let Some(module) = self.find(&key, engine, &mut Patience::default())? {
                self.pinned.lock().unwrap_or_else(PoisonError::into_inner).insert(key, module.entry());
            }
        }
        Ok(())
    }

    /// Lets a pinned entry be evicted again.
    pub fn unpin(&self, engine: &Arc<dyn Engine>, wasm: [u8; 32]) {
        for key in keys(engine, wasm) {
            let unpinned = self.pinned.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
            drop(unpinned);
        }
    }

    /// Whether a tier seems to have a module's code.
    pub fn contains(&self, engine: &Arc<dyn Engine>, wasm: [u8; 32]) -> bool {
        let is_pinned = |key: &Key| self.pinned.lock().unwrap_or_else(PoisonError::into_inner).contains_key(key);
        let is_there = |key: &Key| self.ask(key).is_ok_and(|_asked| self.tier.contains(key));
        keys(engine, wasm).any(|key| is_there(&key) || is_pinned(&key))
    }

    /// Forgets a module's code in every tier.
    pub fn remove(&self, engine: &Arc<dyn Engine>, wasm: [u8; 32]) {
        self.unpin(engine, wasm);
        for key in keys(engine, wasm) {
            match self.ask(&key) {
                Ok(_asked) => self.tier.remove(&key),
                Err(error) => warn("custom", "cannot remove", &error),
            }
        }
    }

    /// Begins to ask the tiers; BUSY when callbacks of theirs are asked for the same on this thread already.
    fn ask(&self, key: &Key) -> Result<Option<Asked>> {
        self.calls_host.then(|| asked::ask(core::ptr::from_ref(self).addr(), key)).transpose()
    }

    /// What was counted, as JSON.
    pub fn stats_json(&self) -> String {
        let tier = |(name, stats): (&str, Stats)| {
            let Stats { hits, misses, entries, bytes, evictions, rejected } = stats;
            serde_json::json!({
                "tier": name, "hits": hits, "misses": misses, "entries": entries, "bytes": bytes,
                "evictions": evictions, "rejected": rejected,
            })
        };
        let tiers: Vec<_> = self.tier.stats().into_iter().map(tier).collect();
        serde_json::json!({ "compiles": self.compiles(), "tiers": tiers }).to_string()
    }

    /// How many modules were compiled because no tier had them.
    pub fn compiles(&self) -> u64 {
        self.compiles.load(Ordering::Relaxed)
    }

    fn recent_failure(&self, key: &Key) -> Option<Error> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.get(key).filter(|(when, _)| when.elapsed() < FAILURE_KEPT).map(|(_, error)| error.clone())
    }

    fn note_failure(&self, key: Key, error: &Error) {
        // Only what is the module's own fault; a limit or a lack of memory may be gone the next time.
        if !matches!(error, Error::InvalidModule { .. }) {
            return;
        }
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= FAILURES_MAX {
            failures.retain(|_, (when, _)| when.elapsed() < FAILURE_KEPT);
        }
        if failures.len() < FAILURES_MAX {
            failures.insert(key, (Instant::now(), error.clone()));
        }
    }
}

/// What a module may be kept under: for an engine of several tiers, under that of each.
fn keys(engine: &Arc<dyn Engine>, wasm: [u8; 32]) -> impl Iterator<Item = Key> {
    tiers::best_first(engine).map(move |engine| Key { wasm, fingerprint: engine.fingerprint().hash })
}

/// Tells that a tier could not do what it was asked.
fn warn(tier: &str, what: &str, error: &dyn core::fmt::Display) {
    log::emit(Level::Warn, "hostel::cache", || format!("{tier}: {what}: {error}"));
}
