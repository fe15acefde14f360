//! What an operator costs.

/// The classes of operators that [`Weights`] tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Class {
    /// Blocks, branches, calls, `drop`, `select`, `nop`, `end`, exceptions.
    Control,
    /// Reading and writing locals and globals.
    Variable,
    /// Constants.
    Constant,
    /// Loads from a memory.
    Load,
    /// Stores to a memory.
    Store,
    /// Integers: comparing, counting, shifting, extending; 128-bit sums and products.
    Integer,
    /// Integers: quotients and remainders.
    Division,
    /// Floats, and conversions from and to them.
    Float,
    /// Operators on 128-bit vectors, their loads and stores too.
    Vector,
    /// Atomic operators.
    Atomic,
    /// References, reading and writing tables, sizes, `elem.drop`, `data.drop`.
    Reference,
    /// `memory.grow`, `table.grow`: what they cost does not depend on how much is asked for; the caps bound that.
    Grow,
    /// The bulk operators themselves, to which their size is added.
    Bulk,
}

/// How many classes there are.
pub const CLASSES: usize = Class::Bulk as usize + 1;

/// The table of costs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Weights {
    /// What an operator of each [`Class`] costs.
    pub operators: [u32; CLASSES],
    /// How many bytes of a bulk memory operator cost 1 more (rounded down). Not 0.
    pub bytes_per_unit: u32,
    /// How many elements of a bulk table operator cost 1 more (rounded down). Not 0.
    pub elements_per_unit: u32,
}

impl Default for Weights {
    /// Each operator costs 1; 16 bytes, or 2 elements, cost as much as an operator.
    fn default() -> Self {
        Weights { operators: [1; CLASSES], bytes_per_unit: 16, elements_per_unit: 2 }
    }
}

impl Weights {
    /// What the operator costs whose encoding begins `code`; nothing if no class has it.
    pub(super) fn of(&self, code: &[u8]) -> Option<u64> {
        class(code).map(|class| u64::from(self.operators[class as usize]))
    }

    /// How many bytes, or elements of a table, cost 1.
    pub(super) fn per_unit(&self, of_table: bool) -> u32 {
        if of_table { self.elements_per_unit } else { self.bytes_per_unit }
    }
}

/// The class of the operator whose encoding begins `code`. What is listed here is what a rewritten module may hold.
pub(super) fn class(code: &[u8]) -> Option<Class> {
    let (&first, rest) = code.split_first()?;
    Some(match first {
        0x00..=0x05 | 0x08 | 0x0a..=0x15 | 0x1a..=0x1c | 0x1f => Class::Control,
        0xd4..=0xd6 => Class::Control, // of typed references: ref.as_non_null and the branches
        0x20..=0x24 => Class::Variable,
        0x25 | 0x26 | 0x3f | 0xd0..=0xd2 => Class::Reference,
        0x28..=0x35 => Class::Load,
        0x36..=0x3e => Class::Store,
        0x40 => Class::Grow,
        0x41..=0x44 => Class::Constant,
        0x6d..=0x70 | 0x7f..=0x82 => Class::Division,
        0x45..=0x5a | 0x67..=0x8a | 0xa7 | 0xac | 0xad | 0xc0..=0xc4 => Class::Integer,
        0x5b..=0x66 | 0x8b..=0xa6 | 0xa8..=0xab | 0xae..=0xbf => Class::Float,
        0xfc => match number(rest)? {
            0..=7 => Class::Float,
            8 | 10..=12 | 14 | 17 => Class::Bulk,
            9 | 13 | 16 => Class::Reference,
            15 => Class::Grow,
            19..=22 => Class::Integer,
            _ => return None,
        },
        0xfd => match number(rest)? {
            0..=0x113 => Class::Vector,
            _ => return None,
        },
        0xfe => match number(rest)? {
            0x03 | 0x10..=0x4e => Class::Atomic,
            _ => return None,
        },
        _ => return None,
    })
}

/// An unsigned LEB128 number.
fn number(bytes: &[u8]) -> Option<u32> {
    let mut value = 0;
    for (at, &byte) in bytes.iter().enumerate().take(5) {
        value |= u32::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
