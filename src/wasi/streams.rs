//! The standard streams of a program: bytes, what the host's callbacks take and give, the log. Those of the process are in
//! `process`.

use super::escape::escaped;
use super::process::Outlet;
use super::{Moment, Reader, Writer};
use crate::log::{self, Level};
use crate::sys::threads;
use crate::{Error, Result};
use alloc::{boxed::Box, format, string::String, sync::Arc, vec::Vec};
use core::cell::Cell;
use core::time::Duration;
use std::sync::{Mutex, PoisonError};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdinStream, StdoutStream};
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};
use wiggle::error::Error as TheirError;

/// An error of ours on its way through their code.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Carried(pub Error);

fn carried(error: Error) -> StreamError {
    StreamError::Trap(TheirError::new(Carried(error)))
}

std::thread_local! {
    /// The call that this thread is answering WASI functions of.
    static MOMENT: Cell<Moment> = const { Cell::new(Moment { context: core::ptr::null_mut(), deadline: None }) };
}

/// Lets callbacks know about a call as long as `run` runs.
pub(super) fn during<T>(moment: Moment, run: impl FnOnce() -> T) -> T {
    struct Back(Moment);
    impl Drop for Back {
        fn drop(&mut self) {
            MOMENT.set(self.0);
        }
    }
    let _back = Back(MOMENT.replace(moment));
    run()
}

/// Bytes that a program writes and somebody else takes afterwards, up to so many.
#[derive(Clone, Debug)]
pub(super) struct Capture {
    written: Arc<Mutex<Vec<u8>>>,
    max: u64,
}

impl Capture {
    pub fn new(max: u64) -> Self {
        Capture { written: Arc::default(), max }
    }

    pub fn is_empty(&self) -> bool {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// All that it has.
    pub fn take(&self) -> Vec<u8> {
        core::mem::take(&mut *self.written.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// More of them; of too many, the first that fit.
    pub fn take_in(&self, bytes: &[u8]) -> Result<()> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let len = (written.len() + bytes.len()) as u64;
        let fits = &bytes[..bytes.len().min(self.room(written.len()))];
        if written.try_reserve(fits.len()).is_err() {
            return Err(Error::OutOfResources(format!("no memory for an output of {len} bytes")));
        }
        written.extend_from_slice(fits);
        if len > self.max { Err(Error::OutputTooLarge { len, max: self.max }) } else { Ok(()) }
    }

    /// How many more fit.
    fn room(&self, len: usize) -> usize {
        usize::try_from(self.max).unwrap_or(usize::MAX) - len
    }

    /// The first of these that will fit.
    fn fitting<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let len = self.written.lock().unwrap_or_else(PoisonError::into_inner).len();
        &bytes[..bytes.len().min(self.room(len))]
    }
}

/// Where what a program writes goes.
#[derive(Clone)]
pub(super) enum Sink {
    Capture(Capture),
    Callback(Arc<Writer>),
    /// Kept, and as much of it goes to another.
    Shown(Capture, Box<Sink>),
    Log(Arc<Lines>),
    Process(Arc<Outlet>),
}

impl Sink {
    fn put(&self, bytes: &[u8]) -> StreamResult<()> {
        match self {
            Sink::Capture(capture) => capture.take_in(bytes).map_err(carried),
            Sink::Callback(write) => threads::with_signals(|| write(MOMENT.get(), bytes)).map_err(carried),
            Sink::Log(lines) => {
                lines.take(bytes);
                Ok(())
            }
            // Only WASI 0.2 asks for this; see below.
            Sink::Process(_) | Sink::Shown(..) => Err(StreamError::Closed),
        }
    }

    /// As WASI 0.1 does it, which may take its time.
    async fn pass(&self, bytes: &[u8]) -> StreamResult<()> {
        match self {
            Sink::Process(outlet) => outlet.write(bytes).await,
            sink => sink.put(bytes),
        }
    }
}

/// How long who waits for a stream that cannot be watched waits until it looks again.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(1);

pub(super) fn failed(error: std::io::Error) -> StreamError {
    StreamError::LastOperationFailed(error.into())
}

/// Longer lines are told in pieces, so that a guest cannot make the host keep as much as it likes.
const LINE_MAX: usize = 4096;

/// What a guest writes to the log, line by line.
pub(super) struct Lines {
    /// Told as it is, but for what is no text.
    raw: bool,
    /// What is left of the last.
    rest: Mutex<Vec<u8>>,
}

impl Lines {
    pub fn new(raw: bool) -> Self {
        Lines { raw, rest: Mutex::default() }
    }

    fn take(&self, bytes: &[u8]) {
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            rest.extend_from_slice(piece);
            if let Some(line) = rest.strip_suffix(b"\n") {
                self.tell(line);
                rest.clear();
            }
            while rest.len() >= LINE_MAX {
                let len = LINE_MAX - cut_off(&rest[..LINE_MAX]);
                let more = rest.split_off(len);
                self.tell(&rest);
                *rest = more;
            }
        }
    }

    fn tell(&self, line: &[u8]) {
        let text = || if self.raw { String::from_utf8_lossy(line).into_owned() } else { escaped(line) };
        log::emit(Level::Info, "hostel::guest", text);
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let rest = core::mem::take(self.rest.get_mut().unwrap_or_else(PoisonError::into_inner));
        if !rest.is_empty() {
            self.tell(&rest);
        }
    }
}

/// How many bytes at the end are the beginning of a character that goes on behind it.
fn cut_off(bytes: &[u8]) -> usize {
    let begins = |len: &usize| core::str::from_utf8(&bytes[bytes.len() - len..]).is_err_and(|error| error.error_len().is_none());
    (1..4.min(bytes.len())).find(begins).unwrap_or(0)
}

impl IsTerminal for Sink {
    fn is_terminal(&self) -> bool {
        match self {
            Sink::Process(outlet) => outlet.is_terminal(),
            Sink::Shown(_, sink) => sink.is_terminal(),
            _ => false,
        }
    }
}

impl StdoutStream for Sink {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // WASI 0.1 asks for the other kind only.
        Box::new(tokio::io::empty())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Sink {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Sink {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.put(&bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(1 << 20)
    }

    async fn blocking_write_and_flush(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        let Sink::Shown(capture, shown) = self else { return self.pass(&bytes).await };
        let fits = capture.fitting(&bytes);
        let taken = capture.take_in(&bytes).map_err(carried);
        if !fits.is_empty() {
            shown.pass(fits).await?;
        }
        taken
    }
}

/// What a program reads from a callback.
#[derive(Clone)]
pub(super) struct Source(pub Arc<Reader>);

impl IsTerminal for Source {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdinStream for Source {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncRead + Send + Sync> {
        // As above.
        Box::new(tokio::io::empty())
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Source {
    async fn ready(&mut self) {}
}

#[async_trait]
impl InputStream for Source {
    fn read(&mut self, size: usize) -> StreamResult<bytes::Bytes> {
        // A guest may ask for more than there is memory.
        const READ_MAX: usize = 64 << 10;
        if size == 0 {
            return Ok(bytes::Bytes::new());
        }
        let mut buffer = alloc::vec![0; size.min(READ_MAX)];
        let read = threads::with_signals(|| (self.0)(MOMENT.get(), &mut buffer)).map_err(carried)?;
        buffer.truncate(read);
        if read == 0 { Err(StreamError::Closed) } else { Ok(buffer.into()) }
    }
}
