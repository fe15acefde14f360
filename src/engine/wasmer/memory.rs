//! The memories and tables of an instance, capped when they grow.

use crate::limits::MemoryGate;
use alloc::{boxed::Box, format, string::String, sync::Arc};
use core::ptr::NonNull;
use wasmer_compiler::{BaseTunables, Tunables};
use wasmer_types::{MemoryStyle, MemoryType, Pages, TableStyle, TableType, WASM_PAGE_SIZE};
use wasmer_vm::{LinearMemory, MemoryError, VMMemory, VMMemoryDefinition, VMOwnedMemory, VMTable, VMTableDefinition};

/// Hands wasmer the memories and tables of one room.
pub(super) struct RoomTunables {
    gate: Arc<MemoryGate>,
    table_elements_max: u64,
}

impl RoomTunables {
    pub fn new(gate: Arc<MemoryGate>, table_elements_max: u64) -> Self {
        RoomTunables { gate, table_elements_max }
    }

    /// The compiler asks only for styles.
    pub fn for_compiling() -> Self {
        Self::new(Arc::default(), 0)
    }

    // wasmer checks a table's growth against the maximum it was created with, so the cap goes in there.
    fn capped(&self, ty: &TableType) -> Result<TableType, String> {
        let max = u32::try_from(self.table_elements_max).unwrap_or(u32::MAX);
        if ty.minimum > max {
            return Err(format!("a table of {} elements is over the limit of {max}", ty.minimum));
        }
        Ok(TableType { maximum: Some(ty.maximum.map_or(max, |declared| declared.min(max))), ..*ty })
    }
}

impl Tunables for RoomTunables {
    fn memory_style(&self, memory: &MemoryType) -> MemoryStyle {
        BaseTunables::new().memory_style(memory)
    }

    fn table_style(&self, table: &TableType) -> TableStyle {
        BaseTunables::new().table_style(table)
    }

    fn create_host_memory(&self, ty: &MemoryType, style: &MemoryStyle) -> Result<VMMemory, MemoryError> {
        Ok(RoomMemory::boxed(VMOwnedMemory::new(ty, style)?, &self.gate))
    }

    unsafe fn create_vm_memory(
        &self,
        ty: &MemoryType,
        style: &MemoryStyle,
        definition: NonNull<VMMemoryDefinition>,
    ) -> Result<VMMemory, MemoryError> {
        // SAFETY: the caller's promise about `definition` is passed on as it is.
        let memory = unsafe { VMOwnedMemory::from_definition(ty, style, definition)? };
        Ok(RoomMemory::boxed(memory, &self.gate))
    }

    fn create_host_table(&self, ty: &TableType, style: &TableStyle) -> Result<VMTable, String> {
        VMTable::new(&self.capped(ty)?, style)
    }

    unsafe fn create_vm_table(
        &self,
        ty: &TableType,
        style: &TableStyle,
        definition: NonNull<VMTableDefinition>,
    ) -> Result<VMTable, String> {
        // SAFETY: the caller's promise about `definition` is passed on as it is.
        unsafe { VMTable::from_definition(&self.capped(ty)?, style, definition) }
    }
}

/// A memory that asks the room's gate before it grows.
#[derive(Debug)]
struct RoomMemory {
    memory: VMOwnedMemory,
    gate: Arc<MemoryGate>,
}

impl RoomMemory {
    fn boxed(memory: VMOwnedMemory, gate: &Arc<MemoryGate>) -> VMMemory {
        // That a guest starts within its limit is checked before its instance is made; here it is only counted.
        gate.grow(u64::from(memory.size().0) * WASM_PAGE_SIZE as u64);
        let memory: Box<dyn LinearMemory + Send + Sync> = Box::new(RoomMemory { memory, gate: gate.clone() });
        VMMemory::from_custom(memory)
    }
}

impl LinearMemory for RoomMemory {
    fn ty(&self) -> MemoryType {
        self.memory.ty()
    }

    fn size(&self) -> Pages {
        self.memory.size()
    }

    fn style(&self) -> MemoryStyle {
        self.memory.style()
    }

    fn grow(&mut self, delta: Pages) -> Result<Pages, MemoryError> {
        // What the guest's own maximum forbids is not for the cap to refuse, nor to count.
        if self.ty().maximum.is_some_and(|maximum| u64::from(self.size().0) + u64::from(delta.0) > maximum.0.into()) {
            return Err(MemoryError::CouldNotGrow { current: self.size(), attempted_delta: delta });
        }
        let bytes = u64::from(delta.0) * WASM_PAGE_SIZE as u64;
        if !self.gate.grow(bytes) {
            return Err(MemoryError::CouldNotGrow { current: self.size(), attempted_delta: delta });
        }
        self.memory.grow(delta).inspect_err(|_| self.gate.give_back(bytes))
    }

    fn vmmemory(&self) -> NonNull<VMMemoryDefinition> {
        self.memory.vmmemory()
    }

    fn try_clone(&self) -> Result<Box<dyn LinearMemory + Send + Sync>, MemoryError> {
        Err(MemoryError::MemoryNotShared)
    }

    fn copy(&self) -> Result<Box<dyn LinearMemory + Send + Sync>, MemoryError> {
        Err(MemoryError::MemoryNotShared)
    }
}
