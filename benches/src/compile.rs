//! What makes compiling slow: fuel in functions of many loops and branch tables, and types that nothing names.

use crate::measure::median;
use crate::ours::{Engine, is_built};
use crate::report::{Report, section};
use std::ffi::CStr;
use std::fmt::Write;
use std::time::Instant;

const ENGINES: [(&str, &CStr); 5] =
    [("cranelift", c"cranelift"), ("wasmi", c"wasmi"), ("llvm", c"llvm"), ("wasmtime", c"wasmtime"), ("tiered", c"tiered")];
const ROUNDS: usize = 5;

pub fn measure(report: &mut Report) {
    section("compile time: times as long with fuel, and with types that nothing names");
    let (loops, tables) = (wasm(&loops()), wasm(&br_tables()));
    let (plain, types) = (wasm(&module("")), wasm(&module(&unused_types())));
    for (name, c_name) in ENGINES.into_iter().filter(|(_, name)| is_built(name) || *name == c"tiered") {
        let [without, with] = [false, true].map(|fuel| Engine::with_limits(c_name, fuel, true));
        for (key, what, old, new) in [
            ("fuel_ratio_loops", "fuel: 20,000 loops", (&without, &loops), (&with, &loops)),
            ("fuel_ratio_br_tables", "fuel: 300 br_tables of 200 labels", (&without, &tables), (&with, &tables)),
            ("types_ratio", "10,000 types that nothing names", (&without, &plain), (&without, &types)),
        ] {
            let mut times = [Vec::new(), Vec::new()];
            for _ in 0..ROUNDS {
                for ((engine, wasm), times) in [old, new].into_iter().zip(&mut times) {
                    let begun = Instant::now();
                    drop(engine.load(None, wasm));
                    times.push(begun.elapsed().as_nanos() as f64);
                }
            }
            let [old, new] = times.map(median);
            report.tell(&format!("compile_{key}_{name}"), new / old, &format!("{name}, {what}"));
        }
    }
}

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the text is right")
}

fn function(body: &str) -> String {
    format!(r#"(module (func (export "f") (param i32) (result i32) {body} i32.const 1))"#)
}

fn loops() -> String {
    function(&"(loop (br_if 0 (i32.const 0)))".repeat(20_000))
}

fn br_tables() -> String {
    let labels: String = (0..200).map(|label| format!("{label} ")).collect();
    let tables = format!("(block (br_table {labels} (local.get 0)))").repeat(300);
    function(&format!("{}{tables}{}", "(block ".repeat(200), ")".repeat(200)))
}

/// A guest of some size, with these types in front.
fn module(types: &str) -> String {
    let mut text = format!("(module {types} (memory 1)");
    for number in 0..2_000 {
        let _ = write!(
            text,
            "(func (param i32) (result i32) (i32.store (local.get 0) (i32.const {number})) \
             (i32.add (i32.load offset=8 (local.get 0)) (i32.mul (local.get 0) (i32.const {number}))))"
        );
    }
    text + ")"
}

fn unused_types() -> String {
    let kinds = ["i32", "i64", "f32", "f64"];
    let params = |number: usize| (0..9).map(|at| format!("{} ", kinds[number >> (2 * at) & 3])).collect::<String>();
    (0..10_000).map(|number| format!("(type (func (param {})))", params(number))).collect()
}
