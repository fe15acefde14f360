//! What most ABIs share: a guest's allocator, and blocks of its memory that change hands.

use super::range;
use crate::engine::{Instance, Visit};
use crate::error::shown;
use crate::inspect::ValueType::I32;
use crate::inspect::{FuncType, ModuleInfo};
use crate::log::{self, Level};
use crate::{Error, Result, sys};
use alloc::string::{String, ToString};
use alloc::{boxed::Box, format, vec::Vec};
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
        let mut slots = [length(bytes.len())?.into()];
        instance.call(self.alloc, &mut slots)?;
        self.fill(instance, slots[0] as u32, bytes)
    }

    /// A new block, which then belongs to the guest.
    pub fn allocate(&self, instance: &mut dyn Instance, len: usize) -> Result<u64> {
        let len = length(len)?;
        let mut slots = [len.into()];
        instance.call(self.alloc, &mut slots)?;
        self.block(instance, slots[0] as u32, len).map(|block| block.start as u64)
    }

    /// Gives a block back that lies in the guest's memory.
    pub fn deallocate(&self, instance: &mut dyn Instance, address: u64, len: usize) -> Result<()> {
        let size = instance.memory().len() as u64;
        if address.checked_add(len as u64).is_none_or(|end| end > size) {
            let message = format!("address: {len} bytes at {address:#x} are outside the memory of {size} bytes");
            return Err(Error::InvalidArgument(message));
        }
        self.release(instance, address as u32, len as u32)
    }

    /// Gives a block back to the guest's allocator.
    pub fn release(&self, instance: &mut dyn Instance, ptr: u32, len: u32) -> Result<()> {
        debug_memory(|| format!("{}({ptr:#x}, {len})", self.free_name));
        instance.call(self.free, &mut [ptr.into(), len.into()])
    }

    /// Calls a function `(ptr, len) -> ptr << 32 | len` of the guest with bytes: a block for the input, the call, a copy of
    /// the output, and its block back to the guest, in one visit. `read` looks at the block that the function returned.
    pub fn exchange(&self, instance: &mut dyn Instance, call: &Call<'_>, read: Read<'_>) -> Result<Box<[u8]>> {
        let mut exchange = Exchange { blocks: self, call, read, step: Step::Begin, output: Ok(Box::default()) };
        instance.visit(&mut exchange)?;
        exchange.output
    }

    /// Copies bytes into the block that the allocator has returned.
    fn fill(&self, instance: &mut dyn Instance, ptr: u32, bytes: &[u8]) -> Result<(u32, u32)> {
        let len = length(bytes.len())?;
        let block = self.block(instance, ptr, len)?;
        instance.memory()[block].copy_from_slice(bytes);
        Ok((ptr, len))
    }

    /// The block that the allocator has returned.
    fn block(&self, instance: &mut dyn Instance, ptr: u32, len: u32) -> Result<Range<usize>> {
        debug_memory(|| format!("{}({len}) -> {ptr:#x}", self.alloc_name));
        if ptr == 0 {
            return Err(self.no_block(instance, len));
        }
        range(instance, ptr, len, format_args!("the block from {}", self.alloc_name))
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

/// A call of a guest's function with bytes.
pub(super) struct Call<'a> {
    pub export: usize,
    pub input: &'a [u8],
    /// Whether an empty input gets a block, too.
    pub block_for_empty: bool,
    pub output_max: u64,
}

/// What an ABI makes of the block that a function has returned.
pub(super) type Read<'a> = &'a dyn Fn(&mut dyn Instance, u64) -> Result<Answer>;

/// Which bytes of the guest's memory are the output, and which block is to be given back.
pub(super) struct Answer {
    /// The bytes, or what the guest said instead.
    pub output: Result<Range<usize>>,
    /// The block, if there is one.
    pub block: Option<(u32, u32)>,
}

/// An exchange in the making.
struct Exchange<'a> {
    blocks: &'a Blocks,
    call: &'a Call<'a>,
    read: Read<'a>,
    step: Step,
    output: Result<Box<[u8]>>,
}

/// What has just been done.
enum Step {
    Begin,
    Allocated,
    Called,
    Released,
}

impl Visit for Exchange<'_> {
    fn next(&mut self, instance: &mut dyn Instance, slots: &mut [u64; 2]) -> Option<usize> {
        self.step(instance, slots).unwrap_or_else(|error| {
            self.output = Err(error);
            None
        })
    }
}

impl Exchange<'_> {
    fn step(&mut self, instance: &mut dyn Instance, slots: &mut [u64; 2]) -> Result<Option<usize>> {
        let Call { export, input, block_for_empty, output_max } = *self.call;
        match self.step {
            Step::Begin if input.is_empty() && !block_for_empty => {
                self.step = Step::Called;
                *slots = [0, 0];
                Ok(Some(export))
            }
            Step::Begin => {
                self.step = Step::Allocated;
                *slots = [length(input.len())?.into(), 0];
                Ok(Some(self.blocks.alloc))
            }
            Step::Allocated => {
                self.step = Step::Called;
                let (ptr, len) = self.blocks.fill(instance, slots[0] as u32, input)?;
                *slots = [ptr.into(), len.into()];
                Ok(Some(export))
            }
            Step::Called => {
                self.step = Step::Released;
                let Answer { output, block } = (self.read)(instance, slots[0])?;
                self.output = output.and_then(|place| copy_out(instance, place, output_max));
                let Some((ptr, len)) = block else { return Ok(None) };
                debug_memory(|| format!("{}({ptr:#x}, {len})", self.blocks.free_name));
                *slots = [ptr.into(), len.into()];
                Ok(Some(self.blocks.free))
            }
            Step::Released => Ok(None),
        }
    }
}

// The highest bit of a length may mean something else in an ABI; half of the address space is the most.
fn length(len: usize) -> Result<u32> {
    let too_long = || Error::OutOfResources(format!("{len} bytes are more than a 32-bit guest takes"));
    i32::try_from(len).map(|len| len as u32).map_err(|_| too_long())
}

fn copy_out(instance: &mut dyn Instance, place: Range<usize>, output_max: u64) -> Result<Box<[u8]>> {
    let len = place.len() as u64;
    if len > output_max {
        return Err(Error::OutputTooLarge { len, max: output_max });
    }
    sys::copy(&instance.memory()[place]).map(Vec::into_boxed_slice)
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
    Err(Error::BadAbi(format!(
        "the function {} has type {}, but the ABI wants {expected}",
        shown(name),
        shown(&found.to_string())
    )))
}

/// With the feature `debug-memory`, every block that changes hands is told at level TRACE.
fn debug_memory(text: impl FnOnce() -> String) {
    if cfg!(feature = "debug-memory") {
        log::emit(Level::Trace, "hostel::memory", text);
    }
}
