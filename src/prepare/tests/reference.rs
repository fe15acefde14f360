//! A counter that is slow and plain: in front of every operator stands what it costs.

use crate::prepare::layout::{Appended, GLOBAL, Layout, invalid};
use crate::prepare::step::{Bulk, Step};
use crate::prepare::{FUEL_EXPORT, Weights};
use alloc::vec::Vec;
use wasm_encoder::{ConstExpr, Encode, GlobalType, InstructionSink, ValType};
use wasmparser::{ExternalKind, FunctionBody, OperatorsReader};

pub(super) fn counted(wasm: &[u8], weights: &Weights) -> Vec<u8> {
    let layout = Layout::read(wasm).expect("a module");
    let mut appended = Appended::default();
    let mut entry = Vec::new();
    GlobalType { val_type: ValType::I64, mutable: true, shared: false }.encode(&mut entry);
    ConstExpr::i64_const(i64::MAX).encode(&mut entry);
    appended.add(GLOBAL, &entry);
    appended.export(FUEL_EXPORT, ExternalKind::Global, layout.globals);
    let mut code = Vec::new();
    layout.bodies.len().encode(&mut code);
    for (own, body) in layout.bodies.iter().enumerate() {
        let index = layout.imported_functions + own as u32;
        function(wasm, &layout, index, body, weights).as_slice().encode(&mut code);
    }
    layout.write(wasm, &appended, &code, false).expect("written")
}

fn function(wasm: &[u8], layout: &Layout, index: u32, body: &FunctionBody, weights: &Weights) -> Vec<u8> {
    let mut locals = body.get_locals_reader().expect("locals");
    let groups_start = locals.original_position() as usize;
    let mut count = layout.function_type(index).expect("a type").params().len() as u32;
    let groups = locals.get_count();
    for _ in 0..groups {
        count += locals.read().expect("a group").0;
    }
    let start = locals.original_position() as usize;
    let mut out = Vec::new();
    (groups + 2).encode(&mut out);
    out.extend_from_slice(&wasm[groups_start..start]);
    for ty in [ValType::I32, ValType::I64] {
        1u32.encode(&mut out);
        ty.encode(&mut out);
    }
    let mut operators = OperatorsReader::new(locals.get_binary_reader());
    while !operators.eof() {
        let at = operators.original_position() as usize;
        let operator = operators.read().map_err(invalid).expect("an operator");
        let next = operators.original_position() as usize;
        let cost = weights.of(&wasm[at..]).expect("a cost") as i64;
        let global = layout.globals;
        let mut sink = InstructionSink::new(&mut out);
        sink.global_get(global).i64_const(cost).i64_sub().global_set(global);
        if let Step::Bulk(bulk) = Step::of(operator, &wasm[at..], at).expect("a step") {
            let wide = |memory: u32| layout.memories[memory as usize].memory64;
            let wide_table = |table: u32| layout.tables[table as usize].table64;
            let wide = match bulk {
                Bulk::Fill { memory } => wide(memory),
                Bulk::Copy { to, from } => wide(to) && wide(from),
                Bulk::TableFill { table } => wide_table(table),
                Bulk::TableCopy { to, from } => wide_table(to) && wide_table(from),
                Bulk::Init { .. } | Bulk::TableInit { .. } => false,
            };
            if wide {
                sink.local_tee(count + 1);
            } else {
                sink.local_tee(count).local_get(count).i64_extend_i32_u().local_set(count + 1);
            }
            sink.global_get(global).local_get(count + 1).i64_const(weights.per_unit(bulk.of_table()).into()).i64_div_u();
            sink.i64_sub().global_set(global);
        }
        out.extend_from_slice(&wasm[at..next]);
    }
    out
}
