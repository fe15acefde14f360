//! Directories that a program lists. Each is read as a whole when the program begins to list it: so what it removes meanwhile
//! does not shift what is left, and asking for the next entries does not read all of them again.

use crate::Result;
use alloc::{vec, vec::Vec};
use core::ops::Range;

/// A `dirent` of WASI 0.1: `d_next` at 0, `d_namlen` at 16, the name behind it.
const HEAD: usize = 24;
const NAME_LEN: Range<usize> = 16..20;
/// Where `fd_readdir` is asked to write.
pub(super) const USED: usize = 0;
pub(super) const ENTRIES: usize = 8;
/// How many bytes of a directory are read at once: at first, and when there are more.
const FIRST: usize = 64 << 10;
const MORE: usize = 1 << 20;
/// How many bytes of entries are kept for a call.
const KEPT_MAX: usize = 64 << 20;

/// By the numbers of directories, the oldest first.
#[derive(Default)]
pub(super) struct Listings(Vec<(u64, Listing)>);

#[derive(Default)]
struct Listing {
    bytes: Vec<u8>,
    /// Where each entry ends.
    ends: Vec<usize>,
}

/// How reading a directory ended.
pub(super) enum Read {
    Whole,
    /// There is more of it than is kept for anybody.
    TooLong,
    Errno(i32),
}

impl Listings {
    /// Forgets a directory, whose number may be another's soon.
    pub fn forget(&mut self, fd: u64) {
        self.0.retain(|(known, _)| *known != fd);
    }

    /// The entries from a cookie on, if the directory was read.
    pub fn from(&self, fd: u64, cookie: u64) -> Option<&[u8]> {
        let (_, listing) = self.0.iter().find(|(known, _)| *known == fd)?;
        Some(usize::try_from(cookie).map_or(&[], |cookie| listing.from(cookie)))
    }

    /// Reads a directory. `ask` is `fd_readdir` in memory of ours: given how many bytes there may be at [`ENTRIES`], and a cookie,
    /// it says how many there are at [`USED`], and gives an errno.
    pub fn read(&mut self, fd: u64, mut ask: impl FnMut(&mut [u8], usize, u64) -> Result<i32>) -> Result<Read> {
        self.forget(fd);
        let mut listing = Listing::default();
        let mut memory = vec![0; ENTRIES + FIRST];
        loop {
            let len = memory.len() - ENTRIES;
            let errno = ask(&mut memory, len, listing.ends.len() as u64)?;
            if errno != 0 {
                return Ok(Read::Errno(errno));
            }
            let used = memory[USED..].first_chunk().map_or(0, |&used| u32::from_le_bytes(used) as usize).min(len);
            listing.take(&memory[ENTRIES..][..used]);
            if used < len {
                break;
            }
            if listing.bytes.len() > KEPT_MAX {
                return Ok(Read::TooLong);
            }
            memory.resize(ENTRIES + MORE, 0);
        }
        self.0.push((fd, listing));
        while self.0.iter().map(|(_, listing)| listing.bytes.len()).sum::<usize>() > KEPT_MAX {
            self.0.remove(0);
        }
        Ok(Read::Whole)
    }
}

impl Listing {
    fn from(&self, entry: usize) -> &[u8] {
        match entry.checked_sub(1) {
            None => &self.bytes,
            Some(before) => self.ends.get(before).map_or(&[], |&start| &self.bytes[start..]),
        }
    }

    /// Takes entries, but for one that was cut off.
    fn take(&mut self, mut piece: &[u8]) {
        while let Some(len) = piece.get(NAME_LEN).and_then(|len| len.try_into().ok()).map(u32::from_le_bytes) {
            let Some((entry, rest)) = piece.split_at_checked(HEAD + len as usize) else { break };
            self.bytes.extend_from_slice(entry);
            self.ends.push(self.bytes.len());
            piece = rest;
        }
    }
}
