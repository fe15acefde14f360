//! An instance seen from outside between calls, and from its host functions during one.

use super::instance::Data;
use super::stack;
use super::trap;
use crate::call::State;
use crate::engine::{Instance, Visit};
use crate::inspect::ValueType;
use crate::{Error, Result};
use alloc::vec;
use wasmtime::{AsContextMut, Caller, Extern, Func, Global, Memory, Store, Val, ValRaw};

/// Calls with up to this many values keep them in an array on the stack.
pub(super) const FEW: usize = 4;

/// An exported function, resolved.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub function: Func,
    /// Bit n: result n is 32 bits wide.
    pub narrow_results: u64,
}

/// An instance from outside (a store) or from inside one of its host functions (a caller).
pub(super) struct View<C>(pub C);

/// What a view is of.
pub(super) trait Context: AsContextMut<Data = Data> {
    fn carried(&mut self) -> &mut Data;
    fn export(&mut self, name: &str) -> Option<Extern>;
}

impl Context for Store<Data> {
    fn carried(&mut self) -> &mut Data {
        self.data_mut()
    }

    fn export(&mut self, name: &str) -> Option<Extern> {
        let instance = self.data().instance?;
        instance.get_export(self, name)
    }
}

impl Context for Caller<'_, Data> {
    fn carried(&mut self) -> &mut Data {
        self.data_mut()
    }

    fn export(&mut self, name: &str) -> Option<Extern> {
        // While a start function runs, only the caller knows the instance.
        match self.data().instance {
            Some(instance) => instance.get_export(self, name),
            None => self.get_export(name),
        }
    }
}

impl<C: Context> View<C> {
    /// Runs `f` on the instance's stack.
    pub(super) fn inside<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> Result<R> {
        let (bytes, around) = (self.0.carried().stack_bytes, self.0.carried().place);
        let outcome = stack::inside(bytes, around, |place| {
            self.0.carried().place = Some(place);
            f(self)
        });
        self.0.carried().place = around;
        outcome
    }

    /// Runs `f` on the stack of who has entered the instance, whose own stack this is.
    pub(super) fn outside<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> R {
        let Some(place) = self.0.carried().place else { return f(self) };
        let view: *mut Self = self;
        // SAFETY: guests run inside only, so this is the stack of the place. The two closures use the view in turn.
        let outcome = unsafe { place.outside(|left| (*view).0.carried().place = Some(left), || f(&mut *view)) };
        self.0.carried().place = Some(place);
        outcome
    }

    /// Calls a function from inside. There are as many values as slots, at least.
    pub(super) fn enter(&mut self, entry: Entry, slots: &mut [u64], values: &mut [ValRaw]) -> wasmtime::Result<()> {
        for (value, &slot) in values.iter_mut().zip(&*slots) {
            *value = ValRaw::u64(slot);
        }
        // SAFETY: the function is of this store, and there are as many values as it has parameters or results.
        unsafe { entry.function.call_unchecked(self.0.as_context_mut(), values)? };
        for (index, (slot, value)) in slots.iter_mut().zip(&*values).enumerate() {
            let narrow = index < u64::BITS as usize && entry.narrow_results >> index & 1 == 1;
            *slot = if narrow { value.get_u32().into() } else { value.get_u64() };
        }
        Ok(())
    }

    fn entry(&mut self, export: usize) -> Result<Entry> {
        let known = self.0.carried().entries.iter().flatten().find(|(known, _)| *known == export);
        if let Some((_, entry)) = known {
            return Ok(*entry);
        }
        self.resolve(export)
    }

    fn resolve(&mut self, export: usize) -> Result<Entry> {
        let missing = || Error::Internal("a call of something that is not a function".into());
        let code = self.0.carried().code.clone();
        let ty = code.info.function_type(export).ok_or_else(missing)?;
        let found = match (self.0.carried().instance, self.0.carried().linked.function(export)) {
            (Some(instance), Some(export)) => instance.get_module_export(&mut self.0, &export),
            _ => self.0.export(&code.info.exports[export].name),
        };
        let function = found.and_then(Extern::into_func).ok_or_else(missing)?;
        let entry = Entry { function, narrow_results: narrow(&ty.results) };
        let entries = &mut self.0.carried().entries;
        entries.rotate_right(1);
        entries[0] = Some((export, entry));
        Ok(entry)
    }

    #[cold]
    pub(super) fn trapped(&mut self, error: &wasmtime::Error) -> Error {
        let data = self.0.carried();
        trap::error(error, data.code.info.meters.as_ref(), &mut data.state)
    }

    fn memory_export(&mut self) -> Option<Memory> {
        if self.0.carried().memory.is_none() {
            let data = self.0.carried();
            let found = match (data.instance, data.linked.memory) {
                (_, None) => None,
                (Some(instance), Some(export)) => instance.get_module_export(&mut self.0, &export),
                (None, _) => self.0.export("memory"),
            };
            let memory = found.and_then(Extern::into_memory);
            // Only a memory of 64 bits may outgrow what is reserved for it.
            let moves = memory.is_some_and(|memory| memory.ty(self.0.as_context()).is_64());
            let data = self.0.carried();
            (data.memory, data.memory_moves) = (memory, moves);
        }
        self.0.carried().memory
    }

    fn fuel_global(&mut self) -> Option<Global> {
        let data = self.0.carried();
        if data.fuel.is_none()
            && let (Some(instance), Some(export)) = (data.instance, data.linked.fuel)
        {
            let found = instance.get_module_export(&mut self.0, &export).and_then(Extern::into_global);
            self.0.carried().fuel = found;
        }
        self.0.carried().fuel
    }
}

/// One bit a value: is it 32 bits wide?
pub(super) fn narrow(types: &[ValueType]) -> u64 {
    let is_narrow = |ty: &ValueType| matches!(ty, ValueType::I32 | ValueType::F32);
    types.iter().take(u64::BITS as usize).enumerate().fold(0, |bits, (index, ty)| bits | u64::from(is_narrow(ty)) << index)
}

impl<C: Context> Instance for View<C> {
    fn call(&mut self, export: usize, slots: &mut [u64]) -> Result<()> {
        let entry = self.entry(export)?;
        let ended = self.inside(|view| {
            if slots.len() <= FEW {
                view.enter(entry, slots, &mut [ValRaw::u64(0); FEW][..slots.len()])
            } else {
                view.enter(entry, slots, &mut vec![ValRaw::u64(0); slots.len()])
            }
        })?;
        ended.map_err(|error| self.trapped(&error))
    }

    fn visit(&mut self, visit: &mut dyn Visit) -> Result<()> {
        let mut slots = [0; 2];
        let Some(first) = visit.next(self, &mut slots) else { return Ok(()) };
        let mut entry = self.entry(first)?;
        let ended = self.inside(|view| {
            loop {
                view.enter(entry, &mut slots, &mut [ValRaw::u64(0); 2])?;
                // Between its calls the guest's stack is as good as its caller's.
                let Some(next) = visit.next(view, &mut slots) else { return Ok(Ok(())) };
                match view.entry(next) {
                    Ok(next) => entry = next,
                    Err(error) => return Ok(Err(error)),
                }
            }
        })?;
        ended.map_err(|error| self.trapped(&error))?
    }

    fn memory(&mut self) -> &mut [u8] {
        match self.memory_export() {
            Some(memory) => memory.data_mut(self.0.as_context_mut()),
            None => &mut [],
        }
    }

    fn memory_moves(&mut self) -> bool {
        self.memory_export();
        self.0.carried().memory_moves
    }

    fn state(&mut self) -> &mut State {
        &mut self.0.carried().state
    }

    fn fuel(&mut self) -> i64 {
        let Some(global) = self.fuel_global() else { return 0 };
        global.get(self.0.as_context_mut()).i64().unwrap_or_default()
    }

    fn set_fuel(&mut self, units: i64) {
        if let Some(global) = self.fuel_global() {
            // It is mutable, and an i64.
            let _ = global.set(self.0.as_context_mut(), Val::I64(units));
        }
    }
}
