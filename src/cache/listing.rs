//! What lies in a directory of artifacts: told by names and sizes alone, nothing is opened.

use super::{Key, Kind};
use crate::{Error, Result};
use std::fs::{self, FileType};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A place where an artifact or an alias lies, or should.
pub struct Listed {
    /// Which of the two.
    pub kind: Kind,
    /// What the place is for.
    pub key: Key,
    /// Where it is.
    pub path: PathBuf,
    /// Its size; 0 for what is no file.
    pub bytes: u64,
    /// When it was last used.
    pub used: SystemTime,
    /// Whether it is a file, rather than a link, a pipe or a folder of that name.
    pub is_file: bool,
}

/// All that a directory holds and that is the cache's.
#[derive(Default)]
pub struct Listing {
    /// Artifacts and aliases, what was not used for longest first.
    pub entries: Vec<Listed>,
    /// Locks, and files that are being written: in use, or left behind.
    pub transient: Vec<PathBuf>,
}

const ARTIFACT: &str = "hostel";
const ALIAS: &str = "alias";
const LOCK: &str = "lock";
const ASIDE: &str = "tmp";

impl Listing {
    /// Reads a directory; what has another name than the cache gives is not the cache's, and is not touched.
    pub fn read(directory: &Path) -> Result<Self> {
        let mut listing = Listing::default();
        for (path, name, kind) in names(directory)? {
            // A link could lead to files that are not the cache's.
            if let Some(fingerprint) = unhex(&name)
                && kind.is_dir()
            {
                listing.read_folder(&path, fingerprint)?;
            }
        }
        listing.entries.sort_by_key(|entry| entry.used);
        Ok(listing)
    }

    fn read_folder(&mut self, folder: &Path, fingerprint: [u8; 32]) -> Result<()> {
        for (path, name, _) in names(folder)? {
            let Some((stem, suffix)) = name.rsplit_once('.') else { continue };
            let Some(wasm) = stem.split('.').next().and_then(unhex) else { continue };
            let kind = match suffix {
                ARTIFACT if stem.len() == 64 => Kind::Artifact,
                ALIAS if stem.len() == 64 => Kind::Alias,
                LOCK | ASIDE => {
                    self.transient.push(path);
                    continue;
                }
                _ => continue,
            };
            let Ok(data) = fs::symlink_metadata(&path) else { continue }; // gone meanwhile
            let used = data.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            let (key, is_file) = (Key { wasm, fingerprint }, data.is_file());
            let bytes = if is_file { data.len() } else { 0 };
            self.entries.push(Listed { kind, key, path, bytes, used, is_file });
        }
        Ok(())
    }

    /// Bytes of all of them together.
    pub fn bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.bytes).sum()
    }
}

/// The folder of a fingerprint in a directory.
pub(super) fn folder(directory: &Path, fingerprint: &[u8; 32]) -> PathBuf {
    directory.join(hex(fingerprint))
}

/// The place of an artifact or an alias in its folder.
pub(super) fn place(directory: &Path, kind: Kind, key: &Key) -> PathBuf {
    let suffix = if kind == Kind::Alias { ALIAS } else { ARTIFACT };
    folder(directory, &key.fingerprint).join(format!("{}.{suffix}", hex(&key.wasm)))
}

/// The lock of a module in its folder.
pub(super) fn lock(folder: &Path, key: &Key) -> PathBuf {
    folder.join(format!("{}.{LOCK}", hex(&key.wasm)))
}

/// Where something is written before it gets its name.
pub(super) fn aside(folder: &Path, key: &Key, number: u64) -> PathBuf {
    folder.join(format!("{}.{}.{number}.{ASIDE}", hex(&key.wasm), std::process::id()))
}

fn names(folder: &Path) -> Result<Vec<(PathBuf, String, FileType)>> {
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.ok()?;
        Some((entry.path(), entry.file_name().into_string().ok()?, entry.file_type().ok()?))
    };
    match fs::read_dir(folder) {
        Ok(entries) => Ok(entries.filter_map(read).collect()),
        Err(error) if matches!(error.kind(), ErrorKind::NotADirectory | ErrorKind::NotFound) => Ok(Vec::new()), // gone meanwhile
        Err(error) => Err(Error::CacheIo(format!("cannot list {}: {error}", folder.display()))),
    }
}

/// Text of 64 lower-case digits.
pub fn hex(bytes: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*bytes).to_hex().to_string()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let hash = blake3::Hash::from_hex(text).ok()?;
    (hex(hash.as_bytes()) == text).then_some(*hash.as_bytes()) // the one spelling that the cache uses
}
