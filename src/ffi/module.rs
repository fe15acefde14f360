//! Modules: compiled guests.

use super::boundary;
use super::cache::{HOSTEL_KEY_BYTES, alias_key, hostel_cache, module_key};
use super::engine::hostel_engine;
use super::error::hostel_error;
use super::externs::Externs;
use super::load_options::{self, hostel_load_options};
use super::status::hostel_status;
use crate::module::Module;
use core::ffi::{CStr, c_char};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A compiled guest. Made by the hostel_module_load functions, released by hostel_module_free().
/// Immutable: any number of threads may use one module at the same time.
pub struct hostel_module {
    pub(super) inner: Arc<Module>,
    // Made when first asked for: a module from a cache in memory is handed out in some hundred nanoseconds.
    externs: OnceLock<Externs>,
}

impl hostel_module {
    pub(super) fn new(module: impl Into<Arc<Module>>) -> Self {
        hostel_module { inner: module.into(), externs: OnceLock::new() }
    }

    pub(super) fn externs(&self) -> &Externs {
        self.externs.get_or_init(|| Externs::new(self.inner.info()))
    }
}

/// Compiles a guest from a binary module.
///
/// `wasm` is read during the call and not kept. `cache` may be NULL: then nothing is kept; a module that it has is not
/// compiled, and not validated again. `options` may be NULL.
/// On success `*module_out` is yours: release it with hostel_module_free(). On failure it is NULL.
/// `error_out` may be NULL; otherwise it receives NULL on success, else an error to release with hostel_error_free().
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT   if `engine`, `module_out`, or a non-empty `wasm` is NULL;
///         HOSTEL_STATUS_INVALID_MODULE     if the bytes do not validate with every WebAssembly proposal on;
///         HOSTEL_STATUS_UNSUPPORTED_MODULE if the module is over a limit, or needs what the engine lacks;
///         HOSTEL_STATUS_OUT_OF_RESOURCES   if the system has no memory for its code or no thread to compile it with, or if too
///                                          many compiles ran all the time (HOSTEL_LIMIT_COMPILE_MS);
///         HOSTEL_STATUS_DEADLINE           if compiling took longer than HOSTEL_LIMIT_COMPILE_MS;
///         HOSTEL_STATUS_NOT_CACHED         if the engine is headless and the cache, if there is one, has no code of it;
///         HOSTEL_STATUS_CANCELLED          if the progress callback of `options` said so, or, while it waits inside a host
///                                          function, a token of the call;
///         HOSTEL_STATUS_DEADLINE           if it waits inside a host function, and the time of the call is over;
///         HOSTEL_STATUS_BUSY               if it would wait for longer than `options` allow, or for itself: from inside a
///                                          callback of a load of the same module through the same cache.
/// Thread-safe. May take seconds for a large guest, and as long as HOSTEL_LIMIT_COMPILE_MS allows for one that was made to; the
/// progress callback of `options` can stop it before. A large module is compiled on threads of the library's.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_load(
    engine: *const hostel_engine,
    cache: *const hostel_cache,
    wasm: *const u8,
    wasm_len: usize,
    options: *const hostel_load_options,
    module_out: *mut *mut hostel_module,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe {
        boundary::produce(module_out, "module_out", error_out, || {
            let engine = boundary::borrow("engine", engine)?;
            let wasm = boundary::bytes("wasm", wasm, wasm_len)?;
            let cache = boundary::borrow_optional(cache).map(|cache| &cache.inner);
            let options = load_options::or_default(options);
            Module::load(&engine.inner, cache, wasm, &options).map(hostel_module::new)
        })
    }
}

/// Compiles a guest from WebAssembly text format (WAT).
///
/// As hostel_module_load(); `text` need not end with a zero byte. HOSTEL_STATUS_INVALID_MODULE also if it does not
/// parse, HOSTEL_STATUS_UNSUPPORTED_MODULE also if it is longer than a module may be, HOSTEL_STATUS_UNSUPPORTED if this build does not read the text format.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_load_wat(
    engine: *const hostel_engine,
    cache: *const hostel_cache,
    text: *const c_char,
    text_len: usize,
    options: *const hostel_load_options,
    module_out: *mut *mut hostel_module,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce(module_out, "module_out", error_out, || {
            let engine = boundary::borrow("engine", engine)?;
            let text = boundary::bytes("text", text.cast(), text_len)?;
            let cache = boundary::borrow_optional(cache).map(|cache| &cache.inner);
            let options = load_options::or_default(options);
            Module::load_wat(&engine.inner, cache, text, &options).map(hostel_module::new)
        })
    }
}

/// Compiles a guest from a file: a binary module, or else text format.
///
/// As hostel_module_load(); HOSTEL_STATUS_INVALID_ARGUMENT also if `path` is NULL, or does not lead to a regular file that can be
/// read: pipes, devices and directories are refused at once. No more is read than a module may be long.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_load_file(
    engine: *const hostel_engine,
    cache: *const hostel_cache,
    path: *const c_char,
    options: *const hostel_load_options,
    module_out: *mut *mut hostel_module,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce(module_out, "module_out", error_out, || {
            let engine = boundary::borrow("engine", engine)?;
            let path = boundary::path("path", path)?;
            let cache = boundary::borrow_optional(cache).map(|cache| &cache.inner);
            let options = load_options::or_default(options);
            Module::load_file(&engine.inner, cache, path, &options).map(hostel_module::new)
        })
    }
}

/// Fetches a guest from a cache by its key alone; for the engine "tiered", of the best tier that is there, where it stays.
///
/// `key` is HOSTEL_KEY_BYTES bytes, from hostel_module_key() or BLAKE3 of the binary module.
/// On success `*module_out` is yours: release it with hostel_module_free(). On failure it is NULL. `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT   if `engine`, `cache`, `key` or `module_out` is NULL;
///         HOSTEL_STATUS_NOT_CACHED         if no tier has code of it for this engine;
///         HOSTEL_STATUS_UNSUPPORTED_MODULE if it is over a limit of this engine.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_load_key(
    engine: *const hostel_engine,
    cache: *const hostel_cache,
    key: *const u8,
    module_out: *mut *mut hostel_module,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce(module_out, "module_out", error_out, || {
            let engine = boundary::borrow("engine", engine)?;
            let cache = boundary::borrow("cache", cache)?;
            cache.inner.load_key(&engine.inner, module_key(key)?).map(hostel_module::new)
        })
    }
}

/// Fetches a guest from a cache by an alias, which hostel_load_options_set_alias() gave it in this process or, with a cache
/// that survives it, in another.
///
/// `alias` is HOSTEL_KEY_BYTES bytes. Where two modules had it, this is the latest that the first tier knows of;
/// hostel_module_key() tells which one it is. Whoever can write to a store of artifacts but does not have its sealing key
/// cannot make an alias lead elsewhere, but may bring back where it led earlier.
/// On success `*module_out` is yours: release it with hostel_module_free(). On failure it is NULL. `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT   if `engine`, `cache`, `alias` or `module_out` is NULL;
///         HOSTEL_STATUS_NOT_CACHED         if no tier knows the alias for this engine, or has code of its module any more;
///         HOSTEL_STATUS_UNSUPPORTED_MODULE if it is over a limit of this engine.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_load_alias(
    engine: *const hostel_engine,
    cache: *const hostel_cache,
    alias: *const u8,
    module_out: *mut *mut hostel_module,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce(module_out, "module_out", error_out, || {
            let engine = boundary::borrow("engine", engine)?;
            let cache = boundary::borrow("cache", cache)?;
            cache.inner.load_alias(&engine.inner, &alias_key(alias)?).map(hostel_module::new)
        })
    }
}

/// Writes a module's key, BLAKE3 of its bytes, to the HOSTEL_KEY_BYTES bytes at `key_out`.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `module` or `key_out` is NULL.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_key(
    module: *const hostel_module,
    key_out: *mut u8,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::fill(key_out.cast(), "key_out", [0; HOSTEL_KEY_BYTES], error_out, || {
            Ok(boundary::borrow("module", module)?.inner.info().key)
        })
    }
}

/// Where a module comes from: "compiled", "artifact", or the tier of the cache that had it: "shared", "thread_local",
/// "directory", "remote", "custom", or "pinned" when only the pin had kept it; NULL for NULL. The string lives for ever.
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_origin(module: *const hostel_module) -> *const c_char {
    // SAFETY: see above.
    let module = unsafe { boundary::borrow_optional(module) };
    module.map_or(core::ptr::null(), |module| origin(module.inner.origin()).as_ptr())
}

/// The same for C.
pub(super) fn origin(origin: &str) -> &'static CStr {
    match origin {
        "shared" => c"shared",
        "thread_local" => c"thread_local",
        "directory" => c"directory",
        "remote" => c"remote",
        "custom" => c"custom",
        "pinned" => c"pinned",
        "artifact" => c"artifact",
        _ => c"compiled",
    }
}

/// Waits until a module of the engine "tiered" is at the best tier that it will come to: for tests, and for hosts that would
/// rather wait than have some calls slower than others. Other modules are there from the beginning.
///
/// `timeout_ms` is how long it waits: 0 not at all, HOSTEL_UNLIMITED as long as it takes. `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK, also if a tier could not be made: the log says why;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `module` is NULL;
///         HOSTEL_STATUS_BUSY             if the time is over and a better tier may come, or if that tier waits for the load that
///                                        this is called inside of.
/// Thread-safe. In a forked child a module stays at the tier it was at.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_settle(
    module: *const hostel_module,
    timeout_ms: u64,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe { boundary::run(error_out, || boundary::borrow("module", module)?.inner.settle(Duration::from_millis(timeout_ms))) }
}

/// Lets go of a module; guests made from it keep what they need. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_free(module: *mut hostel_module) {
    // SAFETY: see above.
    unsafe { boundary::free(module) }
}
