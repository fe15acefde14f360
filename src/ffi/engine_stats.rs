//! Engine statistics: what the rooms of an engine's guests do.

use super::boundary;
use super::cache::check_size;
use super::engine::hostel_engine;
use super::error::hostel_error;
use super::status::hostel_status;
use crate::room::registry;

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
    /// Idle rooms that made way for others.
    pub evictions: u64,
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
    // SAFETY: the pointer rules at the top of hostel.h.
    unsafe {
        boundary::run(error_out, || {
            let engine = &boundary::borrow("engine", engine)?.inner;
            let out = boundary::borrow_mut("stats_out", stats_out)?;
            check_size(out.struct_size, size_of::<hostel_engine_statistics>(), "stats_out")?;
            let stats = registry::stats(engine.rooms());
            *out = hostel_engine_statistics {
                struct_size: out.struct_size,
                rooms: stats.live,
                rooms_idle: stats.idle,
                rooms_made: stats.made,
                resets: stats.resets,
                pages_restored: stats.pages,
                faults: stats.faults,
                discards: stats.discards,
                evictions: stats.evictions,
            };
            Ok(())
        })
    }
}
