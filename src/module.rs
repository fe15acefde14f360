//! A compiled guest: its outline, its code, and the engine it was compiled for.

#[cfg(feature = "std")]
use crate::Error;
use crate::Result;
#[cfg(feature = "std")]
use crate::cache::{
    Cache, Entry, Found,
    seal::{self, Trust},
};
use crate::engine::{Code, Engine};
use crate::inspect::{self, ModuleInfo};
#[cfg(feature = "std")]
use crate::limits::Limit;
use crate::log::{self, Level};
use crate::prepare;
use crate::progress::{Phase, Progress};
use crate::sys::nesting;
#[cfg(feature = "std")]
use crate::sys::{files, pages::Pages, stack};
#[cfg(feature = "std")]
use crate::text::wat_to_wasm;
#[cfg(feature = "std")]
use crate::tiers::{self, Climb};
#[cfg(feature = "std")]
use crate::{aside, inspect::weight, sys};
use alloc::{format, sync::Arc};
#[cfg(feature = "std")]
use std::time::{Duration, Instant};

/// A module, ready to be linked. Immutable and shared.
pub struct Module {
    info: Arc<ModuleInfo>,
    code: Arc<dyn Code>,
    engine: Arc<dyn Engine>,
    origin: &'static str,
    /// How long the load took that brought it here.
    #[cfg(feature = "std")]
    load_time: Duration,
    /// The better tiers of it that are there or will be, if its engine has such.
    #[cfg(feature = "std")]
    climb: Option<Climb>,
}

/// What a host may say about a load.
#[derive(Clone, Default)]
pub struct LoadOptions {
    /// A name of the host's own that a cache shall find the module by.
    pub alias: Option<[u8; 32]>,
    /// Who watches the module being compiled.
    pub progress: Progress,
    /// How long it waits, all in all, for others that compile the same module or are to be loaded before; as long as it takes
    /// where nothing is said.
    pub patience: Option<core::time::Duration>,
    /// When it began to wait, if it has done so before it is loaded.
    #[cfg(feature = "std")]
    pub waiting_since: Option<Instant>,
}

impl Module {
    /// Inspects and compiles a binary module, in the time that the engine's limits give it; NOT_CACHED from an engine that
    /// compiles nothing.
    #[cfg(feature = "std")]
    pub fn compile(engine: &Arc<dyn Engine>, wasm: &[u8], progress: &Progress) -> Result<Module> {
        let begun = Instant::now();
        engine.can_compile()?; // first, so that a host without a compiler does not validate for nothing
        let _loading = nesting::enter_load()?;
        let progress = progress.of_this_thread().timed(engine.limits());
        // What is over the limit is refused at once, and not copied.
        let is_refused = wasm.len() as u64 > engine.limits().get(Limit::ModuleBytes);
        let module = if is_refused || (weight::is_small(wasm) && !engine.is_slow()) {
            Module::compile_here(engine, wasm, &progress)?
        } else {
            let (engine, wasm) = (engine.clone(), sys::copy(wasm)?);
            aside::run(&progress, move |progress| Module::compile_here(&engine, &wasm, progress))?
        };
        Ok(module.loading_since(begun))
    }

    /// Inspects and compiles a binary module.
    #[cfg(not(feature = "std"))]
    pub fn compile(engine: &Arc<dyn Engine>, wasm: &[u8], progress: &Progress) -> Result<Module> {
        engine.can_compile()?;
        let _loading = nesting::enter_load()?;
        Module::compile_here(engine, wasm, progress)
    }

    fn compile_here(engine: &Arc<dyn Engine>, wasm: &[u8], progress: &Progress) -> Result<Module> {
        progress.tell(Phase::Validate, 0, 0)?;
        let mut info = inspect::inspect(wasm, engine.features(), engine.limits())?;
        info.check(engine.limits())?;
        let prepares = engine.prepares();
        let prepared = if prepares.are_none() {
            None
        } else {
            progress.tell(Phase::Prepare, 0, 0)?;
            Some(prepare::prepare(wasm, &prepares)?)
        };
        info.meters = prepared.as_ref().map(|prepared| prepared.meters.clone());
        let info = Arc::new(info);
        progress.tell(Phase::Compile, 0, 0)?;
        let code = engine.compile(prepared.as_ref().map_or(wasm, |prepared| &prepared.wasm), &info, progress)?;
        progress.tell(Phase::Ready, 1, 1)?;
        let name = engine.capabilities().name;
        log::emit(Level::Debug, "hostel::module", || format!("compiled {} bytes with {name}", wasm.len()));
        Ok(Module::new(info, code, engine, "compiled"))
    }

    fn new(info: Arc<ModuleInfo>, code: Arc<dyn Code>, engine: &Arc<dyn Engine>, origin: &'static str) -> Module {
        Module {
            info,
            code,
            engine: engine.clone(),
            origin,
            #[cfg(feature = "std")]
            load_time: Duration::ZERO,
            #[cfg(feature = "std")]
            climb: None,
        }
    }

    /// A binary module from a cache, or compiled and kept there.
    #[cfg(feature = "std")]
    pub fn load(engine: &Arc<dyn Engine>, cache: Option<&Arc<Cache>>, wasm: &[u8], options: &LoadOptions) -> Result<Arc<Module>> {
        stack::need(stack::CALL)?;
        match cache {
            _ if !engine.tiers().is_empty() => tiers::load(engine, cache, wasm, options),
            Some(cache) => cache.load(engine, wasm, options),
            None => Module::compile(engine, wasm, &options.progress).map(Arc::new),
        }
    }

    /// The same from the text format.
    #[cfg(feature = "std")]
    pub fn load_wat(
        engine: &Arc<dyn Engine>,
        cache: Option<&Arc<Cache>>,
        text: &[u8],
        options: &LoadOptions,
    ) -> Result<Arc<Module>> {
        if weight::is_small_text(text) {
            return Module::load(engine, cache, &wat_to_wasm(text, engine.limits())?, options);
        }
        engine.limits().check(Limit::ModuleBytes, text.len() as u64)?;
        let progress = options.progress.timed(engine.limits());
        let (text, limits) = (sys::copy(text)?, engine.limits().clone());
        let wasm = aside::run(&progress.of_this_thread(), move |_| wat_to_wasm(&text, &limits))?;
        Module::load(engine, cache, &wasm, &LoadOptions { progress, ..options.clone() })
    }

    /// The same from a file in either format, told apart by the four bytes every binary begins with.
    #[cfg(feature = "std")]
    pub fn load_file(
        engine: &Arc<dyn Engine>,
        cache: Option<&Arc<Cache>>,
        path: &std::path::Path,
        options: &LoadOptions,
    ) -> Result<Arc<Module>> {
        let (file, len) = files::open_named(path)?;
        engine.limits().check(Limit::ModuleBytes, len)?;
        let most = engine.limits().get(Limit::ModuleBytes).saturating_add(1); // one more than is allowed, which is refused
        let bytes = files::read_named(path, &file, len, most)?;
        let load = if bytes.starts_with(b"\0asm") { Module::load } else { Module::load_wat };
        load(engine, cache, &bytes, options)
    }

    /// Code that was made before, for this engine and within its limits.
    #[cfg(feature = "std")]
    pub(crate) fn from_entry(engine: &Arc<dyn Engine>, entry: Entry, origin: &'static str) -> Result<Module> {
        entry.info.check(engine.limits())?;
        Ok(Module::new(entry.info, entry.code, engine, origin))
    }

    /// The same from a tier that is far.
    #[cfg(feature = "std")]
    pub(crate) fn from_far(engine: &Arc<dyn Engine>, (entry, origin): Found, begun: Instant) -> Result<Arc<Module>> {
        Module::from_entry(engine, entry, origin).map(|module| Arc::new(module.loading_since(begun)))
    }

    /// The same, having been begun to load then.
    #[cfg(feature = "std")]
    pub(crate) fn loading_since(self, begun: Instant) -> Module {
        Module { load_time: begun.elapsed(), ..self }
    }

    /// How long the load took that brought it here.
    #[cfg(feature = "std")]
    pub fn load_time(&self) -> Duration {
        self.load_time
    }

    /// Code of an artifact, if it is to be trusted and for this engine.
    #[cfg(feature = "std")]
    pub fn deserialize(engine: &Arc<dyn Engine>, artifact: &[u8], trust: Trust<'_>) -> Result<Module> {
        // A copy, so that nobody changes what was checked.
        Module::of_a_tier(engine, |engine| seal::open(Pages::copy_of(artifact)?, trust, engine, None))
    }

    /// Code of an artifact in a file that the host vouches for and keeps as it is: mapped, and not read through.
    #[cfg(feature = "std")]
    pub fn deserialize_vouched_file(engine: &Arc<dyn Engine>, path: &std::path::Path) -> Result<Module> {
        let (mut file, len) = files::open_named(path)?;
        // Before all of it is mapped, or read where it cannot be.
        seal::ends_vouched(&mut file, len).map_err(|error| files::unreadable(path, &error))??;
        let map = || Pages::map(&file).map_err(|error| files::unreadable(path, &error));
        Module::of_a_tier(engine, |engine| seal::open_unread(map()?, engine))
    }

    /// What is opened for an engine, or for the best of its tiers that it was made for.
    #[cfg(feature = "std")]
    fn of_a_tier(engine: &Arc<dyn Engine>, open: impl Fn(&dyn Engine) -> Result<Entry>) -> Result<Module> {
        stack::need(stack::CALL)?;
        let begun = Instant::now();
        let mut outcome = Err(Error::Internal("an engine of no tiers".into()));
        for engine in tiers::best_first(engine) {
            outcome = open(&**engine).and_then(|entry| Module::from_entry(engine, entry, "artifact"));
            if !matches!(outcome, Err(Error::ArtifactMismatch(_))) {
                break;
            }
        }
        outcome.map(|module| module.loading_since(begun))
    }

    /// Its code as an artifact for engines like its own; of the best tier there is.
    #[cfg(feature = "std")]
    pub fn serialize(&self, trust: Trust<'_>) -> Result<Vec<u8>> {
        let best = self.climb.as_ref().and_then(Climb::best).map_or(self, |best| best);
        seal::seal(&best.entry(), trust, &best.engine.fingerprint().hash)
    }

    /// The same, to move up.
    #[cfg(feature = "std")]
    pub(crate) fn with_climb(&self, climb: Climb) -> Module {
        let Module { info, code, engine, origin, load_time, .. } = self;
        let (info, code, engine) = (info.clone(), code.clone(), engine.clone());
        Module { info, code, engine, origin, load_time: *load_time, climb: Some(climb) }
    }

    #[cfg(feature = "std")]
    pub(crate) fn climb(&self) -> Option<&Climb> {
        self.climb.as_ref()
    }

    /// Waits until it is at the best tier that it will come to; BUSY when that takes longer. Most modules are there at once.
    #[cfg(feature = "std")]
    pub fn settle(&self, time: Duration) -> Result<()> {
        self.climb.as_ref().map_or(Ok(()), |climb| climb.settle(time))
    }

    /// What a cache keeps of it.
    #[cfg(feature = "std")]
    pub(crate) fn entry(&self) -> Entry {
        Entry { info: self.info.clone(), code: self.code.clone() }
    }

    /// Where it comes from: "compiled", or the tier of the cache that had it.
    pub fn origin(&self) -> &'static str {
        self.origin
    }

    /// What it is.
    pub fn info(&self) -> &Arc<ModuleInfo> {
        &self.info
    }

    /// The engine it was compiled for.
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    pub(crate) fn code(&self) -> &dyn Code {
        &*self.code
    }
}
