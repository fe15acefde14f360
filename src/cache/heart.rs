//! Touches the files of held locks, so that others can tell a process that takes long from one that was stopped. A thread does it,
//! which is there only while a lock is held.

use crate::sys::fork::{self, Unshared};
use crate::sys::process::OfProcess;
use crate::sys::{inside, threads};
use std::collections::BTreeMap;
use std::fs::File;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often a file is touched: many times in the time after which its process counts as stopped.
const BEAT: Duration = Duration::from_secs(1);

struct Heart {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    next: u64,
    held: BTreeMap<u64, Arc<Unshared>>,
    thread: Option<JoinHandle<()>>,
    /// How many threads were told to end: each runs as long as this is what it was.
    ended: u64,
}

/// That a file is touched; until it is dropped.
pub(super) struct Beating {
    number: u64,
    generation: u64,
    file: Arc<Unshared>,
}

/// Touches a file, now and then.
pub(super) fn keep(file: Arc<Unshared>) -> Beating {
    let _ = inside::touch(&file);
    let heart = heart();
    let mut state = heart.state();
    let number = state.next;
    state.next += 1;
    state.held.insert(number, file.clone());
    if state.thread.is_none() {
        let turn = state.ended;
        // Without a thread, others do not wait as long as they could.
        state.thread = threads::start("hostel-locks", move || heart.beat(turn)).ok();
    }
    Beating { number, generation: fork::generation(), file }
}

impl Beating {
    /// Whether this is still the process that holds it.
    pub fn is_ours(&self) -> bool {
        self.generation == fork::generation()
    }

    pub fn file(&self) -> &File {
        &self.file
    }
}

impl Drop for Beating {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        let heart = heart();
        let mut state = heart.state();
        state.held.remove(&self.number);
        if state.held.is_empty() {
            state.ended += 1;
            let thread = state.thread.take();
            drop(state);
            heart.changed.notify_all();
            let _ = thread.map(JoinHandle::join); // it does not panic
        }
    }
}

/// That of this process: a forked child does not have its parent's thread.
fn heart() -> &'static Heart {
    static HEART: OfProcess<Heart> = OfProcess::of_the_first(Heart::new());
    HEART.get(Heart::new)
}

impl Heart {
    const fn new() -> Self {
        let state = State { next: 0, held: BTreeMap::new(), thread: None, ended: 0 };
        Heart { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn beat(&self, turn: u64) {
        let mut state = self.state();
        while state.ended == turn {
            state = self.changed.wait_timeout(state, BEAT).unwrap_or_else(PoisonError::into_inner).0;
            let held: Vec<_> = state.held.values().cloned().collect();
            drop(state);
            held.iter().for_each(|file| drop(inside::touch(file)));
            drop(held);
            state = self.state();
        }
    }
}
