//! What memories are reset to: their bytes as they were once a guest had started, shared by all of its rooms.
//!
//! The bytes lie in a file in memory that many guests share (a guest must not cost a descriptor), each image at a place of its
//! own that is never used again. A forked child uses a file of its own, and none of its parent's images.

use crate::sys::fork;
use crate::sys::mapping::{Access, Mapping, PAGE};
use crate::sys::process::OfProcess;
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{FallocateFlags, MemfdFlags};
use std::io;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// A file in memory. All of it, also what it will have later, is mapped once: an image takes no mapping of its own.
struct Arena {
    file: ManuallyDrop<OwnedFd>,
    view: Mapping,
    generation: u64,
}

impl Drop for Arena {
    fn drop(&mut self) {
        // A forked child may have closed all it had from its parent, and have something else of this number now.
        if self.generation == fork::generation() {
            // SAFETY: this is where the field ends, and it is not used any more.
            unsafe { ManuallyDrop::drop(&mut self.file) };
        }
    }
}

/// How much a file has unless an image is larger; then there is another one.
const ARENA_BYTES: usize = 1 << 30;

/// The file that new images of this process go to, and where it ends.
static ARENA: OfProcess<Mutex<Option<(Arc<Arena>, usize)>>> = OfProcess::of_the_first(Mutex::new(None));

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
                at += rustix::io::pwrite(&*image.arena.file, &bytes[at..part.end], (offset + at) as u64)?;
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
            let _ = rustix::fs::fallocate(&*self.arena.file, hole, self.offset as u64, self.len as u64);
        }
    }
}

/// A place of its own in the process's file.
fn place(len: usize) -> io::Result<(Arc<Arena>, usize)> {
    let mut current = ARENA.get(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let (arena, end) = match &mut *current {
        Some(current) if len <= current.0.view.len() - current.1 => current,
        full => {
            let file = ManuallyDrop::new(rustix::fs::memfd_create("hostel-images", MemfdFlags::CLOEXEC)?);
            let view = Mapping::reserve(ARENA_BYTES.max(len), PAGE)?;
            view.map_file(0..view.len(), file.as_fd(), 0, Access::Read)?;
            full.insert((Arc::new(Arena { file, view, generation: fork::generation() }), 0))
        }
    };
    let offset = *end;
    rustix::fs::ftruncate(&*arena.file, (offset + len) as u64)?;
    *end += len;
    Ok((arena.clone(), offset))
}
