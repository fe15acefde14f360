//! A live instance: a store with all that its host functions need.

use super::code::{Compiled, Linked};
use super::stack::{self, Place};
use super::trap;
use super::word::Word;
use crate::call::State;
use crate::engine::{Host, Instance, NoInstance, Setup, Visit};
use crate::inspect::ValueType;
use crate::sys::process::MadeHere;
use crate::{Error, Result};
use alloc::{boxed::Box, sync::Arc, vec};
use wasmtime::{AsContextMut, Caller, Extern, Func, Global, Memory, PoolConcurrencyLimitError, Store, Val, ValRaw};

/// Calls with up to this many values keep them in an array on the stack.
pub(super) const FEW: usize = 4;

/// A live instance.
pub(super) struct WasmtimeInstance {
    // Dropped in this order: nobody writes to the guest's word any more, the instance goes, then its code.
    _word: Option<Word>,
    view: MadeHere<View<Store<Data>>>,
    _code: Arc<Compiled>,
}

/// What a store carries.
pub(super) struct Data {
    instance: Option<wasmtime::Instance>,
    linked: Arc<Linked>,
    pub code: Arc<Compiled>,
    pub host: Arc<dyn Host>,
    pub state: State,
    pub table_elements_max: u64,
    stack_bytes: usize,
    /// Where it runs, while it is entered.
    place: Option<Place>,
    /// The functions called last, by position.
    entries: [Option<(usize, Entry)>; FEW],
    memory: Option<Memory>,
    fuel: Option<Global>,
    /// The bytes that a memory is about to grow by.
    pub growing: u64,
}

impl Data {
    /// Whether its instance is there, so that code of the guest may run.
    pub fn is_made(&self) -> bool {
        self.instance.is_some()
    }
}

/// An exported function, resolved.
#[derive(Clone, Copy)]
struct Entry {
    function: Func,
    /// Bit n: result n is 32 bits wide.
    narrow_results: u64,
}

impl WasmtimeInstance {
    pub fn new(code: Arc<Compiled>, setup: Setup) -> Result<Self, Box<NoInstance>> {
        let linked = match code.linked() {
            Ok(linked) => linked.clone(),
            Err(error) => return Err(Box::new(NoInstance { error, state: setup.state, fuel: 0 })),
        };
        let stop = setup.state.stop.clone();
        let mut view = View(linked.store(Data {
            instance: None,
            linked: linked.clone(),
            code: code.clone(),
            host: setup.host,
            state: setup.state,
            table_elements_max: setup.table_elements_max,
            stack_bytes: setup.stack_bytes,
            place: None,
            entries: [None; FEW],
            memory: None,
            fuel: None,
            growing: 0,
        }));
        let mut made = view.make();
        if let Err(NotMade::Full) = made {
            // The pool has no place left: this one gets memories of its own.
            match code.linked_on_demand() {
                Ok(linked) => {
                    let data = view.0.into_data();
                    data.state.memory.set_taken(0);
                    view = View(linked.store(Data { linked: linked.clone(), ..data }));
                    made = view.make();
                }
                Err(error) => made = Err(NotMade::Because(error)),
            }
        }
        let started = made.map_err(NotMade::into_error).and_then(|()| {
            // SAFETY: it goes before the instance, here and below.
            let word = view.word().map(|at| unsafe { Word::new(stop, at) });
            view.start().map(|()| word)
        });
        match started {
            Ok(word) => Ok(WasmtimeInstance { _word: word, view: MadeHere::new(view), _code: code }),
            Err(error) => {
                let fuel = view.fuel();
                Err(Box::new(NoInstance { error, state: core::mem::take(view.state()), fuel }))
            }
        }
    }
}

/// Why there is no instance.
enum NotMade {
    /// All places of the pool are taken.
    Full,
    Because(Error),
}

impl NotMade {
    fn into_error(self) -> Error {
        match self {
            NotMade::Full => Error::OutOfResources("no place is left for an instance".into()),
            NotMade::Because(error) => error,
        }
    }
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

impl View<Store<Data>> {
    /// Makes the instance.
    fn make(&mut self) -> Result<(), NotMade> {
        let linked = self.0.data().linked.clone();
        let pre = linked.pre().map_err(NotMade::Because)?;
        // It runs the start function too, unless that waits to be called.
        let made = if linked.starts() {
            self.inside(|view| pre.instantiate(&mut view.0)).map_err(NotMade::Because)?
        } else {
            pre.instantiate(&mut self.0)
        };
        let data = self.0.data_mut();
        match made {
            Ok(instance) => {
                data.instance = Some(instance);
                if data.code.has_word() {
                    // What was made for the limits is not counted; no code of the guest has run yet.
                    data.state.memory.set_taken(data.code.info.memory_bytes_at_start());
                }
                Ok(())
            }
            Err(error) if error.is::<PoolConcurrencyLimitError>() => Err(NotMade::Full),
            Err(error) => Err(NotMade::Because(trap::not_made(&error, data.code.info.meters.as_ref(), &mut data.state))),
        }
    }

    /// Runs the start function that waits to be called, within the bounds of the state.
    fn start(&mut self) -> Result<()> {
        if let Some(given) = self.state().fuel {
            self.set_fuel(given);
        }
        let Some(export) = self.0.data().linked.start else { return Ok(()) };
        let instance = self.0.data().instance;
        let start = instance.and_then(|instance| instance.get_module_export(&mut self.0, &export)).and_then(Extern::into_func);
        let function = start.ok_or_else(|| Error::Internal("the start function is not there".into()))?;
        let ended = self.inside(|view| view.enter(Entry { function, narrow_results: 0 }, &mut [], &mut []))?;
        ended.map_err(|error| self.trapped(&error))
    }

    /// Where the guest looks whether it is to stop.
    fn word(&mut self) -> Option<*mut u8> {
        let export = self.0.data().linked.word?;
        let memory = self.0.data().instance?.get_module_export(&mut self.0, &export)?.into_memory()?;
        Some(memory.data_ptr(&self.0))
    }
}

impl<C: Context> View<C> {
    /// Runs `f` on the instance's stack.
    fn inside<R>(&mut self, f: impl FnOnce(&mut Self) -> R) -> Result<R> {
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
        unsafe { place.outside(|left| (*view).0.carried().place = Some(left), || f(&mut *view)) }
    }

    /// Calls a function from inside. There are as many values as slots, at least.
    fn enter(&mut self, entry: Entry, slots: &mut [u64], values: &mut [ValRaw]) -> wasmtime::Result<()> {
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
    fn trapped(&mut self, error: &wasmtime::Error) -> Error {
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
            self.0.carried().memory = found.and_then(Extern::into_memory);
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

impl Instance for WasmtimeInstance {
    fn call(&mut self, export: usize, slots: &mut [u64]) -> Result<()> {
        self.view.call(export, slots)
    }

    fn visit(&mut self, visit: &mut dyn Visit) -> Result<()> {
        self.view.visit(visit)
    }

    fn memory(&mut self) -> &mut [u8] {
        self.view.memory()
    }

    fn state(&mut self) -> &mut State {
        self.view.state()
    }

    fn fuel(&mut self) -> i64 {
        self.view.fuel()
    }

    fn set_fuel(&mut self, units: i64) {
        self.view.set_fuel(units);
    }
}
