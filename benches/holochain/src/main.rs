//! Measures holochain_wasmer_host on a guest, called as its documentation says, and prints the figures as JSON:
//! holochain-bench GUEST. The benchmarks beside it run this as a program of its own.

#[path = "../../src/measure.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod measure;

use holochain_wasmer_host::module::{ModuleCache, sys};
use holochain_wasmer_host::prelude::*;
use measure::{Contender, nanoseconds};
use serde_bytes::ByteBuf;
use std::hint::black_box;
use std::sync::Arc;
use wasmer::{AsStoreMut, Function, FunctionEnv, FunctionEnvMut, Instance, Module, Store, imports};

const HOST_CALLS: u32 = 1_000;

/// The host function that the guest calls: the next number.
fn next(mut env: FunctionEnvMut<Env>, ptr: GuestPtr, len: Len) -> Result<u64, wasmer::RuntimeError> {
    let (env, mut store) = env.data_and_store_mut();
    let number: u32 = env.consume_bytes_from_guest(&mut store, ptr, len)?;
    env.move_data_to_guest(&mut store, Ok::<u32, WasmError>(number + 1))
}

/// The guest imports these as well; nothing that is measured calls them.
fn unused(_: FunctionEnvMut<Env>, _: GuestPtr, _: Len) -> Result<u64, wasmer::RuntimeError> {
    Err(wasm_error!("not measured").into())
}

struct Guest {
    store: Store,
    instance: Arc<Instance>,
}

impl Guest {
    fn new(module: &Module) -> Self {
        let mut store = Store::new(sys::make_runtime_engine());
        let env = FunctionEnv::new(&mut store, Env::default());
        let imports = imports! { "env" => {
            "__hc__next_1" => Function::new_typed_with_env(&mut store, &env, next),
            "__hc__answer_1" => Function::new_typed_with_env(&mut store, &env, unused),
            "__hc__short_circuit_5" => Function::new_typed_with_env(&mut store, &env, unused),
        } };
        let instance = Instance::new(&mut store, module, &imports).expect("the guest links");
        let exports = &instance.exports;
        let ready = Env {
            memory: exports.get_memory("memory").ok().cloned(),
            allocate: exports.get_typed_function(&store, "__hc__allocate_1").ok(),
            deallocate: exports.get_typed_function(&store, "__hc__deallocate_1").ok(),
            ..Env::default()
        };
        *env.as_mut(&mut store) = ready;
        Guest { store, instance: Arc::new(instance) }
    }

    fn bytes(&mut self, input: &ByteBuf) {
        let output: ByteBuf =
            guest::call(&mut self.store.as_store_mut(), Arc::clone(&self.instance), "bytes", input).expect("bytes come back");
        assert_eq!(black_box(output).len(), input.len());
    }

    fn host_calls(&mut self, times: u32) {
        let last: u32 = guest::call(&mut self.store.as_store_mut(), Arc::clone(&self.instance), "ask_often", times)
            .expect("the host answers");
        assert_eq!(last, times);
    }
}

fn main() {
    let path = std::env::args().nth(1).expect("usage: holochain-bench GUEST");
    let wasm = std::fs::read(&path).unwrap_or_else(|error| panic!("cannot read {path}: {error}"));
    let cache = ModuleCache::new(sys::make_cranelift_engine, sys::make_runtime_engine, None);
    let module = cache.get([0; 32], &wasm).expect("the guest compiles");
    let (small, large) = (ByteBuf::from(vec![7; 64]), ByteBuf::from(vec![7; 1 << 20]));
    let mut kept = Guest::new(&module);
    // One after the other, and the kept instance is the same in all of them: its metering never runs out here.
    let reused = nanoseconds(&mut [Contender::new("reused", || kept.bytes(&small))])[0];
    let fresh = nanoseconds(&mut [Contender::new("fresh", || Guest::new(&module).bytes(&small))])[0];
    let host = nanoseconds(&mut [Contender::new("host", || kept.host_calls(HOST_CALLS))])[0];
    let mib = nanoseconds(&mut [Contender::new("1 MiB", || kept.bytes(&large))])[0];
    println!(
        r#"{{"reused_ns": {reused:.1}, "fresh_us": {:.3}, "host_call_ns": {:.1}, "mib_us": {:.2}}}"#,
        fresh / 1e3,
        host / f64::from(HOST_CALLS),
        mib / 1e3
    );
}
