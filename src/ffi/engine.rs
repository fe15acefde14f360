//! Engines: what compiles and runs guests, and what guests are allowed.

use super::boundary;
use super::boundary::callback::c_text;
use super::buffer::hostel_buffer;
use super::error::hostel_error;
use super::status::hostel_status;
use crate::Result;
use crate::engine::{self, Engine, Settings, capabilities};
use crate::limits::Limit;
use core::ffi::c_char;
use std::ffi::CString;
use std::sync::{Arc, LazyLock};

/// Something that can be limited: one of the HOSTEL_LIMIT_* values. The lowest value of each is 1.
///
/// | limit | default | highest | may be lowered for one call |
/// |---|---|---|---|
/// | MODULE_BYTES | 64 MiB | 1 GiB | no |
/// | FUNCTIONS | 100,000 | 1,000,000 | no |
/// | FUNCTION_BYTES | 8 MiB | 8 MiB | no |
/// | MEMORY_BYTES | 256 MiB | 4 GiB | yes |
/// | TABLE_ELEMENTS | 1,048,576 | 10,000,000 | no |
/// | OUTPUT_BYTES | 256 MiB | 4 GiB | yes |
/// | STACK_BYTES | 1 MiB | 64 MiB | no |
/// | DEPTH | 16 | 256 | no |
/// | START_MS | 1,000 | 3,600,000 | no |
/// | COMPILE_MS | 60,000 | 86,400,000 | no |
pub type hostel_limit = i32;

/// Size of a module, in bytes.
pub const HOSTEL_LIMIT_MODULE_BYTES: hostel_limit = 1;
/// Number of functions a module defines.
pub const HOSTEL_LIMIT_FUNCTIONS: hostel_limit = 2;
/// Size of one function's body, in bytes. The validator has ceilings of its own, which make a module INVALID_MODULE:
/// 7,654,321 bytes of a body, 50,000 locals of a function, 1,000 parameters or results, 100,000 imports or exports.
pub const HOSTEL_LIMIT_FUNCTION_BYTES: hostel_limit = 3;
/// Size of a guest's memories together, in bytes. A guest that starts above it is MEMORY_LIMIT; a growth above it
/// answers -1 to the guest, as WebAssembly has it, and a call that fails after that is MEMORY_LIMIT.
pub const HOSTEL_LIMIT_MEMORY_BYTES: hostel_limit = 4;
/// Size of a guest's tables together when it starts, and of each of them when it grows, in elements.
pub const HOSTEL_LIMIT_TABLE_ELEMENTS: hostel_limit = 5;
/// Size of a call's output, in bytes. What a guest attaches when it says no may be as large, or 1 MiB.
pub const HOSTEL_LIMIT_OUTPUT_BYTES: hostel_limit = 6;
/// Stack of a guest, in bytes. How deep a recursion that allows differs between engines. An engine that generates code
/// uses the stacks of its threads again: where another engine of the process asked for larger ones, it may give more. What
/// engines do for a guest on its stack has room of its own there: a guest of cranelift or llvm may use 32 KiB more, and has
/// an overflow when it asks them for something with less than that left.
pub const HOSTEL_LIMIT_STACK_BYTES: hostel_limit = 7;
/// How many calls may lie inside one another when host functions call guests again. Each takes stack of the thread besides, 6 KiB
/// of the library's own (10 on wasmi) and what the host's functions need: a call that begins with less than 32 KiB left is
/// STACK_OVERFLOW, too, and so is a load that compiles with less than 128 KiB. A host function has 16 KiB at least. What is left
/// is known of the stacks that threads were made with; on others, such as a coroutine's, this number alone is the bound.
pub const HOSTEL_LIMIT_DEPTH: hostel_limit = 8;
/// How long a guest's start functions (start, `_initialize`) may take, in milliseconds: then what needs the guest started is
/// DEADLINE. Fuel that calls are given is not for starting. Where rooms are not put back (wasmi and wasmtime; guests that
/// hostel_inspect() calls not resettable) each call starts the guest anew. Without hostel_engine_config_set_deadline() nothing stops a start.
pub const HOSTEL_LIMIT_START_MS: hostel_limit = 9;
/// How long a load may read text, validate and compile, in milliseconds: then it is DEADLINE, also in the middle of one large
/// function. What compiles cannot be stopped there, so it is left behind: it goes on in a thread of the library's until it
/// comes to the end of a function, and is dropped. Twice as much as there are processors, and at least eight, is compiled at
/// once or left behind; a load that finds no place waits for one, and is OUT_OF_RESOURCES when its time is over.
/// hostel_loads_join() is BUSY as long as something left behind runs, and the end of the process waits two seconds at most.
/// For "tiered" each tier has this time. Time that a load spends waiting in a queue, for caches, or for others that compile the same is not counted.
pub const HOSTEL_LIMIT_COMPILE_MS: hostel_limit = 10;

/// Settings for an engine. Made by hostel_engine_config_new(), released by hostel_engine_config_free().
/// Used by one thread at a time while it is changed.
pub struct hostel_engine_config {
    engine: String,
    pub(super) settings: Settings,
    headless: bool,
}

/// A compiler or interpreter with its settings. Made by hostel_engine_new(), released by hostel_engine_free().
/// Any number of threads may use one engine at the same time; a process usually has one.
pub struct hostel_engine {
    pub(super) inner: Arc<dyn Engine>,
    name: CString,
}

/// How many engines this build has. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn hostel_engine_count() -> usize {
    capabilities::built().count()
}

/// The name of an engine of this build, such as "cranelift"; NULL when `index` is not below hostel_engine_count().
///
/// The string lives for ever. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn hostel_engine_name_at(index: usize) -> *const c_char {
    static NAMES: LazyLock<Vec<CString>> = LazyLock::new(|| capabilities::built().map(|engine| c_text(engine.name)).collect());
    NAMES.get(index).map_or(core::ptr::null(), |name| name.as_ptr())
}

/// Describes every engine there is, built or not: a JSON array of objects with `name`, `about`, `built`, `default`,
/// `lacks` (WebAssembly proposals it does not have), `has` (what not every engine has: "machine-code", it makes code for the
/// processor; "steps", it tells how far it is while it compiles) and `notes` (what else differs).
///
/// On success `*json_out` is yours: release it with hostel_buffer_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `json_out` is NULL.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_engines_json(json_out: *mut hostel_buffer, error_out: *mut *mut hostel_error) -> hostel_status {
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe { boundary::produce_bytes(json_out, "json_out", error_out, || Ok(capabilities::json().into_bytes().into())) }
}

/// Describes one engine as hostel_engines_json() does: a JSON object. For the engine "tiered", which is none of the engines
/// listed there, `lacks` is what all of its tiers lack, and `notes` what holds for any of them.
///
/// On success `*json_out` is yours: release it with hostel_buffer_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `engine` or `json_out` is NULL.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_engine_json(
    engine: *const hostel_engine,
    json_out: *mut hostel_buffer,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce_bytes(json_out, "json_out", error_out, || {
            Ok(boundary::borrow("engine", engine)?.inner.capabilities().json().into_bytes().into())
        })
    }
}

/// The value a limit has unless it is set.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `limit` is none of the limits, or `value_out` is NULL.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_limit_default(
    limit: hostel_limit,
    value_out: *mut u64,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe { boundary::fill(value_out, "value_out", 0, error_out, || Ok(Limit::from_number(limit)?.row().default)) }
}

/// Makes settings with the default of everything.
///
/// On success `*config_out` is yours: release it with hostel_engine_config_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `config_out` is NULL.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_engine_config_new(
    config_out: *mut *mut hostel_engine_config,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    let new = || Ok(hostel_engine_config { engine: engine::DEFAULT.into(), settings: Settings::default(), headless: false });
    // SAFETY: see above.
    unsafe { boundary::produce(config_out, "config_out", error_out, new) }
}

/// Chooses the engine by name, such as "cranelift" (the default), "llvm", "wasmi" or "wasmtime"; `hostel engines` lists them.
/// "tiered" is several of them in a row: the interpreter answers at once, and compilers behind it take over between calls; such
/// an engine is always deterministic (hostel_engine_config_set_deterministic()), so that results and fuel do not tell which of
/// them ran a call.
///
/// `name` is copied. Whether this build has the engine is checked by hostel_engine_new(), so that a program may keep
/// settings for builds other than its own.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `config` or `name` is NULL, or `name` is not UTF-8.
/// Not thread-safe: `config` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_engine_config_set_engine(
    config: *mut hostel_engine_config,
    name: *const c_char,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let config = boundary::borrow_mut("config", config)?;
            config.engine = boundary::text("name", name)?.into();
            Ok(())
        })
    }
}

/// Sets a limit for all guests of the engine; the table at hostel_limit has the defaults and bounds.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `config` is NULL, `limit` is none of the limits, or `value` is out of bounds.
/// Not thread-safe: `config` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_engine_config_set_limit(
    config: *mut hostel_engine_config,
    limit: hostel_limit,
    value: u64,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let config = boundary::borrow_mut("config", config)?;
            config.settings.limits.set(Limit::from_number(limit)?, value)
        })
    }
}

/// Makes the engine headless: it loads what was compiled before, from caches and artifacts, and answers NOT_CACHED to
/// whatever it would have to compile. It shares artifacts with engines of the same kind that compile.
///
/// For hosts that should run only what another program has compiled, and never meet a compiler with a guest's bytes.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `config` is NULL.
/// Not thread-safe: `config` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_engine_config_set_headless(
    config: *mut hostel_engine_config,
    headless: bool,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            boundary::borrow_mut("config", config)?.headless = headless;
            Ok(())
        })
    }
}

/// Makes code that runs on all processors of this machine's architecture but old ones, so that a fleet of different machines
/// shares caches and artifacts: on x86-64 those with SSE4.2 and POPCNT (x86-64-v2, since about 2009), on ARM64 all. Else code uses all that this machine's processor can do, and runs
/// only where a processor can do the same: elsewhere it is compiled again, and an artifact is ARTIFACT_MISMATCH.
///
/// Results are the same. Code that computes, vectors above all, may be slower. An engine that generates no code is not affected:
/// its artifacts are for every machine anyway. So is one on a processor that can do no more than the others.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `config` is NULL.
/// Not thread-safe: `config` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_engine_config_set_portable(
    config: *mut hostel_engine_config,
    portable: bool,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            boundary::borrow_mut("config", config)?.settings.portable = portable;
            Ok(())
        })
    }
}

/// Frees settings; engines made from them are not affected. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_engine_config_free(config: *mut hostel_engine_config) {
    // SAFETY: see above.
    unsafe { boundary::free(config) }
}

/// Makes an engine. `config` is copied; NULL means the default of everything.
///
/// The first engine that generates code installs handlers for SIGSEGV, SIGILL and SIGFPE, which pass on what is not a
/// guest's to the handlers that stood before. They are for traps, and SIGSEGV also for telling what a call has written. A
/// thread that calls guests gets an alternate signal stack of 64 KiB, unless it has one as large. Nothing else of the process
/// is changed: no signal mask. (For the end of the process see hostel_module_load_begin().) A host that installs handlers later should pass on what is not its own.
///
/// On success `*engine_out` is yours: release it with hostel_engine_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT   if `engine_out` is NULL;
///         HOSTEL_STATUS_UNSUPPORTED_ENGINE if there is no engine of that name, or not in this build; or it is to make
///                                          portable code, and this processor is too old for that.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_engine_new(
    config: *const hostel_engine_config,
    engine_out: *mut *mut hostel_engine,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    let new = |config: Option<&hostel_engine_config>| -> Result<hostel_engine> {
        let name = config.map_or(engine::DEFAULT, |config| &config.engine);
        let settings = config.map_or_else(Settings::default, |config| config.settings.clone());
        let make = if config.is_some_and(|config| config.headless) { engine::new_headless } else { engine::new };
        Ok(hostel_engine { inner: make(name, settings)?, name: c_text(name) })
    };
    // SAFETY: see above.
    unsafe { boundary::produce(engine_out, "engine_out", error_out, || new(boundary::borrow_optional(config))) }
}

/// The name of an engine, such as "cranelift"; NULL for NULL. It lives as long as the engine. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_engine_name(engine: *const hostel_engine) -> *const c_char {
    // SAFETY: see above.
    unsafe { boundary::borrow_optional(engine) }.map_or(core::ptr::null(), |engine| engine.name.as_ptr())
}

/// Lets go of an engine; modules made with it keep what they need. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_engine_free(engine: *mut hostel_engine) {
    // SAFETY: see above.
    unsafe { boundary::free(engine) }
}
