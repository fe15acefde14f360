//! Files in the folders of a cache. A path here is a folder and a name in it; neither may be a link, which could lead to what is
//! not the cache's, and nothing is waited for, as a pipe in place of a file would be.

use std::fs::File;
use std::io::{Error, Result};
use std::time::SystemTime;

#[cfg(not(unix))]
mod plain;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub(crate) use plain::*;
#[cfg(unix)]
pub(crate) use unix::*;

/// Who else may use what is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sharing {
    folder_mode: u32,
    file_mode: u32,
    /// The group that shares; none where nobody does.
    group: Option<u32>,
}

impl Sharing {
    /// Nobody.
    pub const PRIVATE: Sharing = Sharing { folder_mode: 0o700, file_mode: 0o600, group: None };

    /// Whether others may use it at all.
    pub fn is_private(self) -> bool {
        self.group.is_none()
    }
}

/// What lies under a name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Status {
    /// Rather than a link, a pipe or a folder.
    pub is_file: bool,
    pub is_folder: bool,
    pub len: u64,
    pub modified: SystemTime,
}

fn regular(file: File) -> Result<(File, u64)> {
    let data = file.metadata()?;
    if data.is_file() { Ok((file, data.len())) } else { Err(Error::other("not a regular file")) }
}
