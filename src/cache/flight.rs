//! Single flight: of those who want the same at the same time, one does it and the others wait.

use crate::Result;
use crate::knots::{self, Who};
use crate::patience::Patience;
use crate::sys::process::OfProcess;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

/// Who is in the air in this process, by key, and what they bring: in a forked child, its parent's flights never land.
pub(super) struct Flights<K, V>(Arc<OfProcess<Sky<K, V>>>);

/// By key who has it, and where what that one brings will be.
type Flying<K, V> = HashMap<K, (Who, Arc<OnceLock<V>>)>;

struct Sky<K, V> {
    flying: Mutex<Flying<K, V>>,
    landed: Condvar,
}

impl<K, V> Default for Sky<K, V> {
    fn default() -> Self {
        Sky { flying: Mutex::default(), landed: Condvar::new() }
    }
}

impl<K: Send, V: Send + Sync> Default for Flights<K, V> {
    fn default() -> Self {
        Flights(Arc::default())
    }
}

/// A flight; landing is dropping, also when the work has failed or panicked.
pub(super) struct Flight<K: Hash + Eq + Copy + Send, V: Send + Sync> {
    key: K,
    waited: bool,
    brings: Arc<OnceLock<V>>,
    sky: Arc<OfProcess<Sky<K, V>>>,
}

/// What who wants something comes to.
pub(super) enum Entered<K: Hash + Eq + Copy + Send, V: Send + Sync> {
    /// It does it.
    Flight(Flight<K, V>),
    /// Somebody else has brought it.
    Brought(V),
}

impl<K: Hash + Eq + Copy + Send, V: Clone + Send + Sync> Flights<K, V> {
    /// Waits until nobody else has this key, and takes it, unless who had it has brought something for all.
    pub fn enter(&self, key: K, patience: &mut Patience) -> Result<Entered<K, V>> {
        let sky = self.0.get(Sky::default);
        let mut awaited: Option<Arc<OnceLock<V>>> = None;
        loop {
            if let Some(brought) = awaited.as_ref().and_then(|awaited| awaited.get()) {
                return Ok(Entered::Brought(brought.clone()));
            }
            let holder = match sky.flying().entry(key) {
                Entry::Vacant(place) => {
                    let brings = Arc::<OnceLock<V>>::default();
                    place.insert((knots::me(), brings.clone()));
                    return Ok(Entered::Flight(Flight { key, waited: awaited.is_some(), brings, sky: self.0.clone() }));
                }
                Entry::Occupied(held) => {
                    let (holder, brings) = held.get();
                    awaited = Some(brings.clone());
                    *holder
                }
            };
            patience.wait(&"another load of the same module", Some(holder), |time| {
                let flying = sky.flying();
                if flying.contains_key(&key) {
                    drop(sky.landed.wait_timeout(flying, time).unwrap_or_else(PoisonError::into_inner));
                }
            })?;
        }
    }
}

impl<K, V> Sky<K, V> {
    fn flying(&self) -> MutexGuard<'_, Flying<K, V>> {
        self.flying.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Copy + Send, V: Send + Sync> Flight<K, V> {
    /// Whether somebody else has had the key meanwhile.
    pub fn waited(&self) -> bool {
        self.waited
    }

    /// Brings something for all who wait.
    pub fn bring(&self, what: V) {
        let _ = self.brings.set(what); // once is enough
    }
}

impl<K: Hash + Eq + Copy + Send, V: Send + Sync> Drop for Flight<K, V> {
    fn drop(&mut self) {
        let sky = self.sky.get(Sky::default);
        sky.flying().remove(&self.key);
        sky.landed.notify_all();
    }
}
