//! Sealed artifacts in a directory: a folder for each fingerprint, a file for each module. Many processes may use it
//! at once: files appear whole (written aside, synced, renamed), and one process compiles while the others wait.

use super::listing::{self, Listed, Listing};
use super::locks::{self, Place};
use super::upkeep::{self, Examiner, Pruned};
use super::{Key, Kind, ModuleCache, Stats, warn};
use crate::sys::files;
use crate::sys::fork::Unshared;
use crate::sys::inside::{self, Sharing};
use crate::sys::pages::Pages;
use crate::{Error, Result};
use std::fs;
use std::io::{ErrorKind, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A directory of artifacts, and of aliases.
pub struct Directory {
    path: PathBuf,
    bytes_max: u64,
    sharing: Sharing,
    evictions: AtomicU64,
    /// Until the directory is read again to see what has to go: so many saves, or so many bytes.
    saves_left: AtomicU64,
    bytes_left: AtomicU64,
}

/// One in so many saves, counted in entries, reads all of the directory: saving must not take longer the more there is.
const ENTRIES_PER_SAVE: u64 = 8;

impl Directory {
    /// Uses a directory, which is made if it is not there. Refuses one that others may write to, or that is not the
    /// user's own, unless that is `trusted`: then who may use the directory may use what is made in it. Keeps about
    /// `bytes_max` bytes.
    pub fn open(path: &Path, bytes_max: u64, trusted: bool) -> Result<Self> {
        files::make_private(path).map_err(|error| io(path, "cannot make", &error))?;
        Self::existing(path, bytes_max, trusted)
    }

    /// Uses a directory that is there.
    pub fn existing(path: &Path, bytes_max: u64, trusted: bool) -> Result<Self> {
        if !trusted {
            files::check_private(path)?;
        }
        // What was checked stays what is used, whatever becomes of a link or of the working directory.
        let path = fs::canonicalize(path).map_err(|error| io(path, "cannot find", &error))?;
        if !path.is_dir() {
            return Err(io(&path, "cannot use", &ErrorKind::NotADirectory.into()));
        }
        let sharing =
            if trusted { Sharing::like(&path).map_err(|error| io(&path, "cannot use", &error))? } else { Sharing::PRIVATE };
        let (evictions, saves_left, bytes_left) = Default::default();
        Ok(Directory { path, bytes_max, sharing, evictions, saves_left, bytes_left })
    }

    /// What it holds. What is left out is told to the log.
    pub fn list(&self) -> Result<Listing> {
        let listing = Listing::read(&self.path)?;
        for (folder, why) in &listing.skipped {
            warn("directory", &format!("{} is left out", folder.display()), why);
        }
        Ok(listing)
    }

    /// Removes what killed writers have left behind, damaged entries, and then what was not used for longest until at most
    /// `bytes_max` bytes are left. What was removed, and what could not be.
    pub fn prune(&self, examiner: &Examiner, bytes_max: u64) -> Result<(Pruned, Result<()>)> {
        Ok(upkeep::prune(self.list()?, Some(examiner), bytes_max))
    }

    /// The folder of a key, made if it is not there.
    fn make_folder(&self, key: &Key) -> std::io::Result<PathBuf> {
        files::make_private(&self.path)?; // it may have gone
        let folder = listing::folder(&self.path, &key.fingerprint);
        inside::make_folder(&folder, self.sharing)?;
        Ok(folder)
    }

    fn place(&self, kind: Kind, key: &Key) -> PathBuf {
        listing::place(&self.path, kind, key)
    }

    fn read(&self, kind: Kind, key: &Key) -> Result<Option<Pages>> {
        let path = self.place(kind, key);
        let read = inside::open(&path).and_then(|(mut file, len)| {
            if len > self.bytes_max {
                return Err(std::io::Error::new(ErrorKind::FileTooLarge, "larger than all of the cache may be"));
            }
            if let Err(flaw) = kind.ends(&mut file, len)? {
                return Ok(Err(flaw)); // nothing that is not ours is worth its memory
            }
            file.rewind()?;
            let bytes = Pages::read(&mut file, usize::try_from(len).map_err(|_| ErrorKind::FileTooLarge)?)?;
            let _ = inside::touch(&file); // used just now; a directory that cannot be written still serves
            Ok(Ok(bytes))
        });
        match read {
            Ok(Ok(bytes)) => Ok(Some(bytes)),
            Ok(Err(flaw)) => Err(flaw.of(&path.display().to_string())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(_) if inside::status(&path).is_ok_and(|status| !status.is_file) => {
                Err(Error::ArtifactCorrupt(format!("{} is not a file", path.display())))
            }
            Err(error) => Err(io(&path, "cannot read", &error)),
        }
    }

    fn write(&self, kind: Kind, key: &Key, bytes: &[u8]) -> Result<()> {
        let path = self.place(kind, key);
        let written = self.write_making_room(&path, key, bytes).map_err(|error| io(&path, "cannot write", &error));
        self.keep_within(bytes.len() as u64)?;
        written
    }

    /// Where the file system is full, what was not used for longest makes room: more each time, as others may fill it again.
    fn write_making_room(&self, path: &Path, key: &Key, bytes: &[u8]) -> std::io::Result<()> {
        const TRIES: u64 = 4;
        let mut written = self.write_aside(path, key, bytes);
        for again in 1..=TRIES {
            if !written.as_ref().is_err_and(is_full) {
                break;
            }
            let Ok(listing) = Listing::read(&self.path) else { break };
            let freed = upkeep::free(&listing.removable(), again * bytes.len() as u64);
            self.evictions.fetch_add(freed.evicted, Relaxed);
            if freed.leftovers + freed.evicted == 0 {
                break;
            }
            written = self.write_aside(path, key, bytes);
        }
        written
    }

    /// Removes what is too much, or was left behind, when that may be the case after so many bytes more.
    fn keep_within(&self, more: u64) -> Result<()> {
        let take = |left: &AtomicU64, taken| left.try_update(Relaxed, Relaxed, |left| left.checked_sub(taken)).is_ok();
        if take(&self.saves_left, 1) && take(&self.bytes_left, more) {
            return Ok(());
        }
        // What this user cannot remove is the operator's business.
        let listing = self.list()?.removable();
        let (entries, bytes) = (listing.entries.len() as u64, listing.bytes());
        let (pruned, _) = upkeep::prune(listing, None, self.bytes_max);
        self.evictions.fetch_add(pruned.evicted, Relaxed);
        self.saves_left.store(entries / ENTRIES_PER_SAVE, Relaxed);
        self.bytes_left.store(self.bytes_max.saturating_sub(bytes), Relaxed);
        Ok(())
    }

    fn write_aside(&self, path: &Path, key: &Key, bytes: &[u8]) -> std::io::Result<()> {
        let (mut file, aside) = self.create_aside(key)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        let renamed = written.and_then(|()| inside::rename(&aside, path));
        if renamed.is_err() {
            let _ = inside::remove(&aside);
        }
        renamed
    }

    /// A new file that is locked for as long as it is written, so that it can be told from one whose writer was killed.
    fn create_aside(&self, key: &Key) -> std::io::Result<(Unshared, PathBuf)> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        const TRIES: u32 = 1000;
        let folder = self.make_folder(key)?;
        for _ in 0..TRIES {
            let path = listing::aside(&folder, key, NEXT.fetch_add(1, Relaxed));
            let file = match Unshared::open(|| inside::create(&path, self.sharing)) {
                // Processes in different containers have the same numbers.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                file => file?,
            };
            // Where a file cannot be locked, nobody can take it for abandoned.
            if locks::try_lock(&path, &file).unwrap_or(true) {
                return Ok((file, path));
            }
        }
        Err(ErrorKind::AlreadyExists.into())
    }

    fn has(&self, key: &Key) -> bool {
        inside::status(&self.place(Kind::Artifact, key)).is_ok_and(|status| status.is_file)
    }

    fn remove_from(&self, kind: Kind, key: &Key) -> Result<()> {
        let path = self.place(kind, key);
        inside::remove(&path).map_err(|error| io(&path, "cannot remove", &error))
    }
}

impl ModuleCache for Directory {
    fn name(&self) -> &'static str {
        "directory"
    }

    fn load(&self, key: &Key) -> Result<Option<Pages>> {
        self.read(Kind::Artifact, key)
    }

    fn save(&self, key: &Key, artifact: &[u8]) -> Result<()> {
        self.write(Kind::Artifact, key, artifact)
    }

    fn contains(&self, key: &Key) -> Result<bool> {
        Ok(self.has(key))
    }

    fn remove(&self, key: &Key) -> Result<()> {
        self.remove_from(Kind::Artifact, key)
    }

    fn load_alias(&self, alias: &Key) -> Result<Option<Pages>> {
        self.read(Kind::Alias, alias)
    }

    fn save_alias(&self, alias: &Key, record: &[u8]) -> Result<()> {
        self.write(Kind::Alias, alias, record)
    }

    fn remove_alias(&self, alias: &Key) -> Result<()> {
        self.remove_from(Kind::Alias, alias)
    }

    fn appeared(&self, key: &Key) -> bool {
        self.has(key)
    }

    fn locks(&self, key: &Key) -> Vec<Place> {
        // Where none can be had, two may compile.
        let place = |folder: PathBuf| Place { path: listing::lock(&folder, key), sharing: self.sharing };
        self.make_folder(key).map(place).into_iter().collect()
    }

    fn stats(&self) -> Stats {
        let listing = Listing::read(&self.path).unwrap_or_default();
        let is_artifact = |entry: &&Listed| entry.is_file && entry.kind == Kind::Artifact;
        let entries = listing.entries.iter().filter(is_artifact).count() as u64;
        let evictions = self.evictions.load(Relaxed);
        Stats { entries, bytes: listing.bytes(), evictions, ..Stats::default() }
    }
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

fn io(path: &Path, what: &str, error: &std::io::Error) -> Error {
    Error::CacheIo(format!("{what} {}: {}", crate::error::shown_path(path), crate::sys::words(error)))
}
