//! The word that stops a guest, as its code sees it: the beginning of a memory of one page that no code of the guest can
//! name. What `prepare` puts into the guest reads these eight bytes and no others, so there is no page behind them.

use crate::stop::Stop;
use alloc::{boxed::Box, sync::Arc};
use core::ptr::NonNull;
use wasmer_types::{MemoryStyle, MemoryType, Pages, WASM_PAGE_SIZE};
use wasmer_vm::{LinearMemory, MemoryError, VMMemory, VMMemoryDefinition};

/// Makes the memory.
///
/// # Safety
/// `definition` is a place for a definition, which lives as long as the memory.
pub(super) unsafe fn stop_memory(stop: &Arc<Stop>, mut definition: NonNull<VMMemoryDefinition>) -> VMMemory {
    let base = stop.address();
    // SAFETY: the caller's promise.
    unsafe { *definition.as_mut() = VMMemoryDefinition { base, current_length: WASM_PAGE_SIZE } };
    let memory: Box<dyn LinearMemory + Send + Sync> = Box::new(StopMemory { _stop: stop.clone(), definition });
    VMMemory::from_custom(memory)
}

#[derive(Debug)]
struct StopMemory {
    /// Keeps the word where it is.
    _stop: Arc<Stop>,
    definition: NonNull<VMMemoryDefinition>,
}

// SAFETY: an instance and all that belongs to it are used by one thread at a time.
unsafe impl Send for StopMemory {}
// SAFETY: as above.
unsafe impl Sync for StopMemory {}

impl LinearMemory for StopMemory {
    fn ty(&self) -> MemoryType {
        MemoryType { minimum: Pages(1), maximum: Some(Pages(1)), shared: false }
    }

    fn size(&self) -> Pages {
        Pages(1)
    }

    fn style(&self) -> MemoryStyle {
        MemoryStyle::Static
    }

    fn grow(&mut self, delta: Pages) -> Result<Pages, MemoryError> {
        Err(MemoryError::CouldNotGrow { current: Pages(1), attempted_delta: delta })
    }

    fn vmmemory(&self) -> NonNull<VMMemoryDefinition> {
        self.definition
    }

    fn try_clone(&self) -> Result<Box<dyn LinearMemory + Send + Sync>, MemoryError> {
        Err(MemoryError::MemoryNotShared)
    }

    fn copy(&self) -> Result<Box<dyn LinearMemory + Send + Sync>, MemoryError> {
        Err(MemoryError::MemoryNotShared)
    }
}
