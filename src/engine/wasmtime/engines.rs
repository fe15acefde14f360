//! wasmtime's engines: those with the same settings are shared by all of a process, because each has a pool of its own.
//!
//! An engine comes in two forms. One makes instances in a pool: places for memories and tables that are mapped once, and whose
//! pages stay, so that an instance costs little more than what was written by the one before. A pool takes much address space, and
//! has an end; what finds no place there, or does not fit, is made on demand, by the other form.

use super::trap::FRAMES_MAX;
use crate::engine::Settings;
use crate::limits::Limit;
use crate::sys::fork::undivided;
use crate::sys::process::{MadeHere, OfProcess};
use crate::{Error, Result};
use alloc::{format, sync::Arc, sync::Weak, vec::Vec};
use core::num::NonZeroUsize;
use std::sync::{Mutex, OnceLock, PoisonError};
use wasmtime::{Config, Enabled, Engine, PoolingAllocationConfig};

/// How many instances a pool has places for: each place reserves 4 GiB for the guest's memory, and as much for its word.
const PLACES: u32 = 128;
/// How many memories or tables an instance in a pool may have.
const OF_EACH: u32 = 8;
/// How much of a memory stays when its instance is gone: what lies behind it is given back to the system.
const KEPT_BYTES: usize = 8 << 20;
const MEMORY_BYTES: usize = 4 << 30;

/// What engines differ in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    stack_bytes: usize,
    table_elements: usize,
    deterministic: bool,
    /// Whether the code is for all but old processors.
    portable: bool,
    /// Whether traps tell where in the module they are.
    offsets: bool,
}

impl Choice {
    pub fn of(settings: &Settings) -> Self {
        Choice {
            stack_bytes: settings.limits.get(Limit::StackBytes) as usize,
            table_elements: settings.limits.get(Limit::TableElements) as usize,
            deterministic: settings.deterministic,
            portable: settings.portable,
            offsets: settings.fuel.is_none() && !settings.deadline,
        }
    }
}

/// The engines of one choice, in each process that uses them.
pub(super) struct Shared {
    choice: Choice,
    engines: OfProcess<Arc<Engines>>,
}

impl Shared {
    pub fn new(choice: Choice) -> Result<Self> {
        Ok(Shared { engines: OfProcess::new(Engines::shared(&choice)?), choice })
    }

    pub fn get(&self) -> Result<&Arc<Engines>> {
        self.engines.try_get(|_| Engines::shared(&self.choice))
    }
}

/// Both forms of an engine.
pub(super) struct Engines {
    choice: Choice,
    /// None where there is not so much address space.
    pooled: Option<MadeHere<Engine>>,
    on_demand: OnceLock<MadeHere<Engine>>,
}

impl Engines {
    fn shared(choice: &Choice) -> Result<Arc<Self>> {
        type Known = Mutex<Vec<Weak<Engines>>>;
        static KNOWN: OfProcess<Known> = OfProcess::of_the_first(Mutex::new(Vec::new()));
        let mut known = KNOWN.get(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|engines| engines.strong_count() > 0);
        if let Some(engines) = known.iter().filter_map(Weak::upgrade).find(|engines| engines.choice == *choice) {
            return Ok(engines);
        }
        let pooled = engine(choice, true).ok();
        let engines = Arc::new(Engines { choice: choice.clone(), pooled, on_demand: OnceLock::new() });
        if engines.pooled.is_none() {
            engines.on_demand()?;
        }
        known.push(Arc::downgrade(&engines));
        Ok(engines)
    }

    pub fn pooled(&self) -> Option<&Engine> {
        self.pooled.as_deref()
    }

    pub fn on_demand(&self) -> Result<&Engine> {
        if let Some(engine) = self.on_demand.get() {
            return Ok(engine);
        }
        let engine = engine(&self.choice, false)?;
        Ok(self.on_demand.get_or_init(|| engine))
    }

    /// The one that is there: both compile alike.
    pub fn any(&self) -> Result<&Engine> {
        self.pooled().map_or_else(|| self.on_demand(), Ok)
    }
}

fn engine(choice: &Choice, pooled: bool) -> Result<MadeHere<Engine>> {
    let mut config = config(choice);
    if choice.portable {
        make_portable(&mut config)?;
    }
    if pooled {
        config.allocation_strategy(pool(choice));
    }
    let engine = undivided(|| Engine::new(&config));
    engine.map(MadeHere::new).map_err(|error| {
        Error::OutOfResources(format!("wasmtime cannot be set up: {}", crate::sys::words(format_args!("{error:#}"))))
    })
}

fn config(choice: &Choice) -> Config {
    let mut config = Config::new();
    config.wasm_tail_call(true).wasm_memory64(true).wasm_multi_memory(true).wasm_extended_const(true);
    config.wasm_exceptions(true).wasm_function_references(true).wasm_threads(true).wasm_wide_arithmetic(true);
    // For the word; modules of guests that use them have been refused.
    config.wasm_custom_page_sizes(true);
    config.wasm_gc(false).wasm_relaxed_simd(!choice.deterministic).relaxed_simd_deterministic(choice.deterministic);
    config.cranelift_nan_canonicalization(choice.deterministic);
    // The second is not used, but must not be the smaller one.
    config.max_wasm_stack(choice.stack_bytes).async_stack_size(choice.stack_bytes);
    // Ours are not shown, so there may be some more.
    config.wasm_backtrace_max_frames(NonZeroUsize::new(FRAMES_MAX + 8));
    // Nothing but wasmtime unwinds a guest.
    config.native_unwind_info(false).generate_address_map(choice.offsets);
    config
}

/// No more than what wasmer's engines use for portable code: of x86-64 the second level.
fn make_portable(config: &mut Config) -> Result<()> {
    // A target that is named gets what all of its kind have, and not what this processor has besides.
    let named = config.target(env!("HOSTEL_TARGET"));
    named.map_err(|error| Error::UnsupportedEngine(format!("wasmtime has no portable code for this machine: {error:#}")))?;
    if cfg!(target_arch = "x86_64") {
        for feature in ["has_cmpxchg16b", "has_sse3", "has_ssse3", "has_sse41", "has_sse42", "has_popcnt"] {
            // SAFETY: wasmtime looks whether this processor has what code was compiled for before it loads it.
            unsafe { config.cranelift_flag_enable(feature) };
        }
    }
    Ok(())
}

fn pool(choice: &Choice) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(PLACES).total_memories(2 * PLACES).total_tables(PLACES).total_gc_heaps(PLACES);
    pool.max_memories_per_module(OF_EACH).max_tables_per_module(OF_EACH).max_core_instance_size(usize::MAX >> 1);
    // Guests have stacks of ours, and each of these would be a system call when an engine is made.
    #[cfg(feature = "wasi")]
    pool.total_stacks(0);
    pool.max_memory_size(MEMORY_BYTES).table_elements(choice.table_elements);
    pool.linear_memory_keep_resident(KEPT_BYTES).table_keep_resident(KEPT_BYTES).pagemap_scan(Enabled::Auto);
    pool
}
