//! The order of an image: the pages of the code as they will lie in memory, tables behind them, and at the end where
//! each of them is.
//!
//! | bytes | what |
//! |---|---|
//! | m | the memory, from address 0 of the linked image, whole pages |
//! | … | the tables, each from a multiple of 16 |
//! | 16 each | where each table begins and how long it is |
//! | 16 each | the address and the length of the code, and of its unwind information |
//!
//! All numbers are little-endian.

use super::places::{read_number, write_number};
use alloc::vec::Vec;
use core::ops::Range;

/// The tables, in their order.
#[derive(Clone, Copy)]
pub(super) enum Table {
    /// The address of every function, then of every trampoline into the guest, then out of it; eight bytes each.
    Functions,
    /// What has to be filled in when the image is loaded (see `Fix`).
    Fixes,
    /// Where traps may happen, and which: see `places`.
    TrapStarts,
    Traps,
    /// Where in the module an instruction comes from: see `places`.
    OriginStarts,
    Origins,
    /// wasmer's description of the module.
    Module,
}

const TABLES: usize = 7;
const INDEX: usize = (TABLES + 2) * 16;

/// Where everything is in an image.
pub(super) struct Layout {
    tables: [Range<usize>; TABLES],
    pub code: Range<usize>,
    pub unwind: Range<usize>,
}

impl Layout {
    /// Puts an image together.
    pub fn write(mut memory: Vec<u8>, tables: [Vec<u8>; TABLES], code: Range<usize>, unwind: Range<usize>) -> Vec<u8> {
        let mut index = Vec::with_capacity(INDEX);
        let mut note = |range: &Range<usize>| {
            index.extend_from_slice(&(range.start as u64).to_le_bytes());
            index.extend_from_slice(&(range.len() as u64).to_le_bytes());
        };
        for table in &tables {
            memory.resize(memory.len().next_multiple_of(16), 0);
            note(&(memory.len()..memory.len() + table.len()));
            memory.extend_from_slice(table);
        }
        note(&code);
        note(&unwind);
        memory.extend_from_slice(&index);
        memory
    }

    /// Nothing when the bytes are no image.
    pub fn read(image: &[u8]) -> Option<Layout> {
        let (rest, index) = image.split_last_chunk::<INDEX>()?;
        let mut numbers = index.as_chunks::<8>().0.iter().map(|&bytes| usize::try_from(u64::from_le_bytes(bytes)));
        let mut range = || {
            let (start, len) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
            let end = start.checked_add(len)?;
            (end <= rest.len()).then_some(start..end)
        };
        let mut tables = [const { 0..0 }; TABLES];
        for table in &mut tables {
            *table = range()?;
        }
        Some(Layout { tables, code: range()?, unwind: range()? })
    }

    pub fn table<'a>(&self, image: &'a [u8], table: Table) -> &'a [u8] {
        &image[self.tables[table as usize].clone()]
    }
}

/// A place in the memory that holds an address of this process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fix<'a> {
    /// Where.
    pub at: usize,
    pub form: Form,
    pub target: Target<'a>,
}

/// How the address stands there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    /// As a word.
    Word,
    /// As sixteen bits of it, the lowest first, in an instruction of aarch64 that moves them into a register.
    Part(u8),
}

/// Whose address it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target<'a> {
    /// What is so far into the image.
    Image(usize),
    /// The function of wasmer's of this name.
    Function(&'a str),
}

const WORD: u8 = 4;

impl<'a> Fix<'a> {
    /// Writes all of them, in any order.
    pub fn write(mut fixes: Vec<Fix<'_>>) -> Vec<u8> {
        let (mut bytes, mut last) = (Vec::new(), 0);
        fixes.sort_unstable_by_key(|fix| fix.at);
        for fix in fixes {
            write_number(&mut bytes, (fix.at - last) as u32);
            last = fix.at;
            bytes.push(match fix.form {
                Form::Word => WORD,
                Form::Part(part) => part,
            });
            // An address of the image has no name.
            let (name, offset) = match fix.target {
                Target::Image(offset) => ("", offset),
                Target::Function(name) => (name, 0),
            };
            bytes.push(name.len() as u8);
            bytes.extend_from_slice(name.as_bytes());
            write_number(&mut bytes, offset as u32);
        }
        bytes
    }

    /// All of them.
    pub fn read(mut bytes: &'a [u8]) -> impl Iterator<Item = Fix<'a>> {
        let mut at = 0;
        core::iter::from_fn(move || {
            at += read_number(&mut bytes)? as usize;
            let (&form, rest) = bytes.split_first()?;
            let (&len, rest) = rest.split_first()?;
            let (name, rest) = rest.split_at_checked(len.into())?;
            bytes = rest;
            let offset = read_number(&mut bytes)? as usize;
            let target = match core::str::from_utf8(name).ok()? {
                "" => Target::Image(offset),
                name => Target::Function(name),
            };
            Some(Fix { at, form: if form == WORD { Form::Word } else { Form::Part(form) }, target })
        })
    }

    /// Puts an address there. Nothing when there is no such place.
    pub fn fill(&self, memory: &mut [u8], address: u64) -> Option<()> {
        let place = memory.get_mut(self.at..)?;
        match self.form {
            Form::Word => *place.first_chunk_mut()? = address.to_le_bytes(),
            Form::Part(part) => {
                let place = place.first_chunk_mut()?;
                let bits = (address >> (16 * u32::from(part & 3)) & 0xffff) as u32;
                *place = (u32::from_le_bytes(*place) & !(0xffff << 5) | bits << 5).to_le_bytes();
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixes_come_back_in_the_order_of_their_places() {
        let fix = |at, form, target| Fix { at, form, target };
        let first = fix(8, Form::Word, Target::Function("ceil"));
        let second = fix(300, Form::Part(3), Target::Image(70_000));
        let third = fix(300_000, Form::Word, Target::Image(0));
        let bytes = Fix::write(alloc::vec![third, first, second]);
        assert_eq!(Fix::read(&bytes).collect::<Vec<_>>(), [first, second, third]);
    }

    #[test]
    fn a_place_is_filled_and_nothing_beside_it() {
        let mut memory = [0xff; 24];
        let word = Fix { at: 8, form: Form::Word, target: Target::Image(0) };
        assert_eq!(word.fill(&mut memory, 0x0102_0304_0506_0708), Some(()));
        assert_eq!(memory[7..17], [0xff, 8, 7, 6, 5, 4, 3, 2, 1, 0xff]);
        assert_eq!(Fix { at: 17, ..word }.fill(&mut memory, 0), None);
        let mut movk = 0xf2c0_0011_u32.to_le_bytes(); // movk x17, #0, lsl #32
        let part = Fix { at: 0, form: Form::Part(2), target: Target::Image(0) };
        assert_eq!(part.fill(&mut movk, 0x7fff_1234_0000_0000 >> 16 << 16), Some(()));
        assert_eq!(u32::from_le_bytes(movk), 0xf2c0_0011 | 0x1234 << 5);
    }
}
