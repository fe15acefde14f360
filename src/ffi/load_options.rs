//! Load options: what a host may say about loading a module.

use super::boundary;
use super::boundary::callback::{UserData, load_progress};
use super::cache::alias_key;
use super::error::hostel_error;
use super::status::{HOSTEL_UNLIMITED, hostel_status};
use crate::Result;
use crate::module::LoadOptions;
use core::ffi::{c_char, c_void};
use std::borrow::Cow;
use std::time::Duration;

/// Options of loads. Made by hostel_load_options_new(), released by hostel_load_options_free().
/// Used by one thread at a time while they are changed; any number of loads may use them at the same time.
pub struct hostel_load_options {
    inner: LoadOptions,
}

/// Is told how far a load is that compiles. `phase` is "validate", "prepare" (where limits are compiled in), "compile", or
/// "ready" when all is done; in each, `done`
/// of `total` steps are made, and `total` is 0 while that is not known. What a step is depends on the engine: one that
/// translates a module in one go tells no steps. A load that waits tells "wait" first, again and again, some fifty times a second:
/// it has waited for `done` of the `total` milliseconds that hostel_load_options_set_patience() allows, 0 if there is no such
/// bound. A compile that has told nothing for a second tells the same again. The string lives for ever.
///
/// Returns HOSTEL_STATUS_OK to go on; anything else stops the load, which is then CANCELLED at once: what compiles is left behind if
/// it cannot be stopped where it is (see HOSTEL_LIMIT_COMPILE_MS).
/// Called during the load only, on whatever threads compile, for one load never by two at once, and `done` never gets less. It
/// must not unwind or longjmp, and should be quick, for the compile waits. It may load modules; one that is the
/// same through the same cache is BUSY there.
pub type hostel_load_progress =
    Option<unsafe extern "C" fn(user_data: *mut c_void, phase: *const c_char, done: u64, total: u64) -> hostel_status>;

/// The options, or the defaults when there are none.
///
/// # Safety
/// `options` is null or a live handle.
pub(super) unsafe fn or_default<'a>(options: *const hostel_load_options) -> Cow<'a, LoadOptions> {
    // SAFETY: the caller's promise.
    match unsafe { boundary::borrow_optional(options) } {
        Some(options) => Cow::Borrowed(&options.inner),
        None => Cow::Owned(LoadOptions::default()),
    }
}

/// Makes options with the default of everything: no alias, and nobody is told.
///
/// On success `*options_out` is yours: release it with hostel_load_options_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `options_out` is NULL.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_load_options_new(
    options_out: *mut *mut hostel_load_options,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    let new = || Ok(hostel_load_options { inner: LoadOptions::default() });
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe { boundary::produce(options_out, "options_out", error_out, new) }
}

/// Gives the module a name of the host's own, by which hostel_module_load_alias() will find it in the cache it is loaded
/// through: for hosts that know a module by the hash of something larger that it is part of.
///
/// `alias` is HOSTEL_KEY_BYTES bytes, copied. An alias leads to the module's own key, so a load with the module's bytes is
/// never answered with another module. When an alias is given to another module, the latest wins, and the log is told. Who
/// may give an alias is for the host to say: do not let one tenant give those of another. Without a cache it has no effect.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `options` or `alias` is NULL.
/// Not thread-safe: `options` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_load_options_set_alias(
    options: *mut hostel_load_options,
    alias: *const u8,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let options = boundary::borrow_mut("options", options)?;
            options.inner.alias = Some(alias_key(alias)?);
            Ok(())
        })
    }
}

/// Sets who is told how far a load is that compiles; NULL for nobody.
///
/// `user_data` is passed to `callback`; it must live as long as loads use these options. A load that finds the module in a
/// cache tells nothing.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `options` is NULL.
/// Not thread-safe: `options` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_load_options_set_progress(
    options: *mut hostel_load_options,
    callback: hostel_load_progress,
    user_data: *mut c_void,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || -> Result<()> {
            let options = boundary::borrow_mut("options", options)?;
            options.inner.progress = load_progress(callback, UserData::new(user_data, None));
            Ok(())
        })
    }
}

/// Sets how long a load waits for others, all in all: for another thread that loads the same module through the same cache,
/// for another process that does so through the same directory, and, in the background, for loads that were begun before.
/// Time in which it does something itself does not count.
///
/// `milliseconds` may be 0: then a load that would have to wait ends as BUSY at once. HOSTEL_UNLIMITED, the default, is as
/// long as it takes: whoever is waited for is alive. A load that waits can be stopped by the progress callback, by
/// hostel_load_cancel() and, inside a host function, by the deadline and the tokens of the call; and it tells the log, as a
/// warning, after a second, and then whenever it has waited twice as long.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `options` is NULL.
/// Not thread-safe: `options` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_load_options_set_patience(
    options: *mut hostel_load_options,
    milliseconds: u64,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let options = boundary::borrow_mut("options", options)?;
            options.inner.patience = (milliseconds != HOSTEL_UNLIMITED).then(|| Duration::from_millis(milliseconds));
            Ok(())
        })
    }
}

/// Frees options. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_load_options_free(options: *mut hostel_load_options) {
    // SAFETY: see above.
    unsafe { boundary::free(options) }
}
