//! What all bytes end with that a cache or a host keeps outside of the process: what they are for, and the proof of who
//! made them. Nothing before it is used before the proof has been checked.
//!
//! | bytes | what |
//! |---|---|
//! | a + o | the two parts of the content |
//! | 8 | a, little-endian |
//! | 8 | o, little-endian |
//! | 32 | fingerprint of the engine |
//! | 32 | BLAKE3 of the module, or what an alias is kept under |
//! | 8 | which sealing key: the start of a BLAKE3 derived from it; zeros where there is none |
//! | 4 | format, little-endian: 2 |
//! | 32 | BLAKE3, keyed with the sealing key if there is one, of all the above |
//! | 8 | the start of a BLAKE3 of the trailer so far: tells what is damaged from what another key has sealed |
//! | 12 | the kind |

use super::{Key, SealKey};
use crate::Error;
use std::io::{self, Read, Seek, SeekFrom};

const FORMAT: [u8; 4] = 2u32.to_le_bytes();
const HEADER: usize = 8 + 8 + 32 + 32 + 8 + 4;
const MAC: usize = 32;
const CHECKSUM: usize = 8;
const KIND: usize = 12;
pub(super) const TRAILER: usize = HEADER + MAC + CHECKSUM + KIND;

/// What bytes are. None passes for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A sealed artifact.
    Artifact,
    /// An artifact that the host vouches for.
    Vouched,
    /// Where an alias leads to.
    Alias,
}

impl Kind {
    fn name(self) -> &'static [u8; KIND] {
        match self {
            Kind::Artifact => b"hostel-seal\n",
            Kind::Vouched => b"hostel-open\n",
            Kind::Alias => b"hostel-name\n",
        }
    }

    /// The kind that bytes end with the name of.
    fn of(bytes: &[u8]) -> Option<Kind> {
        [Kind::Artifact, Kind::Vouched, Kind::Alias].into_iter().find(|kind| bytes.ends_with(kind.name()))
    }

    /// Whether a file of this length ends like one of this kind: cheap to ask before all of it is read.
    pub fn ends(self, file: &mut (impl Read + Seek), len: u64) -> io::Result<Result<(), Flaw>> {
        Ok(self.read_end(file, len)?.map(|_| ()))
    }

    fn read_end(self, file: &mut (impl Read + Seek), len: u64) -> io::Result<Result<Trailer, Flaw>> {
        let mut bytes = [0; TRAILER];
        let Some(at) = len.checked_sub(TRAILER as u64) else { return Ok(Err(Flaw::CutOff)) };
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut bytes)?;
        Ok(Trailer::read(&bytes, self, len))
    }
}

/// What proves bytes of one kind: a key, or nothing but that they are whole.
pub struct Proof {
    kind: Kind,
    key: Option<SealKey>,
}

impl Proof {
    /// How a kind is proved by those who have this sealing key.
    pub fn new(kind: Kind, key: &SealKey) -> Self {
        let key = match kind {
            Kind::Artifact => Some(key.clone()),
            Kind::Alias => Some(key.for_aliases()),
            Kind::Vouched => None,
        };
        Proof { kind, key }
    }

    /// That bytes are whole, and no more.
    pub fn vouched() -> Self {
        Proof { kind: Kind::Vouched, key: None }
    }

    /// Puts a trailer behind a content whose first part has this length.
    pub fn seal(&self, content: &mut Vec<u8>, first: usize, place: &Key) {
        let second = content.len() - first;
        for len in [first, second] {
            content.extend_from_slice(&(len as u64).to_le_bytes());
        }
        content.extend_from_slice(&place.fingerprint);
        content.extend_from_slice(&place.wasm);
        content.extend_from_slice(&self.key_id());
        content.extend_from_slice(&FORMAT);
        let mac = self.hasher().update(content).finalize();
        content.extend_from_slice(mac.as_bytes());
        let checksum = blake3::hash(&content[content.len() - HEADER - MAC..]);
        content.extend_from_slice(&start(checksum.as_bytes()));
        content.extend_from_slice(self.kind.name());
    }

    /// The content, once it is proved that it is as it was sealed for this engine.
    pub fn open<'a>(&self, bytes: &'a [u8], fingerprint: &[u8; 32]) -> Result<Opened<'a>, Flaw> {
        let (content, trailer) = bytes.split_last_chunk().ok_or(Flaw::CutOff)?;
        let trailer = Trailer::read(trailer, self.kind, bytes.len() as u64)?;
        self.check(&trailer, self.hasher().update(content))?;
        trailer.content(content, fingerprint)
    }

    /// The content of which only the trailer has been looked at: by whom nobody, and nothing, is suspected.
    pub fn open_unread<'a>(&self, bytes: &'a [u8], fingerprint: &[u8; 32]) -> Result<Opened<'a>, Flaw> {
        let (content, trailer) = bytes.split_last_chunk().ok_or(Flaw::CutOff)?;
        let trailer = Trailer::read(trailer, self.kind, bytes.len() as u64)?;
        if trailer.format() != FORMAT {
            return Err(Flaw::OtherFormat);
        }
        trailer.content(content, fingerprint)
    }

    /// Checks a file of this length without keeping it: that it is proved, and for the place where it lies.
    pub fn examine(&self, file: &mut (impl Read + Seek), len: u64, place: &Key) -> io::Result<Result<(), Flaw>> {
        let trailer = match self.kind.read_end(file, len)? {
            Ok(trailer) => trailer,
            Err(flaw) => return Ok(Err(flaw)),
        };
        let mut hasher = self.hasher();
        file.rewind()?;
        io::copy(&mut file.take(len.saturating_sub(TRAILER as u64)), &mut hasher)?;
        Ok(self.check(&trailer, &mut hasher).and_then(|()| match () {
            () if trailer.fingerprint() != place.fingerprint => Err(Flaw::OtherEngine),
            () if trailer.wasm() != place.wasm => Err(Flaw::OtherModule),
            () => Ok(()),
        }))
    }

    /// Whether all is as it was sealed; `content` has hashed all before the trailer.
    fn check(&self, trailer: &Trailer, content: &mut blake3::Hasher) -> Result<(), Flaw> {
        let mac = content.update(&trailer.0[..HEADER]).finalize();
        if mac != blake3::Hash::from_bytes(trailer.field(HEADER)) {
            return Err(if trailer.key_id() == self.key_id() { Flaw::Damaged } else { Flaw::OtherKey });
        }
        if trailer.format() == FORMAT { Ok(()) } else { Err(Flaw::OtherFormat) }
    }

    fn key_id(&self) -> [u8; 8] {
        self.key.as_ref().map_or([0; 8], |key| start(&key.public_id()))
    }

    fn hasher(&self) -> blake3::Hasher {
        self.key.as_ref().map_or_else(blake3::Hasher::new, SealKey::hasher)
    }
}

/// Bytes that are proved.
pub struct Opened<'a> {
    /// The two parts.
    pub first: &'a [u8],
    pub second: &'a [u8],
    /// The module, or the alias.
    pub made_for: [u8; 32],
}

fn start(hash: &[u8; 32]) -> [u8; 8] {
    core::array::from_fn(|at| hash[at])
}

/// A trailer of which only the checksum and the lengths have been checked: against accidents, not against anybody.
struct Trailer([u8; TRAILER]);

impl Trailer {
    fn read(bytes: &[u8; TRAILER], kind: Kind, len: u64) -> Result<Self, Flaw> {
        let trailer = Trailer(*bytes);
        match (kind, Kind::of(bytes)) {
            (wanted, Some(found)) if found == wanted => {}
            (Kind::Artifact, Some(Kind::Vouched)) => return Err(Flaw::Unsealed),
            (Kind::Vouched, Some(Kind::Artifact)) => return Err(Flaw::Sealed),
            _ => return Err(Flaw::CutOff),
        }
        if trailer.field(HEADER + MAC) != start(blake3::hash(&bytes[..HEADER + MAC]).as_bytes()) {
            return Err(Flaw::Damaged);
        }
        let content = trailer.first_len().checked_add(u64::from_le_bytes(trailer.field(8)));
        let whole = content.and_then(|sum| sum.checked_add(TRAILER as u64)) == Some(len);
        if whole || trailer.format() != FORMAT { Ok(trailer) } else { Err(Flaw::CutOff) }
    }

    /// The content in its two parts, if it is for this engine.
    fn content<'a>(&self, content: &'a [u8], fingerprint: &[u8; 32]) -> Result<Opened<'a>, Flaw> {
        if self.fingerprint() != *fingerprint {
            return Err(Flaw::OtherEngine);
        }
        let first = usize::try_from(self.first_len()).map_err(|_| Flaw::CutOff)?;
        let (first, second) = content.split_at_checked(first).ok_or(Flaw::CutOff)?;
        Ok(Opened { first, second, made_for: self.wasm() })
    }

    fn first_len(&self) -> u64 {
        u64::from_le_bytes(self.field(0))
    }

    fn fingerprint(&self) -> [u8; 32] {
        self.field(16)
    }

    fn wasm(&self) -> [u8; 32] {
        self.field(48)
    }

    fn key_id(&self) -> [u8; 8] {
        self.field(80)
    }

    fn format(&self) -> [u8; 4] {
        self.field(88)
    }

    fn field<const N: usize>(&self, at: usize) -> [u8; N] {
        core::array::from_fn(|index| self.0[at + index])
    }
}

/// What can be wrong with an artifact, or with where an alias leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each says what it is")]
pub enum Flaw {
    #[error("cut off, of another kind, or none of hostel's")]
    CutOff,
    #[error("without a seal, of the kind that a host vouches for (see hostel_module_deserialize_vouched)")]
    Unsealed,
    #[error("sealed, not of the kind that a host vouches for (see hostel_module_deserialize)")]
    Sealed,
    #[error("no artifact but a WebAssembly module, which has no seal and is to be compiled (see hostel_module_load)")]
    Module,
    #[error("no artifact but a module in the text format, which has no seal and is to be compiled (see hostel_module_load_wat)")]
    Text,
    #[error("damaged")]
    Damaged,
    #[error("sealed with another key")]
    OtherKey,
    #[error("of another format, made by another version of hostel")]
    OtherFormat,
    #[error("made by another engine, another version, or for another machine")]
    OtherEngine,
    #[error("made for another module or alias")]
    OtherModule,
}

impl Flaw {
    /// The failure to use something for it.
    pub fn of(self, what: &str) -> Error {
        let message = format!("{what} is {self}");
        match self {
            Flaw::CutOff | Flaw::Unsealed | Flaw::Sealed | Flaw::Module | Flaw::Text => Error::ArtifactCorrupt(message),
            Flaw::Damaged | Flaw::OtherKey => Error::ArtifactCorrupt(message),
            Flaw::OtherFormat | Flaw::OtherEngine | Flaw::OtherModule => Error::ArtifactMismatch(message),
        }
    }
}
