//! Reports: what a call came to.

use super::boundary;
use super::cache::check_size;
use super::call_options::hostel_call_options;
use super::engine_stats::name_of;
use super::error::hostel_error;
use super::module::origin;
use super::status::{HOSTEL_UNLIMITED, hostel_status};
use crate::Error;
use core::ffi::c_char;

/// What a call came to. Times are in nanoseconds, sizes in bytes; 0 where a call was refused before it came so far. Calls that
/// are INVALID_ARGUMENT, or BUSY because a handle is in use, leave the report of the call before.
#[repr(C)]
pub struct hostel_report {
    /// sizeof(hostel_report), set by the caller.
    pub struct_size: usize,
    /// How the call ended.
    pub status: hostel_status,
    /// Whether its room (see hostel_engine_statistics) was made for it; else it was used before, and reset, or is an instance's.
    pub room_is_new: bool,
    /// The engine that it ran on: one of the names of hostel_engine_tier_at(). The string lives for ever.
    pub engine: *const c_char,
    /// Where its code came from, as hostel_module_origin() says it. The string lives for ever.
    pub origin: *const c_char,
    /// The fuel it has used; HOSTEL_UNLIMITED where none is counted. All that it had, for a call that was OUT_OF_FUEL. After a
    /// trap other than `unreachable`, what was counted when the code last put its counter away: where it called, returned or was
    /// called; what a loop has used since is missing. After DEADLINE and CANCELLED the same, on engines that interpret.
    pub fuel_used: u64,
    /// The most that the guest's memories had together.
    pub memory_peak_bytes: u64,
    /// Its input.
    pub input_bytes: u64,
    /// Its output; 0 if there is none.
    pub output_bytes: u64,
    /// How long it had taken to load the module.
    pub load_ns: u64,
    /// How long it took to get a room, waiting included.
    pub room_ns: u64,
    /// How long the guest had the call, its input going in and its output coming out included.
    pub call_ns: u64,
}

/// Says what the last call with these options came to.
///
/// `report_out->struct_size` must be set to sizeof(hostel_report) before the call; the rest is written.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `options` or `report_out` is NULL, `struct_size` is not that of this header, or
///                                        there was no call yet;
///         HOSTEL_STATUS_BUSY             if a call uses the options.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_call_options_report(
    options: *const hostel_call_options,
    report_out: *mut hostel_report,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: the pointer rules at the top of hostel.h.
    unsafe {
        boundary::run(error_out, || {
            let options = boundary::borrow("options", options)?;
            let out = boundary::borrow_mut("report_out", report_out)?;
            check_size(out.struct_size, size_of::<hostel_report>(), "report_out")?;
            let report = boundary::exclusive("options", &options.inner)?.report.as_ref().and_then(|slot| slot.get());
            let report = report.ok_or_else(|| Error::InvalidArgument("options: there was no call with them yet".into()))?;
            let nanoseconds = |time: core::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            *out = hostel_report {
                struct_size: out.struct_size,
                status: report.status as hostel_status,
                room_is_new: report.room_is_new,
                engine: name_of(report.engine).as_ptr(),
                origin: origin(report.origin).as_ptr(),
                fuel_used: report.usage.fuel.unwrap_or(HOSTEL_UNLIMITED),
                memory_peak_bytes: report.usage.memory_bytes,
                input_bytes: report.input_bytes,
                output_bytes: report.output_bytes,
                load_ns: nanoseconds(report.load),
                room_ns: nanoseconds(report.room),
                call_ns: nanoseconds(report.call),
            };
            Ok(())
        })
    }
}
