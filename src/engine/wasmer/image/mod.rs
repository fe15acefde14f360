//! Machine code as hostel keeps it: an image that is mapped, fixed in a few places, and run where it lies. wasmer compiles;
//! what it makes is linked here, into an image that needs no parsing. It is the same whether a module was just compiled or comes
//! from a cache.

mod frames;
mod layout;
mod linker;
mod places;
mod relocation;

pub(super) use linker::link;

use super::guards;
use crate::sys::pages::Pages;
use crate::{Error, Result};
use alloc::{boxed::Box, format, string::String, sync::Arc, vec::Vec};
use layout::{Fix, Layout, Table, Target};
use wasmer_compiler::serialize::SerializableModule;
use wasmer_compiler::{CodeMemory, InstantiationError, LinkError, Tunables, resolve_imports};
use wasmer_types::entity::{BoxedSlice, EntityRef, PrimaryMap};
use wasmer_types::{DataInitializer, FunctionIndex, LocalFunctionIndex, ModuleInfo, SignatureIndex, TrapCode};
use wasmer_vm::{
    FunctionBodyPtr, InstanceAllocator, StoreObjects, TrapHandlerFn, VMConfig, VMExtern, VMInstance, VMOffsets, VMSignatureHash,
    VMTrampoline,
};

/// wasmer's traps by their numbers.
const TRAPS: [TrapCode; 16] = [
    TrapCode::StackOverflow,
    TrapCode::HeapAccessOutOfBounds,
    TrapCode::HeapMisaligned,
    TrapCode::TableAccessOutOfBounds,
    TrapCode::IndirectCallToNull,
    TrapCode::BadSignature,
    TrapCode::IntegerOverflow,
    TrapCode::IntegerDivisionByZero,
    TrapCode::BadConversionToInteger,
    TrapCode::UnreachableCodeReached,
    TrapCode::UnalignedAtomic,
    TrapCode::UncaughtException,
    TrapCode::UninitializedExnRef,
    TrapCode::YieldOutsideAsyncContext,
    TrapCode::HostInterrupt,
    TrapCode::ReadonlyTableModified,
];

/// Code that can be run.
pub(super) struct Image {
    // Forgets how to unwind the code before the code goes.
    _unwind: CodeMemory,
    pages: Pages,
    len: usize,
    layout: Layout,
    described: SerializableModule,
    module: Arc<ModuleInfo>,
    offsets: VMOffsets,
    functions: BoxedSlice<LocalFunctionIndex, FunctionBodyPtr>,
    trampolines: BoxedSlice<SignatureIndex, VMTrampoline>,
    import_trampolines: BoxedSlice<FunctionIndex, FunctionBodyPtr>,
    signatures: BoxedSlice<SignatureIndex, VMSignatureHash>,
    /// Whose a fault is while it runs.
    faults: Box<TrapHandlerFn<'static>>,
}

// SAFETY: its pointers lead into its own pages, which nobody writes to any more.
unsafe impl Send for Image {}
// SAFETY: as above.
unsafe impl Sync for Image {}

impl Image {
    /// Makes code of the image in the first `len` bytes of some pages.
    ///
    /// # Safety
    /// `link` made them, in a process like this one: same version of this library, same machine.
    pub unsafe fn load(mut pages: Pages, len: usize) -> Result<Image> {
        let layout = pages.get(..len).and_then(Layout::read).ok_or_else(broken)?;
        fill_in(&mut pages, &layout)?;
        pages.seal(layout.code.clone())?;
        let table = layout.table(&pages, Table::Module);
        // SAFETY: wasmer wrote it, and it lies where it may: at a multiple of 16.
        let described = unsafe { SerializableModule::deserialize_unchecked(table) };
        let described = described.map_err(|error| Error::ArtifactCorrupt(format!("{error}")))?;
        let module = described.compile_info.module.clone();

        let addresses = layout.table(&pages, Table::Functions).as_chunks::<8>().0;
        let (locals, imports) = (module.local_func_count(), module.num_imported_functions);
        if addresses.len() != locals + module.signatures.len() + imports {
            return Err(broken());
        }
        let mut bodies = addresses.iter().map(|&address| pages.as_ptr().wrapping_add(u64::from_le_bytes(address) as usize));
        let functions: PrimaryMap<_, _> = bodies.by_ref().take(locals).map(|body| FunctionBodyPtr(body.cast())).collect();
        let trampolines = bodies.by_ref().take(module.signatures.len());
        // SAFETY: wasmer compiled a trampoline of this type there.
        let trampolines = trampolines.map(|body| unsafe { core::mem::transmute::<*const u8, VMTrampoline>(body) });
        let trampolines: PrimaryMap<_, _> = trampolines.collect();
        let import_trampolines: PrimaryMap<_, _> = bodies.map(|body| FunctionBodyPtr(body.cast())).collect();
        let signatures: PrimaryMap<_, _> = module.signature_hashes.values().map(|hash| VMSignatureHash::new(hash.0)).collect();

        let mut unwind = CodeMemory::new();
        if let Some(frames) = pages.get(layout.unwind.clone()).filter(|frames| !frames.is_empty()) {
            // The table ends with the pages, which live longer.
            let registry = unwind.unwind_registry_mut();
            registry.publish_eh_frame(Some(frames)).map_err(Error::OutOfResources)?;
        }
        let base = pages.as_ptr() as usize;
        Ok(Image {
            faults: guards::faults(base + layout.code.start..base + layout.code.end),
            offsets: VMOffsets::try_new(size_of::<usize>() as u8, &module).map_err(Error::OutOfResources)?,
            functions: functions.into_boxed_slice(),
            trampolines: trampolines.into_boxed_slice(),
            import_trampolines: import_trampolines.into_boxed_slice(),
            signatures: signatures.into_boxed_slice(),
            _unwind: unwind,
            pages,
            len,
            layout,
            described,
            module,
        })
    }

    /// The image as `load` wants it, without what belongs to this process.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.pages[..self.len].to_vec();
        for fix in Fix::read(self.layout.table(&self.pages, Table::Fixes)) {
            // It is there: it was filled in before.
            let _ = fix.fill(&mut bytes, 0);
        }
        bytes
    }

    /// How much memory it takes.
    pub fn size(&self) -> usize {
        self.pages.len()
    }

    /// Makes an instance, which has not started yet.
    ///
    /// # Safety
    /// As for `VMInstance::new`.
    pub unsafe fn instantiate(
        &self,
        tunables: &dyn Tunables,
        imports: &[VMExtern],
        objects: &mut StoreObjects,
    ) -> Result<VMInstance, Box<InstantiationError>> {
        let (info, module) = (&self.described.compile_info, &*self.module);
        let styles = (&info.memory_styles, &info.table_styles);
        let imports = resolve_imports(module, imports, objects, &self.import_trampolines, styles.0, styles.1);
        let imports = imports.map_err(linking)?;
        let (allocator, memories, tables, globals) = InstanceAllocator::new_with_offsets(self.offsets.clone(), module);
        // SAFETY: the definitions lie in the instance, which the objects go with.
        let memories = unsafe { tunables.create_memories(objects, module, styles.0, &memories) };
        let memories = memories.map_err(linking)?.into_boxed_slice();
        // SAFETY: as above.
        let tables = unsafe { tunables.create_tables(objects, module, styles.1, &tables) };
        let tables = tables.map_err(linking)?.into_boxed_slice();
        let globals = tunables.create_globals(objects, module, &globals).map_err(linking)?.into_boxed_slice();
        // There are no exceptions: wasmer's are not bounded in memory, and unwind guests on their own stacks.
        let tags = PrimaryMap::new().into_boxed_slice();
        // SAFETY: the parts are of this module, and the rest is the caller's promise.
        let made = unsafe {
            VMInstance::new(
                allocator,
                self.module.clone(),
                objects,
                self.functions.clone(),
                self.trampolines.clone(),
                memories,
                tables,
                // Our tunables bound each table; wasmer's bound on all of them together is not used.
                u32::MAX,
                globals,
                tags,
                imports,
                self.signatures.clone(),
            )
        };
        let made = made.map_err(|trap| Box::new(InstantiationError::Start(trap)))?;
        // SAFETY: it was just made.
        let guarded = unsafe { guards::put_into(&made, &self.offsets) };
        guarded.map_err(|error| linking(LinkError::Resource(error.to_string())))?;
        Ok(made)
    }

    /// Fills an instance's memories and tables, and runs its start function.
    ///
    /// # Safety
    /// As for `VMInstance::finish_instantiation`.
    pub unsafe fn finish_instantiation(
        &self,
        config: &VMConfig,
        instance: &mut VMInstance,
    ) -> Result<(), Box<InstantiationError>> {
        let data = self.described.data_initializers.iter();
        let data: Vec<_> = data.map(|data| DataInitializer { location: data.location.clone(), data: &data.data }).collect();
        // SAFETY: the caller's promise.
        unsafe { instance.finish_instantiation(config, Some(self.faults()), &data) }
            .map_err(|trap| Box::new(InstantiationError::Start(trap)))
    }

    /// What decides about faults while its code runs: as long as it is not dropped.
    pub fn faults(&self) -> *const TrapHandlerFn<'static> {
        &raw const *self.faults
    }

    /// The trap that the code at an address raises.
    pub fn trap_at(&self, pc: usize) -> Option<TrapCode> {
        let (function, place) = self.place(pc)?;
        let mut pairs = self.pairs(Table::TrapStarts, Table::Traps, function);
        pairs.find(|&(at, _)| at == place).and_then(|(_, number)| TRAPS.get(number as usize).copied())
    }

    /// The function that an address lies in: its index and name, and the offset in the module of what is there.
    pub fn frame_at(&self, pc: usize) -> Option<(u32, Option<&str>, Option<u32>)> {
        let (function, place) = self.place(pc)?;
        let index = self.module.func_index(LocalFunctionIndex::new(function));
        let line = self.pairs(Table::OriginStarts, Table::Origins, function).take_while(|&(at, _)| at <= place).last();
        let offset = line.and_then(|(_, line)| line.checked_sub(1));
        Some((index.as_u32(), self.module.function_names.get(&index).map(String::as_str), offset))
    }

    fn place(&self, pc: usize) -> Option<(usize, u32)> {
        let place = pc.checked_sub(self.pages.as_ptr() as usize).filter(|place| self.layout.code.contains(place))?;
        let addresses = self.layout.table(&self.pages, Table::Functions).as_chunks::<8>().0;
        // Behind the last function come the trampolines, which are nobody's frames.
        let (locals, trampolines) = addresses.split_at(self.functions.len());
        let end = trampolines.first().map_or(self.layout.code.end, |&end| u64::from_le_bytes(end) as usize);
        let start = |function: &[u8; 8]| u64::from_le_bytes(*function) as usize;
        let function = locals.partition_point(|function| start(function) <= place).checked_sub(1)?;
        (place < end).then(|| (function, (place - start(&locals[function])) as u32))
    }

    fn pairs(&self, starts: Table, pairs: Table, function: usize) -> impl Iterator<Item = (u32, u32)> + '_ {
        let table = |table| self.layout.table(&self.pages, table);
        places::read(table(starts), table(pairs), function)
    }
}

fn linking(error: LinkError) -> Box<InstantiationError> {
    Box::new(InstantiationError::Link(error))
}

fn broken() -> Error {
    Error::ArtifactCorrupt("the image is not as it was made".into())
}

/// Puts in the addresses of this process.
fn fill_in(pages: &mut Pages, layout: &Layout) -> Result<()> {
    let base = pages.as_ptr() as usize;
    let table = layout.table(pages, Table::Fixes).to_vec();
    for fix in Fix::read(&table) {
        let address = match fix.target {
            Target::Image(offset) => base + offset,
            Target::Function(name) => guards::libcall(name)?.ok_or_else(broken)?,
        };
        fix.fill(pages, address as u64).ok_or_else(broken)?;
    }
    Ok(())
}
