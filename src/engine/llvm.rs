//! The `llvm` engine: wasmer's machinery with the LLVM compiler, which takes ten times as long for the fastest code.

use super::wasmer::{Backend, WasmerEngine};
use super::{Engine, Settings, capabilities};
use crate::prepare::nans;
use crate::{Error, Result};
use alloc::{boxed::Box, sync::Arc};
use core::num::NonZeroUsize;
use wasmer_compiler::CompilerConfig;
use wasmer_compiler_llvm::LLVM;
use wasmparser::{BinaryReaderError, ConstExpr, ElementItems, Operator, Parser, Payload, TableInit, TypeRef};

pub(super) fn new(settings: Settings) -> Result<Arc<dyn Engine>> {
    let capabilities = capabilities::find("llvm").ok_or_else(|| Error::Internal("llvm is not in the table".into()))?;
    // wasmer's own way of making NaNs canonical takes values for canonical that are not: constants, square roots of f64x2, what
    // pmin and br_table pass on.
    let backend =
        Backend { compiler, canonical_nans: Some(nans::canonical), is_slow: true, checks_memories: host_functions_are_values };
    Ok(Arc::new(WasmerEngine::new(capabilities, settings, backend)?))
}

// Loads and stores stay volatile where memories are not checked: else LLVM leaves out those whose result nobody needs, and the
// traps with them. A read-only table of functions is left alone too: wasmer does not look whether it is exported.
fn compiler(threads: NonZeroUsize) -> Box<dyn CompilerConfig> {
    let mut config = LLVM::new();
    config.num_threads(threads);
    Box::new(config)
}

/// Whether a host function may get into a table.
///
/// Where the first memory cannot move, functions of the guest are given its address and those of the host are not; and for a
/// call by a table, wasmer 7.5 decides which of both it is by the place in the table's first segment alone. After `table.set`,
/// with a segment that begins elsewhere, or with a second one, it calls the one as if it were the other: with its arguments, and
/// the address of its memory, taken from the wrong registers. So that is left to modules whose tables hold their own functions.
fn host_functions_are_values(wasm: &[u8]) -> Result<bool> {
    scan(wasm).map_err(|error| Error::InvalidModule { message: error.message().into(), offset: error.offset() as usize })
}

fn scan(wasm: &[u8]) -> Result<bool, BinaryReaderError> {
    let mut imported = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        let found = match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)));
                }
                // Nothing to mistake; what has no imports has no host functions either.
                if imported == 0 {
                    return Ok(false);
                }
                false
            }
            Payload::TableSection(section) => any(section, |table| match table.init {
                TableInit::RefNull => Ok(false),
                TableInit::Expr(value) => names(&value, imported),
            })?,
            Payload::GlobalSection(section) => any(section, |global| names(&global.init_expr, imported))?,
            Payload::ElementSection(section) => any(section, |element| match element.items {
                ElementItems::Functions(functions) => any(functions, |function| Ok(function < imported)),
                ElementItems::Expressions(_, values) => any(values, |value| names(&value, imported)),
            })?,
            Payload::CodeSectionEntry(body) => any(body.get_operators_reader()?, |operator| Ok(is(&operator, imported)))?,
            _ => false,
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

fn any<T>(
    items: impl IntoIterator<Item = Result<T, BinaryReaderError>>,
    mut holds: impl FnMut(T) -> Result<bool, BinaryReaderError>,
) -> Result<bool, BinaryReaderError> {
    for item in items {
        if holds(item?)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn names(value: &ConstExpr<'_>, imported: u32) -> Result<bool, BinaryReaderError> {
    any(value.get_operators_reader(), |operator| Ok(is(&operator, imported)))
}

fn is(operator: &Operator<'_>, imported: u32) -> bool {
    matches!(operator, Operator::RefFunc { function_index } if *function_index < imported)
}
