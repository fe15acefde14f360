//! The `wasmtime` engine: compiles with Cranelift, as the engine `cranelift` does, and has more of the newer proposals. Every call
//! has a new instance, in a place of a pool.
//!
//! Its version is the one of `wasmtime-internal-core` that wasmer's code generator wants exactly; there can be no other beside it.

mod code;
mod engines;
mod host;
mod instance;
mod stack;
mod trap;
mod view;
mod word;

use super::capabilities::{self, Capabilities};
use super::threads::{self, with_threads};
use super::{Code, Engine, Fingerprint, Settings};
use crate::error::shown;
use crate::inspect::ModuleInfo;
use crate::prepare;
use crate::prepare::types::{self, Unused};
use crate::progress::Progress;
use crate::room::pool::Totals;
use crate::sys::pages::Pages;
use crate::{Error, Result};
use alloc::{format, sync::Arc};
use code::Compiled;
use core::hash::{Hash, Hasher};
use engines::{Choice, Shared};

pub(super) fn new(settings: Settings) -> Result<Arc<dyn Engine>> {
    let capabilities = capabilities::find("wasmtime").ok_or_else(|| Error::Internal("wasmtime is not in the table".into()))?;
    super::install_handlers();
    let choice = Choice::of(&settings);
    let limits = settings.text();
    let engines = Arc::new(Shared::new(choice.clone())?);
    let mut code = CodeHash(blake3::Hasher::new());
    engines.get()?.any()?.precompile_compatibility_hash().hash(&mut code);
    let code = code.0.finalize().to_hex();
    // Live code is bound to its engines, so it is not shared between those that differ in anything.
    let text = format!("wasmtime {}; {}; code {code}; {choice:?}; {limits}", VERSION, std::env::consts::ARCH);
    Ok(Arc::new(Wasmtime { capabilities, settings, engines, fingerprint: Fingerprint::new(text), rooms: Arc::default() }))
}

/// build.rs reads it from Cargo.lock.
const VERSION: &str = env!("HOSTEL_WASMTIME");

/// Puts wasmtime's handlers of signals in front of those that are there.
pub(super) fn install_handlers() {
    // It installs them when the first of its engines is made; when none can be made now, then later.
    let _ = wasmtime::Engine::new(&wasmtime::Config::new());
}

/// What the compiler's settings come to; it has many.
struct CodeHash(blake3::Hasher);

impl Hasher for CodeHash {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0 // the whole hash is asked for
    }
}

struct Wasmtime {
    capabilities: &'static Capabilities,
    settings: Settings,
    engines: Arc<Shared>,
    fingerprint: Fingerprint,
    rooms: Arc<Totals>,
}

impl Engine for Wasmtime {
    fn capabilities(&self) -> &'static Capabilities {
        self.capabilities
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn prepares(&self) -> prepare::Options {
        // It would call the start function before the host can set a limit. And a memory of a whole page costs a new instance
        // half a microsecond.
        let export_start = self.settings.deadline || self.settings.fuel.is_some();
        prepare::Options { export_start, small_word: true, ..self.settings.polled() }
    }

    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn rooms(&self) -> &Arc<Totals> {
        &self.rooms
    }

    fn compile(&self, wasm: &[u8], info: &Arc<ModuleInfo>, _: &Progress) -> Result<Arc<dyn Code>> {
        let engine = self.engines.get()?.any()?;
        let wasm = &*types::used_only(wasm, Unused::Shared)?;
        let artifact = with_threads(threads::wanted(wasm.len()), 0, || engine.precompile_module(wasm))?;
        let artifact = artifact
            .map_err(|error| Error::UnsupportedModule(format!("wasmtime cannot compile it: {}", shown(&format!("{error:#}")))))?;
        // SAFETY: it was just made.
        unsafe { Compiled::load(&self.engines, &artifact, info) }
    }

    fn deserialize(&self, artifact: Pages, len: usize, info: &Arc<ModuleInfo>) -> Result<Arc<dyn Code>> {
        // SAFETY: the caller has checked that an engine of this fingerprint made the bytes: same version, same machine.
        unsafe { Compiled::load(&self.engines, &artifact[..len], info) }
    }
}
