//! What the engines that are wasmer's share: compiling a module and making instances of it.
//!
//! This uses wasmer's lower crates (`wasmer-compiler`, `wasmer-vm`) and not its `Store`: entering a guest costs
//! 20 ns instead of 33, and host functions need no look-up of the store they run in (see ARCHITECTURE.md).

mod entry;
mod host;
mod instance;
mod memory;
mod progress;
mod snapshot;
mod trap;

use super::capabilities::Capabilities;
use super::{Code, Engine, Fingerprint, Instance, NoInstance, Setup};
use crate::inspect::{ExternType, FuncType, ModuleInfo, ValueType};
use crate::limits::Limits;
use crate::progress::Progress;
use crate::room::pool::Totals;
use crate::{Error, Result};
use alloc::{boxed::Box, format, sync::Arc, vec::Vec};
use memory::CompileTunables;
use shared_buffer::OwnedBuffer;
use wasmer_compiler::{Artifact, ArtifactCreate, CompilerConfig};
use wasmer_types::target::Target;
use wasmer_types::{CompileError, FunctionType, Type};
use wasmer_vm::VMSignatureHash;

/// One of wasmer's compilers with our settings.
pub(super) struct WasmerEngine {
    capabilities: &'static Capabilities,
    limits: Limits,
    compiler: fn() -> Box<dyn CompilerConfig>,
    fingerprint: Fingerprint,
    rooms: Arc<Totals>,
}

impl WasmerEngine {
    pub fn new(capabilities: &'static Capabilities, limits: Limits, compiler: fn() -> Box<dyn CompilerConfig>) -> Self {
        // The handlers must stand before any guest runs; later calls do nothing.
        #[cfg(snapshots)]
        crate::sys::faults::install(wasmer_vm::init_traps);
        #[cfg(not(snapshots))]
        wasmer_vm::init_traps();
        let engine = fresh_engine(compiler, false);
        let (id, format) = (engine.deterministic_id(), engine.artifact_format());
        let (triple, features) = (engine.target().triple(), engine.target().cpu_features());
        // Memories that grow are compiled with checks, others without (see `memory`).
        let text = format!("wasmer {}; {id}; {format}; {triple}; {features:?}; growing 1", wasmer_vm::VERSION);
        WasmerEngine { capabilities, limits, compiler, fingerprint: Fingerprint::new(text), rooms: Arc::default() }
    }

    fn code(artifact: Arc<Artifact>, engine: wasmer_compiler::Engine, info: &Arc<ModuleInfo>) -> Arc<dyn Code> {
        let imports = info.imports.iter().filter_map(|import| match &import.ty {
            ExternType::Function(ty) => Some(ty),
            _ => None,
        });
        let imports = imports.map(|ty| Signature::new(&engine, ty)).collect();
        Arc::new(WasmerCode(Arc::new(Compiled { artifact, imports, info: info.clone(), _engine: engine })))
    }
}

/// An engine of its own for each module: wasmer frees code only when its engine goes.
fn fresh_engine(compiler: fn() -> Box<dyn CompilerConfig>, grows: bool) -> wasmer_compiler::Engine {
    let config = compiler();
    let target = Target::default();
    let features = config.supported_features_for_target(&target);
    let mut engine = wasmer_compiler::Engine::new(config, target, features);
    engine.set_tunables(CompileTunables { grows });
    engine
}

impl Engine for WasmerEngine {
    fn capabilities(&self) -> &'static Capabilities {
        self.capabilities
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn rooms(&self) -> &Arc<Totals> {
        &self.rooms
    }

    fn compile(&self, wasm: &[u8], info: &Arc<ModuleInfo>, progress: &Progress) -> Result<Arc<dyn Code>> {
        let engine = fresh_engine(self.compiler, info.grows_memory);
        let compile = || engine.compile_with_progress(wasm, progress::watched(progress));
        let artifact = if crate::sys::fork::generation() == 0 { compile() } else { with_own_threads(compile)? };
        let artifact = artifact.map_err(|error| refused(self.capabilities, error))?;
        Ok(Self::code(artifact, engine, info))
    }

    fn deserialize(&self, artifact: &[u8], info: &Arc<ModuleInfo>) -> Result<Arc<dyn Code>> {
        let engine = wasmer_compiler::Engine::headless();
        let bytes = OwnedBuffer::from_bytes(artifact.to_vec());
        // SAFETY: the caller has checked that an engine of this fingerprint made the bytes: same version, same machine.
        let artifact = unsafe { engine.deserialize_unchecked(bytes) };
        let artifact = artifact.map_err(|error| Error::ArtifactCorrupt(format!("{}: {error}", self.capabilities.name)))?;
        Ok(Self::code(artifact, engine, info))
    }
}

/// Compiles in a forked child, which has none of the threads that its parent compiled with.
fn with_own_threads<T: Send>(compile: impl FnOnce() -> T + Send) -> Result<T> {
    let threads = rayon_core::ThreadPoolBuilder::new().build();
    let threads = threads.map_err(|error| Error::OutOfResources(format!("no threads to compile with: {error}")))?;
    Ok(threads.install(compile))
}

/// A module that validates but that the compiler refuses is the engine's lack, not the module's fault.
fn refused(engine: &Capabilities, error: CompileError) -> Error {
    match error {
        CompileError::Resource(message) => Error::OutOfResources(message),
        CompileError::Aborted(abort) => Error::Cancelled(abort.reason().into()),
        error => Error::UnsupportedModule(format!("{} cannot compile it: {error}", engine.name)),
    }
}

/// The type of a function import, in wasmer's terms.
struct Signature {
    ours: FuncType,
    ty: FunctionType,
    hash: VMSignatureHash,
}

impl Signature {
    fn new(engine: &wasmer_compiler::Engine, ours: &FuncType) -> Self {
        let convert = |types: &[ValueType]| types.iter().map(|ty| wasmer_type(*ty)).collect::<Vec<_>>();
        let ty = FunctionType::new(convert(&ours.params), convert(&ours.results));
        Signature { ours: ours.clone(), hash: engine.register_signature(&ty), ty }
    }
}

fn wasmer_type(ty: ValueType) -> Type {
    match ty {
        ValueType::I32 => Type::I32,
        ValueType::I64 => Type::I64,
        ValueType::F32 => Type::F32,
        ValueType::F64 => Type::F64,
        ValueType::V128 => Type::V128,
        ValueType::FuncRef => Type::FuncRef,
        ValueType::ExternRef => Type::ExternRef,
        ValueType::OtherRef => Type::ExceptionRef,
    }
}

/// Machine code and what goes with it; instances keep it alive.
struct Compiled {
    artifact: Arc<Artifact>,
    /// The function imports, in order.
    imports: Vec<Signature>,
    info: Arc<ModuleInfo>,
    // Owns the memory that the artifact's code lies in: declared last, dropped last.
    _engine: wasmer_compiler::Engine,
}

struct WasmerCode(Arc<Compiled>);

impl Code for WasmerCode {
    fn serialize(&self) -> Result<Vec<u8>> {
        self.0.artifact.serialize().map_err(|error| Error::Internal(format!("cannot serialize: {error}")))
    }

    fn size(&self) -> usize {
        let functions = self.0.artifact.finished_function_extents().unwrap_or_default();
        functions.iter().map(|(_, extent)| extent.length).sum()
    }

    fn instantiate(&self, setup: Setup) -> Result<Box<dyn Instance + Send>, Box<NoInstance>> {
        Ok(Box::new(instance::WasmerInstance::new(self.0.clone(), setup)?))
    }
}
