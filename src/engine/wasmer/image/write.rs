//! From what wasmer links to an image: the same code, laid out as it will lie in memory, and the tables.

use super::layout::{Fix, Layout};
use super::places;
use crate::{Error, Result};
use alloc::{format, vec, vec::Vec};
use core::fmt::Display;
use core::ops::Range;
use gimli::RunTimeEndian;
use object::elf;
use object::{
    File, Object, ObjectSection, ObjectSegment, ObjectSymbol, ObjectSymbolTable, RelocationFlags, RelocationTarget, SegmentFlags,
};
use wasmer_compiler::{
    EH_FRAME_SECTION_NAME, WASMER_FUNCTION_OFFSETS_SECTION_NAME, WASMER_MODULE_INFO_SECTION_NAME,
    WASMER_TRAP_FUNCTION_OFFSETS_SECTION_NAME, WASMER_TRAPS_SECTION_NAME,
};

/// Turns a linked ELF image of a module with so many functions of its own into our image.
pub(in super::super) fn write(elf: &[u8], local_functions: usize) -> Result<Vec<u8>> {
    let file = File::parse(elf).map_err(|error| odd(&error))?;
    let (memory, code) = memory(&file)?;
    let (functions, _) = section(&file, WASMER_FUNCTION_OFFSETS_SECTION_NAME)?;
    let addresses = words(functions);
    let locals = addresses.get(..local_functions).ok_or_else(|| odd(&"functions are missing"))?;
    if !locals.is_sorted() {
        return Err(odd(&"the functions are not in their order"));
    }
    let [trap_starts, traps] = traps(&file, local_functions)?;
    let [origin_starts, origins] = origins(&file, locals)?;
    let (module, _) = section(&file, WASMER_MODULE_INFO_SECTION_NAME)?;
    // A module without functions has nothing to unwind.
    let unwind = file.section_by_name_bytes(EH_FRAME_SECTION_NAME).map_or(0..0, |section| {
        let start = section.address() as usize;
        start..start + section.size() as usize
    });
    let tables = [functions.to_vec(), fixes(&file)?, trap_starts, traps, origin_starts, origins, module.to_vec()];
    Ok(Layout::write(memory, tables, code, unwind))
}

fn odd(what: &dyn Display) -> Error {
    Error::Internal(format!("the compiler has linked an image that is not as expected: {what}"))
}

fn section<'a>(file: &File<'a>, name: &[u8]) -> Result<(&'a [u8], usize)> {
    let section = file
        .section_by_name_bytes(name)
        .ok_or_else(|| odd(&format!("{} is missing", alloc::string::String::from_utf8_lossy(name))))?;
    Ok((section.data().map_err(|error| odd(&error))?, section.address() as usize))
}

fn words(bytes: &[u8]) -> Vec<usize> {
    bytes.as_chunks::<8>().0.iter().map(|&word| u64::from_le_bytes(word) as usize).collect()
}

/// The segments where they belong, and which of it is code.
fn memory(file: &File<'_>) -> Result<(Vec<u8>, Range<usize>)> {
    let (mut memory, mut code) = (Vec::new(), None);
    for segment in file.segments() {
        let (start, size) = (segment.address() as usize, segment.size() as usize);
        let data = segment.data().map_err(|error| odd(&error))?;
        if start < memory.len() || data.len() > size {
            return Err(odd(&"segments overlap"));
        }
        memory.resize(start, 0);
        memory.extend_from_slice(data);
        memory.resize(start + size, 0);
        let SegmentFlags::Elf { p_flags, .. } = segment.flags() else { return Err(odd(&"segments without access")) };
        if p_flags.contains(elf::PF_X) && code.replace(start..start + size).is_some() {
            return Err(odd(&"two segments of code"));
        }
    }
    memory.resize(memory.len().next_multiple_of(crate::sys::pages::page_size()), 0);
    Ok((memory, code.unwrap_or(0..0)))
}

/// What the loader has to fill in.
fn fixes(file: &File<'_>) -> Result<Vec<u8>> {
    let mut fixes = Vec::new();
    for (at, relocation) in file.dynamic_relocations().into_iter().flatten() {
        let name = match (relocation.flags(), relocation.target()) {
            (RelocationFlags::Elf { r_type: elf::R_X86_64_RELATIVE | elf::R_AARCH64_RELATIVE | elf::R_RISCV_RELATIVE }, _) => {
                Vec::new()
            }
            (
                RelocationFlags::Elf {
                    r_type:
                        elf::R_X86_64_64
                        | elf::R_X86_64_GLOB_DAT
                        | elf::R_X86_64_JUMP_SLOT
                        | elf::R_AARCH64_ABS64
                        | elf::R_AARCH64_GLOB_DAT
                        | elf::R_AARCH64_JUMP_SLOT,
                },
                RelocationTarget::Symbol(index),
            ) => {
                let symbols = file.dynamic_symbol_table().ok_or_else(|| odd(&"no symbols"))?;
                let symbol = symbols.symbol_by_index(index).map_err(|error| odd(&error))?;
                symbol.name_bytes().map_err(|error| odd(&error))?.to_vec()
            }
            (flags, _) => return Err(odd(&format!("relocation {flags:?}"))),
        };
        Fix { at: at as usize, addend: relocation.addend(), name: &name }.write(&mut fixes);
    }
    Ok(fixes)
}

/// Where each function may trap. wasmer's table has, for each function, the address of a list of pairs.
fn traps(file: &File<'_>, local_functions: usize) -> Result<[Vec<u8>; 2]> {
    let mut writer = places::Writer::default();
    // LLVM's code has no such table: where it traps by itself it calls wasmer, and says why.
    if file.section_by_name_bytes(WASMER_TRAPS_SECTION_NAME).is_none() {
        (0..local_functions).for_each(|_| writer.function(core::iter::empty()));
    } else if local_functions > 0 {
        let (lists, base) = section(file, WASMER_TRAPS_SECTION_NAME)?;
        let (starts, _) = section(file, WASMER_TRAP_FUNCTION_OFFSETS_SECTION_NAME)?;
        for start in words(starts).into_iter().take(local_functions) {
            let list = start.checked_sub(base).and_then(|start| lists.get(start..)).and_then(|list| {
                let (count, pairs) = list.split_first_chunk::<4>()?;
                pairs.as_chunks::<8>().0.get(..u32::from_le_bytes(*count) as usize)
            });
            let pairs = list.ok_or_else(|| odd(&"traps are missing"))?.iter();
            writer.function(
                pairs.map(|&[a, b, c, d, e, f, g, h]| (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))),
            );
        }
    }
    Ok(writer.finish())
}

/// Where in the module each function's instructions come from. wasmer says it as lines of source code: the line is one
/// more than the offset in the module.
fn origins(file: &File<'_>, locals: &[usize]) -> Result<[Vec<u8>; 2]> {
    let mut rows = rows(file).map_err(|error| odd(&error))?;
    rows.sort_unstable();
    let mut rest = &rows[..];
    let mut writer = places::Writer::default();
    for (index, &start) in locals.iter().enumerate() {
        let end = locals.get(index + 1).copied().unwrap_or(usize::MAX);
        rest = &rest[rest.partition_point(|&(address, _)| address < start)..];
        let (own, after) = rest.split_at(rest.partition_point(|&(address, _)| address < end));
        rest = after;
        // Of rows that say the same as the one before, and of those of the same address but the last, nothing is lost.
        let mut last = None;
        let own = own.iter().map(|&(address, line)| ((address - start) as u32, line));
        writer.function(own.filter(|&(_, line)| last.replace(line) != Some(line)));
    }
    Ok(writer.finish())
}

/// Address and line of every row of the debug information.
fn rows(file: &File<'_>) -> gimli::Result<Vec<(usize, u32)>> {
    let load = |id: gimli::SectionId| {
        let data = file.section_by_name(id.name()).and_then(|section| section.data().ok()).unwrap_or_default();
        gimli::Result::Ok(gimli::EndianSlice::new(data, RunTimeEndian::Little))
    };
    let dwarf = gimli::Dwarf::load(load)?;
    let mut found = vec![];
    let mut units = dwarf.units();
    while let Some(header) = units.next()? {
        let unit = dwarf.unit(header)?;
        let Some(program) = unit.line_program.clone() else { continue };
        let mut rows = program.rows();
        while let Some((_, row)) = rows.next_row()? {
            if !row.end_sequence() {
                found.push((row.address() as usize, row.line().map_or(0, |line| line.get() as u32)));
            }
        }
    }
    Ok(found)
}
