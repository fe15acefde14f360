//! A live instance of compiled code.

use super::entry::{Entering, Entry};
use super::memory::{Made, RoomTunables};
use super::snapshot::{self, Kept};
use super::{Compiled, guards, host, trap};
use crate::call::State;
use crate::engine::{Host, Instance, NoInstance, Setup, Visit};
use crate::room::memory::{Memories, Memory};
use crate::room::snapshot::Snapshot;
use crate::{Error, Result};
use alloc::{boxed::Box, sync::Arc, vec, vec::Vec};
use core::cell::RefCell;
use core::ptr::NonNull;
use wasmer_types::entity::EntityRef;
use wasmer_types::{ExportIndex, FunctionIndex, GlobalIndex, MemoryIndex};
use wasmer_vm::{
    LinearMemory, StoreObjects, TrapHandlerFn, VMConfig, VMExtern, VMGlobalDefinition, VMInstance, VMMemoryDefinition,
    on_host_stack,
};

/// A live instance; owns what its handle points to.
pub(super) struct WasmerInstance(Handle);

// SAFETY: an instance owns all that its raw pointers point to (its memories, its objects, itself), and is used by
// one thread at a time, which `&mut self` and wasmer's thread-independent code make enough.
unsafe impl Send for WasmerInstance {}

impl Drop for WasmerInstance {
    fn drop(&mut self) {
        // SAFETY: `new` made the pointer from a box, nobody else frees it, and no call runs: we are being dropped.
        drop(unsafe { Box::from_raw(self.0.0.as_ptr()) });
    }
}

/// Points to an instance. Its owner and the host functions that it calls use the same pointer, each for a moment:
/// no reference into the instance is held while a guest runs.
#[derive(Clone, Copy)]
pub(super) struct Handle(NonNull<Inner>);

/// What an instance refers to. It adds to them by a pointer of its own, for instance when it is asked for a function: so they are
/// looked at for a moment at a time, and no reference to them is kept over anything that the instance does.
pub(super) struct Objects(NonNull<StoreObjects>);

impl Objects {
    fn new() -> Self {
        Objects(NonNull::from(Box::leak(Box::<StoreObjects>::default())))
    }

    pub fn get(&self) -> &StoreObjects {
        // SAFETY: `new` made the pointer from a box, which `drop` frees; and see above.
        unsafe { self.0.as_ref() }
    }

    fn get_mut(&mut self) -> &mut StoreObjects {
        // SAFETY: as above.
        unsafe { self.0.as_mut() }
    }
}

impl Drop for Objects {
    fn drop(&mut self) {
        // SAFETY: `new` made the pointer from a box, and nobody else frees it.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// What an instance is made of; at one address, because machine code and host functions point to it.
struct Inner {
    // Dropped in this order: the instance, then the objects it refers to, then the code.
    instance: Option<VMInstance>,
    objects: Objects,
    /// Exported functions by position, resolved when first called.
    entries: Vec<Option<Entry>>,
    memory: Option<NonNull<VMMemoryDefinition>>,
    /// The counter of fuel.
    fuel: Option<NonNull<VMGlobalDefinition>>,
    /// Its memories and tables; the objects point into them.
    made: Made,
    /// What is put back after each call, when it was made like a snapshot.
    kept: Option<Kept>,
    /// How much stack its guest gets.
    config: VMConfig,
    host: Arc<dyn Host>,
    state: State,
    code: Arc<Compiled>,
}

impl WasmerInstance {
    pub fn new(code: Arc<Compiled>, setup: Setup) -> Result<Self, Box<NoInstance>> {
        let tunables = RoomTunables {
            gate: setup.state.memory.clone(),
            table_elements_max: setup.table_elements_max,
            memory_bytes_max: setup.memory_bytes_max,
            like: setup.like,
            spare: RefCell::new(setup.spare),
            stop: setup.state.stop.clone(),
            stop_memory: code.info.meters.as_ref().and_then(|meters| meters.deadline_memory),
            made: RefCell::default(),
        };
        let inner = Box::new(Inner {
            instance: None,
            objects: Objects::new(),
            entries: vec![None; code.info.exports.len()],
            memory: None,
            fuel: None,
            made: Made::default(),
            kept: None,
            config: VMConfig { wasm_stack_size: Some(setup.stack_bytes + guards::BUILTINS) },
            host: setup.host,
            state: setup.state,
            code,
        });
        let mut this = WasmerInstance(Handle(NonNull::from(Box::leak(inner)))); // frees it, also when the rest fails
        match this.0.start(tunables) {
            Ok(()) => Ok(this),
            Err(error) => {
                let fuel = this.0.fuel();
                Err(Box::new(NoInstance { error, state: core::mem::take(this.0.state()), fuel }))
            }
        }
    }
}

impl Instance for WasmerInstance {
    fn call(&mut self, export: usize, slots: &mut [u64]) -> Result<()> {
        self.0.call(export, slots)
    }

    fn visit(&mut self, visit: &mut dyn Visit) -> Result<()> {
        self.0.visit(visit)
    }

    fn memory(&mut self) -> &mut [u8] {
        self.0.memory()
    }

    fn state(&mut self) -> &mut State {
        self.0.state()
    }

    fn fuel(&mut self) -> i64 {
        self.0.fuel()
    }

    fn set_fuel(&mut self, units: i64) {
        self.0.set_fuel(units);
    }

    fn snapshot(&mut self) -> Option<Snapshot> {
        // SAFETY: see `inner`; no call runs, and the borrow ends here.
        let inner = unsafe { self.0.inner() };
        let instance = inner.instance.as_mut().filter(|instance| snapshot::can_be_taken(instance.module()))?;
        snapshot::take(instance, &inner.objects, &inner.made)
    }

    fn memories(&mut self) -> &mut [Box<Memory>] {
        // SAFETY: see `inner`; no call runs while `self` is borrowed.
        unsafe { &mut self.0.inner().made.memories }
    }

    fn into_memories(self: Box<Self>) -> Memories {
        // SAFETY: see `inner`; no call runs, and what still points to the memories is dropped without a look at them.
        unsafe { core::mem::take(&mut self.0.inner().made.memories) }
    }

    fn restore(&mut self) {
        // SAFETY: see `inner`; no call runs, and the borrow ends here.
        let inner = unsafe { self.0.inner() };
        let mut bytes = 0;
        for (memory, definition) in inner.made.memories.iter().zip(&mut inner.made.definitions) {
            // SAFETY: the definition is the instance's, and no call runs.
            unsafe { definition.as_mut() }.current_length = memory.size();
            bytes += memory.size() as u64;
        }
        inner.state.memory.set_taken(bytes);
        if let Some(kept) = &inner.kept {
            kept.restore();
        }
    }
}

impl Instance for Handle {
    fn call(&mut self, export: usize, slots: &mut [u64]) -> Result<()> {
        let entry = self.entry(export)?;
        let (config, faults) = self.entering();
        // SAFETY: the entry is of this instance, which lives as long as its handles; its settings never change.
        let outcome = unsafe { entry.call(Entering { config: &*config, faults }, slots) };
        outcome.map_err(|trap| self.trapped(trap))
    }

    fn visit(&mut self, visit: &mut dyn Visit) -> Result<()> {
        let mut slots = [0; 2];
        let Some(first) = visit.next(self, &mut slots) else { return Ok(()) };
        let first = self.entry(first)?;
        let mut steps = Steps { instance: *self, visit };
        let steps: *mut Steps<'_> = &mut steps;
        let steps = steps as usize; // `catch_traps` wants nothing borrowed; `steps` lives until it has returned
        let (config, faults) = self.entering();
        let run = move || {
            // SAFETY: it runs once, before this returns, and nobody else uses them meanwhile.
            unsafe { (*(steps as *mut Steps<'_>)).run(first, slots) }
        };
        // SAFETY: the closure owns nothing that would have to be dropped, and the settings never change.
        let outcome = unsafe { wasmer_vm::catch_traps(Some(faults), &*config, run) };
        outcome.map_err(|trap| self.trapped(trap))?
    }

    fn memory(&mut self) -> &mut [u8] {
        // SAFETY: see `inner`. wasmer keeps the definition true: `base` is the start of `current_length` readable and
        // writable bytes, which only guest code (not running now) and `&mut self` reach.
        unsafe {
            let Some(definition) = self.inner().memory else { return &mut [] };
            let definition = definition.as_ref();
            core::slice::from_raw_parts_mut(definition.base, definition.current_length)
        }
    }

    fn state(&mut self) -> &mut State {
        // SAFETY: see `inner`.
        unsafe { &mut self.inner().state }
    }

    fn fuel(&mut self) -> i64 {
        // SAFETY: see `inner`; the definition is the instance's, and its code, which does not run now, keeps an i64 there.
        unsafe { self.inner().fuel.map_or(0, |global| global.as_ref().val.i64) }
    }

    fn set_fuel(&mut self, units: i64) {
        // SAFETY: as above.
        unsafe {
            if let Some(global) = &mut self.inner().fuel {
                global.as_mut().val.i64 = units;
            }
        }
    }
}

/// The calls of a visit, made on the guest's stack; between them everything runs on the host's.
struct Steps<'a> {
    instance: Handle,
    visit: &'a mut dyn Visit,
}

impl Steps<'_> {
    fn run(&mut self, first: Entry, mut slots: [u64; 2]) -> Result<()> {
        let mut entry = first;
        loop {
            // SAFETY: the entry is of this instance, which lives as long as its handles, and nothing here needs dropping.
            unsafe { entry.call_inside(&mut slots) };
            let next = on_host_stack(|| {
                let next = self.visit.next(&mut self.instance, &mut slots);
                next.map(|export| self.instance.entry(export)).transpose()
            });
            match next {
                Ok(Some(next)) => entry = next,
                Ok(None) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

impl Handle {
    /// The exported function at this position.
    fn entry(self, export: usize) -> Result<Entry> {
        // SAFETY: see below; the borrow ends here.
        let inner = unsafe { self.inner() };
        match inner.entries.get(export) {
            Some(Some(entry)) => Ok(*entry),
            _ => inner.resolve(export),
        }
    }

    /// Its settings, and whose a fault is while it runs: both as long as it lives.
    fn entering(self) -> (*const VMConfig, *const TrapHandlerFn<'static>) {
        // SAFETY: see below; the borrow ends here.
        let inner = unsafe { self.inner() };
        (&raw const inner.config, inner.code.image.faults())
    }

    /// Makes the instance and runs the start function.
    fn start(self, mut tunables: RoomTunables) -> Result<()> {
        // SAFETY: nothing else has the pointer yet, and no guest runs before `finish_instantiation`.
        let inner = unsafe { self.inner() };
        let code = inner.code.clone();
        let host = Arc::as_ptr(&inner.host);
        let imports = code.imports.iter().enumerate();
        // SAFETY: the objects and the host live inside what the handle points to.
        let link = |(import, signature)| unsafe { host::link(inner.objects.get_mut(), self, host, import, signature) };
        let imports: Vec<VMExtern> = imports.map(link).collect::<Result<_>>()?;
        // SAFETY: the artifact is of this process and machine, the imports have the types it asks for (linking has
        // checked), and the objects stay at their boxed address as long as the instance lives.
        let made = unsafe { code.image.instantiate(&tunables, &imports, inner.objects.get_mut()) };
        inner.made = core::mem::take(tunables.made.get_mut());
        let mut instance = trap::instantiated(made, &code, &mut inner.state)?;
        if let Some(like) = &tunables.like {
            snapshot::apply(like, &mut instance, &inner.objects, &inner.made);
            inner.kept = Some(Kept::new(&mut instance, &inner.objects, &inner.made, code.info.writes_tables));
        }
        // The start function may call the host, and the host the guest, so all must be in place before it runs.
        inner.memory = find_memory(&code, &mut instance, &inner.objects);
        inner.fuel = find_fuel(&code, &mut instance, &inner.objects);
        let instance: *mut VMInstance = inner.instance.insert(instance);
        if tunables.like.is_some() {
            return Ok(()); // it has started already, in another room
        }
        let config: *const VMConfig = &raw const inner.config;
        if let Some(given) = inner.state.fuel {
            Handle::set_fuel(&mut self.clone(), given);
        }
        // SAFETY: called once, right after the instance was made; host functions only look functions up in it, and
        // nothing changes the settings.
        let started = unsafe { code.image.finish_instantiation(&*config, &mut *instance) };
        // SAFETY: the guest has returned; see `inner`.
        trap::instantiated(started, &code, unsafe { &mut self.inner().state })
    }

    #[cold]
    fn trapped(self, trap: wasmer_vm::Trap) -> Error {
        // SAFETY: see below; the guest's frames are gone.
        let inner = unsafe { self.inner() };
        trap::error(trap, &inner.code, &mut inner.state)
    }

    /// # Safety
    /// The instance lives, and the borrow ends before a guest is entered or another borrow begins. Owner and host
    /// functions take turns on one thread: whoever has a handle is the only one who runs.
    unsafe fn inner<'a>(self) -> &'a mut Inner {
        // SAFETY: the caller's promise.
        unsafe { &mut *self.0.as_ptr() }
    }
}

fn find_memory(code: &Compiled, instance: &mut VMInstance, objects: &Objects) -> Option<NonNull<VMMemoryDefinition>> {
    let export = code.info.memory()?;
    let index = MemoryIndex::new(code.info.exports[export].index as usize);
    match instance.lookup_by_declaration(ExportIndex::Memory(index)) {
        VMExtern::Memory(handle) => Some(handle.get(objects.get()).vmmemory()),
        _ => None,
    }
}

fn find_fuel(code: &Compiled, instance: &mut VMInstance, objects: &Objects) -> Option<NonNull<VMGlobalDefinition>> {
    let index = GlobalIndex::new(code.info.meters.as_ref()?.fuel_global? as usize);
    match instance.lookup_by_declaration(ExportIndex::Global(index)) {
        VMExtern::Global(handle) => Some(handle.get(objects.get()).vmglobal()),
        _ => None,
    }
}

impl Inner {
    #[cold]
    fn resolve(&mut self, export: usize) -> Result<Entry> {
        let missing = || Error::Internal("a call of something that is not a function".into());
        let ty = self.code.info.function_type(export).ok_or_else(missing)?;
        let index = FunctionIndex::new(self.code.info.exports[export].index as usize);
        let instance = self.instance.as_mut().ok_or_else(missing)?;
        let VMExtern::Function(handle) = instance.lookup_by_declaration(ExportIndex::Function(index)) else {
            return Err(missing());
        };
        // SAFETY: the object holds a pointer to a function record of the instance, which lives as long as we do.
        let entry = unsafe { Entry::new(*handle.get(self.objects.get()).anyfunc.as_ptr().as_ref(), ty) };
        self.entries[export] = Some(entry);
        Ok(entry)
    }
}
