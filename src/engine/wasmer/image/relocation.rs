//! Places in code and data whose contents follow from where they and what they mean will lie.

use super::linker::odd;
use crate::Result;
use alloc::format;
use wasmer_compiler::types::relocation::RelocationKind;

/// Fills in the place at `at` that means `target`; both count from the beginning of the image, which lies at the beginning of a page.
/// An error for kinds that depend on where that is, and for what cannot be reached.
pub(super) fn apply(memory: &mut [u8], kind: RelocationKind, at: usize, target: i64) -> Result<()> {
    let distance = target - at as i64;
    let pages = (target >> 12) - (at as i64 >> 12);
    match kind {
        RelocationKind::PCRel8 => put(memory, at, |_| distance.to_le_bytes()),
        RelocationKind::PCRel4 | RelocationKind::X86CallPCRel4 | RelocationKind::X86CallPLTRel4 => {
            let distance = i32::try_from(distance).map_err(|_| far(kind))?;
            put(memory, at, |_| distance.to_le_bytes())
        }
        // Instructions of aarch64: how far a call goes, in words; how far an address is, in bytes or pages; where in its page.
        RelocationKind::Arm64Call => {
            let words = within(distance >> 2, 26, kind)?;
            instruction(memory, at, 0x03ff_ffff, words)
        }
        RelocationKind::Aarch64AdrPrelLo21 => address(memory, at, within(distance, 21, kind)?),
        RelocationKind::Aarch64AdrPrelPgHi21 => address(memory, at, within(pages, 21, kind)?),
        RelocationKind::Aarch64AddAbsLo12Nc => instruction(memory, at, 0xfff << 10, (target as u32 & 0xfff) << 10),
        RelocationKind::Aarch64Ldst64AbsLo12Nc => instruction(memory, at, 0xfff << 10, (target as u32 & 0xfff) >> 3 << 10),
        RelocationKind::Aarch64Ldst128AbsLo12Nc => instruction(memory, at, 0xfff << 10, (target as u32 & 0xfff) >> 4 << 10),
        _ => Err(odd(&format!("a relocation of kind {kind:?}"))),
    }
}

/// Puts in place of the bytes at a place others that are made of them.
pub(super) fn put<const N: usize>(memory: &mut [u8], at: usize, make: impl FnOnce([u8; N]) -> [u8; N]) -> Result<()> {
    let place = memory.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<N>());
    let place = place.ok_or_else(|| odd(&"a relocation outside of what it belongs to"))?;
    *place = make(*place);
    Ok(())
}

fn instruction(memory: &mut [u8], at: usize, mask: u32, bits: u32) -> Result<()> {
    put(memory, at, |code| (u32::from_le_bytes(code) & !mask | bits & mask).to_le_bytes())
}

/// The two lowest bits stand apart from the others.
fn address(memory: &mut [u8], at: usize, value: u32) -> Result<()> {
    instruction(memory, at, 3 << 29 | 0x7_ffff << 5, (value & 3) << 29 | (value >> 2 & 0x7_ffff) << 5)
}

/// A number of so many bits with a sign.
fn within(value: i64, bits: u32, kind: RelocationKind) -> Result<u32> {
    let limit = 1 << (bits - 1);
    if (-limit..limit).contains(&value) { Ok(value as u32) } else { Err(far(kind)) }
}

fn far(kind: RelocationKind) -> crate::Error {
    odd(&format!("it is so large that a relocation of kind {kind:?} does not reach"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied<const N: usize>(kind: RelocationKind, at: usize, target: i64, before: [u8; N]) -> Result<[u8; N]> {
        let mut memory = alloc::vec![0; at + N];
        memory[at..].copy_from_slice(&before);
        apply(&mut memory, kind, at, target)?;
        Ok(*memory.last_chunk().expect("it is there"))
    }

    fn instruction(kind: RelocationKind, at: usize, target: i64, before: u32) -> Option<u32> {
        applied(kind, at, target, before.to_le_bytes()).ok().map(u32::from_le_bytes)
    }

    #[test]
    fn distances_of_x86_are_counted_from_the_place() {
        assert_eq!(applied(RelocationKind::X86CallPCRel4, 16, 12, [9; 4]).ok(), Some((-4i32).to_le_bytes()));
        assert_eq!(applied(RelocationKind::PCRel8, 16, 1 << 40, [0; 8]).ok(), Some(((1i64 << 40) - 16).to_le_bytes()));
        assert!(applied(RelocationKind::PCRel4, 16, (1 << 31) + 15, [0; 4]).is_ok());
        assert!(applied(RelocationKind::PCRel4, 15, (1 << 31) + 15, [0; 4]).is_err());
    }

    #[test]
    fn instructions_of_aarch64_keep_their_other_bits() {
        use RelocationKind as Kind;
        assert_eq!(instruction(Kind::Arm64Call, 8, 0, 0x9400_0000), Some(0x97ff_fffe)); // bl .-8
        assert_eq!(instruction(Kind::Arm64Call, 8, 16, 0x1400_0000), Some(0x1400_0002)); // b .+8
        assert_eq!(instruction(Kind::Arm64Call, 0, 1 << 27, 0x9400_0000), None);
        assert_eq!(instruction(Kind::Aarch64AdrPrelLo21, 4, 11, 0x1000_0001), Some(0x7000_0021)); // adr x1, .+7
        assert_eq!(instruction(Kind::Aarch64AdrPrelPgHi21, 4, 0x5123, 0x9000_0002), Some(0xb000_0022)); // five pages on
        assert_eq!(instruction(Kind::Aarch64AddAbsLo12Nc, 4, 0x5123, 0x9100_0042), Some(0x9104_8c42));
        assert_eq!(instruction(Kind::Aarch64Ldst64AbsLo12Nc, 4, 0x5128, 0xf940_0042), Some(0xf940_9442));
    }

    #[test]
    fn what_cannot_be_known_here_is_an_error() {
        for kind in [RelocationKind::Abs8, RelocationKind::Abs4, RelocationKind::RiscvCall] {
            assert!(applied(kind, 0, 0, [0; 8]).is_err());
        }
        assert!(apply(&mut [0; 4], RelocationKind::PCRel8, 0, 0).is_err());
    }
}
