//! Which pages of a memory were written: the memory is open for reading only, and the first write to a page opens it.
//! An opened page stays open, "hot", so that in the long run nothing faults; resetting copies the hot pages back.

use super::budget;
use crate::sys::faults::{Watch, Watcher};
use crate::sys::mapping::{Access, Mapping, PAGE};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

/// Hot pages side by side, at most [`RUN_PAGES`] of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first of them.
    pub start: u32,
    /// How many there are.
    pub pages: u32,
    /// How often in a row it was found unwritten.
    pub idle: u8,
}

/// A fault after the last run opens twice as many pages as the one before, up to this many.
const RUN_PAGES: u32 = 16;
/// More hot runs than this are not worth their mappings (two each): then everything is opened, and nothing is tracked.
const RUNS_MAX: usize = 256;

impl Run {
    /// Where they lie in the memory.
    pub fn bytes(self) -> Range<usize> {
        self.start as usize * PAGE..self.end() as usize * PAGE
    }

    /// The page after the last.
    pub fn end(self) -> u32 {
        self.start + self.pages
    }

    fn pack(self) -> u64 {
        u64::from(self.start) << 32 | u64::from(self.pages) << 8 | u64::from(self.idle)
    }

    fn unpack(packed: u64) -> Run {
        Run { start: (packed >> 32) as u32, pages: packed as u32 >> 8, idle: packed as u8 }
    }
}

/// The fault handler's half is `written`; everything else is called between calls. All fields are atomics because the
/// handler interrupts the same thread anywhere, not because threads share them.
pub struct Tracker {
    mapping: Arc<Mapping>,
    /// So many pages from the start can be read.
    pages: AtomicU32,
    runs: [AtomicU64; RUNS_MAX],
    count: AtomicU32,
    /// The page after the last fault's, and how many that opened.
    next: AtomicU32,
    cluster: AtomicU32,
    /// Everything is open.
    given_up: AtomicBool,
    faults: AtomicU64,
}

/// A tracker, watching.
pub struct Tracking {
    // Ended before what it points to goes.
    _watch: Watch,
    tracker: Box<Tracker>,
}

impl std::ops::Deref for Tracking {
    type Target = Tracker;

    fn deref(&self) -> &Tracker {
        &self.tracker
    }
}

impl Tracking {
    /// Watches a mapping of which `open` bytes can be read. Nothing where that cannot be done.
    pub fn new(mapping: &Arc<Mapping>, open: usize) -> Option<Tracking> {
        let tracker = Box::new(Tracker {
            mapping: mapping.clone(),
            pages: AtomicU32::new((open / PAGE) as u32),
            runs: [const { AtomicU64::new(0) }; RUNS_MAX],
            count: AtomicU32::new(0),
            next: AtomicU32::new(u32::MAX),
            cluster: AtomicU32::new(1),
            given_up: AtomicBool::new(false),
            faults: AtomicU64::new(0),
        });
        let watcher = Watcher { opens: on_write, watched: (&raw const *tracker).cast() };
        // SAFETY: the tracker stays where it is, in its box, until the watch has ended.
        let watch = unsafe { Watch::new(mapping, watcher)? };
        Some(Tracking { _watch: watch, tracker })
    }
}

/// # Safety
/// `tracker` is the tracker that watches the mapping `address` lies in.
unsafe fn on_write(tracker: *const (), address: usize) -> bool {
    // SAFETY: the caller's promise; only atomics of it are changed.
    unsafe { &*tracker.cast::<Tracker>() }.written(address)
}

impl Tracker {
    /// Opens the page of a write that faulted, and a few more if the one before it was the last.
    fn written(&self, address: usize) -> bool {
        let page = ((address - self.mapping.base() as usize) / PAGE) as u32;
        let pages = self.pages.load(Relaxed);
        if page >= pages || self.given_up.load(Relaxed) {
            return false; // no page that the guest has, or one that was open: somebody else's affair
        }
        let mut next_hot = pages;
        for run in self.runs() {
            if (run.start..run.end()).contains(&page) {
                return false;
            }
            if run.start > page {
                next_hot = next_hot.min(run.start);
            }
        }
        let cluster = if page == self.next.load(Relaxed) { (self.cluster.load(Relaxed) * 2).min(RUN_PAGES) } else { 1 };
        let run = Run { start: page, pages: cluster.min(next_hot - page), idle: 0 };
        self.faults.store(self.faults.load(Relaxed) + 1, Relaxed);
        self.cluster.store(cluster, Relaxed);
        self.next.store(run.end(), Relaxed);
        self.heat(run) || self.give_up()
    }

    /// Opens a run and notes it: false when there is no room for it, or no mapping left.
    fn heat(&self, run: Run) -> bool {
        let count = self.count.load(Relaxed) as usize;
        if count == RUNS_MAX || !budget::try_claim_mappings(2) {
            return false;
        }
        if self.mapping.protect(run.bytes(), Access::Write).is_err() {
            budget::give_back_mappings(2);
            return false;
        }
        self.runs[count].store(run.pack(), Relaxed);
        self.count.store(count as u32 + 1, Relaxed);
        true
    }

    /// Opens everything: that takes fewer mappings, not more.
    fn give_up(&self) -> bool {
        let opened = self.mapping.protect(0..self.pages.load(Relaxed) as usize * PAGE, Access::Write).is_ok();
        self.given_up.store(opened, Relaxed);
        opened
    }

    /// Opens runs that are likely to be written, and gives them their pages.
    pub fn warm(&self, runs: &[Run]) {
        for &run in runs {
            if run.end() <= self.pages.load(Relaxed) && self.heat(Run { idle: 0, ..run }) {
                self.mapping.populate(run.bytes());
            }
        }
    }

    /// The hot runs.
    pub fn runs(&self) -> impl Iterator<Item = Run> {
        self.runs[..self.count()].iter().map(|run| Run::unpack(run.load(Relaxed)))
    }

    /// How many hot runs there are.
    pub fn count(&self) -> usize {
        self.count.load(Relaxed) as usize
    }

    /// One of them.
    pub fn run(&self, index: usize) -> Run {
        Run::unpack(self.runs[index].load(Relaxed))
    }

    /// Notes how long a run has not been written.
    pub fn set_idle(&self, index: usize, idle: u8) {
        self.runs[index].store(Run { idle, ..self.run(index) }.pack(), Relaxed);
    }

    /// Closes a run that is not used; its bytes are as they were mapped.
    pub fn cool(&self, index: usize) {
        let run = self.run(index);
        let closed = self.mapping.discard(run.bytes()).and_then(|()| self.mapping.protect(run.bytes(), Access::Read));
        if closed.is_ok() {
            let last = self.count() - 1;
            self.runs[index].store(self.runs[last].load(Relaxed), Relaxed);
            self.count.store(last as u32, Relaxed);
            budget::give_back_mappings(2);
        }
    }

    /// Whether everything is open, and what was written has to be found in another way.
    pub fn has_given_up(&self) -> bool {
        self.given_up.load(Relaxed)
    }

    /// Starts anew, with everything closed.
    pub fn start_again(&self) -> bool {
        let all = 0..self.pages.load(Relaxed) as usize * PAGE;
        let closed = self.mapping.discard(all.clone()).and_then(|()| self.mapping.protect(all, Access::Read)).is_ok();
        if closed {
            self.forget();
            self.given_up.store(false, Relaxed);
        }
        closed
    }

    fn forget(&self) {
        budget::give_back_mappings(2 * self.count());
        self.count.store(0, Relaxed);
    }

    /// How many writes have faulted.
    pub fn faults(&self) -> u64 {
        self.faults.load(Relaxed)
    }

    /// More can be read now.
    pub fn set_open(&self, open: usize) {
        self.pages.store((open / PAGE) as u32, Relaxed);
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        self.forget();
    }
}
