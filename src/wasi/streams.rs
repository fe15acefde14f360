//! The standard streams of a program: bytes, what the host's callbacks take and give, the log.

use super::{Moment, Reader, Writer};
use crate::log::{self, Level};
use crate::{Error, Result};
use alloc::{boxed::Box, format, string::String, sync::Arc, vec::Vec};
use core::cell::Cell;
use core::time::Duration;
use rustix::event::{PollFd, PollFlags, Timespec};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::fd::AsFd;
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

    pub fn take(&self) -> Vec<u8> {
        core::mem::take(&mut *self.written.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, bytes: &[u8]) -> StreamResult<()> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let len = (written.len() + bytes.len()) as u64;
        if len > self.max {
            return Err(carried(Error::OutputTooLarge { len, max: self.max }));
        }
        if written.try_reserve(bytes.len()).is_err() {
            return Err(carried(Error::OutOfResources(format!("no memory for an output of {len} bytes"))));
        }
        written.extend_from_slice(bytes);
        Ok(())
    }
}

/// Where what a program writes goes.
#[derive(Clone)]
pub(super) enum Sink {
    Capture(Capture),
    Callback(Arc<Writer>),
    /// Line by line; what is left of the last.
    Log(Arc<Mutex<Vec<u8>>>),
    /// A stream of the host's process.
    Process(Arc<File>),
}

impl Sink {
    /// A stream of the process; nothing if it is closed.
    pub fn inherit(stream: impl AsFd) -> Result<Option<Sink>> {
        match stream.as_fd().try_clone_to_owned() {
            Ok(fd) => Ok(Some(Sink::Process(Arc::new(fd.into())))),
            Err(error) if error.raw_os_error() == Some(libc::EBADF) => Ok(None),
            Err(error) => {
                Err(Error::OutOfResources(format!("no descriptor for a stream of the process: {}", crate::sys::words(error))))
            }
        }
    }

    fn put(&self, bytes: &[u8]) -> StreamResult<()> {
        match self {
            Sink::Capture(capture) => capture.put(bytes),
            Sink::Callback(write) => write(MOMENT.get(), bytes).map_err(carried),
            Sink::Log(rest) => {
                log_lines(&mut rest.lock().unwrap_or_else(PoisonError::into_inner), bytes);
                Ok(())
            }
            // Only WASI 0.2 asks for this; see below.
            Sink::Process(_) => Err(StreamError::Closed),
        }
    }
}

/// How long who writes to a stream that takes no more waits until it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// Writes when the stream takes it, so that a call can end while it waits. What says it is ready takes `PIPE_BUF` bytes.
async fn write_when_ready(mut file: &File, mut bytes: &[u8]) -> StreamResult<()> {
    while !bytes.is_empty() {
        let mut ready = [PollFd::new(file, PollFlags::OUT)];
        rustix::event::poll(&mut ready, Some(&Timespec::default())).map_err(|error| failed(error.into()))?;
        if ready[0].revents().intersects(PollFlags::ERR | PollFlags::HUP) {
            return Err(StreamError::Closed); // by who read it: writing would end the process, which may not expect it
        }
        let written = if ready[0].revents().is_empty() {
            Err(ErrorKind::WouldBlock.into())
        } else {
            file.write(&bytes[..bytes.len().min(libc::PIPE_BUF)])
        };
        match written {
            Ok(len) => bytes = &bytes[len..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => tokio::time::sleep(LOOK_AGAIN).await,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

fn failed(error: std::io::Error) -> StreamError {
    StreamError::LastOperationFailed(error.into())
}

/// Longer lines are told in pieces, so that a guest cannot make the host keep as much as it likes.
const LINE_MAX: usize = 4096;

fn log_lines(rest: &mut Vec<u8>, bytes: &[u8]) {
    let tell = |line: &[u8]| log::emit(Level::Info, "hostel::guest", || String::from_utf8_lossy(line).into_owned());
    for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
        rest.extend_from_slice(piece);
        if let Some(line) = rest.strip_suffix(b"\n") {
            tell(line);
            rest.clear();
        }
        while rest.len() >= LINE_MAX {
            let more = rest.split_off(LINE_MAX);
            tell(rest);
            *rest = more;
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Sink::Log(rest) = self
            && Arc::strong_count(rest) == 1
        {
            let mut rest = rest.lock().unwrap_or_else(PoisonError::into_inner);
            if !rest.is_empty() {
                log_lines(&mut rest, b"\n");
            }
        }
    }
}

impl IsTerminal for Sink {
    fn is_terminal(&self) -> bool {
        matches!(self, Sink::Process(file) if std::io::IsTerminal::is_terminal(&**file))
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
        match self {
            Sink::Process(file) => write_when_ready(file, &bytes).await,
            sink => sink.put(&bytes),
        }
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
        let read = (self.0)(MOMENT.get(), &mut buffer).map_err(carried)?;
        buffer.truncate(read);
        if read == 0 { Err(StreamError::Closed) } else { Ok(buffer.into()) }
    }
}
