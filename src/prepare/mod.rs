//! Limits, compiled into the guest: one pass from wasm to wasm, the same for every engine.
//!
//! # What fuel costs
//!
//! An operator is charged each time control passes its place in the code, by its [`Class`] in the [`Weights`]; by default
//! each costs 1. So `loop` costs once and not at each turn, `end` and `else` cost those who fall through to them, and a
//! branch to a label passes nothing. `memory.fill`, `.copy`, `.init` and their siblings for tables cost by size besides:
//! [`Weights::bytes_per_unit`] and [`Weights::elements_per_unit`], rounded down, charged before they run, and stopping the
//! guest before they run when that is too much. `memory.grow` and `table.grow` do not cost by size: the caps bound them.
//!
//! The counter goes down. It is a mutable global, exported as [`FUEL_EXPORT`], that the host sets to the budget before a
//! call and reads after it; while a function runs, the counter is in a local, and it goes back to the global in front of
//! calls, returns, throws and `unreachable`. Then the total is exact, on every engine and whatever path was taken:
//!
//! * A call that ends in order has used budget - counter. **If the counter is negative then, or when a host function is
//!   entered, the call is out of fuel**: the host must look, for code that is almost at its end is not checked once more.
//! * A call that ends in a trap with a negative counter is out of fuel, and has used its budget. `unreachable` of the
//!   guest's own leaves the counter at or above 0.
//! * After any other trap the counter is what it was at the last of the places above: what the function that trapped
//!   had used since is not reported. It is the same on every engine.
//!
//! Code in a row is charged in one place, in front of it. Where paths part, each carries what it owes to where the next
//! charge is due, at most 256: so the counter may be too high inside a function, and never at the places above.
//!
//! # Where it is checked
//!
//! At the entry of functions (but for those that cost at most 256, have no loop and call nothing), at the head of every
//! loop, after the charge for a bulk operator, and wherever more than 10,000 may have been charged since the last check,
//! on any path; after a call, all but 256 of that is taken to be used up. So what runs past the budget is less than 10,000
//! and 256 for each frame on the stack, each in units of fuel; and nothing runs past it for ever, because every cycle has
//! a loop's head or a function's entry in it.
//!
//! # Deadline and cancel
//!
//! The number at address 0 of a memory of one page (or of that number's bytes: [`Options::small_word`]), exported as [`DEADLINE_EXPORT`], is 0 while the guest may run. Its 64 bits
//! stop the guest when the lower half is not 0 and the whole is below 0: code that counts fuel too looks at the whole, and so
//! has one comparison for both; other code looks at the lower half. It is polled with an atomic load, for optimisers take a load of a global out of a loop. The memory has
//! the last index, so that no code of the guest can name it. Polls stand at the head of every loop; at the entry of
//! functions that may recur, that call by table or reference, or that run more than 2,000 operators with all they call,
//! loops counted once (those that poll counted as 256); and wherever 10,000 operators may have run since the last. For
//! this, a bulk operator counts as 250 (2,500 if it copies from a segment) and growing as 1,000, whatever the weights.
//! Between two polls lie at most 20,000 of these, and 256 for each frame of a chain of returns.
//! Bulk operators on more than 1 MiB, or 65,536 elements, run in pieces with a poll in front of each; what does not fit is
//! left to the operator itself, so that it traps before anything is written. Copying from a segment is not split: the size
//! of the module bounds it.
//!
//! # What stays
//!
//! All indices: what is added has the last index of its kind. All bytes of operators, for they are copied and never encoded
//! anew. Names, except those of labels. Custom sections, except those that name places in the code (`.debug_*`, `reloc.*`,
//! branch hints): these would be wrong. What cannot be handled is refused by name: legacy exceptions, gc, stack
//! switching, waiting on other threads, and whatever is not known here.
//!
//! Measured while designing, on four kernels with Cranelift: counting in a local with checks that trap costs 0 to 11 %
//! (a counter in a global up to 4 times the time, a slow path that returns up to 2.4 times), polling 0 to 15 %.

mod body;
mod charge;
mod function;
mod graph;
mod helpers;
mod layout;
#[cfg(feature = "llvm")]
pub(crate) mod nans;
pub(crate) mod selects;
mod step;
mod time;
#[cfg(any(feature = "wasmer", feature = "wasmtime"))]
pub(crate) mod types;
mod weights;

#[cfg(test)]
mod tests;

pub use weights::{CLASSES, Class, Weights};

use crate::{Error, Result};
use alloc::vec::Vec;
use function::Context;
use helpers::Helpers;
use layout::{Appended, FUNCTION, GLOBAL, Layout, MEMORY, TYPE};
use wasm_encoder::{ConstExpr, Encode, GlobalType, MemoryType, ValType};
use wasmparser::ExternalKind;

/// The name under which the counter of fuel is exported.
pub const FUEL_EXPORT: &str = "hostel:fuel";
/// The name under which the memory with the word of the deadline is exported.
pub const DEADLINE_EXPORT: &str = "hostel:deadline";
/// The name under which the start function is exported that is not called by itself.
pub const START_EXPORT: &str = "hostel:start";
/// Grows when modules come out differently from before: then what was compiled from them is of no use any more.
pub const VERSION: u32 = 2;

/// The most that is charged between two checks, or runs between two polls, within one function.
const LONGEST: u64 = 10_000;
/// What counts as charged and run after a call: the function that was called may have done as much since its own last check.
const AFTER_CALL: u64 = LONGEST - 1000;
/// What may be left to charge later, so that code that branches is charged in fewer places.
const OWED_MAX: u64 = 256;
/// A function that costs no more, has no loop and calls nothing is not checked where it is entered.
const LEAF: u64 = 256;
/// A function that runs no longer, with all it calls, need not poll where it is entered.
const SMALL: u64 = 2_000;
/// How many of a function's checks stop the guest at one shared place. Compilers look at each pair of ways into a block.
const SHARE_STOP: u32 = 256;
/// A function with more loops than that, or whose branch tables name more labels, is charged by calls, with the counter in the
/// global: else each adds blocks, values and constants, and compilers take time for each of them for all of the others.
const LOOPS_MAX: u64 = 1_000;
const TARGETS_MAX: u64 = 5_000;
/// The same for all other branches, calls and returns.
const BRANCHES_MAX: u64 = 20_000;
/// How many functions there are, at most, that charge a certain number.
const TICKS_MAX: usize = 64;
/// What the parser, and so every engine, takes at most.
const LOCALS_MAX: u32 = 50_000;
const BODY_BYTES_MAX: usize = 7_654_321;
/// What a bulk operator does between two polls.
const CHUNK_BYTES: i64 = 1 << 20;
const CHUNK_ELEMENTS: i64 = 1 << 16;

/// The number that stops the guest.
const WORD_BYTES: u64 = 8;

/// What to compile in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// Count fuel, at these costs.
    pub fuel: Option<Weights>,
    /// What start code may use: the counter's value before anyone sets it.
    pub start_fuel: i64,
    /// Let a deadline or a cancel stop it.
    pub deadline: bool,
    /// Make the memory of the word as small as the word, for engines that have custom page sizes.
    pub small_word: bool,
    /// Export the start function instead of having it called, for engines that would call it without any bounds.
    pub export_start: bool,
}

impl Options {
    /// Whether there is nothing to do: then a module stays as it came, byte for byte.
    pub fn are_none(&self) -> bool {
        self.fuel.is_none() && !self.deadline && !self.export_start
    }
}

/// What was compiled into a module, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct Meters {
    /// The index of the global that is the counter of fuel.
    pub fuel_global: Option<u32>,
    /// The index of the memory whose first number stops the guest.
    pub deadline_memory: Option<u32>,
    /// The start function was exported as [`START_EXPORT`].
    pub start_exported: bool,
    /// How many functions the guest has: those behind them are ours, and no frame of a backtrace to show.
    pub guest_functions: u32,
}

/// A module with its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The module.
    pub wasm: Vec<u8>,
    /// What is in it.
    pub meters: Meters,
}

/// How fuel is counted.
#[derive(Clone, Copy)]
struct Fuel<'a> {
    global: u32,
    weights: &'a Weights,
}

/// How the word of the deadline is read.
#[derive(Clone, Copy)]
struct Poll {
    memory: u32,
    /// As every engine must: optimisers take a plain load out of a loop. Tests on an engine without atomics turn it off.
    atomic: bool,
}

/// What is compiled in, and where it is.
#[derive(Clone, Copy)]
struct Plan<'a> {
    fuel: Option<Fuel<'a>>,
    poll: Option<Poll>,
}

/// Compiles limits into a module that is valid.
pub fn prepare(wasm: &[u8], what: &Options) -> Result<Prepared> {
    rewrite(wasm, what, true)
}

fn rewrite(wasm: &[u8], what: &Options, atomic: bool) -> Result<Prepared> {
    let standard = Weights::default();
    let weights = what.fuel.as_ref().unwrap_or(&standard);
    if weights.bytes_per_unit == 0 || weights.elements_per_unit == 0 {
        return Err(Error::InvalidArgument("bytes and elements per unit of fuel must not be 0".into()));
    }
    let layout = Layout::read(wasm)?;
    let functions = graph::read(&layout, wasm, weights)?;
    let fuel_global = what.fuel.as_ref().map(|_| layout.globals);
    let deadline_memory = what.deadline.then_some(layout.memories.len() as u32);
    let plan = Plan {
        fuel: fuel_global.map(|global| Fuel { global, weights }),
        poll: deadline_memory.map(|memory| Poll { memory, atomic }),
    };
    let imported = layout.imported_functions as usize;
    if imported + layout.bodies.len() != layout.functions.len() {
        return Err(Error::InvalidModule { message: "functions and their code differ in number".into(), offset: 0 });
    }

    let mut context = Context { wasm, layout: &layout, functions: &functions, plan, helpers: Helpers::new(&layout) };
    let mut bodies = Vec::with_capacity(wasm.len() + wasm.len() / 2);
    let mut scratch = Vec::new();
    for (own, code) in layout.bodies.iter().enumerate() {
        context.rewrite(own, code, &mut scratch, &mut bodies)?;
    }
    let helpers = context.helpers;

    let mut appended = Appended::default();
    let mut entry = Vec::new();
    for ty in &helpers.types {
        appended.add(TYPE, ty);
    }
    for ty in &helpers.functions {
        entry.clear();
        ty.encode(&mut entry);
        appended.add(FUNCTION, &entry);
    }
    if let Some(memory) = deadline_memory {
        layout.check_free(DEADLINE_EXPORT)?;
        entry.clear();
        let (size, page_size_log2) = if what.small_word { (WORD_BYTES, Some(0)) } else { (1, None) };
        MemoryType { minimum: size, maximum: Some(size), memory64: false, shared: false, page_size_log2 }.encode(&mut entry);
        appended.add(MEMORY, &entry);
        appended.export(DEADLINE_EXPORT, ExternalKind::Memory, memory);
    }
    if let Some(global) = fuel_global {
        layout.check_free(FUEL_EXPORT)?;
        entry.clear();
        GlobalType { val_type: ValType::I64, mutable: true, shared: false }.encode(&mut entry);
        ConstExpr::i64_const(what.start_fuel).encode(&mut entry);
        appended.add(GLOBAL, &entry);
        appended.export(FUEL_EXPORT, ExternalKind::Global, global);
    }
    let mut code = Vec::with_capacity(bodies.len() + 16);
    (layout.bodies.len() + helpers.bodies.len()).encode(&mut code);
    code.append(&mut bodies);
    for body in &helpers.bodies {
        body.as_slice().encode(&mut code);
    }
    let start = layout.start.filter(|_| what.export_start);
    if let Some(start) = start {
        layout.check_free(START_EXPORT)?;
        appended.export(START_EXPORT, ExternalKind::Func, start);
    }
    let meters =
        Meters { fuel_global, deadline_memory, start_exported: start.is_some(), guest_functions: layout.functions.len() as u32 };
    Ok(Prepared { wasm: layout.write(wasm, &appended, &code, start.is_some())?, meters })
}
