//! `modules START COUNT` writes random modules, one for each seed from START on: for each the length of its bytes, as four bytes, the
//! smallest first, and its bytes.

use arbitrary::Unstructured;
use std::io::Write;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_smith::{Config, MemoryOffsetChoices, Module};

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let [start, count] = numbers[..] else { panic!("usage: modules START COUNT") };
    let mut out = std::io::stdout().lock();
    for seed in start..start + count {
        let module = module(seed);
        // Who reads may have seen enough.
        if out.write_all(&(module.len() as u32).to_le_bytes()).and_then(|()| out.write_all(&module)).is_err() {
            return;
        }
    }
}

fn module(seed: u64) -> Vec<u8> {
    let random = random_bytes(seed);
    let mut unstructured = Unstructured::new(&random);
    let mut module = Module::new(config(seed), &mut unstructured).expect("enough random bytes");
    module.ensure_termination(FUEL).expect("no function was left out");
    let module = module.to_bytes();
    // An instance that drops segments or makes tables larger is never reset: few modules do.
    if seed.is_multiple_of(8) { module } else { changed(&module, seed.is_multiple_of(3)) }
}

/// So many loops and calls, and then a module traps.
const FUEL: u32 = 200;

fn config(seed: u64) -> Config {
    let bit = |bit: u32| seed >> bit & 1 == 1;
    Config {
        available_imports: Some(host_functions()),
        canonicalize_nans: true,
        disallow_traps: bit(0),
        simd_enabled: bit(1),
        bulk_memory_enabled: bit(2) || bit(3),
        reference_types_enabled: bit(2) || bit(4),
        min_funcs: 2,
        max_funcs: 12,
        min_globals: 1,
        max_globals: 8,
        min_memories: 1,
        max_memories: 3,
        max_memory32_bytes: 4 << 16,
        min_data_segments: 1,
        max_data_segments: 6,
        min_tables: 1,
        max_tables: 3,
        max_table_elements: 40,
        max_element_segments: 4,
        max_types: 12,
        max_imports: 3,
        memory_offset_choices: MemoryOffsetChoices(97, 2, 1),
        // What some engine lacks, or may do in several ways.
        compact_imports_enabled: false,
        exceptions_enabled: false,
        gc_enabled: false,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        ..Config::default()
    }
}

/// What a module may import; the test has the same functions.
fn host_functions() -> Vec<u8> {
    use wasm_encoder::{EntityType, ImportSection, TypeSection, ValType};
    let mut types = TypeSection::new();
    types.ty().function([ValType::I64, ValType::I32], [ValType::I64]);
    types.ty().function([ValType::I32], []);
    let mut imports = ImportSection::new();
    imports.import("host", "mix", EntityType::Function(0));
    imports.import("host", "note", EntityType::Function(1));
    let mut module = wasm_encoder::Module::new();
    module.section(&types).section(&imports);
    module.finish()
}

/// The same module without the instructions that keep an instance from being reset. Perhaps with tables that cannot grow, which
/// engines keep otherwise than those that could, and which chance alone makes too rarely.
fn changed(wasm: &[u8], fixed_tables: bool) -> Vec<u8> {
    struct Change {
        fixed_tables: bool,
    }
    impl Reencode for Change {
        type Error = std::convert::Infallible;

        fn table_type(
            &mut self,
            ty: wasmparser::TableType,
        ) -> Result<wasm_encoder::TableType, wasm_encoder::reencode::Error<Self::Error>> {
            let mut ty = RoundtripReencoder.table_type(ty).expect("a valid module");
            ty.maximum = if self.fixed_tables { Some(ty.minimum) } else { ty.maximum };
            Ok(ty)
        }

        fn parse_function_body(
            &mut self,
            code: &mut wasm_encoder::CodeSection,
            body: wasmparser::FunctionBody<'_>,
        ) -> Result<(), wasm_encoder::reencode::Error<Self::Error>> {
            use wasmparser::Operator;
            let mut function = self.new_function_with_parsed_locals(&body)?;
            let mut reader = body.get_operators_reader()?;
            while !reader.eof() {
                match reader.read()? {
                    Operator::DataDrop { .. } | Operator::ElemDrop { .. } => {}
                    Operator::TableGrow { .. } => {
                        function.instructions().drop().drop().i32_const(-1);
                    }
                    operator => {
                        function.instruction(&RoundtripReencoder.instruction(operator).expect("a valid module"));
                    }
                }
            }
            code.function(&function);
            Ok(())
        }
    }
    let mut module = wasm_encoder::Module::new();
    let mut change = Change { fixed_tables };
    change.parse_core_module(&mut module, wasmparser::Parser::new(0), wasm).expect("a valid module");
    module.finish()
}

/// Random bytes that depend on nothing but the seed (splitmix64).
fn random_bytes(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x2545_f491_4f6c_dd1d);
    let next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    };
    std::iter::repeat_with(next).take(1024).flat_map(u64::to_le_bytes).collect()
}
