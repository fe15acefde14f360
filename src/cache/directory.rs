//! Sealed artifacts in a directory: a folder for each fingerprint, a file for each module. Many processes may use it
//! at once: files appear whole (written aside, synced, renamed), and one process compiles while the others wait.

use super::{Key, ModuleCache, Stats};
use crate::sys::files;
use crate::{Error, Result};
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// A directory of artifacts.
pub struct Directory {
    path: PathBuf,
    bytes_max: u64,
    evictions: AtomicU64,
}

/// A file in it.
pub struct Listed {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// When it was last used.
    pub used: SystemTime,
}

const SUFFIX: &str = "hostel";

impl Directory {
    /// Uses a directory, which is made if it is not there. Refuses one that others may write to, or that is not the
    /// user's own, unless that is `trusted`. Keeps about `bytes_max` bytes.
    pub fn open(path: &Path, bytes_max: u64, trusted: bool) -> Result<Self> {
        make_private(path).map_err(|error| io(path, "cannot make", &error))?;
        if !trusted {
            files::check_private(path)?;
        }
        Ok(Directory { path: path.to_path_buf(), bytes_max, evictions: AtomicU64::new(0) })
    }

    /// Every artifact, the one that was not used for longest first.
    pub fn list(&self) -> Result<Vec<Listed>> {
        let mut listed = Vec::new();
        for folder in entries(&self.path)? {
            for file in entries(&folder)? {
                let Ok(data) = fs::metadata(&file) else { continue }; // gone meanwhile
                if file.extension().is_some_and(|suffix| suffix == SUFFIX) && data.is_file() {
                    let used = data.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                    listed.push(Listed { path: file, bytes: data.len(), used });
                }
            }
        }
        listed.sort_by_key(|file| file.used);
        Ok(listed)
    }

    /// Removes what was not used for longest until at most `bytes_max` bytes are left; how many files that were.
    pub fn prune(&self, bytes_max: u64) -> Result<u64> {
        let listed = self.list()?;
        let mut bytes: u64 = listed.iter().map(|file| file.bytes).sum();
        let mut removed = 0;
        for file in listed {
            if bytes <= bytes_max {
                break;
            }
            if fs::remove_file(&file.path).is_ok() {
                bytes -= file.bytes;
                removed += 1;
            }
        }
        self.evictions.fetch_add(removed, Ordering::Relaxed);
        Ok(removed)
    }

    fn folder(&self, key: &Key) -> PathBuf {
        self.path.join(hex(&key.fingerprint))
    }

    fn file(&self, key: &Key) -> PathBuf {
        self.folder(key).join(format!("{}.{SUFFIX}", hex(&key.wasm)))
    }

    fn write(&self, key: &Key, artifact: &[u8]) -> std::io::Result<()> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let folder = self.folder(key);
        make_private(&folder)?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let aside = folder.join(format!("{}.{}.{number}.tmp", hex(&key.wasm), std::process::id()));
        let written = files::create_private(&aside).and_then(|mut file| {
            file.write_all(artifact)?;
            file.sync_all()
        });
        let renamed = written.and_then(|()| fs::rename(&aside, self.file(key)));
        if renamed.is_err() {
            let _ = fs::remove_file(&aside);
        }
        renamed
    }

    /// What a writer that was killed has left behind. A file is only written for moments, so an hour is old.
    fn sweep(&self, folder: &Path) {
        const OLD: std::time::Duration = std::time::Duration::from_secs(3600);
        for file in entries(folder).unwrap_or_default() {
            let age = fs::metadata(&file).and_then(|data| data.modified()).ok().and_then(|when| when.elapsed().ok());
            if file.extension().is_some_and(|suffix| suffix == "tmp") && age.is_some_and(|age| age > OLD) {
                let _ = fs::remove_file(&file);
            }
        }
    }
}

impl ModuleCache for Directory {
    fn name(&self) -> &'static str {
        "directory"
    }

    fn load(&self, key: &Key) -> Result<Option<Vec<u8>>> {
        let path = self.file(key);
        let mut bytes = Vec::new();
        let read = files::open_regular(&path).and_then(|(mut file, len)| {
            if len > self.bytes_max {
                return Err(std::io::Error::new(ErrorKind::FileTooLarge, "larger than all of the cache may be"));
            }
            (&mut file).take(len).read_to_end(&mut bytes)?;
            let _ = file.set_modified(SystemTime::now()); // used just now; a directory that cannot be written still serves
            Ok(())
        });
        match read {
            Ok(()) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io(&path, "cannot read", &error)),
        }
    }

    fn save(&self, key: &Key, artifact: &[u8]) -> Result<()> {
        self.write(key, artifact).map_err(|error| io(&self.file(key), "cannot write", &error))?;
        self.sweep(&self.folder(key));
        self.prune(self.bytes_max).map(|_| ())
    }

    fn contains(&self, key: &Key) -> Result<bool> {
        Ok(self.file(key).exists())
    }

    fn remove(&self, key: &Key) -> Result<()> {
        match fs::remove_file(self.file(key)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(io(&self.file(key), "cannot remove", &error)),
            _ => Ok(()),
        }
    }

    fn locks(&self, key: &Key) -> Vec<PathBuf> {
        // By the folder's real name, so that one lock has one name. Where none can be had, two may compile.
        let folder = make_private(&self.folder(key)).and_then(|()| fs::canonicalize(self.folder(key)));
        folder.map(|folder| folder.join(format!("{}.lock", hex(&key.wasm)))).into_iter().collect()
    }

    fn stats(&self) -> Stats {
        let listed = self.list().unwrap_or_default();
        let bytes = listed.iter().map(|file| file.bytes).sum();
        let evictions = self.evictions.load(Ordering::Relaxed);
        Stats { entries: listed.len() as u64, bytes, evictions, ..Stats::default() }
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(entries.filter_map(|entry| Some(entry.ok()?.path())).collect()),
        Err(error) if matches!(error.kind(), ErrorKind::NotADirectory | ErrorKind::NotFound) => Ok(Vec::new()),
        Err(error) => Err(io(folder, "cannot list", &error)),
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

pub(super) fn hex(bytes: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*bytes).to_hex().to_string()
}

fn io(path: &Path, what: &str, error: &std::io::Error) -> Error {
    Error::CacheIo(format!("{what} {}: {error}", path.display()))
}
