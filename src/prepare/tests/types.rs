//! Types that nothing names go, and nothing else changes: not an offset, not what the module does.

use super::{Room, text};
use crate::prepare::types::{Unused, used_only};
use alloc::{borrow::Cow, format, string::String, vec::Vec};
use wasmi::Val;
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

fn unused(from: usize, count: usize) -> String {
    let kinds = ["i32", "i64", "f32", "f64"];
    let params = |number: usize| (0..9).map(|at| format!("{} ", kinds[number >> (2 * at) & 3])).collect::<String>();
    (from..from + count).map(|number| format!("(type (func (param {})))", params(number))).collect()
}

/// Every place that can name a type names one behind unused ones: with one byte and with two.
fn module(between: usize) -> Vec<u8> {
    text(&format!(
        r#"{0} (type $pair (func (param i32) (result i32 i32))) {1} (type $one (func (param i32) (result i32)))
           (import "host" "unused" (memory 0)) (import "host" "f" (func $imported (type $one))) (import "host" "t" (table 1 funcref))
           (import "host" "g" (global i32)) {2} (type $none (func)) (type $two (func (param i32 i32) (result i32)))
           (table 4 funcref) (elem (table 1) (i32.const 0) func $double $run)
           (func $double (type $one) (i32.mul (local.get 0) (i32.const 2)))
           (func $run (export "run") (type $one)
             (local.get 0) (block (type $pair) (i32.const 1)) (i32.add)
             (if (type $one) (i32.const 1) (then (i32.add (i32.const 5))) (else (i32.sub (i32.const 1))))
             (loop (type $one) (i32.add (i32.const 2)))
             (call_indirect 1 (type $one) (i32.const 0)))
           (data (i32.const 0) "x") {3}"#,
        unused(0, between),
        unused(1_000, between),
        unused(2_000, between),
        unused(3_000, between),
    ))
}

fn types(wasm: &[u8]) -> usize {
    let counts = Parser::new(0).parse_all(wasm).filter_map(|payload| match payload {
        Ok(Payload::TypeSection(section)) => Some(section.count() as usize),
        _ => None,
    });
    counts.sum()
}

fn bodies(wasm: &[u8]) -> Vec<core::ops::Range<u64>> {
    let found = Parser::new(0).parse_all(wasm).filter_map(|payload| match payload {
        Ok(Payload::CodeSectionEntry(body)) => Some(body.range()),
        _ => None,
    });
    found.collect()
}

fn check(wasm: &[u8], how: Unused) -> Vec<u8> {
    let lean = used_only(wasm, how).expect("it is valid").into_owned();
    Validator::new_with_features(WasmFeatures::all()).validate_all(&lean).expect("it stays valid");
    assert_eq!(lean.len(), wasm.len());
    assert_eq!(bodies(&lean), bodies(wasm));
    lean
}

#[test]
fn unused_ones_are_taken_out() {
    for between in [20, 40, 200] {
        let wasm = module(between);
        assert_eq!(types(&check(&wasm, Unused::Removed)), 2, "$pair and $one");
        assert_eq!(types(&check(&wasm, Unused::Shared)), types(&wasm));
    }
}

#[test]
fn it_does_what_it_did() {
    let wat = |unused: &str| {
        format!(
            r#"(type $pair (func (param i32) (result i32 i32))) {unused} (type $one (func (param i32) (result i32)))
               (table 4 funcref) (elem (i32.const 0) $double)
               (func $double (type $one) (i32.mul (local.get 0) (i32.const 2)))
               (func (export "run") (type $one)
                 (local.get 0) (block (type $pair) (i32.const 1)) (i32.add)
                 (loop (type $one) (i32.add (i32.const 2))) (call_indirect (type $one) (i32.const 0)))"#
        )
    };
    let plain = Room::new(&text(&wat(""))).call("run", &[Val::I32(20)]);
    for how in [Unused::Removed, Unused::Shared] {
        let lean = check(&text(&wat(&unused(0, 300))), how);
        assert_eq!(Room::new(&lean).call("run", &[Val::I32(20)]), plain);
    }
}

#[test]
fn what_types_name_that_are_named_stays() {
    let wasm = text(&format!(
        r#"(type $inner (func (param i64))) {} (type $outer (func (param (ref null $inner)))) (type $lonely (func (param (ref null $inner) i32)))
           (func (type $outer)) (func (param funcref) (drop (ref.test (ref $lonely) (local.get 0))))"#,
        unused(0, 100)
    ));
    let lean = check(&wasm, Unused::Shared);
    let section = Parser::new(0).parse_all(&lean).find_map(|payload| match payload {
        Ok(Payload::TypeSection(section)) => Some(section),
        _ => None,
    });
    let params = section.expect("the types").into_iter().map(|group| {
        let group = group.expect("a type");
        group.into_types().map(|ty| ty.unwrap_func().params().len()).sum::<usize>()
    });
    let params: Vec<usize> = params.collect();
    assert_eq!((params[0], params[101], params[102]), (1, 1, 2));
    assert!(params[1..101].iter().all(|&count| count == 0));
}

#[test]
fn few_are_left_alone() {
    for wat in ["(memory 1)".into(), unused(0, 15), "(func)".into(), format!("{} (func)", unused(0, 10))] {
        let wasm = text(&wat);
        for how in [Unused::Removed, Unused::Shared] {
            assert!(matches!(used_only(&wasm, how).expect("it is valid"), Cow::Borrowed(_)));
        }
    }
}
