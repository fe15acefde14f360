//! Modules: compiled guests, and what they import and export.

use super::boundary;
use super::boundary::callback::c_text;
use super::buffer::hostel_buffer;
use super::cache::{HOSTEL_KEY_BYTES, hostel_cache, module_key, seal_key};
use super::engine::hostel_engine;
use super::error::hostel_error;
use super::status::hostel_status;
use crate::cache::seal;
use crate::inspect::{self, ExternType, Features, json};
use crate::limits::Limits;
use crate::module::{self, Module};
use crate::{Error, Result};
use core::ffi::c_char;
use std::ffi::CString;
use std::sync::{Arc, OnceLock};

/// What an import or export is: one of the HOSTEL_EXTERN_* values.
pub type hostel_extern_kind = i32;

/// There is none at this index.
pub const HOSTEL_EXTERN_NONE: hostel_extern_kind = -1;
/// A function.
pub const HOSTEL_EXTERN_FUNCTION: hostel_extern_kind = 0;
/// A table.
pub const HOSTEL_EXTERN_TABLE: hostel_extern_kind = 1;
/// A memory.
pub const HOSTEL_EXTERN_MEMORY: hostel_extern_kind = 2;
/// A global.
pub const HOSTEL_EXTERN_GLOBAL: hostel_extern_kind = 3;
/// An exception tag.
pub const HOSTEL_EXTERN_TAG: hostel_extern_kind = 4;

/// Options for loading a module. There are none yet; pass NULL.
pub struct hostel_load_options {
    _none: core::convert::Infallible,
}

/// A compiled guest. Made by the hostel_module_load functions, released by hostel_module_free().
/// Immutable: any number of threads may use one module at the same time.
pub struct hostel_module {
    pub(super) inner: Arc<Module>,
    // Made when first asked for: a module from a cache in memory is handed out in some hundred nanoseconds.
    texts: OnceLock<Texts>,
}

struct Texts {
    imports: Vec<ExternText>,
    exports: Vec<ExternText>,
}

struct ExternText {
    module: CString,
    name: CString,
    kind: hostel_extern_kind,
    ty: CString,
}

impl ExternText {
    fn new(module: &str, name: &str, ty: &ExternType) -> Self {
        let kind = match ty {
            ExternType::Function(_) => HOSTEL_EXTERN_FUNCTION,
            ExternType::Table { .. } => HOSTEL_EXTERN_TABLE,
            ExternType::Memory { .. } => HOSTEL_EXTERN_MEMORY,
            ExternType::Global { .. } => HOSTEL_EXTERN_GLOBAL,
            ExternType::Tag(_) => HOSTEL_EXTERN_TAG,
        };
        ExternText { module: c_text(module), name: c_text(name), kind, ty: c_text(&ty.to_string()) }
    }
}

impl hostel_module {
    fn new(module: Module) -> Self {
        hostel_module { inner: Arc::new(module), texts: OnceLock::new() }
    }

    fn texts(&self) -> &Texts {
        self.texts.get_or_init(|| {
            let info = self.inner.info();
            let imports = info.imports.iter().map(|import| ExternText::new(&import.module, &import.name, &import.ty));
            let exports = info.exports.iter().map(|export| ExternText::new("", &export.name, &export.ty));
            Texts { imports: imports.collect(), exports: exports.collect() }
        })
    }
}

/// Says what a module is, without an engine: a JSON object with `kind`, `abi`, `key` (BLAKE3 of the bytes, in
/// hexadecimal), `imports`, `exports`, `memories` and `resettable` (true, or the reason why not).
///
/// `wasm` is a binary module, read during the call and not kept. On success `*json_out` is yours: release it with
/// hostel_buffer_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT   if `json_out` or a non-empty `wasm` is NULL;
///         HOSTEL_STATUS_INVALID_MODULE     if the bytes do not validate with every WebAssembly proposal on;
///         HOSTEL_STATUS_UNSUPPORTED_MODULE if it is a component, over a default limit, or shares memory between threads.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_inspect(
    wasm: *const u8,
    wasm_len: usize,
    json_out: *mut hostel_buffer,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe {
        boundary::produce_bytes(json_out, "json_out", error_out, || {
            let wasm = boundary::bytes("wasm", wasm, wasm_len)?;
            let info = inspect::inspect(wasm, Features::all(), &Limits::default())?;
            Ok(json::outline(&info).into_bytes().into())
        })
    }
}

/// Turns WebAssembly text format (WAT) into a binary module.
///
/// `text` need not end with a zero byte; it is read during the call and not kept. On success `*wasm_out` is yours:
/// release it with hostel_buffer_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `wasm_out` or a non-empty `text` is NULL;
///         HOSTEL_STATUS_INVALID_MODULE   if the text does not parse; the message shows the line;
///         HOSTEL_STATUS_UNSUPPORTED      if this build does not read the text format.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_wat_to_wasm(
    text: *const c_char,
    text_len: usize,
    wasm_out: *mut hostel_buffer,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce_bytes(wasm_out, "wasm_out", error_out, || {
            Ok(module::wat_to_wasm(boundary::bytes("text", text.cast(), text_len)?)?.into())
        })
    }
}

/// Compiles a guest from a binary module.
///
/// `wasm` is read during the call and not kept. `cache` may be NULL: then nothing is kept; a module that it has is not
/// compiled, and not validated again. `options` must be NULL for now.
/// On success `*module_out` is yours: release it with hostel_module_free(). On failure it is NULL.
/// `error_out` may be NULL; otherwise it receives NULL on success, else an error to release with hostel_error_free().
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT   if `engine`, `module_out`, or a non-empty `wasm` is NULL;
///         HOSTEL_STATUS_INVALID_MODULE     if the bytes do not validate with every WebAssembly proposal on;
///         HOSTEL_STATUS_UNSUPPORTED_MODULE if the module is over a limit, or needs what the engine lacks;
///         HOSTEL_STATUS_OUT_OF_RESOURCES   if the system has no memory for its code.
/// Thread-safe. May take seconds for a large guest, and minutes for one that was made to; calls nothing back, and nothing
/// interrupts it.
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
    // SAFETY: see above.
    unsafe {
        boundary::produce(module_out, "module_out", error_out, || {
            let engine = boundary::borrow("engine", engine)?;
            let wasm = boundary::bytes("wasm", wasm, wasm_len)?;
            let cache = boundary::borrow_optional(cache).map(|cache| &*cache.inner);
            nothing_yet(options)?;
            Module::load(&engine.inner, cache, wasm).map(hostel_module::new)
        })
    }
}

/// Compiles a guest from WebAssembly text format (WAT).
///
/// As hostel_module_load(); `text` need not end with a zero byte. HOSTEL_STATUS_INVALID_MODULE also if it does not
/// parse, HOSTEL_STATUS_UNSUPPORTED if this build does not read the text format.
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
            let cache = boundary::borrow_optional(cache).map(|cache| &*cache.inner);
            nothing_yet(options)?;
            Module::load_wat(&engine.inner, cache, text).map(hostel_module::new)
        })
    }
}

/// Compiles a guest from a file: a binary module, or else text format.
///
/// As hostel_module_load(); HOSTEL_STATUS_INVALID_ARGUMENT also if `path` is NULL or the file cannot be read.
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
            let cache = boundary::borrow_optional(cache).map(|cache| &*cache.inner);
            nothing_yet(options)?;
            Module::load_file(&engine.inner, cache, path).map(hostel_module::new)
        })
    }
}

// Nobody can have made one, so a pointer that is not NULL is a mistake worth telling.
fn nothing_yet(options: *const hostel_load_options) -> Result<()> {
    if !options.is_null() {
        return Err(Error::InvalidArgument("options: must be NULL".into()));
    }
    Ok(())
}

/// Fetches a guest from a cache by its key alone.
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
/// "directory", "remote", "custom", or "pinned" when only the pin had kept it; NULL for NULL. The string lives for ever. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_origin(module: *const hostel_module) -> *const c_char {
    // SAFETY: see above.
    let origin = unsafe { boundary::borrow_optional(module) }.map(|module| module.inner.origin());
    match origin {
        None => core::ptr::null(),
        Some("shared") => c"shared".as_ptr(),
        Some("thread_local") => c"thread_local".as_ptr(),
        Some("directory") => c"directory".as_ptr(),
        Some("remote") => c"remote".as_ptr(),
        Some("custom") => c"custom".as_ptr(),
        Some("pinned") => c"pinned".as_ptr(),
        Some("artifact") => c"artifact".as_ptr(),
        Some(_) => c"compiled".as_ptr(),
    }
}

/// Makes a sealed artifact of a module: its code as bytes, for hostel_module_deserialize() by an engine of the same kind,
/// version and machine.
///
/// `key` is the sealing key, as for hostel_cache_directory_new(). On success `*artifact_out` is yours: release it with
/// hostel_buffer_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `module` or `artifact_out` is NULL, or `key` is not of its length;
///         HOSTEL_STATUS_CACHE_IO         if there is no key.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_serialize(
    module: *const hostel_module,
    key: *const u8,
    key_len: usize,
    artifact_out: *mut hostel_buffer,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce_bytes(artifact_out, "artifact_out", error_out, || {
            let module = &boundary::borrow("module", module)?.inner;
            let key = seal_key(boundary::bytes("key", key, key_len)?)?;
            Ok(seal::seal(&module.entry(), &key, &module.engine().fingerprint().hash)?.into())
        })
    }
}

/// Loads a sealed artifact that hostel_module_serialize() made, in this process or another.
///
/// `artifact` is copied before it is checked, and nothing in it is believed before that. `key` is the sealing key it was
/// made with. On success `*module_out` is yours: release it with hostel_module_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT   if `engine`, `module_out` or a non-empty `artifact` is NULL, or `key` is not of
///                                          its length;
///         HOSTEL_STATUS_ARTIFACT_CORRUPT   if it is damaged, none of hostel's, or sealed with another key;
///         HOSTEL_STATUS_ARTIFACT_MISMATCH  if it was made by another engine, another version, or for another machine;
///         HOSTEL_STATUS_UNSUPPORTED_MODULE if the module is over a limit of this engine;
///         HOSTEL_STATUS_CACHE_IO           if there is no key.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_deserialize(
    engine: *const hostel_engine,
    artifact: *const u8,
    artifact_len: usize,
    key: *const u8,
    key_len: usize,
    module_out: *mut *mut hostel_module,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce(module_out, "module_out", error_out, || {
            let engine = &boundary::borrow("engine", engine)?.inner;
            let artifact = boundary::bytes("artifact", artifact, artifact_len)?.to_vec();
            let key = seal_key(boundary::bytes("key", key, key_len)?)?;
            let entry = seal::open(artifact, &key, &**engine, None)?;
            Module::from_entry(engine, entry, "artifact").map(hostel_module::new)
        })
    }
}

/// How many imports a module has; 0 for NULL. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_import_count(module: *const hostel_module) -> usize {
    // SAFETY: see above.
    unsafe { boundary::borrow_optional(module) }.map_or(0, |module| module.inner.info().imports.len())
}

/// The module part of an import's name; NULL when there is no such import. It lives as long as the module.
/// A zero byte in a name shows as "\0". Thread-safe, like the other functions about imports and exports.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_import_module(module: *const hostel_module, index: usize) -> *const c_char {
    // SAFETY: see above.
    unsafe { import(module, index) }.map_or(core::ptr::null(), |import| import.module.as_ptr())
}

/// An import's own name; NULL when there is no such import. It lives as long as the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_import_name(module: *const hostel_module, index: usize) -> *const c_char {
    // SAFETY: see above.
    unsafe { import(module, index) }.map_or(core::ptr::null(), |import| import.name.as_ptr())
}

/// What an import is: one of the HOSTEL_EXTERN_* values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_import_kind(module: *const hostel_module, index: usize) -> hostel_extern_kind {
    // SAFETY: see above.
    unsafe { import(module, index) }.map_or(HOSTEL_EXTERN_NONE, |import| import.kind)
}

/// An import's type for people, such as "(i32, i32) -> (i64)"; NULL when there is no such import. It lives as long as
/// the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_import_type(module: *const hostel_module, index: usize) -> *const c_char {
    // SAFETY: see above.
    unsafe { import(module, index) }.map_or(core::ptr::null(), |import| import.ty.as_ptr())
}

/// How many exports a module has; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_export_count(module: *const hostel_module) -> usize {
    // SAFETY: see above.
    unsafe { boundary::borrow_optional(module) }.map_or(0, |module| module.inner.info().exports.len())
}

/// An export's name; NULL when there is no such export. It lives as long as the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_export_name(module: *const hostel_module, index: usize) -> *const c_char {
    // SAFETY: see above.
    unsafe { export(module, index) }.map_or(core::ptr::null(), |export| export.name.as_ptr())
}

/// What an export is: one of the HOSTEL_EXTERN_* values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_export_kind(module: *const hostel_module, index: usize) -> hostel_extern_kind {
    // SAFETY: see above.
    unsafe { export(module, index) }.map_or(HOSTEL_EXTERN_NONE, |export| export.kind)
}

/// An export's type for people; NULL when there is no such export. It lives as long as the module.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_export_type(module: *const hostel_module, index: usize) -> *const c_char {
    // SAFETY: see above.
    unsafe { export(module, index) }.map_or(core::ptr::null(), |export| export.ty.as_ptr())
}

unsafe fn import<'a>(module: *const hostel_module, index: usize) -> Option<&'a ExternText> {
    // SAFETY: see above.
    unsafe { boundary::borrow_optional(module) }?.texts().imports.get(index)
}

unsafe fn export<'a>(module: *const hostel_module, index: usize) -> Option<&'a ExternText> {
    // SAFETY: see above.
    unsafe { boundary::borrow_optional(module) }?.texts().exports.get(index)
}

/// Lets go of a module; guests made from it keep what they need. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_free(module: *mut hostel_module) {
    // SAFETY: see above.
    unsafe { boundary::free(module) }
}
