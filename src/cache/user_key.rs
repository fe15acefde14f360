//! The sealing key of this user of this machine: a file of 32 bytes that only the user can read, made when it is first needed.
//!
//! It is written aside and linked to its name when it is whole, so that nobody ever reads a part of one, and of any number that
//! make it at the same time all use the one that was first. A name aside is used once: what a killed process has left under
//! one is in nobody's way, and goes when a key is made again.

use crate::error::shown_path;
use crate::sys::files;
use crate::{Error, Result};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

const KEY: u64 = 32;
const NAME: &str = "seal-key";
/// Nobody takes so long to lock what was just made.
const FRESH: Duration = Duration::from_secs(60);

/// The key; CACHE_IO if there can be none, or the file is not fit for one.
pub(super) fn user_key() -> Result<[u8; 32]> {
    let folder = config_folder().ok_or_else(|| {
        Error::CacheIo(
            "there is no home directory for a sealing key: neither XDG_CONFIG_HOME nor HOME is an absolute path".into(),
        )
    })?;
    let path = folder.join("hostel").join(NAME);
    read_or_make(&path).map_err(|why| Error::CacheIo(format!("the sealing key {}: {why}", shown_path(&path))))
}

fn config_folder() -> Option<PathBuf> {
    let absolute = |name: &str| Some(PathBuf::from(std::env::var_os(name)?)).filter(|path| path.is_absolute());
    absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))
}

fn read_or_make(path: &Path) -> Result<[u8; 32], String> {
    if let Some(key) = read(path)? {
        return Ok(key);
    }
    make(path).map_err(|error| format!("it cannot be made: {}", crate::sys::words(error)))?;
    read(path)?.ok_or_else(|| "it is a link that leads nowhere, or somebody removes it".into())
}

/// The key in a file; none where there is no file.
fn read(path: &Path) -> Result<Option<[u8; 32]>, String> {
    let (mut file, len) = match files::open_own_secret(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(crate::sys::words)?,
    };
    if len != KEY {
        return Err(format!("it has {len} bytes, and a key has {KEY}; once it is removed, another one is made"));
    }
    let mut key = [0; KEY as usize];
    file.read_exact(&mut key).map_err(crate::sys::words)?;
    Ok(Some(key))
}

/// Makes a key, unless there is one by then.
fn make(path: &Path) -> io::Result<()> {
    let Some(folder) = path.parent() else { return Err(ErrorKind::NotFound.into()) };
    files::make_private(folder)?;
    remove_leftovers(folder);
    let mut random = [0; KEY as usize + 8];
    files::random(&mut random)?;
    let (key, number) = random.split_at(KEY as usize);
    let number: String = number.iter().map(|byte| format!("{byte:02x}")).collect();
    let aside = path.with_extension(number);
    let placed = write(&aside, key).and_then(|_locked| files::link_new(&aside, path));
    match fs::remove_file(&aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => placed,
    }
}

/// A new file with this content, and still locked.
fn write(path: &Path, content: &[u8]) -> io::Result<File> {
    let mut file = files::create_private(path)?;
    let _ = file.try_lock(); // where that cannot be, nobody can take it for a leftover
    file.write_all(content)?;
    file.sync_all()?;
    Ok(file)
}

/// Removes what was written aside by processes that are gone: nobody has it locked.
fn remove_leftovers(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_aside = path.file_stem() == Some(OsStr::new(NAME)) && path.extension().is_some();
        let is_old =
            || entry.metadata().and_then(|data| data.modified()).is_ok_and(|at| at.elapsed().is_ok_and(|age| age > FRESH));
        if is_aside
            && is_old()
            && let Ok((file, _)) = files::open_regular(&path)
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(&path);
        }
    }
}
