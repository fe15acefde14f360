//! Functions of plain values that are added to a module: for each of its functions one that passes what plain values cannot
//! say as several of them, and others that sum up memories, globals and tables.

use crate::append::Additions;
use crate::outline::{Outline, Type};
use wasm_encoder::{BlockType, Function, InstructionSink, MemArg, MemArgTarget, ValType};

/// The names of the functions that were added.
#[derive(Default)]
pub struct Names {
    /// With each of the module's functions: how many parameters it takes.
    pub functions: Vec<(String, usize)>,
    /// Sums of one memory, global or table each, and of them all: no parameters, one 64-bit result.
    pub parts: Vec<String>,
    /// The sum of all parts.
    pub state: String,
    /// Those that call an element of a table, by its index, and give the sum of the state after it.
    pub probes: Vec<String>,
}

/// How a value crosses the boundary: vectors as two halves, references as whether they are null.
fn crossing(types: &[ValType]) -> Vec<ValType> {
    let one = |&ty: &ValType| match ty {
        ValType::V128 => vec![ValType::I64; 2],
        ValType::Ref(_) => vec![ValType::I32],
        number => vec![number],
    };
    types.iter().flat_map(one).collect()
}

/// Whether a call needs help to cross.
pub fn needs_help(ty: &Type) -> bool {
    ty.params.iter().chain(&ty.results).any(|ty| matches!(ty, ValType::V128 | ValType::Ref(_)))
}

/// Adds functions that pass the values of each exported function and global, called `help:NAME` and
/// `get:NAME`. Nothing when there is
/// nothing to add.
pub fn help(wasm: &[u8]) -> Option<Vec<u8>> {
    let outline = Outline::of(wasm)?;
    let mut additions = Additions::new(outline.types.len(), outline.functions.len());
    let mut found = false;
    for (name, kind, index) in &outline.exports {
        match kind {
            wasmparser::ExternalKind::Func => {
                let Some(ty) = outline.function_type(*index).filter(|ty| needs_help(ty)) else { continue };
                additions.add(&format!("help:{name}"), &crossing(&ty.params), &crossing(&ty.results), &passing(ty, *index));
            }
            wasmparser::ExternalKind::Global => {
                let Some(Some(content)) = outline.globals.get(*index as usize) else { continue };
                let ty = Type { params: Vec::new(), results: vec![*content] };
                let mut body = Body::new(&ty);
                body.sink().global_get(*index);
                additions.add(&format!("get:{name}"), &[], &crossing(&ty.results), &body.finish());
            }
            _ => continue,
        }
        found = true;
    }
    if found { additions.apply(wasm) } else { None }
}

/// Adds functions that call every function, and that sum up everything that calls can change.
pub fn observe(wasm: &[u8], writes: Writes) -> Option<(Vec<u8>, Names)> {
    let outline = Outline::of(wasm)?;
    let mut additions = Additions::new(outline.types.len(), outline.functions.len());
    let mut names = Names::default();
    for function in 0..outline.functions.len() as u32 {
        let Some(ty) = outline.function_type(function) else { continue };
        let (params, results) = (crossing(&ty.params), crossing(&ty.results));
        let name = format!("function {function}");
        additions.add(&name, &params, &results, &passing(ty, function));
        names.functions.push((name, params.len()));
    }
    for (name, ty, body) in writes.functions(&outline) {
        additions.add(&name, &ty.params, &ty.results, &body);
        names.functions.push((name, ty.params.len()));
    }
    let mut parts = Vec::new();
    let mut part = |name: String, body: &Function| {
        parts.push(additions.add(&name, &[], &[ValType::I64], body));
        names.parts.push(name);
    };
    for memory in 0..outline.memories {
        part(format!("memory {memory}"), &memory_sum(memory));
    }
    for (global, ty) in outline.globals.iter().enumerate() {
        if let Some(ty) = ty {
            part(format!("global {global}"), &global_sum(global as u32, *ty));
        }
    }
    for table in 0..outline.tables.len() as u32 {
        part(format!("table {table}"), &table_sum(table));
    }
    let mut body = Function::new([]);
    let sink = &mut body.instructions();
    sink.i64_const(0);
    for part in parts {
        sink.call(part);
        add_to_sum(sink);
    }
    sink.end();
    let state = additions.add("state", &[], &[ValType::I64], &body);
    names.state = "state".into();
    let mut used: Vec<u32> = outline.functions.clone();
    used.sort_unstable();
    used.dedup();
    for (table, _) in outline.tables.iter().enumerate().filter(|&(_, &ty)| ty == ValType::FUNCREF) {
        for &index in used.iter().take(PROBES_MAX) {
            let Some(Some(ty)) = outline.types.get(index as usize) else { continue };
            let name = format!("table {table} as type {index}");
            additions.add(&name, &[ValType::I32], &[ValType::I64], &probe(table as u32, index, ty, state));
            names.probes.push(name);
        }
    }
    Some((additions.apply(wasm)?, names))
}

/// What is added that writes: random modules do it rarely, and what no function does is not put back.
#[derive(Clone, Copy)]
pub struct Writes {
    /// Stores to memories, and fills them.
    pub memory: bool,
    /// Makes memories larger.
    pub growth: bool,
    pub globals: bool,
    pub tables: bool,
}

impl Writes {
    fn functions(self, outline: &Outline) -> Vec<(String, Type, Function)> {
        let mut functions = Vec::new();
        let mut add = |name: String, params: &[ValType], body: &dyn Fn(&mut InstructionSink<'_>)| {
            let mut function = Function::new([]);
            body(&mut function.instructions());
            function.instructions().end();
            functions.push((name, Type { params: params.to_vec(), results: Vec::new() }, function));
        };
        for memory in 0..outline.memories {
            let place = MemArg { offset: 0, align: 0, target: MemArgTarget::Memory(memory), ordering: None };
            if self.memory {
                let store = |sink: &mut InstructionSink<'_>| {
                    sink.local_get(0).local_get(1).i64_store(place);
                };
                add(format!("store to {memory}"), &[ValType::I32, ValType::I64], &store);
                let fill = |sink: &mut InstructionSink<'_>| {
                    sink.local_get(0).local_get(1).local_get(2).i32_const(0xffff).i32_and().memory_fill(memory);
                };
                add(format!("fill {memory}"), &[ValType::I32; 3], &fill);
            }
            if self.growth {
                // And write to what is new, at its end.
                let grow = |sink: &mut InstructionSink<'_>| {
                    sink.local_get(0).i32_const(3).i32_and().memory_grow(memory).drop();
                    sink.memory_size(memory).i32_const(16).i32_shl().i32_const(8).i32_sub().local_get(1).i64_store(place);
                };
                add(format!("grow {memory}"), &[ValType::I32, ValType::I64], &grow);
            }
        }
        // The last one ends loops.
        let globals = &outline.globals[..outline.globals.len().saturating_sub(1)];
        for (index, content) in globals.iter().enumerate().filter(|(index, _)| outline.mutable[*index]) {
            let Some(content) = content.filter(|ty| self.globals && !matches!(ty, ValType::V128 | ValType::Ref(_))) else {
                continue;
            };
            let set = |sink: &mut InstructionSink<'_>| {
                sink.local_get(0).global_set(index as u32);
            };
            add(format!("set {index}"), &[content], &set);
        }
        for (table, ty) in outline.tables.iter().enumerate().filter(|_| self.tables) {
            let (table, ValType::Ref(ty)) = (table as u32, ty) else { continue };
            let clear = |sink: &mut InstructionSink<'_>| {
                sink.local_get(0).i32_const(15).i32_and().ref_null(ty.heap_type).table_set(table);
            };
            if ty.nullable {
                add(format!("clear of {table}"), &[ValType::I32], &clear);
            }
            // The first function that was added: it is exported, so that it may be referred to.
            let first = outline.functions.len() as u32;
            if *ty == wasm_encoder::RefType::FUNCREF {
                let put = |sink: &mut InstructionSink<'_>| {
                    sink.local_get(0).i32_const(15).i32_and().ref_func(first).table_set(table);
                };
                add(format!("put into {table}"), &[ValType::I32], &put);
            }
            let copy = |sink: &mut InstructionSink<'_>| {
                sink.local_get(0).local_get(1).local_get(2).i32_const(7).i32_and().table_copy(table, table);
            };
            add(format!("copy in {table}"), &[ValType::I32; 3], &copy);
        }
        functions
    }
}

/// A table's elements are called as so many types.
const PROBES_MAX: usize = 4;

/// A function with locals for the results of another, which it passes on.
struct Body {
    function: Function,
    params: u32,
    results: Vec<ValType>,
}

impl Body {
    fn new(ty: &Type) -> Body {
        let params = crossing(&ty.params).len() as u32;
        Body { function: Function::new(ty.results.iter().map(|&ty| (1, ty))), params, results: ty.results.clone() }
    }

    fn sink(&mut self) -> InstructionSink<'_> {
        self.function.instructions()
    }

    /// Takes the results from the stack and puts them back as they cross.
    fn finish(mut self) -> Function {
        let sink = &mut self.function.instructions();
        for index in (0..self.results.len() as u32).rev() {
            sink.local_set(self.params + index);
        }
        for (index, ty) in self.results.iter().enumerate() {
            sink.local_get(self.params + index as u32);
            match ty {
                ValType::V128 => {
                    sink.i64x2_extract_lane(0).local_get(self.params + index as u32).i64x2_extract_lane(1);
                }
                ValType::Ref(_) => {
                    sink.ref_is_null();
                }
                _ => {}
            }
        }
        sink.end();
        self.function
    }
}

/// Calls a function. References that are passed are null.
fn passing(ty: &Type, function: u32) -> Function {
    let mut body = Body::new(ty);
    let sink = &mut body.sink();
    let mut local = 0;
    for ty in &ty.params {
        match ty {
            ValType::V128 => {
                sink.local_get(local).i64x2_splat().local_get(local + 1).i64x2_replace_lane(1);
                local += 1;
            }
            ValType::Ref(ty) => {
                sink.ref_null(ty.heap_type);
            }
            _ => {
                sink.local_get(local);
            }
        }
        local += 1;
    }
    sink.call(function);
    body.finish()
}

/// Calls an element of a table with zeros, and sums up the state.
fn probe(table: u32, type_index: u32, ty: &Type, state: u32) -> Function {
    let mut function = Function::new([]);
    let sink = &mut function.instructions();
    for ty in &ty.params {
        match ty {
            ValType::I32 => sink.i32_const(0),
            ValType::I64 => sink.i64_const(0),
            ValType::F32 => sink.f32_const(0.0.into()),
            ValType::F64 => sink.f64_const(0.0.into()),
            ValType::V128 => sink.v128_const(0),
            ValType::Ref(ty) => sink.ref_null(ty.heap_type),
        };
    }
    sink.local_get(0).call_indirect(table, type_index);
    for _ in &ty.results {
        sink.drop();
    }
    sink.call(state).end();
    function
}

/// Takes a sum and a value, and gives the sum of both: one that depends on the order.
fn add_to_sum(sink: &mut InstructionSink<'_>) {
    sink.i64_xor().i64_const(0x9e37_79b9_7f4a_7c15_u64 as i64).i64_mul().i64_const(29).i64_rotl();
}

/// The sum of the size and every word of a memory.
fn memory_sum(memory: u32) -> Function {
    let (address, sum, end) = (0, 1, 2);
    let mut function = Function::new([(1, ValType::I32), (1, ValType::I64), (1, ValType::I32)]);
    let sink = &mut function.instructions();
    sink.memory_size(memory).i32_const(16).i32_shl().local_tee(end).i64_extend_i32_u().local_set(sum);
    sink.block(BlockType::Empty).loop_(BlockType::Empty);
    sink.local_get(address).local_get(end).i32_ge_u().br_if(1);
    sink.local_get(sum).local_get(address).i64_load(MemArg {
        offset: 0,
        align: 3,
        target: MemArgTarget::Memory(memory),
        ordering: None,
    });
    add_to_sum(sink);
    sink.local_set(sum).local_get(address).i32_const(8).i32_add().local_set(address);
    sink.br(0).end().end().local_get(sum).end();
    function
}

fn global_sum(global: u32, ty: ValType) -> Function {
    let mut function = Function::new([]);
    let sink = &mut function.instructions();
    sink.global_get(global);
    match ty {
        ValType::I32 => {
            sink.i64_extend_i32_u();
        }
        ValType::I64 => {}
        ValType::F32 => {
            sink.i32_reinterpret_f32().i64_extend_i32_u();
        }
        ValType::F64 => {
            sink.i64_reinterpret_f64();
        }
        ValType::V128 => {
            sink.i64x2_extract_lane(0).global_get(global).i64x2_extract_lane(1);
            add_to_sum(sink);
        }
        ValType::Ref(_) => {
            sink.ref_is_null().i64_extend_i32_u();
        }
    }
    sink.end();
    function
}

/// The sum of a table's size and of which of its elements are null.
fn table_sum(table: u32) -> Function {
    let (index, sum) = (0, 1);
    let mut function = Function::new([(1, ValType::I32), (1, ValType::I64)]);
    let sink = &mut function.instructions();
    sink.table_size(table).i64_extend_i32_u().local_set(sum);
    sink.block(BlockType::Empty).loop_(BlockType::Empty);
    sink.local_get(index).table_size(table).i32_ge_u().br_if(1);
    sink.local_get(sum).local_get(index).table_get(table).ref_is_null().i64_extend_i32_u();
    add_to_sum(sink);
    sink.local_set(sum).local_get(index).i32_const(1).i32_add().local_set(index);
    sink.br(0).end().end().local_get(sum).end();
    function
}
