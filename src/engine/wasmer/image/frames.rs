//! The table that code is unwound by: one for the whole image, however many the compiler has made.

use super::linker::odd;
use crate::Result;
use alloc::vec::Vec;
use wasmer_compiler::types::relocation::Relocation;

/// Makes one table of several that follow each other, each with an empty record at its end: what is registered ends with the
/// first of these, and each that is registered by itself takes memory and time.
pub(super) fn joined(tables: &[u8], mut relocations: Vec<Relocation>) -> Result<(Vec<u8>, Vec<Relocation>)> {
    let (mut joined, mut moved) = (Vec::with_capacity(tables.len()), Vec::with_capacity(relocations.len()));
    relocations.sort_unstable_by_key(|relocation| relocation.offset);
    let mut relocations = relocations.into_iter().peekable();
    let mut start = 0;
    while let Some(&len) = tables.get(start..).and_then(|rest| rest.first_chunk::<4>()) {
        let len = u32::from_le_bytes(len) as usize;
        let end = start + 4 + len;
        if len > 0 {
            let record = tables.get(start..end).ok_or_else(|| odd(&"a record of its unwind table is cut off"))?;
            let back = (start - joined.len()) as u32;
            while let Some(mut relocation) = relocations.next_if(|relocation| (relocation.offset as usize) < end) {
                relocation.offset -= back;
                moved.push(relocation);
            }
            joined.extend_from_slice(record);
        }
        start = end;
    }
    if start != tables.len() || relocations.next().is_some() {
        return Err(odd(&"something follows its unwind table"));
    }
    joined.extend_from_slice(&[0; 4]);
    Ok((joined, moved))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmer_compiler::types::relocation::{RelocationKind, RelocationTarget};
    use wasmer_types::{LocalFunctionIndex, entity::EntityRef};

    #[test]
    fn what_ended_each_table_goes_but_for_the_last() {
        let at = |offset| Relocation {
            kind: RelocationKind::Abs8,
            reloc_target: RelocationTarget::LocalFunc(LocalFunctionIndex::new(0)),
            offset,
            addend: 0,
        };
        let tables = [&[4, 0, 0, 0, 1, 2, 3, 4][..], &[0; 4], &[4, 0, 0, 0, 5, 6, 7, 8], &[0; 8]].concat();
        let (joined, moved) = joined(&tables, alloc::vec![at(16), at(4)]).expect("a table");
        assert_eq!(joined, [&[4, 0, 0, 0, 1, 2, 3, 4][..], &[4, 0, 0, 0, 5, 6, 7, 8], &[0; 4]].concat());
        assert_eq!(moved, [at(4), at(12)]);
    }

    #[test]
    fn a_table_that_is_cut_off_is_an_error() {
        for tables in [&[9, 0, 0, 0, 1][..], &[0, 0, 0, 0, 1]] {
            assert!(joined(tables, Vec::new()).is_err());
        }
    }
}
