//! wasmtime: with instances made on demand, from its pool, and from its pool tuned as far as it goes.

use super::unpack;
use std::path::Path;
use wasmtime::{Config, Enabled, Engine, InstancePre, Linker, Memory, Module, PoolingAllocationConfig, Store, TypedFunc};

/// How instances are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allocation {
    OnDemand,
    /// The pool as it is by default.
    Pooling,
    /// The pool with memory kept resident, and what was written found by PAGEMAP_SCAN.
    Best,
}

pub struct Wasmtime {
    module: Module,
    linked: InstancePre<()>,
}

/// What loads artifacts.
pub struct Loader(Engine);

/// An instance that is kept.
pub struct Kept {
    store: Store<()>,
    memory: Memory,
    alloc: TypedFunc<u32, u32>,
    free: TypedFunc<(u32, u32), ()>,
    function: TypedFunc<(u32, u32), u64>,
}

impl Wasmtime {
    pub fn new(allocation: Allocation, wasm: &[u8]) -> Self {
        let engine = engine(allocation);
        Self::link(Module::new(&engine, wasm).expect("the guest compiles"))
    }

    /// Its own loader.
    pub fn load(artifact: &Path) -> Self {
        let engine = engine(Allocation::OnDemand);
        // SAFETY: the file was written by `save` on this machine.
        Self::link(unsafe { Module::deserialize_file(&engine, artifact) }.expect("the artifact is whole"))
    }

    pub fn save(&self, artifact: &Path) {
        let bytes = self.module.serialize().expect("a compiled module");
        std::fs::write(artifact, bytes).expect("the artifact can be written");
    }

    fn link(module: Module) -> Self {
        let mut linker = Linker::new(module.engine());
        linker.func_wrap("host", "add", |a: i32, b: i32| a.wrapping_add(b)).expect("not defined yet");
        let linked = linker.instantiate_pre(&module).expect("it links");
        Wasmtime { module, linked }
    }

    pub fn fresh(&self, function: &str, input: &[u8], expected: usize) {
        self.keep(function).call(input, expected);
    }

    pub fn keep(&self, function: &str) -> Kept {
        let mut store = Store::new(self.module.engine(), ());
        let instance = self.linked.instantiate(&mut store).expect("it links");
        Kept {
            memory: instance.get_memory(&mut store, "memory").expect("a memory"),
            alloc: instance.get_typed_func(&mut store, "hostel_alloc").expect("an allocator"),
            free: instance.get_typed_func(&mut store, "hostel_free").expect("an allocator"),
            function: instance.get_typed_func(&mut store, function).expect("the function"),
            store,
        }
    }
}

impl Loader {
    pub fn new() -> Self {
        Loader(engine(Allocation::OnDemand))
    }

    /// Loads one, and lets go of it.
    pub fn load(&self, artifact: &Path) {
        // SAFETY: the file was written by `Wasmtime::save` on this machine.
        drop(unsafe { Module::deserialize_file(&self.0, artifact) }.expect("the artifact is whole"));
    }
}

impl Kept {
    pub fn call(&mut self, input: &[u8], expected: usize) {
        let store = &mut self.store;
        let ptr = self.alloc.call(&mut *store, input.len() as u32).expect("no trap");
        self.memory.write(&mut *store, ptr as usize, input).expect("in bounds");
        let (ptr, len) = unpack(self.function.call(&mut *store, (ptr, input.len() as u32)).expect("no trap"));
        let mut output = vec![0; len as usize];
        self.memory.read(&*store, ptr as usize, &mut output).expect("in bounds");
        self.free.call(&mut *store, (ptr, len)).expect("no trap");
        assert_eq!(std::hint::black_box(output).len(), expected);
    }
}

/// With its instances made in this way.
pub fn engine(allocation: Allocation) -> Engine {
    let mut config = Config::new();
    if allocation != Allocation::OnDemand {
        let mut pool = PoolingAllocationConfig::default();
        pool.max_memory_size(64 << 20);
        if allocation == Allocation::Best {
            const KEPT: usize = 16 << 20; // more than any guest here has
            pool.linear_memory_keep_resident(KEPT).table_keep_resident(KEPT).pagemap_scan(Enabled::Auto);
        }
        config.allocation_strategy(pool);
    }
    Engine::new(&config).expect("the settings are valid")
}
