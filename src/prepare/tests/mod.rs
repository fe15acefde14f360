//! What prepared modules do, against what they did before, on the interpreter.

mod bulk;
mod costs;
mod crowded;
mod hostile;
mod proposals;
mod reference;
mod sections;
#[cfg(any(feature = "wasmer", feature = "wasmtime"))]
mod types;

use super::{DEADLINE_EXPORT, FUEL_EXPORT, Options, Prepared, Weights};
use alloc::{string::String, vec::Vec};
use wasmi::{Config, Engine, Instance, Linker, Memory, Module, Store, TrapCode, Val};

const PLENTY: i64 = i64::MAX;

fn text(wat: &str) -> Vec<u8> {
    crate::text::wat_to_wasm(wat.as_bytes(), &crate::limits::Limits::default()).expect("a test's text is right")
}

fn fuel() -> Options {
    Options { fuel: Some(Weights::default()), start_fuel: PLENTY, ..Options::default() }
}

fn deadline() -> Options {
    Options { fuel: None, start_fuel: 0, deadline: true, ..Options::default() }
}

fn both() -> Options {
    Options { deadline: true, ..fuel() }
}

/// Prepared, with a plain load for the poll, as the interpreter has no atomics; what it is for engines is validated.
fn prepared(wasm: &[u8], what: &Options) -> Prepared {
    let real = super::prepare(wasm, what).expect("it can be prepared");
    let valid = wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all()).validate_all(&real.wasm);
    valid.expect("what is prepared is valid");
    super::rewrite(wasm, what, false).expect("it can be prepared")
}

/// How a call ended: with these results, or with this trap.
type End = Result<Vec<String>, Option<TrapCode>>;

struct Room {
    store: Store<()>,
    instance: Instance,
}

impl Room {
    fn new(wasm: &[u8]) -> Room {
        Room::try_new(wasm).expect("it can be instantiated")
    }

    fn try_new(wasm: &[u8]) -> Result<Room, wasmi::Error> {
        let mut config = Config::default();
        config.consume_fuel(true).wasm_custom_page_sizes(true).set_max_recursion_depth(2_000);
        config.compilation_mode(wasmi::CompilationMode::Eager); // or else compiling is counted
        let engine = Engine::new(&config);
        let module = Module::new(&engine, wasm)?;
        let mut store = Store::new(&engine, ());
        store.set_fuel(u64::MAX / 2)?;
        let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module)?;
        Ok(Room { store, instance })
    }

    /// Calls with zeros for the parameters that are not given.
    fn call(&mut self, name: &str, args: &[Val]) -> End {
        let function = self.instance.get_func(&self.store, name).expect("there is such a function");
        let ty = function.ty(&self.store);
        let zeros = ty.params().iter().map(|&ty| Val::default_for_ty(ty));
        let args: Vec<Val> = args.iter().cloned().chain(zeros.skip(args.len())).collect();
        let mut results: Vec<Val> = ty.results().iter().map(|&ty| Val::default_for_ty(ty)).collect();
        match function.call(&mut self.store, &args, &mut results) {
            Ok(()) => Ok(results.iter().map(shown).collect()),
            Err(error) => Err(error.as_trap_code()),
        }
    }

    fn fuel(&self) -> i64 {
        let global = self.instance.get_global(&self.store, FUEL_EXPORT).expect("it counts fuel");
        global.get(&self.store).i64().expect("the counter has 64 bits")
    }

    fn set_fuel(&mut self, budget: i64) {
        let global = self.instance.get_global(&self.store, FUEL_EXPORT).expect("it counts fuel");
        global.set(&mut self.store, Val::I64(budget)).expect("the counter can be set");
    }

    fn memory(&self, name: &str) -> Memory {
        self.instance.get_memory(&self.store, name).expect("there is such a memory")
    }

    fn stop(&mut self) {
        self.memory(DEADLINE_EXPORT).write(&mut self.store, 0, &[1, 0, 0, 0, 0, 0, 0, 0x80]).expect("the number is there");
    }

    /// What a call costs that ends in order within `budget`; nothing if it is out of fuel.
    fn cost(&mut self, name: &str, args: &[Val], budget: i64) -> Option<i64> {
        self.set_fuel(budget);
        let end = self.call(name, args);
        let left = self.fuel();
        if left < 0 {
            return None;
        }
        end.expect("it ends in order");
        Some(budget - left)
    }
}

/// A value, so that the bits of floats count and references are told apart by whether they are null.
fn shown(value: &Val) -> String {
    match value {
        Val::F32(value) => alloc::format!("{:x}", value.to_bits()),
        Val::F64(value) => alloc::format!("{:x}", value.to_bits()),
        Val::FuncRef(value) => alloc::format!("{}", value.is_null()),
        Val::ExternRef(value) => alloc::format!("{}", value.is_null()),
        other => alloc::format!("{other:?}"),
    }
}
