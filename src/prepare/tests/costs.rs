//! Totals are exact, and so is the end of a budget.

use super::{Room, both, fuel, prepared, reference::counted, text};
use crate::prepare::{CLASSES, Class, Options, Weights};
use alloc::{format, string::String, vec::Vec};
use wasmi::{TrapCode, Val};

/// Modules with a function "run" that ends in order.
const PROGRAMS: [(&str, &str); 14] = [
    ("empty", r#"(func (export "run"))"#),
    ("values", r#"(func (export "run") (result i32 i64) i32.const 1 i64.const 2)"#),
    (
        "many values with parameters",
        r#"(func (export "run") (param i32) (result i32 i64) (if (local.get 0) (then (return (i32.const 1) (i64.const 2)))) i32.const 1 i64.const 2)"#,
    ),
    (
        "loop",
        r#"(func (export "run") (local i32) (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000)))))"#,
    ),
    ("if without else", r#"(func (export "run") (param i32) (if (local.get 0) (then nop nop)) (if (i32.const 1) (then nop)))"#),
    (
        "if with else",
        r#"(func (export "run") (param i32) (result i32) (if (result i32) (local.get 0) (then (i32.const 1)) (else nop (i32.const 2))))"#,
    ),
    (
        "branches out",
        r#"(func (export "run") (result i32) (block (block (block (br_table 0 1 2 (i32.const 1))) nop (return (i32.const 1))) nop (br 1 (i32.const 3))) i32.const 4)"#,
    ),
    (
        "dead code",
        r#"(func (export "run") (block (br 0) nop (loop (br 0)) (if (i32.const 0) (then return) (else nop))) (return) nop unreachable)"#,
    ),
    (
        "calls",
        r#"(func $leaf (param i32) (result i32) (local.get 0)) (func $caller (result i32) (i32.add (call $leaf (i32.const 1)) (call $leaf (i32.const 2)))) (func (export "run") (drop (call $caller)) (drop (call $caller)))"#,
    ),
    (
        "recursion",
        r#"(func $fib (export "run") (param i32) (result i32) (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0)) (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2)))))))"#,
    ),
    (
        "tail calls",
        r#"(func $down (param i32) (result i32) (if (i32.eqz (local.get 0)) (then (return (i32.const 7)))) (return_call $down (i32.sub (local.get 0) (i32.const 1)))) (func (export "run") (result i32) (return_call $down (i32.const 50)))"#,
    ),
    (
        "tables",
        r#"(type $t (func (result i32))) (table 2 funcref) (elem (i32.const 0) $a $b) (func $a (result i32) (i32.const 1)) (func $b (result i32) (return_call_indirect (type $t) (i32.const 0))) (func (export "run") (result i32) (call_indirect (type $t) (i32.const 1)))"#,
    ),
    (
        "bulk",
        r#"(memory 1) (data $d "0123456789abcdefghijklmnopqrstuvwxyz") (func (export "run") (memory.fill (i32.const 0) (i32.const 7) (i32.const 1000)) (memory.copy (i32.const 5) (i32.const 0) (i32.const 500)) (memory.init $d (i32.const 0) (i32.const 0) (i32.const 33)) (data.drop $d))"#,
    ),
    (
        "bulk tables",
        r#"(table $t 100 funcref) (elem $e func 0 0 0 0 0) (func (export "run") (table.fill $t (i32.const 0) (ref.null func) (i32.const 50)) (table.copy $t $t (i32.const 5) (i32.const 0) (i32.const 30)) (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 5)) (drop (table.grow $t (ref.null func) (i32.const 3))))"#,
    ),
];

fn arg(name: &str) -> Vec<Val> {
    if name == "recursion" { [Val::I32(10)].into() } else { Vec::new() }
}

#[test]
fn each_program_costs_what_the_plain_counter_says() {
    let mut heavy = Weights::default();
    for (class, weight) in heavy.operators.iter_mut().enumerate() {
        *weight = class as u32 * 7 + 1;
    }
    (heavy.bytes_per_unit, heavy.elements_per_unit) = (7, 1);
    for (name, wat) in PROGRAMS {
        let (wasm, args) = (text(wat), arg(name));
        for weights in [Weights::default(), heavy.clone()] {
            let expected = Room::new(&counted(&wasm, &weights)).cost("run", &args, i64::MAX);
            for deadline in [false, true] {
                let what = Options { fuel: Some(weights.clone()), deadline, ..Options::default() };
                assert_eq!(Room::new(&prepared(&wasm, &what).wasm).cost("run", &args, i64::MAX), expected, "{name}");
            }
        }
    }
}

#[test]
fn a_budget_of_exactly_the_cost_is_enough_and_one_less_is_not() {
    for (name, wat) in PROGRAMS {
        let (wasm, args) = (prepared(&text(wat), &both()).wasm, arg(name));
        let cost = Room::new(&wasm).cost("run", &args, i64::MAX).expect("a large budget is enough");
        assert!(cost > 0, "{name}");
        for budget in [cost, cost + 1] {
            assert_eq!(Room::new(&wasm).cost("run", &args, budget), Some(cost), "{name} with {budget}");
        }
        for budget in [cost - 1, cost / 2, 0] {
            assert_eq!(Room::new(&wasm).cost("run", &args, budget), None, "{name} with {budget}");
        }
    }
}

#[test]
fn known_costs() {
    // nop, nop, end.
    let cost = |wat: &str| Room::new(&prepared(&text(wat), &fuel()).wasm).cost("run", &[], 1_000);
    assert_eq!(cost(r#"(func (export "run") nop nop)"#), Some(3));
    // const, if; nop, end; end. The end of an `if` that is not entered is not passed.
    assert_eq!(cost(r#"(func (export "run") (if (i32.const 1) (then nop)))"#), Some(5));
    assert_eq!(cost(r#"(func (export "run") (if (i32.const 0) (then nop)))"#), Some(3));
    // Three operands and the operator; 160 bytes at 16 for 1; end.
    let fill = r#"(memory 1) (func (export "run") (memory.fill (i32.const 0) (i32.const 0) (i32.const 160)))"#;
    assert_eq!(cost(fill), Some(15));
}

#[test]
fn every_class_has_its_weight() {
    let free = Weights { operators: [0; CLASSES], ..Weights::default() };
    let cases: [(Class, &str, i64); CLASSES] = [
        (Class::Control, "nop", 2), // with the function's own end
        (Class::Variable, "(local.set 0 (local.get 0))", 2),
        (Class::Constant, "(drop (i32.const 1))", 1),
        (Class::Load, "(drop (i64.load8_u (i32.const 1)))", 1),
        (Class::Store, "(f64.store (i32.const 1) (f64.const 1))", 1),
        (Class::Integer, "(drop (i32.add (i32.clz (i32.const 1)) (i32.const 1)))", 2),
        (Class::Division, "(drop (i64.rem_u (i64.const 1) (i64.const 1)))", 1),
        (Class::Float, "(drop (i32.trunc_sat_f32_s (f32.sqrt (f32.const 1))))", 2),
        (Class::Vector, "(drop (i8x16.add (v128.const i64x2 0 0) (v128.const i64x2 0 0)))", 3),
        (Class::Atomic, "", 0), // the interpreter has none
        (Class::Reference, "(drop (memory.size)) (table.set (i32.const 0) (ref.null func))", 3),
        (Class::Grow, "(drop (memory.grow (i32.const 0)))", 1),
        (Class::Bulk, "(memory.copy (i32.const 0) (i32.const 0) (i32.const 1))", 1),
    ];
    for (class, code, times) in cases {
        let mut weights = free.clone();
        weights.operators[class as usize] = 1_000;
        let wasm = text(&format!(r#"(memory 1) (table 1 funcref) (func (export "run") (local i32) {code})"#));
        let what = Options { fuel: Some(weights), ..Options::default() };
        assert_eq!(Room::new(&prepared(&wasm, &what).wasm).cost("run", &[], 1 << 40), Some(times * 1_000), "{class:?}");
    }
}

#[test]
fn a_trap_reports_what_was_charged_up_to_the_last_call_or_unreachable() {
    let wasm = prepared(
        &text(
            r#"(memory 1) (func $f nop) (func (export "load") (call $f) (drop (i32.load (i32.const -1))) (if (i32.const 1) (then nop)))
                 (func (export "panic") nop (if (i32.const 1) (then unreachable)))"#,
        ),
        &fuel(),
    );
    let mut room = Room::new(&wasm.wasm);
    room.set_fuel(100);
    assert_eq!(room.call("load", &[]), Err(Some(TrapCode::MemoryOutOfBounds)));
    assert_eq!(100 - room.fuel(), 3); // call; nop, end
    room.set_fuel(100);
    assert_eq!(room.call("panic", &[]), Err(Some(TrapCode::UnreachableCodeReached)));
    assert_eq!(100 - room.fuel(), 4); // nop, const, if; unreachable
}

#[test]
fn long_code_without_loops_is_checked_on_the_way() {
    let many: String = (0..30_000).map(|_| "nop ").collect();
    // A check stands in front of each piece of at most 10,000, whatever branches lead there.
    let piece: String = (0..3_000).map(|_| "nop ").collect();
    let branches: String =
        (0..20).map(|_| format!("(if (local.get 0) (then {piece}) (else {piece} (global.set 0 (i32.const 1))))")).collect();
    let wat = format!(
        r#"(global (export "done") (mut i32) (i32.const 0)) (func $f (export "flat") (param i32) {branches} (global.set 0 (i32.const 2)))
                         (func (export "back") {many} (call $f (i32.const 1)))"#
    );
    let wasm = prepared(&text(&wat), &fuel()).wasm;
    let mut room = Room::new(&wasm);
    room.set_fuel(20_000);
    assert_eq!(room.call("flat", &[Val::I32(1)]), Err(Some(TrapCode::UnreachableCodeReached)));
    assert!(room.fuel() < 0 && room.fuel() >= -10_000, "{}", room.fuel());
}
