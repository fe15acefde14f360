//! Sealed artifacts in a store that machines share over a network: Redis, or whatever speaks S3's protocol. The store
//! may be absent, slow or hostile: each operation has a time limit and a cap of bytes, and a store that fails again and
//! again is left alone for a while.

#[cfg(feature = "remote")]
mod address;
#[cfg(feature = "remote")]
mod breaker;
#[cfg(feature = "remote")]
mod failure;
#[cfg(feature = "remote")]
mod names;
#[cfg(feature = "remote")]
mod redis;
#[cfg(feature = "remote")]
mod s3;
#[cfg(feature = "remote")]
mod store;
#[cfg(feature = "remote")]
mod tls;

use super::{SealKey, Tier};
use crate::Result;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a remote store may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteLimits {
    /// How long an operation may take, from connecting to the last byte.
    pub time: Duration,
    /// How large an artifact may be, loaded or saved.
    pub artifact_bytes: u64,
    /// After how many failures in a row the store is left alone.
    pub failures: u64,
    /// For how long it is then left alone.
    pub pause: Duration,
    /// How long another machine is waited for that compiles the same.
    pub agreement: Duration,
}

impl Default for RemoteLimits {
    fn default() -> Self {
        let (time, pause, agreement) = (Duration::from_secs(2), Duration::from_secs(10), Duration::from_secs(30));
        RemoteLimits { time, artifact_bytes: 256 << 20, failures: 3, pause, agreement }
    }
}

/// How a remote store is used.
#[derive(Clone, Default)]
pub struct RemoteOptions {
    /// What it may cost.
    pub limits: RemoteLimits,
    /// Redis's password, or the secret key of S3, when that does not stand in the URL.
    pub secret: Option<String>,
    /// A file of certificates, in PEM, to know a server by; the system's, when there is none.
    pub certificates: Option<PathBuf>,
}

/// What came of claiming a key.
#[cfg(feature = "remote")]
struct Claimed {
    ours: bool,
    /// Whether what it is about is there already.
    there: bool,
}

/// A tier over the store that a URL names. Nothing is connected yet. INVALID_ARGUMENT when the URL names none.
#[cfg(feature = "remote")]
pub fn remote(url: &str, key: SealKey, options: &RemoteOptions) -> Result<Arc<dyn Tier>> {
    Ok(Arc::new(super::Sealed::new(store::Remote::open(url, options)?, key)))
}

/// UNSUPPORTED: this build has no remote tier.
#[cfg(not(feature = "remote"))]
pub fn remote(_url: &str, _key: SealKey, _options: &RemoteOptions) -> Result<Arc<dyn Tier>> {
    Err(crate::Error::Unsupported("this build has no remote caches (feature `remote`)".into()))
}
