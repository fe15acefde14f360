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
pub(super) struct Fix<'a> {
    /// Where.
    pub at: usize,
    /// What is added.
    pub addend: i64,
    /// The function of wasmer's that is meant, or nothing for the image itself.
    pub name: &'a [u8],
}

impl<'a> Fix<'a> {
    pub fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&(self.at as u64).to_le_bytes());
        bytes.extend_from_slice(&self.addend.to_le_bytes());
        bytes.push(self.name.len() as u8);
        bytes.extend_from_slice(self.name);
    }

    /// All of them.
    pub fn read(mut bytes: &'a [u8]) -> impl Iterator<Item = Fix<'a>> {
        core::iter::from_fn(move || {
            let (at, rest) = bytes.split_first_chunk::<8>()?;
            let (addend, rest) = rest.split_first_chunk::<8>()?;
            let (&len, rest) = rest.split_first()?;
            let (name, rest) = rest.split_at_checked(len.into())?;
            bytes = rest;
            Some(Fix { at: u64::from_le_bytes(*at) as usize, addend: i64::from_le_bytes(*addend), name })
        })
    }
}
