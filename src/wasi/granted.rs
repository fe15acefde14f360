//! Directories that were granted, for a quick look at what is in them: by the call's own thread, which must not wait for a file
//! system. So it sees what the system knows without asking anybody.

use super::Directory;
use alloc::sync::Arc;
use alloc::vec::Vec;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::path::Path;

/// The number that the first of them has for the guest.
const FIRST: u64 = 3;

/// Those that still have the number that they were granted by.
pub(super) struct Granted(Vec<(u64, Arc<Path>, Option<OwnedFd>)>);

impl Granted {
    pub fn new(directories: &[Directory]) -> Self {
        Granted((FIRST..).zip(directories).map(|(number, directory)| (number, directory.host.clone(), None)).collect())
    }

    /// Another file has the number, or none.
    pub fn forget(&mut self, number: u64) {
        self.0.retain(|(granted, ..)| *granted != number);
    }

    /// The type of the file that a name leads to from one of them, or that there is none; nothing if that takes more than a look.
    pub fn type_of(&mut self, number: u64, path: &[u8], follow: bool) -> Option<Option<FileType>> {
        const QUICKLY: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS).union(ResolveFlags::CACHED);
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let (_, host, opened) = self.0.iter_mut().find(|(granted, ..)| *granted == number)?;
        if opened.is_none() {
            *opened = rustix::fs::open(&**host, flags | OFlags::DIRECTORY, Mode::empty()).ok();
        }
        let end = if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
        let file = match rustix::fs::openat2(opened.as_ref()?, path, flags | end, Mode::empty(), QUICKLY) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Some(None),
            file => file.ok()?,
        };
        let about = rustix::fs::statx(&file, c"", AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC, StatxFlags::TYPE).ok()?;
        Some(Some(FileType::from_raw_mode(about.stx_mode.into())))
    }
}
