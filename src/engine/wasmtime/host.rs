//! Being called by a guest: host functions, and the caps on what it asks for.

use super::instance::Data;
use super::view::{FEW, View, narrow};
use crate::engine::{HostStop, run_host};
use crate::inspect::FuncType;
use alloc::{sync::Arc, vec};
use core::mem::MaybeUninit;
use wasmtime::{Caller, Error, ResourceLimiter, Result, ValRaw};

/// The function that a guest's import is linked to: answers the import at this position, of this type.
pub(super) fn answer(
    import: usize,
    ty: &FuncType,
) -> impl Fn(Caller<'_, Data>, &mut [MaybeUninit<ValRaw>]) -> Result<()> + Send + Sync + 'static {
    let (params, results, narrow) = (ty.params.len(), ty.results.len(), narrow(&ty.params));
    move |caller, values| {
        let mut call = |view: &mut View<Caller<'_, Data>>, slots: &mut [u64]| {
            for (index, (slot, value)) in slots.iter_mut().zip(&*values).enumerate().take(params) {
                // SAFETY: the guest has given so many values, of the function's types.
                let value = unsafe { value.assume_init_ref() };
                let narrow = index < u64::BITS as usize && narrow >> index & 1 == 1;
                *slot = if narrow { value.get_u32().into() } else { value.get_u64() };
            }
            let host = Arc::as_ptr(&view.0.data().host);
            // SAFETY: the store keeps its host, and lives until the guest's call has returned.
            let goes_on = run_host(unsafe { &*host }, import, view, slots);
            for (value, &slot) in values.iter_mut().zip(&*slots).take(results) {
                value.write(ValRaw::u64(slot));
            }
            goes_on
        };
        let count = params.max(results);
        let goes_on = View(caller)
            .outside(|view| if count <= FEW { call(view, &mut [0; FEW][..count]) } else { call(view, &mut vec![0; count]) });
        if goes_on { Ok(()) } else { Err(Error::new(HostStop)) }
    }
}

impl ResourceLimiter for Data {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        // The memories that an instance with a word is made with are counted when it is there.
        if !self.is_made() && self.code.has_word() {
            return Ok(true);
        }
        // What the guest's own maximum forbids is not for the cap to refuse, nor to count.
        self.growing = if maximum.is_some_and(|maximum| desired > maximum) { 0 } else { (desired - current) as u64 };
        Ok(self.state.memory.grow(self.growing))
    }

    fn memory_grow_failed(&mut self, _: Error) -> Result<()> {
        self.state.memory.give_back(core::mem::take(&mut self.growing));
        Ok(())
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        Ok(desired as u64 <= self.table_elements_max)
    }

    fn instances(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        usize::MAX
    }

    fn memories(&self) -> usize {
        usize::MAX
    }
}
