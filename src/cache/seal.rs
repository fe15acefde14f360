//! Artifacts: an engine's own bytes from offset 0, the module's outline in MessagePack, and a trailer (see `trailer`).
//! Nothing in one is used before its proof has been checked, on a copy in this process's own memory that nobody else can
//! change.

use super::trailer::{Flaw, Kind, Opened, Proof, TRAILER};
use super::{Entry, Key};
use crate::engine::Engine;
use crate::inspect::{self, ModuleInfo};
use crate::sys::pages::Pages;
use crate::{Error, Result};
use std::sync::Arc;

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
        super::user_key::user_key().map(SealKey)
    }

    /// A key of their own for aliases, so that none can pass for an artifact.
    pub(super) fn for_aliases(&self) -> Self {
        SealKey(blake3::derive_key("hostel 2026 the key that seals aliases", &self.0))
    }

    /// Tells keys apart without telling anything of them.
    pub(super) fn public_id(&self) -> [u8; 32] {
        blake3::derive_key("hostel 2026-11 which sealing key", &self.0)
    }

    pub(super) fn hasher(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.0)
    }
}

/// Why an artifact is believed.
#[derive(Clone, Copy)]
pub enum Trust<'a> {
    /// It is sealed with this key.
    Sealed(&'a SealKey),
    /// The host says so: the proof finds damage, and shows no more than that.
    Vouched,
}

impl Trust<'_> {
    fn proof(self) -> Proof {
        match self {
            Trust::Sealed(key) => Proof::new(Kind::Artifact, key),
            Trust::Vouched => Proof::vouched(),
        }
    }
}

/// Writes an entry as an artifact for engines of this fingerprint.
pub fn seal(entry: &Entry, trust: Trust<'_>, fingerprint: &[u8; 32]) -> Result<Vec<u8>> {
    let mut bytes = entry.code.serialize()?;
    let code_len = bytes.len();
    let outline =
        rmp_serde::to_vec(&*entry.info).map_err(|error| Error::Internal(format!("cannot write an outline: {error}")))?;
    bytes.reserve_exact(outline.len() + TRAILER);
    bytes.extend_from_slice(&outline);
    trust.proof().seal(&mut bytes, code_len, &Key { wasm: entry.info.key, fingerprint: *fingerprint });
    Ok(bytes)
}

/// Opens an artifact for an engine; of this module only, if one is named.
///
/// ARTIFACT_CORRUPT when it is damaged or not sealed with this key, ARTIFACT_MISMATCH when it was made by another
/// engine, version or machine, or from another module.
pub fn open(bytes: Pages, trust: Trust<'_>, engine: &dyn Engine, wasm: Option<&[u8; 32]>) -> Result<Entry> {
    let opened = trust.proof().open(&bytes, &engine.fingerprint().hash).map_err(|flaw| told_apart(flaw, &bytes))?;
    if wasm.is_some_and(|wasm| opened.made_for != *wasm) {
        return Err(flawed(Flaw::OtherModule));
    }
    let (info, len) = outlined(&opened)?;
    Ok(Entry { code: engine.deserialize(bytes, len, &info)?, info })
}

/// Opens an artifact that the host vouches for, down to its last bit: only what it is for is looked at.
pub fn open_unread(bytes: Pages, engine: &dyn Engine) -> Result<Entry> {
    let opened = Proof::vouched().open_unread(&bytes, &engine.fingerprint().hash).map_err(|flaw| told_apart(flaw, &bytes))?;
    let (info, len) = outlined(&opened)?;
    Ok(Entry { code: engine.deserialize(bytes, len, &info)?, info })
}

/// Bytes that end as no artifact does may be what artifacts are made of: its host has mistaken one for the other.
fn told_apart(flaw: Flaw, bytes: &[u8]) -> Error {
    flawed(match flaw {
        Flaw::CutOff if inspect::is_module(bytes) => Flaw::Module,
        Flaw::CutOff if bytes.trim_ascii_start().starts_with(b"(module") => Flaw::Text,
        flaw => flaw,
    })
}

/// Whether a file of this length ends like an artifact that the host vouches for. A short one is looked at as a whole.
pub fn ends_vouched(file: &mut std::fs::File, len: u64) -> std::io::Result<Result<()>> {
    const SHORT: u64 = 64 << 20;
    if len <= SHORT {
        return Ok(Ok(()));
    }
    Ok(Kind::Vouched.ends(file, len)?.map_err(flawed))
}

fn flawed(flaw: Flaw) -> Error {
    flaw.of("the artifact")
}

/// The outline, and the length of the engine's bytes.
fn outlined(opened: &Opened<'_>) -> Result<(Arc<ModuleInfo>, usize)> {
    let info: ModuleInfo = rmp_serde::from_slice(opened.second).map_err(|_| flawed(Flaw::OtherFormat))?;
    Ok((Arc::new(info), opened.first.len()))
}

/// A copy of bytes that a store says are an artifact: where there is no room for so many, its length is not believed.
pub fn copy(bytes: &[u8]) -> Result<Pages> {
    const BYTES_MAX: u64 = 1 << 32;
    let no_artifact = || Error::ArtifactCorrupt(format!("{} bytes are no artifact", bytes.len()));
    if bytes.len() as u64 > BYTES_MAX {
        return Err(no_artifact());
    }
    Pages::copy_of(bytes).map_err(|_| no_artifact())
}
