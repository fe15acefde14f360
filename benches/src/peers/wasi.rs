//! Programs of WASI on wasmtime, as its users run them: a store and a context for each.

use super::wasmtime::{Allocation, engine};
use std::path::Path;
use wasmtime::{InstancePre, Linker, Module, Store};
use wasmtime_wasi::p1::{WasiP1Ctx, add_to_linker_sync};
use wasmtime_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

pub struct Program {
    linked: InstancePre<WasiP1Ctx>,
    /// Files are read on the calling thread, which is not the default.
    in_place: bool,
}

impl Program {
    pub fn new(allocation: Allocation, wasm: &[u8], in_place: bool) -> Self {
        let engine = engine(allocation);
        let mut linker = Linker::new(&engine);
        add_to_linker_sync(&mut linker, |context| context).expect("not defined yet");
        let linked = linker.instantiate_pre(&Module::new(&engine, wasm).expect("it compiles")).expect("it links");
        Program { linked, in_place }
    }

    /// What it has written.
    pub fn run(&self, arguments: &[&str], input: &[u8], directory: Option<&Path>) -> Vec<u8> {
        let output = MemoryOutputPipe::new(16 << 20);
        let mut builder = WasiCtxBuilder::new();
        builder
            .allow_blocking_current_thread(self.in_place)
            .args(arguments)
            .stdin(MemoryInputPipe::new(input.to_vec()))
            .stdout(output.clone());
        if let Some(directory) = directory {
            builder.preopened_dir(directory, "/data", FsPerms::ReadOnly).expect("it can be opened");
        }
        let mut store = Store::new(self.linked.module().engine(), builder.build_p1());
        let instance = self.linked.instantiate(&mut store).expect("it links");
        let start = instance.get_typed_func::<(), ()>(&mut store, "_start").expect("a program");
        start.call(&mut store, ()).expect("it ends well");
        drop(store);
        output.contents().to_vec()
    }
}
