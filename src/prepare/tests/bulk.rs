//! Bulk operators in pieces do what they do in one.

use super::{Room, both, deadline, prepared, text};
use alloc::{format, vec::Vec};
use wasmi::{TrapCode, Val};

const MODULE: &str = r#"
  (memory $m (export "m") 64) (memory $w (export "w") i64 64) (table $t (export "t") 200000 funcref) (elem declare func $f)
  (func $f)
  (func (export "fill") (param i32 i32 i32) (memory.fill $m (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy") (param i32 i32 i32) (memory.copy $m $m (local.get 0) (local.get 1) (local.get 2)))
  (func (export "fill64") (param i64 i32 i64) (memory.fill $w (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy64") (param i64 i64 i64) (memory.copy $w $w (local.get 0) (local.get 1) (local.get 2)))
  (func (export "out") (param i64 i32 i32) (memory.copy $w $m (local.get 0) (local.get 1) (local.get 2)))
  (func (export "set") (param i32) (table.set $t (local.get 0) (ref.func $f)))
  (func (export "table fill") (param i32 i32) (table.fill $t (local.get 0) (ref.func $f) (local.get 1)))
  (func (export "table copy") (param i32 i32 i32) (table.copy $t $t (local.get 0) (local.get 1) (local.get 2)))
"#;

const MEMORY: i32 = 64 << 16;

fn contents(room: &Room, name: &str) -> Vec<u8> {
    room.memory(name).data(&room.store).to_vec()
}

/// Rooms of the plain module and of the prepared, with a pattern in the first memory.
fn rooms() -> [Room; 3] {
    let plain = text(MODULE);
    let all = [prepared(&plain, &both()).wasm, prepared(&plain, &deadline()).wasm, plain];
    all.map(|wasm| {
        let mut room = Room::new(&wasm);
        for (at, byte) in room.memory("m").data_mut(&mut room.store).iter_mut().enumerate() {
            *byte = (at % 251) as u8;
        }
        for index in [0, 1, 7, 70_000, 131_072, 199_999] {
            room.call("set", &[Val::I32(index)]).expect("it is in the table");
        }
        room
    })
}

#[test]
fn memory_operators_do_the_same() {
    let mib = 1 << 20;
    let mut rooms = rooms();
    let cases: [(&str, i32, i32, i32); 17] = [
        ("copy", 10, 0, 3 * mib),
        ("copy", 0, 10, 3 * mib),
        ("copy", mib, 0, 3 * mib),
        ("copy", 0, 0, MEMORY),
        ("copy", 0, 1, MEMORY - 1),
        ("copy", 1, 0, MEMORY - 1),
        ("copy", 1, 0, MEMORY),
        ("copy", 0, 1, MEMORY),
        ("copy", -1, 0, 2 * mib),
        ("copy", 0, -2 * mib, 2 * mib),
        ("copy", 0, 0, -1),
        ("copy", 3, 5, mib),
        ("copy", 3, 5, mib + 1),
        ("fill", 0, 1, MEMORY + 1),
        ("fill", 7, 2, 2 * mib + 5),
        ("fill", -8, 3, 2 * mib),
        ("fill", 0, 4, MEMORY),
    ];
    for (name, to, from, len) in cases {
        let seen = rooms.each_mut().map(|room| {
            let narrow = room.call(name, &[Val::I32(to), Val::I32(from), Val::I32(len)]);
            let second = if name == "copy" { Val::I64(from.into()) } else { Val::I32(from) };
            let wide = room.call(&format!("{name}64"), &[Val::I64(to.into()), second, Val::I64(len.into())]);
            let out = room.call("out", &[Val::I64(to.into()), Val::I32(from), Val::I32(len)]);
            (narrow, wide, out, contents(room, "m"), contents(room, "w"))
        });
        assert!(seen[0] == seen[2], "{name} {to} {from} {len}");
        assert!(seen[1] == seen[2], "{name} {to} {from} {len}");
    }
}

#[test]
fn table_operators_do_the_same() {
    let mut rooms = rooms();
    let cases: [(&str, &[i32]); 8] = [
        ("table copy", &[1, 0, 150_000]),
        ("table copy", &[0, 3, 199_000]),
        ("table copy", &[3, 0, 199_997]),
        ("table copy", &[3, 0, 199_998]),
        ("table copy", &[-1, 0, 70_000]),
        ("table fill", &[5, 70_000]),
        ("table fill", &[100_000, 100_001]),
        ("table fill", &[100_000, 100_000]),
    ];
    for (name, args) in cases {
        let args: Vec<Val> = args.iter().map(|&arg| Val::I32(arg)).collect();
        let seen = rooms.each_mut().map(|room| {
            let end = room.call(name, &args);
            let table = room.instance.get_table(&room.store, "t").expect("the table");
            let full =
                (0..200_000).map(|at| table.get(&room.store, at).is_some_and(|value| super::shown(&value.into()) == "true"));
            (end, full.collect::<Vec<bool>>())
        });
        assert!(seen[0] == seen[2] && seen[1] == seen[2], "{name} {args:?}");
    }
}

#[test]
fn a_stop_ends_a_long_fill_and_not_a_short_one() {
    let mut room = Room::new(&prepared(&text(MODULE), &deadline()).wasm);
    room.stop();
    let stopped = room.call("fill", &[Val::I32(0), Val::I32(1), Val::I32(MEMORY)]);
    assert_eq!(stopped, Err(Some(TrapCode::UnreachableCodeReached)));
    assert!(contents(&room, "m").iter().all(|&byte| byte == 0));
    room.call("fill", &[Val::I32(0), Val::I32(1), Val::I32(100)]).expect("it is short");
}

#[test]
fn sizes_that_no_memory_has_are_out_of_fuel_and_not_free() {
    let mut room = Room::new(&prepared(&text(MODULE), &both()).wasm);
    for size in [-1, i64::MIN, i64::MAX] {
        room.set_fuel(1_000);
        let end = room.call("fill64", &[Val::I64(0), Val::I32(1), Val::I64(size)]);
        assert_eq!(end, Err(Some(TrapCode::UnreachableCodeReached)));
        assert!(room.fuel() < 0);
    }
}
