//! What memories are reset to: their bytes as they were once a guest had started, shared by all of its rooms.
//!
//! The bytes lie in a file in memory, one for the whole process (a guest must not cost a descriptor), each image at a place
//! of its own that is never used again. A forked child uses a file of its own, and none of its parent's images.

use crate::sys::fork;
use crate::sys::mapping::{Access, Mapping, PAGE};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{FallocateFlags, MemfdFlags};
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// A file in memory. All of it, also what it will have later, is mapped once: an image takes no mapping of its own.
struct Arena {
    file: OwnedFd,
    view: Mapping,
    generation: u64,
}

/// How much a file may have; then there is another one.
const ARENA_BYTES: usize = 1 << 38;

/// The file that new images go to, and where it ends.
static ARENA: Mutex<Option<(Arc<Arena>, usize)>> = Mutex::new(None);

/// The bytes of one memory. Whole pages; immutable.
pub struct Image {
    arena: Arc<Arena>,
    offset: usize,
    len: usize,
}

impl Image {
    /// An image of these bytes, whole pages, of which only the parts in `written` are looked at: the rest is zeros.
    pub fn of(bytes: &[u8], written: &[Range<usize>]) -> io::Result<Image> {
        let len = bytes.len();
        let (arena, offset) = place(len)?;
        let image = Image { arena, offset, len };
        for part in written {
            let mut at = part.start;
            while at < part.end {
                at += rustix::io::pwrite(&image.arena.file, &bytes[at..part.end], (offset + at) as u64)?;
            }
        }
        Ok(image)
    }

    /// Puts the image at the beginning of a mapping.
    pub(super) fn map(&self, mapping: &Mapping, access: Access) -> io::Result<()> {
        if self.len == 0 {
            return Ok(());
        }
        Ok(mapping.map_file(0..self.len, self.arena.file.as_fd(), self.offset as u64, access)?)
    }

    /// How many bytes it has.
    pub fn size(&self) -> usize {
        self.len
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the view is open for reading, the file has this place, and nobody writes to it.
        unsafe { core::slice::from_raw_parts(self.arena.view.base().add(self.offset), self.len) }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // Gives the memory back. A forked child's pages are its parent's too.
        if self.arena.generation == fork::generation() && self.len > 0 {
            let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let _ = rustix::fs::fallocate(&self.arena.file, hole, self.offset as u64, self.len as u64);
        }
    }
}

/// A place of its own in the process's file.
fn place(len: usize) -> io::Result<(Arc<Arena>, usize)> {
    let generation = fork::generation();
    let mut current = ARENA.lock().unwrap_or_else(PoisonError::into_inner);
    let (arena, end) = match &mut *current {
        Some(current) if current.0.generation == generation && len <= ARENA_BYTES - current.1 => current,
        stale => {
            let file = rustix::fs::memfd_create("hostel-images", MemfdFlags::CLOEXEC)?;
            let view = Mapping::reserve(ARENA_BYTES, PAGE)?;
            view.map_file(0..ARENA_BYTES, file.as_fd(), 0, Access::Read)?;
            stale.insert((Arc::new(Arena { file, view, generation }), 0))
        }
    };
    let offset = *end;
    rustix::fs::ftruncate(&arena.file, (offset + len) as u64)?;
    *end += len;
    Ok((arena.clone(), offset))
}
