//! Loads: modules that are compiled in the background.

use super::boundary;
use super::boundary::callback::{UserData, load_finished};
use super::cache::hostel_cache;
use super::engine::hostel_engine;
use super::error::hostel_error;
use super::load_options::{self, hostel_load_options};
use super::module::hostel_module;
use super::status::hostel_status;
use crate::background;
use crate::load::Load;
use core::ffi::c_void;
use std::time::Duration;

/// A module that is being loaded by a thread of the library's. Made by hostel_module_load_begin(), released by
/// hostel_load_free(). Any number of threads may ask after one load at the same time.
///
/// Half as many loads run at once as there are processors, in the order they were begun, and each compiles with its share of
/// that half: callers keep the rest. The threads have all signals blocked, start with the first load, and end when there was
/// none for ten seconds. A forked child has none of its parent's loads: what had not come to its end is CANCELLED there.
pub struct hostel_load {
    inner: Load,
}

/// Is told that a load has come to its end: `status` is what hostel_load_wait() returns from now on.
///
/// Called once, on a thread of the library's; or, for a load that had not begun, inside hostel_load_cancel(). It must not
/// unwind or longjmp, end the process, or wait for other loads, and should be quick: the thread is one of those that load. It
/// may free the load. hostel_load_wait() may return before it is called. After hostel_load_free() has returned it is not
/// running, and is not called any more: who frees a load without having been told will not be.
pub type hostel_load_finished = Option<unsafe extern "C" fn(user_data: *mut c_void, status: hostel_status)>;

/// Begins to load a guest from a binary module, and returns at once.
///
/// All is copied or kept as long as it is needed: `wasm`, `options` (which may be NULL), and what stands behind `engine` and
/// `cache` (which may be NULL). Whoever `options` name to be told how far the load is, is told so on other threads, and not any
/// more once hostel_load_free() has returned; until then both `user_data` must live. A cache that is each thread's own keeps
/// the module for a thread of the library's. `finished` may be NULL; `user_data` is passed to it, and never looked at.
/// On success `*load_out` is yours: release it with hostel_load_free(). On failure it is NULL, and nothing is called.
/// `error_out` may be NULL; otherwise it receives NULL on success, else an error to release with hostel_error_free().
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `engine`, `load_out`, or a non-empty `wasm` is NULL;
///         HOSTEL_STATUS_OUT_OF_RESOURCES if the system has no memory or no thread for it.
/// Thread-safe. The first one has a function called when the process ends in order (exit(), or a return from main): loads
/// are stopped there, and it takes as long as compilers take to come to the end of a function, two seconds at most.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_module_load_begin(
    engine: *const hostel_engine,
    cache: *const hostel_cache,
    wasm: *const u8,
    wasm_len: usize,
    options: *const hostel_load_options,
    finished: hostel_load_finished,
    user_data: *mut c_void,
    load_out: *mut *mut hostel_load,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe {
        boundary::produce(load_out, "load_out", error_out, || {
            let engine = boundary::borrow("engine", engine)?;
            let wasm = boundary::bytes("wasm", wasm, wasm_len)?;
            let cache = boundary::borrow_optional(cache).map(|cache| &cache.inner);
            let options = load_options::or_default(options);
            let finished = load_finished(finished, UserData::new(user_data, None));
            Load::begin(&engine.inner, cache, wasm, &options, finished).map(|inner| hostel_load { inner })
        })
    }
}

/// Whether a load has come to its end, one way or the other; false for NULL. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_load_is_finished(load: *const hostel_load) -> bool {
    // SAFETY: see above.
    unsafe { boundary::borrow_optional(load) }.is_some_and(|load| load.inner.is_finished())
}

/// Waits for a load and hands out its module. It may be asked again, by any number of threads: each gets a handle.
///
/// `timeout_ms` is how long it waits: 0 not at all, HOSTEL_UNLIMITED as long as it takes.
/// On success `*module_out` is yours: release it with hostel_module_free(). On failure it is NULL. `error_out` may be NULL.
///
/// Returns what hostel_module_load() returns;
///         HOSTEL_STATUS_INVALID_ARGUMENT also if `load` or `module_out` is NULL;
///         HOSTEL_STATUS_BUSY             if the time is over and the load is not: it goes on; also if the load waits for this
///                                        thread, as it does when one of its own callbacks calls this;
///         HOSTEL_STATUS_CANCELLED        also if hostel_load_cancel() has stopped it.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_load_wait(
    load: *const hostel_load,
    timeout_ms: u64,
    module_out: *mut *mut hostel_module,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce(module_out, "module_out", error_out, || {
            let load = boundary::borrow("load", load)?;
            load.inner.wait(Duration::from_millis(timeout_ms)).map(hostel_module::new)
        })
    }
}

/// Stops a load at once, but for a callback of it that is running; what compiles it may go on for a while
/// (HOSTEL_LIMIT_COMPILE_MS). What has come to its end stays as it is.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `load` is NULL.
/// Thread-safe. Does not wait for the end of a load that runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_load_cancel(load: *const hostel_load, error_out: *mut *mut hostel_error) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            boundary::borrow("load", load)?.inner.cancel();
            Ok(())
        })
    }
}

/// Lets go of a load; one that is not finished is cancelled. Modules that it has handed out are not affected. NULL is fine.
/// Waits for a callback of the load that is running, unless it is called from there, and for nothing else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_load_free(load: *mut hostel_load) {
    // SAFETY: see above.
    unsafe { boundary::free(load) }
}

/// Ends the threads that the library has for loads, and waits for their end; the next load starts others. For hosts that want
/// no thread of somebody else's while they end, fork, or count. Without any it does nothing. What stays are threads that
/// compile small modules (named "hostel-compile", as many as there are processors, from the first load that is not in the background
/// on an engine that makes machine code), and one for files of WASI ("hostel-wasi"); all of them have all signals blocked.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_BUSY if there is something to load, or what a load has left behind, because its time was over or it was
///                            cancelled, still compiles.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_loads_join(error_out: *mut *mut hostel_error) -> hostel_status {
    // SAFETY: see above.
    unsafe { boundary::run(error_out, background::join) }
}
