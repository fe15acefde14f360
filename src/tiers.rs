//! How modules and guests of the engine `tiered` move up.
//!
//! A module begins at the best tier that a cache has it for, or else at the first that takes it. The better tiers are made
//! behind it, in order, each through the same cache, and are kept with the module that they belong to. A guest looks at the
//! beginning of each call whether there is a better one of itself: the same links, a better module, rooms of its own.

use crate::cache::{Cache, Key};
use crate::engine::Engine;
use crate::error::shown;
use crate::guest::Guest;
use crate::knots::{self, Doer, For};
use crate::log::{self, Level};
use crate::module::{LoadOptions, Module};
use crate::patience::Patience;
use crate::progress::Progress;
use crate::sys::once::Once;
use crate::sys::process::OfProcess;
use crate::{Error, Result, background, sys};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// The engines that an engine consists of, best first: mostly itself.
pub(crate) fn best_first(engine: &Arc<dyn Engine>) -> impl DoubleEndedIterator<Item = &Arc<dyn Engine>> {
    let tiers = engine.tiers();
    if tiers.is_empty() { core::slice::from_ref(engine) } else { tiers }.iter().rev()
}

/// The same in the order in which modules go through them.
pub(crate) fn in_order(engine: &Arc<dyn Engine>) -> impl Iterator<Item = &Arc<dyn Engine>> {
    best_first(engine).rev()
}

/// The tier of this name.
pub(crate) fn named<'a>(engine: &'a Arc<dyn Engine>, name: &str) -> Result<&'a Arc<dyn Engine>> {
    let unknown = || {
        let engine = engine.capabilities().name;
        Error::InvalidArgument(format!("tier: the engine {engine} has no tier called {}", shown(name)))
    };
    best_first(engine).find(|tier| tier.capabilities().name == name).ok_or_else(unknown)
}

/// Loads a module for an engine of several tiers.
pub(crate) fn load(
    engine: &Arc<dyn Engine>,
    cache: Option<&Arc<Cache>>,
    wasm: &[u8],
    options: &LoadOptions,
) -> Result<Arc<Module>> {
    let (begun, tier) = begin(engine.tiers(), cache, wasm, options)?;
    let above = &engine.tiers()[tier + 1..];
    if above.first().is_none_or(|next| next.can_compile().is_err()) {
        return Ok(begun);
    }
    let module = Arc::new(begun.with_climb(Climb::of(above.len())));
    let (alias, wasm) = (options.alias, sys::copy(wasm)?.into());
    let step =
        Step { module: Arc::downgrade(&module), engine: engine.clone(), cache: cache.cloned(), wasm, alias, tier: tier + 1 };
    step.begin(&module);
    Ok(module)
}

/// The module as it is there at once, and at which tier that is.
fn begin(
    tiers: &[Arc<dyn Engine>],
    cache: Option<&Arc<Cache>>,
    wasm: &[u8],
    options: &LoadOptions,
) -> Result<(Arc<Module>, usize)> {
    let mut refused = None;
    if let Some(cache) = cache {
        let wasm = *blake3::hash(wasm).as_bytes();
        // What the first tier makes is there as soon as it could be fetched, unless it makes nothing.
        let cached = usize::from(tiers[0].can_compile().is_ok());
        for (tier, engine) in tiers.iter().enumerate().skip(cached).rev() {
            let key = Key { wasm, fingerprint: engine.fingerprint().hash };
            if let Some(module) = cache.find(&key, engine, &mut Patience::of(options))? {
                cache.note_module_alias(engine, options, &module);
                return Ok((module, tier));
            }
        }
    }
    for (tier, engine) in tiers.iter().enumerate() {
        let loaded = match tier {
            0 => Module::compile(engine, wasm, &options.progress).map(Arc::new),
            _ => Module::load(engine, cache, wasm, options),
        };
        match loaded {
            Ok(module) => return Ok((module, tier)),
            Err(error @ Error::UnsupportedModule(_)) => refused = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(refused.unwrap_or_else(|| Error::Internal("an engine of no tiers".into())))
}

/// The better tiers of a module, as they come.
pub struct Climb {
    better: Box<[Once<Arc<Module>>]>,
    /// How many steps above its beginning it is: 0, or the number of the last that is there.
    height: AtomicUsize,
    /// Who makes the next one.
    doer: Doer,
    /// In a forked child nobody goes on.
    end: OfProcess<End>,
}

/// Whether all is there that will be.
#[derive(Default)]
struct End {
    reached: Mutex<bool>,
    changed: Condvar,
}

impl End {
    fn reached(&self) -> MutexGuard<'_, bool> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Climb {
    fn of(steps: usize) -> Climb {
        let better = (0..steps).map(|_| Once::default()).collect();
        Climb { better, height: AtomicUsize::new(0), doer: Doer::default(), end: OfProcess::default() }
    }

    /// The best there is, if it is above the beginning.
    pub fn best(&self) -> Option<&Arc<Module>> {
        self.at(self.height())
    }

    #[inline]
    fn height(&self) -> usize {
        self.height.load(Ordering::Acquire)
    }

    fn at(&self, height: usize) -> Option<&Arc<Module>> {
        self.better.get(height.checked_sub(1)?)?.get()
    }

    fn rise(&self, height: usize, module: Arc<Module>) {
        self.better[height - 1].fill(module);
        self.height.store(height, Ordering::Release);
    }

    fn end(&self) -> &End {
        self.end.get(|| End { reached: Mutex::new(true), changed: Condvar::new() })
    }

    fn settled(&self) {
        *self.end().reached() = true;
        self.end().changed.notify_all();
    }

    /// Waits until no better tier will come; BUSY when that takes longer, or waits for who asks.
    pub fn settle(&self, time: Duration) -> Result<()> {
        let until = Instant::now().checked_add(time);
        let end = self.end();
        if *end.reached() {
            return Ok(());
        }
        let _waiting = match time {
            Duration::ZERO => None,
            _ => Some(knots::wait_for(&"a better tier", For::Job(self.doer.clone()))?),
        };
        let mut reached = end.reached();
        while !*reached {
            reached = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => {
                    return Err(Error::Busy(format!("a better tier is still being made, also after {} ms", time.as_millis())));
                }
                Some(left) => end.changed.wait_timeout(reached, left).unwrap_or_else(PoisonError::into_inner).0,
                None => end.changed.wait(reached).unwrap_or_else(PoisonError::into_inner),
            };
        }
        Ok(())
    }
}

/// One tier of a module, to be made.
struct Step {
    /// When nobody has it any more, nobody wants more of it.
    module: Weak<Module>,
    engine: Arc<dyn Engine>,
    cache: Option<Arc<Cache>>,
    wasm: Arc<[u8]>,
    alias: Option<[u8; 32]>,
    /// The tier to be made.
    tier: usize,
}

impl Step {
    /// Has it made after what others have asked for before.
    fn begin(self, module: &Module) {
        let doer = module.climb().map(|climb| climb.doer.clone()).unwrap_or_default();
        doer.begin_again();
        if let Err(error) = background::run(Box::new(move || doer.does(|| self.make())), None) {
            log::emit(Level::Warn, "hostel::tiers", || format!("a module stays at its tier: {error}"));
            module.climb().into_iter().for_each(Climb::settled);
        }
    }

    fn make(self) {
        let tiers = self.engine.tiers();
        let wanted = self.module.clone();
        let progress = Progress::default().wanted_while(move || match wanted.strong_count() {
            0 => Err(Error::Cancelled("nobody has the module any more".into())),
            _ if background::is_closing() => Err(Error::Cancelled("the process ends".into())),
            _ => Ok(()),
        });
        let options = LoadOptions { alias: self.alias, progress, ..LoadOptions::default() };
        let load = || Module::load(&tiers[self.tier], self.cache.as_ref(), &self.wasm, &options);
        let made = if self.module.strong_count() == 0 { return } else { sys::catch_panic(load) };
        let made = made.unwrap_or_else(|message| Err(Error::Internal(format!("a bug in hostel: {message}"))));
        let name = tiers[self.tier].capabilities().name;
        let Some(module) = self.module.upgrade() else { return };
        let Some(climb) = module.climb() else { return };
        let above = tiers.len() - self.tier;
        match made {
            Ok(better) => climb.rise(climb.better.len() + 1 - above, better),
            Err(error) => log::emit(Level::Warn, "hostel::tiers", || format!("a module does not come to {name}: {error}")),
        }
        if above > 1 {
            Step { tier: self.tier + 1, ..self }.begin(&module);
        } else {
            climb.settled();
        }
    }
}

/// The better ones of a guest, made when a call first needs them.
pub(crate) struct Ladder(Box<[Once<Arc<Guest>>]>);

impl Ladder {
    pub fn of(climb: &Climb) -> Ladder {
        Ladder(climb.better.iter().map(|_| Once::default()).collect())
    }

    /// The best one of `guest`, whose ladder this is.
    #[inline]
    pub fn best<'a>(&'a self, guest: &'a Arc<Guest>, climb: &Climb) -> &'a Arc<Guest> {
        let height = climb.height();
        if height == 0 {
            return guest;
        }
        match self.0[height - 1].get() {
            Some(best) => best,
            None => self.make(guest, climb, height),
        }
    }

    #[cold]
    fn make<'a>(&'a self, guest: &'a Arc<Guest>, climb: &Climb, height: usize) -> &'a Arc<Guest> {
        let Some(module) = climb.at(height) else { return guest };
        let (better, is_ours) = self.0[height - 1].fill(Arc::new(guest.on(module)));
        if is_ours {
            // The rooms of the tiers below are needed only as long as calls run there.
            let below = self.0[..height - 1].iter().filter_map(Once::get);
            below.chain([guest]).for_each(|left| left.rooms().retire());
        }
        better
    }
}
