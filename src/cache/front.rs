//! What threads find again and again in a tier that all of them share, each where few others look: with one count of users
//! for all, threads that load the same module would wait for each other's processor caches. A front only has what its tier
//! has: what the tier lets go of, it tells.

use super::Key;
use crate::engine::Engine;
use crate::module::Module;
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// More than there are threads that load modules at the same time, mostly.
const FRONTS: usize = 16;
/// A module has one place in a front, by its key.
const PLACES: usize = 64;
/// After so many hits the tier hears of one, because it lets go of what it has not heard of for long.
const HITS_BETWEEN_TIDINGS: u64 = 16;

/// The fronts of a tier.
#[derive(Default)]
pub(super) struct Fronts([Front; FRONTS]);

/// On processor cache lines of its own; some fetch two at once.
#[derive(Default)]
#[repr(align(128))]
struct Front(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    places: Vec<Option<(Key, Arc<Module>)>>,
    hits: u64,
}

impl Fronts {
    /// The module, unless the tier should be asked.
    pub fn get(&self, key: &Key, engine: &Arc<dyn Engine>) -> Option<Arc<Module>> {
        let mut front = self.own().lock();
        let (kept, module) = front.places.get(place(key))?.as_ref()?;
        if kept != key || !Arc::ptr_eq(module.engine(), engine) {
            return None;
        }
        let module = module.clone();
        front.hits += 1;
        (!front.hits.is_multiple_of(HITS_BETWEEN_TIDINGS)).then_some(module)
    }

    /// Keeps a module of the tier.
    pub fn put(&self, key: &Key, module: &Arc<Module>) {
        let mut front = self.own().lock();
        if front.places.is_empty() {
            front.places.resize(PLACES, None);
        }
        let before = front.places[place(key)].replace((*key, module.clone()));
        drop(front);
        drop(before); // may be the last of an engine
    }

    /// Forgets a module that the tier has no more.
    pub fn forget(&self, key: &Key) {
        for front in &self.0 {
            let mut front = front.lock();
            let gone = front.places.get_mut(place(key)).and_then(|kept| kept.take_if(|(kept, _)| kept == key));
            drop(front);
            drop(gone);
        }
    }

    /// How many hits the tier has not heard of.
    pub fn hits(&self) -> u64 {
        self.0.iter().map(|front| front.lock().hits).map(|hits| hits - hits / HITS_BETWEEN_TIDINGS).sum()
    }

    fn own(&self) -> &Front {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static OWN: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        // A thread that is about to end may have none.
        &self.0[OWN.try_with(Cell::get).unwrap_or(0) % FRONTS]
    }
}

impl Front {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(key: &Key) -> usize {
    usize::from(key.wasm[0] ^ key.fingerprint[0]) % PLACES
}
