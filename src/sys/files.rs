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
    let data = std::fs::metadata(path).map_err(|error| refused(&super::words(error)))?;
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

/// Opens a secret of this user's, a regular file that nobody else can read, without waiting for anybody. With its length.
#[cfg(unix)]
pub(crate) fn open_own_secret(path: &Path) -> std::io::Result<(std::fs::File, u64)> {
    use std::io::{Error, ErrorKind};
    use std::os::unix::fs::MetadataExt;
    let file = open_without_waiting(path)?;
    let data = file.metadata()?;
    if data.is_file() && data.uid() != rustix::process::geteuid().as_raw() {
        return Err(Error::new(ErrorKind::PermissionDenied, "it belongs to another user"));
    }
    if data.is_file() && data.mode() & 0o077 != 0 {
        return Err(Error::new(ErrorKind::PermissionDenied, "others can read it; its mode should be 0600"));
    }
    regular(file)
}

/// Gives a file another name, unless that is taken already, which is fine.
#[cfg(unix)]
pub(crate) fn link_new(from: &Path, to: &Path) -> std::io::Result<()> {
    match std::fs::hard_link(from, to) {
        // Some file systems have no links.
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => rename_new(from, to),
        linked => taken_is_fine(linked),
    }
}

#[cfg(unix)]
fn rename_new(from: &Path, to: &Path) -> std::io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    taken_is_fine(renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).map_err(Into::into))
}

fn taken_is_fine(named: std::io::Result<()>) -> std::io::Result<()> {
    match named {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        named => named,
    }
}

/// Bytes that nobody can guess.
#[cfg(unix)]
pub(crate) fn random(bytes: &mut [u8]) -> std::io::Result<()> {
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, bytes)
}

/// Makes a directory, and what leads to it, that only the user can use, unless it is there.
pub(crate) fn make_private(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
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
    open_without_waiting(path).and_then(regular).map_err(|error| unreadable(path, &error))
}

fn open_without_waiting(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, NO_WAITING.bits() as i32);
    options.open(path)
}

/// Reads a small file, whatever links lead to it: a regular one only, of at most so many bytes.
#[cfg(feature = "remote")]
pub(crate) fn read_at_most(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    use std::io::{ErrorKind, Read};
    let (file, len) = regular(open_without_waiting(path)?)?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    if len <= most { Ok(bytes) } else { Err(ErrorKind::FileTooLarge.into()) }
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
    Error::InvalidArgument(format!("path: cannot read {}: {}", shown_path(path), super::words(error)))
}

/// Makes a file that nobody else can open, whatever the umask.
#[cfg(unix)]
pub(crate) fn create_private(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let file = std::fs::File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

// A pipe in place of a file would be waited for, a terminal would become the process's, and a link may lead anywhere.
#[cfg(unix)]
const NO_WAITING: OFlags = OFlags::NONBLOCK.union(OFlags::NOCTTY);
#[cfg(unix)]
const NO_LINKS: OFlags = OFlags::NOFOLLOW;

/// Elsewhere nobody can be asked whose a file is, and the host brings its secrets.
#[cfg(not(unix))]
pub(crate) fn open_own_secret(_path: &Path) -> std::io::Result<(std::fs::File, u64)> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(not(unix))]
pub(crate) fn link_new(from: &Path, to: &Path) -> std::io::Result<()> {
    taken_is_fine(std::fs::hard_link(from, to))
}

#[cfg(not(unix))]
pub(crate) fn random(_bytes: &mut [u8]) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(not(unix))]
pub(crate) fn open_regular(path: &Path) -> std::io::Result<(std::fs::File, u64)> {
    regular(std::fs::File::open(path)?)
}

#[cfg(not(unix))]
pub(crate) fn create_private(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::File::options().write(true).create_new(true).open(path)
}

fn regular(file: std::fs::File) -> std::io::Result<(std::fs::File, u64)> {
    let data = file.metadata()?;
    if data.is_file() { Ok((file, data.len())) } else { Err(std::io::Error::other("not a regular file")) }
}
