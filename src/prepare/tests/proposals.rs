//! Each proposal is handled, or refused by its name.

use super::{both, deadline, fuel, prepared, text};
use crate::prepare::prepare;
use alloc::{format, string::ToString};

/// The interpreter lacks these: what is prepared is validated.
const HANDLED: [(&str, &str); 8] = [
    (
        "exceptions",
        r#"(tag $e (param i32)) (func $f (throw $e (i32.const 1)))
           (func (export "run") (result i32) (block $h (result i32) (br_if $h (i32.const 1) (i32.const 0)) drop
             (try_table (result i32) (catch $e $h) (call $f) (i32.const 3))))"#,
    ),
    (
        "exceptions by reference",
        r#"(tag $e) (func (result i32 exnref) (block $h (result exnref) (try_table (catch_all_ref $h) (throw $e)) unreachable) (throw_ref))"#,
    ),
    (
        "typed function references",
        r#"(type $t (func (result i32))) (elem declare func $f) (func $f (type $t) (i32.const 1))
           (func (param (ref null $t)) (result i32) (block $n (br_on_null $n (local.get 0)) (return_call_ref $t)) (call_ref $t (ref.func $f)))
           (func (param (ref $t)) (result (ref $t)) (if (i32.const 1) (then (return (local.get 0)))) (local.get 0))
           (func (param (ref $t)) (result (ref $t) i32) (if (i32.const 1) (then (return (local.get 0) (i32.const 1)))) (local.get 0) (i32.const 2))"#,
    ),
    (
        "relaxed vectors",
        r#"(func (param v128 v128) (result v128) (i32x4.relaxed_dot_i8x16_i7x16_add_s (local.get 0) (local.get 1) (local.get 0)))"#,
    ),
    ("wide arithmetic", r#"(func (param i64 i64) (result i64 i64) (i64.mul_wide_u (local.get 0) (local.get 1)))"#),
    ("atomics", r#"(memory 1) (func (result i32) (i32.atomic.rmw.add (i32.const 0) (i32.const 1)) (atomic.fence))"#),
    ("pages of a byte", r#"(memory 100 (pagesize 1)) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 9)))"#),
    (
        "recursive types",
        r#"(rec (type $a (func (param (ref null $b)))) (type $b (func (result i32 i32)))) (func (type $b) (if (i32.const 1) (then (return (i32.const 1) (i32.const 2)))) (i32.const 1) (i32.const 2))"#,
    ),
];

#[test]
fn what_is_handled_stays_valid() {
    for (name, wat) in HANDLED {
        let wasm = text(wat);
        let valid = wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all()).validate_all(&wasm);
        assert!(valid.is_ok(), "{name}: {:?}", valid.err());
        for what in [fuel(), deadline(), both()] {
            prepared(&wasm, &what);
        }
    }
}

#[test]
fn what_is_not_handled_is_refused_by_name() {
    let cases = [
        ("StructNew", "(type $s (struct)) (func (drop (struct.new $s)))"),
        ("stack-switching", "(type $f (func)) (type $c (cont $f)) (func (param (ref $f)) (drop (cont.new $c (local.get 0))))"),
        ("waiting", "(memory 1) (func (drop (memory.atomic.notify (i32.const 0) (i32.const 0))))"),
        ("component", ""),
    ];
    for (name, wat) in cases {
        let wasm = if wat.is_empty() { b"\0asm\x0d\0\x01\0".to_vec() } else { text(wat) };
        let error = prepare(&wasm, &both()).expect_err(name);
        assert!(error.to_string().contains(name), "{name}: {error}");
    }
}

#[test]
fn legacy_exceptions_are_refused_by_name() {
    let mut wasm = text("(func block end)");
    let block = wasm.windows(2).position(|code| code == [0x02, 0x40]).expect("the block");
    wasm[block] = 0x06; // `try`, which the text format has no more
    let error = prepare(&wasm, &both()).expect_err("legacy");
    assert!(error.to_string().contains("legacy-exceptions"), "{error}");
}

#[test]
fn names_that_are_taken_are_refused() {
    for name in ["hostel:fuel", "hostel:deadline"] {
        let wasm = text(&format!(r#"(func (export "{name}"))"#));
        let error = prepare(&wasm, &both()).expect_err(name);
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_function_without_room_for_a_local_is_refused() {
    let locals = "(local i32)".repeat(50_000);
    let error = prepare(&text(&format!("(func {locals})")), &fuel()).expect_err("too many locals");
    assert!(error.to_string().contains("50000 locals"), "{error}");
}

#[test]
fn garbage_does_not_panic() {
    let wasm = text(HANDLED[0].1);
    for at in 0..wasm.len() {
        for bit in 0..8 {
            let mut broken = wasm.clone();
            broken[at] ^= 1 << bit;
            let _ = prepare(&broken, &both());
            let _ = prepare(&wasm[..at], &both());
        }
    }
}
