//! What the engines that are wasmer's share: compiling a module and making instances of it.
//!
//! This uses wasmer's lower crates (`wasmer-compiler`, `wasmer-vm`) and not its `Store`: entering a guest costs
//! 20 ns instead of 33, and host functions need no look-up of the store they run in (see ARCHITECTURE.md).

mod entry;
mod guards;
mod host;
mod image;
mod instance;
mod memory;
mod progress;
mod snapshot;
mod stop;
mod trap;

use super::capabilities::Capabilities;
use super::threads::{self, with_threads};
use super::{Code, Engine, Fingerprint, Instance, NoInstance, Settings, Setup};
use crate::error::shown;
use crate::inspect::{ExternType, FuncType, ModuleInfo, ValueType};
use crate::prepare::types::{self, Unused};
use crate::progress::Progress;
use crate::room::pool::Totals;
use crate::sys::pages::Pages;
use crate::{Error, Result, background};
use alloc::{boxed::Box, format, sync::Arc, vec::Vec};
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicBool, Ordering};
use image::Image;
use memory::CompileTunables;
use wasmer_compiler::serialize::{SerializableCompilation, SerializableModule};
use wasmer_compiler::types::function::{Compilation, RkyvCompilation};
use wasmer_compiler::types::module::CompileModuleInfo;
use wasmer_compiler::{CompilerConfig, ModuleEnvironment, Tunables};
use wasmer_types::entity::PrimaryMap;
use wasmer_types::target::{Architecture, CpuFeature, Target, Triple};
use wasmer_types::{CompileError, FunctionType, OwnedDataInitializer, Type};
use wasmer_vm::VMSignatureHash;

/// Puts wasmer's handlers of signals in front of those that are there; later calls do nothing.
pub(super) fn install_handlers() {
    wasmer_vm::init_traps();
}

/// Makes one module of another.
pub(super) type Rewrite = fn(&[u8]) -> Result<Vec<u8>>;

/// One of wasmer's compilers.
#[derive(Clone, Copy)]
pub(super) struct Backend {
    /// Makes it, to compile with so many threads.
    pub compiler: fn(NonZeroUsize) -> Box<dyn CompilerConfig>,
    /// Rewrites a module so that the NaNs it makes are canonical, where the compiler cannot be trusted with that.
    pub canonical_nans: Option<Rewrite>,
    /// Whether a function takes a millisecond, however small.
    pub is_slow: bool,
    /// Whether a module must be compiled with a check of each access to its memories, for the compiler gets other code wrong.
    pub checks_memories: fn(&[u8]) -> Result<bool>,
}

/// One of wasmer's compilers with our settings.
pub(super) struct WasmerEngine {
    capabilities: &'static Capabilities,
    settings: Settings,
    backend: Backend,
    fingerprint: Fingerprint,
    rooms: Arc<Totals>,
}

impl WasmerEngine {
    pub fn new(capabilities: &'static Capabilities, settings: Settings, backend: Backend) -> Result<Self> {
        let (host, portable) = (Target::default(), portable());
        if settings.portable && !host.cpu_features().is_superset(*portable.cpu_features()) {
            let name = capabilities.name;
            return Err(Error::UnsupportedEngine(format!("{name}: this processor is older than what portable code is for")));
        }
        super::install_handlers();
        let (config, target) = configured(backend, &settings, NonZeroUsize::MIN);
        let (id, triple, features) = (config.compiler().deterministic_id(), target.triple(), target.cpu_features());
        // Memories that grow are compiled with checks, others without (see `memory`).
        let limits = settings.text();
        let nans = if backend.canonical_nans.is_some() && settings.deterministic { "; nans 1" } else { "" };
        let text = format!("wasmer {}; image 3; {id}; {triple}; {features:?}; growing 3; {limits}{nans}", wasmer_vm::VERSION);
        Ok(WasmerEngine { capabilities, settings, backend, fingerprint: Fingerprint::new(text), rooms: Arc::default() })
    }

    /// Compiles, and no more: what comes of it, and wasmer's description of the module.
    ///
    /// wasmer would link it, too, put it into memory, and keep a list of what lies where. It takes what goes off the list only when
    /// its memory is free already, and by then another thread's code may have come to lie there, upon which nothing can be compiled
    /// any more.
    fn machine_code(&self, wasm: &[u8], tunables: &CompileTunables, progress: &Progress) -> Result<(RkyvCompilation, Vec<u8>)> {
        let refused = |error| refused(self.capabilities, error);
        let mut translated = ModuleEnvironment::new().translate(wasm).map_err(|error| refused(CompileError::Wasm(error)))?;
        let state = translated.module_translation_state.ok_or_else(|| Error::Internal("a module without its types".into()))?;
        let threads = threads::wanted(wasm.len());
        let (config, target) = configured(self.backend, &self.settings, threads);
        // Nobody asks for the sections that are the guest's own, and compilers would read what they say of its source code.
        translated.module.custom_sections.clear();
        translated.module.custom_sections_data.clear();
        let mut described = SerializableModule {
            compilation: SerializableCompilation::Elf(Vec::new()), // none: the code lies in the image
            compile_info: CompileModuleInfo {
                features: config.supported_features_for_target(&target),
                memory_styles: translated.module.memories.values().map(|ty| tunables.memory_style(ty)).collect(),
                table_styles: translated.module.tables.values().map(|ty| tunables.table_style(ty)).collect(),
                module: Arc::new(translated.module),
                function_max_stack_usage: PrimaryMap::new(),
            },
            data_initializers: translated.data_initializers.iter().map(OwnedDataInitializer::new).collect(),
            cpu_features: target.cpu_features().as_u64(),
        };
        let module = described.serialize().map_err(|error| Error::Internal(format!("cannot serialize: {error}")))?;
        // To compilers, functions have numbers: what a guest calls them might mean something there.
        if let Some(module) = Arc::get_mut(&mut described.compile_info.module) {
            module.function_names.clear();
            module.name = None;
        }
        let progress = progress::watched(progress);
        let (compiler, bodies, info) = (config.compiler(), translated.function_body_inputs, &described.compile_info);
        let (target, state, progress) = (&target, &state, progress.as_ref());
        let compile = move || compiler.compile_module(target, info, &[], state, bodies, progress);
        // Cranelift panics when it gets no threads, and tells it on the host's standard error.
        match with_threads(threads, threads.get(), compile)?.map_err(refused)? {
            Compilation::Rkyv { compilation, .. } => Ok((compilation, module)),
            Compilation::Elf { .. } => Err(Error::Internal("the compiler has linked what it has made".into())),
        }
    }

    /// Makes code of an image in the first `len` bytes of some pages.
    ///
    /// # Safety
    /// As for `Image::load`.
    unsafe fn code(pages: Pages, len: usize, info: &Arc<ModuleInfo>) -> Result<Arc<dyn Code>> {
        // SAFETY: the caller's promise.
        let image = unsafe { Image::load(pages, len)? };
        let imports = info.imports.iter().filter_map(|import| match &import.ty {
            ExternType::Function(ty) => Some(ty),
            _ => None,
        });
        let imports = imports.map(Signature::new).collect();
        Ok(Arc::new(WasmerCode(Arc::new(Compiled { image, imports, info: info.clone() }))))
    }
}

/// A compiler with our settings, and what it is to compile for.
fn configured(backend: Backend, settings: &Settings, threads: NonZeroUsize) -> (Box<dyn CompilerConfig>, Target) {
    let mut config = (backend.compiler)(threads);
    config.canonicalize_nans(settings.deterministic && backend.canonical_nans.is_none());
    config.max_table_elements(u32::MAX); // those of fixed size together: `inspect` has looked
    (config, if settings.portable { portable() } else { Target::default() })
}

/// This architecture, with no more than what its processors have had for long. For x86-64 that is its second level: vectors need
/// operators of it that Cranelift would leave to functions which wasmer lacks.
fn portable() -> Target {
    use CpuFeature::{POPCNT, SSE2, SSE3, SSE41, SSE42, SSSE3};
    let triple = Triple::host();
    let features = match triple.architecture {
        Architecture::X86_64 => SSE2 | SSE3 | SSSE3 | SSE41 | SSE42 | POPCNT,
        Architecture::Aarch64(_) => CpuFeature::NEON.into(),
        _ => CpuFeature::set(),
    };
    Target::new(triple, features)
}

impl Engine for WasmerEngine {
    fn capabilities(&self) -> &'static Capabilities {
        self.capabilities
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn rooms(&self) -> &Arc<Totals> {
        &self.rooms
    }

    fn is_slow(&self) -> bool {
        self.backend.is_slow
    }

    fn compile(&self, wasm: &[u8], info: &Arc<ModuleInfo>, progress: &Progress) -> Result<Arc<dyn Code>> {
        let wasm = &*types::used_only(wasm, Unused::Removed)?;
        let canonical = self.backend.canonical_nans.filter(|_| self.settings.deterministic);
        let canonical = canonical.map(|canonical| canonical(wasm)).transpose()?;
        let wasm = canonical.as_deref().unwrap_or(wasm);
        let tunables = CompileTunables { grows: info.grows_memory, checked: (self.backend.checks_memories)(wasm)? };
        if background::compile_threads().is_some() {
            end_before_wasmer();
        }
        let (made, module) = self.machine_code(wasm, &tunables, progress)?;
        let image = image::link(made, module)?;
        // SAFETY: it was just made.
        unsafe { Self::code(Pages::copy_of(&image)?, image.len(), info) }
    }

    fn deserialize(&self, artifact: Pages, len: usize, info: &Arc<ModuleInfo>) -> Result<Arc<dyn Code>> {
        // SAFETY: the caller has checked that an engine of this fingerprint made the bytes: same version, same machine.
        unsafe { Self::code(artifact, len, info) }
    }
}

/// wasmer will not compile any more once it has heard that the process ends, and panics. What it hears of it by is here when
/// it first has code to keep; our work shall have ended before.
fn end_before_wasmer() {
    static HEARD: AtomicBool = AtomicBool::new(false);
    if !HEARD.swap(true, Ordering::Relaxed) {
        drop(wasmer_compiler::CodeMemory::new());
        background::end_before_others();
    }
}

/// A module that validates but that the compiler refuses is the engine's lack, not the module's fault.
fn refused(engine: &Capabilities, error: CompileError) -> Error {
    match error {
        CompileError::Resource(message) => Error::OutOfResources(message),
        CompileError::Aborted(abort) => Error::Cancelled(abort.reason().into()),
        error => Error::UnsupportedModule(format!("{} cannot compile it: {}", engine.name, shown(&error.to_string()))),
    }
}

/// The type of a function import, in wasmer's terms.
struct Signature {
    ours: FuncType,
    ty: FunctionType,
    hash: VMSignatureHash,
}

impl Signature {
    fn new(ours: &FuncType) -> Self {
        let convert = |types: &[ValueType]| types.iter().map(|ty| wasmer_type(*ty)).collect::<Vec<_>>();
        let ty = FunctionType::new(convert(&ours.params), convert(&ours.results));
        Signature { ours: ours.clone(), hash: VMSignatureHash::new(ty.signature_hash()), ty }
    }
}

fn wasmer_type(ty: ValueType) -> Type {
    match ty {
        ValueType::I32 => Type::I32,
        ValueType::I64 => Type::I64,
        ValueType::F32 => Type::F32,
        ValueType::F64 => Type::F64,
        ValueType::V128 => Type::V128,
        ValueType::FuncRef | ValueType::OtherRef => Type::FuncRef, // modules with others are not taken
        ValueType::ExternRef => Type::ExternRef,
    }
}

/// Machine code and what goes with it; instances keep it alive.
struct Compiled {
    image: Image,
    /// The function imports, in order.
    imports: Vec<Signature>,
    info: Arc<ModuleInfo>,
}

struct WasmerCode(Arc<Compiled>);

impl Code for WasmerCode {
    fn serialize(&self) -> Result<Vec<u8>> {
        Ok(self.0.image.bytes())
    }

    fn size(&self) -> usize {
        self.0.image.size()
    }

    fn instantiate(&self, setup: Setup) -> Result<Box<dyn Instance + Send>, Box<NoInstance>> {
        Ok(Box::new(instance::WasmerInstance::new(self.0.clone(), setup)?))
    }
}
