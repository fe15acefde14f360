//! Who may write a file or directory.

use crate::error::shown_path;
use crate::{Error, Result};
#[cfg(unix)]
use rustix::fs::OFlags;
use std::path::Path;

/// CACHE_IO unless a path is the user's own and nobody else may write to it.
#[cfg(unix)]
pub(crate) fn check_private(path: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let refused = |why: &str| Error::CacheIo(format!("{} is not used: {why}", shown_path(path)));
    let data = std::fs::metadata(path).map_err(|error| refused(&error.to_string()))?;
    if data.mode() & 0o022 != 0 {
        return Err(refused("others may write to it"));
    }
    if data.uid() != rustix::process::geteuid().as_raw() {
        return Err(refused("it belongs to another user"));
    }
    Ok(())
}

/// Elsewhere there is nothing to ask yet.
#[cfg(not(unix))]
pub(crate) fn check_private(_path: &Path) -> Result<()> {
    Ok(())
}

/// The sealing key of this user: 32 bytes in a file that nobody else can read, made when it is first needed.
#[cfg(unix)]
pub(crate) fn user_key() -> Result<[u8; 32]> {
    let folder = config_folder().ok_or_else(|| {
        Error::CacheIo("there is no home directory for a sealing key: neither XDG_CONFIG_HOME nor HOME is set".into())
    })?;
    let path = folder.join("hostel").join("seal-key");
    read_or_make_key(&path).map_err(|error| Error::CacheIo(format!("the sealing key {}: {error}", shown_path(&path))))
}

#[cfg(unix)]
fn config_folder() -> Option<std::path::PathBuf> {
    let absolute = |name: &str| Some(std::path::PathBuf::from(std::env::var_os(name)?)).filter(|path| path.is_absolute());
    absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))
}

#[cfg(unix)]
fn read_or_make_key(path: &Path) -> std::io::Result<[u8; 32]> {
    use std::fs::{File, OpenOptions};
    use std::io::{Error, ErrorKind, Read, Write};
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    if !path.exists() {
        let mut key = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut key)?;
        let aside = path.with_extension(format!("{}", std::process::id()));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
        file.write_all(&key)?;
        file.sync_all()?;
        // A link does not replace: of several that make the key at once, one wins and all read the same.
        let linked = std::fs::hard_link(&aside, path);
        std::fs::remove_file(&aside)?;
        if let Err(error) = linked
            && error.kind() != ErrorKind::AlreadyExists
        {
            return Err(error);
        }
    }
    let mut file = File::open(path)?;
    let data = file.metadata()?;
    if data.mode() & 0o077 != 0 || data.uid() != rustix::process::geteuid().as_raw() {
        return Err(Error::new(ErrorKind::PermissionDenied, "others can read it; it should have mode 0600 and be your own"));
    }
    let mut key = [0; 32];
    file.read_exact(&mut key)?;
    Ok(key)
}

/// Elsewhere the host brings the key.
#[cfg(not(unix))]
pub(crate) fn user_key() -> Result<[u8; 32]> {
    Err(Error::Unsupported("this system has no per-user sealing key: bring your own".into()))
}

/// Opens a file to read it: a regular one only, not by a link, and without waiting for anybody. With its length.
#[cfg(unix)]
pub(crate) fn open_regular(path: &Path) -> std::io::Result<(std::fs::File, u64)> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::File::options().read(true).custom_flags(NO_WAITING.union(NO_LINKS).bits() as i32).open(path)?;
    regular(file)
}

/// Opens a file that the host has named, whatever links lead to it: a regular one only, and without waiting for anybody. With its
/// length.
pub(crate) fn open_named(path: &Path) -> Result<(std::fs::File, u64)> {
    let mut options = std::fs::File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, NO_WAITING.bits() as i32);
    options.open(path).and_then(regular).map_err(|error| unreadable(path, &error))
}

/// Reads a file that was opened so, and is of about this length: up to `most` bytes, however long it has become.
pub(crate) fn read_named(path: &Path, file: &std::fs::File, len: u64, most: u64) -> Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let expected = usize::try_from(len.saturating_add(1).min(most)).unwrap_or(usize::MAX);
    bytes.try_reserve_exact(expected).map_err(|_| Error::OutOfResources(format!("no memory for {len} bytes")))?;
    file.take(most).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    Ok(bytes)
}

/// That a file which the host has named is none, or cannot be read.
pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::InvalidArgument(format!("path: cannot read {}: {error}", shown_path(path)))
}

/// Opens a lock file, made if it is not there, that nobody else can open: somebody else's could be held for ever.
#[cfg(unix)]
pub(crate) fn open_lock(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
    let mut options = std::fs::File::options();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(NO_WAITING.union(NO_LINKS).bits() as i32);
    let (file, _) = regular(options.open(path)?)?;
    let own = file.metadata()?.uid() == rustix::process::geteuid().as_raw();
    if own { Ok(file) } else { Err(std::io::Error::other("it belongs to another user")) }
}

/// Whether a path still leads to this open file.
#[cfg(unix)]
pub(crate) fn leads_to(path: &Path, file: &std::fs::File) -> std::io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (there, open) = (std::fs::symlink_metadata(path)?, file.metadata()?);
    Ok((there.dev(), there.ino()) == (open.dev(), open.ino()))
}

/// Makes a file that nobody else can open, whatever the umask.
#[cfg(unix)]
pub(crate) fn create_private(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::File::options().write(true).create_new(true).mode(0o600).open(path)
}

// A pipe in place of a file would be waited for, a terminal would become the process's, and a link may lead anywhere.
#[cfg(unix)]
const NO_WAITING: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY);
#[cfg(unix)]
const NO_LINKS: OFlags = OFlags::NOFOLLOW;

#[cfg(not(unix))]
pub(crate) fn open_regular(path: &Path) -> std::io::Result<(std::fs::File, u64)> {
    regular(std::fs::File::open(path)?)
}

#[cfg(not(unix))]
pub(crate) fn open_lock(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::File::options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Elsewhere an open file keeps its name.
#[cfg(not(unix))]
pub(crate) fn leads_to(_path: &Path, _file: &std::fs::File) -> std::io::Result<bool> {
    Ok(true)
}

#[cfg(not(unix))]
pub(crate) fn create_private(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::File::options().write(true).create_new(true).open(path)
}

fn regular(file: std::fs::File) -> std::io::Result<(std::fs::File, u64)> {
    let data = file.metadata()?;
    if data.is_file() { Ok((file, data.len())) } else { Err(std::io::Error::other("not a regular file")) }
}
