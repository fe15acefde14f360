//! Sealed artifacts in a directory: a folder for each fingerprint, a file for each module. Many processes may use it
//! at once: files appear whole (written aside, synced, renamed), and one process compiles while the others wait.

use super::listing::{self, Listed, Listing};
use super::upkeep::{self, Examiner, Pruned};
use super::{Key, Kind, ModuleCache, Stats, locks};
use crate::sys::files;
use crate::sys::pages::Pages;
use crate::{Error, Result};
use std::fs::{self, File};
use std::io::{ErrorKind, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::SystemTime;

/// A directory of artifacts, and of aliases.
pub struct Directory {
    path: PathBuf,
    bytes_max: u64,
    evictions: AtomicU64,
    /// Until the directory is read again to see what has to go: so many saves, or so many bytes.
    saves_left: AtomicU64,
    bytes_left: AtomicU64,
}

/// One in so many saves, counted in entries, reads all of the directory: saving must not take longer the more there is.
const ENTRIES_PER_SAVE: u64 = 8;

impl Directory {
    /// Uses a directory, which is made if it is not there. Refuses one that others may write to, or that is not the
    /// user's own, unless that is `trusted`. Keeps about `bytes_max` bytes.
    pub fn open(path: &Path, bytes_max: u64, trusted: bool) -> Result<Self> {
        make_private(path).map_err(|error| io(path, "cannot make", &error))?;
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
        let (evictions, saves_left, bytes_left) = Default::default();
        Ok(Directory { path, bytes_max, evictions, saves_left, bytes_left })
    }

    /// What it holds.
    pub fn list(&self) -> Result<Listing> {
        Listing::read(&self.path)
    }

    /// Removes what killed writers have left behind, damaged entries, and then what was not used for longest until at most
    /// `bytes_max` bytes are left.
    pub fn prune(&self, examiner: &Examiner, bytes_max: u64) -> Result<Pruned> {
        let (pruned, outcome) = upkeep::prune(self.list()?, Some(examiner), bytes_max);
        outcome.map(|()| pruned)
    }

    /// The folder of a key, made if it is not there; never a link, which could lead to files that are not the cache's.
    fn make_folder(&self, key: &Key) -> std::io::Result<PathBuf> {
        let folder = listing::folder(&self.path, &key.fingerprint);
        make_private(&folder)?;
        if fs::symlink_metadata(&folder)?.is_dir() { Ok(folder) } else { Err(ErrorKind::NotADirectory.into()) }
    }

    fn place(&self, kind: Kind, key: &Key) -> PathBuf {
        listing::place(&self.path, kind, key)
    }

    fn read(&self, kind: Kind, key: &Key) -> Result<Option<Pages>> {
        let path = self.place(kind, key);
        let read = files::open_regular(&path).and_then(|(mut file, len)| {
            if len > self.bytes_max {
                return Err(std::io::Error::new(ErrorKind::FileTooLarge, "larger than all of the cache may be"));
            }
            if let Err(flaw) = kind.ends(&mut file, len)? {
                return Ok(Err(flaw)); // nothing that is not ours is worth its memory
            }
            file.rewind()?;
            let bytes = Pages::read(&mut file, usize::try_from(len).map_err(|_| ErrorKind::FileTooLarge)?)?;
            let _ = file.set_modified(SystemTime::now()); // used just now; a directory that cannot be written still serves
            Ok(Ok(bytes))
        });
        match read {
            Ok(Ok(bytes)) => Ok(Some(bytes)),
            Ok(Err(flaw)) => Err(flaw.of(&path.display().to_string())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(_) if fs::symlink_metadata(&path).is_ok_and(|data| !data.is_file()) => {
                Err(Error::ArtifactCorrupt(format!("{} is not a file", path.display())))
            }
            Err(error) => Err(io(&path, "cannot read", &error)),
        }
    }

    fn write(&self, kind: Kind, key: &Key, bytes: &[u8]) -> Result<()> {
        let path = self.place(kind, key);
        let written = self.write_aside(&path, key, bytes).map_err(|error| io(&path, "cannot write", &error));
        self.keep_within(bytes.len() as u64)?;
        written
    }

    /// Removes what is too much, or was left behind, when that may be the case after so many bytes more.
    fn keep_within(&self, more: u64) -> Result<()> {
        let take = |left: &AtomicU64, taken| left.try_update(Relaxed, Relaxed, |left| left.checked_sub(taken)).is_ok();
        if take(&self.saves_left, 1) && take(&self.bytes_left, more) {
            return Ok(());
        }
        let listing = self.list()?;
        let (entries, bytes) = (listing.entries.len() as u64, listing.bytes());
        // Leftovers that cannot be removed, such as another user's, are the operator's business.
        let (pruned, _) = upkeep::prune(listing, None, self.bytes_max);
        self.evictions.fetch_add(pruned.evicted, Relaxed);
        self.saves_left.store(entries / ENTRIES_PER_SAVE, Relaxed);
        self.bytes_left.store(self.bytes_max.saturating_sub(bytes), Relaxed);
        Ok(())
    }

    fn write_aside(&self, path: &Path, key: &Key, bytes: &[u8]) -> std::io::Result<()> {
        let (mut file, aside) = create_aside(&self.make_folder(key)?, key)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        let renamed = written.and_then(|()| fs::rename(&aside, path));
        if renamed.is_err() {
            let _ = fs::remove_file(&aside);
        }
        renamed
    }

    fn remove_from(&self, kind: Kind, key: &Key) -> Result<()> {
        let path = self.place(kind, key);
        upkeep::remove(&path).map_err(|error| io(&path, "cannot remove", &error))
    }
}

/// A new file that is locked for as long as it is written, so that it can be told from one whose writer was killed.
fn create_aside(folder: &Path, key: &Key) -> std::io::Result<(File, PathBuf)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    const TRIES: u32 = 1000;
    for _ in 0..TRIES {
        let path = listing::aside(folder, key, NEXT.fetch_add(1, Relaxed));
        let file = match files::create_private(&path) {
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
        Ok(fs::symlink_metadata(self.place(Kind::Artifact, key)).is_ok_and(|data| data.is_file()))
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

    fn locks(&self, key: &Key) -> Vec<PathBuf> {
        // Where none can be had, two may compile.
        self.make_folder(key).map(|folder| listing::lock(&folder, key)).into_iter().collect()
    }

    fn stats(&self) -> Stats {
        let listing = self.list().unwrap_or_default();
        let is_artifact = |entry: &&Listed| entry.is_file && entry.kind == Kind::Artifact;
        let entries = listing.entries.iter().filter(is_artifact).count() as u64;
        let evictions = self.evictions.load(Relaxed);
        Stats { entries, bytes: listing.bytes(), evictions, ..Stats::default() }
    }
}

/// Makes a directory that only the user can use, unless it is there.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn io(path: &Path, what: &str, error: &std::io::Error) -> Error {
    Error::CacheIo(format!("{what} {}: {error}", path.display()))
}
