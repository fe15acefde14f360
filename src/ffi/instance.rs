//! Instances: guests that keep their state between calls.

use super::boundary;
use super::buffer::hostel_buffer;
use super::call_options::{self, hostel_call_options};
use super::error::hostel_error;
use super::function::hostel_function;
use super::guest::{function_name, hostel_guest};
use super::status::hostel_status;
use crate::call::Options;
use crate::guest::Guest;
use crate::room::{self, Room};
use crate::{Error, Result, call, report};
use core::ffi::c_char;
use std::sync::{Arc, Mutex};

/// A live instance of a guest. Made by hostel_instance_new(), released by hostel_instance_free().
/// It serves one call at a time, from any thread; another at the same time is BUSY. It is dead after a call that was
/// stopped half-way, such as by a trap, if the error says hostel_error_maybe_corrupt(), and after no other.
pub struct hostel_instance {
    /// On the tier where it was made, and stays.
    guest: Arc<Guest>,
    /// What it was made from.
    made_from: Arc<Guest>,
    room: Mutex<Room>,
}

/// Makes an instance and runs its start function.
///
/// `options` may be NULL; they hold for the start only. On success `*instance_out` is yours: release it with
/// hostel_instance_free(). On failure it is NULL. `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `guest` or `instance_out` is NULL;
///         or what hostel_guest_call() returns when a guest's start fails.
/// Thread-safe. Runs as long as the guest's start does.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_instance_new(
    guest: *const hostel_guest,
    options: *mut hostel_call_options,
    instance_out: *mut *mut hostel_instance,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe {
        boundary::produce(instance_out, "instance_out", error_out, || {
            let made_from = boundary::borrow("guest", guest)?.inner.clone();
            let guest = made_from.best().clone();
            let room = call_options::with(options, |options| call::open(&guest, options))?;
            Ok(hostel_instance { guest, made_from, room: Mutex::new(room) })
        })
    }
}

/// Calls a function by name, in this instance: as hostel_guest_call(), but what the guest keeps is there in the next call.
///
/// Returns what hostel_guest_call() returns;
///         HOSTEL_STATUS_BUSY          also if another call uses the instance;
///         HOSTEL_STATUS_INSTANCE_DEAD if an earlier call was stopped half-way, with an error that says
///                                     hostel_error_maybe_corrupt().
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_instance_call(
    instance: *mut hostel_instance,
    function: *const c_char,
    input: *const u8,
    input_len: usize,
    options: *mut hostel_call_options,
    output_out: *mut hostel_buffer,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce_bytes(output_out, "output_out", error_out, || {
            let instance = boundary::borrow("instance", instance)?;
            let function = function_name(function)?;
            instance.call(|guest| guest.function(function), boundary::bytes("input", input, input_len)?, options)
        })
    }
}

/// Calls a function that was looked up before, in this instance.
///
/// `function` must be of the guest that the instance was made from. Returns what hostel_instance_call() returns, except
/// HOSTEL_STATUS_NO_SUCH_FUNCTION; HOSTEL_STATUS_INVALID_ARGUMENT also if `function` is NULL or of another guest.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_instance_call_function(
    instance: *mut hostel_instance,
    function: *const hostel_function,
    input: *const u8,
    input_len: usize,
    options: *mut hostel_call_options,
    output_out: *mut hostel_buffer,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::produce_bytes(output_out, "output_out", error_out, || {
            let instance = boundary::borrow("instance", instance)?;
            let export = instance.own(boundary::borrow("function", function)?)?;
            instance.call(|_| Ok(export), boundary::bytes("input", input, input_len)?, options)
        })
    }
}

/// Calls a function of plain values by name, in this instance: as hostel_guest_call_values().
///
/// Returns what hostel_guest_call_values() returns;
///         HOSTEL_STATUS_BUSY          also if another call uses the instance;
///         HOSTEL_STATUS_INSTANCE_DEAD if an earlier call was stopped half-way, with an error that says
///                                     hostel_error_maybe_corrupt().
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_instance_call_values(
    instance: *mut hostel_instance,
    function: *const c_char,
    values: *mut u64,
    values_len: usize,
    options: *mut hostel_call_options,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let instance = boundary::borrow("instance", instance)?;
            let function = function_name(function)?;
            instance.call_values(
                |guest| guest.value_function(function),
                boundary::values_mut("values", values, values_len)?,
                options,
            )
        })
    }
}

/// Calls a function of plain values that was looked up before, in this instance.
///
/// `function` must be of the guest that the instance was made from. Returns what hostel_instance_call_values() returns,
/// except HOSTEL_STATUS_NO_SUCH_FUNCTION; HOSTEL_STATUS_INVALID_ARGUMENT also if `function` is NULL or of another guest.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_instance_call_function_values(
    instance: *mut hostel_instance,
    function: *const hostel_function,
    values: *mut u64,
    values_len: usize,
    options: *mut hostel_call_options,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let instance = boundary::borrow("instance", instance)?;
            let export = instance.own(boundary::borrow("function", function)?)?;
            instance.call_values(|_| Ok(export), boundary::values_mut("values", values, values_len)?, options)
        })
    }
}

impl hostel_instance {
    /// # Safety
    /// `options` is null or a live handle.
    unsafe fn call(
        &self,
        find: impl FnOnce(&Guest) -> Result<usize>,
        input: &[u8],
        options: *mut hostel_call_options,
    ) -> Result<Box<[u8]>> {
        let mut room = boundary::exclusive("instance", &self.room)?;
        let run = |options: &Options| {
            let export = find(&self.guest).map_err(|error| report::refused(&self.guest, options, input.len(), error))?;
            call::stateful(&mut room, &self.guest, export, input, options)
        };
        // SAFETY: the caller's promise.
        unsafe { call_options::with(options, run) }
    }

    /// # Safety
    /// As for `call`.
    unsafe fn call_values(
        &self,
        find: impl FnOnce(&Guest) -> Result<usize>,
        values: &mut [u64],
        options: *mut hostel_call_options,
    ) -> Result<()> {
        let mut room = boundary::exclusive("instance", &self.room)?;
        let run = |options: &Options| {
            let export = find(&self.guest).map_err(|error| report::refused(&self.guest, options, 0, error))?;
            call::stateful_values(&mut room, &self.guest, export, values, options)
        };
        // SAFETY: the caller's promise.
        unsafe { call_options::with(options, run) }
    }

    /// The export behind a function of the guest that this is an instance of.
    fn own(&self, function: &hostel_function) -> Result<usize> {
        let same = Arc::ptr_eq(&self.made_from, &function.guest);
        same.then_some(function.export)
            .ok_or_else(|| Error::InvalidArgument("function: of another guest than the instance".into()))
    }

    fn memory<T>(&self, use_memory: impl FnOnce(&mut [u8]) -> Result<T>) -> Result<T> {
        use_memory(boundary::exclusive("instance", &self.room)?.memory())
    }
}

/// The size of the instance's memory, in bytes; 0 when the guest exports none.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `instance` or `bytes_out` is NULL;
///         HOSTEL_STATUS_BUSY             if a call uses the instance.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_instance_memory_size(
    instance: *const hostel_instance,
    bytes_out: *mut u64,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::fill(bytes_out, "bytes_out", 0, error_out, || {
            boundary::borrow("instance", instance)?.memory(|memory| Ok(memory.len() as u64))
        })
    }
}

/// Copies bytes out of the instance's memory. A dead instance's memory can still be read.
///
/// `address` is where they begin in the guest's memory; `data` receives `len` bytes, and is untouched on failure.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `instance` is NULL, `data` is NULL with a length, or the bytes are not all
///                                        inside the memory;
///         HOSTEL_STATUS_BUSY             if a call uses the instance.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_instance_memory_read(
    instance: *const hostel_instance,
    address: u64,
    data: *mut u8,
    len: usize,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let instance = boundary::borrow("instance", instance)?;
            let data = boundary::bytes_mut("data", data, len)?;
            instance.memory(|memory| room::read_memory(memory, address, data))
        })
    }
}

/// Copies bytes into the instance's memory.
///
/// `address` is where they go in the guest's memory; `data` is read during the call.
///
/// Returns what hostel_instance_memory_read() returns. Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_instance_memory_write(
    instance: *mut hostel_instance,
    address: u64,
    data: *const u8,
    len: usize,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let instance = boundary::borrow("instance", instance)?;
            let data = boundary::bytes("data", data, len)?;
            instance.memory(|memory| room::write_memory(memory, address, data))
        })
    }
}

/// Frees an instance. NULL is fine. Not during a call of it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_instance_free(instance: *mut hostel_instance) {
    // SAFETY: see above.
    unsafe { boundary::free(instance) }
}
