//! Single flight: of those who want the same at the same time, one does it and the others wait.

use crate::Result;
use crate::knots::{self, Who};
use crate::patience::Patience;
use crate::sys::process::OfProcess;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Who is in the air in this process, by key: in a forked child, its parent's flights never land.
pub(super) struct Flights<K>(Arc<OfProcess<Sky<K>>>);

struct Sky<K> {
    flying: Mutex<HashMap<K, Who>>,
    landed: Condvar,
}

impl<K> Default for Sky<K> {
    fn default() -> Self {
        Sky { flying: Mutex::default(), landed: Condvar::new() }
    }
}

impl<K: Send> Default for Flights<K> {
    fn default() -> Self {
        Flights(Arc::default())
    }
}

/// A flight; landing is dropping, also when the work has failed or panicked.
pub(super) struct Flight<K: Hash + Eq + Copy + Send> {
    key: K,
    waited: bool,
    sky: Arc<OfProcess<Sky<K>>>,
}

impl<K: Hash + Eq + Copy + Send> Flights<K> {
    /// Waits until nobody else has this key, and takes it.
    pub fn enter(&self, key: K, patience: &mut Patience) -> Result<Flight<K>> {
        let sky = self.0.get(Sky::default);
        let mut waited = false;
        loop {
            let holder = match sky.flying().entry(key) {
                Entry::Vacant(place) => {
                    place.insert(knots::me());
                    return Ok(Flight { key, waited, sky: self.0.clone() });
                }
                Entry::Occupied(held) => *held.get(),
            };
            waited = true;
            patience.wait(&"another load of the same module", Some(holder), |time| {
                let flying = sky.flying();
                if flying.contains_key(&key) {
                    drop(sky.landed.wait_timeout(flying, time).unwrap_or_else(PoisonError::into_inner));
                }
            })?;
        }
    }
}

impl<K> Sky<K> {
    fn flying(&self) -> MutexGuard<'_, HashMap<K, Who>> {
        self.flying.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Copy + Send> Flight<K> {
    /// Whether somebody else has had the key meanwhile.
    pub fn waited(&self) -> bool {
        self.waited
    }
}

impl<K: Hash + Eq + Copy + Send> Drop for Flight<K> {
    fn drop(&mut self) {
        let sky = self.sky.get(Sky::default);
        sky.flying().remove(&self.key);
        sky.landed.notify_all();
    }
}
