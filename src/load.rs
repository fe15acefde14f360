//! Loads in the background: begun by one thread, done by another, asked after by any.

use crate::background;
use crate::cache::Cache;
use crate::door::Door;
use crate::engine::Engine;
use crate::knots::{self, Doer, For};
use crate::module::{LoadOptions, Module};
use crate::patience::Patience;
use crate::progress::Progress;
use crate::sys::{self, process::OfProcess};
use crate::{Error, Result, Status};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Is told that a load has come to its end, and how.
pub type Finished = Box<dyn FnOnce(Status) + Send>;

/// A module that is being loaded. Dropping it cancels the load, and then nobody is told anything any more.
pub struct Load(Arc<Shared>);

/// What the threads of a load share.
struct Shared {
    /// In a forked child nobody goes on with its parent's loads.
    state: OfProcess<State>,
    cancelled: AtomicBool,
    doer: Doer,
}

struct State {
    stage: Mutex<Stage>,
    finished: Condvar,
    door: Door,
}

enum Stage {
    Waiting(Box<Work>),
    Running,
    Finished(Result<Arc<Module>>),
}

/// What is to be loaded, and who is to know.
struct Work {
    engine: Arc<dyn Engine>,
    cache: Option<Arc<Cache>>,
    wasm: Vec<u8>,
    options: LoadOptions,
    finished: Option<Finished>,
}

impl Load {
    /// Begins to load a binary module; as [`Module::load`], but in a thread of the library's.
    pub fn begin(
        engine: &Arc<dyn Engine>,
        cache: Option<&Arc<Cache>>,
        wasm: &[u8],
        options: &LoadOptions,
        finished: Option<Finished>,
    ) -> Result<Load> {
        let (engine, cache, wasm) = (engine.clone(), cache.cloned(), sys::copy(wasm)?);
        let options = LoadOptions { waiting_since: Some(Instant::now()), ..options.clone() };
        let of_host = options.clone();
        let work = Box::new(Work { engine, cache, wasm, options, finished });
        let state = OfProcess::new(State::new(Stage::Waiting(work)));
        let shared = Arc::new(Shared { state, cancelled: AtomicBool::new(false), doer: Doer::default() });
        let (job, waiting) = (shared.clone(), shared.clone());
        let patience = Mutex::new(Patience::of(&waiting.clone().watched(of_host)));
        let waits = move || waiting.waits(&mut patience.lock().unwrap_or_else(PoisonError::into_inner));
        background::run(Box::new(move || job.doer.does(|| job.run())), Some(Arc::new(waits)))?;
        Ok(Load(shared))
    }

    /// Whether it has come to its end.
    pub fn is_finished(&self) -> bool {
        matches!(*self.0.state().stage(), Stage::Finished(_))
    }

    /// The module, or why there is none; BUSY when it takes longer than that, or waits for who asks.
    pub fn wait(&self, time: Duration) -> Result<Arc<Module>> {
        let end = Instant::now().checked_add(time);
        let state = self.0.state();
        let mut stage = state.stage();
        let mut waiting = None;
        loop {
            if let Stage::Finished(outcome) = &*stage {
                return outcome.clone();
            }
            if waiting.is_none() && end.is_none_or(|end| end > Instant::now()) {
                drop(stage);
                let begun = knots::wait_for(&"a load", For::Job(self.0.doer.clone()));
                stage = state.stage();
                match begun {
                    Err(error) if !matches!(*stage, Stage::Finished(_)) => return Err(error),
                    begun => waiting = begun.ok(),
                }
                continue;
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            stage = match left {
                Some(Duration::ZERO) => {
                    return Err(Error::Busy(format!("the module is still being loaded, also after {} ms", time.as_millis())));
                }
                Some(left) => state.finished.wait_timeout(stage, left).unwrap_or_else(PoisonError::into_inner).0,
                None => state.finished.wait(stage).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Stops it: at once, but for a callback that is running.
    pub fn cancel(&self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
        if let Some(work) = self.0.state().begin() {
            self.0.finish(work.finished, Err(cancelled()));
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.state().door.close();
        self.cancel();
    }
}

fn cancelled() -> Error {
    Error::Cancelled("the load was cancelled".into())
}

impl Shared {
    fn state(&self) -> &State {
        self.state.get_like(|of_parent| {
            let known = of_parent.stage.try_lock().ok().and_then(|stage| match &*stage {
                Stage::Finished(outcome) => Some(outcome.clone()),
                _ => None,
            });
            let lost = || Err(Error::Cancelled("the load belongs to the process that this one was forked from".into()));
            State::new(Stage::Finished(known.unwrap_or_else(lost)))
        })
    }

    fn run(self: &Arc<Self>) {
        let Some(work) = self.state().begin() else { return };
        let Work { engine, cache, wasm, options, finished } = *work;
        let options = self.clone().watched(options);
        let outcome = sys::catch_panic(|| Module::load(&engine, cache.as_ref(), &wasm, &options));
        let outcome = outcome.unwrap_or_else(|message| Err(Error::Internal(format!("a bug in hostel: {message}"))));
        self.finish(finished, outcome);
    }

    /// It waits for what was begun before.
    fn waits(&self, patience: &mut Patience) {
        if matches!(*self.state().stage(), Stage::Waiting(_))
            && let Err(error) = patience.look_up(&"what is to be loaded before")
            && let Some(work) = self.state().begin()
        {
            self.finish(work.finished, Err(error));
        }
    }

    /// Tells the host how far it is, and stops it when that is asked for.
    fn watched(self: Arc<Self>, options: LoadOptions) -> LoadOptions {
        let (of_host, asked) = (options.progress, self.clone());
        let wanted = move || match asked.cancelled.load(Ordering::Relaxed) || background::is_closing() {
            true => Err(cancelled()),
            false => Ok(()),
        };
        let tell = move |phase, done, total| {
            self.state().door.pass(|| of_host.tell(phase, done, total)).unwrap_or_else(|| Err(cancelled()))
        };
        LoadOptions { progress: Progress::new(tell).wanted_while(wanted), ..options }
    }

    fn finish(&self, finished: Option<Finished>, outcome: Result<Arc<Module>>) {
        let state = self.state();
        let status = outcome.as_ref().map_or_else(Error::status, |_| Status::Ok);
        *state.stage() = Stage::Finished(outcome);
        state.finished.notify_all();
        if let Some(finished) = finished {
            state.door.pass(|| finished(status));
        }
    }
}

impl State {
    fn new(stage: Stage) -> State {
        State { stage: Mutex::new(stage), finished: Condvar::new(), door: Door::default() }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be done, for the first who asks.
    fn begin(&self) -> Option<Box<Work>> {
        let mut stage = self.stage();
        match core::mem::replace(&mut *stage, Stage::Running) {
            Stage::Waiting(work) => Some(work),
            before => {
                *stage = before;
                None
            }
        }
    }
}
