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

/// A file in memory, and where it ends.
struct Arena {
    file: Arc<OwnedFd>,
    end: u64,
    generation: u64,
}

static ARENA: Mutex<Option<Arena>> = Mutex::new(None);

/// The bytes of one memory. Whole pages; immutable.
pub struct Image {
    file: Arc<OwnedFd>,
    offset: u64,
    len: usize,
    generation: u64,
    view: Mapping,
}

impl Image {
    /// An image of these bytes, whole pages, of which only the parts in `written` are looked at: the rest is zeros.
    pub fn of(bytes: &[u8], written: &[Range<usize>]) -> io::Result<Image> {
        let len = bytes.len();
        let (file, offset, generation) = place(len as u64)?;
        for part in written {
            let mut at = part.start;
            while at < part.end {
                at += rustix::io::pwrite(&*file, &bytes[at..part.end], offset + at as u64)?;
            }
        }
        let view = Mapping::reserve(len, PAGE)?;
        let image = Image { file, offset, len, generation, view };
        image.map(&image.view, Access::Read)?;
        Ok(image)
    }

    /// Puts the image at the beginning of a mapping.
    pub(super) fn map(&self, mapping: &Mapping, access: Access) -> io::Result<()> {
        if self.len == 0 {
            return Ok(());
        }
        Ok(mapping.map_file(0..self.len, self.file.as_fd(), self.offset, access)?)
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the view is open for reading over its whole length, and nobody writes to this place of the file.
        unsafe { core::slice::from_raw_parts(self.view.base(), self.len) }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // Gives the memory back. A forked child's pages are its parent's too.
        if self.generation == fork::generation() && self.len > 0 {
            let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let _ = rustix::fs::fallocate(&*self.file, hole, self.offset, self.len as u64);
        }
    }
}

/// A place of its own in the process's file.
fn place(len: u64) -> io::Result<(Arc<OwnedFd>, u64, u64)> {
    let generation = fork::generation();
    let mut arena = ARENA.lock().unwrap_or_else(PoisonError::into_inner);
    let arena = match &mut *arena {
        Some(arena) if arena.generation == generation => arena,
        stale => {
            let file = Arc::new(rustix::fs::memfd_create("hostel-images", MemfdFlags::CLOEXEC)?);
            stale.insert(Arena { file, end: 0, generation })
        }
    };
    let offset = arena.end;
    rustix::fs::ftruncate(&*arena.file, offset + len)?;
    arena.end += len;
    Ok((arena.file.clone(), offset, generation))
}
