//! Functions with so many loops, branches or labels that they are charged by calls: the same totals, the same ends.

use super::{Room, both, deadline, fuel, prepared, reference::counted, text};
use crate::prepare::{Options, Weights};
use alloc::{format, string::String, vec::Vec};
use wasmi::{TrapCode, Val};

/// Modules with a function "run" of one parameter, which is small, that ends in order.
fn programs() -> Vec<(&'static str, String)> {
    let run =
        |body: String| format!(r#"(memory 1) (func (export "run") (param i32) (result i32) (local i32) {body} local.get 1)"#);
    let more = "(local.set 1 (i32.add (local.get 1) (i32.const 1)))";
    let table: String = (0..200).map(|label| format!("{label} ")).collect();
    let turn = "(loop (br_if 0 (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (local.get 0))))";
    [
        ("loops", run(turn.repeat(1_500))),
        ("loops with branches between", run(format!("{turn} (if (local.get 0) (then {more}) (else nop nop))").repeat(1_200))),
        ("loops inside one another", run(format!("{}{more}{}", "(loop ".repeat(1_200), ")".repeat(1_200)))),
        ("loops behind a branch out", run(format!("(block (br_if 0 (local.get 0)) {})", turn.repeat(1_100)))),
        ("loops that are left", run(format!("(block {})", "(loop (br_if 1 (local.get 0)))".repeat(1_100)))),
        (
            "br_tables",
            run(format!(
                "{}{}{}",
                "(block ".repeat(200),
                format!("(block (br_table {table} (local.get 0)))").repeat(40),
                format!("{more})").repeat(200)
            )),
        ),
        ("branches", run(format!("(if (local.get 0) (then {more}))").repeat(11_000))),
        ("returns", run("(if (i32.gt_u (local.get 0) (i32.const 9)) (then (return (i32.const 7))))".repeat(11_000))),
        (
            "many checks",
            format!(
                "(func $g (param i32) (result i32) (if (local.get 0) (then (drop (call $g (i32.const 0))))) (local.get 0)) {}",
                run("(local.set 1 (call $g (local.get 0)))".repeat(3_000))
            ),
        ),
        ("many fills", run("(memory.fill (i32.const 0) (local.get 0) (i32.const 100))".repeat(600))),
    ]
    .into()
}

#[test]
fn they_cost_what_the_plain_counter_says() {
    let mut uneven = Weights::default();
    for (class, weight) in uneven.operators.iter_mut().enumerate() {
        *weight = class as u32 * 5;
    }
    for (name, wat) in programs() {
        let wasm = text(&wat);
        for weights in [Weights::default(), uneven.clone()] {
            let plain = counted(&wasm, &weights);
            for polls in [false, true] {
                let what = Options { fuel: Some(weights.clone()), deadline: polls, ..Options::default() };
                let ours = prepared(&wasm, &what).wasm;
                for arg in [0, 1, 3, 150] {
                    let args = [Val::I32(arg)];
                    let expected = Room::new(&plain).cost("run", &args, i64::MAX);
                    assert_eq!(Room::new(&ours).cost("run", &args, i64::MAX), expected, "{name} of {arg}");
                }
            }
        }
    }
}

#[test]
fn a_budget_of_exactly_the_cost_is_enough_and_one_less_is_not() {
    for (name, wat) in programs() {
        let (wasm, args) = (prepared(&text(&wat), &both()).wasm, [Val::I32(1)]);
        let cost = Room::new(&wasm).cost("run", &args, i64::MAX).expect("a large budget is enough");
        assert_eq!(Room::new(&wasm).cost("run", &args, cost), Some(cost), "{name}");
        for budget in [cost - 1, cost / 2, 0] {
            assert_eq!(Room::new(&wasm).cost("run", &args, budget), None, "{name} with {budget}");
        }
    }
}

#[test]
fn they_are_stopped() {
    let endless = |loops: usize| {
        let turns = "(loop (br_if 0 (i32.const 0)))".repeat(loops);
        text(&format!(r#"(func (export "run") (loop {turns} (br 0)))"#))
    };
    for loops in [200, 500, 2_000] {
        let wasm = endless(loops);
        for what in [fuel(), both()] {
            let mut room = Room::new(&prepared(&wasm, &what).wasm);
            room.set_fuel(1_000_000);
            assert_eq!(room.call("run", &[]), Err(Some(TrapCode::UnreachableCodeReached)));
            assert!(room.fuel() < 0 && room.fuel() > -11_000, "{}", room.fuel());
        }
        for what in [deadline(), both()] {
            let mut room = Room::new(&prepared(&wasm, &what).wasm);
            room.stop();
            assert_eq!(room.call("run", &[]), Err(Some(TrapCode::UnreachableCodeReached)));
        }
    }
}

/// A call inside `try_table` has an edge to every handler around it: there are none that were not there.
#[test]
fn handlers_inside_one_another_get_no_calls() {
    let deep = 600;
    let wat = format!(
        r#"(tag $e) (func (export "run") {} nop {})"#,
        "(block $h (try_table (catch $e $h) ".repeat(deep),
        "))".repeat(deep)
    );
    for what in [fuel(), deadline(), both()] {
        let ours = prepared(&text(&wat), &what);
        assert_eq!(calls(&ours.wasm), 0);
    }
}

fn calls(wasm: &[u8]) -> usize {
    let bodies = wasmparser::Parser::new(0).parse_all(wasm).filter_map(|payload| match payload {
        Ok(wasmparser::Payload::CodeSectionEntry(body)) => body.get_operators_reader().ok(),
        _ => None,
    });
    bodies.flatten().filter(|operator| matches!(operator, Ok(wasmparser::Operator::Call { .. }))).count()
}
