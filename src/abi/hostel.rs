//! The plain ABI of this library. `include/hostel_guest.h` describes it to people who write guests:
//! `hostel_alloc(len) -> ptr`, `hostel_free(ptr, len)`, functions `(ptr, len) -> ptr << 32 | len`.

use super::blocks::{Answer, Blocks, Call, pack, same_type, unpack};
use super::{Convention, Provided, range};
use crate::engine::Instance;
use crate::host::Reply;
use crate::inspect::ValueType::{I32, I64};
use crate::inspect::{FuncType, ModuleInfo};
use crate::{Error, Result, sys};
use alloc::boxed::Box;
use core::ops::Range;

const ALLOC: &str = "hostel_alloc";
const FREE: &str = "hostel_free";
pub(super) const ALLOCATOR: [&str; 2] = [ALLOC, FREE];

/// Set in the length of a host function's answer when the host function failed.
const FAILED: u64 = 0x8000_0000;

pub(super) fn detect(info: &ModuleInfo) -> bool {
    info.function(ALLOC).is_some() || info.function(FREE).is_some()
}

/// A guest that speaks it.
pub(super) struct Hostel(Blocks);

impl Hostel {
    pub fn bind(info: &ModuleInfo) -> Result<Self> {
        Ok(Hostel(Blocks::bind(info, ALLOC, FREE)?))
    }

    /// Empty bytes need no block.
    fn put(&self, instance: &mut dyn Instance, bytes: &[u8]) -> Result<(u32, u32)> {
        if bytes.is_empty() { Ok((0, 0)) } else { self.0.put(instance, bytes) }
    }
}

/// The type of functions of bytes, on both sides.
fn bytes_type() -> FuncType {
    FuncType::new(&[I32, I32], &[I64])
}

impl Convention for Hostel {
    fn check(&self, name: &str, ty: &FuncType) -> Result<()> {
        same_type(name, ty, &bytes_type())
    }

    fn call(&self, instance: &mut dyn Instance, export: usize, input: &[u8], output_max: u64) -> Result<Box<[u8]>> {
        let call = Call { export, input, block_for_empty: false, output_max };
        self.0.exchange(instance, &call, &|instance, packed| {
            let (ptr, len) = unpack(packed);
            if len == 0 || instance.state().refusal.is_some() {
                // Nothing to take; or the guest has said no, and what it returned means nothing.
                return Ok(Answer { output: Ok(0..0), block: None });
            }
            Ok(Answer { output: Ok(range(instance, ptr, len, "the output")?), block: Some((ptr, len)) })
        })
    }

    fn allocate(&self, instance: &mut dyn Instance, len: usize) -> Result<u64> {
        if len == 0 { Ok(0) } else { self.0.allocate(instance, len) }
    }

    fn deallocate(&self, instance: &mut dyn Instance, address: u64, len: usize) -> Result<()> {
        if len == 0 { Ok(()) } else { self.0.deallocate(instance, address, len) }
    }

    fn host_type(&self) -> Option<FuncType> {
        Some(bytes_type())
    }

    fn host_input(&self, instance: &mut dyn Instance, slots: &[u64]) -> Result<Range<usize>> {
        range(instance, slots[0] as u32, slots[1] as u32, "the input of a host function")
    }

    fn host_reply(&self, instance: &mut dyn Instance, reply: Reply, slots: &mut [u64]) -> Result<()> {
        let (bytes, mark) = match reply {
            Reply::Output(bytes) => (bytes, 0),
            Reply::Failure(failure) => (failure.into_bytes(), FAILED),
        };
        slots[0] = pack(self.put(instance, &bytes)?) | mark;
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
        let max = instance.state().refusal_max;
        if place.len() as u64 > max {
            return Err(Error::OutputTooLarge { len: place.len() as u64, max });
        }
        let payload = sys::copy(&instance.memory()[place])?;
        instance.state().refusal = Some(payload);
        Ok(())
    },
};
