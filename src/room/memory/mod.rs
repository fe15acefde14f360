//! The linear memories of rooms: reserved once, never moved, and put back as they were.
//!
//! | style | compiled code | a memory of this style |
//! |---|---|---|
//! | `Fixed` | checks nothing: what lies behind the memory must not be reachable, up to 8 GiB away | is not reset once it has grown |
//! | `Growing` | checks each access against the memory's length | may leave open what it had grown: growing again costs nothing |
//!
//! A memory that is like an image is reset to it in one of three ways: it copies back the pages that are known to be
//! written (`tracker`), or those that the system says are (`sys::pagemap`), or lets the system drop all that was written.

pub mod budget;
pub mod image;
mod tracker;

pub use image::Image;
pub use tracker::Run;

use crate::sys::mapping::{Access, Mapping, PAGE};
use crate::sys::{faults, pagemap};
use budget::Claim;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{Ordering, compiler_fence};
use tracker::Tracking;

/// How compiled code keeps to a memory's bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// It relies on what cannot be reached.
    Fixed,
    /// It compares with the length.
    Growing,
}

/// What 32-bit addresses with 32-bit offsets can reach, and an access of 64 KiB more.
const REACH: usize = (8 << 30) + (64 << 10);

/// Everything open is forgotten, and tracking tried again, after so many resets without it.
const RESETS_UNTRACKED: u32 = 64;
/// More pages than this are dropped rather than copied back.
const COPIED_PAGES_MAX: usize = 4096;

/// The memories of one instance. Each stays where it is: the instance points to it.
pub type Memories = Vec<Box<Memory>>;

/// The memory of one instance.
pub struct Memory {
    // Ended before the mapping goes.
    tracking: Option<Tracking>,
    mapping: Arc<Mapping>,
    style: Style,
    /// What the guest has.
    len: usize,
    /// What can be reached, at least as much.
    open: usize,
    /// What it is reset to.
    image: Option<Arc<Image>>,
    cooling: Cooling,
    untracked_resets: u32,
    _claim: Claim,
}

impl Memory {
    /// A memory of `len` zeros that may become `max` bytes large.
    pub fn new(style: Style, len: usize, max: usize) -> io::Result<Memory> {
        let mut memory = Memory::reserve(style, max.max(len))?;
        memory.grow(len)?;
        Ok(memory)
    }

    /// A memory of `len` zeros in place of one that is not needed any more, if it is of the same kind.
    pub fn again(mut spare: Box<Memory>, style: Style, len: usize, max: usize) -> Option<Box<Memory>> {
        let reserved = Mapping::len_for(if style == Style::Fixed { REACH } else { max.max(len) });
        let fits = spare.style == style && spare.mapping.len() == reserved && (style == Style::Growing || spare.open == len);
        (fits && spare.grow(len).is_ok()).then_some(spare)
    }

    /// Makes zeros of a memory that is not needed any more; false when it cannot be used again.
    pub fn clear(&mut self) -> bool {
        compiler_fence(Ordering::SeqCst);
        if self.image.is_some() {
            return false;
        }
        self.len = 0;
        self.drop_written(None).is_some()
    }

    /// A memory that is like an image. With `tracked`, what is written to it is noted from the start, where that can be done;
    /// `warm` are the pages that are likely to be.
    pub fn like(image: &Arc<Image>, style: Style, max: usize, tracked: bool, warm: &[Run]) -> io::Result<Memory> {
        let mut memory = Memory::reserve(style, max.max(image.size()))?;
        memory.len = image.size();
        memory.open = image.size();
        if tracked && faults::are_ours() {
            memory.tracking = Tracking::new(&memory.mapping, memory.open);
        }
        image.map(&memory.mapping, memory.access())?;
        if let Some(tracking) = &memory.tracking {
            tracking.warm(warm);
        }
        memory.image = Some(image.clone());
        Ok(memory)
    }

    fn reserve(style: Style, max: usize) -> io::Result<Memory> {
        let addresses = if style == Style::Fixed { REACH } else { max };
        let claim = Claim::new(4, addresses).ok_or(io::ErrorKind::OutOfMemory)?;
        let mapping = Arc::new(Mapping::reserve(addresses, faults::PIECE)?);
        mapping.small_pages();
        let (tracking, image) = (None, None);
        let cooling = Cooling::default();
        Ok(Memory { tracking, mapping, style, len: 0, open: 0, image, cooling, untracked_resets: 0, _claim: claim })
    }

    fn access(&self) -> Access {
        if self.tracking.as_ref().is_some_and(|tracking| !tracking.has_given_up()) { Access::Read } else { Access::Write }
    }

    /// Its first byte, for as long as it lives.
    pub fn base(&self) -> *mut u8 {
        self.mapping.base()
    }

    /// How many bytes the guest has.
    pub fn size(&self) -> usize {
        self.len
    }

    /// Makes it larger, with zeros. An error leaves it as it is.
    pub fn grow(&mut self, len: usize) -> io::Result<()> {
        if len > self.mapping.len() {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        if len > self.open {
            self.mapping.protect(self.open..len, self.access())?;
            self.open = len;
            if let Some(tracking) = &self.tracking {
                tracking.set_open(len);
            }
        }
        self.len = len;
        Ok(())
    }

    /// Its bytes, as an image.
    pub fn image(&self) -> io::Result<Image> {
        // SAFETY: as much as the guest has is open, and nothing runs in it while `self` is borrowed.
        let bytes = unsafe { core::slice::from_raw_parts(self.base(), self.len) };
        let all = || std::iter::once(0..self.len).collect();
        let written = self.written().map_or_else(all, |(parts, _)| parts);
        let parts = written.into_iter().filter(|part| part.start < self.len).map(|part| part.start..part.end.min(self.len));
        Image::of(bytes, &parts.collect::<Vec<_>>())
    }

    /// The parts that have pages of their own, and how many pages that is. Nothing when the system cannot tell.
    fn written(&self) -> Option<(Vec<Range<usize>>, usize)> {
        let base = self.base() as usize;
        let (mut parts, mut pages) = (Vec::new(), 0);
        let told = pagemap::private_pages(base, base + self.open, |start, end| {
            parts.push(start - base..end - base);
            pages += (end - start) / PAGE;
        });
        told.then_some((parts, pages))
    }

    /// The pages that are written in most calls, for the next memory like this one.
    pub fn hot(&self) -> Vec<Run> {
        self.tracking.iter().flat_map(|tracking| tracking.runs()).collect()
    }

    /// How many writes have faulted since it was made.
    pub fn faults(&self) -> u64 {
        self.tracking.as_ref().map_or(0, |tracking| tracking.faults())
    }

    /// Whether writes to it fault.
    pub fn is_tracked(&self) -> bool {
        self.access() == Access::Read
    }

    /// Lets everything be written, for good: where faults would not reach us.
    pub fn untrack(&mut self) -> io::Result<()> {
        self.mapping.protect(0..self.open, Access::Write)?;
        self.tracking = None;
        Ok(())
    }

    /// Puts it back as its image has it: how many pages that took, or nothing when it could not be done.
    pub fn reset(&mut self) -> Option<u64> {
        // The handler notes writes behind the compiler's back.
        compiler_fence(Ordering::SeqCst);
        let image = self.image.as_ref()?;
        if self.style == Style::Fixed && self.open > image.size() {
            return None;
        }
        self.len = image.size();
        match &self.tracking {
            Some(tracking) if !tracking.has_given_up() => Some(self.cooling.reset(&self.mapping, image.bytes(), tracking)),
            _ => self.reset_untracked(&image.clone()),
        }
    }

    fn reset_untracked(&mut self, image: &Image) -> Option<u64> {
        self.untracked_resets += 1;
        if let Some(tracking) = &self.tracking
            && self.untracked_resets >= RESETS_UNTRACKED
        {
            self.untracked_resets = 0;
            if faults::are_ours() && tracking.start_again() {
                return Some(0);
            }
        }
        self.drop_written(Some(image))
    }

    /// Puts every page that was written back as the image has it, or else to zeros; how many.
    fn drop_written(&self, image: Option<&Image>) -> Option<u64> {
        let (parts, pages) = match self.written() {
            Some((parts, pages)) if pages <= COPIED_PAGES_MAX => (parts, pages),
            _ => {
                self.mapping.discard(0..self.open).ok()?;
                return Some(0);
            }
        };
        let bytes = image.map_or(&[][..], Image::bytes);
        for part in parts {
            restore(&self.mapping, bytes, part);
        }
        Some(pages as u64)
    }
}

/// Puts a part back that can be written.
fn restore(mapping: &Mapping, image: &[u8], part: Range<usize>) {
    let like = &image[part.start.min(image.len())..part.end.min(image.len())];
    // SAFETY: the part is open for writing, lies inside the mapping, and no reference to it exists between calls.
    let bytes = unsafe { core::slice::from_raw_parts_mut(mapping.base().add(part.start), part.len()) };
    let (in_image, beyond) = bytes.split_at_mut(like.len());
    in_image.copy_from_slice(like);
    // Filling nothing is slow: with AVX-512 it ends in a masked write to a page that cannot be written.
    if !beyond.is_empty() {
        beyond.fill(0);
    }
}

/// Whether a part is as the image has it.
fn is_as_image(mapping: &Mapping, image: &[u8], part: Range<usize>) -> bool {
    static ZEROS: [u8; PAGE] = [0; PAGE];
    let like = &image[part.start.min(image.len())..part.end.min(image.len())];
    // SAFETY: the part is open, lies inside the mapping, and nothing runs in it.
    let bytes = unsafe { core::slice::from_raw_parts(mapping.base().add(part.start), part.len()) };
    let (in_image, beyond) = bytes.split_at(like.len());
    in_image == like && beyond.chunks(PAGE).all(|page| page == &ZEROS[..page.len()])
}

/// Closes pages again that are not written any more: one large call must not tax all that follow.
///
/// A few runs are looked at in each reset. One that was not written so many times in a row is closed. Where a closed run is
/// written again soon, the memory becomes more patient: a page may be written in every call and end as it began.
struct Cooling {
    /// The next run to look at.
    cursor: usize,
    resets: u64,
    patience: u8,
    /// The first pages of the last runs that were closed.
    closed: [u32; 8],
    closed_next: usize,
    /// How many runs there were after the last reset.
    known: usize,
}

impl Default for Cooling {
    fn default() -> Self {
        Cooling { cursor: 0, resets: 0, patience: 2, closed: [u32::MAX; 8], closed_next: 0, known: 0 }
    }
}

impl Cooling {
    fn reset(&mut self, mapping: &Mapping, image: &[u8], tracking: &tracker::Tracker) -> u64 {
        self.resets += 1;
        let count = tracking.count();
        if count > self.known {
            self.learn((self.known..count).map(|index| tracking.run(index)));
        }
        let looked_at = count / 16 + usize::from(self.resets.is_multiple_of(4));
        let looked_at = self.cursor..self.cursor + looked_at.min(count);
        let mut restored = 0;
        let mut cold = None;
        for index in 0..count {
            let run = tracking.run(index);
            if looked_at.contains(&index) {
                if is_as_image(mapping, image, run.bytes()) {
                    let idle = run.idle.saturating_add(1);
                    tracking.set_idle(index, idle);
                    if idle >= self.patience {
                        cold = Some(index);
                    }
                    continue;
                }
                if run.idle > 0 {
                    tracking.set_idle(index, 0);
                }
            }
            restore(mapping, image, run.bytes());
            restored += u64::from(run.pages);
        }
        self.cursor = if looked_at.end >= count { 0 } else { looked_at.end };
        if let Some(index) = cold {
            self.closed[self.closed_next] = tracking.run(index).start;
            self.closed_next = (self.closed_next + 1) % self.closed.len();
            tracking.cool(index);
        }
        self.known = tracking.count();
        restored
    }

    #[cold]
    fn learn(&mut self, new: impl Iterator<Item = Run>) {
        for run in new {
            if self.closed.contains(&run.start) {
                self.patience = self.patience.saturating_mul(4);
            }
        }
    }
}
