//! hostel as a C program uses it: through the exported functions.

use hostel::ffi::buffer::{hostel_buffer, hostel_buffer_free};
use hostel::ffi::engine::*;
use hostel::ffi::function::*;
use hostel::ffi::guest::*;
use hostel::ffi::imports::*;
use hostel::ffi::instance::*;
use hostel::ffi::module::*;
use hostel::ffi::status::{HOSTEL_STATUS_OK, hostel_status};
use std::ffi::{CStr, c_void};
use std::ptr::{null, null_mut};

pub struct Ours {
    guest: *mut hostel_guest,
    instance: *mut hostel_instance,
    echo: *mut hostel_function,
    host_calls: *mut hostel_function,
}

unsafe extern "C" fn add(_: *mut c_void, _: *mut hostel_caller, values: *mut u64) -> hostel_status {
    // SAFETY: the function is defined with two parameters and one result.
    unsafe { *values = u64::from((*values as u32).wrapping_add(*values.add(1) as u32)) };
    HOSTEL_STATUS_OK
}

impl Ours {
    pub fn new(engine_name: &CStr, wasm: &[u8]) -> Self {
        let i32s = [HOSTEL_VALUE_I32; 2];
        let (mut config, mut engine, mut module, mut imports) = (null_mut(), null_mut(), null_mut(), null_mut());
        let (mut guest, mut instance, mut echo, mut host_calls) = (null_mut(), null_mut(), null_mut(), null_mut());
        let e = null_mut();
        // SAFETY: the handles come from the library, in this order.
        unsafe {
            ok(hostel_engine_config_new(&mut config, e));
            ok(hostel_engine_config_set_engine(config, engine_name.as_ptr(), e));
            ok(hostel_engine_new(config, &mut engine, e));
            ok(hostel_module_load(engine, null(), wasm.as_ptr(), wasm.len(), null(), &mut module, e));
            ok(hostel_imports_new(&mut imports, e));
            let (host, name) = (c"host".as_ptr(), c"add".as_ptr());
            ok(hostel_imports_define_raw(
                imports,
                host,
                name,
                i32s.as_ptr(),
                2,
                i32s.as_ptr(),
                1,
                Some(add),
                null_mut(),
                None,
                e,
            ));
            ok(hostel_guest_new(module, imports, null(), &mut guest, e));
            ok(hostel_guest_function(guest, c"echo".as_ptr(), &mut echo, e));
            ok(hostel_guest_function(guest, c"host_calls".as_ptr(), &mut host_calls, e));
            ok(hostel_instance_new(guest, null_mut(), &mut instance, e));
            hostel_imports_free(imports);
            hostel_module_free(module);
            hostel_engine_free(engine);
            hostel_engine_config_free(config);
        }
        Ours { guest, instance, echo, host_calls }
    }

    /// A call of a kept instance.
    pub fn reused(&self, input: &[u8]) {
        self.in_instance(self.echo, input, input.len());
    }

    /// A call that makes the guest call the host `count` times.
    pub fn host_calls(&self, count: u32) {
        self.in_instance(self.host_calls, &count.to_le_bytes(), 4);
    }

    fn in_instance(&self, function: *const hostel_function, input: &[u8], expected: usize) {
        let mut output = hostel_buffer { data: null_mut(), len: 0 };
        let (data, len) = (input.as_ptr(), input.len());
        // SAFETY: live handles, one thread.
        unsafe {
            ok(hostel_instance_call_function(self.instance, function, data, len, null_mut(), &mut output, null_mut()));
            assert_eq!(output.len, expected);
            hostel_buffer_free(&mut output);
        }
    }

    /// A call in an instance of its own.
    pub fn fresh(&self, input: &[u8]) {
        let mut output = hostel_buffer { data: null_mut(), len: 0 };
        // SAFETY: live handles.
        unsafe {
            ok(hostel_function_call(self.echo, input.as_ptr(), input.len(), null_mut(), &mut output, null_mut()));
            assert_eq!(output.len, input.len());
            hostel_buffer_free(&mut output);
        }
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        // SAFETY: made by the library, freed once.
        unsafe {
            hostel_function_free(self.echo);
            hostel_function_free(self.host_calls);
            hostel_instance_free(self.instance);
            hostel_guest_free(self.guest);
        }
    }
}

pub fn ok(status: hostel_status) {
    assert_eq!(status, HOSTEL_STATUS_OK);
}
