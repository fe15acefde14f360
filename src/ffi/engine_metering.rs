//! Engine metering: limits that are compiled into guests, so that their calls can be counted and stopped.

use super::boundary;
use super::engine::hostel_engine_config;
use super::error::hostel_error;
use super::status::hostel_status;
use crate::prepare::{CLASSES, Weights};
use crate::{Error, Result};

/// A class of operators that cost the same fuel: one of the HOSTEL_FUEL_* values.
pub type hostel_fuel_class = i32;

/// Blocks, branches, calls, `drop`, `select`, `nop`, `end`, exceptions.
pub const HOSTEL_FUEL_CONTROL: hostel_fuel_class = 1;
/// Reading and writing locals and globals.
pub const HOSTEL_FUEL_VARIABLE: hostel_fuel_class = 2;
/// Constants.
pub const HOSTEL_FUEL_CONSTANT: hostel_fuel_class = 3;
/// Loads from a memory.
pub const HOSTEL_FUEL_LOAD: hostel_fuel_class = 4;
/// Stores to a memory.
pub const HOSTEL_FUEL_STORE: hostel_fuel_class = 5;
/// Integers, other than quotients and remainders.
pub const HOSTEL_FUEL_INTEGER: hostel_fuel_class = 6;
/// Quotients and remainders of integers.
pub const HOSTEL_FUEL_DIVISION: hostel_fuel_class = 7;
/// Floats, and conversions from and to them.
pub const HOSTEL_FUEL_FLOAT: hostel_fuel_class = 8;
/// Operators on 128-bit vectors, their loads and stores too.
pub const HOSTEL_FUEL_VECTOR: hostel_fuel_class = 9;
/// Atomic operators.
pub const HOSTEL_FUEL_ATOMIC: hostel_fuel_class = 10;
/// References, reading and writing tables, sizes, `elem.drop`, `data.drop`.
pub const HOSTEL_FUEL_REFERENCE: hostel_fuel_class = 11;
/// `memory.grow`, `table.grow`, however much they ask for.
pub const HOSTEL_FUEL_GROW: hostel_fuel_class = 12;
/// `memory.fill`, `.copy`, `.init` and the same for tables, to which their size is added.
pub const HOSTEL_FUEL_BULK: hostel_fuel_class = 13;
/// Not a cost: how many bytes of a bulk memory operator cost 1 (16 unless set).
pub const HOSTEL_FUEL_BYTES_PER_UNIT: hostel_fuel_class = 14;
/// Not a cost: how many elements of a bulk table operator cost 1 (2 unless set).
pub const HOSTEL_FUEL_ELEMENTS_PER_UNIT: hostel_fuel_class = 15;

/// Says whether the engine's guests count fuel: then a call may be given some, and is OUT_OF_FUEL when it is used up. They
/// do not unless this is asked for: counting makes code some 5 % to 15 % slower, and about 1.4 times as large.
///
/// Each operator that is passed costs 1 unless hostel_engine_config_set_fuel_cost() says otherwise; the same call uses the
/// same fuel on every engine. Code that was compiled with and without is told apart in caches and artifacts.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `config` is NULL.
/// Not thread-safe: `config` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_engine_config_set_fuel(
    config: *mut hostel_engine_config,
    enabled: bool,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe {
        change(config, error_out, |config| {
            if enabled != config.settings.fuel.is_some() {
                config.settings.fuel = enabled.then(Weights::default);
            }
            Ok(())
        })
    }
}

/// Sets what operators of a class cost, and has fuel counted. Where all cost 0, nothing but bulk operators uses fuel up, and an
/// endless loop needs a deadline.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `config` is NULL, `fuel_class` is none of the classes, `cost` is over 1,000,000, or
///                                        0 for one of the two that are no costs.
/// Not thread-safe: `config` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_engine_config_set_fuel_cost(
    config: *mut hostel_engine_config,
    fuel_class: hostel_fuel_class,
    cost: u32,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe { change(config, error_out, |config| set_cost(config.settings.fuel.get_or_insert_default(), fuel_class, cost)) }
}

/// Says whether a deadline or a cancel can stop the engine's guests. They can unless this is turned off, which makes code
/// some 0 % to 10 % faster; then guests whose engine counts no fuel either are compiled just as they came.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `config` is NULL.
/// Not thread-safe: `config` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_engine_config_set_deadline(
    config: *mut hostel_engine_config,
    enabled: bool,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        change(config, error_out, |config| {
            config.settings.deadline = enabled;
            Ok(())
        })
    }
}

/// Says whether the engine's guests answer the same on every engine and machine: then the bits of every NaN that an
/// operation makes are the same, and modules that use relaxed SIMD are UNSUPPORTED_MODULE. Off unless asked for: floats are
/// slower with it. How deep a recursion may go still differs between engines.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `config` is NULL.
/// Not thread-safe: `config` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_engine_config_set_deterministic(
    config: *mut hostel_engine_config,
    deterministic: bool,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        change(config, error_out, |config| {
            config.settings.deterministic = deterministic;
            Ok(())
        })
    }
}

fn set_cost(weights: &mut Weights, class: hostel_fuel_class, cost: u32) -> Result<()> {
    const COST_MAX: u32 = 1_000_000;
    let refused = |why: &str| Err(Error::InvalidArgument(why.into()));
    if cost > COST_MAX {
        return refused("cost: over 1,000,000");
    }
    match (class, usize::try_from(class).unwrap_or(0)) {
        (HOSTEL_FUEL_BYTES_PER_UNIT | HOSTEL_FUEL_ELEMENTS_PER_UNIT, _) if cost == 0 => {
            return refused("cost: a number of bytes or elements must not be 0");
        }
        (HOSTEL_FUEL_BYTES_PER_UNIT, _) => weights.bytes_per_unit = cost,
        (HOSTEL_FUEL_ELEMENTS_PER_UNIT, _) => weights.elements_per_unit = cost,
        (_, class @ 1..=CLASSES) => weights.operators[class - 1] = cost,
        _ => return refused("fuel_class: not a HOSTEL_FUEL_* value"),
    }
    Ok(())
}

unsafe fn change(
    config: *mut hostel_engine_config,
    error_out: *mut *mut hostel_error,
    change: impl FnOnce(&mut hostel_engine_config) -> Result<()>,
) -> hostel_status {
    // SAFETY: the caller's promise: `config` is null or a live handle.
    unsafe { boundary::run(error_out, || change(boundary::borrow_mut("config", config)?)) }
}
