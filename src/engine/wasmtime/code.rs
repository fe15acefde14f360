//! A compiled module, loaded into the engines of the process that uses it.

use super::engines::{self, Engines};
use super::host;
use super::instance::{Data, WasmtimeInstance};
use crate::engine::{Code, Instance, NoInstance, Setup};
use crate::inspect::{ExternType, FuncType, ModuleInfo, ValueType};
use crate::prepare::{DEADLINE_EXPORT, FUEL_EXPORT, START_EXPORT};
use crate::sys::fork::undivided;
use crate::sys::process::{MadeHere, OfProcess};
use crate::{Error, Result};
use alloc::{boxed::Box, format, sync::Arc, vec::Vec};
use std::collections::BTreeSet;
use std::sync::OnceLock;
use wasmtime::{Engine, InstancePre, Linker, Module, ModuleExport, Store, ValType};

/// Machine code and what goes with it; instances keep it alive.
pub(super) struct Compiled {
    loaded: OfProcess<Loaded>,
    engines: Arc<engines::Shared>,
    pub info: Arc<ModuleInfo>,
    bytes: usize,
}

/// A module in the engines of one process.
struct Loaded {
    /// In the engine with the pool, if it fits there.
    first: Arc<Linked>,
    /// In the one that makes memories on demand, once that was needed.
    on_demand: OnceLock<Arc<Linked>>,
}

impl Loaded {
    fn new(engines: &Engines, artifact: &[u8], info: &Arc<ModuleInfo>) -> Result<Self> {
        let pooled = engines.pooled().map(|engine| Linked::new(engine, artifact, info));
        let first = match pooled {
            Some(Ok(linked)) => linked,
            // It is larger than the pool's places, or has more of something.
            _ => Linked::new(engines.on_demand()?, artifact, info)?,
        };
        Ok(Loaded { first: Arc::new(first), on_demand: OnceLock::new() })
    }

    fn serialize(&self) -> Result<Vec<u8>> {
        self.first.made.module.serialize().map_err(|error| Error::Internal(format!("cannot serialize: {error:#}")))
    }
}

impl Compiled {
    /// # Safety
    /// wasmtime has made the bytes, with the settings of these engines.
    pub unsafe fn load(engines: &Arc<engines::Shared>, artifact: &[u8], info: &Arc<ModuleInfo>) -> Result<Arc<dyn Code>> {
        let loaded = OfProcess::new(Loaded::new(&*engines.get()?, artifact, info)?);
        let compiled = Compiled { loaded, engines: engines.clone(), info: info.clone(), bytes: artifact.len() };
        Ok(Arc::new(WasmtimeCode(Arc::new(compiled))))
    }

    /// Whether its code looks at a word that stops it.
    pub fn has_word(&self) -> bool {
        self.info.meters.as_ref().is_some_and(|meters| meters.deadline_memory.is_some())
    }

    fn loaded(&self) -> Result<&Loaded> {
        self.loaded.try_get(|of_parent| Loaded::new(&*self.engines.get()?, &of_parent.serialize()?, &self.info))
    }

    /// For an instance, in the pool if it can be.
    pub fn linked(&self) -> Result<&Arc<Linked>> {
        Ok(&self.loaded()?.first)
    }

    /// For an instance for which the pool has no place.
    pub fn linked_on_demand(&self) -> Result<&Arc<Linked>> {
        let loaded = self.loaded()?;
        if let Some(linked) = loaded.on_demand.get() {
            return Ok(linked);
        }
        let linked = Linked::new(self.engines.get()?.on_demand()?, &loaded.serialize()?, &self.info)?;
        Ok(loaded.on_demand.get_or_init(|| Arc::new(linked)))
    }
}

/// A module in one engine.
pub(super) struct Linked {
    made: MadeHere<Made>,
    info: Arc<ModuleInfo>,
    functions: Box<[OnceLock<Option<ModuleExport>>]>,
    pub memory: Option<ModuleExport>,
    pub fuel: Option<ModuleExport>,
    pub word: Option<ModuleExport>,
    pub start: Option<ModuleExport>,
}

/// Goes in one piece: what all modules are registered in must not be locked when a process forks.
struct Made {
    /// Linked with its imports, when the first instance is made: until then some may be of types that no host function has.
    pre: OnceLock<InstancePre<Data>>,
    module: Module,
}

impl Drop for Made {
    fn drop(&mut self) {
        let pre = self.pre.take();
        undivided(|| drop(pre));
    }
}

impl Linked {
    fn new(engine: &Engine, artifact: &[u8], info: &Arc<ModuleInfo>) -> Result<Self> {
        // SAFETY: see `Compiled::load`.
        let module = undivided(|| unsafe { Module::deserialize(engine, artifact) });
        let module = module.map_err(|error| Error::OutOfResources(format!("wasmtime cannot load it: {error:#}")))?;
        let export = |name| module.get_export_index(name);
        let meters = info.meters.as_ref();
        Ok(Linked {
            functions: info.exports.iter().map(|_| OnceLock::new()).collect(),
            memory: info.memory().and_then(|_| export("memory")),
            fuel: meters.filter(|meters| meters.fuel_global.is_some()).and_then(|_| export(FUEL_EXPORT)),
            word: meters.filter(|meters| meters.deadline_memory.is_some()).and_then(|_| export(DEADLINE_EXPORT)),
            start: meters.filter(|meters| meters.start_exported).and_then(|_| export(START_EXPORT)),
            info: info.clone(),
            made: MadeHere::new(Made { pre: OnceLock::new(), module }),
        })
    }

    /// A store for an instance of it.
    pub fn store(&self, data: Data) -> Store<Data> {
        let mut store = Store::new(self.made.module.engine(), data);
        store.limiter(|data| data);
        store
    }

    /// Whether making an instance runs code of the guest.
    pub fn starts(&self) -> bool {
        self.info.starts && self.start.is_none()
    }

    /// The function at this position in the export section.
    pub fn function(&self, export: usize) -> Option<ModuleExport> {
        let name = &self.info.exports.get(export)?.name;
        *self.functions[export].get_or_init(|| self.made.module.get_export_index(name))
    }

    /// The module with its imports.
    pub fn pre(&self) -> Result<&InstancePre<Data>> {
        if let Some(pre) = self.made.pre.get() {
            return Ok(pre);
        }
        let pre = self.link().map_err(|error| Error::Internal(format!("wasmtime cannot link it: {error:#}")))?;
        Ok(self.made.pre.get_or_init(|| pre))
    }

    fn link(&self) -> wasmtime::Result<InstancePre<Data>> {
        let module = &self.made.module;
        let mut linker = Linker::new(module.engine());
        let mut known = BTreeSet::new();
        for (import, found) in self.info.imports.iter().enumerate() {
            // What is imported twice has one type and one answer.
            let ExternType::Function(ty) = &found.ty else { continue };
            if known.insert((&found.module, &found.name)) {
                let theirs = function_type(module.engine(), ty);
                // SAFETY: it takes and leaves values of these types.
                unsafe { linker.func_new_unchecked(&found.module, &found.name, theirs, host::answer(import, ty))? };
            }
        }
        linker.instantiate_pre(module)
    }
}

fn function_type(engine: &Engine, ty: &FuncType) -> wasmtime::FuncType {
    let convert = |types: &[ValueType]| types.iter().map(|ty| value_type(*ty)).collect::<Vec<_>>();
    wasmtime::FuncType::new(engine, convert(&ty.params), convert(&ty.results))
}

fn value_type(ty: ValueType) -> ValType {
    match ty {
        ValueType::I32 => ValType::I32,
        ValueType::I64 => ValType::I64,
        ValueType::F32 => ValType::F32,
        ValueType::F64 => ValType::F64,
        ValueType::V128 => ValType::V128,
        ValueType::FuncRef | ValueType::OtherRef => ValType::FUNCREF,
        ValueType::ExternRef => ValType::EXTERNREF,
    }
}

struct WasmtimeCode(Arc<Compiled>);

impl Code for WasmtimeCode {
    fn serialize(&self) -> Result<Vec<u8>> {
        self.0.loaded()?.serialize()
    }

    fn size(&self) -> usize {
        self.0.bytes
    }

    fn instantiate(&self, setup: Setup) -> Result<Box<dyn Instance + Send>, Box<NoInstance>> {
        Ok(Box::new(WasmtimeInstance::new(self.0.clone(), setup)?))
    }
}
