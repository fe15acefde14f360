//! Work that nobody waits for where it was asked for: a few threads of the library's own do it, first come, first served.
//!
//! There are half as many as processors, and each compiles with its share of that half, so that those who call guests are
//! not starved by those who will. They start when there is work, and end when there was none for a while.

use crate::knots;
use crate::sys::process::OfProcess;
use crate::sys::{self, exit, threads};
use crate::{Error, Result, aside};
use std::cell::Cell;
use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Something to do. It is dropped without being run when the process ends.
pub(crate) type Job = Box<dyn FnOnce() + Send>;
/// Is called now and then as long as a job waits.
pub(crate) type Waits = Arc<dyn Fn() + Send + Sync>;

/// How often those who wait are told so.
const TOLD_EACH: Duration = Duration::from_millis(20);

/// How long a thread waits for more work before it ends.
const IDLE: Duration = Duration::from_secs(10);
/// How long the end of the process waits for a compiler to come to the end of a function.
const END_WAITS: Duration = Duration::from_secs(2);

/// The threads of one process.
struct Crew {
    desk: Mutex<Desk>,
    /// There is work, or all is to end.
    changed: Condvar,
    /// A thread has done its work.
    done: Condvar,
    running: AtomicUsize,
    closing: AtomicBool,
}

struct Desk {
    jobs: VecDeque<(Job, Option<Waits>)>,
    idle: usize,
    threads: Vec<JoinHandle<()>>,
    /// Tells those who wait, as long as there are such.
    teller: Option<JoinHandle<()>>,
    /// Whether it is with them.
    telling: bool,
    /// How often all threads were told to end: each runs as long as this is what it was.
    ended: u64,
}

thread_local! {
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
    /// How many threads the work of `aside` compiles with that this thread does.
    static ASIDE: Cell<Option<NonZeroUsize>> = const { Cell::new(None) };
}

/// Has a job done, after those that were given before. `waits` hears of it as long as it is not begun.
pub(crate) fn run(job: Job, waits: Option<Waits>) -> Result<()> {
    end_in_order();
    crew().take(job, waits)
}

/// Has all work end when the process ends.
pub(crate) fn end_in_order() {
    static WATCHED: AtomicBool = AtomicBool::new(false);
    if !WATCHED.swap(true, Ordering::Relaxed) {
        end_before_others();
    }
}

/// The thread that calls this is the library's: it does not wait for itself when it ends the process.
pub(crate) fn is_ours() {
    IS_OURS.set(true);
}

/// Has all work end before whatever else is to happen, by now, when the process ends.
pub(crate) fn end_before_others() {
    exit::before(end);
}

/// Whether the process comes to its end: then all work is to stop.
pub(crate) fn is_closing() -> bool {
    crew().closing.load(Ordering::Relaxed)
}

/// How many threads a compile in this thread should have, which are its own; nothing where it may use those that all of the
/// process share.
pub(crate) fn compile_threads() -> Option<NonZeroUsize> {
    if ASIDE.get().is_some() {
        return ASIDE.get();
    }
    if !IS_OURS.get() {
        return None;
    }
    NonZeroUsize::new((most() / crew().running.load(Ordering::Relaxed).max(1)).max(1))
}

/// Does work of `aside` that shall compile with so many threads, or with as many as there are processors: never with those of
/// others, which it could keep for long.
pub(crate) fn compiling_with<T>(threads: Option<NonZeroUsize>, work: impl FnOnce() -> T) -> T {
    let all = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    ASIDE.set(Some(threads.unwrap_or_else(all)));
    let outcome = work();
    ASIDE.set(None);
    outcome
}

/// Ends the threads and waits for their end; the next job starts others. BUSY while there is work.
pub fn join() -> Result<()> {
    let crew = crew();
    let mut desk = crew.desk();
    if !desk.jobs.is_empty() || crew.running.load(Ordering::Relaxed) > 0 || IS_OURS.get() {
        return Err(Error::Busy("modules are being loaded in the background".into()));
    }
    desk.ended += 1;
    let (threads, teller) = (core::mem::take(&mut desk.threads), desk.teller.take());
    drop(desk);
    crew.changed.notify_all();
    // They do not panic; if one had, its end would be all we want to know.
    threads.into_iter().chain(teller).for_each(|thread| drop(thread.join()));
    aside::join()
}

/// The end of the process: compilers have data that goes now, so that they must not run any more.
extern "C" fn end() {
    if IS_OURS.get() {
        return; // who ends the process from inside a job cannot wait for it
    }
    let crew = crew();
    if crew.closing.swap(true, Ordering::Relaxed) {
        return; // the time for it has been spent
    }
    // What waits stays where it is: it is not run any more, and dropping it could call the host, which is at its end.
    let mut desk = crew.desk();
    let begun = Instant::now();
    while (crew.running.load(Ordering::Relaxed) > 0 || desk.telling) && begun.elapsed() < END_WAITS {
        let left = END_WAITS.saturating_sub(begun.elapsed());
        (desk, _) = crew.done.wait_timeout(desk, left).unwrap_or_else(PoisonError::into_inner);
    }
    drop(desk);
    aside::wait_for_end(begun + END_WAITS);
}

/// The most threads there are.
fn most() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).div_ceil(2)
}

/// Those of this process: a forked child does not have its parent's.
fn crew() -> &'static Crew {
    static CREW: OfProcess<Crew> = OfProcess::of_the_first(Crew::new());
    CREW.get(Crew::new)
}

impl Crew {
    const fn new() -> Crew {
        let desk = Desk { jobs: VecDeque::new(), idle: 0, threads: Vec::new(), teller: None, telling: false, ended: 0 };
        let desk = Mutex::new(desk);
        let (running, closing) = (AtomicUsize::new(0), AtomicBool::new(false));
        Crew { desk, changed: Condvar::new(), done: Condvar::new(), running, closing }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&'static self, job: Job, waits: Option<Waits>) -> Result<()> {
        let mut desk = self.desk();
        if desk.idle <= desk.jobs.len() {
            desk.threads.retain(|thread| !thread.is_finished());
            if desk.threads.len() < most() {
                let turn = desk.ended;
                match threads::start_large("hostel-load", move || self.work(turn)) {
                    Ok(thread) => desk.threads.push(thread),
                    Err(error) if desk.threads.is_empty() => {
                        return Err(Error::OutOfResources(format!(
                            "no thread to load modules with: {}",
                            crate::sys::words(error)
                        )));
                    }
                    Err(_) => {} // those there are will come to it
                }
            }
        }
        desk.jobs.push_back((job, waits));
        let waits = desk.jobs.len() > desk.idle;
        if waits && desk.teller.as_ref().is_none_or(JoinHandle::is_finished) {
            let turn = desk.ended;
            // Without one they wait all the same.
            desk.teller = threads::start_large("hostel-queue", move || self.tell(turn)).ok();
        }
        drop(desk);
        self.changed.notify_one();
        Ok(())
    }

    /// Tells those who wait that they do, until nobody does.
    fn tell(&self, turn: u64) {
        is_ours();
        let mut desk = self.desk();
        while desk.ended == turn && !desk.jobs.is_empty() && !self.closing.load(Ordering::Relaxed) {
            desk = self.done.wait_timeout(desk, TOLD_EACH).unwrap_or_else(PoisonError::into_inner).0;
            let waiting: Vec<_> = desk.jobs.iter().filter_map(|(_, waits)| waits.clone()).collect();
            desk.telling = true;
            drop(desk);
            for waits in waiting {
                if !self.closing.load(Ordering::Relaxed) {
                    let _ = sys::catch_panic(|| waits());
                }
            }
            desk = self.desk();
            desk.telling = false;
            self.done.notify_all();
        }
    }

    fn work(&self, turn: u64) {
        is_ours();
        let _member = knots::join_crew();
        let mut desk = self.desk();
        while desk.ended == turn {
            let next = if self.closing.load(Ordering::Relaxed) { None } else { desk.jobs.pop_front() };
            if let Some((job, _)) = next {
                self.running.fetch_add(1, Ordering::Relaxed); // under the lock, as the end of the process looks at it
                drop(desk);
                let _ = sys::catch_panic(job); // its own to tell
                desk = self.desk();
                self.running.fetch_sub(1, Ordering::Relaxed);
                self.done.notify_all();
                continue;
            }
            desk.idle += 1;
            let waited = self.changed.wait_timeout(desk, IDLE).unwrap_or_else(PoisonError::into_inner);
            desk = waited.0;
            desk.idle -= 1;
            if waited.1.timed_out() && desk.jobs.is_empty() {
                return;
            }
        }
    }
}
