//! A live instance: a store with all that its host functions need.

use super::code::{Compiled, Linked};
use super::stack::Place;
use super::trap;
use super::view::{Entry, FEW, View};
use super::word::Word;
use crate::call::State;
use crate::engine::{Host, Instance, NoInstance, Setup, Visit};
use crate::sys::process::MadeHere;
use crate::{Error, Result};
use alloc::{boxed::Box, sync::Arc};
use wasmtime::{Extern, Global, Memory, PoolConcurrencyLimitError, Store};

/// A live instance.
pub(super) struct WasmtimeInstance {
    // Dropped in this order: nobody writes to the guest's word any more, the instance goes, then its code.
    _word: Option<Word>,
    view: MadeHere<View<Store<Data>>>,
    _code: Arc<Compiled>,
}

/// What a store carries.
pub(super) struct Data {
    pub instance: Option<wasmtime::Instance>,
    pub linked: Arc<Linked>,
    pub code: Arc<Compiled>,
    pub host: Arc<dyn Host>,
    pub state: State,
    pub table_elements_max: u64,
    pub stack_bytes: usize,
    /// Where it runs, while it is entered.
    pub place: Option<Place>,
    /// The functions called last, by position.
    pub entries: [Option<(usize, Entry)>; FEW],
    pub memory: Option<Memory>,
    /// Whether that may come to lie elsewhere.
    pub memory_moves: bool,
    pub fuel: Option<Global>,
    /// The bytes that a memory is about to grow by.
    pub growing: u64,
}

impl Data {
    /// Whether its instance is there, so that code of the guest may run.
    pub fn is_made(&self) -> bool {
        self.instance.is_some()
    }
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
            memory_moves: false,
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
