//! The sealed artifact: an engine's own bytes from offset 0, the module's outline, and a trailer that says what it is
//! for and proves who made it. Nothing in it is used, not even its lengths, before the proof has been checked, on a copy
//! in this process's own memory that nobody else can change.
//!
//! | bytes | what |
//! |---|---|
//! | a | what the engine serialized |
//! | o | the outline, MessagePack |
//! | 8 | a, little-endian |
//! | 8 | o, little-endian |
//! | 32 | fingerprint of the engine |
//! | 32 | BLAKE3 of the module |
//! | 4 | format, little-endian: 1 |
//! | 32 | BLAKE3, keyed with the sealing key, of all the above |
//! | 12 | "hostel-seal\n" |
//!
//! One that the host vouches for itself differs at the end: BLAKE3 without a key, which finds damage and proves nothing,
//! and "hostel-open\n". Neither passes for the other.

use super::Entry;
use crate::engine::Engine;
use crate::inspect::ModuleInfo;
use crate::sys::pages::Pages;
use crate::{Error, Result};
use std::sync::Arc;

const MAGIC_BYTES: usize = 12;
const FORMAT: u32 = 1;
const MAC: usize = 32;
const HEADER: usize = 8 + 8 + 32 + 32 + 4;
const TRAILER: usize = HEADER + MAC + MAGIC_BYTES;

/// The secret that proves that an artifact is ours: 32 bytes.
#[derive(Clone)]
pub struct SealKey([u8; 32]);

impl SealKey {
    /// A key the host brings.
    pub fn new(key: [u8; 32]) -> Self {
        SealKey(key)
    }

    /// The key of this user of this machine, made when it is first needed: a file that only the user can read.
    pub fn of_user() -> Result<Self> {
        crate::sys::files::user_key().map(SealKey)
    }

    /// For aliases: a key of their own, so that no record can pass for an artifact.
    pub(super) fn alias_mac(&self, sealed: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(&blake3::derive_key("hostel 2026 the key that seals aliases", &self.0), sealed)
    }
}

/// Why an artifact is believed.
#[derive(Clone, Copy)]
pub enum Trust<'a> {
    /// It is sealed with this key.
    Sealed(&'a SealKey),
    /// The host says so.
    Vouched,
}

impl Trust<'_> {
    fn magic(self) -> &'static [u8; MAGIC_BYTES] {
        match self {
            Trust::Sealed(_) => b"hostel-seal\n",
            Trust::Vouched => b"hostel-open\n",
        }
    }

    fn mac(self, sealed: &[u8]) -> blake3::Hash {
        match self {
            Trust::Sealed(key) => blake3::keyed_hash(&key.0, sealed),
            Trust::Vouched => blake3::hash(sealed),
        }
    }

    fn broken(self) -> &'static str {
        match self {
            Trust::Sealed(_) => "is damaged, or sealed with another key",
            Trust::Vouched => "is damaged",
        }
    }
}

/// Writes an entry as an artifact for engines of this fingerprint.
pub fn seal(entry: &Entry, trust: Trust<'_>, fingerprint: &[u8; 32]) -> Result<Vec<u8>> {
    let mut bytes = entry.code.serialize()?;
    let artifact_len = bytes.len() as u64;
    let outline =
        rmp_serde::to_vec(&*entry.info).map_err(|error| Error::Internal(format!("cannot write an outline: {error}")))?;
    bytes.reserve_exact(outline.len() + TRAILER);
    bytes.extend_from_slice(&outline);
    bytes.extend_from_slice(&artifact_len.to_le_bytes());
    bytes.extend_from_slice(&(outline.len() as u64).to_le_bytes());
    bytes.extend_from_slice(fingerprint);
    bytes.extend_from_slice(&entry.info.key);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    let mac = trust.mac(&bytes);
    bytes.extend_from_slice(mac.as_bytes());
    bytes.extend_from_slice(trust.magic());
    Ok(bytes)
}

/// Opens an artifact for an engine; of this module only, if one is named.
///
/// ARTIFACT_CORRUPT when it is damaged or not sealed with this key, ARTIFACT_MISMATCH when it was made by another
/// engine, version or machine, or from another module.
pub fn open(bytes: Pages, trust: Trust<'_>, engine: &dyn Engine, wasm: Option<&[u8; 32]>) -> Result<Entry> {
    let (artifact, info) = check(&bytes, trust, &engine.fingerprint().hash, wasm)?;
    let len = artifact.len();
    let code = engine.deserialize(bytes, len, &info)?;
    Ok(Entry { info, code })
}

/// Checks a sealed artifact without loading it: its module's hash.
pub fn verify(bytes: &[u8], key: &SealKey, fingerprint: &[u8; 32]) -> Result<[u8; 32]> {
    check(bytes, Trust::Sealed(key), fingerprint, None).map(|(_, info)| info.key)
}

fn check<'a>(
    bytes: &'a [u8],
    trust: Trust<'_>,
    fingerprint: &[u8; 32],
    wasm: Option<&[u8; 32]>,
) -> Result<(&'a [u8], Arc<ModuleInfo>)> {
    let corrupt = |what: &str| Error::ArtifactCorrupt(format!("the artifact {what}"));
    let sealed = bytes.strip_suffix(trust.magic()).ok_or_else(|| corrupt("is cut off, of another kind, or none of hostel's"))?;
    let (sealed, mac) = sealed.split_last_chunk::<MAC>().ok_or_else(|| corrupt("is cut off"))?;
    if trust.mac(sealed) != blake3::Hash::from_bytes(*mac) {
        return Err(corrupt(trust.broken()));
    }
    // From here on the bytes are as they were sealed.
    let (content, header) = sealed.split_last_chunk::<HEADER>().ok_or_else(|| corrupt("is cut off"))?;
    let (artifact_len, header) = header.split_at(8);
    let (_outline_len, header) = header.split_at(8);
    let (made_for, header) = header.split_at(32);
    let (made_from, format) = header.split_at(32);
    let mismatch = |what: &str| Error::ArtifactMismatch(format!("the artifact {what}"));
    if format != FORMAT.to_le_bytes() {
        return Err(mismatch("has another format: it was made by another version of hostel"));
    }
    if made_for != fingerprint {
        return Err(mismatch("was made by another engine, another version, or for another machine"));
    }
    if wasm.is_some_and(|wasm| made_from != wasm) {
        return Err(mismatch("was made from another module"));
    }
    let artifact_len = artifact_len.iter().rev().fold(0u64, |len, &byte| len << 8 | u64::from(byte));
    let at = usize::try_from(artifact_len).map_err(|_| corrupt("is cut off"))?;
    let (artifact, outline) = content.split_at_checked(at).ok_or_else(|| corrupt("is cut off"))?;
    let info: ModuleInfo = rmp_serde::from_slice(outline).map_err(|_| mismatch("has an outline of another version"))?;
    Ok((artifact, Arc::new(info)))
}
