//! What a guest is allowed: the one table of limits with their defaults.

use crate::{Error, Result};
use alloc::format;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Something that can be limited (`HOSTEL_LIMIT_*` in C, same numbers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
#[allow(missing_docs, reason = "the table below says what each is")]
pub enum Limit {
    ModuleBytes = 1,
    Functions = 2,
    FunctionBytes = 3,
    MemoryBytes = 4,
    TableElements = 5,
    OutputBytes = 6,
    StackBytes = 7,
    Depth = 8,
    StartMs = 9,
    CompileMs = 10,
}

/// One row of the table.
pub struct Row {
    /// The limit.
    pub limit: Limit,
    /// Its value unless the host says otherwise.
    pub default: u64,
    /// The largest value that may be set.
    pub max: u64,
    /// Whether a single call may set it too (only lower than the engine's).
    pub per_call: bool,
    /// What it is, in the words of an error message.
    pub what: &'static str,
}

const MIB: u64 = 1 << 20;

/// Every limit, its default and its bounds.
pub const TABLE: [Row; 10] = [
    row(Limit::ModuleBytes, 64 * MIB, 1 << 30, false, "size of a module in bytes"),
    row(Limit::Functions, 100_000, 1_000_000, false, "number of functions of a module"),
    row(Limit::FunctionBytes, 8 * MIB, 8 * MIB, false, "size of a function body in bytes"),
    row(Limit::MemoryBytes, 256 * MIB, 4096 * MIB, true, "size of a guest's memories in bytes"),
    row(Limit::TableElements, 1 << 20, 10_000_000, false, "size of a guest's tables in elements"),
    row(Limit::OutputBytes, 256 * MIB, 4096 * MIB, true, "size of an output in bytes"),
    row(Limit::StackBytes, MIB, 64 * MIB, false, "guest stack in bytes"),
    row(Limit::Depth, 16, 256, false, "depth of calls from host functions into guests"),
    row(Limit::StartMs, 1000, 3_600_000, false, "time of a guest's start functions in milliseconds"),
    row(Limit::CompileMs, 60_000, 86_400_000, false, "time of a load in milliseconds"),
];

const fn row(limit: Limit, default: u64, max: u64, per_call: bool, what: &'static str) -> Row {
    Row { limit, default, max, per_call, what }
}

impl Limit {
    /// The limit behind a number that came from C.
    pub fn from_number(number: i32) -> Result<Limit> {
        TABLE
            .iter()
            .map(|row| row.limit)
            .find(|&limit| limit as i32 == number)
            .ok_or_else(|| Error::InvalidArgument(format!("limit: {number} is not a HOSTEL_LIMIT_* value")))
    }

    /// Its row in the table.
    pub fn row(self) -> &'static Row {
        &TABLE[self as usize - 1]
    }
}

/// The limits of an engine: a value for each row.
#[derive(Clone, Debug)]
pub struct Limits([u64; TABLE.len()]);

impl Default for Limits {
    fn default() -> Self {
        let mut values = [0; TABLE.len()];
        for (value, row) in values.iter_mut().zip(&TABLE) {
            *value = row.default;
        }
        Limits(values)
    }
}

impl Limits {
    /// The value in force.
    pub fn get(&self, limit: Limit) -> u64 {
        self.0[limit as usize - 1]
    }

    /// Sets a limit; zero and values above the row's bound are refused.
    pub fn set(&mut self, limit: Limit, value: u64) -> Result<()> {
        let row = limit.row();
        if value == 0 || value > row.max {
            return Err(Error::InvalidArgument(format!("value: {} must be from 1 to {}, not {value}", row.what, row.max)));
        }
        self.0[limit as usize - 1] = value;
        Ok(())
    }

    /// An error when `value` is over the limit.
    pub(crate) fn check(&self, limit: Limit, value: u64) -> Result<()> {
        let max = self.get(limit);
        if value > max {
            return Err(Error::UnsupportedModule(format!("{}: {value} is over the limit of {max}", limit.row().what)));
        }
        Ok(())
    }
}

/// The memory cap of one room: what its memories together may have, asked when they are made and when they grow.
#[derive(Debug, Default)]
pub struct MemoryGate {
    max_bytes: AtomicUsize, // a 32-bit host cannot have more than this counts
    bytes: AtomicUsize,
    refused: AtomicBool,
}

impl MemoryGate {
    /// Opens the gate for a new call.
    pub fn reset(&self, max_bytes: u64) {
        self.max_bytes.store(usize::try_from(max_bytes).unwrap_or(usize::MAX), Ordering::Relaxed);
        self.refused.store(false, Ordering::Relaxed);
    }

    /// May the memories together have `more` bytes? Then they are counted; a refusal is remembered.
    pub fn grow(&self, more: u64) -> bool {
        let bytes = (self.bytes.load(Ordering::Relaxed) as u64).saturating_add(more);
        let allowed = bytes <= self.max_bytes();
        if allowed {
            self.bytes.store(bytes as usize, Ordering::Relaxed);
        } else {
            self.refused.store(true, Ordering::Relaxed);
        }
        allowed
    }

    /// The memories together have so many bytes now.
    pub fn set_taken(&self, bytes: u64) {
        self.bytes.store(bytes as usize, Ordering::Relaxed);
    }

    /// How many bytes the memories together have.
    pub fn taken(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed) as u64
    }

    /// A growth that was allowed did not come about.
    pub fn give_back(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes as usize, Ordering::Relaxed);
    }

    /// The cap in force.
    pub fn max_bytes(&self) -> u64 {
        self.max_bytes.load(Ordering::Relaxed) as u64
    }

    /// Whether the cap refused a growth since the last reset.
    pub fn refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_their_numbers() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.limit as usize, index + 1);
            assert_eq!(Limit::from_number(index as i32 + 1).unwrap(), row.limit);
            assert!(row.default <= row.max);
        }
    }

    #[test]
    fn values_out_of_bounds_are_refused() {
        let mut limits = Limits::default();
        assert!(limits.set(Limit::Depth, 0).is_err());
        assert!(limits.set(Limit::Depth, 257).is_err());
        limits.set(Limit::Depth, 3).unwrap();
        assert_eq!(limits.get(Limit::Depth), 3);
    }
}
