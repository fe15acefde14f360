//! The sealed artifact: an engine's own bytes from offset 0, the module's outline, and a trailer that says what it is
//! for and proves who made it. Nothing in it is used before the proof has been checked, on a copy in this process's own
//! memory that nobody else can change.
//!
//! | bytes | what |
//! |---|---|
//! | a | what the engine serialized |
//! | o | the outline, MessagePack |
//! | 8 | a, little-endian |
//! | 8 | o, little-endian |
//! | 32 | fingerprint of the engine |
//! | 32 | BLAKE3 of the module |
//! | 8 | which sealing key: the start of a BLAKE3 derived from it |
//! | 4 | format, little-endian: 2 |
//! | 32 | BLAKE3, keyed with the sealing key, of all the above |
//! | 8 | the start of a BLAKE3 of the trailer so far: tells what is damaged from what another key has sealed |
//! | 12 | "hostel-seal\n" |

use super::{Entry, Key};
use crate::engine::Engine;
use crate::inspect::ModuleInfo;
use crate::{Error, Result};
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

const MAGIC: &[u8; 12] = b"hostel-seal\n";
const FORMAT: [u8; 4] = 2u32.to_le_bytes();
const HEADER: usize = 8 + 8 + 32 + 32 + 8 + 4;
const MAC: usize = 32;
const CHECKSUM: usize = 8;
const TRAILER: usize = HEADER + MAC + CHECKSUM + MAGIC.len();

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

    /// Tells keys apart without telling anything of them.
    fn id(&self) -> [u8; 8] {
        start(&blake3::derive_key("hostel 2026-11 which sealing key", &self.0))
    }

    fn hasher(&self) -> blake3::Hasher {
        blake3::Hasher::new_keyed(&self.0)
    }
}

fn start(hash: &[u8; 32]) -> [u8; 8] {
    core::array::from_fn(|at| hash[at])
}

/// Seals an entry for engines of this fingerprint.
pub fn seal(entry: &Entry, key: &SealKey, fingerprint: &[u8; 32]) -> Result<Vec<u8>> {
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
    bytes.extend_from_slice(&key.id());
    bytes.extend_from_slice(&FORMAT);
    let mac = key.hasher().update(&bytes).finalize();
    bytes.extend_from_slice(mac.as_bytes());
    let checksum = blake3::hash(&bytes[bytes.len() - HEADER - MAC..]);
    bytes.extend_from_slice(&start(checksum.as_bytes()));
    bytes.extend_from_slice(MAGIC);
    Ok(bytes)
}

/// Opens a sealed artifact for an engine; of this module only, if one is named.
///
/// ARTIFACT_CORRUPT when it is damaged or not sealed with this key, ARTIFACT_MISMATCH when it was made by another
/// engine, version or machine, or from another module.
pub fn open(bytes: Vec<u8>, key: &SealKey, engine: &dyn Engine, wasm: Option<&[u8; 32]>) -> Result<Entry> {
    let (content, trailer) = bytes.split_last_chunk().ok_or(Flaw::CutOff)?;
    let trailer = Trailer::read(trailer, bytes.len() as u64)?;
    trailer.check(key, key.hasher().update(content))?;
    // From here on the bytes are as they were sealed.
    if trailer.fingerprint() != engine.fingerprint().hash {
        return Err(Flaw::OtherEngine.into());
    }
    if wasm.is_some_and(|wasm| trailer.wasm() != *wasm) {
        return Err(Flaw::OtherModule.into());
    }
    let outline_at = usize::try_from(trailer.artifact_len()).map_err(|_| Flaw::CutOff)?;
    let (artifact, outline) = content.split_at_checked(outline_at).ok_or(Flaw::CutOff)?;
    let info: ModuleInfo = rmp_serde::from_slice(outline).map_err(|_| Flaw::OtherFormat)?;
    let info = Arc::new(info);
    Ok(Entry { code: engine.deserialize(artifact, &info)?, info })
}

/// A copy of bytes that a store says are an artifact: where there is no room for so many, its length is not believed.
pub fn copy(bytes: &[u8]) -> Result<Vec<u8>> {
    const BYTES_MAX: u64 = 1 << 32;
    let mut copy = Vec::new();
    if bytes.len() as u64 > BYTES_MAX || copy.try_reserve_exact(bytes.len()).is_err() {
        return Err(Error::ArtifactCorrupt(format!("{} bytes are no artifact", bytes.len())));
    }
    copy.extend_from_slice(bytes);
    Ok(copy)
}

/// Whether a file of this length ends like an artifact: cheap to ask before all of it is read.
pub fn ends_well(file: &mut (impl Read + Seek), len: u64) -> io::Result<Result<(), Flaw>> {
    Ok(read_trailer(file, len)?.map(|_| ()))
}

/// Checks a file of this length without loading it: that it is sealed with this key, for the place where it lies.
pub fn examine(file: &mut (impl Read + Seek), len: u64, key: &SealKey, place: &Key) -> io::Result<Result<(), Flaw>> {
    let trailer = match read_trailer(file, len)? {
        Ok(trailer) => trailer,
        Err(flaw) => return Ok(Err(flaw)),
    };
    let mut hasher = key.hasher();
    file.rewind()?;
    io::copy(&mut file.take(len.saturating_sub(TRAILER as u64)), &mut hasher)?;
    Ok(trailer.check(key, &mut hasher).and_then(|()| match () {
        () if trailer.fingerprint() != place.fingerprint => Err(Flaw::OtherEngine),
        () if trailer.wasm() != place.wasm => Err(Flaw::OtherModule),
        () => Ok(()),
    }))
}

fn read_trailer(file: &mut (impl Read + Seek), len: u64) -> io::Result<Result<Trailer, Flaw>> {
    let mut bytes = [0; TRAILER];
    let Some(at) = len.checked_sub(TRAILER as u64) else { return Ok(Err(Flaw::CutOff)) };
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut bytes)?;
    Ok(Trailer::read(&bytes, len))
}

/// What can be wrong with an artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each says what it is")]
pub enum Flaw {
    #[error("the artifact is cut off, or none of hostel's")]
    CutOff,
    #[error("the artifact is damaged")]
    Damaged,
    #[error("the artifact is sealed with another key")]
    OtherKey,
    #[error("the artifact has another format: it was made by another version of hostel")]
    OtherFormat,
    #[error("the artifact was made by another engine, another version, or for another machine")]
    OtherEngine,
    #[error("the artifact was made from another module")]
    OtherModule,
}

impl From<Flaw> for Error {
    fn from(flaw: Flaw) -> Self {
        match flaw {
            Flaw::CutOff | Flaw::Damaged | Flaw::OtherKey => Error::ArtifactCorrupt(flaw.to_string()),
            Flaw::OtherFormat | Flaw::OtherEngine | Flaw::OtherModule => Error::ArtifactMismatch(flaw.to_string()),
        }
    }
}

/// The end of an artifact, of which only the checksum and the lengths have been checked: against accidents, not against
/// anybody.
struct Trailer([u8; TRAILER]);

impl Trailer {
    fn read(bytes: &[u8; TRAILER], len: u64) -> Result<Self, Flaw> {
        let trailer = Trailer(*bytes);
        if !bytes.ends_with(MAGIC) {
            return Err(Flaw::CutOff);
        }
        if trailer.field(HEADER + MAC) != start(blake3::hash(&bytes[..HEADER + MAC]).as_bytes()) {
            return Err(Flaw::Damaged);
        }
        let content = trailer.artifact_len().checked_add(u64::from_le_bytes(trailer.field(8)));
        let whole = content.and_then(|sum| sum.checked_add(TRAILER as u64)) == Some(len);
        if whole || trailer.format() != FORMAT { Ok(trailer) } else { Err(Flaw::CutOff) }
    }

    /// Whether an artifact is as it was sealed; `content` has hashed all before the trailer.
    fn check(&self, key: &SealKey, content: &mut blake3::Hasher) -> Result<(), Flaw> {
        let mac = content.update(&self.0[..HEADER]).finalize();
        if mac != blake3::Hash::from_bytes(self.field(HEADER)) {
            return Err(if self.field(80) == key.id() { Flaw::Damaged } else { Flaw::OtherKey });
        }
        if self.format() == FORMAT { Ok(()) } else { Err(Flaw::OtherFormat) }
    }

    fn format(&self) -> [u8; 4] {
        self.field(88)
    }

    fn artifact_len(&self) -> u64 {
        u64::from_le_bytes(self.field(0))
    }

    fn fingerprint(&self) -> [u8; 32] {
        self.field(16)
    }

    fn wasm(&self) -> [u8; 32] {
        self.field(48)
    }

    fn field<const N: usize>(&self, at: usize) -> [u8; N] {
        core::array::from_fn(|index| self.0[at + index])
    }
}
