//! Artifacts: a module's code as bytes that outlive the process.

use super::boundary;
use super::buffer::hostel_buffer;
use super::cache::seal_key;
use super::engine::hostel_engine;
use super::error::hostel_error;
use super::module::hostel_module;
use super::status::hostel_status;
use crate::cache::seal::Trust;
use crate::module::Module;
use core::ffi::c_char;

/// Makes a sealed artifact of a module: its code as bytes, for hostel_module_deserialize() by an engine of the same kind,
/// version and machine. Of a module of the engine "tiered" it is the best tier's that is there now.
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
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe {
        boundary::produce_bytes(artifact_out, "artifact_out", error_out, || {
            let module = &boundary::borrow("module", module)?.inner;
            let key = seal_key(boundary::bytes("key", key, key_len)?)?;
            Ok(module.serialize(Trust::Sealed(&key))?.into())
        })
    }
}

/// Loads a sealed artifact that hostel_module_serialize() made, in this process or another. The engine "tiered" takes those
/// of any of its tiers; the module stays there.
///
/// `artifact` is copied before it is checked, and nothing in it is believed before that. `key` is the sealing key it was
/// made with. On success `*module_out` is yours: release it with hostel_module_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT   if `engine`, `module_out` or a non-empty `artifact` is NULL, or `key` is not of
///                                          its length;
///         HOSTEL_STATUS_ARTIFACT_CORRUPT   if it is damaged, none of hostel's, not sealed, or sealed with another
///                                          key;
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
            let artifact = boundary::bytes("artifact", artifact, artifact_len)?;
            let key = seal_key(boundary::bytes("key", key, key_len)?)?;
            Module::deserialize(engine, artifact, Trust::Sealed(&key)).map(hostel_module::new)
        })
    }
}

/// Makes an artifact of a module without a seal, for hostel_module_deserialize_vouched(): for hosts that prove in a way of
/// their own where bytes come from, such as a signed package or a file system that is only read.
///
/// On success `*artifact_out` is yours: release it with hostel_buffer_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `module` or `artifact_out` is NULL.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_serialize_vouched(
    module: *const hostel_module,
    artifact_out: *mut hostel_buffer,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce_bytes(artifact_out, "artifact_out", error_out, || {
            Ok(boundary::borrow("module", module)?.inner.serialize(Trust::Vouched)?.into())
        })
    }
}

/// Loads an artifact of hostel_module_serialize_vouched() on the host's word alone.
///
/// THE BYTES ARE MACHINE CODE THAT RUNS IN YOUR PROCESS, with all its rights and outside of every sandbox. Whoever can choose
/// them can do whatever your program can. Nothing here proves where they come from: call this only with bytes that you have
/// proved yourself to be what hostel_module_serialize_vouched() gave you. When in doubt, use hostel_module_deserialize().
///
/// `artifact` is copied. That it is whole, of this format and for this engine is checked, against accidents only; a sealed
/// artifact is not taken. On success `*module_out` is yours: release it with hostel_module_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT   if `engine`, `module_out` or a non-empty `artifact` is NULL;
///         HOSTEL_STATUS_ARTIFACT_CORRUPT   if it is damaged, sealed, or none of hostel's;
///         HOSTEL_STATUS_ARTIFACT_MISMATCH  if it was made by another engine, another version, or for another machine;
///         HOSTEL_STATUS_UNSUPPORTED_MODULE if the module is over a limit of this engine.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_deserialize_vouched(
    engine: *const hostel_engine,
    artifact: *const u8,
    artifact_len: usize,
    module_out: *mut *mut hostel_module,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce(module_out, "module_out", error_out, || {
            let engine = &boundary::borrow("engine", engine)?.inner;
            let artifact = boundary::bytes("artifact", artifact, artifact_len)?;
            Module::deserialize(engine, artifact, Trust::Vouched).map(hostel_module::new)
        })
    }
}

/// The same from a file, which is mapped instead of copied: the fastest load there is, because only what runs is read.
///
/// THE FILE IS MACHINE CODE THAT RUNS IN YOUR PROCESS, as above, as long as the module or a guest made from it lives: nobody may
/// change it in all that time. Replace it by renaming another over it. A file that is cut off ends the process that runs it
/// (SIGBUS); one on a file system that does not let files run is read instead. That it ends as an artifact of this format for
/// this engine does is checked, and no more: unlike hostel_module_deserialize_vouched(), not that every byte is what it was.
///
/// `path` is a NUL-terminated path. On success `*module_out` is yours: release it with hostel_module_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT   if `engine`, `path` or `module_out` is NULL, or does not lead to a regular
///                                          file that can be read;
///         HOSTEL_STATUS_ARTIFACT_CORRUPT   if it is cut off, sealed, or none of hostel's;
///         HOSTEL_STATUS_ARTIFACT_MISMATCH  if it was made by another engine, another version, or for another machine;
///         HOSTEL_STATUS_UNSUPPORTED_MODULE if the module is over a limit of this engine.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_deserialize_vouched_file(
    engine: *const hostel_engine,
    path: *const c_char,
    module_out: *mut *mut hostel_module,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce(module_out, "module_out", error_out, || {
            let engine = &boundary::borrow("engine", engine)?.inner;
            Module::deserialize_vouched_file(engine, boundary::path("path", path)?).map(hostel_module::new)
        })
    }
}
