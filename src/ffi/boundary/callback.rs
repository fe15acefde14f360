//! The host's own functions and data, called and let go of as the header promises.

use crate::cache::{Key, ModuleCache, hex, seal};
use crate::ffi::cache::{check_size, hostel_cache_callbacks};
use crate::ffi::caller::hostel_caller;
use crate::ffi::imports::{hostel_host_function, hostel_raw_function};
use crate::ffi::load::hostel_load_finished;
use crate::ffi::load_options::hostel_load_progress;
use crate::ffi::log::hostel_log_callback;
use crate::ffi::status::{HOSTEL_STATUS_OK, hostel_finalizer, hostel_status};
use crate::ffi::wasi::{hostel_stream_read, hostel_stream_write};
use crate::host::{BytesFunction, Caller, Failure, RawFunction};
use crate::load::Finished;
use crate::log::{Level, Sink};
use crate::progress::{Phase, Progress};
use crate::sys::{self, pages::Pages};
use crate::wasi;
use crate::{Error, Result, Status};
use core::ffi::{CStr, c_void};
use core::sync::atomic::{AtomicBool, Ordering};
use std::ffi::CString;
use std::sync::Arc;

/// A pointer of the host's, finalized when the last function that uses it is gone.
pub(in crate::ffi) struct UserData {
    pointer: *mut c_void,
    finalizer: hostel_finalizer,
    armed: AtomicBool,
}

// SAFETY: the header says that callbacks may be called from several threads at once, and finalizers from any.
unsafe impl Send for UserData {}
// SAFETY: as above; we never look behind the pointer.
unsafe impl Sync for UserData {}

impl UserData {
    pub fn new(pointer: *mut c_void, finalizer: hostel_finalizer) -> Arc<Self> {
        Arc::new(UserData { pointer, finalizer, armed: AtomicBool::new(false) })
    }

    /// From now on it is the library's to finalize; before, it stays the caller's.
    pub fn take_over(&self) {
        self.armed.store(true, Ordering::Relaxed);
    }
}

impl Drop for UserData {
    fn drop(&mut self) {
        if let (Some(finalizer), true) = (self.finalizer, self.armed.load(Ordering::Relaxed)) {
            // SAFETY: the pointer the host gave with it, once, when nothing uses it any more.
            unsafe { finalizer(self.pointer) };
        }
    }
}

/// A C callback of bytes as a host function.
pub(in crate::ffi) fn bytes_function(callback: hostel_host_function, data: Arc<UserData>) -> Result<BytesFunction> {
    let callback = callback.ok_or_else(|| super::null("callback"))?;
    Ok(Box::new(move |caller| {
        // Where the guest's memory may move, what the callback is given must not.
        let copy = if caller.memory_moves() { Some(sys::copy(caller.input())?) } else { None };
        let input = core::ptr::from_ref(copy.as_deref().unwrap_or_else(|| caller.input()));
        let mut handle = hostel_caller::new(caller);
        // SAFETY: the header's contract for callbacks: it does not unwind, and keeps neither `handle` nor `input`.
        // Nothing that it may do with `handle` moves what `input` is.
        let status = unsafe { callback(data.pointer, &mut handle, input.cast(), input.len()) };
        outcome(status, caller)
    }))
}

/// A C callback of plain values as a host function.
pub(in crate::ffi) fn raw_function(callback: hostel_raw_function, data: Arc<UserData>) -> Result<RawFunction> {
    let callback = callback.ok_or_else(|| super::null("callback"))?;
    Ok(Box::new(move |caller, values| {
        let mut handle = hostel_caller::new(caller);
        // SAFETY: the header's contract for callbacks; `values` has room for parameters and results.
        let status = unsafe { callback(data.pointer, &mut handle, values.as_mut_ptr()) };
        outcome(status, caller)
    }))
}

/// What a callback's answer means: OK goes on, HOST_ERROR ends the call, and anything else is not for it to say.
#[inline]
fn outcome(status: hostel_status, caller: &mut Caller<'_>) -> Result<()> {
    if status == HOSTEL_STATUS_OK { Ok(()) } else { Err(failure(status, caller)) }
}

#[cold]
fn failure(status: hostel_status, caller: &mut Caller<'_>) -> Error {
    let said = caller.take_failure();
    let known = Status::from_number(status);
    if known == Some(Status::HostError) {
        return said.unwrap_or_else(|| Failure::of("a host function failed".into())).into_error();
    }
    let name = known.map_or(String::new(), |status| format!(" ({})", status.name()));
    let answered = format!("a host function answered {status}{name}, which is neither OK nor HOST_ERROR");
    match said.map(Failure::into_error) {
        // What it has said counts all the same.
        Some(Error::Host { message, wasm_error }) => Error::Host { message: format!("{message} ({answered})"), wasm_error },
        _ => Failure::of(answered).into_error(),
    }
}

/// A store of the host's as a tier's.
pub(in crate::ffi) struct CustomCache {
    callbacks: hostel_cache_callbacks,
    data: Arc<UserData>,
}

impl CustomCache {
    pub fn new(callbacks: hostel_cache_callbacks, data: Arc<UserData>) -> Result<Self> {
        check_size(callbacks.struct_size, size_of::<hostel_cache_callbacks>(), "callbacks")?;
        let missing = callbacks.load.is_none() || callbacks.release.is_none() || callbacks.save.is_none();
        if missing {
            return Err(Error::InvalidArgument("callbacks: load, release and save must not be NULL".into()));
        }
        Ok(CustomCache { callbacks, data })
    }

    fn key(key: &Key) -> CString {
        c_text(&format!("{}{}", hex(&key.fingerprint), hex(&key.wasm)))
    }
}

/// OK, nothing there, or whatever else a callback answered.
fn answered(status: hostel_status, what: &str) -> Result<bool> {
    match Status::from_number(status) {
        Some(Status::Ok) => Ok(true),
        Some(Status::NotCached) => Ok(false),
        _ => Err(Error::CacheIo(format!("the {what} callback answered {status}"))),
    }
}

impl ModuleCache for CustomCache {
    fn name(&self) -> &'static str {
        "custom"
    }

    fn calls_host(&self) -> bool {
        true
    }

    fn load(&self, key: &Key) -> Result<Option<Pages>> {
        let (Some(load), Some(release)) = (self.callbacks.load, self.callbacks.release) else { return Ok(None) };
        let (mut bytes, mut len) = (core::ptr::null(), 0);
        // SAFETY: the header's contract for callbacks; the outputs are ours.
        let status = unsafe { load(self.data.pointer, Self::key(key).as_ptr(), &mut bytes, &mut len) };
        if !answered(status, "load")? {
            return Ok(None);
        }
        // SAFETY: the header says that the bytes are there until they are released; they are copied before anything
        // is believed, so that nobody can change what was checked.
        unsafe {
            let copy = super::bytes("the load callback's bytes", bytes, len).and_then(seal::copy);
            release(self.data.pointer, bytes, len);
            copy.map(Some)
        }
    }

    fn save(&self, key: &Key, artifact: &[u8]) -> Result<()> {
        let Some(save) = self.callbacks.save else { return Ok(()) };
        // SAFETY: the header's contract for callbacks.
        let status = unsafe { save(self.data.pointer, Self::key(key).as_ptr(), artifact.as_ptr(), artifact.len()) };
        answered(status, "save").map(|_| ())
    }

    fn contains(&self, key: &Key) -> Result<bool> {
        match self.callbacks.contains {
            // SAFETY: the header's contract for callbacks.
            Some(contains) => answered(unsafe { contains(self.data.pointer, Self::key(key).as_ptr()) }, "contains"),
            None => Ok(self.load(key)?.is_some()),
        }
    }

    fn remove(&self, key: &Key) -> Result<()> {
        match self.callbacks.remove {
            // SAFETY: the header's contract for callbacks.
            Some(remove) => answered(unsafe { remove(self.data.pointer, Self::key(key).as_ptr()) }, "remove").map(|_| ()),
            None => Ok(()),
        }
    }
}

/// A C callback as what a program reads from.
pub(in crate::ffi) fn reader(callback: hostel_stream_read, data: Arc<UserData>) -> Result<Arc<wasi::Reader>> {
    let callback = callback.ok_or_else(|| super::null("callback"))?;
    Ok(Arc::new(move |moment, buffer| {
        let mut len = 0;
        let (buffer, capacity) = (buffer.as_mut_ptr(), buffer.len());
        // SAFETY: the header's contract for callbacks; the buffer and the length are ours.
        let status = unsafe { callback(data.pointer, moment.context, moment.nanoseconds_left(), buffer, capacity, &mut len) };
        streamed(status, "reader")?;
        if len <= capacity {
            Ok(len)
        } else {
            Err(stream_error(format!("the reader says it has filled {len} of {capacity} bytes")))
        }
    }))
}

/// A C callback as what a program writes to.
pub(in crate::ffi) fn writer(callback: hostel_stream_write, data: Arc<UserData>) -> Result<Arc<wasi::Writer>> {
    let callback = callback.ok_or_else(|| super::null("callback"))?;
    Ok(Arc::new(move |moment, bytes| {
        let left = moment.nanoseconds_left();
        // SAFETY: the header's contract for callbacks.
        let status = unsafe { callback(data.pointer, moment.context, left, bytes.as_ptr(), bytes.len()) };
        streamed(status, "writer")
    }))
}

fn streamed(status: hostel_status, who: &str) -> Result<()> {
    if status == HOSTEL_STATUS_OK { Ok(()) } else { Err(stream_error(format!("the {who} of a stream answered {status}"))) }
}

fn stream_error(message: String) -> Error {
    Failure::of(message).into_error()
}

/// A C callback as the watcher of a load.
pub(in crate::ffi) fn load_progress(callback: hostel_load_progress, data: Arc<UserData>) -> Progress {
    let Some(callback) = callback else { return Progress::default() };
    Progress::new(move |phase, done, total| {
        let name = match phase {
            Phase::Wait => c"wait",
            Phase::Validate => c"validate",
            Phase::Prepare => c"prepare",
            Phase::Compile => c"compile",
            Phase::Ready => c"ready",
        };
        // SAFETY: the header's contract for callbacks.
        match unsafe { callback(data.pointer, name.as_ptr(), done, total) } {
            HOSTEL_STATUS_OK => Ok(()),
            status => Err(Error::Cancelled(format!("the progress callback stopped the load: it answered {status}"))),
        }
    })
}

/// A C callback as who is told that a load has come to its end.
pub(in crate::ffi) fn load_finished(callback: hostel_load_finished, data: Arc<UserData>) -> Option<Finished> {
    let callback = callback?;
    // SAFETY: the header's contract for callbacks.
    Some(Box::new(move |status: Status| unsafe { callback(data.pointer, status as hostel_status) }))
}

/// A C callback as a sink for messages.
pub(in crate::ffi) fn sink(callback: hostel_log_callback, data: *mut c_void) -> Option<Sink> {
    let callback = callback?;
    let data = UserData::new(data, None);
    Some(Box::new(move |level: Level, target: &str, text: &str| {
        let (target, text) = (c_text(target), c_text(text));
        // SAFETY: the header's contract for callbacks; both strings live until it returns.
        unsafe { callback(data.pointer, level as i32, target.as_ptr(), text.as_ptr()) };
    }))
}

/// Text for C; a zero byte inside would end it early, so it is shown as what it is.
pub(in crate::ffi) fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', "\\0")).unwrap_or_default()
}

/// An empty C string that lives for ever.
pub(in crate::ffi) const EMPTY: &CStr = c"";
