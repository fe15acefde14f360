//! A remote store as the other tiers see it.

use super::address::{self, Address};
use super::breaker::Breaker;
use super::failure::{Failure, Tried};
use super::redis::Redis;
use super::s3::S3;
use super::{Claimed, RemoteLimits, RemoteOptions, tls};
use crate::cache::agree::Claim;
use crate::cache::{Key, ModuleCache, hex, warn};
use crate::sys::files;
use crate::sys::pages::Pages;
use crate::sys::threads;
use crate::{Error, Result};
use std::future::Future;
use std::time::Duration;

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
    pub fn open(url: &str, options: &RemoteOptions) -> Result<Self> {
        let address = address::parse(url, options.secret.as_deref())?;
        let (label, limits) = (address.to_string(), options.limits);
        let certificates = options.certificates.as_deref().map(tls::read).transpose()?;
        let certificates = certificates.as_deref();
        let store = match address {
            Address::Redis(address) => {
                let tls = address.tls.then(|| tls::config(certificates)).transpose()?;
                Store::Redis(Redis::new(address, tls, limits.time, limits.artifact_bytes))
            }
            Address::S3(address) => Store::S3(S3::new(&address, certificates, limits.artifact_bytes)?),
        };
        Ok(Remote { store, label, limits, loads: Breaker::new(limits), saves: Breaker::new(limits) })
    }

    /// What may be the reason that an operation takes too long.
    fn delay(&self) -> Option<&'static str> {
        match &self.store {
            Store::Redis(_) => None,
            Store::S3(store) => store.delay(),
        }
    }

    /// Does an operation within the time limit; none while the store is left alone.
    fn attempt<T: Send>(
        &self,
        breaker: &Breaker,
        what: &str,
        key: &Key,
        work: impl Future<Output = Tried<T>> + Send,
    ) -> Result<Option<T>> {
        if !breaker.may_try() {
            return Ok(None);
        }
        let outcome = drive(self.limits.time, self.delay(), work);
        let closes = breaker.note(!matches!(outcome, Err(Failure::Outage(_))));
        outcome.map(Some).map_err(|failure| {
            let rest = if closes { format!("; it is left alone for {:?}", self.limits.pause) } else { String::new() };
            let tell = |why: &str| format!("{}: {what} {}: {why}{rest}", self.label, name(key));
            match failure {
                Failure::Outage(why) | Failure::TooLarge(why) => Error::CacheIo(tell(&why)),
                Failure::Entry(why) => Error::ArtifactCorrupt(tell(&why)),
            }
        })
    }
}

/// How long the end of a thread is waited for that reads a file.
const SOON: Duration = Duration::from_millis(200);
const STACK_BYTES: usize = 2 << 20;

/// Drives one operation to its end or to the time limit. With its runtime ends whatever it has started: connections,
/// buffers, look-ups. So a store that is not asked costs no thread, and a process may fork.
fn drive<T: Send>(limit: Duration, delay: Option<&'static str>, work: impl Future<Output = Tried<T>> + Send) -> Tried<T> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::Outage(format!("cannot start: {}", crate::sys::words(error))))?;
        let outcome = runtime.block_on(async { tokio::time::timeout(limit, work).await });
        runtime.shutdown_timeout(SOON); // files of credentials are read by a thread
        let why = delay.map(|delay| format!("; {delay}")).unwrap_or_default();
        outcome.unwrap_or_else(|_| Err(Failure::Outage(format!("not done within {limit:?}{why}"))))
    };
    // One for all, and one that reads files of credentials or looks a name up, where tokio panics when it gets none.
    threads::can_start(2, STACK_BYTES).map_err(|error| Failure::Outage(format!("no threads: {}", crate::sys::words(error))))?;
    // What starts threads must not do so in the caller's, whose signals are the host's; and a host in Rust may call from a thread
    // that drives a runtime already, which cannot drive another.
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("hostel-remote".into()).stack_size(STACK_BYTES);
        let started = threads::without_signals(|| thread.spawn_scoped(scope, run))
            .map_err(|error| Failure::Outage(format!("no thread: {}", crate::sys::words(error))))?;
        started.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn name(key: &Key) -> String {
    format!("{}/{}.hostel", hex(&key.fingerprint), hex(&key.wasm))
}

/// Where a machine says that it compiles.
fn claim_name(key: &Key) -> String {
    format!("{}/{}.claim", hex(&key.fingerprint), hex(&key.wasm))
}

impl ModuleCache for Remote {
    fn name(&self) -> &'static str {
        "remote"
    }

    fn load(&self, key: &Key) -> Result<Option<Pages>> {
        let found = self.attempt(&self.loads, "get", key, async {
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
        let saved = self.attempt(&self.saves, "set", key, async {
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
        let found = self.attempt(&self.loads, "look for", key, async {
            match &self.store {
                Store::Redis(store) => store.exists(&name(key)).await,
                Store::S3(store) => store.exists(&name(key)).await,
            }
        });
        // The caller takes any failure for a no, so it is told here.
        Ok(found.inspect_err(|error| warn("remote", "cannot ask", error)).ok().flatten().unwrap_or(false))
    }

    fn remove(&self, key: &Key) -> Result<()> {
        let removed = self.attempt(&self.saves, "remove", key, async {
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

    fn is_far(&self) -> bool {
        true
    }

    fn claim(&self, key: &Key) -> Result<Option<Claim>> {
        if self.failing() || self.saves.failing() {
            return Ok(None);
        }
        let mut random = [0; 16];
        files::random(&mut random).map_err(|error| Error::CacheIo(format!("no random numbers: {}", crate::sys::words(error))))?;
        let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let (claim, name, time) = (claim_name(key), name(key), self.limits.agreement);
        let claimed = self.attempt(&self.saves, "claim", key, async {
            match &self.store {
                Store::Redis(store) => store.claim(&claim, &token, time, &name).await,
                Store::S3(store) => store.claim(&claim, &token, time, &name).await,
            }
        })?;
        let claim = |Claimed { ours, there }| Claim { token: ours.then_some(token), there, time };
        Ok(claimed.map(claim))
    }

    fn release(&self, key: &Key, token: &str) -> Result<()> {
        if self.saves.failing() {
            return Ok(()); // it ends by itself
        }
        let claim = claim_name(key);
        let released = self.attempt(&self.saves, "give back the claim on", key, async {
            match &self.store {
                Store::Redis(store) => store.release(&claim, token).await,
                Store::S3(store) => store.release(&claim, token).await,
            }
        });
        released.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_drives_a_runtime_can_do_an_operation() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let driven = runtime.block_on(async { drive(Duration::from_secs(60), None, async { Ok(7) }) });
        assert_eq!(driven, Ok(7));
    }
}
