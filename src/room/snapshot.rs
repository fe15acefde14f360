//! What a guest's rooms are like when a call begins: taken once from the first, after it has started.

#[cfg(snapshots)]
pub use with::{Reference, Snapshot, Value};

/// Nothing: in this build every room is a new instance.
#[cfg(not(snapshots))]
pub enum Snapshot {}

#[cfg(not(snapshots))]
impl Snapshot {
    /// The size of all memories together.
    pub fn memory_bytes(&self) -> u64 {
        match *self {}
    }
}

#[cfg(snapshots)]
mod with {
    use crate::room::memory::{Image, Memory, Run, Style};
    use std::io;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex, PoisonError};

    /// A started guest.
    pub struct Snapshot {
        images: Vec<Arc<Image>>,
        globals: Vec<Value>,
        tables: Vec<Vec<Reference>>,
        /// The pages that a room's calls write, memory by memory: they are opened in the next room from the start.
        hot: Mutex<Vec<Vec<Run>>>,
        tracked: AtomicBool,
        memory_bytes: u64,
    }

    /// The value of a global.
    #[derive(Clone, Copy, Debug)]
    pub enum Value {
        /// A number, or a null reference.
        Bits(u128),
        /// A reference to a function.
        Reference(Reference),
    }

    /// A reference, in terms that hold in any instance of the module.
    #[derive(Clone, Copy, Debug)]
    pub enum Reference {
        /// To nothing.
        Null,
        /// To the function with this index.
        Function(u32),
    }

    /// Hot pages are learned from one room for the next up to this many: each takes memory in a room that is idle.
    const LEARNED_PAGES_MAX: u32 = 64;

    impl Snapshot {
        /// Puts together what an engine has found.
        pub fn new(images: Vec<Arc<Image>>, globals: Vec<Value>, tables: Vec<Vec<Reference>>) -> Snapshot {
            let hot = Mutex::new(vec![Vec::new(); images.len()]);
            let memory_bytes = images.iter().map(|image| image.size() as u64).sum();
            Snapshot { images, globals, tables, hot, tracked: AtomicBool::new(true), memory_bytes }
        }

        /// A memory like the one at this position.
        pub fn memory(&self, index: usize, style: Style, max: usize) -> io::Result<Memory> {
            let image = self.images.get(index).ok_or(io::ErrorKind::NotFound)?;
            let hot = self.hot.lock().unwrap_or_else(PoisonError::into_inner).get(index).cloned().unwrap_or_default();
            Memory::like(image, style, max, self.tracked.load(Ordering::Relaxed), &hot)
        }

        /// The values of all globals.
        pub fn globals(&self) -> &[Value] {
            &self.globals
        }

        /// The elements of all tables.
        pub fn tables(&self) -> &[Vec<Reference>] {
            &self.tables
        }

        /// The size of all memories together.
        pub fn memory_bytes(&self) -> u64 {
            self.memory_bytes
        }

        /// Whether writes are to be tracked in rooms like this.
        pub fn set_tracked(&self, tracked: bool) {
            self.tracked.store(tracked, Ordering::Relaxed);
        }

        /// Learns from a room which pages its calls write.
        pub fn learn(&self, memories: &[Box<Memory>]) {
            let hot: Vec<Vec<Run>> = memories.iter().map(|memory| memory.hot()).collect();
            if hot.iter().flatten().map(|run| run.pages).sum::<u32>() <= LEARNED_PAGES_MAX {
                *self.hot.lock().unwrap_or_else(PoisonError::into_inner) = hot;
            }
        }
    }
}
