//! What is known about places in a function's code: pairs of a place and a number, in the order of the places, each
//! as the distance from the one before. Looking one up means decoding one function's pairs.

use alloc::vec::Vec;

/// Writes the pairs of one function after another.
#[derive(Default)]
pub(super) struct Writer {
    /// Where each function's pairs begin in `pairs`, four bytes each, and where the last ones end.
    starts: Vec<u8>,
    pairs: Vec<u8>,
}

impl Writer {
    /// The pairs of the next function, in the order of their places.
    pub fn function(&mut self, pairs: impl IntoIterator<Item = (u32, u32)>) {
        self.mark();
        let (mut place, mut value) = (0, 0);
        for (next_place, next_value) in pairs {
            write_number(&mut self.pairs, next_place.wrapping_sub(place));
            let step = next_value.wrapping_sub(value).cast_signed();
            write_number(&mut self.pairs, (step << 1 ^ step >> 31).cast_unsigned());
            (place, value) = (next_place, next_value);
        }
    }

    /// The two parts of the table.
    pub fn finish(mut self) -> [Vec<u8>; 2] {
        self.mark();
        [self.starts, self.pairs]
    }

    fn mark(&mut self) {
        self.starts.extend_from_slice(&(self.pairs.len() as u32).to_le_bytes());
    }
}

/// The pairs of a function; none when the table does not know it.
pub(super) fn read<'a>(starts: &'a [u8], pairs: &'a [u8], function: usize) -> impl Iterator<Item = (u32, u32)> + 'a {
    let start = |index: usize| Some(u32::from_le_bytes(*starts.as_chunks::<4>().0.get(index)?) as usize);
    let mut rest = (|| pairs.get(start(function)?..start(function + 1)?))().unwrap_or_default();
    let (mut place, mut value) = (0u32, 0u32);
    core::iter::from_fn(move || {
        let step = read_number(&mut rest)?;
        let change = read_number(&mut rest)?;
        place = place.wrapping_add(step);
        value = value.wrapping_add(change >> 1 ^ (change & 1).wrapping_neg());
        Some((place, value))
    })
}

/// Seven bits a byte, the low ones first; the last byte has its high bit clear.
pub(super) fn write_number(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

pub(super) fn read_number(rest: &mut &[u8]) -> Option<u32> {
    let mut number = 0;
    for shift in (0..32).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_come_back_as_they_were_written() {
        let functions: [&[(u32, u32)]; 4] = [&[(0, 7), (1, 0), (300, u32::MAX)], &[], &[(u32::MAX, 5)], &[(4, 4), (4, 3)]];
        let mut writer = Writer::default();
        functions.iter().for_each(|pairs| writer.function(pairs.iter().copied()));
        let [starts, pairs] = writer.finish();
        for (function, expected) in functions.iter().enumerate() {
            assert_eq!(read(&starts, &pairs, function).collect::<Vec<_>>(), *expected);
        }
        assert_eq!(read(&starts, &pairs, 4).count(), 0);
    }
}
