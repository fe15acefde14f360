//! Calling into a guest: an exported function, resolved once.

use crate::inspect::FuncType;
use alloc::vec;
use wasmer_types::RawValue;
use wasmer_vm::{Trap, TrapHandlerFn, VMCallerCheckedAnyfunc, VMConfig, wasmer_call_trampoline};

/// Calls with up to this many values keep them in an array on the stack. (A vector that moves to the heap when it
/// grows costs more than the whole rest: it is filled and then moved.)
pub(super) const FEW: usize = 4;

/// How guests are entered.
#[derive(Clone, Copy)]
pub(super) struct Entering<'a> {
    /// How much stack they get.
    pub config: &'a VMConfig,
    /// Whose a fault is meanwhile.
    pub faults: *const TrapHandlerFn<'static>,
}

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

    /// Enters the guest.
    ///
    /// # Safety
    /// The instance is alive, and whoever else uses it during the call is called by it. `entering` is of its code.
    pub unsafe fn call(&self, entering: Entering<'_>, slots: &mut [u64]) -> Result<(), Trap> {
        if slots.len() <= FEW {
            // SAFETY: the caller's promise.
            unsafe { self.call_with(entering, slots, &mut [RawValue { u128: 0 }; FEW]) }
        } else {
            // SAFETY: the caller's promise.
            unsafe { self.call_with(entering, slots, &mut vec![RawValue { u128: 0 }; slots.len()]) }
        }
    }

    /// # Safety
    /// As for `call`; there are at least as many values as slots.
    unsafe fn call_with(&self, entering: Entering<'_>, slots: &mut [u64], values: &mut [RawValue]) -> Result<(), Trap> {
        for (value, &slot) in values.iter_mut().zip(&*slots) {
            *value = RawValue { u128: slot.into() };
        }
        // SAFETY: the function, its context and its trampoline come from one live instance; `values` has a slot
        // for each parameter and result.
        unsafe {
            wasmer_call_trampoline(
                Some(entering.faults),
                entering.config,
                self.function.vmctx,
                self.function.call_trampoline,
                self.function.func_ptr,
                values.as_mut_ptr().cast(),
            )?;
        }
        for (index, slot) in slots.iter_mut().enumerate() {
            // SAFETY: the trampoline left the results here, and every slot was initialised above.
            *slot = unsafe { read(values.as_ptr().add(index), is_narrow(self.narrow_results, index)) };
        }
        Ok(())
    }
}

impl Entry {
    /// Calls a function of two slots at most from where guests run already: inside `catch_traps`, on a guest's stack.
    ///
    /// # Safety
    /// As for `call`. When the guest is stopped this does not return, and nothing on the stack up to `catch_traps` is
    /// dropped.
    pub unsafe fn call_inside(&self, slots: &mut [u64; 2]) {
        let mut values = slots.map(|slot| RawValue { u128: slot.into() });
        // SAFETY: as in `call_with`; host functions and instances have contexts of one size, a pointer.
        unsafe {
            (self.function.call_trampoline)(self.function.vmctx.vmctx, self.function.func_ptr, values.as_mut_ptr());
            slots[0] = read(values.as_ptr(), is_narrow(self.narrow_results, 0));
        }
    }
}

/// Reads a value just as wide as compiled code has written it: a wider load would wait until the store has reached
/// the cache, some 5 ns each. The reads are volatile so that the compiler does not merge the two into the wider one.
///
/// # Safety
/// `value` is valid and holds a 32-bit value if `narrow`, else at least 64 bits.
pub(super) unsafe fn read(value: *const RawValue, narrow: bool) -> u64 {
    // SAFETY: the caller's promise; every bit pattern is a valid integer.
    unsafe { if narrow { (&raw const (*value).u32).read_volatile().into() } else { (&raw const (*value).u64).read_volatile() } }
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
