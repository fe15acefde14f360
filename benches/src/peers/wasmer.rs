//! Plain wasmer, with its compiler Cranelift.

use super::unpack;
use std::path::Path;
use wasmer::sys::{Cranelift, EngineBuilder, NativeEngineExt};
use wasmer::{Engine, Function, Instance, Memory, Module, Store, TypedFunction, imports};

pub struct Wasmer {
    engine: Engine,
    module: Module,
}

/// An instance that is kept.
pub struct Kept {
    store: Store,
    guest: Guest,
}

struct Guest {
    memory: Memory,
    alloc: TypedFunction<u32, u32>,
    free: TypedFunction<(u32, u32), ()>,
    function: TypedFunction<(u32, u32), u64>,
}

impl Wasmer {
    pub fn new(wasm: &[u8]) -> Self {
        let engine: Engine = EngineBuilder::new(Cranelift::default()).into();
        let module = Module::new(&engine, wasm).expect("the guest compiles");
        Wasmer { engine, module }
    }

    /// Its own fast loader, without a compiler.
    pub fn load(artifact: &Path) -> Self {
        let engine = Engine::headless();
        // SAFETY: the file was written by `save` on this machine.
        let module = unsafe { Module::deserialize_from_file_unchecked(&engine, artifact) }.expect("the artifact is whole");
        Wasmer { engine, module }
    }

    pub fn save(&self, artifact: &Path) {
        self.module.serialize_to_file(artifact).expect("the artifact can be written");
    }

    pub fn fresh(&self, function: &str, input: &[u8], expected: usize) {
        self.keep(function).call(input, expected);
    }

    pub fn keep(&self, function: &str) -> Kept {
        let mut store = Store::new(self.engine.clone());
        let add = Function::new_typed(&mut store, |a: i32, b: i32| a.wrapping_add(b));
        let instance = Instance::new(&mut store, &self.module, &imports! { "host" => { "add" => add } }).expect("it links");
        let exports = &instance.exports;
        let guest = Guest {
            memory: exports.get_memory("memory").expect("a memory").clone(),
            alloc: exports.get_typed_function(&store, "hostel_alloc").expect("an allocator"),
            free: exports.get_typed_function(&store, "hostel_free").expect("an allocator"),
            function: exports.get_typed_function(&store, function).expect("the function"),
        };
        Kept { store, guest }
    }
}

impl Kept {
    pub fn call(&mut self, input: &[u8], expected: usize) {
        let Kept { store, guest } = self;
        let ptr = guest.alloc.call(store, input.len() as u32).expect("no trap");
        guest.memory.view(store).write(ptr.into(), input).expect("in bounds");
        let (ptr, len) = unpack(guest.function.call(store, ptr, input.len() as u32).expect("no trap"));
        let mut output = vec![0; len as usize];
        guest.memory.view(store).read(ptr.into(), &mut output).expect("in bounds");
        guest.free.call(store, ptr, len).expect("no trap");
        assert_eq!(std::hint::black_box(output).len(), expected);
    }
}
