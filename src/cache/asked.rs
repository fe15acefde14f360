//! What a host's own cache is asked for on this thread: a callback may use caches itself, but not for what it is being asked for,
//! which would ask it again and again.

use super::{Key, hex};
use crate::{Error, Result};
use std::cell::RefCell;

/// How many questions may lie inside one another.
const DEPTH_MAX: usize = 16;

std::thread_local! {
    static ASKED: RefCell<Vec<(usize, Key)>> = const { RefCell::new(Vec::new()) };
}

/// A question; it ends when this is dropped.
pub(super) struct Asked;

/// Begins to ask the cache of this number for what is under a key. BUSY from inside the same question, or too many others.
pub(super) fn ask(cache: usize, key: &Key) -> Result<Asked> {
    ASKED.with_borrow_mut(|asked| {
        if asked.contains(&(cache, *key)) {
            let key = hex(&key.wasm);
            return Err(Error::Busy(format!("{key}: a callback of the cache asks the cache for what it is being asked for")));
        }
        if asked.len() >= DEPTH_MAX {
            return Err(Error::Busy(format!("{DEPTH_MAX} callbacks of caches lie inside one another on this thread")));
        }
        asked.push((cache, *key));
        Ok(Asked)
    })
}

impl Drop for Asked {
    fn drop(&mut self) {
        ASKED.with_borrow_mut(|asked| asked.pop());
    }
}
