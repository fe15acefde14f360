//! hostel as a C program uses it. Handles live as long as the program, except where freeing is what is measured.

use crate::ffi::*;
use std::ffi::{CStr, CString, c_void};
use std::path::Path;
use std::ptr::{null, null_mut};

/// An engine.
#[derive(Clone, Copy)]
pub struct Engine(pub *mut hostel_engine);

/// A guest, ready to be called.
#[derive(Clone, Copy)]
pub struct Guest(pub *mut hostel_guest);

/// A function of a guest.
#[derive(Clone, Copy)]
pub struct Function(pub *mut hostel_function);

// SAFETY: the header says that any number of threads may use these at the same time.
unsafe impl Sync for Engine {}
// SAFETY: as above.
unsafe impl Send for Function {}
// SAFETY: as above.
unsafe impl Sync for Function {}

/// A stateful instance, for one thread at a time.
pub struct Instance(*mut hostel_instance);

/// A module that lives until it is dropped.
pub struct Module(pub *mut hostel_module);

/// A cache that lives until it is dropped.
pub struct Cache(pub *mut hostel_cache);

// SAFETY: the header says that any number of threads may use one at the same time.
unsafe impl Sync for Cache {}

/// Whether the library has an engine.
pub fn is_built(name: &CStr) -> bool {
    // SAFETY: names are texts that live for ever.
    unsafe { (0..hostel_engine_count()).any(|index| CStr::from_ptr(hostel_engine_name_at(index)) == name) }
}

/// What seals the artifacts of benchmarks: the user's own key is not touched.
const SEAL: [u8; HOSTEL_KEY_BYTES] = [7; HOSTEL_KEY_BYTES];

impl Engine {
    pub fn new(name: &CStr) -> Self {
        Self::with_limits(name, false, true)
    }

    /// With these limits compiled into guests; deadlines are by default.
    pub fn with_limits(name: &CStr, fuel: bool, deadline: bool) -> Self {
        Self::configured(name, |config| {
            // SAFETY: the handles come from the library, here and below; names end with a zero byte.
            unsafe {
                ok(|e| hostel_engine_config_set_fuel(config, fuel, e));
                ok(|e| hostel_engine_config_set_deadline(config, deadline, e));
            }
        })
    }

    /// With whatever is set.
    pub fn configured(name: &CStr, set: impl FnOnce(*mut hostel_engine_config)) -> Self {
        // SAFETY: as above.
        unsafe {
            let config = made(|out, e| hostel_engine_config_new(out, e));
            ok(|e| hostel_engine_config_set_engine(config, name.as_ptr(), e));
            set(config);
            let engine = made(|out, e| hostel_engine_new(config, out, e));
            hostel_engine_config_free(config);
            Engine(engine)
        }
    }

    pub fn load(&self, cache: Option<&Cache>, wasm: &[u8]) -> Module {
        let cache = cache.map_or(null(), |cache| cache.0.cast_const());
        // SAFETY: as above.
        Module(made(|out, e| unsafe { hostel_module_load(self.0, cache, wasm.as_ptr(), wasm.len(), null(), out, e) }))
    }

    pub fn load_key(&self, cache: &Cache, key: &[u8; HOSTEL_KEY_BYTES]) -> Module {
        // SAFETY: as above.
        Module(made(|out, e| unsafe { hostel_module_load_key(self.0, cache.0, key.as_ptr(), out, e) }))
    }

    /// Loads a vouched artifact, and lets go of it.
    pub fn load_vouched_file(&self, path: &Path) {
        let path = CString::new(path.to_str().expect("the path is text")).expect("without a zero byte");
        // SAFETY: as above.
        drop(Module(made(|out, e| unsafe { hostel_module_deserialize_vouched_file(self.0, path.as_ptr(), out, e) })));
    }

    pub fn stats(&self) -> hostel_engine_statistics {
        let mut stats = hostel_engine_statistics { struct_size: size_of::<hostel_engine_statistics>(), ..Default::default() };
        // SAFETY: as above.
        ok(|e| unsafe { hostel_engine_stats(self.0, &mut stats, e) });
        stats
    }
}

impl Module {
    /// Waits until it is at its best tier.
    pub fn settle(&self) {
        // SAFETY: as above.
        ok(|e| unsafe { hostel_module_settle(self.0, u64::MAX, e) });
    }

    pub fn key(&self) -> [u8; HOSTEL_KEY_BYTES] {
        let mut key = [0; HOSTEL_KEY_BYTES];
        // SAFETY: as above.
        ok(|e| unsafe { hostel_module_key(self.0, key.as_mut_ptr(), e) });
        key
    }

    /// A guest that imports nothing.
    pub fn guest(&self, write_tracking: bool) -> Guest {
        // SAFETY: as above.
        unsafe {
            let options = made(|out, e| hostel_guest_options_new(out, e));
            ok(|e| hostel_guest_options_set_write_tracking(options, write_tracking, e));
            let guest = made(|out, e| hostel_guest_new(self.0, null(), options, out, e));
            hostel_guest_options_free(options);
            Guest(guest)
        }
    }

    /// A guest that imports `host.add`.
    pub fn guest_with(&self, add: hostel_raw_function, user_data: *mut c_void) -> Guest {
        let i32s = [HOSTEL_VALUE_I32; 2];
        let (host, name) = (c"host".as_ptr(), c"add".as_ptr());
        // SAFETY: as above; the types are read during the call.
        unsafe {
            let imports = made(|out, e| hostel_imports_new(out, e));
            let types = i32s.as_ptr();
            ok(|e| hostel_imports_define_raw(imports, host, name, types, 2, types, 1, add, user_data, None, e));
            let guest = made(|out, e| hostel_guest_new(self.0, imports, null(), out, e));
            hostel_imports_free(imports);
            Guest(guest)
        }
    }
}

/// A module as bytes.
pub struct Artifact {
    bytes: hostel_buffer,
    sealed: bool,
}

impl Artifact {
    pub fn sealed(module: &Module) -> Self {
        let mut bytes = hostel_buffer::EMPTY;
        // SAFETY: as above.
        ok(|e| unsafe { hostel_module_serialize(module.0, SEAL.as_ptr(), SEAL.len(), &mut bytes, e) });
        Artifact { bytes, sealed: true }
    }

    pub fn vouched(module: &Module) -> Self {
        let mut bytes = hostel_buffer::EMPTY;
        // SAFETY: as above.
        ok(|e| unsafe { hostel_module_serialize_vouched(module.0, &mut bytes, e) });
        Artifact { bytes, sealed: false }
    }

    pub fn len(&self) -> usize {
        self.bytes.len
    }

    pub fn load(&self, engine: &Engine) -> Module {
        let (data, len) = (self.bytes.data.cast_const(), self.bytes.len);
        // SAFETY: as above.
        Module(made(|out, e| unsafe {
            match self.sealed {
                true => hostel_module_deserialize(engine.0, data, len, SEAL.as_ptr(), SEAL.len(), out, e),
                false => hostel_module_deserialize_vouched(engine.0, data, len, out, e),
            }
        }))
    }

    pub fn write(&self, path: &Path) {
        // SAFETY: the library filled it with so many bytes.
        let bytes = unsafe { std::slice::from_raw_parts(self.bytes.data, self.bytes.len) };
        std::fs::write(path, bytes).expect("the artifact can be written");
    }
}

impl Drop for Artifact {
    fn drop(&mut self) {
        // SAFETY: it came from the library, and is freed once.
        unsafe { hostel_buffer_free(&mut self.bytes) };
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        // SAFETY: it came from the library, and is freed once.
        unsafe { hostel_module_free(self.0) };
    }
}

impl Guest {
    pub fn function(&self, name: &CStr) -> Function {
        // SAFETY: as above.
        Function(made(|out, e| unsafe { hostel_guest_function(self.0, name.as_ptr(), out, e) }))
    }

    /// A function of plain values.
    pub fn value_function(&self, name: &CStr) -> Function {
        // SAFETY: as above.
        Function(made(|out, e| unsafe { hostel_guest_value_function(self.0, name.as_ptr(), out, e) }))
    }

    /// The end of a guest that is not needed any more, and is not copied.
    pub fn free(self) {
        // SAFETY: as above.
        unsafe { hostel_guest_free(self.0) };
    }

    pub fn instance(&self) -> Instance {
        // SAFETY: as above.
        Instance(made(|out, e| unsafe { hostel_instance_new(self.0, null_mut(), out, e) }))
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        // SAFETY: it came from the library, and is freed once.
        unsafe { hostel_cache_free(self.0) };
    }
}

impl Cache {
    pub fn shared(bytes_max: u64) -> Self {
        // SAFETY: as above.
        Cache(made(|out, e| unsafe { hostel_cache_shared_new(bytes_max, out, e) }))
    }

    /// With a sealing key of the benchmarks' own: the user's is not touched.
    pub fn directory(path: &Path) -> Self {
        let path = CString::new(path.to_str().expect("the path is text")).expect("without a zero byte");
        // SAFETY: as above.
        Cache(made(|out, e| unsafe { hostel_cache_directory_new(path.as_ptr(), SEAL.as_ptr(), SEAL.len(), 1 << 32, 0, out, e) }))
    }
}

impl Function {
    /// A call in a room that is as new; the output is as long as expected.
    pub fn fresh(&self, input: &[u8], expected: usize) {
        let mut output = hostel_buffer::EMPTY;
        // SAFETY: as above.
        unsafe {
            ok(|e| hostel_function_call(self.0, input.as_ptr(), input.len(), null_mut(), &mut output, e));
            assert_eq!(output.len, expected);
            hostel_buffer_free(&mut output);
        }
    }
}

impl Function {
    /// A call in a room that is as new, whatever the length of its output.
    pub fn fresh_any(&self, input: &[u8]) {
        let mut output = hostel_buffer::EMPTY;
        // SAFETY: as above.
        unsafe {
            ok(|e| hostel_function_call(self.0, input.as_ptr(), input.len(), null_mut(), &mut output, e));
            hostel_buffer_free(&mut output);
        }
    }

    /// A call with plain values in a room that is as new.
    pub fn fresh_values(&self, values: &mut [u64]) {
        let (data, len) = (values.as_mut_ptr(), values.len());
        // SAFETY: as above.
        ok(|e| unsafe { hostel_function_call_values(self.0, data, len, null_mut(), e) });
    }

    pub fn free(self) {
        // SAFETY: as above.
        unsafe { hostel_function_free(self.0) };
    }
}

impl Instance {
    /// A call of a kept instance.
    pub fn call(&self, function: Function, input: &[u8], expected: usize) {
        let mut output = hostel_buffer::EMPTY;
        let (data, len) = (input.as_ptr(), input.len());
        // SAFETY: as above, and instances stay on the thread that made them.
        unsafe {
            ok(|e| hostel_instance_call_function(self.0, function.0, data, len, null_mut(), &mut output, e));
            assert_eq!(output.len, expected);
            hostel_buffer_free(&mut output);
        }
    }

    /// A call of a kept instance, whatever the length of its output.
    pub fn call_any(&self, function: Function, input: &[u8]) {
        let mut output = hostel_buffer::EMPTY;
        let (data, len) = (input.as_ptr(), input.len());
        // SAFETY: as above.
        unsafe {
            ok(|e| hostel_instance_call_function(self.0, function.0, data, len, null_mut(), &mut output, e));
            hostel_buffer_free(&mut output);
        }
    }

    /// A call with plain values.
    pub fn call_values(&self, function: Function, values: &mut [u64]) {
        let (data, len) = (values.as_mut_ptr(), values.len());
        // SAFETY: as above.
        ok(|e| unsafe { hostel_instance_call_function_values(self.0, function.0, data, len, null_mut(), e) });
    }

    pub fn write(&self, at: u64, bytes: &[u8]) {
        // SAFETY: as above.
        ok(|e| unsafe { hostel_instance_memory_write(self.0, at, bytes.as_ptr(), bytes.len(), e) });
    }

    pub fn read(&self, at: u64, bytes: &mut [u8]) {
        // SAFETY: as above.
        ok(|e| unsafe { hostel_instance_memory_read(self.0, at, bytes.as_mut_ptr(), bytes.len(), e) });
    }
}

/// What guests import as `host.add`.
pub unsafe extern "C" fn add(_: *mut c_void, _: *mut hostel_caller, values: *mut u64) -> hostel_status {
    // SAFETY: the function is defined with two parameters and one result.
    unsafe { *values = u64::from((*values as u32).wrapping_add(*values.add(1) as u32)) };
    HOSTEL_STATUS_OK
}
