//! A remote store as the other tiers see it.

use super::RemoteLimits;
use super::address::{self, Address};
use super::breaker::Breaker;
use super::redis::Redis;
use super::s3::S3;
use crate::cache::{Key, ModuleCache, hex, warn};
use crate::sys::pages::Pages;
use crate::{Error, Result};
use std::future::Future;
use std::time::Duration;

/// What came of an operation, or what went wrong in words that hold no secret.
pub type Tried<T> = Result<T, String>;

/// A store, and what is known of how it fares.
pub struct Remote {
    store: Store,
    label: String,
    limits: RemoteLimits,
    loads: Breaker,
    saves: Breaker, // apart, because a store may be read-only, or full
}

enum Store {
    Redis(Redis),
    S3(S3),
}

impl Remote {
    /// The store that a URL names. Nothing is connected yet.
    pub fn open(url: &str, limits: RemoteLimits) -> Result<Self> {
        let address = address::parse(url)?;
        let label = address.to_string();
        let store = match address {
            Address::Redis(address) => Store::Redis(Redis::new(address, limits.artifact_bytes)),
            Address::S3(address) => Store::S3(S3::new(&address, limits.artifact_bytes)?),
        };
        Ok(Remote { store, label, limits, loads: Breaker::new(limits), saves: Breaker::new(limits) })
    }

    /// Does an operation within the time limit; none while the store is left alone.
    fn attempt<T: Send>(&self, breaker: &Breaker, work: impl Future<Output = Tried<T>> + Send) -> Result<Option<T>> {
        if !breaker.may_try() {
            return Ok(None);
        }
        let outcome = drive(self.limits.time, work);
        let closes = breaker.note(outcome.is_ok());
        outcome.map(Some).map_err(|error| {
            let rest = if closes { format!("; it is left alone for {:?}", self.limits.pause) } else { String::new() };
            Error::CacheIo(format!("{}: {error}{rest}", self.label))
        })
    }
}

/// Drives one operation to its end or to the time limit. With its runtime ends whatever it has started: connections,
/// buffers, look-ups. So a store that is not asked costs no thread, and a process may fork.
fn drive<T: Send>(limit: Duration, work: impl Future<Output = Tried<T>> + Send) -> Tried<T> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("cannot start: {error}"))?;
        let outcome = runtime.block_on(async { tokio::time::timeout(limit, work).await });
        runtime.shutdown_background(); // the look-up of a name cannot be stopped, and is not waited for
        outcome.unwrap_or_else(|_| Err(format!("not done within {limit:?}")))
    };
    if tokio::runtime::Handle::try_current().is_err() {
        return run();
    }
    // A host in Rust may call from a thread that drives a runtime already, which cannot drive another.
    let joined = std::thread::scope(|scope| scope.spawn(run).join());
    joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn name(key: &Key) -> String {
    format!("{}/{}.hostel", hex(&key.fingerprint), hex(&key.wasm))
}

impl ModuleCache for Remote {
    fn name(&self) -> &'static str {
        "remote"
    }

    fn load(&self, key: &Key) -> Result<Option<Pages>> {
        let found = self.attempt(&self.loads, async {
            match &self.store {
                Store::Redis(store) => store.get(&name(key)).await,
                Store::S3(store) => store.get(&name(key)).await,
            }
        });
        found?.flatten().map(|bytes: Vec<u8>| Pages::copy_of(&bytes)).transpose()
    }

    fn save(&self, key: &Key, artifact: &[u8]) -> Result<()> {
        if artifact.len() as u64 > self.limits.artifact_bytes {
            return Err(Error::CacheIo(format!("{}: an artifact of {} bytes is too large", self.label, artifact.len())));
        }
        if self.failing() {
            return Ok(()); // who has just waited for a load does not wait for this too
        }
        let saved = self.attempt(&self.saves, async {
            match &self.store {
                Store::Redis(store) => store.put(&name(key), artifact).await,
                Store::S3(store) => store.put(&name(key), artifact).await,
            }
        });
        saved.map(|_| ())
    }

    fn contains(&self, key: &Key) -> Result<bool> {
        if self.failing() {
            return Ok(false);
        }
        let found = self.attempt(&self.loads, async {
            match &self.store {
                Store::Redis(store) => store.exists(&name(key)).await,
                Store::S3(store) => store.exists(&name(key)).await,
            }
        });
        // The caller takes any failure for a no, so it is told here.
        Ok(found.inspect_err(|error| warn("remote", "cannot ask", error)).ok().flatten().unwrap_or(false))
    }

    fn remove(&self, key: &Key) -> Result<()> {
        let removed = self.attempt(&self.saves, async {
            match &self.store {
                Store::Redis(store) => store.delete(&name(key)).await,
                Store::S3(store) => store.delete(&name(key)).await,
            }
        });
        removed.map(|_| ())
    }

    fn failing(&self) -> bool {
        self.loads.failing()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_drives_a_runtime_can_do_an_operation() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let driven = runtime.block_on(async { drive(Duration::from_secs(60), async { Ok(7) }) });
        assert_eq!(driven, Ok(7));
    }
}
