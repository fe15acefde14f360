//! Random modules do the same with limits as without, and cost what the plain counter says.

use super::{PLENTY, Room, both, deadline, fuel, prepared, reference::counted};
use crate::prepare::{DEADLINE_EXPORT, FUEL_EXPORT, Options, Weights};
use alloc::{string::String, vec::Vec};
use arbitrary::Unstructured;
use wasm_smith::Config;
use wasmi::TrapCode;

fn config() -> Config {
    Config {
        bulk_memory_enabled: true,
        reference_types_enabled: true,
        simd_enabled: true,
        relaxed_simd_enabled: false,
        tail_call_enabled: true,
        multi_value_enabled: true,
        memory64_enabled: true,
        extended_const_enabled: true,
        exceptions_enabled: false,
        gc_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        custom_page_sizes_enabled: false,
        max_imports: 0,
        min_funcs: 4,
        max_funcs: 8,
        max_memories: 2,
        max_tables: 2,
        max_memory32_bytes: 4 << 20,
        max_memory64_bytes: 4 << 20,
        max_table_elements: 1_000,
        memory_max_size_required: true,
        table_max_size_required: true,
        disallow_traps: false,
        allow_start_export: false,
        export_everything: true,
        ..Config::default()
    }
}

/// A xorshift generator: the same modules on every machine.
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let step = |state: &mut u64| {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state as u8
    };
    (0..len).map(|_| step(&mut state)).collect()
}

fn module(seed: u64) -> Option<Vec<u8>> {
    let bytes = bytes(seed, 3_000 + (seed as usize * 37) % 6_000);
    let mut module = wasm_smith::Module::new(config(), &mut Unstructured::new(&bytes)).ok()?;
    module.ensure_termination(2_000).ok()?;
    Some(module.to_bytes())
}

/// Everything that can be seen of an instance, but for what preparing added.
fn state(room: &Room) -> Vec<String> {
    let mut seen = Vec::new();
    for export in room.instance.exports(&room.store) {
        let name = export.name();
        if name == FUEL_EXPORT || name == DEADLINE_EXPORT {
            continue;
        }
        if let Some(global) = export.clone().into_global() {
            seen.push(super::shown(&global.get(&room.store)));
        } else if let Some(memory) = export.clone().into_memory() {
            let data = memory.data(&room.store);
            let sum = data.iter().fold(data.len() as u64, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
            seen.push(alloc::format!("{sum:x}"));
        } else if let Some(table) = export.into_table() {
            seen.push(alloc::format!("{}", table.size(&room.store)));
        }
    }
    seen
}

fn functions(room: &Room) -> Vec<String> {
    let functions = room.instance.exports(&room.store).filter(|export| export.ty(&room.store).func().is_some());
    functions.map(|export| export.name().into()).collect()
}

/// Runs every function of both; how many calls were compared, and how many of them ended in order.
fn compare(plain: &[u8], other: &[u8], counts: bool) -> (u32, u32) {
    let (mut plain_room, mut room) = match (Room::try_new(plain), Room::try_new(other)) {
        (Ok(plain), Ok(other)) => (plain, other),
        (Err(plain), Err(other)) => {
            assert_eq!(plain.as_trap_code(), other.as_trap_code());
            return (0, 0);
        }
        (plain, other) => panic!("only one starts: {:?}, {:?}", plain.err(), other.err()),
    };
    let (mut compared, mut ended) = (0, 0);
    for name in functions(&plain_room) {
        if counts {
            plain_room.set_fuel(PLENTY);
            room.set_fuel(PLENTY);
        }
        let (plain, other) = (plain_room.call(&name, &[]), room.call(&name, &[]));
        if [&plain, &other].iter().any(|end| matches!(end, Err(Some(TrapCode::StackOverflow)))) {
            break; // how deep it gets is no part of the promise
        }
        assert_eq!(plain, other, "{name}");
        assert_eq!(state(&plain_room), state(&room), "{name}");
        if counts && plain.is_ok() {
            assert_eq!(PLENTY - plain_room.fuel(), PLENTY - room.fuel(), "{name}");
        }
        compared += 1;
        ended += u32::from(plain.is_ok());
    }
    (compared, ended)
}

fn check(what: &Options, modules: u64, counts: bool) {
    let (mut all, mut compared, mut ended) = (0, 0, 0);
    let mut seed = 0;
    while all < modules {
        seed += 1;
        let Some(plain) = module(seed) else { continue };
        let prepared = prepared(&plain, what);
        let plain = if counts { counted(&plain, &Weights::default()) } else { plain };
        let (calls, good) = compare(&plain, &prepared.wasm, counts);
        all += 1;
        compared += calls;
        ended += good;
    }
    assert!(u64::from(compared) > 2 * modules && u64::from(ended) > modules / 4, "{compared} calls, {ended} ended in order");
}

#[test]
fn random_modules_do_the_same_with_fuel() {
    check(&fuel(), 2_000, false);
}

#[test]
fn random_modules_do_the_same_with_a_deadline() {
    check(&deadline(), 2_000, false);
}

#[test]
fn random_modules_do_the_same_with_both() {
    check(&both(), 2_000, false);
}

#[test]
fn random_modules_cost_what_the_plain_counter_says() {
    check(&fuel(), 2_000, true);
    check(&both(), 500, true);
}
