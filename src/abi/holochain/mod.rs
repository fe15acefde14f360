//! The ABI of guests built on crate `holochain_wasmer_guest` 0.0.103: `__hc__allocate_1`, `__hc__deallocate_1`,
//! functions `(ptr, len) -> ptr << 32 | len`, MessagePack values, answers in an envelope (see `envelope`).

mod envelope;

use super::blocks::{Answer, Blocks, Call, pack, same_type, unpack};
use super::{Convention, Provided, range};
use crate::engine::Instance;
use crate::error::WasmError;
use crate::host::Reply;
use crate::inspect::ValueType::{I32, I64};
use crate::inspect::{FuncType, ModuleInfo};
use crate::{Error, Result};
use alloc::boxed::Box;
use core::ops::Range;

const ALLOCATE: &str = "__hc__allocate_1";
const DEALLOCATE: &str = "__hc__deallocate_1";
pub(super) const ALLOCATOR: [&str; 2] = [ALLOCATE, DEALLOCATE];

pub(super) fn detect(info: &ModuleInfo) -> bool {
    info.function(ALLOCATE).is_some() || info.function(DEALLOCATE).is_some()
}

/// A guest that speaks it.
pub(super) struct Holochain(Blocks);

impl Holochain {
    pub fn bind(info: &ModuleInfo) -> Result<Self> {
        Ok(Holochain(Blocks::bind(info, ALLOCATE, DEALLOCATE)?))
    }
}

/// The type of functions of bytes, on both sides.
fn bytes_type() -> FuncType {
    FuncType::new(&[I32, I32], &[I64])
}

impl Convention for Holochain {
    fn check(&self, name: &str, ty: &FuncType) -> Result<()> {
        same_type(name, ty, &bytes_type())
    }

    fn call(&self, instance: &mut dyn Instance, export: usize, input: &[u8], output_max: u64) -> Result<Box<[u8]>> {
        // The guest takes the input as a vector that it frees, so there is a block even for an empty one.
        let call = Call { export, input, block_for_empty: true, output_max };
        self.0.exchange(instance, &call, &|instance, packed| {
            let (ptr, len) = unpack(packed);
            let place = range(instance, ptr, len, "the output")?;
            let start = place.start;
            let output = match envelope::open(&instance.memory()[place]) {
                Ok(Ok(value)) => Ok(start + value.start..start + value.end),
                Ok(Err(told)) => Err(error(told)),
                Err(malformed) => Err(malformed),
            };
            Ok(Answer { output, block: Some((ptr, len)) })
        })
    }

    fn nothing(&self) -> &'static [u8] {
        envelope::NIL
    }

    fn allocate(&self, instance: &mut dyn Instance, len: usize) -> Result<u64> {
        self.0.allocate(instance, len)
    }

    fn deallocate(&self, instance: &mut dyn Instance, address: u64, len: usize) -> Result<()> {
        self.0.deallocate(instance, address, len)
    }

    fn host_type(&self) -> Option<FuncType> {
        Some(bytes_type())
    }

    fn host_input(&self, instance: &mut dyn Instance, slots: &[u64]) -> Result<Range<usize>> {
        range(instance, slots[0] as u32, slots[1] as u32, "the input of a host function")
    }

    fn host_input_done(&self, instance: &mut dyn Instance, input: Range<usize>) -> Result<()> {
        // The guest has given the block away; whoever reads it frees it.
        self.0.release(instance, input.start as u32, input.len() as u32)
    }

    fn host_reply(&self, instance: &mut dyn Instance, reply: Reply, slots: &mut [u64]) -> Result<()> {
        let bytes = match reply {
            Reply::Output(value) => envelope::ok(&value),
            Reply::Failure(failure) => envelope::err(&failure.into_wasm_error()),
        };
        slots[0] = pack(self.0.put(instance, &bytes)?);
        Ok(())
    }

    fn provided(&self, _module: &str, _name: &str) -> Option<&'static Provided> {
        None
    }
}

/// What a guest's `Err` means to the host.
fn error(told: WasmError) -> Error {
    if told.kind.is_of_the_host() {
        return Error::Host { message: alloc::format!("{told}"), wasm_error: Box::new(told) };
    }
    Error::Guest { payload: told.payload.clone(), trap: None, wasm_error: Some(Box::new(told)) }
}
