//! What lies in a directory of artifacts: told by names and sizes alone, nothing is opened.

use super::{Key, Kind};
use crate::sys::inside;
use crate::{Error, Result};
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

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
    /// Folders that were left out, and why: those closed to this user, and what only has the name of one.
    pub skipped: Vec<(PathBuf, String)>,
}

const ARTIFACT: &str = "hostel";
const ALIAS: &str = "alias";
const LOCK: &str = "lock";
const ASIDE: &str = "tmp";

/// How far clocks may be apart. What was last used later than that, nobody knows when it was used.
const CLOCKS_DIFFER: Duration = Duration::from_secs(60);

impl Listing {
    /// Reads a directory; what has another name than the cache gives is not the cache's, and is not touched.
    pub fn read(directory: &Path) -> Result<Self> {
        let mut listing = Listing::default();
        let cannot =
            |error| Error::CacheIo(format!("cannot list {}: {}", crate::error::shown_path(directory), crate::sys::words(error)));
        for (name, status) in list(directory).map_err(cannot)? {
            let Some(fingerprint) = unhex(&name) else { continue };
            let folder = directory.join(name);
            if !status.is_folder {
                listing.skipped.push((folder, "it is not a folder, and links are not followed".into()));
            } else if let Err(error) = listing.read_folder(&folder, fingerprint) {
                listing.skipped.push((folder, format!("it cannot be read: {}", crate::sys::words(error))));
            }
        }
        // Those that were never used, as far as is known, are the first to go.
        let latest = SystemTime::now() + CLOCKS_DIFFER;
        listing.entries.sort_by_key(|entry| (entry.used <= latest).then_some(entry.used));
        Ok(listing)
    }

    fn read_folder(&mut self, folder: &Path, fingerprint: [u8; 32]) -> io::Result<()> {
        for (name, status) in list(folder)? {
            let path = folder.join(&name);
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
            let (key, is_file) = (Key { wasm, fingerprint }, status.is_file);
            let bytes = if is_file { status.len } else { 0 };
            self.entries.push(Listed { kind, key, path, bytes, used: status.modified, is_file });
        }
        Ok(())
    }

    /// Without what this user cannot remove: it counts for nobody who makes room.
    pub fn removable(mut self) -> Self {
        let mut writable = HashMap::<PathBuf, bool>::new();
        let mut can_go = |path: &Path| {
            let Some(folder) = path.parent() else { return false };
            *writable.entry(folder.into()).or_insert_with(|| inside::is_writable(folder))
        };
        self.entries.retain(|entry| can_go(&entry.path));
        self.transient.retain(|path| can_go(path));
        self
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

fn list(folder: &Path) -> io::Result<Vec<(String, inside::Status)>> {
    match inside::list(folder) {
        Err(error) if matches!(error.kind(), ErrorKind::NotADirectory | ErrorKind::NotFound) => Ok(Vec::new()), // gone meanwhile
        listed => listed,
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
