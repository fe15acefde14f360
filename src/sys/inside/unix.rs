//! Where folders can be opened: each step from one that is open, so that nothing is put in its place meanwhile.

use super::{Sharing, Status, regular};
use crate::sys::fork;
use rustix::fs::{self, AtFlags, Gid, Mode, OFlags, Timestamps, UTIME_NOW, Uid};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Error, ErrorKind, Result};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

const FILE: OFlags = OFlags::NONBLOCK.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Sharing {
    /// Those who share a directory already.
    pub fn like(directory: &Path) -> Result<Self> {
        let data = std::fs::metadata(directory)?;
        let mode = data.mode();
        Ok(Sharing { folder_mode: mode & 0o3777 | 0o700, file_mode: mode & 0o666 | 0o600, group: Some(data.gid()) })
    }

    /// Whatever the umask is. Where a group cannot be given, it does not share.
    fn apply(self, made: impl AsFd, mode: u32) -> Result<()> {
        if let Some(group) = self.group {
            let _ = fs::fchown(&made, None::<Uid>, Some(Gid::from_raw(group)));
        }
        Ok(fs::fchmod(made, Mode::from_raw_mode(mode))?)
    }
}

fn open_folder(path: &Path) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(fs::open(path, flags, Mode::empty())?)
}

fn parts(path: &Path) -> Result<(OwnedFd, &OsStr)> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Err(ErrorKind::InvalidInput.into()) };
    Ok((open_folder(folder)?, name))
}

/// Makes a folder, unless it is there.
pub(crate) fn make_folder(path: &Path, sharing: Sharing) -> Result<()> {
    match fs::mkdir(path, Mode::RWXU) {
        Ok(()) => sharing.apply(open_folder(path)?, sharing.folder_mode),
        Err(Errno::EXIST) => open_folder(path).map(drop),
        Err(error) => Err(error.into()),
    }
}

/// What lies in a folder, as far as its names are text.
pub(crate) fn list(folder: &Path) -> Result<Vec<(String, Status)>> {
    let folder = open_folder(folder)?;
    let mut found = Vec::new();
    for entry in fs::Dir::read_from(&folder)? {
        let entry = entry?;
        if let Ok(name) = entry.file_name().to_str()
            && let Ok(status) = status_in(&folder, OsStr::new(name))
        // else it is gone meanwhile
        {
            found.push((name.into(), status));
        }
    }
    Ok(found)
}

/// Whether this user can make and remove files in a folder.
pub(crate) fn is_writable(folder: &Path) -> bool {
    let access = fs::Access::WRITE_OK | fs::Access::EXEC_OK;
    open_folder(folder).is_ok_and(|folder| fs::accessat(folder, ".", access, AtFlags::EACCESS).is_ok())
}

/// What lies under a name.
pub(crate) fn status(path: &Path) -> Result<Status> {
    let (folder, name) = parts(path)?;
    status_in(&folder, name)
}

fn status_in(folder: &OwnedFd, name: &OsStr) -> Result<Status> {
    let data = fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    let kind = fs::FileType::from_raw_mode(data.st_mode);
    let since = Duration::new(u64::try_from(data.st_mtime).unwrap_or(0), u32::try_from(data.st_mtime_nsec).unwrap_or(0));
    Ok(Status {
        is_file: kind.is_file(),
        is_folder: kind.is_dir(),
        len: u64::try_from(data.st_size).unwrap_or(0),
        modified: SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH),
    })
}

/// Opens a regular file to read it. With its length.
pub(crate) fn open(path: &Path) -> Result<(File, u64)> {
    let (folder, name) = parts(path)?;
    regular(fs::openat(folder, name, OFlags::RDONLY | FILE, Mode::empty())?.into())
}

/// Makes a file.
pub(crate) fn create(path: &Path, sharing: Sharing) -> Result<File> {
    let (folder, name) = parts(path)?;
    let file = fs::openat(folder, name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | FILE, Mode::RUSR | Mode::WUSR)?;
    sharing.apply(&file, sharing.file_mode)?;
    Ok(file.into())
}

/// Opens a lock's file, made if it is not there. Where nobody shares, one of another user is refused: it could be held for ever.
pub(crate) fn open_lock(path: &Path, sharing: Sharing) -> Result<File> {
    let file = loop {
        let (folder, name) = parts(path)?;
        match fs::openat(folder, name, OFlags::RDWR | FILE, Mode::empty()) {
            Err(Errno::NOENT) => match create(path, sharing) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {} // just now
                made => return made,
            },
            opened => break opened?,
        }
    };
    let (file, _) = regular(file.into())?;
    let own = file.metadata()?.uid() == rustix::process::geteuid().as_raw();
    if own || !sharing.is_private() { Ok(file) } else { Err(Error::other("it belongs to another user")) }
}

/// Whether a path still leads to this open file.
pub(crate) fn leads_to(path: &Path, file: &File) -> Result<bool> {
    let (folder, name) = parts(path)?;
    let there = fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok((there.st_dev, there.st_ino) == identity(file)?)
}

/// What tells an open file from all others that are open.
pub(crate) type Identity = (u64, u64);

/// That of a file.
pub(crate) fn identity(file: &File) -> Result<Identity> {
    let data = file.metadata()?;
    Ok((data.dev(), data.ino()))
}

/// Gives a file another name in its folder, in place of what has it.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<()> {
    let (folder, name) = parts(from)?;
    Ok(fs::renameat(&folder, name, &folder, to.file_name().unwrap_or_default())?)
}

/// Removes what has a name, whatever it is; a folder only if it is empty. That it is gone already is fine.
pub(crate) fn remove(path: &Path) -> Result<()> {
    let removed = parts(path).and_then(|(folder, name)| match fs::unlinkat(&folder, name, AtFlags::empty()) {
        Err(_) if status_in(&folder, name).is_ok_and(|status| status.is_folder) => {
            fs::unlinkat(&folder, name, AtFlags::REMOVEDIR).map_err(Into::into)
        }
        removed => removed.map_err(Into::into),
    });
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Notes that a file was used just now. Who may write it may do that, too.
pub(crate) fn touch(file: &File) -> Result<()> {
    let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    Ok(fs::futimens(file, &Timestamps { last_access: now, last_modification: now })?)
}

/// Runs `f` while nobody else does something in a path's folder for which it takes its turn; nothing when others are at it for long.
/// It must be quick: no child is forked meanwhile, which would have the turn as long as it lives.
pub(crate) fn in_turn<T>(path: &Path, f: impl Fn() -> T) -> Option<T> {
    const TRIES: u32 = 100;
    for _ in 0..TRIES {
        let tried = fork::undivided(|| {
            let (folder, _) = parts(path).ok()?;
            match fs::flock(&folder, fs::FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::WOULDBLOCK | Errno::INTR) => Some(None),
                locked => locked.ok().map(|()| Some(f())), // and the turn ends with the open folder
            }
        });
        match tried? {
            Some(done) => return Some(done),
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    None
}
