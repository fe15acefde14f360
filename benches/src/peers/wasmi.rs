//! Plain wasmi.

use super::unpack;
use wasmi::{CompilationMode, Config, Engine, Linker, Memory, Module, Store, TypedFunc};

pub struct Wasmi {
    module: Module,
    linker: Linker<()>,
}

/// An instance that is kept.
pub struct Kept {
    store: Store<()>,
    memory: Memory,
    alloc: TypedFunc<u32, u32>,
    free: TypedFunc<(u32, u32), ()>,
    function: TypedFunc<(u32, u32), u64>,
}

impl Wasmi {
    pub fn new(wasm: &[u8]) -> Self {
        let mut config = Config::default();
        config.compilation_mode(CompilationMode::Eager);
        let engine = Engine::new(&config);
        let module = Module::new(&engine, wasm).expect("the guest is valid");
        let mut linker = Linker::new(&engine);
        linker.func_wrap("host", "add", |a: i32, b: i32| a.wrapping_add(b)).expect("not defined yet");
        Wasmi { module, linker }
    }

    pub fn fresh(&self, function: &str, input: &[u8], expected: usize) {
        self.keep(function).call(input, expected);
    }

    pub fn keep(&self, function: &str) -> Kept {
        let mut store = Store::new(self.module.engine(), ());
        let instance = self.linker.instantiate_and_start(&mut store, &self.module).expect("it links");
        Kept {
            memory: instance.get_memory(&store, "memory").expect("a memory"),
            alloc: instance.get_typed_func(&store, "hostel_alloc").expect("an allocator"),
            free: instance.get_typed_func(&store, "hostel_free").expect("an allocator"),
            function: instance.get_typed_func(&store, function).expect("the function"),
            store,
        }
    }
}

impl Kept {
    pub fn call(&mut self, input: &[u8], expected: usize) {
        let output = self.answer(input);
        assert_eq!(std::hint::black_box(output).len(), expected);
    }

    pub fn answer(&mut self, input: &[u8]) -> Vec<u8> {
        let store = &mut self.store;
        let ptr = self.alloc.call(&mut *store, input.len() as u32).expect("no trap");
        self.memory.write(&mut *store, ptr as usize, input).expect("in bounds");
        let (ptr, len) = unpack(self.function.call(&mut *store, (ptr, input.len() as u32)).expect("no trap"));
        let mut output = vec![0; len as usize];
        self.memory.read(&*store, ptr as usize, &mut output).expect("in bounds");
        self.free.call(&mut *store, (ptr, len)).expect("no trap");
        output
    }
}
