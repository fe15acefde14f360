//! The ABI of guests built on crate `holochain_wasmer_guest` 0.0.103: `__hc__allocate_1`, `__hc__deallocate_1`,
//! functions `(ptr, len) -> ptr << 32 | len`, MessagePack values, answers in an envelope (see `envelope`).

mod envelope;

use super::blocks::{Answer, Blocks, Call, pack, same_type, unpack};
use super::{Convention, Provided, range};
use crate::engine::Instance;
use crate::error::{Kind, WasmError};
use crate::host::{Failure, Reply};
use crate::inspect::ValueType::{I32, I64};
use crate::inspect::{FuncType, ModuleInfo};
use crate::{Error, Result};
use alloc::boxed::Box;
use core::ops::Range;

const ALLOCATE: &str = "__hc__allocate_1";
const DEALLOCATE: &str = "__hc__deallocate_1";

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
            Reply::Failure(failure) => envelope::err(&wasm_error(failure)),
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
    let (payload, of_the_host) = (told.payload.clone(), told.kind.is_of_the_host());
    let (message, wasm_error) = (alloc::format!("{told}"), Some(Box::new(told)));
    if of_the_host { Error::Host { message, payload, wasm_error } } else { Error::Guest { payload, trap: None, wasm_error } }
}

/// What a guest sees when a host function fails. Without a kind it is text, which counts as the host's or, without
/// the feature `error-as-host`, as the guest's.
fn wasm_error(failure: Failure) -> WasmError {
    let bare = if cfg!(feature = "error-as-host") { Kind::Host } else { Kind::Guest };
    failure.wasm_error.unwrap_or_else(|| WasmError::new("hostel".into(), 0, bare, &failure.message, &failure.payload))
}
