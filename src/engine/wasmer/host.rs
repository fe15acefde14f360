//! Being called by a guest: host functions as wasmer's machine code sees them.

use super::entry::{FEW, is_narrow, narrow, read};
use super::instance::Handle;
use super::{Signature, guards};
use crate::Result;
use crate::engine::{Host, HostStop, run_host};
use alloc::{boxed::Box, vec};
use core::cell::UnsafeCell;
use wasmer_types::RawValue;
use wasmer_vm::{
    InternalStoreHandle, MaybeInstanceOwned, StoreObjects, VMCallerCheckedAnyfunc, VMContext, VMDynamicFunctionContext, VMExtern,
    VMFunction, VMFunctionBody, VMFunctionContext, VMFunctionKind, on_host_stack, raise_user_trap,
};

/// Which import of which instance a guest has called.
struct Binding {
    instance: Handle,
    /// Who answers; the instance keeps it.
    host: *const dyn Host,
    import: usize,
    params: usize,
    results: usize,
    narrow_params: u64,
}

type Context = VMDynamicFunctionContext<Binding>;

/// Makes the function that the guest's import at position `import` is linked to. wasmer calls such "dynamic"
/// functions with one array of values, whatever their type; its compiler makes the trampoline.
///
/// # Safety
/// The instance and the host outlive `objects`.
pub(super) unsafe fn link(
    objects: &mut StoreObjects,
    instance: Handle,
    host: *const dyn Host,
    import: usize,
    signature: &Signature,
) -> Result<VMExtern> {
    let ty = &signature.ours;
    let binding =
        Binding { instance, host, import, params: ty.params.len(), results: ty.results.len(), narrow_params: narrow(&ty.params) };
    let address = guards::host(enter_host as *const () as usize)? as *const VMFunctionBody;
    let mut context = Box::new(Context { address, ctx: binding });
    let anyfunc = VMCallerCheckedAnyfunc {
        func_ptr: core::ptr::null(), // wasmer's linker puts the trampoline's address here
        type_signature_hash: signature.hash,
        vmctx: VMFunctionContext { host_env: (&raw mut *context).cast() },
        call_trampoline: enter_host_directly,
    };
    let function = VMFunction {
        anyfunc: MaybeInstanceOwned::Host(Box::new(UnsafeCell::new(anyfunc))),
        kind: VMFunctionKind::Dynamic,
        signature: signature.ty.clone(),
        host_data: context,
    };
    Ok(VMExtern::Function(InternalStoreHandle::new(objects, function)))
}

/// Where compiled code arrives, on the guest's stack: nothing may be allocated here, and no destructor runs when
/// the guest is unwound.
unsafe extern "C-unwind" fn enter_host(context: *mut Context, values: *mut RawValue) {
    // SAFETY: `context` is the box that `link` made, kept by the function object as long as the instance lives.
    let binding = unsafe { &(*context).ctx };
    if !on_host_stack(|| binding.run(values)) {
        // SAFETY: we are on a guest's stack, with nothing left here to drop.
        unsafe { raise_user_trap(Box::new(HostStop)) };
    }
}

/// Used when the host calls an import that the guest exports again.
unsafe extern "C" fn enter_host_directly(context: *mut VMContext, _: *const VMFunctionBody, values: *mut RawValue) {
    // SAFETY: as for `enter_host`; wasmer passes the same context.
    unsafe { enter_host(context.cast(), values) }
}

impl Binding {
    fn run(&self, values: *mut RawValue) -> bool {
        let count = self.params.max(self.results);
        if count <= FEW { self.run_with(values, &mut [0; FEW][..count]) } else { self.run_with(values, &mut vec![0; count]) }
    }

    fn run_with(&self, values: *mut RawValue, slots: &mut [u64]) -> bool {
        for (index, slot) in slots.iter_mut().enumerate().take(self.params) {
            // SAFETY: the trampoline wrote `params` values, of the function's types.
            *slot = unsafe { read(values.add(index), is_narrow(self.narrow_params, index)) };
        }
        let mut instance = self.instance;
        // SAFETY: the instance, which keeps its host, lives until the guest's call has returned.
        let host = unsafe { &*self.host };
        if !run_host(host, self.import, &mut instance, slots) {
            return false;
        }
        for (index, &slot) in slots.iter().enumerate().take(self.results) {
            // SAFETY: the array has room for the larger of parameters and results.
            unsafe { values.add(index).write(RawValue { u128: slot.into() }) };
        }
        true
    }
}
