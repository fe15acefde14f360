//! What most ABIs share: a guest's allocator, and blocks of its memory that change hands.

use super::range;
use crate::engine::Instance;
use crate::inspect::ValueType::I32;
use crate::inspect::{FuncType, ModuleInfo};
use crate::log::{self, Level};
use crate::{Error, Result, sys};
use alloc::{boxed::Box, format, string::String, vec::Vec};
use core::ops::Range;

/// A guest's two functions for blocks: `(len) -> ptr` and `(ptr, len)`.
pub(super) struct Blocks {
    alloc: usize,
    free: usize,
    alloc_name: &'static str,
    free_name: &'static str,
}

impl Blocks {
    /// Finds the two functions and the memory; BAD_ABI, naming what is missing or of another type.
    pub fn bind(info: &ModuleInfo, alloc_name: &'static str, free_name: &'static str) -> Result<Self> {
        if info.memory().is_none() {
            return Err(Error::BadAbi("the guest exports no memory called \"memory\"".into()));
        }
        let find = |name: &str, expected: FuncType| {
            let export = info.function(name).ok_or_else(|| Error::BadAbi(format!("the guest exports no function {name}")))?;
            match info.function_type(export) {
                Some(found) => same_type(name, found, &expected).map(|()| export),
                None => Ok(export),
            }
        };
        let alloc = find(alloc_name, FuncType::new(&[I32], &[I32]))?;
        let free = find(free_name, FuncType::new(&[I32, I32], &[]))?;
        Ok(Blocks { alloc, free, alloc_name, free_name })
    }

    /// Copies bytes into a new block, which then belongs to the guest. Also makes one for no bytes at all.
    pub fn put(&self, instance: &mut dyn Instance, bytes: &[u8]) -> Result<(u32, u32)> {
        // The highest bit of a length may mean something else in an ABI; half of the address space is the most.
        let too_long = || Error::OutOfResources(format!("{} bytes are more than a 32-bit guest takes", bytes.len()));
        let len = i32::try_from(bytes.len()).map_err(|_| too_long())? as u32;
        let mut slots = [u64::from(len)];
        instance.call(self.alloc, &mut slots)?;
        let ptr = slots[0] as u32;
        debug_memory(|| format!("{}({len}) -> {ptr:#x}", self.alloc_name));
        if ptr == 0 {
            return Err(self.no_block(instance, len));
        }
        let place = range(instance, ptr, len, format_args!("the block from {}", self.alloc_name))?;
        instance.memory()[place].copy_from_slice(bytes);
        Ok((ptr, len))
    }

    /// Gives a block back to the guest's allocator.
    pub fn release(&self, instance: &mut dyn Instance, ptr: u32, len: u32) -> Result<()> {
        debug_memory(|| format!("{}({ptr:#x}, {len})", self.free_name));
        instance.call(self.free, &mut [ptr.into(), len.into()])
    }

    /// Takes bytes out of a block that the guest hands over, and gives the block back. `read` says which bytes of the
    /// block are wanted; what it fails with is returned when the block is back.
    pub fn take(
        &self,
        instance: &mut dyn Instance,
        packed: u64,
        output_max: u64,
        read: impl FnOnce(&[u8]) -> Result<Range<usize>>,
    ) -> Result<Box<[u8]>> {
        let (ptr, len) = unpack(packed);
        let place = range(instance, ptr, len, "the output")?;
        let block = &instance.memory()[place];
        let output = read(block).and_then(|wanted| {
            let wanted = &block[wanted];
            let too_large = wanted.len() as u64 > output_max;
            if too_large {
                return Err(Error::OutputTooLarge { len: wanted.len() as u64, max: output_max });
            }
            sys::copy(wanted).map(Vec::into_boxed_slice)
        });
        self.release(instance, ptr, len)?;
        output
    }

    /// A guest that cannot allocate has either met our cap or run out of its own.
    fn no_block(&self, instance: &mut dyn Instance, len: u32) -> Error {
        let gate = &instance.state().memory;
        let message = format!("{}({len}) found no memory", self.alloc_name);
        if gate.refused() {
            let max = gate.max_bytes();
            return Error::MemoryLimit { message: format!("{message} within the limit of {max} bytes"), cause: None };
        }
        Error::Misbehaved(message)
    }
}

/// `ptr << 32 | len`, as guests return it.
pub(super) fn unpack(packed: u64) -> (u32, u32) {
    ((packed >> 32) as u32, packed as u32)
}

/// The same, the other way.
pub(super) fn pack((ptr, len): (u32, u32)) -> u64 {
    u64::from(ptr) << 32 | u64::from(len)
}

/// BAD_ABI when a function has not the type that it must have.
pub(super) fn same_type(name: &str, found: &FuncType, expected: &FuncType) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::BadAbi(format!("the function {name} has type {found}, but the ABI wants {expected}")))
}

/// With the feature `debug-memory`, every block that changes hands is told at level TRACE.
fn debug_memory(text: impl FnOnce() -> String) {
    if cfg!(feature = "debug-memory") {
        log::emit(Level::Trace, "hostel::memory", text);
    }
}
