//! From what a compiler makes to an image: functions, trampolines and data as they will lie in memory, and the tables.
//!
//! wasmer links, too, but what it links with keeps some hundred bytes of each function for ever (libwild 0.10).

use super::layout::{Fix, Form, Layout, Target};
use super::relocation::{apply, put};
use super::{TRAPS, frames, places};
use crate::sys::pages::page_size;
use crate::{Error, Result};
use alloc::{collections::BTreeMap, format, vec::Vec};
use core::fmt::Display;
use wasmer_compiler::LIBCALLS_ELF;
use wasmer_compiler::types::function::{CompiledFunctionFrameInfo, RkyvCompilation};
use wasmer_compiler::types::relocation::{Relocation, RelocationKind, RelocationTarget};
use wasmer_compiler::types::section::CustomSectionProtection;
use wasmer_types::LibCall;
use wasmer_types::entity::EntityRef;

/// What processors like functions to begin at; more than any instruction needs.
const ALIGNMENT: usize = 16;

/// Makes an image of what was compiled, and of wasmer's description of the module.
pub(in super::super) fn link(mut made: RkyvCompilation, module: Vec<u8>) -> Result<Vec<u8>> {
    let [trap_starts, traps] = traps(made.functions.values().map(|function| &function.frame_info))?;
    let [origin_starts, origins] = origins(made.functions.values().map(|function| &function.frame_info));
    let mut linker = Linker::default();

    linker.functions = made.functions.values().map(|function| linker.memory.place(&function.body.body, ALIGNMENT)).collect();
    let entries: Vec<_> =
        made.function_call_trampolines.values().map(|body| linker.memory.place(&body.body, ALIGNMENT)).collect();
    let exits = made.dynamic_function_trampolines.values();
    linker.exits = exits.map(|body| linker.memory.place(&body.body, ALIGNMENT)).collect();
    let functions = made.functions.values().flat_map(|function| &function.relocations);
    let sections = made.custom_sections.values().flat_map(|section| &section.relocations);
    linker.place_stubs(functions.chain(sections))?;
    let code = 0..linker.memory.0.len();

    linker.memory.align(page_size());
    linker.place_slots();
    let unwind = made.unwind_info.eh_frame;
    let mut unwinding = 0..0;
    for (index, section) in &mut made.custom_sections {
        if section.protection == CustomSectionProtection::ReadExecute {
            return Err(odd(&"a section of code"));
        }
        let alignment = section.alignment.map_or(ALIGNMENT, |alignment| (alignment as usize).max(ALIGNMENT));
        let joined;
        let mut bytes = section.bytes.as_slice();
        if unwind == Some(index) {
            (joined, section.relocations) = frames::joined(bytes, core::mem::take(&mut section.relocations))?;
            bytes = &joined;
        }
        let start = linker.memory.place(bytes, alignment);
        if unwind == Some(index) {
            unwinding = start..start + bytes.len();
        }
        linker.sections.push(start);
    }

    for (index, function) in &made.functions {
        linker.relocate(linker.functions[index.index()], &function.relocations, true)?;
    }
    for (index, section) in &made.custom_sections {
        linker.relocate(linker.sections[index.index()], &section.relocations, false)?;
    }
    linker.memory.align(page_size());
    if u32::try_from(linker.memory.0.len()).is_err() {
        return Err(odd(&"it has more than 4 GiB of code"));
    }
    let addresses = linker.functions.iter().chain(&entries).chain(&linker.exits);
    let addresses = addresses.flat_map(|&address| (address as u64).to_le_bytes()).collect();
    let tables = [addresses, Fix::write(linker.fixes), trap_starts, traps, origin_starts, origins, module];
    Ok(Layout::write(linker.memory.0, tables, code, unwinding))
}

pub(super) fn odd(what: &dyn Display) -> Error {
    Error::Internal(format!("the compiler has made a module that cannot be linked: {what}"))
}

/// The image as it comes to be.
#[derive(Default)]
struct Memory(Vec<u8>);

impl Memory {
    fn align(&mut self, alignment: usize) {
        self.0.resize(self.0.len().next_multiple_of(alignment), 0);
    }

    fn place(&mut self, bytes: &[u8], alignment: usize) -> usize {
        self.align(alignment);
        let start = self.0.len();
        self.0.extend_from_slice(bytes);
        start
    }
}

#[derive(Default)]
struct Linker {
    memory: Memory,
    /// Where everything lies.
    functions: Vec<usize>,
    exits: Vec<usize>,
    sections: Vec<usize>,
    calls: BTreeMap<&'static str, Call>,
    fixes: Vec<Fix<'static>>,
}

/// How a function of wasmer's is reached, which may lie anywhere.
#[derive(Default)]
struct Call {
    /// Code that goes on there.
    stub: usize,
    /// Its address, among the data.
    slot: usize,
}

/// The name that an image knows a function of wasmer's by.
fn name(call: LibCall) -> Result<&'static str> {
    let known = LIBCALLS_ELF.get_entry(call.to_function_name()).filter(|&(_, &known)| known == call);
    known.map(|(&name, _)| name).ok_or_else(|| odd(&format!("it calls {call:?}")))
}

impl Linker {
    fn place_stubs<'a>(&mut self, relocations: impl Iterator<Item = &'a Relocation>) -> Result<()> {
        for relocation in relocations {
            if let RelocationTarget::LibCall(call) = relocation.reloc_target {
                self.calls.entry(name(call)?).or_default();
            }
        }
        for call in self.calls.values_mut() {
            call.stub = self.memory.place(STUB, ALIGNMENT);
        }
        Ok(())
    }

    fn place_slots(&mut self) {
        for (&name, call) in &mut self.calls {
            call.slot = self.memory.place(&[0; 8], 8);
            self.fixes.push(Fix { at: call.slot, form: Form::Word, target: Target::Function(name) });
            for &(kind, offset, addend) in STUB_RELOCATIONS {
                // Both are in the image, and not far from each other.
                let _ = apply(&mut self.memory.0, kind, call.stub + offset, call.slot as i64 + addend);
            }
        }
    }

    /// Fills in what lies at `start`.
    fn relocate(&mut self, start: usize, relocations: &[Relocation], is_code: bool) -> Result<()> {
        for relocation in relocations {
            let (kind, at) = (relocation.kind, start + relocation.offset as usize);
            let form = match kind {
                RelocationKind::Abs8 => Some(Form::Word),
                RelocationKind::Arm64Movw0 => Some(Form::Part(0)),
                RelocationKind::Arm64Movw1 => Some(Form::Part(1)),
                RelocationKind::Arm64Movw2 => Some(Form::Part(2)),
                RelocationKind::Arm64Movw3 => Some(Form::Part(3)),
                _ => None,
            };
            let placed =
                |places: &[usize], index: usize| places.get(index).copied().ok_or_else(|| odd(&"it means what is not there"));
            let target = match relocation.reloc_target {
                RelocationTarget::LocalFunc(index) => placed(&self.functions, index.index())?,
                RelocationTarget::DynamicTrampoline(index) => placed(&self.exits, index.index())?,
                RelocationTarget::CustomSection(index) => placed(&self.sections, index.index())?,
                RelocationTarget::LibCall(call) => {
                    let name = name(call)?;
                    let call = &self.calls[name];
                    match form {
                        None => call.stub,
                        Some(_) if relocation.addend != 0 => return Err(odd(&"it means the middle of a function")),
                        Some(_) if is_code && near(&mut self.memory.0, at, call.slot, Near::Load)? => continue,
                        Some(form) => {
                            self.fixes.push(Fix { at, form, target: Target::Function(name) });
                            continue;
                        }
                    }
                }
            };
            let target = target as i64 + relocation.addend;
            match form {
                None => apply(&mut self.memory.0, kind, at, target)?,
                Some(form) => {
                    let offset = usize::try_from(target).ok().filter(|&offset| u32::try_from(offset).is_ok());
                    let offset = offset.ok_or_else(|| odd(&"it means what is outside of it"))?;
                    if !(is_code && near(&mut self.memory.0, at, offset, Near::Address)?) {
                        self.fixes.push(Fix { at, form, target: Target::Image(offset) });
                    }
                }
            }
        }
        Ok(())
    }
}

/// What an instruction puts into a register.
enum Near {
    /// The address of something in the image.
    Address,
    /// The word that lies there.
    Load,
}

/// Whether an instruction of x86-64 that moves the eight bytes at `at` into a register could be made one that counts from where
/// it is, so that nothing has to be filled in when the image is loaded. LLVM writes the former for everything outside of a
/// function. It stays as long as it was: nobody jumps into its middle.
fn near(memory: &mut [u8], at: usize, target: usize, what: Near) -> Result<bool> {
    let Some(&[rex, opcode]) = at.checked_sub(2).and_then(|start| memory.get(start..at)).and_then(|code| code.first_chunk())
    else {
        return Ok(false);
    };
    if !cfg!(target_arch = "x86_64") || rex & 0xfe != 0x48 || opcode & 0xf8 != 0xb8 {
        return Ok(false);
    }
    // lea or mov with a distance of four bytes, and an instruction of three bytes that does nothing.
    const LEN: i64 = 7;
    let start = at - 2;
    let distance = i32::try_from(target as i64 - (start as i64 + LEN)).map_err(|_| odd(&"it is too large"))?.to_le_bytes();
    let code = match what {
        Near::Address => 0x8d,
        Near::Load => 0x8b,
    };
    let rex = 0x48 | (rex & 1) << 2;
    let register = 0x05 | (opcode & 7) << 3;
    put(memory, start, |_: [u8; 10]| {
        let [a, b, c, d] = distance;
        [rex, code, register, a, b, c, d, 0x0f, 0x1f, 0x00]
    })?;
    Ok(true)
}

/// Goes on at the address that lies in a slot; what is filled in: kind, where, and what is added.
#[cfg(target_arch = "x86_64")]
const STUB: &[u8] = &[0xff, 0x25, 0, 0, 0, 0]; // jmp [rip + slot]
#[cfg(target_arch = "x86_64")]
const STUB_RELOCATIONS: &[(RelocationKind, usize, i64)] = &[(RelocationKind::PCRel4, 2, -4)];
#[cfg(target_arch = "aarch64")]
const STUB: &[u8] = &[
    0x11, 0x00, 0x00, 0x90, // adrp x17, slot
    0x31, 0x02, 0x40, 0xf9, // ldr x17, [x17, slot]
    0x20, 0x02, 0x1f, 0xd6, // br x17
];
#[cfg(target_arch = "aarch64")]
const STUB_RELOCATIONS: &[(RelocationKind, usize, i64)] =
    &[(RelocationKind::Aarch64AdrPrelPgHi21, 0, 0), (RelocationKind::Aarch64Ldst64AbsLo12Nc, 4, 0)];

/// Where each function may trap.
fn traps<'a>(functions: impl Iterator<Item = &'a CompiledFunctionFrameInfo>) -> Result<[Vec<u8>; 2]> {
    let mut writer = places::Writer::default();
    for function in functions {
        let pairs = function.traps.iter().map(|trap| {
            let number = TRAPS.iter().position(|&known| known == trap.trap_code);
            let number = number.ok_or_else(|| odd(&format!("a trap of kind {:?}", trap.trap_code)))?;
            Ok((trap.code_offset, number as u32))
        });
        writer.function(pairs.collect::<Result<Vec<_>>>()?);
    }
    Ok(writer.finish())
}

/// Where in the module each function's instructions come from: one more than the offset, or nothing where that is not known.
fn origins<'a>(functions: impl Iterator<Item = &'a CompiledFunctionFrameInfo>) -> [Vec<u8>; 2] {
    let mut writer = places::Writer::default();
    for function in functions {
        let pairs = function.address_map.instructions.iter().map(|instruction| {
            let origin = instruction.srcloc;
            (instruction.code_offset as u32, if origin.is_default() { 0 } else { origin.bits() + 1 })
        });
        // Of those that say the same as the one before, nothing is lost.
        let mut last = 0;
        writer.function(pairs.filter(|&(_, origin)| core::mem::replace(&mut last, origin) != origin));
    }
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn an_address_is_counted_from_the_instruction_and_takes_as_many_bytes() {
        let mut memory = alloc::vec![0x90; 40];
        memory[8..18].copy_from_slice(&[0x49, 0xbb, 0, 0, 0, 0, 0, 0, 0, 0]); // movabs r11, 0
        assert_eq!(near(&mut memory, 10, 32, Near::Address).ok(), Some(true));
        assert_eq!(memory[8..18], [0x4c, 0x8d, 0x1d, 17, 0, 0, 0, 0x0f, 0x1f, 0x00]); // lea r11, [rip + 17]
        memory[8..18].copy_from_slice(&[0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0]); // movabs rax, 0
        assert_eq!(near(&mut memory, 10, 0, Near::Load).ok(), Some(true));
        assert_eq!(memory[8..18], [0x48, 0x8b, 0x05, 0xf1, 0xff, 0xff, 0xff, 0x0f, 0x1f, 0x00]); // mov rax, [rip - 15]
        assert_eq!((memory[7], memory[18]), (0x90, 0x90));
        let before = memory.clone();
        for at in [1, 20, 40] {
            assert_eq!(near(&mut memory, at, 0, Near::Address).ok(), Some(false));
        }
        assert_eq!(memory, before);
    }

    #[test]
    fn a_stub_leads_to_its_slot() {
        let mut linker = Linker::default();
        let call = Relocation {
            kind: RelocationKind::X86CallPCRel4,
            reloc_target: RelocationTarget::LibCall(LibCall::RaiseTrap),
            offset: 0,
            addend: -4,
        };
        assert!(linker.place_stubs([&call, &call].into_iter()).is_ok());
        linker.place_slots();
        assert_eq!((linker.calls.len(), linker.fixes.len()), (1, 1));
        let slot = linker.calls.values().next().map(|call| call.slot);
        assert_eq!(slot, Some(linker.fixes[0].at));
        #[cfg(target_arch = "x86_64")]
        assert_eq!(linker.memory.0[..8], [0xff, 0x25, 2, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn every_function_of_wasmers_has_a_name_in_images() {
        for (_, &call) in LIBCALLS_ELF.entries() {
            assert!(call == LibCall::Probestack || name(call).is_ok(), "{call:?}");
        }
    }
}
