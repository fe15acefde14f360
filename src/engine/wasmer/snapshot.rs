//! What an instance is apart from the bytes of its memories: globals and tables, taken once and put into others, or put
//! back after each call.

use super::instance::Objects;
use super::memory::Made;
use crate::room::snapshot::{Reference, Snapshot, Value};
use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::ptr::NonNull;
use wasmer_types::entity::EntityRef;
use wasmer_types::{ExportIndex, FunctionIndex, LocalTableIndex, ModuleInfo, Type};
use wasmer_vm::{VMCallerCheckedAnyfunc, VMExtern, VMGlobalDefinition, VMInstance, VMTableDefinition};

type Record = NonNull<VMCallerCheckedAnyfunc>;

/// The records of an instance's functions, which references point to, by the function's index.
struct Functions {
    imported: Vec<Record>,
    /// The first of those that the module defines, which lie side by side.
    defined: Option<Record>,
    defined_len: usize,
}

impl Functions {
    fn new(instance: &mut VMInstance, objects: &Objects) -> Functions {
        let (imported_len, len) = (instance.module().num_imported_functions, instance.module().functions.len());
        let mut record = |index| match instance.lookup_by_declaration(ExportIndex::Function(FunctionIndex::new(index))) {
            VMExtern::Function(handle) => Some(handle.get(objects.get()).anyfunc.as_ptr()),
            _ => None,
        };
        let imported = (0..imported_len).filter_map(&mut record).collect();
        let defined = if len > imported_len { record(imported_len) } else { None };
        Functions { imported, defined, defined_len: len - imported_len }
    }

    /// What a reference refers to; nothing when it is not a function of this instance.
    fn reference(&self, pointer: usize) -> Option<Reference> {
        if pointer == 0 {
            return Some(Reference::Null);
        }
        if let Some(index) = self.imported.iter().position(|record| record.as_ptr() as usize == pointer) {
            return Some(Reference::Function(index as u32));
        }
        let from = pointer.checked_sub(self.defined?.as_ptr() as usize)?;
        let index = from / size_of::<VMCallerCheckedAnyfunc>();
        (from % size_of::<VMCallerCheckedAnyfunc>() == 0 && index < self.defined_len)
            .then(|| Reference::Function((self.imported.len() + index) as u32))
    }

    fn pointer(&self, reference: Reference) -> usize {
        let Reference::Function(index) = reference else { return 0 };
        match self.imported.get(index as usize) {
            Some(record) => record.as_ptr() as usize,
            None => {
                let defined = self.defined.map_or(0, |record| record.as_ptr() as usize);
                defined + (index as usize - self.imported.len()) * size_of::<VMCallerCheckedAnyfunc>()
            }
        }
    }
}

/// Takes a snapshot of an instance that no call runs in. Nothing when something in it belongs to it alone.
pub(super) fn take(instance: &mut VMInstance, objects: &Objects, made: &Made) -> Option<Snapshot> {
    let functions = Functions::new(instance, objects);
    let global = |global: &wasmer_vm::VMGlobal| {
        // SAFETY: the definition lives as long as the instance; all bits of it were written when it was made.
        let bits = unsafe { global.vmglobal().as_ref().val.u128 };
        match global.ty().ty {
            Type::FuncRef => functions.reference(bits as usize).map(Value::Reference),
            Type::ExternRef | Type::ExceptionRef => (bits as usize == 0).then_some(Value::Bits(0)),
            _ => Some(Value::Bits(bits)),
        }
    };
    let globals = objects.get().iter_globals().map(global).collect::<Option<_>>()?;
    // A table of anything but functions holds nothing that this finds, unless it is empty.
    let table = |table: &NonNull<VMTableDefinition>| {
        // SAFETY: no call runs.
        unsafe { elements(*table) }.iter().map(|&element| functions.reference(element)).collect::<Option<Vec<_>>>()
    };
    let tables = made.tables.iter().map(table).collect::<Option<_>>()?;
    let images = made.memories.iter().map(|memory| memory.image().ok().map(Arc::new)).collect::<Option<_>>()?;
    Some(Snapshot::new(images, globals, tables))
}

/// Makes an instance, which has just been made and has not run, like a snapshot of another one of its module.
pub(super) fn apply(snapshot: &Snapshot, instance: &mut VMInstance, objects: &Objects, made: &Made) {
    let functions = Functions::new(instance, objects);
    for (global, value) in objects.get().iter_globals().zip(snapshot.globals()) {
        let bits = match *value {
            Value::Bits(bits) => bits,
            Value::Reference(reference) => functions.pointer(reference) as u128,
        };
        // SAFETY: the definition lives as long as the instance, and nothing runs in it.
        unsafe { global.vmglobal().as_mut().val.u128 = bits };
    }
    for (index, (table, values)) in made.tables.iter().zip(snapshot.tables()).enumerate() {
        // SAFETY: nothing runs in the instance, whose table has as many elements as the other's: it never grows.
        let elements = unsafe { elements(*table) };
        for (element, &value) in elements.iter_mut().zip(values) {
            *element = functions.pointer(value);
        }
        let Some(records) = records(instance, index, elements.len()) else { continue };
        for (record, &element) in records.iter_mut().zip(&*elements) {
            *record = match NonNull::new(element as *mut VMCallerCheckedAnyfunc) {
                // SAFETY: it points to the record of a function of this instance.
                Some(function) => unsafe { *function.as_ref() },
                None => VMCallerCheckedAnyfunc::null(),
            };
        }
    }
}

/// What has to be put back after each call: copies of everything that can change.
pub(super) struct Kept {
    globals: Vec<(NonNull<VMGlobalDefinition>, u128)>,
    tables: Vec<(NonNull<VMTableDefinition>, Box<[usize]>)>,
    records: Vec<(NonNull<VMCallerCheckedAnyfunc>, Box<[VMCallerCheckedAnyfunc]>)>,
}

impl Kept {
    /// Of an instance as it is now.
    pub fn new(instance: &mut VMInstance, objects: &Objects, made: &Made, writes_tables: bool) -> Kept {
        let changing = objects.get().iter_globals().filter(|global| global.ty().mutability.is_mutable());
        // SAFETY: the definitions live as long as the instance, and nothing runs in it.
        let globals = changing.map(|global| unsafe { (global.vmglobal(), global.vmglobal().as_ref().val.u128) }).collect();
        let mut kept = Kept { globals, tables: Vec::new(), records: Vec::new() };
        for (index, &table) in made.tables.iter().enumerate().filter(|_| writes_tables) {
            // SAFETY: nothing runs in the instance.
            let elements = unsafe { elements(table) };
            if let Some(records) = records(instance, index, elements.len()) {
                kept.records.push((NonNull::from(&mut records[..]).cast(), (*records).into()));
            }
            kept.tables.push((table, (*elements).into()));
        }
        kept
    }

    /// Puts it all back.
    pub fn restore(&self) {
        // SAFETY: what is pointed to belongs to the instance, which owns this, and nothing runs in it.
        unsafe {
            for &(mut global, bits) in &self.globals {
                global.as_mut().val.u128 = bits;
            }
            for (table, kept) in &self.tables {
                elements(*table).copy_from_slice(kept);
            }
            for (records, kept) in &self.records {
                core::ptr::copy_nonoverlapping(kept.as_ptr(), records.as_ptr(), kept.len());
            }
        }
    }
}

/// A table's elements: pointers, null where there is nothing.
///
/// # Safety
/// Nothing runs in the table's instance, and the slice is used for a moment only.
unsafe fn elements<'a>(table: NonNull<VMTableDefinition>) -> &'a mut [usize] {
    // SAFETY: wasmer keeps the definition true.
    unsafe {
        let table = table.as_ref();
        core::slice::from_raw_parts_mut(table.base.cast::<usize>(), table.current_elements as usize)
    }
}

/// The copies of functions' records that compiled code uses for a table that cannot grow; wasmer keeps them behind the
/// table's elements, in step with them.
fn records<'a>(instance: &mut VMInstance, table: usize, len: usize) -> Option<&'a mut [VMCallerCheckedAnyfunc]> {
    let offset = instance.vmoffsets().vmctx_fixed_funcref_table_anyfuncs(LocalTableIndex::new(table))?;
    // SAFETY: by wasmer's layout so many records lie there, in the instance's own memory.
    unsafe {
        let first = instance.vmctx_ptr().cast::<u8>().add(offset as usize).cast::<VMCallerCheckedAnyfunc>();
        Some(core::slice::from_raw_parts_mut(first, len))
    }
}

/// Whether a module has anything that a snapshot would miss.
pub(super) fn can_be_taken(module: &ModuleInfo) -> bool {
    module.num_imported_globals == 0 && module.num_imported_tables == 0 && module.num_imported_memories == 0
}
