//! Where folders cannot be opened: by paths alone.

use super::{Sharing, Status, regular};
use std::fs::{self, File};
use std::io::{ErrorKind, Result};
use std::path::Path;
use std::time::SystemTime;

impl Sharing {
    /// Elsewhere there is nothing to ask yet.
    pub fn like(_directory: &Path) -> Result<Self> {
        Ok(Sharing { group: Some(0), ..Sharing::PRIVATE })
    }
}

pub(crate) fn make_folder(path: &Path, _sharing: Sharing) -> Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && status(path)?.is_folder => Ok(()),
        made => made,
    }
}

pub(crate) fn list(folder: &Path) -> Result<Vec<(String, Status)>> {
    let look = |entry: Result<fs::DirEntry>| {
        let entry = entry.ok()?;
        Some((entry.file_name().into_string().ok()?, status(&entry.path()).ok()?))
    };
    Ok(fs::read_dir(folder)?.filter_map(look).collect())
}

pub(crate) fn is_writable(_folder: &Path) -> bool {
    true
}

pub(crate) fn status(path: &Path) -> Result<Status> {
    let data = fs::symlink_metadata(path)?;
    let modified = data.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    Ok(Status { is_file: data.is_file(), is_folder: data.is_dir(), len: data.len(), modified })
}

pub(crate) fn open(path: &Path) -> Result<(File, u64)> {
    regular(File::open(path)?)
}

pub(crate) fn create(path: &Path, _sharing: Sharing) -> Result<File> {
    File::options().read(true).write(true).create_new(true).open(path)
}

pub(crate) fn open_lock(path: &Path, _sharing: Sharing) -> Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

/// An open file keeps its name.
pub(crate) fn leads_to(_path: &Path, _file: &File) -> Result<bool> {
    Ok(true)
}

pub(crate) type Identity = ();

pub(crate) fn identity(_file: &File) -> Result<Identity> {
    Ok(())
}

pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to)
}

pub(crate) fn remove(path: &Path) -> Result<()> {
    let removed = if status(path).is_ok_and(|status| status.is_folder) { fs::remove_dir(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

pub(crate) fn touch(file: &File) -> Result<()> {
    file.set_modified(SystemTime::now())
}

pub(crate) fn in_turn<T>(_path: &Path, f: impl Fn() -> T) -> Option<T> {
    Some(f())
}
