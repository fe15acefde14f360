//! What stands around the code stays.

use super::{Room, both, prepared, text};
use crate::prepare::{Meters, Options, prepare};
use alloc::vec::Vec;
use wasmparser::Parser;

fn sections(wasm: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let payloads = Parser::new(0).parse_all(wasm).map(|payload| payload.expect("a payload"));
    let ranges = payloads.filter_map(|payload| payload.as_section());
    ranges.map(|(id, range)| (id, wasm[range.start as usize..range.end as usize].to_vec())).collect()
}

#[test]
fn names_and_custom_sections_stay() {
    let wasm = text(
        r#"(module $m (@custom "mine" (before first) "one") (@custom ".debug_info" "places") (func $named (param $p i32) (local $l i32) (block $label)) (@custom "yours" (after last) "two"))"#,
    );
    let prepared = sections(&prepared(&wasm, &both()).wasm);
    let custom = |sections: &[(u8, Vec<u8>)], name: &str| {
        sections
            .iter()
            .find(|(id, content)| *id == 0 && content[1..].starts_with(name.as_bytes()))
            .map(|(_, content)| content.clone())
    };
    for name in ["mine", "yours"] {
        assert_eq!(custom(&prepared, name), custom(&sections(&wasm), name), "{name}");
    }
    assert_eq!(custom(&prepared, ".debug_info"), None);
    let names = custom(&prepared, "name").expect("the names");
    for kept in ["named", "p", "l"] {
        assert!(names.windows(kept.len()).any(|window| window == kept.as_bytes()), "{kept}");
    }
    assert!(!names.windows(5).any(|window| window == b"label"));
}

#[test]
fn an_empty_module_gets_its_exports() {
    for wat in ["(module)", r#"(module (@custom "only" (before first) "this"))"#] {
        let prepared = prepared(&text(wat), &both());
        let Meters { fuel_global, deadline_memory, guest_functions, .. } = prepared.meters;
        assert_eq!((fuel_global, deadline_memory, guest_functions), (Some(0), Some(0), 0));
        assert_eq!(Room::new(&prepared.wasm).fuel(), i64::MAX);
    }
}

#[test]
fn what_is_added_has_the_last_indices() {
    let wasm = text(
        r#"(import "h" "f" (func)) (import "h" "g" (global i32)) (import "h" "m" (memory 1)) (memory 1) (global i32 (i32.const 1))
           (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))"#,
    );
    let prepared = prepared(&wasm, &both());
    let Meters { fuel_global, deadline_memory, guest_functions, .. } = prepared.meters;
    assert_eq!((fuel_global, deadline_memory, guest_functions), (Some(2), Some(2), 2));
}

#[test]
fn the_word_may_have_no_more_than_its_bytes() {
    let wasm = text(r#"(memory 3) (func (export "f") (result i32) (loop (nop)) (memory.size))"#);
    let prepared = prepared(&wasm, &Options { small_word: true, ..both() });
    let memories = Parser::new(0).parse_all(&prepared.wasm).find_map(|payload| match payload {
        Ok(wasmparser::Payload::MemorySection(section)) => section.into_iter().collect::<Result<Vec<_>, _>>().ok(),
        _ => None,
    });
    let sizes: Vec<_> = memories.expect("memories").iter().map(|ty| (ty.initial, ty.maximum, ty.page_size_log2)).collect();
    assert_eq!(sizes, [(3, None, None), (8, Some(8), Some(0))]);
    assert!(Room::new(&prepared.wasm).fuel() > 0);
}

#[test]
fn nothing_asked_nothing_changed() {
    let wasm = text(r#"(memory 1) (func (export "f") (loop (br 0)) (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))"#);
    assert_eq!(sections(&prepare(&wasm, &Options::default()).expect("prepared").wasm), sections(&wasm));
}

#[test]
fn the_same_module_gives_the_same_bytes() {
    let wasm = text(r#"(memory 1) (func (export "f") (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))"#);
    assert_eq!(prepare(&wasm, &both()).expect("prepared"), prepare(&wasm, &both()).expect("prepared"));
}

#[test]
fn start_code_has_its_own_budget() {
    let wasm = text(r#"(global (export "n") (mut i32) (i32.const 0)) (func $s (global.set 0 (i32.const 1))) (start $s)"#);
    let enough = Options { start_fuel: 3, ..both() };
    assert_eq!(Room::new(&prepared(&wasm, &enough).wasm).fuel(), 0);
    let forever = text("(func $s (loop (br 0))) (start $s)");
    assert!(Room::try_new(&prepared(&forever, &enough).wasm).is_err());
}
