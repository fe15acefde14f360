//! Caches: where compiled code lives, so that it is compiled once.

use super::boundary;
use super::boundary::callback::{CustomCache, UserData};
use super::buffer::hostel_buffer;
use super::engine::hostel_engine;
use super::error::hostel_error;
use super::status::{hostel_finalizer, hostel_status};
use crate::cache::{Cache, Directory, Fallback, SealKey, Sealed, Shared, Stats, TIERS_MAX, ThreadLocal, Tier};
use crate::{Error, Result};
use core::ffi::{c_char, c_void};
use std::sync::Arc;

/// Bytes of a module key and of a sealing key.
pub const HOSTEL_KEY_BYTES: usize = 32;

/// Use a directory although others may write to it, or it is another user's, and share what is made in it with whoever may use the
/// directory. Artifacts are sealed all the same.
pub const HOSTEL_CACHE_TRUST_DIRECTORY: u32 = 1;

/// How many caches a chain may have.
pub const HOSTEL_CACHE_CHAIN_MAX: usize = 32;
const _: () = assert!(HOSTEL_CACHE_CHAIN_MAX == TIERS_MAX);

/// A cache of compiled code: one tier, or several chained with hostel_cache_fallback_new(). Made by the
/// hostel_cache_..._new functions, released by hostel_cache_free(). Any number of threads may use one at the same time.
///
/// A cache never makes a load fail: what it cannot read, or does not believe, it compiles again, and tells the log.
pub struct hostel_cache {
    pub(super) inner: Arc<Cache>,
}

impl hostel_cache {
    fn new(tier: impl Tier + 'static) -> Self {
        Self::over(Arc::new(tier))
    }

    pub(super) fn over(tier: Arc<dyn Tier>) -> Self {
        hostel_cache { inner: Arc::new(Cache::new(tier)) }
    }
}

/// Loads bytes kept under a key: returns HOSTEL_STATUS_OK with `*data_out` and `*len_out` set to bytes that stay as they
/// are until the `release` callback is called with them, HOSTEL_STATUS_NOT_CACHED if there are none, anything else if it
/// failed. May be called from several threads at once; must not unwind or longjmp; likewise for the callbacks below.
pub type hostel_cache_load = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        key: *const c_char,
        data_out: *mut *const u8,
        len_out: *mut usize,
    ) -> hostel_status,
>;
/// Lets go of bytes that the `load` callback handed out.
pub type hostel_cache_release = Option<unsafe extern "C" fn(user_data: *mut c_void, data: *const u8, len: usize)>;
/// Keeps bytes under a key, which are valid during the call only.
pub type hostel_cache_save =
    Option<unsafe extern "C" fn(user_data: *mut c_void, key: *const c_char, data: *const u8, len: usize) -> hostel_status>;
/// Says whether there are bytes under a key: HOSTEL_STATUS_OK or HOSTEL_STATUS_NOT_CACHED.
pub type hostel_cache_contains = Option<unsafe extern "C" fn(user_data: *mut c_void, key: *const c_char) -> hostel_status>;
/// Forgets the bytes under a key.
pub type hostel_cache_remove = Option<unsafe extern "C" fn(user_data: *mut c_void, key: *const c_char) -> hostel_status>;

/// A store of the host's own. Keys are text: 128 hexadecimal digits, the engine's fingerprint and the module's key. A module
/// that is given an alias takes a second, small entry, under a key made of the alias.
///
/// Callbacks may use caches in turn, also this one, but not for what they are being asked for: a load of the same module, or one
/// that waits for such a load, is HOSTEL_STATUS_BUSY there; so is one where callbacks of caches lie inside one another 16 deep.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hostel_cache_callbacks {
    /// sizeof(hostel_cache_callbacks).
    pub struct_size: usize,
    /// Required.
    pub load: hostel_cache_load,
    /// Required.
    pub release: hostel_cache_release,
    /// Required.
    pub save: hostel_cache_save,
    /// May be NULL: then an entry is looked for by loading it.
    pub contains: hostel_cache_contains,
    /// May be NULL: then nothing is removed.
    pub remove: hostel_cache_remove,
}

/// What a cache has counted, all tiers together, since it was made.
#[repr(C)]
pub struct hostel_cache_statistics {
    /// sizeof(hostel_cache_statistics), set by the caller.
    pub struct_size: usize,
    /// Loads that a tier could serve.
    pub hits: u64,
    /// Times that a tier was asked and had nothing.
    pub misses: u64,
    /// Modules that were compiled because no tier had them.
    pub compiles: u64,
    /// Entries in the tiers now.
    pub entries: u64,
    /// Bytes in the tiers now.
    pub bytes: u64,
    /// Entries that made room for others.
    pub evictions: u64,
    /// Entries that were damaged, foreign, or not sealed with the right key, and were not used.
    pub rejected: u64,
}

/// Makes a cache in memory, shared by all threads, of at most about `bytes_max` bytes of code; what was not used for long
/// goes first. A hit takes no lock of the whole.
///
/// On success `*cache_out` is yours: release it with hostel_cache_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `cache_out` is NULL or `bytes_max` is 0.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cache_shared_new(
    bytes_max: u64,
    cache_out: *mut *mut hostel_cache,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    let new = || Ok(hostel_cache::new(Shared::new(positive(bytes_max)?)));
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe { boundary::produce(cache_out, "cache_out", error_out, new) }
}

/// Makes a cache in memory in which each thread has its own part of at most about `bytes_max` bytes: a hit takes no lock.
/// It pays in front of a shared one, for threads that use few modules often. Removing a module makes the other threads forget
/// all they have. After hostel_cache_free() a thread keeps its part until it uses another such cache, or ends.
///
/// Returns what hostel_cache_shared_new() returns. Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cache_thread_local_new(
    bytes_max: u64,
    cache_out: *mut *mut hostel_cache,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    let new = || Ok(hostel_cache::new(ThreadLocal::new(positive(bytes_max)?)));
    // SAFETY: see above.
    unsafe { boundary::produce(cache_out, "cache_out", error_out, new) }
}

/// Makes a cache of files in a directory, which survives restarts and may be used by many processes at once: of those
/// that want the same module, one compiles and the others wait, however long that takes; see
/// hostel_load_options_set_patience(). A process that has died is not waited for, nor one that has done nothing for ten seconds,
/// because it was stopped, say: then one of those who wait compiles.
///
/// `path` is made if it is not there. It must be the user's own and closed to writing by others, unless `flags` has
/// HOSTEL_CACHE_TRUST_DIRECTORY: then files and folders in it get the directory's group, and of its mode what is for group and
/// others, whatever the umask is, so that a directory of mode 02770 is shared by its group. Users who share need to give the
/// same key. About `bytes_max` bytes are kept; what was not used for long goes first, and so it does where the file system is
/// full. Links in the directory are not followed, and what this user cannot read in it is left out, which the log is told.
/// `key` is the secret that files are sealed with, HOSTEL_KEY_BYTES bytes, copied; NULL with a length of 0 stands for this
/// user's own, kept in `$XDG_CONFIG_HOME/hostel/seal-key` (or `$HOME/.config`) with mode 0600 and made when first needed, once
/// by however many processes and threads. A file of another size, mode or owner in its place is refused, and so is what is no
/// file.
/// The seal stops whoever can write the files and does not have the key; it does not stop the user's own programs.
/// All who share a directory need the same key: with another one they would rebuild each other's entries for ever.
///
/// On success `*cache_out` is yours: release it with hostel_cache_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `path` or `cache_out` is NULL, `bytes_max` is 0, or `key` is not of its length;
///         HOSTEL_STATUS_CACHE_IO         if the directory cannot be made or is not to be trusted, or there is no key, or what is in its
///                                        place is none.
/// Thread-safe. While a module is compiled for it, a thread of the library's says once a second that it still is.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cache_directory_new(
    path: *const c_char,
    key: *const u8,
    key_len: usize,
    bytes_max: u64,
    flags: u32,
    cache_out: *mut *mut hostel_cache,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce(cache_out, "cache_out", error_out, || {
            let path = boundary::path("path", path)?;
            let key = boundary::bytes("key", key, key_len)?;
            let trusted = trust(flags)?;
            let store = Directory::open(path, positive(bytes_max)?, trusted)?;
            Ok(hostel_cache::new(Sealed::new(store, seal_key(key)?)))
        })
    }
}

/// Makes a cache over a store of the host's own: a database, an object store, a file format.
///
/// `callbacks` is copied; `user_data` is passed to each of them, and to `finalizer`, which may be NULL, when the cache is
/// not needed any more. The store need not be trusted: what it hands out is sealed with `key`, and checked on a copy.
/// `key` is as for hostel_cache_directory_new(). When this fails, `user_data` stays yours.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `callbacks`, a required callback or `cache_out` is NULL, `struct_size` is not
///                                        that of this header, or `key` is not of its length;
///         HOSTEL_STATUS_CACHE_IO         if there is no key.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cache_custom_new(
    callbacks: *const hostel_cache_callbacks,
    user_data: *mut c_void,
    finalizer: hostel_finalizer,
    key: *const u8,
    key_len: usize,
    cache_out: *mut *mut hostel_cache,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce(cache_out, "cache_out", error_out, || {
            let callbacks = *boundary::borrow("callbacks", callbacks)?;
            let key = seal_key(boundary::bytes("key", key, key_len)?)?;
            let data = UserData::new(user_data, finalizer);
            let store = CustomCache::new(callbacks, data.clone())?;
            data.take_over();
            Ok(hostel_cache::new(Sealed::new(store, key)))
        })
    }
}

/// Chains two caches: what the first does not have, the second is asked for; a hit there is kept in the first, and what is
/// compiled is kept in both. Either may itself be a chain: the new one has all caches of both, up to HOSTEL_CACHE_CHAIN_MAX, each
/// counted as often as it stands there. So no chain is deeper than that.
///
/// Both stay yours and may be freed; the chain keeps what it needs. On success `*cache_out` is yours: release it with
/// hostel_cache_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `first`, `second` or `cache_out` is NULL, or the chain would have too many caches.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cache_fallback_new(
    first: *const hostel_cache,
    second: *const hostel_cache,
    cache_out: *mut *mut hostel_cache,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce(cache_out, "cache_out", error_out, || {
            let first = boundary::borrow("first", first)?.inner.tier().clone();
            let second = boundary::borrow("second", second)?.inner.tier().clone();
            Fallback::new(first, second).map(hostel_cache::new)
        })
    }
}

/// Says what a cache has counted, all tiers together.
///
/// `stats_out->struct_size` must be set to sizeof(hostel_cache_statistics) before the call; the rest is written.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `cache` or `stats_out` is NULL, or `struct_size` is not that of this header.
/// Thread-safe. For a directory it reads the directory.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cache_stats(
    cache: *const hostel_cache,
    stats_out: *mut hostel_cache_statistics,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let cache = &boundary::borrow("cache", cache)?.inner;
            let out = boundary::borrow_mut("stats_out", stats_out)?;
            check_size(out.struct_size, size_of::<hostel_cache_statistics>(), "stats_out")?;
            let tiers = cache.tier().stats();
            let sum = |of: fn(&Stats) -> u64| tiers.iter().map(|(_, stats)| of(stats)).sum();
            *out = hostel_cache_statistics {
                struct_size: out.struct_size,
                hits: sum(|stats| stats.hits),
                misses: sum(|stats| stats.misses),
                compiles: cache.compiles(),
                entries: sum(|stats| stats.entries),
                bytes: sum(|stats| stats.bytes),
                evictions: sum(|stats| stats.evictions),
                rejected: sum(|stats| stats.rejected),
            };
            Ok(())
        })
    }
}

/// Says what each tier of a cache has counted: a JSON object with `compiles` and `tiers`, an array, first tier first.
///
/// On success `*json_out` is yours: release it with hostel_buffer_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `cache` or `json_out` is NULL.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cache_stats_json(
    cache: *const hostel_cache,
    json_out: *mut hostel_buffer,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce_bytes(json_out, "json_out", error_out, || {
            Ok(boundary::borrow("cache", cache)?.inner.stats_json().into_bytes().into())
        })
    }
}

/// Whether a cache seems to have code of a module for an engine. `key` is HOSTEL_KEY_BYTES bytes, from hostel_module_key().
/// False for NULL. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cache_contains_module(
    cache: *const hostel_cache,
    engine: *const hostel_engine,
    key: *const u8,
) -> bool {
    // SAFETY: see above.
    let contains = || unsafe {
        let cache = &boundary::borrow("cache", cache)?.inner;
        Ok::<_, Error>(cache.contains(&boundary::borrow("engine", engine)?.inner, module_key(key)?))
    };
    contains().unwrap_or(false)
}

/// Forgets a module's code for an engine, in every tier (of the cache, and of the engine "tiered"). Modules that are in use are not affected.
///
/// Returns HOSTEL_STATUS_OK, also if there was none;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `cache`, `engine` or `key` is NULL.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cache_remove_module(
    cache: *const hostel_cache,
    engine: *const hostel_engine,
    key: *const u8,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let cache = &boundary::borrow("cache", cache)?.inner;
            cache.remove(&boundary::borrow("engine", engine)?.inner, module_key(key)?);
            Ok(())
        })
    }
}

/// Keeps a module's live code in memory whatever is evicted, until it is unpinned or the cache is freed.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `cache`, `engine` or `key` is NULL;
///         HOSTEL_STATUS_NOT_CACHED       if no tier has it.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cache_pin(
    cache: *const hostel_cache,
    engine: *const hostel_engine,
    key: *const u8,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let cache = &boundary::borrow("cache", cache)?.inner;
            cache.pin(&boundary::borrow("engine", engine)?.inner, module_key(key)?)
        })
    }
}

/// Lets pinned code be evicted again.
///
/// Returns HOSTEL_STATUS_OK, also if it was not pinned;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `cache`, `engine` or `key` is NULL.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cache_unpin(
    cache: *const hostel_cache,
    engine: *const hostel_engine,
    key: *const u8,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let cache = &boundary::borrow("cache", cache)?.inner;
            cache.unpin(&boundary::borrow("engine", engine)?.inner, module_key(key)?);
            Ok(())
        })
    }
}

/// Lets go of a cache; modules from it, and chains with it, keep what they need. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cache_free(cache: *mut hostel_cache) {
    // SAFETY: see above.
    unsafe { boundary::free(cache) }
}

/// # Safety
/// `key` is null or points to HOSTEL_KEY_BYTES bytes.
pub(super) unsafe fn module_key(key: *const u8) -> Result<[u8; HOSTEL_KEY_BYTES]> {
    // SAFETY: the caller's promise.
    unsafe { boundary::borrow("key", key.cast::<[u8; HOSTEL_KEY_BYTES]>()) }.copied()
}

/// # Safety
/// `alias` is null or points to HOSTEL_KEY_BYTES bytes.
pub(super) unsafe fn alias_key(alias: *const u8) -> Result<[u8; HOSTEL_KEY_BYTES]> {
    // SAFETY: the caller's promise.
    unsafe { boundary::borrow("alias", alias.cast::<[u8; HOSTEL_KEY_BYTES]>()) }.copied()
}

/// The key that the host brings, or the user's own.
pub(super) fn seal_key(key: &[u8]) -> Result<SealKey> {
    match <[u8; HOSTEL_KEY_BYTES]>::try_from(key) {
        Ok(key) => Ok(SealKey::new(key)),
        Err(_) if key.is_empty() => SealKey::of_user(),
        Err(_) => Err(Error::InvalidArgument(format!("key: {} bytes, not {HOSTEL_KEY_BYTES}", key.len()))),
    }
}

pub(super) fn check_size(given: usize, ours: usize, name: &str) -> Result<()> {
    let unknown = || Error::InvalidArgument(format!("{name}: struct_size is {given}, not {ours}"));
    (given == ours).then_some(()).ok_or_else(unknown)
}

fn positive(bytes_max: u64) -> Result<u64> {
    if bytes_max == 0 { Err(Error::InvalidArgument("bytes_max: must not be 0".into())) } else { Ok(bytes_max) }
}

pub(super) fn trust(flags: u32) -> Result<bool> {
    let unknown = flags & !HOSTEL_CACHE_TRUST_DIRECTORY;
    if unknown != 0 {
        return Err(Error::InvalidArgument(format!("flags: {unknown:#x} is none of the HOSTEL_CACHE_* flags")));
    }
    Ok(flags & HOSTEL_CACHE_TRUST_DIRECTORY != 0)
}
