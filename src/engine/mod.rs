//! Engines: the one trait the rest of the library knows, and the table of the engines there are.
//!
//! One file an adapter; no other file names wasmer, wasmi or wasmtime.

pub mod capabilities;
#[cfg(feature = "cranelift")]
mod cranelift;
mod headless;
#[cfg(feature = "llvm")]
mod llvm;
mod settings;
#[cfg(any(feature = "wasmer", feature = "wasmtime"))]
mod threads;
#[cfg(feature = "std")]
pub mod tiered;
#[cfg(feature = "wasmer")]
mod wasmer;
mod wasmi;
#[cfg(feature = "wasmtime")]
mod wasmtime;

use crate::call::{self, State};
use crate::error::shown;
use crate::inspect::{Features, ModuleInfo};
use crate::limits::Limits;
use crate::prepare;
use crate::progress::Progress;
#[cfg(snapshots)]
use crate::room::memory::{Memories, Memory};
use crate::room::pool::Totals;
use crate::room::snapshot::Snapshot;
#[cfg(feature = "std")]
use crate::sys::pages::Pages;
use crate::{Error, Result};
use alloc::{boxed::Box, format, string::String, sync::Arc, vec::Vec};
use capabilities::Capabilities;
pub use settings::Settings;

/// One compiler or interpreter with its settings.
pub trait Engine: Send + Sync {
    /// What it is called and what it lacks.
    fn capabilities(&self) -> &'static Capabilities;

    /// The engines that it consists of, in the order in which a module goes through them; none for an engine that is one.
    fn tiers(&self) -> &[Arc<dyn Engine>] {
        &[]
    }

    /// What the host has chosen for it.
    fn settings(&self) -> &Settings;

    /// What its guests are allowed.
    fn limits(&self) -> &Limits {
        &self.settings().limits
    }

    /// The proposals that its guests may use.
    fn features(&self) -> Features {
        let all = self.capabilities().features;
        // What relaxed operators answer is the machine's choice.
        if self.settings().deterministic { without(all, Features::RELAXED_SIMD) } else { all }
    }

    /// What is compiled into its guests before `compile` gets them.
    fn prepares(&self) -> prepare::Options {
        self.settings().polled()
    }

    /// What code of this engine depends on besides the module: code of one fingerprint runs wherever it is the same.
    fn fingerprint(&self) -> &Fingerprint;

    /// What the rooms of its guests have counted.
    fn rooms(&self) -> &Arc<Totals>;

    /// Whether even a small module may take long to compile.
    fn is_slow(&self) -> bool {
        false
    }

    /// NOT_CACHED from an engine that only loads what was made before.
    fn can_compile(&self) -> Result<()> {
        Ok(())
    }

    /// Turns a module that `inspect` has passed and `prepare` has rewritten into code; `info` is of the module as it was,
    /// and says what was compiled in. An engine that knows how far it is tells `progress`, one call
    /// at a time, and stops when that fails.
    fn compile(&self, wasm: &[u8], info: &Arc<ModuleInfo>, progress: &Progress) -> Result<Arc<dyn Code>>;

    /// Turns what `Code::serialize` gave back into code: the first `len` bytes of the pages. The bytes are trusted: whoever
    /// calls this has checked that an engine of the same fingerprint made them.
    #[cfg(feature = "std")]
    fn deserialize(&self, artifact: Pages, len: usize, info: &Arc<ModuleInfo>) -> Result<Arc<dyn Code>>;
}

/// What an engine's code depends on: kind, versions, format, machine, settings.
pub struct Fingerprint {
    /// For people.
    pub text: String,
    /// BLAKE3 of the text.
    pub hash: [u8; 32],
}

impl Fingerprint {
    fn new(text: String) -> Self {
        Fingerprint { hash: *blake3::hash(text.as_bytes()).as_bytes(), text }
    }
}

/// A compiled module.
pub trait Code: Send + Sync {
    /// The code as bytes, for `Engine::deserialize`.
    fn serialize(&self) -> Result<Vec<u8>>;

    /// About how many bytes of memory it takes.
    fn size(&self) -> usize;

    /// Makes an instance and runs the module's start function.
    fn instantiate(&self, setup: Setup) -> Result<Box<dyn Instance + Send>, Box<NoInstance>>;
}

/// An instance that could not be made or whose start failed: why, and what was noted on the way.
pub struct NoInstance {
    /// Why.
    pub error: Error,
    /// The state of the call it was made for.
    pub state: State,
    /// What is left of its fuel.
    pub fuel: i64,
}

/// What an instance is made with.
pub struct Setup {
    /// Answers the module's imports.
    pub host: Arc<dyn Host>,
    /// The state of the call it is made for.
    pub state: State,
    /// The cap on each of its tables.
    pub table_elements_max: u64,
    /// How much stack it gets, where that is not fixed by the code.
    pub stack_bytes: usize,
    /// How large each of its memories may ever become.
    pub memory_bytes_max: u64,
    /// Memories of zeros that are not needed any more and may be used for it.
    #[cfg(snapshots)]
    pub spare: Memories,
    /// What it is to be like, once made: then nothing of the guest runs. Else it begins at the beginning.
    pub like: Option<Arc<Snapshot>>,
}

/// The host's side of an instance's imports.
pub trait Host: Send + Sync {
    /// Answers a call of the function import at this position in the module's import section.
    /// `slots` hold the parameters, and the results afterwards. An error ends the guest's call.
    fn call(&self, import: usize, instance: &mut dyn Instance, slots: &mut [u64]) -> Result<()>;
}

/// A live instance, seen from outside between calls and from host functions during one.
pub trait Instance {
    /// Calls an exported function by its position in the module's export section. `slots` hold the parameters, one
    /// a slot (32-bit values in the low half), and the results afterwards; there are as many as the larger of both.
    /// After an error the guest's frames are gone and its state may be inconsistent.
    fn call(&mut self, export: usize, slots: &mut [u64]) -> Result<()>;

    /// Makes the calls that `visit` asks for, one after the other, as cheaply as the engine can: where entering a guest has
    /// its price, it is paid once. An error is that of the call which stopped the guest.
    fn visit(&mut self, visit: &mut dyn Visit) -> Result<()>;

    /// The bytes of the exported memory called "memory"; empty when there is none.
    fn memory(&mut self) -> &mut [u8];

    /// Whether that memory may come to lie elsewhere when it grows.
    fn memory_moves(&mut self) -> bool {
        false
    }

    /// The state of the call that runs.
    fn state(&mut self) -> &mut State;

    /// What is left of its fuel; below 0 when more was used than it had. A number of no meaning where none is counted.
    fn fuel(&mut self) -> i64;

    /// Says how much fuel it has.
    fn set_fuel(&mut self, units: i64);

    /// What it is now, so that others can be made like it. Nothing where the engine cannot do that, or where it holds
    /// what cannot be carried over.
    fn snapshot(&mut self) -> Option<Snapshot> {
        None
    }

    /// The memories of an instance that was made like a snapshot.
    #[cfg(snapshots)]
    fn memories(&mut self) -> &mut [Box<Memory>] {
        &mut []
    }

    /// Ends it, but for its memories.
    #[cfg(snapshots)]
    fn into_memories(self: Box<Self>) -> Memories {
        Vec::new()
    }

    /// Puts all but the bytes of its memories back as they were when it was made like a snapshot.
    #[cfg(snapshots)]
    fn restore(&mut self) {}
}

/// Several calls of an instance in a row, each with what the one before has returned.
pub trait Visit {
    /// What to call next: the position of a function of up to two parameters, which it puts into `slots`, and one result
    /// at most, which will be there the next time. Nothing when all is done.
    fn next(&mut self, instance: &mut dyn Instance, slots: &mut [u64; 2]) -> Option<usize>;
}

/// Makes an engine by name.
pub fn new(name: &str, settings: Settings) -> Result<Arc<dyn Engine>> {
    #[cfg(feature = "std")]
    if name == tiered::NAME {
        return tiered::new(settings, new);
    }
    let capabilities = capabilities::find(name).ok_or_else(|| {
        Error::UnsupportedEngine(format!("there is no engine called \"{}\"; this build has {}", shown(name), names()))
    })?;
    match capabilities.make {
        Some(make) => make(settings),
        None => Err(Error::UnsupportedEngine(format!("the engine \"{name}\" is not part of this build, which has {}", names()))),
    }
}

/// Makes one that only loads what an engine of that name has compiled: same fingerprint, no compiler.
pub fn new_headless(name: &str, settings: Settings) -> Result<Arc<dyn Engine>> {
    #[cfg(feature = "std")]
    if name == tiered::NAME {
        return tiered::new(settings, new_headless);
    }
    new(name, settings).map(headless::headless)
}

fn names() -> String {
    capabilities::built().map(|engine| engine.name).collect::<Vec<_>>().join(", ")
}

/// Puts the handlers of signals in place, of all engines of this build, once: so they stand in one order, whichever is used
/// first. Before any guest runs.
#[cfg(any(feature = "wasmer", feature = "wasmtime"))]
fn install_handlers() {
    let install = || {
        #[cfg(feature = "wasmer")]
        wasmer::install_handlers();
        #[cfg(feature = "wasmtime")]
        wasmtime::install_handlers();
    };
    #[cfg(snapshots)]
    crate::sys::faults::install(install);
    #[cfg(not(snapshots))]
    install();
}

/// The name of the engine a host gets that does not choose.
pub const DEFAULT: &str = if cfg!(feature = "cranelift") { "cranelift" } else { "wasmi" };

/// Removes features from a set, in constants.
const fn without(features: Features, removed: Features) -> Features {
    features.difference(removed)
}

/// What a host function leaves behind when it ends the guest's call: the error itself waits in `State::failure`.
#[derive(Debug, thiserror::Error)]
#[error("ended by a host function")]
struct HostStop;

/// Runs a host function for an adapter: true when the guest may go on. A panic must not cross a guest's frames.
#[inline]
fn run_host(host: &dyn Host, import: usize, instance: &mut dyn Instance, slots: &mut [u64]) -> bool {
    let state = instance.state();
    // The guest may be over its bounds already, where its code has not looked; and it is afterwards when time has passed.
    let limited = state.limited;
    let over = if limited { call::over(instance) } else { None };
    let outcome = match over {
        None => crate::sys::catch_panic(|| host.call(import, instance, slots)),
        Some(error) => Ok(Err(error)),
    };
    let error = match outcome {
        Ok(Ok(())) if !limited => return true,
        Ok(Ok(())) => match call::over(instance) {
            None => return true,
            Some(error) => error,
        },
        Ok(Err(error)) => error,
        Err(message) => Error::Internal(format!("a host function panicked: {}", shown(&message))),
    };
    instance.state().failure = Some(error);
    false
}
