//! Functions behind the guest's own: they charge for bulk operators, and split those that may run long.

use super::charge::stops;
use super::layout::{Layout, function_type, value_type};
use super::step::Bulk;
use super::{CHUNK_BYTES, CHUNK_ELEMENTS, Plan, Poll, TICKS_MAX};
use crate::{Error, Result};
use alloc::{collections::BTreeMap, format, vec::Vec};
use wasm_encoder::{BlockType, Encode, InstructionSink, ValType};

/// What such a function is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Helper {
    /// Takes the size that is on the stack, charges for it, gives it back.
    Charge { table: bool, wide: bool },
    /// Does what the operator does, in pieces.
    Split(Bulk),
    /// Charges this number, or the one that it takes, and stops the guest if it is to stop.
    Tick { due: Option<i64>, check: bool, poll: bool },
}

/// An operand that is an address: which of the parameters, and whether it has 64 bits.
#[derive(Clone, Copy)]
struct Address {
    param: u32,
    wide: bool,
}

impl Helper {
    pub(super) fn charge(bulk: Bulk, layout: &Layout) -> Result<Helper> {
        let wide = match bulk {
            Bulk::Init { .. } | Bulk::TableInit { .. } => false,
            _ => wide(bulk, layout)?.2,
        };
        Ok(Helper::Charge { table: bulk.of_table(), wide })
    }
}

/// Which operands of a splittable operator have 64 bits: the destination, the source, the size.
fn wide(bulk: Bulk, layout: &Layout) -> Result<(bool, bool, bool)> {
    let none = || Error::InvalidModule { message: format!("{bulk:?} of what does not exist"), offset: 0 };
    let memory = |index: u32| layout.memories.get(index as usize).map(|ty| ty.memory64).ok_or_else(none);
    let table = |index: u32| layout.tables.get(index as usize).map(|ty| ty.table64).ok_or_else(none);
    let (to, from) = match bulk {
        Bulk::Fill { memory: to } | Bulk::Init { memory: to } => (memory(to)?, memory(to)?),
        Bulk::Copy { to, from } => (memory(to)?, memory(from)?),
        Bulk::TableFill { table: to } | Bulk::TableInit { table: to } => (table(to)?, table(to)?),
        Bulk::TableCopy { to, from } => (table(to)?, table(from)?),
    };
    Ok((to, from, to && from))
}

/// The functions that were asked for, and the types that were needed.
#[derive(Default)]
pub(super) struct Helpers {
    first: u32,
    first_type: u32,
    known: BTreeMap<Helper, u32>,
    ticks: usize,
    known_types: BTreeMap<Vec<u8>, u32>,
    /// The entries of the type section, of the function section, of the code section.
    pub types: Vec<Vec<u8>>,
    pub functions: Vec<u32>,
    pub bodies: Vec<Vec<u8>>,
}

fn index(wide: bool) -> ValType {
    if wide { ValType::I64 } else { ValType::I32 }
}

impl Helpers {
    pub(super) fn new(layout: &Layout) -> Self {
        Helpers { first: layout.functions.len() as u32, first_type: layout.types.len() as u32, ..Helpers::default() }
    }

    /// The index of the type that is encoded so.
    pub(super) fn type_index(&mut self, entry: Vec<u8>) -> u32 {
        let next = self.first_type + self.types.len() as u32;
        *self.known_types.entry(entry).or_insert_with_key(|entry| {
            self.types.push(entry.clone());
            next
        })
    }

    /// The index of the function for `helper`, which is made when it is asked for first.
    pub(super) fn index(&mut self, helper: Helper, layout: &Layout, plan: &Plan) -> Result<u32> {
        if let Some(&known) = self.known.get(&helper) {
            return Ok(known);
        }
        let (ty, body) = match helper {
            Helper::Charge { table, wide } => charge(table, wide, plan),
            Helper::Split(bulk) => split(bulk, layout, plan)?,
            Helper::Tick { due, check, poll } => tick(due, check, poll, plan),
        };
        Ok(self.add(helper, ty, body))
    }

    /// The index of the function that charges so much, and whether it takes what to add to the counter: there are not many for one
    /// number each, which spare each call a constant.
    pub(super) fn tick(&mut self, due: i64, check: bool, poll: Option<Poll>, plan: &Plan) -> (u32, bool) {
        let (due, polls) = (if plan.fuel.is_some() { due } else { 0 }, poll.is_some());
        let own = Helper::Tick { due: Some(due), check, poll: polls };
        let helper = match self.ticks < TICKS_MAX || self.known.contains_key(&own) {
            true => own,
            false => Helper::Tick { due: None, check, poll: polls },
        };
        let takes = helper != own;
        if let Some(&known) = self.known.get(&helper) {
            return (known, takes);
        }
        self.ticks += 1;
        let (ty, body) = tick((!takes).then_some(due), check, polls, plan);
        (self.add(helper, ty, body), takes)
    }

    fn add(&mut self, helper: Helper, ty: Vec<u8>, body: Vec<u8>) -> u32 {
        let ty = self.type_index(ty);
        let made = self.first + self.functions.len() as u32;
        self.functions.push(ty);
        self.bodies.push(body);
        self.known.insert(helper, made);
        made
    }
}

fn tick(due: Option<i64>, check: bool, poll: bool, plan: &Plan) -> (Vec<u8>, Vec<u8>) {
    let mut body = alloc::vec![0];
    let mut sink = InstructionSink::new(&mut body);
    if let Some(fuel) = plan.fuel {
        if due != Some(0) {
            sink.global_get(fuel.global);
            match due {
                Some(due) => sink.i64_const(-due),
                None => sink.local_get(0),
            };
            sink.i64_add().global_set(fuel.global);
        }
        if check {
            sink.global_get(fuel.global);
        }
    }
    if stops(check, plan.poll.filter(|_| poll), &mut sink) {
        sink.if_(BlockType::Empty).unreachable().end();
    }
    sink.end();
    let params: &[ValType] = if due.is_none() { &[ValType::I64] } else { &[] };
    (function_type(params, &[]), body)
}

fn charge(table: bool, wide: bool, plan: &Plan) -> (Vec<u8>, Vec<u8>) {
    // More than any memory or table can have, and little enough that a sum of such cannot overflow.
    const SIZE_MAX: i64 = 1 << 48;
    let mut body = alloc::vec![0];
    if let Some(fuel) = &plan.fuel {
        let mut sink = InstructionSink::new(&mut body);
        sink.global_get(fuel.global).local_get(0);
        if wide {
            sink.i64_const(SIZE_MAX).local_get(0).i64_const(SIZE_MAX).i64_lt_u().select();
        } else {
            sink.i64_extend_i32_u();
        }
        sink.i64_const(fuel.weights.per_unit(table).into()).i64_div_u().i64_sub().global_set(fuel.global);
        sink.global_get(fuel.global).i64_const(0).i64_lt_s().if_(BlockType::Empty).unreachable().end();
        sink.local_get(0).end();
    }
    (function_type(&[index(wide)], &[index(wide)]), body)
}

/// A function that does what `bulk` does, at most a chunk at a time, with a look at the deadline in front of each.
/// What is short, or does not fit (and must trap before anything is written) is left to the operator itself.
fn split(bulk: Bulk, layout: &Layout, plan: &Plan) -> Result<(Vec<u8>, Vec<u8>)> {
    const N: u32 = 2; // the parameter that is the size
    const TO: u32 = 3; // locals of 64 bits: what is left to do, and how much of it next
    const FROM: u32 = 4;
    const LEFT: u32 = 5;
    const PIECE: u32 = 6;
    let (to_wide, from_wide, size_wide) = wide(bulk, layout)?;
    let (to, from, size) =
        (Address { param: 0, wide: to_wide }, Address { param: 1, wide: from_wide }, Address { param: N, wide: size_wide });
    let (second, copies) = match bulk {
        Bulk::Fill { .. } | Bulk::Init { .. } => (ValType::I32, None),
        Bulk::TableFill { table } | Bulk::TableInit { table } => {
            let element = layout.tables[table as usize].element_type;
            (value_type(wasmparser::ValType::Ref(element))?, None)
        }
        Bulk::Copy { to, from } | Bulk::TableCopy { to, from } => (index(from_wide), Some((to, from))),
    };
    let chunk = if bulk.of_table() { CHUNK_ELEMENTS } else { CHUNK_BYTES };

    let mut body = alloc::vec![1, 4]; // one group of four locals
    ValType::I64.encode(&mut body);
    let mut sink = InstructionSink::new(&mut body);
    widen(&mut sink, to, TO);
    widen(&mut sink, size, LEFT);
    sink.block(BlockType::Empty);
    sink.local_get(LEFT).i64_const(chunk).i64_le_u().br_if(0);
    fits(&mut sink, bulk, layout, to.wide, true, TO, LEFT);
    if copies.is_some() {
        widen(&mut sink, from, FROM);
        fits(&mut sink, bulk, layout, from.wide, false, FROM, LEFT);
    }
    sink.loop_(BlockType::Empty);
    if let Some(poll) = plan.poll {
        poll.load(&mut sink);
        sink.if_(BlockType::Empty).unreachable().end();
    }
    sink.local_get(LEFT).i64_const(chunk).local_get(LEFT).i64_const(chunk).i64_lt_u().select().local_set(PIECE);
    // Where destination and source may overlap, begin at the end that is not overwritten before it is read.
    let backwards = copies.is_some_and(|(to, from)| to == from);
    if backwards {
        sink.local_get(TO).local_get(FROM).i64_gt_u().if_(BlockType::Empty);
        for (address, local) in [(to, TO), (from, FROM)] {
            sink.local_get(local).local_get(LEFT).i64_add().local_get(PIECE).i64_sub();
            narrow(&mut sink, address);
        }
        sink.local_get(PIECE);
        narrow(&mut sink, size);
        operate(&mut sink, bulk);
        sink.else_();
    }
    sink.local_get(TO);
    narrow(&mut sink, to);
    if copies.is_some() {
        sink.local_get(FROM);
        narrow(&mut sink, from);
    } else {
        sink.local_get(1);
    }
    sink.local_get(PIECE);
    narrow(&mut sink, size);
    operate(&mut sink, bulk);
    sink.local_get(TO).local_get(PIECE).i64_add().local_set(TO);
    sink.local_get(FROM).local_get(PIECE).i64_add().local_set(FROM);
    if backwards {
        sink.end();
    }
    sink.local_get(LEFT).local_get(PIECE).i64_sub().local_tee(LEFT).i64_const(0).i64_ne().br_if(0);
    sink.end().return_().end();
    sink.local_get(0).local_get(1).local_get(N);
    operate(&mut sink, bulk);
    sink.end();
    Ok((function_type(&[index(to_wide), second, index(size_wide)], &[]), body))
}

fn widen(sink: &mut InstructionSink, address: Address, local: u32) {
    sink.local_get(address.param);
    if !address.wide {
        sink.i64_extend_i32_u();
    }
    sink.local_set(local);
}

fn narrow(sink: &mut InstructionSink, address: Address) {
    if !address.wide {
        sink.i32_wrap_i64();
    }
}

/// Leaves the block unless everything from `start`, `size` long, is there.
fn fits(sink: &mut InstructionSink, bulk: Bulk, layout: &Layout, wide: bool, to: bool, start: u32, size: u32) {
    sink.local_get(start).local_get(size).i64_add().local_get(start).i64_lt_u().br_if(0);
    sink.local_get(start).local_get(size).i64_add();
    let memory = match bulk {
        Bulk::Fill { memory } | Bulk::Init { memory } => Some(memory),
        Bulk::Copy { to: memory, from } => Some(if to { memory } else { from }),
        Bulk::TableFill { table } | Bulk::TableInit { table } => {
            sink.table_size(table);
            None
        }
        Bulk::TableCopy { to: table, from } => {
            sink.table_size(if to { table } else { from });
            None
        }
    };
    if let Some(memory) = memory {
        sink.memory_size(memory);
    }
    if !wide {
        sink.i64_extend_i32_u();
    }
    if let Some(memory) = memory {
        let page = layout.memories.get(memory as usize).and_then(|ty| ty.page_size_log2).unwrap_or(16);
        sink.i64_const(i64::from(page)).i64_shl();
    }
    sink.i64_gt_u().br_if(0);
}

fn operate(sink: &mut InstructionSink, bulk: Bulk) {
    match bulk {
        Bulk::Fill { memory } => sink.memory_fill(memory),
        Bulk::Copy { to, from } => sink.memory_copy(to, from),
        Bulk::TableFill { table } => sink.table_fill(table),
        Bulk::TableCopy { to, from } => sink.table_copy(to, from),
        Bulk::Init { .. } | Bulk::TableInit { .. } => sink, // bounded by the module's size, never split
    };
}
