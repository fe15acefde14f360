//! The memories and tables of an instance, capped when they grow.

use super::stop::stop_memory;
use crate::limits::MemoryGate;
use crate::room::memory::{Memories, Memory, Style};
use crate::room::snapshot::Snapshot;
use crate::stop::Stop;
use alloc::{boxed::Box, format, string::String, sync::Arc, vec::Vec};
use core::cell::RefCell;
use core::ptr::NonNull;
use wasmer_compiler::{BaseTunables, Tunables};
use wasmer_types::{MemoryStyle, MemoryType, Pages, TableStyle, TableType, WASM_PAGE_SIZE};
use wasmer_vm::{LinearMemory, MemoryError, VMMemory, VMMemoryDefinition, VMTable, VMTableDefinition};

/// What compiled code takes for granted about memories.
pub(super) struct CompileTunables {
    /// Whether the module can make its memories larger.
    pub grows: bool,
    /// Whether all are checked, whatever grows.
    pub checked: bool,
}

/// A memory that may become larger is checked by its length, so that what it had grown may stay open when the room is
/// reset. One that does not needs no checks at all, only addresses that cannot be reached.
fn style(compiled: &CompileTunables, ty: &MemoryType) -> MemoryStyle {
    if compiled.checked || (compiled.grows && ty.maximum != Some(ty.minimum)) {
        MemoryStyle::Dynamic { offset_guard_size: 0 }
    } else {
        MemoryStyle::Static
    }
}

/// Hands wasmer the memories and tables of one room.
pub(super) struct RoomTunables {
    pub gate: Arc<MemoryGate>,
    pub table_elements_max: u64,
    pub memory_bytes_max: u64,
    pub like: Option<Arc<Snapshot>>,
    pub spare: RefCell<Memories>,
    /// The word that the guest's code looks at, and the memory that its code takes it for, if it does.
    pub stop: Arc<Stop>,
    pub stop_memory: Option<u32>,
    /// What was made, in the order of the module.
    pub made: RefCell<Made>,
}

/// The memories and tables of one instance, and where compiled code finds them.
#[derive(Default)]
pub(super) struct Made {
    pub memories: Memories,
    pub definitions: Vec<NonNull<VMMemoryDefinition>>,
    pub tables: Vec<NonNull<VMTableDefinition>>,
}

impl RoomTunables {
    // wasmer checks a table's growth against the maximum it was created with, so the cap goes in there.
    fn capped(&self, ty: &TableType) -> Result<TableType, String> {
        let max = u32::try_from(self.table_elements_max).unwrap_or(u32::MAX);
        if ty.minimum > max {
            return Err(format!("a table of {} elements is over the limit of {max}", ty.minimum));
        }
        Ok(TableType { maximum: Some(ty.maximum.map_or(max, |declared| declared.min(max))), ..*ty })
    }

    fn memory(&self, ty: &MemoryType, style: &MemoryStyle) -> Result<Box<Memory>, MemoryError> {
        let bytes = |pages: Pages| u64::from(pages.0) * WASM_PAGE_SIZE as u64;
        let max = ty.maximum.map_or(self.memory_bytes_max, |max| bytes(max).min(self.memory_bytes_max)) as usize;
        let style = if *style == MemoryStyle::Static { Style::Fixed } else { Style::Growing };
        let len = bytes(ty.minimum) as usize;
        let spare = self.spare.borrow_mut().pop();
        if let Some(memory) = spare.and_then(|spare| Memory::again(spare, style, len, max)) {
            return Ok(memory);
        }
        let index = self.made.borrow().memories.len();
        let memory = match self.like.as_ref() {
            Some(like) => like.memory(index, style, max),
            None => Memory::new(style, len, max),
        };
        memory.map(Box::new).map_err(|error| MemoryError::Region(format!("no memory for a room: {}", crate::sys::words(error))))
    }
}

impl Tunables for CompileTunables {
    fn memory_style(&self, ty: &MemoryType) -> MemoryStyle {
        style(self, ty)
    }

    fn table_style(&self, table: &TableType) -> TableStyle {
        BaseTunables::new().table_style(table)
    }

    fn create_host_memory(&self, _: &MemoryType, _: &MemoryStyle) -> Result<VMMemory, MemoryError> {
        Err(MemoryError::InvalidMemory { reason: "only for compiling".into() })
    }

    unsafe fn create_vm_memory(
        &self,
        ty: &MemoryType,
        style: &MemoryStyle,
        _: NonNull<VMMemoryDefinition>,
    ) -> Result<VMMemory, MemoryError> {
        self.create_host_memory(ty, style)
    }

    fn create_host_table(&self, _: &TableType, _: &TableStyle) -> Result<VMTable, String> {
        Err("only for compiling".into())
    }

    unsafe fn create_vm_table(
        &self,
        ty: &TableType,
        style: &TableStyle,
        _: NonNull<VMTableDefinition>,
    ) -> Result<VMTable, String> {
        self.create_host_table(ty, style)
    }
}

impl Tunables for RoomTunables {
    fn memory_style(&self, memory: &MemoryType) -> MemoryStyle {
        BaseTunables::new().memory_style(memory) // not asked of an instance: its style was fixed when it was compiled
    }

    fn table_style(&self, table: &TableType) -> TableStyle {
        BaseTunables::new().table_style(table)
    }

    fn max_table_elements(&self) -> u32 {
        u32::MAX // of all tables together: `inspect` has looked
    }

    fn create_host_memory(&self, _: &MemoryType, _: &MemoryStyle) -> Result<VMMemory, MemoryError> {
        Err(MemoryError::InvalidMemory { reason: "memories are never imported".into() })
    }

    unsafe fn create_vm_memory(
        &self,
        ty: &MemoryType,
        style: &MemoryStyle,
        mut definition: NonNull<VMMemoryDefinition>,
    ) -> Result<VMMemory, MemoryError> {
        // Imported memories are refused, and that one is the last.
        if self.stop_memory == Some(self.made.borrow().memories.len() as u32) {
            // SAFETY: the caller promises a place for a definition.
            return Ok(unsafe { stop_memory(&self.stop, definition) });
        }
        let mut memory = self.memory(ty, style)?;
        // That a guest starts within its limit is checked before its instance is made; here it is only counted.
        self.gate.grow(memory.size() as u64);
        // SAFETY: the caller promises a place for a definition.
        unsafe { *definition.as_mut() = VMMemoryDefinition { base: memory.base(), current_length: memory.size() } };
        let room =
            RoomMemory { memory: NonNull::from(&mut *memory), definition, ty: *ty, style: *style, gate: self.gate.clone() };
        let room: Box<dyn LinearMemory + Send + Sync> = Box::new(room);
        let mut made = self.made.borrow_mut();
        made.memories.push(memory);
        made.definitions.push(definition);
        Ok(VMMemory::from_custom(room))
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
        self.made.borrow_mut().tables.push(definition);
        // SAFETY: the caller's promise about `definition` is passed on as it is.
        unsafe { VMTable::from_definition(&self.capped(ty)?, style, definition) }
    }
}

/// A memory that asks the room's gate before it grows.
#[derive(Debug)]
struct RoomMemory {
    /// The instance's, which keeps it longer than this.
    memory: NonNull<Memory>,
    definition: NonNull<VMMemoryDefinition>,
    ty: MemoryType,
    style: MemoryStyle,
    gate: Arc<MemoryGate>,
}

// SAFETY: an instance and all that belongs to it are used by one thread at a time.
unsafe impl Send for RoomMemory {}
// SAFETY: as above.
unsafe impl Sync for RoomMemory {}

impl LinearMemory for RoomMemory {
    fn ty(&self) -> MemoryType {
        MemoryType { minimum: self.size(), ..self.ty }
    }

    fn size(&self) -> Pages {
        // SAFETY: see the field; nobody else uses it while the guest asks.
        Pages((unsafe { self.memory.as_ref() }.size() / WASM_PAGE_SIZE) as u32)
    }

    fn style(&self) -> MemoryStyle {
        self.style
    }

    fn grow(&mut self, delta: Pages) -> Result<Pages, MemoryError> {
        let current = self.size();
        let refused = || MemoryError::CouldNotGrow { current, attempted_delta: delta };
        let pages = u64::from(current.0) + u64::from(delta.0);
        // What the guest's own maximum forbids is not for the cap to refuse, nor to count.
        if pages > self.ty.maximum.unwrap_or(Pages::max_value()).0.into() {
            return Err(refused());
        }
        let bytes = u64::from(delta.0) * WASM_PAGE_SIZE as u64;
        if !self.gate.grow(bytes) {
            return Err(refused());
        }
        // SAFETY: see the fields; guest code reads the definition anew after it has asked for growth.
        unsafe {
            if self.memory.as_mut().grow(pages as usize * WASM_PAGE_SIZE).is_err() {
                self.gate.give_back(bytes);
                return Err(refused());
            }
            self.definition.as_mut().current_length = self.memory.as_ref().size();
        }
        Ok(current)
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
