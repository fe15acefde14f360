//! Measures Extism on plug-ins, called as its documentation says, and prints the figures as JSON:
//! extism-bench SMALL SQLITE BYTES_OF_20_ROWS BYTES_OF_500_ROWS. The benchmarks beside it run this as a program of its own.

#[path = "../../src/measure.rs"]
#[allow(dead_code, reason = "not all of it is needed here")]
mod measure;

use extism::{CompiledPlugin, Manifest, Plugin, PluginBuilder, Wasm};
use measure::{Contender, nanoseconds};
use std::cell::RefCell;

fn compiled(path: &str) -> CompiledPlugin {
    let wasm = std::fs::read(path).unwrap_or_else(|error| panic!("cannot read {path}: {error}"));
    let manifest = Manifest::new([Wasm::data(wasm)]);
    PluginBuilder::new(manifest).with_cache_disabled().compile().expect("the plug-in compiles")
}

fn call(plugin: &mut Plugin, function: &str, input: &[u8], expected: usize) {
    let output: &[u8] = plugin.call(function, input).expect("no trap");
    assert_eq!(std::hint::black_box(output.to_vec()).len(), expected);
}

fn fresh(plugin: &CompiledPlugin, function: &str, input: &[u8], expected: usize) {
    call(&mut Plugin::new_from_compiled(plugin).expect("it links"), function, input, expected);
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [small, sqlite, len_20, len_500] = &arguments[..] else {
        panic!("usage: extism-bench SMALL SQLITE BYTES_OF_20_ROWS BYTES_OF_500_ROWS");
    };
    let (small, sqlite) = (compiled(small), compiled(sqlite));
    let [len_20, len_500] = [len_20, len_500].map(|len| len.parse().expect("a number"));
    let kept = RefCell::new(Plugin::new_from_compiled(&small).expect("it links"));
    let input = [7; 64];
    let figures = nanoseconds(&mut [
        Contender::new("reused_call_ns", || call(&mut kept.borrow_mut(), "echo", &input, 64)),
        Contender::new("fresh_call_ns", || fresh(&small, "echo", &input, 64)),
        Contender::new("sqlite_echo_ns", || fresh(&sqlite, "extism_echo", &input, 64)),
        Contender::new("sqlite_20_ns", || fresh(&sqlite, "extism_sql", &20_u32.to_le_bytes(), len_20)),
        Contender::new("sqlite_500_ns", || fresh(&sqlite, "extism_sql", &500_u32.to_le_bytes(), len_500)),
    ]);
    let names = ["reused_call_ns", "fresh_call_ns", "sqlite_echo_ns", "sqlite_20_ns", "sqlite_500_ns"];
    let json: serde_json::Map<_, _> = names.into_iter().map(String::from).zip(figures.into_iter().map(Into::into)).collect();
    println!("{}", serde_json::Value::Object(json));
}
