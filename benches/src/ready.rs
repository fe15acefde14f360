//! Runs a guest's `_initialize` and writes the module that starts where this ended (Wizer does). hostel does as much by
//! itself; with such a module, those that cannot are measured at their best.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use wasmtime::{Engine, Instance, Linker, Module, Store, Val};
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType, Wizer};

struct State {
    store: Store<()>,
    instance: Instance,
}

impl InstanceState for State {
    async fn global_get(&mut self, name: &str, _: ValType) -> SnapshotVal {
        let global = self.instance.get_global(&mut self.store, name).expect("an exported global");
        match global.get(&mut self.store) {
            Val::I32(value) => SnapshotVal::I32(value),
            Val::I64(value) => SnapshotVal::I64(value),
            other => panic!("the guests have no global like {other:?}"),
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        let memory = self.instance.get_memory(&mut self.store, name).expect("an exported memory");
        contents(memory.data(&self.store));
    }
}

/// The module, initialised.
pub fn initialised(wasm: &[u8]) -> Vec<u8> {
    let mut wizer = Wizer::new();
    wizer.init_func("_initialize");
    let (context, instrumented) = wizer.instrument(wasm).expect("the guest is valid");
    let engine = Engine::default();
    let module = Module::new(&engine, instrumented).expect("the guest compiles");
    let mut linker = Linker::new(&engine);
    linker.define_unknown_imports_as_traps(&module).expect("none is defined yet");
    let mut store = Store::new(&engine, ());
    let instance = linker.instantiate(&mut store, &module).expect("it links");
    let initialize = instance.get_typed_func::<(), ()>(&mut store, "_initialize").expect("a reactor");
    initialize.call(&mut store, ()).expect("no trap");
    at_once(wizer.snapshot(&context, &mut State { store, instance })).expect("a snapshot")
}

/// The outcome of a future that waits for nothing.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => unreachable!("nothing in it waits"),
    }
}
