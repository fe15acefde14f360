//! One pass over the bytes: validation, caps, and everything `ModuleInfo` holds.

use super::{Export, ExternType, Features, FuncType, Import, ModuleInfo, Range, ValueType};
use crate::limits::{Limit, Limits};
use crate::{Error, Result};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use wasmparser::types::{CoreTypeId, TypesRef};
use wasmparser::{BinaryReaderError, Encoding, FuncToValidate, FuncValidatorAllocations, FunctionBody, Operator};
use wasmparser::{ExternalKind, Parser, Payload, TypeRef, ValidPayload, Validator, ValidatorResources};

/// Why a module is not taken.
pub(super) enum Failure {
    /// It does not validate with these features.
    Invalid(BinaryReaderError),
    /// It may be valid, but is refused.
    Refused(Error),
}

impl From<BinaryReaderError> for Failure {
    fn from(error: BinaryReaderError) -> Self {
        Failure::Invalid(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Refused(error)
    }
}

/// Names and places of imports and exports, as read; their types are known when all is validated.
#[derive(Default)]
struct Names<'a> {
    imports: Vec<(&'a str, &'a str, TypeRef)>,
    exports: Vec<wasmparser::Export<'a>>,
    functions: u64,
    function_bytes: u64,
    starts: bool,
}

pub(super) fn scan(wasm: &[u8], features: Features, limits: &Limits) -> Result<ModuleInfo, Failure> {
    limits.check(Limit::ModuleBytes, wasm.len() as u64)?;
    let mut validator = Validator::new_with_features(features);
    let mut names = Names::default();
    let mut reasons = Reasons::default();
    let mut allocations = FuncValidatorAllocations::default();
    let mut parser = Parser::new(0);
    parser.set_features(features);
    for payload in parser.parse_all(wasm) {
        let payload = payload?;
        match &payload {
            Payload::Version { encoding: Encoding::Component, .. } => {
                return Err(Error::UnsupportedModule("this is a component; only core modules are supported".into()).into());
            }
            // Checked before the validator walks the bodies: a cap must end the work, not follow it.
            Payload::FunctionSection(section) => {
                names.functions = section.count().into();
                limits.check(Limit::Functions, names.functions)?;
            }
            Payload::CodeSectionEntry(body) => {
                let range = body.range();
                names.function_bytes = names.function_bytes.max(range.end - range.start);
                limits.check(Limit::FunctionBytes, range.end - range.start)?;
            }
            _ => {}
        }
        match validator.payload(&payload)? {
            ValidPayload::Func(function, body) => allocations = reasons.function(function, &body, allocations)?,
            ValidPayload::End(types) => return names.finish(types.as_ref(), wasm, reasons),
            _ => {}
        }
        match payload {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    names.imports.push((import.module, import.name, import.ty));
                }
            }
            Payload::StartSection { .. } => names.starts = true,
            Payload::ExportSection(section) => names.exports = section.into_iter().collect::<Result<_, _>>()?,
            _ => {}
        }
    }
    // The parser yields the end of the module or an error; it cannot run dry before.
    Err(Error::Internal("the module has no end".into()).into())
}

/// What the operators say about resetting and sharing.
#[derive(Default)]
struct Reasons {
    table_grow: bool,
    data_drop: bool,
    elem_drop: bool,
    memory_grow: bool,
    table_write: bool,
}

impl Reasons {
    fn function(
        &mut self,
        function: FuncToValidate<ValidatorResources>,
        body: &FunctionBody<'_>,
        allocations: FuncValidatorAllocations,
    ) -> Result<FuncValidatorAllocations, Failure> {
        let mut validator = function.into_validator(allocations);
        let mut locals = body.get_binary_reader();
        validator.read_locals(&mut locals)?;
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset()?;
            validator.op(offset, &operator)?;
            match operator {
                Operator::TableGrow { .. } => self.table_grow = true,
                Operator::DataDrop { .. } => self.data_drop = true,
                Operator::ElemDrop { .. } => self.elem_drop = true,
                Operator::MemoryGrow { .. } => self.memory_grow = true,
                Operator::TableSet { .. }
                | Operator::TableFill { .. }
                | Operator::TableCopy { .. }
                | Operator::TableInit { .. } => self.table_write = true,
                Operator::MemoryAtomicWait32 { .. }
                | Operator::MemoryAtomicWait64 { .. }
                | Operator::MemoryAtomicNotify { .. } => {
                    let message =
                        "waiting on or notifying other threads (memory.atomic.wait, memory.atomic.notify) is not supported";
                    return Err(Error::UnsupportedModule(message.into()).into());
                }
                _ => {}
            }
        }
        operators.finish()?;
        Ok(validator.into_allocations())
    }

    fn list(&self) -> Vec<String> {
        let found = [
            (self.table_grow, "uses table.grow: a grown table cannot be shrunk again"),
            (self.data_drop, "uses data.drop: a dropped segment cannot be brought back"),
            (self.elem_drop, "uses elem.drop: a dropped segment cannot be brought back"),
        ];
        found.iter().filter(|(found, _)| *found).map(|&(_, reason)| reason.to_string()).collect()
    }
}

impl Names<'_> {
    fn finish(self, types: TypesRef<'_>, wasm: &[u8], reasons: Reasons) -> Result<ModuleInfo, Failure> {
        let memories = (0..types.memory_count()).map(|index| memory(types.memory_at(index))).collect::<Result<_>>()?;
        let tables = (0..types.table_count()).map(|index| table(types.table_at(index))).collect();
        let import = |(module, name, ty): (&str, &str, TypeRef)| -> Result<Import> {
            let ty = match ty {
                TypeRef::Func(index) | TypeRef::FuncExact(index) => {
                    ExternType::Function(function(types, types.core_type_at_in_module(index)))
                }
                TypeRef::Table(ty) => table(ty),
                TypeRef::Memory(ty) => memory(ty)?,
                TypeRef::Global(ty) => global(ty),
                TypeRef::Tag(ty) => ExternType::Tag(function(types, types.core_type_at_in_module(ty.func_type_idx))),
            };
            Ok(Import { module: module.to_string(), name: name.to_string(), ty })
        };
        let export = |export: wasmparser::Export<'_>| -> Result<Export> {
            let ty = match export.kind {
                ExternalKind::Func | ExternalKind::FuncExact => {
                    ExternType::Function(function(types, types.core_function_at(export.index)))
                }
                ExternalKind::Table => table(types.table_at(export.index)),
                ExternalKind::Memory => memory(types.memory_at(export.index))?,
                ExternalKind::Global => global(types.global_at(export.index)),
                ExternalKind::Tag => ExternType::Tag(function(types, types.tag_at(export.index))),
            };
            Ok(Export { name: export.name.to_string(), index: export.index, ty })
        };
        Ok(ModuleInfo {
            key: *blake3::hash(wasm).as_bytes(),
            bytes: wasm.len() as u64,
            functions: self.functions,
            function_bytes: self.function_bytes,
            imports: self.imports.into_iter().map(import).collect::<Result<_>>()?,
            exports: self.exports.into_iter().map(export).collect::<Result<_>>()?,
            memories,
            tables,
            abi: None,
            starts: self.starts,
            grows_memory: reasons.memory_grow,
            writes_tables: reasons.table_write,
            not_resettable: reasons.list(),
            meters: None,
        })
    }
}

fn function(types: TypesRef<'_>, id: CoreTypeId) -> FuncType {
    let ty = types[id].unwrap_func();
    let convert = |types: &[wasmparser::ValType]| types.iter().map(|&ty| ValueType::from_parser(ty)).collect();
    FuncType { params: convert(ty.params()), results: convert(ty.results()) }
}

fn memory(ty: wasmparser::MemoryType) -> Result<ExternType> {
    if ty.shared {
        return Err(Error::UnsupportedModule("shared memories are not supported".into()));
    }
    let page_bytes = 1 << ty.page_size_log2.unwrap_or(16);
    Ok(ExternType::Memory { pages: Range { min: ty.initial, max: ty.maximum }, page_bytes, is_64: ty.memory64 })
}

fn table(ty: wasmparser::TableType) -> ExternType {
    let element = ValueType::from_parser(wasmparser::ValType::Ref(ty.element_type));
    ExternType::Table { element, size: Range { min: ty.initial, max: ty.maximum } }
}

fn global(ty: wasmparser::GlobalType) -> ExternType {
    ExternType::Global { content: ValueType::from_parser(ty.content_type), mutable: ty.mutable }
}
