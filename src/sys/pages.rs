//! Whole pages that may become code. What is read into them nobody else can change any more; those that are a file's, mapped,
//! are only as good as who has the file.

use crate::{Error, Result};
use rustix::mm::{self, Advice, MapFlags, MprotectFlags, ProtFlags};
use std::fs::File;
use std::io::Read;
use std::ops::{Deref, DerefMut, Range};
use std::ptr::{NonNull, null_mut};

/// What the system maps as one where it can: two of them cost as much to make as fifty small ones.
const HUGE: usize = 2 << 20;

/// Bytes in pages of their own, from the beginning of a page.
pub struct Pages {
    base: NonNull<u8>,
    mapped: usize,
    len: usize,
    /// Whether they may still be written.
    open: bool,
}

// SAFETY: memory belongs to the process, not to a thread, and is written through `&mut` only.
unsafe impl Send for Pages {}
// SAFETY: as above.
unsafe impl Sync for Pages {}

impl Pages {
    /// So many zero bytes. OUT_OF_RESOURCES when there is no memory for them.
    pub fn zeroed(len: usize) -> Result<Self> {
        let needed = len.max(1).next_multiple_of(page_size());
        // Linux gives whole huge pages the place that they need.
        let asked = if needed < HUGE { needed } else { needed.next_multiple_of(HUGE) };
        // SAFETY: a new mapping, which touches no other.
        let base = unsafe { mm::mmap_anonymous(null_mut(), asked, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE) };
        let base = base.ok().and_then(|base| NonNull::new(base.cast())).ok_or_else(|| no_memory(len))?;
        let mut pages = Pages { base, mapped: asked, len, open: true };
        if asked - needed > HUGE / 2 {
            pages.shorten(needed); // the last would be mostly empty
        }
        // All will be written at once: in few large steps and not a fault a page. Only helps, so they may fail.
        if needed >= HUGE {
            pages.advise(Advice::LinuxHugepage);
        }
        pages.advise(Advice::LinuxPopulateWrite);
        Ok(pages)
    }

    /// Gives up what is mapped behind so many bytes.
    fn shorten(&mut self, mapped: usize) {
        // SAFETY: the range is ours, whole pages, and nobody uses it.
        if unsafe { mm::munmap(self.base.as_ptr().add(mapped).cast(), self.mapped - mapped) }.is_ok() {
            self.mapped = mapped;
        }
    }

    /// A copy of bytes.
    pub fn copy_of(bytes: &[u8]) -> Result<Self> {
        let mut pages = Pages::zeroed(bytes.len())?;
        pages.copy_from_slice(bytes);
        Ok(pages)
    }

    /// The first so many bytes of a file, or as many as there are.
    pub fn read(file: &mut impl Read, len: usize) -> std::io::Result<Self> {
        let mut pages = Pages::zeroed(len).map_err(|_| std::io::ErrorKind::OutOfMemory)?;
        let mut filled = 0;
        while filled < len {
            match file.read(&mut pages[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        pages.len = filled;
        Ok(pages)
    }

    /// A whole file as it lies in the system's cache: what is not looked at is not read, and what is written stays in this
    /// process. Whoever changes the file may change the pages, and whoever cuts it off ends the process that looks at them.
    /// Read instead where the file's system does not let files become code.
    pub fn map(mut file: &File) -> std::io::Result<Self> {
        let len = usize::try_from(file.metadata()?.len()).map_err(|_| std::io::ErrorKind::FileTooLarge)?;
        if len == 0 {
            return Pages::read(&mut file, 0);
        }
        let mapped = len.next_multiple_of(page_size());
        // Asked for as code, only to know early whether it can become some.
        let access = ProtFlags::READ | ProtFlags::EXEC;
        // SAFETY: a new mapping, which touches no other.
        let base = unsafe { mm::mmap(null_mut(), mapped, access, MapFlags::PRIVATE, file, 0) };
        let Some(base) = base.ok().and_then(|base| NonNull::new(base.cast())) else { return Pages::read(&mut file, len) };
        let pages = Pages { base, mapped, len, open: true };
        // SAFETY: the mapping is ours, and nobody else knows it yet.
        unsafe { mm::mprotect(pages.base.as_ptr().cast(), mapped, MprotectFlags::READ | MprotectFlags::WRITE) }?;
        Ok(pages)
    }

    /// From now on nothing can be written any more, and what lies in the pages of `code` can be run.
    pub fn seal(&mut self, code: Range<usize>) -> Result<()> {
        assert!(code.start <= code.end && code.end <= self.len, "{code:?} is outside of {} bytes", self.len);
        self.open = false;
        let start = code.start / page_size() * page_size();
        let parts = [(0..self.mapped, MprotectFlags::READ), (start..code.end, MprotectFlags::READ | MprotectFlags::EXEC)];
        for (part, access) in parts.into_iter().filter(|(part, _)| !part.is_empty()) {
            // SAFETY: the range is ours, and `&mut self` means that nobody reads or writes it now.
            unsafe { mm::mprotect(self.base.as_ptr().add(part.start).cast(), part.len(), access) }
                .map_err(|error| Error::OutOfResources(format!("cannot make pages executable: {}", super::words(error))))?;
        }
        Ok(())
    }

    fn advise(&self, advice: Advice) {
        // SAFETY: the range is ours, and these change no contents.
        let _ = unsafe { mm::madvise(self.base.as_ptr().cast(), self.mapped, advice) };
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: so many bytes were mapped and can be read; they are written through `&mut` only.
        unsafe { core::slice::from_raw_parts(self.base.as_ptr(), self.len) }
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        assert!(self.open, "sealed pages cannot be written");
        // SAFETY: as above, and they can be written.
        unsafe { core::slice::from_raw_parts_mut(self.base.as_ptr(), self.len) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nobody uses it any more.
        let _ = unsafe { mm::munmap(self.base.as_ptr().cast(), self.mapped) };
    }
}

/// The unit in which memory is made executable.
pub(crate) fn page_size() -> usize {
    rustix::param::page_size()
}

fn no_memory(len: usize) -> Error {
    Error::OutOfResources(format!("no memory for {len} bytes"))
}
