//! Address space: reserved in one piece, and opened in parts.

use rustix::fd::BorrowedFd;
use rustix::io::Result;
use rustix::mm::{self, Advice, MapFlags, MprotectFlags, ProtFlags};
use std::ops::Range;
use std::ptr::{NonNull, null_mut};

/// The unit in which memory is opened and watched. Where the system's pages are larger nothing is watched.
pub(crate) const PAGE: usize = 4096;

/// A piece of address space. Who owns one owns all that lies in it; it hands out no references, so what its methods do to
/// the memory behind raw pointers is for their user to keep in order.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: address space belongs to the process, not to a thread.
unsafe impl Send for Mapping {}
// SAFETY: as above; the methods that change something are system calls, which may be made from anywhere.
unsafe impl Sync for Mapping {}

/// What may be done with a part of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

impl Mapping {
    /// So many bytes of address space, from an address that is a multiple of `align`. Nothing in them can be reached yet.
    pub fn reserve(len: usize, align: usize) -> Result<Mapping> {
        let len = Mapping::len_for(len);
        // SAFETY: a new mapping, which touches no other.
        let whole =
            unsafe { mm::mmap_anonymous(null_mut(), len + align, ProtFlags::empty(), MapFlags::PRIVATE | MapFlags::NORESERVE)? };
        let start = whole as usize;
        let base = start.next_multiple_of(align);
        for slack in [start..base, base + len..start + len + align] {
            if !slack.is_empty() {
                // SAFETY: a part of the new mapping that nobody has seen yet.
                unsafe { mm::munmap(slack.start as *mut _, slack.len())? };
            }
        }
        let base = NonNull::new(base as *mut u8).ok_or(rustix::io::Errno::NOMEM)?;
        Ok(Mapping { base, len })
    }

    /// How long a mapping is that was reserved for so many bytes.
    pub fn len_for(len: usize) -> usize {
        len.next_multiple_of(PAGE).max(PAGE)
    }

    /// Where it begins.
    pub fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// How long it is.
    pub fn len(&self) -> usize {
        self.len
    }

    fn place(&self, range: &Range<usize>) -> *mut core::ffi::c_void {
        assert!(range.start <= range.end && range.end <= self.len, "{range:?} is outside of a mapping of {}", self.len);
        self.base.as_ptr().wrapping_add(range.start).cast()
    }

    /// Opens or closes a part, in whole pages.
    pub fn protect(&self, range: Range<usize>, access: Access) -> Result<()> {
        let flags = match access {
            Access::Read => MprotectFlags::READ,
            Access::Write => MprotectFlags::READ | MprotectFlags::WRITE,
        };
        // SAFETY: the range is ours; see the type.
        unsafe { mm::mprotect(self.place(&range), range.len(), flags) }
    }

    /// Puts a file's bytes from `offset` over a part: what is written there is seen by nobody else.
    pub fn map_file(&self, range: Range<usize>, file: BorrowedFd<'_>, offset: u64, access: Access) -> Result<()> {
        let protection = match access {
            Access::Read => ProtFlags::READ,
            Access::Write => ProtFlags::READ | ProtFlags::WRITE,
        };
        let flags = MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE;
        // SAFETY: the range is ours to replace; see the type.
        unsafe { mm::mmap(self.place(&range), range.len(), protection, flags, file, offset)? };
        Ok(())
    }

    /// Forgets what was written to a part: it is as when it was mapped.
    pub fn discard(&self, range: Range<usize>) -> Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        // SAFETY: the range is ours; see the type.
        unsafe { mm::madvise(self.place(&range), range.len(), Advice::LinuxDontNeed) }
    }

    /// Gives a writable part its own pages now, and not at the first write to each. Only a help: it may fail.
    pub fn populate(&self, range: Range<usize>) {
        // SAFETY: the range is ours, and this changes no contents.
        let _ = unsafe { mm::madvise(self.place(&range), range.len(), Advice::LinuxPopulateWrite) };
    }

    /// Keeps the system from backing a single written page with a huge one.
    pub fn small_pages(&self) {
        // SAFETY: this changes no contents.
        let _ = unsafe { mm::madvise(self.base.as_ptr().cast(), self.len, Advice::LinuxNoHugepage) };
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nobody uses it any more.
        let _ = unsafe { mm::munmap(self.base.as_ptr().cast(), self.len) };
    }
}
