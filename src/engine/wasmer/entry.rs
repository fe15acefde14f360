//! Calling into a guest: an exported function, resolved once.

use crate::inspect::FuncType;
use smallvec::SmallVec;
use wasmer_types::RawValue;
use wasmer_vm::{Trap, VMCallerCheckedAnyfunc, VMConfig, wasmer_call_trampoline};

/// wasmer passes values in 16-byte slots; few functions need more than this many.
type Values = SmallVec<[RawValue; 8]>;

/// A function of an instance, ready to be entered.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    function: VMCallerCheckedAnyfunc,
    /// Bit n: result n is 32 bits wide, and the other half of its slot is not to be read.
    narrow_results: u64,
}

impl Entry {
    /// # Safety
    /// `function` belongs to an instance that outlives the entry and has the type `ty`.
    pub unsafe fn new(function: VMCallerCheckedAnyfunc, ty: &FuncType) -> Self {
        Entry { function, narrow_results: narrow(&ty.results) }
    }

    /// Enters the guest. # Safety: the instance is alive, and nothing else uses it or `slots` during the call.
    pub unsafe fn call(&self, config: &VMConfig, slots: &mut [u64]) -> Result<(), Trap> {
        let mut values: Values = slots.iter().map(|&slot| RawValue { u128: slot.into() }).collect();
        // SAFETY: the function, its context and its trampoline come from one live instance; `values` has a slot
        // for each parameter and result.
        unsafe {
            wasmer_call_trampoline(
                None,
                config,
                self.function.vmctx,
                self.function.call_trampoline,
                self.function.func_ptr,
                values.as_mut_ptr().cast(),
            )?;
        }
        for (index, (slot, value)) in slots.iter_mut().zip(&values).enumerate() {
            // SAFETY: every bit pattern is a valid integer, and the slots were initialised above.
            *slot = unsafe { if is_narrow(self.narrow_results, index) { value.u32.into() } else { value.u64 } };
        }
        Ok(())
    }
}

/// One bit a value: is it 32 bits wide? Functions with more than 64 values are refused when linked.
pub(super) fn narrow(types: &[crate::inspect::ValueType]) -> u64 {
    use crate::inspect::ValueType;
    types
        .iter()
        .take(u64::BITS as usize)
        .enumerate()
        .filter(|(_, ty)| matches!(ty, ValueType::I32 | ValueType::F32))
        .fold(0, |bits, (index, _)| bits | 1 << index)
}

pub(super) fn is_narrow(bits: u64, index: usize) -> bool {
    index < u64::BITS as usize && bits >> index & 1 == 1
}
