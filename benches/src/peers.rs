//! Plain wasmer and plain wasmi, used as their documentation says: three typed calls, and a copy of the output.

pub mod wasmer_plain {
    use wasmer::sys::EngineBuilder;
    use wasmer::{Function, Instance, Memory, Module, Store, TypedFunction, imports};

    pub struct Wasmer {
        module: Module,
        store: Store,
        guest: Guest,
    }

    struct Guest {
        memory: Memory,
        alloc: TypedFunction<u32, u32>,
        free: TypedFunction<(u32, u32), ()>,
        echo: TypedFunction<(u32, u32), u64>,
        host_calls: TypedFunction<(u32, u32), u64>,
    }

    impl Wasmer {
        pub fn new(wasm: &[u8]) -> Self {
            let mut store = Store::new(EngineBuilder::new(wasmer::sys::Cranelift::default()));
            let module = Module::new(&store, wasm).unwrap();
            let guest = Guest::new(&mut store, &module);
            Wasmer { module, store, guest }
        }

        pub fn reused(&mut self, input: &[u8]) {
            let output = self.guest.echo(&mut self.store, input);
            assert_eq!(std::hint::black_box(output).len(), input.len());
        }

        pub fn host_calls(&mut self, count: u32) {
            let ptr = self.guest.put(&mut self.store, &count.to_le_bytes());
            self.guest.host_calls.call(&mut self.store, ptr, 4).unwrap();
        }

        pub fn fresh(&self, input: &[u8]) {
            let mut store = Store::new(self.store.engine().clone());
            let output = Guest::new(&mut store, &self.module).echo(&mut store, input);
            assert_eq!(std::hint::black_box(output).len(), input.len());
        }
    }

    impl Guest {
        fn new(store: &mut Store, module: &Module) -> Self {
            let add = Function::new_typed(store, |a: i32, b: i32| a.wrapping_add(b));
            let instance = Instance::new(store, module, &imports! { "host" => { "add" => add } }).unwrap();
            let exports = &instance.exports;
            Guest {
                memory: exports.get_memory("memory").unwrap().clone(),
                alloc: exports.get_typed_function(store, "hostel_alloc").unwrap(),
                free: exports.get_typed_function(store, "hostel_free").unwrap(),
                echo: exports.get_typed_function(store, "echo").unwrap(),
                host_calls: exports.get_typed_function(store, "host_calls").unwrap(),
            }
        }

        fn put(&self, store: &mut Store, input: &[u8]) -> u32 {
            let ptr = self.alloc.call(store, input.len() as u32).unwrap();
            self.memory.view(store).write(ptr.into(), input).unwrap();
            ptr
        }

        fn echo(&self, store: &mut Store, input: &[u8]) -> Vec<u8> {
            let ptr = self.put(store, input);
            let packed = self.echo.call(store, ptr, input.len() as u32).unwrap();
            let (ptr, len) = ((packed >> 32) as u32, packed as u32);
            let mut output = vec![0; len as usize];
            self.memory.view(store).read(ptr.into(), &mut output).unwrap();
            self.free.call(store, ptr, len).unwrap();
            output
        }
    }
}

pub mod wasmi_plain {
    use wasmi::{Config, Engine, Extern, Func, Instance, Memory, Module, Store, TypedFunc};

    pub struct Wasmi {
        module: Module,
        store: Store<()>,
        guest: Guest,
    }

    struct Guest {
        memory: Memory,
        alloc: TypedFunc<u32, u32>,
        free: TypedFunc<(u32, u32), ()>,
        echo: TypedFunc<(u32, u32), u64>,
        host_calls: TypedFunc<(u32, u32), u64>,
    }

    impl Wasmi {
        pub fn new(wasm: &[u8]) -> Self {
            let mut config = Config::default();
            config.compilation_mode(wasmi::CompilationMode::Eager);
            let engine = Engine::new(&config);
            let module = Module::new(&engine, wasm).unwrap();
            let mut store = Store::new(&engine, ());
            let guest = Guest::new(&mut store, &module);
            Wasmi { module, store, guest }
        }

        pub fn reused(&mut self, input: &[u8]) {
            let output = self.guest.echo(&mut self.store, input);
            assert_eq!(std::hint::black_box(output).len(), input.len());
        }

        pub fn host_calls(&mut self, count: u32) {
            let ptr = self.guest.put(&mut self.store, &count.to_le_bytes());
            self.guest.host_calls.call(&mut self.store, (ptr, 4)).unwrap();
        }

        pub fn fresh(&self, input: &[u8]) {
            let mut store = Store::new(self.module.engine(), ());
            let output = Guest::new(&mut store, &self.module).echo(&mut store, input);
            assert_eq!(std::hint::black_box(output).len(), input.len());
        }
    }

    impl Guest {
        fn new(store: &mut Store<()>, module: &Module) -> Self {
            let add = Func::wrap(&mut *store, |a: i32, b: i32| a.wrapping_add(b));
            let instance = Instance::new(&mut *store, module, &[Extern::Func(add)]).unwrap();
            Guest {
                memory: instance.get_memory(&*store, "memory").unwrap(),
                alloc: instance.get_typed_func(&*store, "hostel_alloc").unwrap(),
                free: instance.get_typed_func(&*store, "hostel_free").unwrap(),
                echo: instance.get_typed_func(&*store, "echo").unwrap(),
                host_calls: instance.get_typed_func(&*store, "host_calls").unwrap(),
            }
        }

        fn put(&self, store: &mut Store<()>, input: &[u8]) -> u32 {
            let ptr = self.alloc.call(&mut *store, input.len() as u32).unwrap();
            self.memory.write(&mut *store, ptr as usize, input).unwrap();
            ptr
        }

        fn echo(&self, store: &mut Store<()>, input: &[u8]) -> Vec<u8> {
            let ptr = self.put(store, input);
            let packed = self.echo.call(&mut *store, (ptr, input.len() as u32)).unwrap();
            let (ptr, len) = ((packed >> 32) as u32, packed as u32);
            let mut output = vec![0; len as usize];
            self.memory.read(&*store, ptr as usize, &mut output).unwrap();
            self.free.call(&mut *store, (ptr, len)).unwrap();
            output
        }
    }
}
