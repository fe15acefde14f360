//! What is in a module, as far as functions that look at it need to know.

use wasm_encoder::{AbstractHeapType, HeapType, RefType, ValType};
use wasmparser::{ExternalKind, Parser, Payload, TypeRef};

/// A module's index spaces, imports first.
#[derive(Default)]
pub struct Outline {
    /// Parameters and results of each type; nothing for one with values that cannot be carried over.
    pub types: Vec<Option<Type>>,
    /// The type of each function.
    pub functions: Vec<u32>,
    /// What each table holds.
    pub tables: Vec<ValType>,
    /// How many memories there are.
    pub memories: u32,
    /// What each global holds; nothing when that cannot be carried over.
    pub globals: Vec<Option<ValType>>,
    /// Whether each global can be changed.
    pub mutable: Vec<bool>,
    /// Exports that are functions or globals, by name.
    pub exports: Vec<(String, ExternalKind, u32)>,
}

/// Parameters and results.
#[derive(Clone)]
pub struct Type {
    pub params: Vec<ValType>,
    pub results: Vec<ValType>,
}

impl Outline {
    /// Nothing for what is not a module that can be understood.
    pub fn of(wasm: &[u8]) -> Option<Outline> {
        let mut outline = Outline::default();
        for payload in Parser::new(0).parse_all(wasm) {
            outline.add(payload.ok()?)?;
        }
        Some(outline)
    }

    fn add(&mut self, payload: Payload<'_>) -> Option<()> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section {
                    for ty in group.ok()?.into_types() {
                        self.types.push(function_type(&ty));
                    }
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    match import.ok()?.ty {
                        TypeRef::Func(ty) => self.functions.push(ty),
                        TypeRef::Table(ty) => self.tables.push(value_type(wasmparser::ValType::Ref(ty.element_type))?),
                        TypeRef::Memory(_) => self.memories += 1,
                        TypeRef::Global(ty) => self.global(ty),
                        _ => return None,
                    }
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    self.functions.push(ty.ok()?);
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    self.tables.push(value_type(wasmparser::ValType::Ref(table.ok()?.ty.element_type))?);
                }
            }
            Payload::MemorySection(section) => self.memories += section.count(),
            Payload::GlobalSection(section) => {
                for global in section {
                    self.global(global.ok()?.ty);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.ok()?;
                    self.exports.push((export.name.to_string(), export.kind, export.index));
                }
            }
            _ => {}
        }
        Some(())
    }

    fn global(&mut self, ty: wasmparser::GlobalType) {
        self.globals.push(value_type(ty.content_type));
        self.mutable.push(ty.mutable);
    }

    /// The type of a function.
    pub fn function_type(&self, function: u32) -> Option<&Type> {
        self.types.get(*self.functions.get(function as usize)? as usize)?.as_ref()
    }
}

fn function_type(ty: &wasmparser::SubType) -> Option<Type> {
    let wasmparser::CompositeInnerType::Func(ty) = &ty.composite_type.inner else { return None };
    let all = |types: &[wasmparser::ValType]| types.iter().map(|&ty| value_type(ty)).collect::<Option<Vec<_>>>();
    let params = all(ty.params())?;
    // References that are passed are null.
    let can_be_passed = |ty: &ValType| !matches!(ty, ValType::Ref(RefType { nullable: false, .. }));
    params.iter().all(can_be_passed).then_some(())?;
    Some(Type { params, results: all(ty.results())? })
}

fn value_type(ty: wasmparser::ValType) -> Option<ValType> {
    match ty {
        wasmparser::ValType::I32 => Some(ValType::I32),
        wasmparser::ValType::I64 => Some(ValType::I64),
        wasmparser::ValType::F32 => Some(ValType::F32),
        wasmparser::ValType::F64 => Some(ValType::F64),
        wasmparser::ValType::V128 => Some(ValType::V128),
        wasmparser::ValType::Ref(ty) => {
            Some(ValType::Ref(RefType { nullable: ty.is_nullable(), heap_type: heap_type(ty.heap_type())? }))
        }
    }
}

fn heap_type(ty: wasmparser::HeapType) -> Option<HeapType> {
    use wasmparser::AbstractHeapType as Abstract;
    let ty = match ty {
        wasmparser::HeapType::Concrete(index) => return index.as_module_index().map(HeapType::Concrete),
        wasmparser::HeapType::Abstract { shared: false, ty: Abstract::Func } => AbstractHeapType::Func,
        wasmparser::HeapType::Abstract { shared: false, ty: Abstract::Extern } => AbstractHeapType::Extern,
        wasmparser::HeapType::Abstract { shared: false, ty: Abstract::Exn } => AbstractHeapType::Exn,
        _ => return None,
    };
    Some(HeapType::Abstract { shared: false, ty })
}
