//! The plain ABI of this library. `include/hostel_guest.h` describes it to people who write guests:
//! `hostel_alloc(len) -> ptr`, `hostel_free(ptr, len)`, functions `(ptr, len) -> ptr << 32 | len`.

use super::{Convention, Provided, range};
use crate::engine::Instance;
use crate::host::Reply;
use crate::inspect::ValueType::{I32, I64};
use crate::inspect::{FuncType, ModuleInfo};
use crate::log::{self, Level};
use crate::{Error, Result};
use alloc::{boxed::Box, format, string::String};
use core::ops::Range;

const ALLOC: &str = "hostel_alloc";
const FREE: &str = "hostel_free";

/// Set in the length of a host function's answer when the host function failed.
const FAILED: u64 = 0x8000_0000;

pub(super) fn detect(info: &ModuleInfo) -> bool {
    info.function(ALLOC).is_some() || info.function(FREE).is_some()
}

/// The exports every call needs, by position.
pub(super) struct Hostel {
    alloc: usize,
    free: usize,
}

impl Hostel {
    pub fn bind(info: &ModuleInfo) -> Result<Self> {
        if info.memory().is_none() {
            return Err(Error::BadAbi("the guest exports no memory called \"memory\"".into()));
        }
        let find = |name: &str, expected: FuncType| {
            let export = info.function(name).ok_or_else(|| Error::BadAbi(format!("the guest exports no function {name}")))?;
            match info.function_type(export) {
                Some(found) if *found != expected => Err(wrong_type(name, found, &expected)),
                _ => Ok(export),
            }
        };
        Ok(Hostel { alloc: find(ALLOC, FuncType::new(&[I32], &[I32]))?, free: find(FREE, FuncType::new(&[I32, I32], &[]))? })
    }

    /// Copies bytes into a block that the guest allocates. Empty bytes need none.
    fn put(&self, instance: &mut dyn Instance, bytes: &[u8]) -> Result<(u32, u32)> {
        if bytes.is_empty() {
            return Ok((0, 0));
        }
        // The highest bit of a length is the mark of a failed host function; half of the address space is the most.
        let too_long = || Error::BadAbi(format!("{} bytes do not fit a 32-bit guest", bytes.len()));
        let len = i32::try_from(bytes.len()).map_err(|_| too_long())? as u32;
        let mut slots = [u64::from(len)];
        instance.call(self.alloc, &mut slots)?;
        let ptr = slots[0] as u32;
        debug_memory(|| format!("{ALLOC}({len}) -> {ptr:#x}"));
        if ptr == 0 {
            return Err(no_block(instance, len));
        }
        let place = range(instance, ptr, len, "the block from hostel_alloc")?;
        instance.memory()[place].copy_from_slice(bytes);
        Ok((ptr, len))
    }

    fn release(&self, instance: &mut dyn Instance, ptr: u32, len: u32) -> Result<()> {
        debug_memory(|| format!("{FREE}({ptr:#x}, {len})"));
        instance.call(self.free, &mut [ptr.into(), len.into()])
    }
}

impl Convention for Hostel {
    fn check(&self, name: &str, ty: &FuncType) -> Result<()> {
        let expected = self.host_type();
        if *ty == expected { Ok(()) } else { Err(wrong_type(name, ty, &expected)) }
    }

    fn call(&self, instance: &mut dyn Instance, export: usize, input: &[u8], output_max: u64) -> Result<Box<[u8]>> {
        let (ptr, len) = self.put(instance, input)?;
        let mut slots = [ptr.into(), len.into()];
        instance.call(export, &mut slots)?;
        if instance.state().refusal.is_some() {
            return Ok(Box::default()); // the guest has said no; what it returned means nothing
        }
        let (ptr, len) = unpack(slots[0]);
        if len == 0 {
            return Ok(Box::default());
        }
        let place = range(instance, ptr, len, "the output")?;
        if u64::from(len) > output_max {
            self.release(instance, ptr, len)?;
            return Err(Error::OutputTooLarge { len: len.into(), max: output_max });
        }
        let output = Box::from(&instance.memory()[place]);
        self.release(instance, ptr, len)?;
        Ok(output)
    }

    fn host_type(&self) -> FuncType {
        FuncType::new(&[I32, I32], &[I64])
    }

    fn host_input(&self, instance: &mut dyn Instance, slots: &[u64]) -> Result<Range<usize>> {
        range(instance, slots[0] as u32, slots[1] as u32, "the input of a host function")
    }

    fn host_reply(&self, instance: &mut dyn Instance, reply: Reply, slots: &mut [u64]) -> Result<()> {
        let (bytes, mark) = match reply {
            Reply::Output(bytes) => (bytes, 0),
            Reply::Failure { message, payload } => {
                (if payload.is_empty() { message.into_bytes() } else { payload }, FAILED)
            }
        };
        let (ptr, len) = self.put(instance, &bytes)?;
        slots[0] = u64::from(ptr) << 32 | u64::from(len) | mark;
        Ok(())
    }

    fn provided(&self, module: &str, name: &str) -> Option<&'static Provided> {
        // C toolchains put undeclared functions in the module "env".
        (matches!(module, "hostel" | "env") && name == "hostel_fail").then_some(&FAIL)
    }
}

static FAIL: Provided = Provided {
    ty: || FuncType::new(&[I32, I32], &[]),
    call: |instance, slots| {
        let place = range(instance, slots[0] as u32, slots[1] as u32, "the payload of hostel_fail")?;
        let payload = instance.memory()[place].to_vec();
        instance.state().refusal = Some(payload);
        Ok(())
    },
};

fn unpack(packed: u64) -> (u32, u32) {
    ((packed >> 32) as u32, packed as u32)
}

fn wrong_type(name: &str, found: &FuncType, expected: &FuncType) -> Error {
    Error::BadAbi(format!("the function {name} has type {found}, but the ABI wants {expected}"))
}

/// A guest that cannot allocate has either met our cap or run out of its own.
fn no_block(instance: &mut dyn Instance, len: u32) -> Error {
    let gate = &instance.state().memory;
    let message = format!("hostel_alloc({len}) found no memory");
    if gate.refused() {
        let max = gate.max_bytes();
        return Error::MemoryLimit { message: format!("{message} within the limit of {max} bytes"), cause: None };
    }
    Error::BadAbi(message)
}

/// With the feature `debug-memory`, every block that changes hands is told at level TRACE.
fn debug_memory(text: impl FnOnce() -> String) {
    if cfg!(feature = "debug-memory") {
        log::emit(Level::Trace, "hostel::memory", text);
    }
}
