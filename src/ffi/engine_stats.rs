//! Engine statistics: what the rooms of an engine's guests do.

use super::boundary;
use super::boundary::callback::{EMPTY, c_text};
use super::cache::check_size;
use super::engine::hostel_engine;
use super::error::hostel_error;
use super::status::hostel_status;
use crate::engine::{capabilities, tiered};
use crate::room::pool::Stats;
use crate::room::registry;
use crate::tiers;
use core::ffi::{CStr, c_char};
use std::ffi::CString;
use std::sync::LazyLock;

/// What the rooms of all guests of an engine have counted since it was made. A room is an instance that serves one call at a
/// time; between calls it is put back as it was ("reset") and kept idle.
#[repr(C)]
pub struct hostel_engine_statistics {
    /// sizeof(hostel_engine_statistics), set by the caller.
    pub struct_size: usize,
    /// Rooms there are now, those that are in use included.
    pub rooms: u64,
    /// Rooms that wait for a call.
    pub rooms_idle: u64,
    /// Rooms that were made.
    pub rooms_made: u64,
    /// Times that a room was reset.
    pub resets: u64,
    /// Pages of 4 KiB that were copied back by resets.
    pub pages_restored: u64,
    /// Writes to a page that nobody had written to before in its room.
    pub faults: u64,
    /// Rooms that were not used again: after a trap, because more of them are idle than are kept, because the guest cannot be
    /// reset, or a guest's first, which the others are made like.
    pub discards: u64,
    /// Idle rooms that made way for others, or for those of a better tier.
    pub evictions: u64,
    /// Calls that had a room; those of instances are not counted.
    pub calls: u64,
}

/// Says what the rooms of an engine's guests have counted.
///
/// `stats_out->struct_size` must be set to sizeof(hostel_engine_statistics) before the call; the rest is written.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `engine` or `stats_out` is NULL, or `struct_size` is not that of this header.
/// Thread-safe. Takes longer the more guests there are.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_engine_stats(
    engine: *const hostel_engine,
    stats_out: *mut hostel_engine_statistics,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe {
        boundary::run(error_out, || {
            let engine = &boundary::borrow("engine", engine)?.inner;
            let out = boundary::borrow_mut("stats_out", stats_out)?;
            check_size(out.struct_size, size_of::<hostel_engine_statistics>(), "stats_out")?;
            out.write(registry::stats_of(engine));
            Ok(())
        })
    }
}

/// The name of a tier of an engine, in the order in which modules go through them: "wasmi" and so on for the engine "tiered",
/// its own name for any other. NULL when `index` is not below how many there are, and for NULL.
///
/// The string lives for ever. Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_engine_tier_at(engine: *const hostel_engine, index: usize) -> *const c_char {
    // SAFETY: see above.
    let engine = unsafe { boundary::borrow_optional(engine) };
    let tier = engine.and_then(|engine| tiers::in_order(&engine.inner).nth(index));
    tier.map_or(core::ptr::null(), |tier| name_of(tier.capabilities().name).as_ptr())
}

/// Says what the rooms of guests have counted that were on one tier of an engine: `calls` tells which tier served.
///
/// `tier` is one of the names of hostel_engine_tier_at(). The rest is as for hostel_engine_stats();
/// HOSTEL_STATUS_INVALID_ARGUMENT also if `tier` is NULL or none of them.
/// Thread-safe. Takes longer the more guests there are.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_engine_tier_stats(
    engine: *const hostel_engine,
    tier: *const c_char,
    stats_out: *mut hostel_engine_statistics,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let engine = &boundary::borrow("engine", engine)?.inner;
            let tier = tiers::named(engine, boundary::text("tier", tier)?)?;
            let out = boundary::borrow_mut("stats_out", stats_out)?;
            check_size(out.struct_size, size_of::<hostel_engine_statistics>(), "stats_out")?;
            out.write(registry::stats_of(tier));
            Ok(())
        })
    }
}

impl hostel_engine_statistics {
    fn write(&mut self, stats: Stats) {
        *self = hostel_engine_statistics {
            struct_size: self.struct_size,
            rooms: stats.live,
            rooms_idle: stats.idle,
            rooms_made: stats.made,
            resets: stats.resets,
            pages_restored: stats.pages,
            faults: stats.faults,
            discards: stats.discards,
            evictions: stats.evictions,
            calls: stats.calls,
        };
    }
}

/// The name of an engine for C.
pub(super) fn name_of(name: &str) -> &'static CStr {
    static NAMES: LazyLock<Vec<CString>> = LazyLock::new(|| {
        let names = capabilities::ENGINES.iter().map(|engine| engine.name);
        names.chain([tiered::NAME]).map(c_text).collect()
    });
    NAMES.iter().find(|known| known.as_bytes() == name.as_bytes()).map_or(EMPTY, |known| known)
}
