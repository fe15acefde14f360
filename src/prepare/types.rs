//! Types that nothing names, out of the way of the engine.
//!
//! wasmer makes machine code for each entry of the type section, and wasmtime for each that differs from the others, whether
//! anything is of that type or not: with LLVM a millisecond each. So entries that nothing names are taken out, or made all
//! the same. Every byte of code stays at its offset: indices are written over with as many bytes, and what is taken out
//! comes back as a custom section without a name.

use super::layout::{function_type, invalid};
use crate::Result;
use alloc::borrow::Cow;
use alloc::{vec, vec::Vec};
use core::convert::Infallible;
use core::ops::Range;
use wasm_encoder::Encode;
use wasm_encoder::reencode::{self, Reencode};
use wasmparser::{
    BinaryReader, BinaryReaderError, BlockType, CompositeInnerType, GlobalType, MemoryType, Operator, OperatorsReader, Parser,
    Payload, TableType,
};

/// So few types cost less than looking for those who name them.
const FEW: usize = 16;
/// A custom section without a name or content: its number, its size in five bytes, the length of its name.
const FILLER: usize = 7;

/// What becomes of types that nothing names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unused {
    /// They go, and those behind them move up. For modules without references to functions of a type.
    Removed,
    /// They become the type without parameters and results.
    Shared,
}

/// The same module for an engine, with no more types than it needs.
pub(crate) fn used_only(wasm: &[u8], unused: Unused) -> Result<Cow<'_, [u8]>> {
    let Some(section) = Section::read(wasm).map_err(invalid)? else { return Ok(Cow::Borrowed(wasm)) };
    let mut used = vec![false; section.entries.len()];
    let mut places = Places { used: &mut used, found: Vec::new() };
    places.of_entities(wasm).map_err(invalid)?;
    if places.unused() < FEW {
        return Ok(Cow::Borrowed(wasm));
    }
    match unused {
        Unused::Removed => places.of_code(wasm).map_err(invalid)?,
        Unused::Shared => section.close(places.named(wasm)),
    }
    let found = places.found;
    Ok(section.write(wasm, &used, &found, unused).map_or(Cow::Borrowed(wasm), Cow::Owned))
}

/// The type section.
struct Section {
    /// From its number to its end.
    whole: Range<usize>,
    /// Where each entry stands, and the types that it names.
    entries: Vec<(Range<usize>, Vec<u32>)>,
}

impl Section {
    /// Nothing where there is none, or where types are more than functions' types.
    fn read(wasm: &[u8]) -> Result<Option<Section>, BinaryReaderError> {
        let mut before = 8;
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            if let Payload::TypeSection(section) = payload {
                let end = section.range().end as usize;
                let mut entries: Vec<(Range<usize>, Vec<u32>)> = Vec::new();
                for group in section.into_iter_with_offsets() {
                    let (at, group) = group?;
                    if let Some((last, _)) = entries.last_mut() {
                        last.end = at as usize;
                    }
                    let plain = !group.is_explicit_rec_group() && wasm.get(at as usize) == Some(&0x60);
                    let mut types = group.into_types();
                    let (Some(ty), true) = (types.next(), plain) else { return Ok(None) };
                    let CompositeInnerType::Func(ty) = ty.composite_type.inner else { return Ok(None) };
                    let values = ty.params().iter().chain(ty.results());
                    let named = values.filter_map(|value| value.as_reference_type()?.type_index()?.as_module_index());
                    entries.push((at as usize..end, named.collect()));
                }
                return Ok(Some(Section { whole: before..end, entries }));
            }
            if let Some((_, range)) = payload.as_section() {
                before = range.end as usize;
            }
        }
        Ok(None)
    }

    /// Marks what the marked ones name, too.
    fn close(&self, used: &mut [bool]) {
        let mut left: Vec<usize> = (0..used.len()).filter(|&ty| used[ty]).collect();
        while let Some(ty) = left.pop() {
            for &named in &self.entries[ty].1 {
                if used.get(named as usize) == Some(&false) {
                    used[named as usize] = true;
                    left.push(named as usize);
                }
            }
        }
    }

    /// The module with another type section. Nothing when that saves too little to fill its place.
    fn write(&self, wasm: &[u8], used: &[bool], places: &[(usize, u32)], unused: Unused) -> Option<Vec<u8>> {
        let mut types = Vec::new();
        let (mut count, mut moved) = (0u32, Vec::with_capacity(used.len()));
        let shared = function_type(&[], &[]);
        for (&used, (entry, _)) in used.iter().zip(&self.entries) {
            moved.push(count);
            match (used, unused) {
                (true, _) => types.extend_from_slice(&wasm[entry.clone()]),
                (false, Unused::Shared) => types.extend_from_slice(&shared),
                (false, Unused::Removed) => continue,
            }
            count += 1;
        }
        let mut out = Vec::with_capacity(wasm.len());
        out.extend_from_slice(&wasm[..self.whole.start]);
        let mut content = Vec::with_capacity(types.len() + 5);
        count.encode(&mut content);
        content.append(&mut types);
        out.push(super::layout::TYPE);
        content.as_slice().encode(&mut out);
        let filler = self.whole.end.checked_sub(out.len() + FILLER)?;
        out.push(0);
        let size_at = out.len();
        out.resize(size_at + FILLER - 1 + filler, 0);
        padded(&mut out[size_at..size_at + 5], filler as u32 + 1);
        out.extend_from_slice(&wasm[self.whole.end..]);
        if unused == Unused::Removed {
            for &(at, ty) in places {
                let len = wasm[at..].iter().position(|byte| byte & 0x80 == 0)? + 1;
                padded(&mut out[at..at + len], *moved.get(ty as usize)?);
            }
        }
        Some(out)
    }
}

/// Writes a number with as many bytes as there are. It must be no larger than one that had so many.
fn padded(bytes: &mut [u8], mut number: u32) {
    let last = bytes.len() - 1;
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = (number & 0x7f) as u8 | if at < last { 0x80 } else { 0 };
        number >>= 7;
    }
}

/// Who names which type.
struct Places<'a> {
    used: &'a mut [bool],
    /// Where an index stands, and which.
    found: Vec<(usize, u32)>,
}

impl Places<'_> {
    fn unused(&self) -> usize {
        self.used.iter().filter(|used| !**used).count()
    }

    fn note(&mut self, at: usize, ty: u32) {
        if let Some(used) = self.used.get_mut(ty as usize) {
            *used = true;
        }
        self.found.push((at, ty));
    }

    fn index(&mut self, reader: &mut BinaryReader) -> Result<(), BinaryReaderError> {
        let at = reader.original_position() as usize;
        let ty = reader.read_var_u32()?;
        self.note(at, ty);
        Ok(())
    }

    /// Imports, functions and tags.
    fn of_entities(&mut self, wasm: &[u8]) -> Result<(), BinaryReaderError> {
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            let Some((_, range)) = payload.as_section() else { continue };
            let mut reader = BinaryReader::new(&wasm[range.start as usize..range.end as usize], range.start);
            match payload {
                Payload::ImportSection(_) => {
                    for _ in 0..reader.read_var_u32()? {
                        self.import(&mut reader)?;
                    }
                }
                Payload::FunctionSection(_) => {
                    for _ in 0..reader.read_var_u32()? {
                        self.index(&mut reader)?;
                    }
                }
                Payload::TagSection(_) => {
                    for _ in 0..reader.read_var_u32()? {
                        reader.read_u8()?;
                        self.index(&mut reader)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn import(&mut self, reader: &mut BinaryReader) -> Result<(), BinaryReaderError> {
        reader.read_string()?;
        reader.read_string()?;
        match reader.read_u8()? {
            1 => drop(reader.read::<TableType>()?),
            2 => drop(reader.read::<MemoryType>()?),
            3 => drop(reader.read::<GlobalType>()?),
            4 => {
                reader.read_u8()?;
                self.index(reader)?;
            }
            _ => self.index(reader)?,
        }
        Ok(())
    }

    /// The operators of functions. References to functions of a type are not looked for.
    fn of_code(&mut self, wasm: &[u8]) -> Result<(), BinaryReaderError> {
        for payload in Parser::new(0).parse_all(wasm) {
            let Payload::CodeSectionEntry(body) = payload? else { continue };
            let mut operators: OperatorsReader = body.get_operators_reader()?;
            while !operators.eof() {
                let (operator, at) = operators.read_with_offset()?;
                let ty = match operator {
                    Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty } => blockty,
                    Operator::TryTable { try_table } => try_table.ty,
                    Operator::CallIndirect { type_index, .. } | Operator::ReturnCallIndirect { type_index, .. } => {
                        BlockType::FuncType(type_index)
                    }
                    _ => continue,
                };
                if let BlockType::FuncType(ty) = ty {
                    self.note(at as usize + 1, ty); // behind the operator's one byte
                }
            }
        }
        Ok(())
    }

    /// Marks what anything but another type names, and gives the marks.
    fn named(&mut self, wasm: &[u8]) -> &mut [bool] {
        let mut seen = Seen(&mut *self.used);
        // It was valid before, so that nothing is left unseen.
        if seen.parse_core_module(&mut wasm_encoder::Module::new(), Parser::new(0), wasm).is_err() {
            self.used.fill(true);
        }
        self.used
    }
}

/// Marks every type that is named, by writing the module anew.
struct Seen<'a>(&'a mut [bool]);

impl Reencode for Seen<'_> {
    type Error = Infallible;

    fn type_index(&mut self, ty: u32) -> Result<u32, reencode::Error<Infallible>> {
        if let Some(used) = self.0.get_mut(ty as usize) {
            *used = true;
        }
        Ok(ty)
    }

    fn parse_type_section(
        &mut self,
        _: &mut wasm_encoder::TypeSection,
        _: wasmparser::TypeSectionReader<'_>,
    ) -> Result<(), reencode::Error<Infallible>> {
        Ok(())
    }
}
