//! Directories of compiled code, as operators see them: what they hold, what is damaged, what can go.

use super::boundary;
use super::boundary::callback::c_text;
use super::buffer::hostel_buffer;
use super::cache::{check_size, seal_key, trust};
use super::error::hostel_error;
use super::status::hostel_status;
use crate::cache::report::{self, Line};
use crate::cache::{Directory, Examiner, State};
use crate::{Error, Result};
use core::ffi::{CStr, c_char};
use std::ffi::CString;

/// How an entry of a directory is.
pub type hostel_cache_entry_state = i32;

/// Nobody looked: hostel_cache_directory_list() reads names and sizes only.
pub const HOSTEL_CACHE_ENTRY_UNCHECKED: hostel_cache_entry_state = 0;
/// Whole, sealed with the key, in its right place.
pub const HOSTEL_CACHE_ENTRY_OK: hostel_cache_entry_state = 1;
/// Of no use to anybody: cut off, changed, in the place of another one, or no file.
pub const HOSTEL_CACHE_ENTRY_DAMAGED: hostel_cache_entry_state = 2;
/// Not for this build and this key, but perhaps for others: made by another engine, version or machine, sealed with
/// another key, or closed to this user.
pub const HOSTEL_CACHE_ENTRY_FOREIGN: hostel_cache_entry_state = 3;

/// An entry of a directory: a module's code, or an alias, which is a small record that leads to a module. The strings live as
/// long as the listing.
#[repr(C)]
pub struct hostel_cache_entry {
    /// sizeof(hostel_cache_entry), set by the caller.
    pub struct_size: usize,
    /// The module's key in 64 hexadecimal digits; of an alias what it is kept under, which is made of it.
    pub module_key: *const c_char,
    /// The fingerprint of the engine it was compiled by, in 64 hexadecimal digits.
    pub fingerprint: *const c_char,
    /// The engine of this build with that fingerprint, made without further settings; NULL if none has it.
    pub engine: *const c_char,
    /// The file's path in the directory.
    pub file: *const c_char,
    /// Its size.
    pub bytes: u64,
    /// When it was last used, in seconds since 1970.
    pub used: u64,
    /// How it is.
    pub state: hostel_cache_entry_state,
    /// Whether it is an alias.
    pub is_alias: bool,
    /// Why it is damaged or foreign; empty otherwise.
    pub reason: *const c_char,
}

/// What a directory held when it was looked at. Made by hostel_cache_directory_list() and hostel_cache_directory_verify(),
/// released by hostel_cache_listing_free(). Immutable: any number of threads may use one at the same time.
pub struct hostel_cache_listing {
    lines: Vec<Line>,
    strings: Vec<Strings>,
}

struct Strings {
    module_key: CString,
    fingerprint: CString,
    engine: Option<CString>,
    file: CString,
    reason: CString,
}

impl hostel_cache_listing {
    fn new(lines: Vec<Line>) -> Self {
        let strings = |line: &Line| Strings {
            module_key: c_text(&line.module_key),
            fingerprint: c_text(&line.fingerprint),
            engine: line.engine.map(c_text),
            file: c_text(&line.file),
            reason: c_text(line.state.as_ref().and_then(State::reason).unwrap_or_default()),
        };
        hostel_cache_listing { strings: lines.iter().map(strings).collect(), lines }
    }

    fn entry(&self, index: usize) -> Result<hostel_cache_entry> {
        let out_of_range = || Error::InvalidArgument(format!("index: {index} is not below {}", self.lines.len()));
        let (line, strings) = self.lines.iter().zip(&self.strings).nth(index).ok_or_else(out_of_range)?;
        Ok(hostel_cache_entry {
            struct_size: size_of::<hostel_cache_entry>(),
            module_key: strings.module_key.as_ptr(),
            fingerprint: strings.fingerprint.as_ptr(),
            engine: strings.engine.as_deref().map_or(core::ptr::null(), CStr::as_ptr),
            file: strings.file.as_ptr(),
            bytes: line.bytes,
            used: line.used,
            state: match line.state {
                None => HOSTEL_CACHE_ENTRY_UNCHECKED,
                Some(State::Sound) => HOSTEL_CACHE_ENTRY_OK,
                Some(State::Damaged(_)) => HOSTEL_CACHE_ENTRY_DAMAGED,
                Some(State::Foreign(_)) => HOSTEL_CACHE_ENTRY_FOREIGN,
            },
            is_alias: line.is_alias,
            reason: strings.reason.as_ptr(),
        })
    }
}

/// What hostel_cache_directory_prune() has removed.
#[repr(C)]
pub struct hostel_cache_pruned {
    /// sizeof(hostel_cache_pruned), set by the caller.
    pub struct_size: usize,
    /// Locks and half-written files of processes that were killed.
    pub leftovers: u64,
    /// Entries that were damaged.
    pub damaged: u64,
    /// Entries that made room, those first that were not used for longest.
    pub evicted: u64,
    /// How many bytes all of these had.
    pub bytes: u64,
}

/// Lists what a directory of hostel_cache_directory_new() holds, the entry that was not used for longest first, by names
/// and sizes: nothing in it is opened. What has another name than a cache gives is left out, and so are folders that this user
/// cannot read, and links, which the log is told.
///
/// `path` must be there. `flags` is as for hostel_cache_directory_new(). On success `*listing_out` is yours: release it
/// with hostel_cache_listing_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `path` or `listing_out` is NULL, or `flags` has an unknown one;
///         HOSTEL_STATUS_CACHE_IO         if the directory is not there, cannot be read, or is not to be trusted.
/// Thread-safe. Makes an engine of each kind, for their fingerprints: see hostel_engine_new(). The directory may be in use.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cache_directory_list(
    path: *const c_char,
    flags: u32,
    listing_out: *mut *mut hostel_cache_listing,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe {
        boundary::produce(listing_out, "listing_out", error_out, || {
            let directory = Directory::existing(boundary::path("path", path)?, u64::MAX, trust(flags)?)?;
            report::report(&directory, None).map(hostel_cache_listing::new)
        })
    }
}

/// Lists what a directory holds, and says how each entry is. Every file of this build's engines is read to its end, but
/// none is loaded, changed or removed.
///
/// `key` is the sealing key, and the other arguments are as for hostel_cache_directory_list().
///
/// Returns what that returns, and
///         HOSTEL_STATUS_INVALID_ARGUMENT if `key` is not of its length;
///         HOSTEL_STATUS_CACHE_IO         if there is no key.
/// Damaged entries are no failure. Thread-safe; the directory may be in use. Takes as long as reading the files does.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cache_directory_verify(
    path: *const c_char,
    key: *const u8,
    key_len: usize,
    flags: u32,
    listing_out: *mut *mut hostel_cache_listing,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce(listing_out, "listing_out", error_out, || {
            let path = boundary::path("path", path)?;
            let key = boundary::bytes("key", key, key_len)?;
            let directory = Directory::existing(path, u64::MAX, trust(flags)?)?;
            let examiner = Examiner::new(seal_key(key)?)?;
            report::report(&directory, Some(&examiner)).map(hostel_cache_listing::new)
        })
    }
}

/// Makes room in a directory: removes what killed processes have left behind and nobody holds, then entries that are
/// damaged, and then, while there are more than `bytes_max` bytes, the entry that was not used for longest.
///
/// `bytes_max` of UINT64_MAX keeps every sound entry. Foreign entries go only for their age; one that was last used at a time to
/// come goes first. Folders that this user cannot read, and links, are left out, which the log is told. Modules that are in use
/// are not affected. `key` is the sealing key; `path` and `flags` are as for hostel_cache_directory_list().
/// `pruned_out->struct_size` must be set to sizeof(hostel_cache_pruned) before the call; the rest is written on success, and also
/// where all but something that could not be removed is gone.
/// `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `path` or `pruned_out` is NULL, `struct_size` is not that of this header, `flags`
///                                        has an unknown one, or `key` is not of its length;
///         HOSTEL_STATUS_CACHE_IO         if the directory is not there, cannot be read, or is not to be trusted, there is no
///                                        key, or something could not be removed; the rest has been removed then, and the
///                                        message names the first such thing.
/// Thread-safe; the directory may be in use. Takes as long as reading the files does.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cache_directory_prune(
    path: *const c_char,
    key: *const u8,
    key_len: usize,
    bytes_max: u64,
    flags: u32,
    pruned_out: *mut hostel_cache_pruned,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let path = boundary::path("path", path)?;
            let key = boundary::bytes("key", key, key_len)?;
            let out = boundary::borrow_mut("pruned_out", pruned_out)?;
            let struct_size = out.struct_size;
            check_size(struct_size, size_of::<hostel_cache_pruned>(), "pruned_out")?;
            let directory = Directory::existing(path, u64::MAX, trust(flags)?)?;
            let (pruned, outcome) = directory.prune(&Examiner::new(seal_key(key)?)?, bytes_max)?;
            let (leftovers, damaged, evicted) = (pruned.leftovers, pruned.damaged, pruned.evicted);
            *out = hostel_cache_pruned { struct_size, leftovers, damaged, evicted, bytes: pruned.bytes };
            outcome
        })
    }
}

/// How many entries a listing has; 0 for NULL. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cache_listing_count(listing: *const hostel_cache_listing) -> usize {
    // SAFETY: see above.
    unsafe { boundary::borrow_optional(listing) }.map_or(0, |listing| listing.lines.len())
}

/// Tells an entry of a listing.
///
/// `entry_out->struct_size` must be set to sizeof(hostel_cache_entry) before the call; the rest is written on success.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `listing` or `entry_out` is NULL, `struct_size` is not that of this header, or
///                                        `index` is not below hostel_cache_listing_count().
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cache_listing_entry(
    listing: *const hostel_cache_listing,
    index: usize,
    entry_out: *mut hostel_cache_entry,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let listing = boundary::borrow("listing", listing)?;
            let out = boundary::borrow_mut("entry_out", entry_out)?;
            check_size(out.struct_size, size_of::<hostel_cache_entry>(), "entry_out")?;
            *out = listing.entry(index)?;
            Ok(())
        })
    }
}

/// Tells a listing as JSON: an object with `bytes`, the sum, and two arrays, `entries` without aliases and `aliases`, of
/// objects with what hostel_cache_entry has; `engine`, `state` and `reason` are null where there is none, and a `state` is
/// "ok", "damaged" or "foreign".
///
/// On success `*json_out` is yours: release it with hostel_buffer_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `listing` or `json_out` is NULL.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cache_listing_json(
    listing: *const hostel_cache_listing,
    json_out: *mut hostel_buffer,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce_bytes(json_out, "json_out", error_out, || {
            Ok(report::json(&boundary::borrow("listing", listing)?.lines).into_bytes().into())
        })
    }
}

/// Frees a listing and its strings. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_cache_listing_free(listing: *mut hostel_cache_listing) {
    // SAFETY: see above.
    unsafe { boundary::free(listing) }
}
