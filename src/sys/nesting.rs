//! How many calls into guests lie inside one another on this thread: a host function may call a guest again.

use super::stack;
use crate::limits::{Limit, Limits};
use crate::{Error, Result};
use alloc::format;

#[cfg(feature = "std")]
mod depth {
    use std::cell::Cell;
    std::thread_local! {
        static DEPTH: Cell<u64> = const { Cell::new(0) };
        static LOADS: Cell<u64> = const { Cell::new(0) };
    }

    pub fn loads() -> u64 {
        LOADS.get()
    }

    pub fn set_loads(loads: u64) {
        LOADS.set(loads);
    }

    pub fn get() -> u64 {
        DEPTH.get()
    }

    pub fn set(depth: u64) {
        DEPTH.set(depth);
    }
}

// Without threads to tell apart, the depth is the process's.
#[cfg(not(feature = "std"))]
mod depth {
    use core::sync::atomic::{AtomicUsize, Ordering};
    static DEPTH: AtomicUsize = AtomicUsize::new(0);

    pub fn get() -> u64 {
        DEPTH.load(Ordering::Relaxed) as u64
    }

    pub fn set(depth: u64) {
        DEPTH.store(depth as usize, Ordering::Relaxed);
    }
}

/// A call that has been entered; leaving is dropping.
pub(crate) struct Nested {
    inner: bool,
}

impl Nested {
    /// Whether it lies inside another one.
    pub(crate) fn is_inner(&self) -> bool {
        self.inner
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        depth::set(depth::get() - 1);
    }
}

/// Whether the call that was entered last lies inside another one.
#[cfg(feature = "std")]
pub(crate) fn is_nested() -> bool {
    depth::get() > 1
}

/// Enters a call, unless as many as the limit allows lie inside one another already, or the thread has no stack left for it.
pub(crate) fn enter(limits: &Limits) -> Result<Nested> {
    let depth = depth::get();
    if depth >= limits.get(Limit::Depth) {
        return Err(Error::TooDeep(format!(
            "call stack exhausted: {depth} calls lie inside one another, through host functions"
        )));
    }
    stack::need(stack::CALL)?;
    depth::set(depth + 1);
    Ok(Nested { inner: depth > 0 })
}

/// A load that compiles; leaving is dropping.
pub(crate) struct Loading(());

/// How many loads may lie inside one another, through callbacks of theirs.
#[cfg(feature = "std")]
const LOADS_MAX: u64 = 16;

/// Begins a load that compiles, unless too many lie inside one another, or the thread has no stack left for it.
#[cfg(feature = "std")]
pub(crate) fn enter_load() -> Result<Loading> {
    stack::need(stack::LOAD)?;
    let loads = depth::loads();
    if loads >= LOADS_MAX {
        return Err(Error::Busy(format!("{loads} loads lie inside one another on this thread, through callbacks")));
    }
    depth::set_loads(loads + 1);
    Ok(Loading(()))
}

/// Without an operating system a load calls nobody back.
#[cfg(not(feature = "std"))]
pub(crate) fn enter_load() -> Result<Loading> {
    Ok(Loading(()))
}

impl Drop for Loading {
    fn drop(&mut self) {
        #[cfg(feature = "std")]
        depth::set_loads(depth::loads() - 1);
    }
}
