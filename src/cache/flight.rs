//! Single flight: of those who want the same at the same time, one does it and the others wait.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Who is in the air, by key.
pub(super) struct Flights<K> {
    flying: Arc<(Mutex<HashMap<K, ()>>, Condvar)>,
}

impl<K> Default for Flights<K> {
    fn default() -> Self {
        Flights { flying: Arc::new((Mutex::new(HashMap::new()), Condvar::new())) }
    }
}

/// A flight; landing is dropping, also when the work has failed or panicked.
pub(super) struct Flight<K: Hash + Eq + Copy> {
    key: K,
    waited: bool,
    flying: Arc<(Mutex<HashMap<K, ()>>, Condvar)>,
}

impl<K: Hash + Eq + Copy> Flights<K> {
    /// Waits until nobody else has this key, and takes it.
    pub fn enter(&self, key: K) -> Flight<K> {
        let (lock, landed) = &*self.flying;
        let mut flying = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waited = false;
        while flying.contains_key(&key) {
            waited = true;
            flying = landed.wait(flying).unwrap_or_else(PoisonError::into_inner);
        }
        flying.insert(key, ());
        Flight { key, waited, flying: self.flying.clone() }
    }
}

impl<K: Hash + Eq + Copy> Flight<K> {
    /// Whether somebody else has had the key meanwhile.
    pub fn waited(&self) -> bool {
        self.waited
    }
}

impl<K: Hash + Eq + Copy> Drop for Flight<K> {
    fn drop(&mut self) {
        let (lock, landed) = &*self.flying;
        lock.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
        landed.notify_all();
    }
}
