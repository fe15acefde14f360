//! WASI: what programs may reach of the host's system. Nothing, unless it is granted.

use super::boundary;
use super::boundary::callback::{UserData, reader, writer};
use super::error::hostel_error;
use super::imports::hostel_imports;
use super::status::{hostel_finalizer, hostel_status};
use crate::wasi::{Input, Output, Wasi};
use crate::{Error, Result};
use core::ffi::{c_char, c_void};
use core::time::Duration;

/// What a guest that uses WASI 0.1 (`wasi_snapshot_preview1`) is granted. Made by hostel_wasi_new(), released by
/// hostel_wasi_free(). Used by one thread at a time.
///
/// Every guest may import WASI's functions. One that is granted nothing has no arguments but the name "program", no environment,
/// no files and an empty standard input; what it writes to its standard output goes nowhere, unless a call returns it, and what it
/// writes to its standard error goes to the log, line by line, at level INFO. Clocks and random numbers are real unless they are set. Preview 1 cannot
/// open sockets, and none are handed in.
///
/// What one call opens or reads is not there in the next: files that are open, positions, what is left of the standard input. What
/// it has written to files stays, of course. An instance (hostel_instance) keeps all of it between its calls.
///
/// A pointer that leads out of the guest's memory is errno FAULT to the guest, a path that leads out of a granted directory is
/// errno PERM or NOTCAPABLE, more than 128 open files are errno MFILE, and opening a FIFO or a socket is errno NXIO.
pub struct hostel_wasi {
    inner: Wasi,
}

/// One of a program's three streams: one of the HOSTEL_STREAM_* values.
pub type hostel_stream = i32;

/// The standard input.
pub const HOSTEL_STREAM_INPUT: hostel_stream = 0;
/// The standard output.
pub const HOSTEL_STREAM_OUTPUT: hostel_stream = 1;
/// The standard error.
pub const HOSTEL_STREAM_ERROR: hostel_stream = 2;

/// Takes what a program writes: `data` is read during the call and not kept.
///
/// `context` is that of the call (hostel_call_options_set_context()), NULL if there is none. `time_left_ns` is how long the call
/// may still take, in nanoseconds; HOSTEL_UNLIMITED if it has no deadline. A call that is over its time, or cancelled, ends when
/// this returns. Returns HOSTEL_STATUS_OK; anything else ends the call, which is then a HOST_ERROR.
/// Called on the thread of the call; by several threads at once where calls run at once. It must not unwind or longjmp.
pub type hostel_stream_write = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        context: *mut c_void,
        time_left_ns: u64,
        data: *const u8,
        data_len: usize,
    ) -> hostel_status,
>;

/// Fills what a program reads: up to `capacity` bytes, at least 1, to `buffer`, and how many to `*len_out`; 0 is the end.
/// The rest is as for hostel_stream_write.
pub type hostel_stream_read = Option<
    unsafe extern "C" fn(
        user_data: *mut c_void,
        context: *mut c_void,
        time_left_ns: u64,
        buffer: *mut u8,
        capacity: usize,
        len_out: *mut usize,
    ) -> hostel_status,
>;

/// Makes grants of nothing.
///
/// On success `*wasi_out` is yours: release it with hostel_wasi_free(). `error_out` may be NULL.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `wasi_out` is NULL;
///         HOSTEL_STATUS_UNSUPPORTED      if this build has no WASI.
/// Thread-safe.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_wasi_new(wasi_out: *mut *mut hostel_wasi, error_out: *mut *mut hostel_error) -> hostel_status {
    // SAFETY: the pointer rules at the top of hostel.h, here and below.
    unsafe { boundary::produce(wasi_out, "wasi_out", error_out, || Ok(hostel_wasi { inner: Wasi::new()? })) }
}

/// Adds an argument, copied. By custom the first is the program's name; a guest that is given none is called "program".
///
/// There may be any number of them, but arguments and variables together take at most 16 MiB of the guest's memory: their bytes,
/// and five more for each.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `wasi` or `argument` is NULL, `argument` is not UTF-8, or they would take more.
/// Not thread-safe: `wasi` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_wasi_add_argument(
    wasi: *mut hostel_wasi,
    argument: *const c_char,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe { change(wasi, error_out, |wasi| wasi.argument(boundary::text("argument", argument)?)) }
}

/// Sets a variable of the environment; both are copied. A second value for a name replaces the first.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if an argument is NULL or not UTF-8, `name` is empty or has a `=`, or arguments and
///                                        variables would take more than they may (hostel_wasi_add_argument()).
/// Not thread-safe: `wasi` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_wasi_set_variable(
    wasi: *mut hostel_wasi,
    name: *const c_char,
    value: *const c_char,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe { change(wasi, error_out, |wasi| wasi.variable(boundary::text("name", name)?, boundary::text("value", value)?)) }
}

/// Grants a directory and all below it: the guest sees it as `guest_path`. With `read_only` nothing in it can be changed.
///
/// Both paths are copied; `host_path` is resolved now. Links in the directory that lead out of it are not followed. A directory
/// that was granted by the same name before is replaced.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if an argument is NULL, `host_path` is no directory that can be read, or `guest_path`
///                                        is empty or not UTF-8.
/// Not thread-safe: `wasi` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_wasi_add_directory(
    wasi: *mut hostel_wasi,
    host_path: *const c_char,
    guest_path: *const c_char,
    read_only: bool,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        change(wasi, error_out, |wasi| {
            let (host, guest) = (boundary::path("host_path", host_path)?, boundary::text("guest_path", guest_path)?);
            wasi.directory(host, guest, read_only)
        })
    }
}

/// Sets what guests read from their standard input, copied: each call from the first byte on. The input of a call that runs a
/// program takes its place, unless it is empty.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `wasi` or a non-empty `data` is NULL.
/// Not thread-safe: `wasi` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_wasi_set_input(
    wasi: *mut hostel_wasi,
    data: *const u8,
    data_len: usize,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        change(wasi, error_out, |wasi| {
            wasi.set_input(Input::Bytes(boundary::bytes("data", data, data_len)?.into()));
            Ok(())
        })
    }
}

/// Sets who answers when guests read from their standard input.
///
/// `user_data` is passed to `callback` and never looked at; `finalizer`, which may be NULL, is called with it when nothing
/// needs it any more. When this fails, `user_data` stays yours.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `wasi` or `callback` is NULL.
/// Not thread-safe: `wasi` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_wasi_set_reader(
    wasi: *mut hostel_wasi,
    callback: hostel_stream_read,
    user_data: *mut c_void,
    finalizer: hostel_finalizer,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        change(wasi, error_out, |wasi| {
            let data = UserData::new(user_data, finalizer);
            wasi.set_input(Input::Callback(reader(callback, data.clone())?));
            data.take_over();
            Ok(())
        })
    }
}

/// Sets who takes what guests write to a stream, HOSTEL_STREAM_OUTPUT or HOSTEL_STREAM_ERROR. The standard output of a program
/// that a call runs is what the call returns; then this is not asked, unless hostel_wasi_show_output() says so.
///
/// The rest is as for hostel_wasi_set_reader(); HOSTEL_STATUS_INVALID_ARGUMENT also if `stream` is neither.
/// Not thread-safe: `wasi` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_wasi_set_writer(
    wasi: *mut hostel_wasi,
    stream: hostel_stream,
    callback: hostel_stream_write,
    user_data: *mut c_void,
    finalizer: hostel_finalizer,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        change(wasi, error_out, |wasi| {
            let data = UserData::new(user_data, finalizer);
            set_output(wasi, stream, Output::Callback(writer(callback, data.clone())?))?;
            data.take_over();
            Ok(())
        })
    }
}

/// Sets whether what programs write to their standard output also goes, as they write it, where hostel_wasi_set_writer() or
/// hostel_wasi_inherit() leads it, as programs that people talk to need it. It is what the call returns, or the payload of its error,
/// all the same, and nothing over the limit of an output goes anywhere. Without this it only is what the call returns.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `wasi` is NULL.
/// Not thread-safe: `wasi` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_wasi_show_output(
    wasi: *mut hostel_wasi,
    show: bool,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        change(wasi, error_out, |wasi| {
            wasi.set_shows(show);
            Ok(())
        })
    }
}

/// Makes a stream of guests that of the host's process: what they read or write is what it would.
///
/// The standard input is the one that the process has now: `wasi` and all that have a copy keep a descriptor of it. A guest takes
/// from it what it asks for, when it asks, and nothing ahead; guests that read at once each get a part. The standard output and
/// error are those that the process has when a call first uses WASI. One that the process has closed is empty, or takes
/// everything and keeps nothing. So is a descriptor that has got its number since and would be closed on exec, as those of this
/// library are: it is not the process's stream. What the host opens in its place in another way is.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `wasi` is NULL, or `stream` is none of the streams;
///         HOSTEL_STATUS_OUT_OF_RESOURCES if the process has no descriptor left for it.
/// Not thread-safe: `wasi` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_wasi_inherit(
    wasi: *mut hostel_wasi,
    stream: hostel_stream,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        change(wasi, error_out, |wasi| {
            if stream == HOSTEL_STREAM_INPUT {
                wasi.set_input(Input::inherited()?);
                return Ok(());
            }
            set_output(wasi, stream, Output::Inherited)
        })
    }
}

/// Sets whether what guests write to their standard error is shown with control characters escaped (`\u{1b}`), other than line
/// feed and tab, and so are characters that turn the direction of writing or separate lines, and bytes that are no UTF-8
/// (`\xff`): a guest could make a terminal obey, or forge lines of a log.
///
/// Without this they are escaped in the log, and not in an inherited standard error. With false the log has them as they are, but
/// for what is no UTF-8, which is replaced, and zero bytes. A writer (hostel_wasi_set_writer()) always gets the guest's own bytes.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `wasi` is NULL.
/// Not thread-safe: `wasi` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_wasi_escape_errors(
    wasi: *mut hostel_wasi,
    escape: bool,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        change(wasi, error_out, |wasi| {
            wasi.set_escapes(escape);
            Ok(())
        })
    }
}

/// Makes clocks stand still at this time, in nanoseconds since 1970 began (UTC). Sleeping takes its time all the same.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `wasi` is NULL.
/// Not thread-safe: `wasi` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_wasi_set_clock(
    wasi: *mut hostel_wasi,
    nanoseconds: u64,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        change(wasi, error_out, |wasi| {
            wasi.set_clock(Duration::from_nanos(nanoseconds));
            Ok(())
        })
    }
}

/// The length of a seed.
pub const HOSTEL_SEED_BYTES: usize = 32;

/// Makes random numbers follow from the HOSTEL_SEED_BYTES bytes of `seed` (ChaCha20): each call gets the same. They are as
/// secret as the seed is.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `wasi` or `seed` is NULL.
/// Not thread-safe: `wasi` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_wasi_set_random_seed(
    wasi: *mut hostel_wasi,
    seed: *const u8,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        change(wasi, error_out, |wasi| {
            let seed = boundary::bytes("seed", seed, HOSTEL_SEED_BYTES)?;
            wasi.set_seed(seed.try_into().map_err(|_| Error::Internal("a seed of another length".into()))?);
            Ok(())
        })
    }
}

/// Grants this to the guests that are made with these imports; it is copied. A second grant replaces the first.
///
/// Returns HOSTEL_STATUS_OK;
///         HOSTEL_STATUS_INVALID_ARGUMENT if `imports` or `wasi` is NULL;
///         HOSTEL_STATUS_BUSY             if a guest was made with `imports`, which froze it.
/// Not thread-safe: `imports` is changed.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_imports_set_wasi(
    imports: *mut hostel_imports,
    wasi: *const hostel_wasi,
    error_out: *mut *mut hostel_error,
) -> hostel_status {
    // SAFETY: see above.
    unsafe {
        boundary::run(error_out, || {
            let imports = boundary::borrow("imports", imports)?;
            let wasi = boundary::borrow("wasi", wasi)?.inner.clone();
            imports.change(|imports| {
                imports.grant(wasi);
                Ok(())
            })
        })
    }
}

/// Frees grants; imports that have a copy are not affected. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hostel_wasi_free(wasi: *mut hostel_wasi) {
    // SAFETY: see above.
    unsafe { boundary::free(wasi) }
}

/// Changes grants.
///
/// # Safety
/// Both are as the rules at the top of hostel.h want it.
unsafe fn change(
    wasi: *mut hostel_wasi,
    error_out: *mut *mut hostel_error,
    change: impl FnOnce(&mut Wasi) -> Result<()>,
) -> hostel_status {
    // SAFETY: the caller's promise.
    unsafe { boundary::run(error_out, || change(&mut boundary::borrow_mut("wasi", wasi)?.inner)) }
}

fn set_output(wasi: &mut Wasi, stream: hostel_stream, output: Output) -> Result<()> {
    match stream {
        HOSTEL_STREAM_OUTPUT => wasi.set_output(output),
        HOSTEL_STREAM_ERROR => wasi.set_errors(output),
        _ => return Err(Error::InvalidArgument(format!("stream: {stream} is not one that guests write to"))),
    }
    Ok(())
}
