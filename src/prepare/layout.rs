//! A module taken apart into sections, and put together again with entries appended to some.
//!
//! Only what is appended and the code is written anew; every other byte is copied.

use crate::error::shown;
use crate::{Error, Result};
use alloc::{collections::BTreeMap, format, string::ToString, vec::Vec};
use core::ops::Range;
use wasm_encoder::Encode;
use wasmparser::{
    BinaryReader, CompositeInnerType, Encoding, ExternalKind, FuncType, FunctionBody, MemoryType, Parser, Payload, TableType,
    TypeRef,
};

/// The sections' numbers, in the order in which they stand in a module.
const ORDER: [u8; 13] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];
pub(super) const TYPE: u8 = 1;
pub(super) const FUNCTION: u8 = 3;
pub(super) const MEMORY: u8 = 5;
pub(super) const GLOBAL: u8 = 6;
pub(super) const EXPORT: u8 = 7;
pub(super) const START: u8 = 8;
pub(super) const CODE: u8 = 10;

/// What a module consists of.
#[derive(Default)]
pub(super) struct Layout<'a> {
    sections: Vec<(u8, Range<usize>)>,
    /// Functions' types, by index; nothing for types of other kinds.
    pub types: Vec<Option<FuncType>>,
    /// The type of every function, imported ones first.
    pub functions: Vec<u32>,
    pub imported_functions: u32,
    pub memories: Vec<MemoryType>,
    pub tables: Vec<TableType>,
    pub globals: u32,
    pub start: Option<u32>,
    pub bodies: Vec<FunctionBody<'a>>,
    exports: Vec<&'a str>,
}

pub(super) fn invalid(error: wasmparser::BinaryReaderError) -> Error {
    Error::InvalidModule { message: error.message().into(), offset: error.offset() as usize }
}

fn place(range: Range<u64>) -> Range<usize> {
    range.start as usize..range.end as usize
}

impl<'a> Layout<'a> {
    pub(super) fn read(wasm: &'a [u8]) -> Result<Self> {
        let mut layout = Layout::default();
        for payload in Parser::new(0).parse_all(wasm) {
            layout.take(payload.map_err(invalid)?)?;
        }
        Ok(layout)
    }

    fn take(&mut self, payload: Payload<'a>) -> Result<()> {
        if let Some((id, range)) = payload.as_section() {
            self.sections.push((id, place(range)));
        }
        match payload {
            Payload::Version { encoding: Encoding::Component, .. } => {
                return Err(Error::UnsupportedModule("limits cannot be compiled into a component".into()));
            }
            Payload::TypeSection(section) => {
                for group in section {
                    self.types.extend(group.map_err(invalid)?.into_types().map(|ty| match ty.composite_type.inner {
                        CompositeInnerType::Func(ty) => Some(ty),
                        _ => None,
                    }));
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    match import.map_err(invalid)?.ty {
                        TypeRef::Func(ty) | TypeRef::FuncExact(ty) => self.functions.push(ty),
                        TypeRef::Memory(ty) => self.memories.push(ty),
                        TypeRef::Table(ty) => self.tables.push(ty),
                        TypeRef::Global(_) => self.globals += 1,
                        TypeRef::Tag(_) => {}
                    }
                }
                self.imported_functions = self.functions.len() as u32;
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    self.functions.push(ty.map_err(invalid)?);
                }
            }
            Payload::MemorySection(section) => {
                for ty in section {
                    self.memories.push(ty.map_err(invalid)?);
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    self.tables.push(table.map_err(invalid)?.ty);
                }
            }
            Payload::GlobalSection(section) => self.globals += section.count(),
            Payload::ExportSection(section) => {
                for export in section {
                    self.exports.push(export.map_err(invalid)?.name);
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            _ => {}
        }
        Ok(())
    }

    /// The type of a function of the guest.
    pub(super) fn function_type(&self, function: u32) -> Result<&FuncType> {
        let ty = self.functions.get(function as usize).and_then(|&ty| self.types.get(ty as usize));
        ty.and_then(Option::as_ref)
            .ok_or_else(|| Error::InvalidModule { message: format!("function {function} has no type"), offset: 0 })
    }

    /// Refuses a module that has an export of this name already.
    pub(super) fn check_free(&self, name: &str) -> Result<()> {
        if self.exports.contains(&name) {
            return Err(Error::UnsupportedModule(format!("it exports \"{name}\", a name that the limits of hostel need")));
        }
        Ok(())
    }

    /// The module with what `appended` adds, with other code, and without its start if that is exported now.
    pub(super) fn write(&self, wasm: &[u8], appended: &Appended, code: &[u8], start_exported: bool) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(wasm.len() + code.len() / 2 + 1024);
        out.extend_from_slice(&wasm[..8]);
        let known = |&(id, _): &(u8, Range<usize>)| id != 0;
        let behind = self.sections.iter().rposition(known).map_or(0, |last| last + 1);
        let mut rank = 0;
        for (at, (id, range)) in self.sections.iter().enumerate() {
            if at == behind {
                self.missing(&mut rank, ORDER.len(), appended, &mut out);
            }
            let content = &wasm[range.clone()];
            if start_exported && *id == START {
                continue;
            }
            if *id == 0 {
                custom(content, &mut out);
                continue;
            }
            let here = ORDER.iter().position(|other| other == id).unwrap_or(rank);
            self.missing(&mut rank, here, appended, &mut out);
            rank = here + 1;
            match appended.0.get(id) {
                _ if *id == CODE => section(CODE, code, &mut out),
                Some(added) => section(*id, &added.behind(content)?, &mut out),
                None => section(*id, content, &mut out),
            }
        }
        self.missing(&mut rank, ORDER.len(), appended, &mut out);
        Ok(out)
    }

    /// Sections that are new, up to a place in the order.
    fn missing(&self, rank: &mut usize, end: usize, appended: &Appended, out: &mut Vec<u8>) {
        while *rank < end {
            let id = ORDER[*rank];
            if let Some(added) = appended.0.get(&id).filter(|_| self.sections.iter().all(|&(other, _)| other != id)) {
                section(id, &added.alone(), out);
            }
            *rank += 1;
        }
    }
}

/// Entries to append, by section.
#[derive(Default)]
pub(super) struct Appended(BTreeMap<u8, Entries>);

#[derive(Default)]
struct Entries {
    count: u32,
    bytes: Vec<u8>,
}

impl Appended {
    /// One more entry.
    pub(super) fn add(&mut self, section: u8, entry: &[u8]) {
        let entries = self.0.entry(section).or_default();
        entries.count += 1;
        entries.bytes.extend_from_slice(entry);
    }

    /// One more export.
    pub(super) fn export(&mut self, name: &str, kind: ExternalKind, index: u32) {
        let mut entry = Vec::new();
        name.encode(&mut entry);
        entry.push(match kind {
            ExternalKind::Func => 0,
            ExternalKind::Memory => 2,
            _ => 3,
        });
        index.encode(&mut entry);
        self.add(EXPORT, &entry);
    }
}

impl Entries {
    fn alone(&self) -> Vec<u8> {
        let mut content = Vec::new();
        self.count.encode(&mut content);
        content.extend_from_slice(&self.bytes);
        content
    }

    fn behind(&self, content: &[u8]) -> Result<Vec<u8>> {
        let mut reader = BinaryReader::new(content, 0);
        let count = reader.read_var_u32().map_err(invalid)?;
        let mut all = Vec::with_capacity(content.len() + self.bytes.len() + 5);
        (count + self.count).encode(&mut all);
        all.extend_from_slice(&content[reader.current_position()..]);
        all.extend_from_slice(&self.bytes);
        Ok(all)
    }
}

fn section(id: u8, content: &[u8], out: &mut Vec<u8>) {
    out.push(id);
    content.encode(out);
}

/// Sections that name places in the code, which moves, would tell lies: debuggers' and linkers' sections and branch hints
/// stay out. Names stay, but for those of labels, which are counted in an order that changes.
fn custom(content: &[u8], out: &mut Vec<u8>) {
    const LABELS: u8 = 3;
    let mut reader = BinaryReader::new(content, 0);
    let name = reader.read_string().unwrap_or_default();
    let places = [".debug_", "reloc.", "metadata.code."];
    if places.iter().any(|start| name.starts_with(start)) || ["linking", "sourceMappingURL"].contains(&name) {
        return;
    }
    if name != "name" {
        return section(0, content, out);
    }
    let mut kept: Vec<u8> = content[..reader.current_position()].into();
    while !reader.eof() {
        let start = reader.current_position();
        let Ok((id, _)) = reader.read_u8().and_then(|id| Ok((id, reader.read_reader()?))) else {
            return section(0, content, out); // not in order, and nobody will read it
        };
        if id != LABELS {
            kept.extend_from_slice(&content[start..reader.current_position()]);
        }
    }
    section(0, &kept, out)
}

/// A function's type as an entry of the type section.
pub(super) fn function_type(params: &[wasm_encoder::ValType], results: &[wasm_encoder::ValType]) -> Vec<u8> {
    let mut entry = alloc::vec![0x60];
    params.encode(&mut entry);
    results.encode(&mut entry);
    entry
}

/// The encoder's value type for the parser's.
pub(super) fn value_type(ty: wasmparser::ValType) -> Result<wasm_encoder::ValType> {
    use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
    let unknown = |error| {
        Error::UnsupportedModule(format!(
            "limits cannot be compiled into a module with the type {}: {error}",
            shown(&ty.to_string())
        ))
    };
    RoundtripReencoder.val_type(ty).map_err(|error| unknown(format!("{error:?}")))
}
