//! Work that its caller may leave. A compiler inside one large function cannot be stopped: so it runs on a thread of ours
//! while its caller waits, and when the caller has to answer, the work is left behind, to end by itself.
//!
//! Threads are kept for the next work, and end when there was none for a while. There is a bound on work that runs or was left,
//! so that nobody piles up threads; what comes later waits for a place.

use crate::background;
use crate::door::Door;
use crate::log;
use crate::progress::{Phase, Progress};
use crate::sys::process::OfProcess;
use crate::sys::{self, threads};
use crate::{Error, Result};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

type Job = Box<dyn FnOnce() + Send>;

/// How long a thread waits for more work before it ends.
const IDLE: Duration = Duration::from_secs(10);
/// How often a caller looks whether it is to go on waiting.
const LOOKS: Duration = Duration::from_millis(10);
/// How often a watcher is told, when there is nothing new, so that it can stop a load.
const TELLS: Duration = Duration::from_secs(1);

/// The threads of one process.
struct Crew {
    desk: Mutex<Desk>,
    changed: Condvar,
}

#[derive(Default)]
struct Desk {
    /// How much work runs, was left behind, or is about to be done.
    places: usize,
    jobs: VecDeque<Job>,
    idle: usize,
    threads: Vec<JoinHandle<()>>,
    /// How often all threads were told to end: each runs as long as this is what it was.
    ended: u64,
}

/// The most work at once, done or left behind: twice as much as there are processors, and at least eight.
fn places() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).saturating_mul(2).max(8)
}

/// Those of this process: a forked child does not have its parent's.
fn crew() -> &'static Crew {
    static CREW: OfProcess<Crew> = OfProcess::of_the_first(Crew::new());
    CREW.get(Crew::new)
}

/// Does `work` where it can be left: an error of `progress`, be it that the time is over, is answered at once. The work gets
/// what it is to tell; once it was left it reaches nobody by it, and is to end.
pub(crate) fn run<T: Send + 'static>(
    progress: &Progress,
    work: impl FnOnce(&Progress) -> Result<T> + Send + 'static,
) -> Result<T> {
    let crew = crew();
    crew.take_place(progress)?;
    let table = Arc::new(Table::default());
    let (theirs, passed) = (table.clone(), table.clone().passing(progress.clone()));
    let (threads, telling) = (background::compile_threads(), log::is_telling());
    crew.start(Box::new(move || {
        let work = || sys::catch_panic(|| work(&passed));
        let outcome = log::as_in(telling, || background::compiling_with(threads, work));
        crew.leave_place();
        theirs.put(outcome.unwrap_or_else(|message| Err(Error::Internal(format!("a bug in hostel: {message}")))));
    }))?;
    table.wait(progress)
}

/// Ends the threads and waits for their end. BUSY while there is work, also such as was left behind.
pub(crate) fn join() -> Result<()> {
    let crew = crew();
    let mut desk = crew.desk();
    if desk.places > 0 {
        return Err(Error::Busy("a module is being compiled; a load that has ended may have left it behind".into()));
    }
    desk.ended += 1;
    let threads = core::mem::take(&mut desk.threads);
    drop(desk);
    crew.changed.notify_all();
    threads.into_iter().for_each(|thread| drop(thread.join()));
    Ok(())
}

/// Waits until nothing is done any more, or until then.
pub(crate) fn wait_for_end(until: Instant) {
    let crew = crew();
    let mut desk = crew.desk();
    while desk.places > 0 {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        desk = crew.wait(desk, left);
    }
}

impl Crew {
    const fn new() -> Crew {
        let desk = Desk { places: 0, jobs: VecDeque::new(), idle: 0, threads: Vec::new(), ended: 0 };
        Crew { desk: Mutex::new(desk), changed: Condvar::new() }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, desk: MutexGuard<'a, Desk>, time: Duration) -> MutexGuard<'a, Desk> {
        self.changed.wait_timeout(desk, time).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Waits for a place as long as the load may take.
    fn take_place(&self, progress: &Progress) -> Result<()> {
        let most = places();
        let mut desk = self.desk();
        while desk.places >= most {
            drop(desk);
            progress.check().map_err(|error| match error {
                Error::Stopped { .. } => Error::OutOfResources(format!(
                    "{most} compiles were running all the time, or were left behind by loads that had ended"
                )),
                other => other,
            })?;
            desk = self.wait(self.desk(), LOOKS);
        }
        desk.places += 1;
        Ok(())
    }

    fn leave_place(&self) {
        self.desk().places -= 1;
        self.changed.notify_all();
    }

    /// Has a job done at once, in a place that was taken and that it leaves.
    fn start(&'static self, job: Job) -> Result<()> {
        background::end_in_order();
        let mut desk = self.desk();
        if desk.idle <= desk.jobs.len() {
            desk.threads.retain(|thread| !thread.is_finished());
            let turn = desk.ended;
            match threads::start_large("hostel-compile", move || self.work(turn)) {
                Ok(thread) => desk.threads.push(thread),
                Err(error) => {
                    drop(desk);
                    self.leave_place();
                    return Err(Error::OutOfResources(format!("no thread to compile with: {}", sys::words(error))));
                }
            }
        }
        desk.jobs.push_back(job);
        drop(desk);
        self.changed.notify_all();
        Ok(())
    }

    fn work(&self, turn: u64) {
        background::is_ours();
        let mut desk = self.desk();
        let mut since = Instant::now();
        while desk.ended == turn {
            if let Some(job) = desk.jobs.pop_front() {
                drop(desk);
                let _ = sys::catch_panic(job); // its own to tell
                since = Instant::now();
                desk = self.desk();
                continue;
            }
            let left = IDLE.saturating_sub(since.elapsed());
            if left.is_zero() {
                return;
            }
            desk.idle += 1;
            desk = self.wait(desk, left);
            desk.idle -= 1;
        }
    }
}

/// Where the caller waits for what the work has come to.
struct Table<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    door: Door,
}

enum State<T> {
    Running {
        /// What was told last, and when.
        told: Option<(Phase, u64, u64, Instant)>,
    },
    /// A watcher does not want it to go on.
    Refused(Error),
    Done(Result<T>),
    /// Nobody waits any more.
    Left,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table { state: Mutex::new(State::Running { told: None }), changed: Condvar::new(), door: Door::default() }
    }
}

impl<T: Send + 'static> Table<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the work tells, on its way to those who watch.
    fn passing(self: Arc<Self>, of_caller: Progress) -> Progress {
        Progress::new(move |phase, done, total| {
            if self.door.is_closed() || background::is_closing() {
                return Err(left());
            }
            if !of_caller.is_watched() {
                return of_caller.check();
            }
            let tell = || {
                if let State::Running { told } = &mut *self.state() {
                    *told = Some((phase, done, total, Instant::now()));
                }
                of_caller.tell(phase, done, total)
            };
            let answer = self.door.pass(tell).unwrap_or_else(|| Err(left()));
            answer.inspect_err(|error| self.refuse(error))
        })
    }

    fn refuse(&self, error: &Error) {
        let mut state = self.state();
        if matches!(*state, State::Running { .. }) {
            *state = State::Refused(error.clone());
        }
        self.changed.notify_all();
    }

    fn put(&self, outcome: Result<T>) {
        let mut state = self.state();
        if matches!(*state, State::Running { .. }) {
            *state = State::Done(outcome);
        }
        self.changed.notify_all();
    }

    fn wait(&self, progress: &Progress) -> Result<T> {
        let error = loop {
            let mut state = self.state();
            match core::mem::replace(&mut *state, State::Left) {
                State::Done(outcome) => return outcome,
                State::Refused(error) => break error,
                running => *state = running,
            }
            let time = progress.time_left().unwrap_or(TELLS);
            let time = if progress.may_end_early() { time.min(LOOKS) } else { time };
            drop(self.changed.wait_timeout(state, time));
            if let Err(error) = self.go_on(progress) {
                *self.state() = State::Left;
                break error;
            }
        };
        self.door.close();
        Err(error)
    }

    /// Whether to go on waiting. Who watches is told again what they know after a while, inside the door, so that nobody
    /// hears of it in another order.
    fn go_on(&self, progress: &Progress) -> Result<()> {
        if !matches!(*self.state(), State::Running { .. }) {
            return Ok(());
        }
        progress.check()?;
        let tell_again = || {
            let known = match &mut *self.state() {
                State::Running { told: Some((phase, done, total, when)) } if when.elapsed() >= TELLS => {
                    *when = Instant::now();
                    (*phase, *done, *total)
                }
                _ => return Ok(()),
            };
            progress.tell(known.0, known.1, known.2)
        };
        if progress.is_watched() { self.door.pass_if_free(tell_again).unwrap_or(Ok(())) } else { Ok(()) }
    }
}

fn left() -> Error {
    Error::Cancelled("nobody waits for the module any more".into())
}
