//! Deadlines: one thread for all of them, started when the first one is set.

use super::{Reason, Stop};
use crate::sys::process::OfProcess;
use crate::sys::threads;
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

struct Timer {
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    next: u64,
    due: BTreeMap<(Instant, u64), Arc<Stop>>,
    thread: Option<JoinHandle<()>>,
    /// When the thread looks again by itself.
    looks_at: Option<Instant>,
    /// How many threads were told to end: each runs as long as this is what it was.
    ended: u64,
}

/// A deadline that somebody waits for; dropping it forgets it.
pub struct Scheduled {
    timer: &'static Timer,
    key: (Instant, u64),
}

/// At the time `at`, asks the guest to stop, unless what this returns is dropped before.
pub fn schedule(at: Instant, stop: &Arc<Stop>) -> Result<Scheduled> {
    let timer = timer();
    let mut queue = timer.queue();
    let key = (at, queue.next);
    queue.next += 1;
    if queue.thread.is_none() {
        let turn = queue.ended;
        let started = threads::start("hostel-timer", move || timer.run(turn));
        queue.thread = Some(
            started.map_err(|error| Error::OutOfResources(format!("no thread for deadlines: {}", crate::sys::words(error))))?,
        );
    }
    queue.due.insert(key, stop.clone());
    let wakes = queue.looks_at.is_none_or(|looks_at| at < looks_at);
    drop(queue);
    if wakes {
        timer.changed.notify_all();
    }
    Ok(Scheduled { timer, key })
}

/// Ends the thread and waits for its end; the next deadline starts another. BUSY while a call has a deadline.
pub fn join() -> Result<()> {
    let timer = timer();
    let mut queue = timer.queue();
    if !queue.due.is_empty() {
        return Err(Error::Busy("calls with deadlines are running".into()));
    }
    queue.ended += 1;
    queue.looks_at = None;
    let thread = queue.thread.take();
    timer.changed.notify_all();
    drop(queue);
    // It does not panic; if it had, its end would be all we want to know.
    let _ = thread.map(JoinHandle::join);
    Ok(())
}

/// The timer of this process: a forked child does not have its parent's threads.
fn timer() -> &'static Timer {
    static TIMER: OfProcess<Timer> = OfProcess::of_the_first(Timer::new());
    TIMER.get(Timer::new)
}

impl Timer {
    const fn new() -> Self {
        let queue = Queue { next: 0, due: BTreeMap::new(), thread: None, looks_at: None, ended: 0 };
        Timer { queue: Mutex::new(queue), changed: Condvar::new() }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, turn: u64) {
        let mut queue = self.queue();
        while queue.ended == turn {
            let now = Instant::now();
            while let Some(first) = queue.due.first_entry().filter(|first| first.key().0 <= now) {
                first.remove().ask(Reason::Deadline);
            }
            queue.looks_at = queue.due.first_key_value().map(|(&(at, _), _)| at);
            queue = match queue.looks_at {
                Some(at) => {
                    let waited = self.changed.wait_timeout(queue, at.saturating_duration_since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

impl Drop for Scheduled {
    fn drop(&mut self) {
        // Under the lock, so that afterwards nobody writes to the word any more.
        self.timer.queue().due.remove(&self.key);
    }
}
