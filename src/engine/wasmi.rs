//! The `wasmi` engine: an interpreter, for machines and builds without code generation.

use super::capabilities::{self, Capabilities};
use super::{Code, Engine, Fingerprint, Host, HostStop, Instance, NoInstance, Setup, Visit, run_host};
use crate::call::State;
use crate::error::{Trap, TrapCode};
use crate::inspect::{ExternType, FuncType, ModuleInfo, ValueType};
use crate::limits::{Limit, Limits};
use crate::progress::Progress;
use crate::room::pool::Totals;
#[cfg(feature = "std")]
use crate::sys::pages::Pages;
use crate::{Error, Result};
use alloc::{boxed::Box, format, string::ToString, sync::Arc, vec, vec::Vec};
use wasmi::errors::{ErrorKind, InstantiationError, MemoryError, TableError};
use wasmi::{AsContextMut, Caller, Extern, F32, F64, Func, Memory, Store, Val, ValType};

pub(super) fn new(limits: Limits) -> Result<Arc<dyn Engine>> {
    let capabilities = capabilities::find("wasmi").ok_or_else(|| Error::Internal("wasmi is not in the table".into()))?;
    let stack = limits.get(Limit::StackBytes) as usize;
    let mut config = wasmi::Config::default();
    // Translated when loaded, not in the middle of a call. A frame of the interpreter takes a few dozen bytes.
    config.compilation_mode(wasmi::CompilationMode::Eager).set_max_recursion_depth(stack / 64);
    config.set_min_stack_height(stack.min(1000)).set_max_stack_height(stack);
    // There is no code to keep: an artifact is the module itself, translated again when loaded.
    // The stack is part of the interpreter, so live code is not shared between engines that differ in it.
    let fingerprint = Fingerprint::new(format!("wasmi; the module itself; {stack} bytes of stack"));
    Ok(Arc::new(Wasmi { capabilities, limits, engine: wasmi::Engine::new(&config), fingerprint, rooms: Arc::default() }))
}

struct Wasmi {
    capabilities: &'static Capabilities,
    limits: Limits,
    engine: wasmi::Engine,
    fingerprint: Fingerprint,
    rooms: Arc<Totals>,
}

impl Engine for Wasmi {
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

    fn compile(&self, wasm: &[u8], info: &Arc<ModuleInfo>, _: &Progress) -> Result<Arc<dyn Code>> {
        let module = wasmi::Module::new(&self.engine, wasm)
            .map_err(|error| Error::UnsupportedModule(format!("wasmi cannot translate it: {error}")))?;
        Ok(Arc::new(WasmiCode { module, wasm: wasm.into(), info: info.clone() }))
    }

    #[cfg(feature = "std")]
    fn deserialize(&self, artifact: Pages, len: usize, info: &Arc<ModuleInfo>) -> Result<Arc<dyn Code>> {
        self.compile(&artifact[..len], info, &Progress::default())
    }
}

struct WasmiCode {
    module: wasmi::Module,
    wasm: Box<[u8]>,
    info: Arc<ModuleInfo>,
}

impl Code for WasmiCode {
    fn serialize(&self) -> Result<Vec<u8>> {
        Ok(self.wasm.to_vec())
    }

    fn size(&self) -> usize {
        self.wasm.len() * 3 // the module, and its translation, which is about twice as large
    }

    fn instantiate(&self, setup: Setup) -> Result<Box<dyn Instance + Send>, Box<NoInstance>> {
        let data = Data {
            instance: None,
            functions: vec![None; self.info.exports.len()],
            memory: None,
            info: self.info.clone(),
            host: setup.host,
            state: setup.state,
            table_elements_max: setup.table_elements_max,
            growing: 0,
        };
        let mut store = Store::new(self.module.engine(), data);
        store.limiter(|data| data);
        let imports = self.info.imports.iter().enumerate().filter_map(|(import, found)| match &found.ty {
            ExternType::Function(ty) => Some(link(&mut store, import, ty)),
            _ => None,
        });
        let imports: Vec<Extern> = imports.collect();
        match wasmi::Instance::new(&mut store, &self.module, &imports) {
            Ok(instance) => {
                store.data_mut().instance = Some(instance);
                Ok(Box::new(View(store)))
            }
            Err(error) => {
                let mut state = store.into_data().state;
                Err(Box::new(NoInstance { error: call_error(error, &mut state), state }))
            }
        }
    }
}

/// What a store carries.
struct Data {
    instance: Option<wasmi::Instance>,
    /// Exported functions by position, resolved when first called.
    functions: Vec<Option<Func>>,
    /// The exported memory, likewise.
    memory: Option<Memory>,
    info: Arc<ModuleInfo>,
    host: Arc<dyn Host>,
    state: State,
    table_elements_max: u64,
    /// The bytes that a memory is about to grow by.
    growing: u64,
}

impl wasmi::ResourceLimiter for Data {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, wasmi_core::LimiterError> {
        // What the guest's own maximum forbids is not for the cap to refuse, nor to count.
        self.growing = if maximum.is_some_and(|maximum| desired > maximum) { 0 } else { (desired - current) as u64 };
        Ok(self.state.memory.grow(self.growing))
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool, wasmi_core::LimiterError> {
        Ok(desired as u64 <= self.table_elements_max)
    }

    fn memory_grow_failed(&mut self, _: &MemoryError) -> Result<(), wasmi_core::LimiterError> {
        self.state.memory.give_back(core::mem::take(&mut self.growing));
        Ok(())
    }

    fn instances(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        usize::MAX
    }

    fn memories(&self) -> usize {
        usize::MAX
    }
}

/// An instance from outside (a store) or from inside one of its host functions (a caller).
struct View<C>(C);

trait Exports: AsContextMut<Data = Data> {
    fn export(&self, name: &str) -> Option<Extern>;
    fn carried(&mut self) -> &mut Data;
}

impl Exports for Store<Data> {
    fn export(&self, name: &str) -> Option<Extern> {
        self.data().instance?.get_export(self, name)
    }

    fn carried(&mut self) -> &mut Data {
        self.data_mut()
    }
}

impl Exports for Caller<'_, Data> {
    fn export(&self, name: &str) -> Option<Extern> {
        // The interpreter knows no instance when the host calls an import that the guest exports again.
        match self.data().instance {
            Some(instance) => instance.get_export(self, name),
            None => self.get_export(name),
        }
    }

    fn carried(&mut self) -> &mut Data {
        self.data_mut()
    }
}

impl<C: Exports> View<C> {
    fn data(&mut self) -> &mut Data {
        self.0.carried()
    }

    fn function(&mut self, export: usize) -> Result<Func> {
        if let Some(Some(function)) = self.data().functions.get(export) {
            return Ok(*function);
        }
        let info = self.data().info.clone();
        let function = info.exports.get(export).and_then(|export| self.0.export(&export.name)).and_then(Extern::into_func);
        let function = function.ok_or_else(|| Error::Internal("a call of something that is not a function".into()))?;
        self.data().functions[export] = Some(function);
        Ok(function)
    }

    fn memory_export(&mut self) -> Option<Memory> {
        if self.data().memory.is_none() {
            self.data().memory = self.0.export("memory").and_then(Extern::into_memory);
        }
        self.data().memory
    }
}

impl<C: Exports> Instance for View<C> {
    fn call(&mut self, export: usize, slots: &mut [u64]) -> Result<()> {
        let function = self.function(export)?;
        let info = self.data().info.clone();
        let ty = info.function_type(export).ok_or_else(|| Error::Internal("not a function".into()))?;
        let (params, results) = (&mut Vals::new(&ty.params, slots), &mut Vals::new(&ty.results, &[]));
        let outcome = function.call(self.0.as_context_mut(), params.as_slice(), results.as_slice());
        outcome.map_err(|error| call_error(error, self.state()))?;
        for (slot, val) in slots.iter_mut().zip(results.as_slice()) {
            *slot = to_slot(val);
        }
        Ok(())
    }

    fn visit(&mut self, visit: &mut dyn Visit) -> Result<()> {
        let mut slots = [0; 2];
        while let Some(export) = visit.next(self, &mut slots) {
            self.call(export, &mut slots)?;
        }
        Ok(())
    }

    fn memory(&mut self) -> &mut [u8] {
        match self.memory_export() {
            Some(memory) => memory.data_mut(self.0.as_context_mut()),
            None => &mut [],
        }
    }

    fn state(&mut self) -> &mut State {
        &mut self.data().state
    }
}

/// The interpreter's values for some slots; few of them need no memory from the heap.
enum Vals {
    Few([Val; 4], usize),
    Many(Vec<Val>),
}

impl Vals {
    /// Missing slots are zero.
    fn new(types: &[ValueType], slots: &[u64]) -> Self {
        let val = |index: usize| to_val(types[index], slots.get(index).copied().unwrap_or(0));
        if types.len() <= 4 {
            Vals::Few(core::array::from_fn(|index| if index < types.len() { val(index) } else { Val::I32(0) }), types.len())
        } else {
            Vals::Many((0..types.len()).map(val).collect())
        }
    }

    fn as_slice(&mut self) -> &mut [Val] {
        match self {
            Vals::Few(vals, len) => &mut vals[..*len],
            Vals::Many(vals) => vals,
        }
    }
}

/// Makes the function that the guest's import at position `import` is linked to.
fn link(store: &mut Store<Data>, import: usize, ty: &FuncType) -> Extern {
    let convert = |types: &[ValueType]| types.iter().map(|ty| val_type(*ty)).collect::<Vec<_>>();
    let theirs = wasmi::FuncType::new(convert(&ty.params), convert(&ty.results));
    let ours = ty.clone();
    let host = store.data().host.clone();
    let function = Func::new(store, theirs, move |caller: Caller<'_, Data>, params: &[Val], results: &mut [Val]| {
        let mut few = [0; 4];
        let mut many = Vec::new();
        let slots = if ours.slots() <= few.len() {
            &mut few[..ours.slots()]
        } else {
            many.resize(ours.slots(), 0);
            &mut many[..]
        };
        for (slot, val) in slots.iter_mut().zip(params) {
            *slot = to_slot(val);
        }
        if !run_host(&*host, import, &mut View(caller), slots) {
            return Err(wasmi::Error::host(HostStop));
        }
        for ((result, ty), &slot) in results.iter_mut().zip(&ours.results).zip(&*slots) {
            *result = to_val(*ty, slot);
        }
        Ok(())
    });
    Extern::Func(function)
}

impl wasmi::errors::HostError for HostStop {}

/// The error of a call or an instantiation that did not come back in order.
fn call_error(error: wasmi::Error, state: &mut State) -> Error {
    state.unwound = true;
    if error.downcast_ref::<HostStop>().is_some()
        && let Some(stop) = state.stop.take()
    {
        return stop;
    }
    let trap = |code| Trap { code, backtrace: Vec::new() };
    if let Some(code) = error.as_trap_code() {
        return match trap_code(code) {
            TrapCode::StackOverflow => Error::StackOverflow(Box::new(trap(TrapCode::StackOverflow))),
            code => Error::Trap(Box::new(trap(code))),
        };
    }
    match error.kind() {
        // Active segments that do not fit, while instantiating.
        ErrorKind::Memory(MemoryError::OutOfBoundsAccess) => Error::Trap(Box::new(trap(TrapCode::MemoryOutOfBounds))),
        ErrorKind::Table(TableError::InitOutOfBounds | TableError::CopyOutOfBounds) => {
            Error::Trap(Box::new(trap(TrapCode::TableOutOfBounds)))
        }
        ErrorKind::Instantiation(InstantiationError::ElementSegmentDoesNotFit { .. }) => {
            Error::Trap(Box::new(trap(TrapCode::TableOutOfBounds)))
        }
        ErrorKind::Memory(_) | ErrorKind::Table(_) | ErrorKind::Instantiation(_) => Error::OutOfResources(error.to_string()),
        _ => Error::Internal(error.to_string()),
    }
}

fn trap_code(code: wasmi::TrapCode) -> TrapCode {
    use wasmi::TrapCode as Theirs;
    match code {
        Theirs::UnreachableCodeReached => TrapCode::Unreachable,
        Theirs::MemoryOutOfBounds => TrapCode::MemoryOutOfBounds,
        Theirs::TableOutOfBounds => TrapCode::TableOutOfBounds,
        Theirs::IndirectCallToNull => TrapCode::IndirectCallToNull,
        Theirs::IntegerDivisionByZero => TrapCode::IntegerDivisionByZero,
        Theirs::IntegerOverflow => TrapCode::IntegerOverflow,
        Theirs::BadConversionToInteger => TrapCode::BadConversionToInteger,
        Theirs::StackOverflow => TrapCode::StackOverflow,
        Theirs::BadSignature => TrapCode::BadSignature,
        Theirs::OutOfSystemMemory => TrapCode::OutOfMemory,
        Theirs::OutOfFuel | Theirs::GrowthOperationLimited => TrapCode::Other,
    }
}

fn val_type(ty: ValueType) -> ValType {
    match ty {
        ValueType::I32 => ValType::I32,
        ValueType::I64 => ValType::I64,
        ValueType::F32 => ValType::F32,
        ValueType::F64 => ValType::F64,
        ValueType::V128 => ValType::V128,
        ValueType::FuncRef | ValueType::OtherRef => ValType::FuncRef,
        ValueType::ExternRef => ValType::ExternRef,
    }
}

fn to_val(ty: ValueType, slot: u64) -> Val {
    match ty {
        ValueType::I32 => Val::I32(slot as i32),
        ValueType::F32 => Val::F32(F32::from_bits(slot as u32)),
        ValueType::F64 => Val::F64(F64::from_bits(slot)),
        _ => Val::I64(slot as i64),
    }
}

fn to_slot(val: &Val) -> u64 {
    match val {
        Val::I32(value) => u64::from(*value as u32),
        Val::I64(value) => *value as u64,
        Val::F32(value) => u64::from(value.to_bits()),
        Val::F64(value) => value.to_bits(),
        _ => 0,
    }
}
