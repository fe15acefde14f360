//! Sealed artifacts in a store that machines share over a network: Redis, or whatever speaks S3's protocol. The store
//! may be absent, slow or hostile: each operation has a time limit and a cap of bytes, and a store that fails again and
//! again is left alone for a while.

#[cfg(feature = "remote")]
mod address;
#[cfg(feature = "remote")]
mod breaker;
#[cfg(feature = "remote")]
mod redis;
#[cfg(feature = "remote")]
mod s3;
#[cfg(feature = "remote")]
mod store;

use super::{SealKey, Tier};
use crate::Result;
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
}

impl Default for RemoteLimits {
    fn default() -> Self {
        RemoteLimits { time: Duration::from_secs(2), artifact_bytes: 256 << 20, failures: 3, pause: Duration::from_secs(10) }
    }
}

/// A tier over the store that a URL names. Nothing is connected yet. INVALID_ARGUMENT when the URL names none.
#[cfg(feature = "remote")]
pub fn remote(url: &str, key: SealKey, limits: RemoteLimits) -> Result<Arc<dyn Tier>> {
    Ok(Arc::new(super::Sealed::new(store::Remote::open(url, limits)?, key)))
}

/// UNSUPPORTED: this build has no remote tier.
#[cfg(not(feature = "remote"))]
pub fn remote(_url: &str, _key: SealKey, _limits: RemoteLimits) -> Result<Arc<dyn Tier>> {
    Err(crate::Error::Unsupported("this build has no remote caches (feature `remote`)".into()))
}
