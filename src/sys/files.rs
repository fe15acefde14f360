//! Who may write a file or directory.

use crate::{Error, Result};
use std::path::Path;

/// CACHE_IO unless a path is the user's own and nobody else may write to it.
#[cfg(unix)]
pub(crate) fn check_private(path: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let refused = |why: &str| Error::CacheIo(format!("{} is not used: {why}", path.display()));
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
    read_or_make_key(&path).map_err(|error| Error::CacheIo(format!("the sealing key {}: {error}", path.display())))
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
