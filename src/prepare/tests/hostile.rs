//! Programs that would never end do, under each limit.

use super::{Room, both, deadline, fuel, prepared, text};
use alloc::{format, string::String, vec::Vec};
use wasmi::TrapCode;

fn programs() -> Vec<(&'static str, String)> {
    let doubling = |call: fn(usize) -> String| -> String {
        let functions: String = (0..32).map(|at| format!("(func $f{at} {0} {0})", call(at + 1))).collect();
        let elements: String = (0..=32).map(|at| format!("$f{at} ")).collect();
        format!(
            r#"(type $t (func)) (table 40 funcref) (elem (i32.const 0) {elements}) {functions} (func $f32) (func (export "run") (call $f0))"#
        )
    };
    let zeros: String = (0..20_000).map(|_| "0 ").collect();
    [
        ("loop", r#"(func (export "run") (loop (br 0)))"#.into()),
        ("loop of calls", r#"(func $f) (func (export "run") (loop (call $f) (br 0)))"#.into()),
        ("loop of tail calls", r#"(func $f (export "run") (return_call $g)) (func $g (return_call $f))"#.into()),
        (
            "tail calls by table",
            r#"(type $t (func)) (table 1 funcref) (elem (i32.const 0) $f) (func $f (export "run") (return_call_indirect (type $t) (i32.const 0)))"#
                .into(),
        ),
        ("br_table", format!(r#"(func (export "run") (loop (br_table {zeros} (i32.const 7))))"#)),
        ("32 functions that call the next twice", doubling(|next| format!("(call $f{next})"))),
        ("the same by table", doubling(|next| format!("(call_indirect (type $t) (i32.const {next}))"))),
        (
            "fills of all memory",
            r#"(memory 65536) (func (export "run") (loop (memory.fill (i32.const 0) (i32.const 1) (i32.const -1)) (br 0)))"#.into(),
        ),
        (
            "fills without a loop",
            format!(r#"(memory 65536) (func (export "run") {})"#, "(memory.fill (i32.const 0) (i32.const 1) (i32.const -1))".repeat(50)),
        ),
    ]
    .into()
}

#[test]
fn fuel_ends_them() {
    for (name, wat) in programs() {
        for what in [fuel(), both()] {
            let mut room = Room::new(&prepared(&text(&wat), &what).wasm);
            room.set_fuel(1_000_000);
            assert_eq!(room.call("run", &[]), Err(Some(TrapCode::UnreachableCodeReached)), "{name}");
            assert!(room.fuel() < 0, "{name}");
            // Too little for one fill of 4 GiB; all others come within a stretch of the budget.
            assert!(room.fuel() > -11_000 || name.starts_with("fills"), "{name}: {}", room.fuel());
        }
    }
}

#[test]
fn a_deadline_ends_them() {
    for (name, wat) in programs() {
        for what in [deadline(), both()] {
            let mut room = Room::new(&prepared(&text(&wat), &what).wasm);
            room.stop();
            let before = room.store.get_fuel().expect("the interpreter counts too");
            assert_eq!(room.call("run", &[]), Err(Some(TrapCode::UnreachableCodeReached)), "{name}");
            let ran = before - room.store.get_fuel().expect("the interpreter counts too");
            assert!(ran < 100_000, "{name}: {ran}");
        }
    }
}

#[test]
fn recursion_ends_with_the_stack_or_the_limit() {
    let wasm = prepared(&text(r#"(func $f (export "run") (call $g)) (func $g (call $f))"#), &both()).wasm;
    let mut room = Room::new(&wasm);
    assert_eq!(room.call("run", &[]), Err(Some(TrapCode::StackOverflow)));
    room.set_fuel(100);
    assert_eq!(room.call("run", &[]), Err(Some(TrapCode::UnreachableCodeReached)));
    assert!(room.fuel() < 0);
    room.set_fuel(super::PLENTY);
    room.stop();
    assert_eq!(room.call("run", &[]), Err(Some(TrapCode::UnreachableCodeReached)));
    assert!(room.fuel() >= 0);
}

#[test]
fn deep_and_wide_code_is_rewritten_without_recursion() {
    let deep = 200_000;
    let wat = format!(r#"(func (export "run") {} {})"#, "block ".repeat(deep), "end ".repeat(deep));
    super::prepared(&text(&wat), &both());
}
