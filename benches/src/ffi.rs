//! The part of include/hostel.h that is used here, by hand: what is measured is the library as C programs link it.
#![allow(non_camel_case_types, reason = "the names of the header")]

use std::ffi::{c_char, c_void};
use std::ptr::null_mut;

pub type hostel_status = i32;
pub const HOSTEL_STATUS_OK: hostel_status = 0;
pub const HOSTEL_VALUE_I32: i32 = 1;
pub const HOSTEL_KEY_BYTES: usize = 32;

macro_rules! handles {
    ($($name:ident)*) => { $(#[repr(C)] pub struct $name { _private: [u8; 0] })* };
}
handles! {
    hostel_cache hostel_caller hostel_call_options hostel_cancel hostel_engine hostel_engine_config hostel_error hostel_function hostel_guest
    hostel_guest_options hostel_imports hostel_instance hostel_load_options hostel_module hostel_wasi
}

#[repr(C)]
pub struct hostel_buffer {
    pub data: *mut u8,
    pub len: usize,
}

impl hostel_buffer {
    pub const EMPTY: hostel_buffer = hostel_buffer { data: null_mut(), len: 0 };
}

#[repr(C)]
#[derive(Default)]
pub struct hostel_engine_statistics {
    pub struct_size: usize,
    pub rooms: u64,
    pub rooms_idle: u64,
    pub rooms_made: u64,
    pub resets: u64,
    pub pages_restored: u64,
    pub faults: u64,
    pub discards: u64,
    pub evictions: u64,
    pub calls: u64,
}

pub type hostel_finalizer = Option<unsafe extern "C" fn(*mut c_void)>;
pub type hostel_host_function = unsafe extern "C" fn(*mut c_void, *mut hostel_caller, *const u8, usize) -> hostel_status;
pub type hostel_raw_function = unsafe extern "C" fn(*mut c_void, *mut hostel_caller, *mut u64) -> hostel_status;
pub type hostel_load_progress = unsafe extern "C" fn(*mut c_void, *const c_char, u64, u64) -> hostel_status;
type Errors = *mut *mut hostel_error;

#[rustfmt::skip]
unsafe extern "C" {
    pub fn hostel_buffer_free(buffer: *mut hostel_buffer);
    pub fn hostel_error_message(error: *const hostel_error) -> *const c_char;

    pub fn hostel_wasi_new(wasi: *mut *mut hostel_wasi, e: Errors) -> hostel_status;
    pub fn hostel_wasi_add_argument(wasi: *mut hostel_wasi, argument: *const c_char, e: Errors) -> hostel_status;
    pub fn hostel_wasi_add_directory(wasi: *mut hostel_wasi, host: *const c_char, guest: *const c_char, read_only: bool, e: Errors) -> hostel_status;
    pub fn hostel_imports_set_wasi(imports: *mut hostel_imports, wasi: *const hostel_wasi, e: Errors) -> hostel_status;
    pub fn hostel_wasi_free(wasi: *mut hostel_wasi);

    pub fn hostel_engine_config_new(config: *mut *mut hostel_engine_config, e: Errors) -> hostel_status;
    pub fn hostel_engine_config_set_engine(config: *mut hostel_engine_config, name: *const c_char, e: Errors) -> hostel_status;
    pub fn hostel_engine_config_set_fuel(config: *mut hostel_engine_config, on: bool, e: Errors) -> hostel_status;
    pub fn hostel_engine_config_set_deadline(config: *mut hostel_engine_config, on: bool, e: Errors) -> hostel_status;
    pub fn hostel_engine_config_set_deterministic(config: *mut hostel_engine_config, on: bool, e: Errors) -> hostel_status;
    pub fn hostel_engine_tier_at(engine: *const hostel_engine, index: usize) -> *const c_char;
    pub fn hostel_function_call_values(function: *const hostel_function, values: *mut u64, len: usize, options: *mut hostel_call_options, e: Errors) -> hostel_status;
    pub fn hostel_function_free(function: *mut hostel_function);
    pub fn hostel_guest_free(guest: *mut hostel_guest);
    pub fn hostel_loads_join(e: Errors) -> hostel_status;
    pub fn hostel_module_settle(module: *const hostel_module, timeout_ms: u64, e: Errors) -> hostel_status;
    pub fn hostel_engine_config_free(config: *mut hostel_engine_config);
    pub fn hostel_engine_new(config: *const hostel_engine_config, engine: *mut *mut hostel_engine, e: Errors) -> hostel_status;
    pub fn hostel_engine_count() -> usize;
    pub fn hostel_engine_name_at(index: usize) -> *const c_char;
    pub fn hostel_engine_stats(engine: *const hostel_engine, stats: *mut hostel_engine_statistics, e: Errors) -> hostel_status;

    pub fn hostel_cache_shared_new(bytes_max: u64, cache: *mut *mut hostel_cache, e: Errors) -> hostel_status;
    pub fn hostel_cache_directory_new(path: *const c_char, key: *const u8, key_len: usize, bytes_max: u64, flags: u32, cache: *mut *mut hostel_cache, e: Errors) -> hostel_status;
    pub fn hostel_cache_free(cache: *mut hostel_cache);

    pub fn hostel_module_load(engine: *const hostel_engine, cache: *const hostel_cache, wasm: *const u8, len: usize, options: *const hostel_load_options, module: *mut *mut hostel_module, e: Errors) -> hostel_status;
    pub fn hostel_module_load_key(engine: *const hostel_engine, cache: *const hostel_cache, key: *const u8, module: *mut *mut hostel_module, e: Errors) -> hostel_status;
    pub fn hostel_module_key(module: *const hostel_module, key: *mut u8, e: Errors) -> hostel_status;
    pub fn hostel_module_free(module: *mut hostel_module);
    pub fn hostel_module_serialize(module: *const hostel_module, key: *const u8, key_len: usize, artifact: *mut hostel_buffer, e: Errors) -> hostel_status;
    pub fn hostel_module_serialize_vouched(module: *const hostel_module, artifact: *mut hostel_buffer, e: Errors) -> hostel_status;
    pub fn hostel_module_deserialize(engine: *const hostel_engine, artifact: *const u8, len: usize, key: *const u8, key_len: usize, module: *mut *mut hostel_module, e: Errors) -> hostel_status;
    pub fn hostel_module_deserialize_vouched(engine: *const hostel_engine, artifact: *const u8, len: usize, module: *mut *mut hostel_module, e: Errors) -> hostel_status;
    pub fn hostel_module_deserialize_vouched_file(engine: *const hostel_engine, path: *const c_char, module: *mut *mut hostel_module, e: Errors) -> hostel_status;
    pub fn hostel_load_options_new(options: *mut *mut hostel_load_options, e: Errors) -> hostel_status;
    pub fn hostel_load_options_set_progress(options: *mut hostel_load_options, callback: Option<hostel_load_progress>, user_data: *mut c_void, e: Errors) -> hostel_status;
    pub fn hostel_load_options_free(options: *mut hostel_load_options);

    pub fn hostel_imports_new(imports: *mut *mut hostel_imports, e: Errors) -> hostel_status;
    pub fn hostel_imports_define(imports: *mut hostel_imports, module: *const c_char, name: *const c_char, callback: hostel_host_function, user_data: *mut c_void, finalizer: hostel_finalizer, e: Errors) -> hostel_status;
    pub fn hostel_imports_define_raw(imports: *mut hostel_imports, module: *const c_char, name: *const c_char, parameters: *const i32, parameters_len: usize, results: *const i32, results_len: usize, callback: hostel_raw_function, user_data: *mut c_void, finalizer: hostel_finalizer, e: Errors) -> hostel_status;
    pub fn hostel_imports_free(imports: *mut hostel_imports);
    pub fn hostel_caller_return(caller: *mut hostel_caller, output: *const u8, len: usize) -> hostel_status;

    pub fn hostel_guest_options_new(options: *mut *mut hostel_guest_options, e: Errors) -> hostel_status;
    pub fn hostel_guest_options_set_write_tracking(options: *mut hostel_guest_options, on: bool, e: Errors) -> hostel_status;
    pub fn hostel_guest_options_free(options: *mut hostel_guest_options);
    pub fn hostel_guest_new(module: *const hostel_module, imports: *const hostel_imports, options: *const hostel_guest_options, guest: *mut *mut hostel_guest, e: Errors) -> hostel_status;
    pub fn hostel_guest_function(guest: *const hostel_guest, name: *const c_char, function: *mut *mut hostel_function, e: Errors) -> hostel_status;
    pub fn hostel_guest_value_function(guest: *const hostel_guest, name: *const c_char, function: *mut *mut hostel_function, e: Errors) -> hostel_status;
    pub fn hostel_guest_call(guest: *const hostel_guest, function: *const c_char, input: *const u8, len: usize, options: *mut hostel_call_options, output: *mut hostel_buffer, e: Errors) -> hostel_status;
    pub fn hostel_function_call(function: *const hostel_function, input: *const u8, len: usize, options: *mut hostel_call_options, output: *mut hostel_buffer, e: Errors) -> hostel_status;

    pub fn hostel_call_options_new(options: *mut *mut hostel_call_options, e: Errors) -> hostel_status;
    pub fn hostel_call_options_set_deadline_ms(options: *mut hostel_call_options, milliseconds: u64, e: Errors) -> hostel_status;
    pub fn hostel_call_options_free(options: *mut hostel_call_options);
    pub fn hostel_call_options_set_cancel(options: *mut hostel_call_options, cancel: *const hostel_cancel, e: Errors) -> hostel_status;
    pub fn hostel_cancel_new(cancel: *mut *mut hostel_cancel, e: Errors) -> hostel_status;
    pub fn hostel_cancel_trigger(cancel: *const hostel_cancel, e: Errors) -> hostel_status;
    pub fn hostel_cancel_free(cancel: *mut hostel_cancel);
    pub fn hostel_guest_call_values(guest: *const hostel_guest, name: *const c_char, values: *mut u64, len: usize, options: *mut hostel_call_options, e: Errors) -> hostel_status;

    pub fn hostel_instance_new(guest: *const hostel_guest, options: *mut hostel_call_options, instance: *mut *mut hostel_instance, e: Errors) -> hostel_status;
    pub fn hostel_instance_call_function(instance: *mut hostel_instance, function: *const hostel_function, input: *const u8, len: usize, options: *mut hostel_call_options, output: *mut hostel_buffer, e: Errors) -> hostel_status;
    pub fn hostel_instance_call_function_values(instance: *mut hostel_instance, function: *const hostel_function, values: *mut u64, len: usize, options: *mut hostel_call_options, e: Errors) -> hostel_status;
    pub fn hostel_instance_memory_read(instance: *const hostel_instance, at: u64, bytes: *mut u8, len: usize, e: Errors) -> hostel_status;
    pub fn hostel_instance_memory_write(instance: *mut hostel_instance, at: u64, bytes: *const u8, len: usize, e: Errors) -> hostel_status;
}

/// The handle or value that a function hands out through its first argument, which must not fail.
pub fn made<T>(make: impl FnOnce(*mut *mut T, Errors) -> hostel_status) -> *mut T {
    let mut handle = null_mut();
    ok(|e| make(&mut handle, e));
    handle
}

/// A call that must not fail.
pub fn ok(call: impl FnOnce(Errors) -> hostel_status) {
    let mut error = null_mut();
    let status = call(&mut error);
    if status != HOSTEL_STATUS_OK {
        // SAFETY: with a status other than OK comes an error, whose message is text.
        let message = unsafe { std::ffi::CStr::from_ptr(hostel_error_message(error)) };
        panic!("hostel answered {status}: {}", message.to_string_lossy());
    }
}
