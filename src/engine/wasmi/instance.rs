//! A live instance: a store with all that its host functions need.

use super::super::{Host, HostStop, Instance, Visit, run_host};
use super::run::run;
use super::trap::call_error;
use super::values::{Vals, to_slot, to_val, val_type};
use crate::call::State;
use crate::inspect::{FuncType, ModuleInfo, ValueType};
use crate::prepare::{FUEL_EXPORT, START_EXPORT};
use crate::{Error, Result};
use alloc::{sync::Arc, vec::Vec};
use wasmi::errors::MemoryError;
use wasmi::{AsContextMut, Caller, Extern, Func, Global, Memory, Store, Val};

/// What a store carries.
pub(super) struct Data {
    pub instance: Option<wasmi::Instance>,
    /// Exported functions by position, resolved when first called.
    pub functions: Vec<Option<Func>>,
    /// The exported memory, likewise.
    pub memory: Option<Memory>,
    /// The counter of fuel.
    pub fuel: Option<Global>,
    /// Whether it runs in slices (see `run`).
    pub sliced: bool,
    pub info: Arc<ModuleInfo>,
    pub host: Arc<dyn Host>,
    pub state: State,
    pub table_elements_max: u64,
    /// The bytes that a memory is about to grow by.
    pub growing: u64,
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
pub(super) struct View<C>(pub C);

pub(super) trait Exports: AsContextMut<Data = Data> {
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

    /// Runs the start function that waits to be called, within the bounds of the state.
    pub fn start(&mut self) -> Result<()> {
        if let Some(given) = self.data().state.fuel {
            self.set_fuel(given);
        }
        if !self.data().info.meters.as_ref().is_some_and(|meters| meters.start_exported) {
            return Ok(());
        }
        let start = self.0.export(START_EXPORT).and_then(Extern::into_func);
        let start = start.ok_or_else(|| Error::Internal("the start function is not there".into()))?;
        let outcome = run(self.0.as_context_mut(), start, &[], &mut []);
        outcome.map_err(|error| call_error(error, self.state()))
    }

    fn fuel_global(&mut self) -> Option<Global> {
        if self.data().fuel.is_none() && self.data().info.counts_fuel() {
            self.data().fuel = self.0.export(FUEL_EXPORT).and_then(Extern::into_global);
        }
        self.data().fuel
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
        let outcome = run(self.0.as_context_mut(), function, params.as_slice(), results.as_slice());
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

    fn memory_moves(&mut self) -> bool {
        true
    }

    fn state(&mut self) -> &mut State {
        &mut self.data().state
    }

    fn fuel(&mut self) -> i64 {
        let Some(global) = self.fuel_global() else { return 0 };
        global.get(self.0.as_context()).i64().unwrap_or_default()
    }

    fn set_fuel(&mut self, units: i64) {
        if let Some(global) = self.fuel_global() {
            // It is mutable, and an i64.
            let _ = global.set(self.0.as_context_mut(), Val::I64(units));
        }
    }
}

/// Makes the function that the guest's import at position `import` is linked to.
pub(super) fn link(store: &mut Store<Data>, import: usize, ty: &FuncType) -> Extern {
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
