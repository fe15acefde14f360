//! What the library tells: one sink that the host sets, and nothing until it does.

use alloc::boxed::Box;

/// How important a message is (`HOSTEL_LOG_*` in C, same numbers).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
#[allow(missing_docs, reason = "the usual names")]
pub enum Level {
    Error = 1,
    Warn = 2,
    Info = 3,
    Debug = 4,
    Trace = 5,
}

/// Receives messages: level, target (the part of the library, such as `hostel::module`), text.
pub type Sink = Box<dyn Fn(Level, &str, &str) + Send + Sync>;

#[cfg(feature = "std")]
mod imp {
    use super::*;
    use alloc::string::String;
    use core::sync::atomic::{AtomicI32, Ordering};
    use std::cell::Cell;
    use std::sync::RwLock;

    // The level is read on every message, the sink only when somebody listens.
    static MAX_LEVEL: AtomicI32 = AtomicI32::new(0);
    static SINK: RwLock<Option<Sink>> = RwLock::new(None);

    std::thread_local! {
        // A sink that calls back into the library must not hear itself, nor wait for its own lock.
        static TELLING: Cell<bool> = const { Cell::new(false) };
    }

    /// Sets the sink for messages up to `max`, or removes it. Waits until no message is being told.
    /// Answers false, and changes nothing, when called from inside a sink.
    pub fn set(sink: Option<(Level, Sink)>) -> bool {
        if TELLING.get() {
            return false;
        }
        let mut slot = SINK.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (max, sink) = sink.map_or((0, None), |(max, sink)| (max as i32, Some(sink)));
        MAX_LEVEL.store(max, Ordering::Relaxed);
        *slot = sink;
        true
    }

    /// Tells a message; `text` is only made when somebody listens at that level.
    pub(crate) fn emit(level: Level, target: &str, text: impl FnOnce() -> String) {
        if level as i32 > MAX_LEVEL.load(Ordering::Relaxed) || TELLING.get() {
            return;
        }
        let sink = SINK.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(sink) = sink.as_ref() {
            as_in(true, || sink(level, target, &text()));
        }
    }

    /// Whether this thread is inside a sink, or works for one that is.
    pub(crate) fn is_telling() -> bool {
        TELLING.get()
    }

    /// Works for a thread that is inside a sink, or is not.
    pub(crate) fn as_in<T>(telling: bool, work: impl FnOnce() -> T) -> T {
        let before = TELLING.replace(telling);
        let outcome = work();
        TELLING.set(before);
        outcome
    }
}

#[cfg(not(feature = "std"))]
mod imp {
    use super::*;
    use alloc::string::String;

    /// Without an operating system there is no sink yet; nothing is told.
    pub(crate) fn emit(_level: Level, _target: &str, _text: impl FnOnce() -> String) {}
}

pub(crate) use imp::emit;
#[cfg(feature = "std")]
pub use imp::set;
#[cfg(feature = "std")]
pub(crate) use imp::{as_in, is_telling};
