//! The standard streams of the host's process, as guests have them. Nobody waits for them inside a system call, so that a
//! call can end while it waits.

use super::escape::Escaper;
use super::streams::{LOOK_AGAIN, failed};
use crate::sys::process::OfProcess;
use crate::sys::watch;
use crate::{Error, Result};
use alloc::{boxed::Box, format, string::String, sync::Arc};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::OFlags;
use rustix::io::FdFlags;
use std::fs::File;
use std::io::{ErrorKind, IsTerminal as _, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::sync::{Mutex, PoisonError};
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdinStream};
use wasmtime_wasi::p2::{InputStream, Pollable, StreamError, StreamResult};

/// A descriptor of ours for a stream of the process; nothing if the process has none. What has the number of one that was
/// closed is somebody else's: that shows where it would not be passed on to other programs, as standard streams are.
pub(super) fn duplicate(stream: impl AsFd) -> Result<Option<File>> {
    let flags = match rustix::io::fcntl_getfd(&stream) {
        Ok(flags) => flags,
        Err(rustix::io::Errno::BADF) => return Ok(None),
        Err(error) => return Err(no_descriptor(error.into())),
    };
    if flags.contains(FdFlags::CLOEXEC) {
        return Ok(None);
    }
    stream.as_fd().try_clone_to_owned().map(|fd| Some(fd.into())).map_err(no_descriptor)
}

fn no_descriptor(error: std::io::Error) -> Error {
    Error::OutOfResources(format!("no descriptor for a stream of the process: {}", crate::sys::words(error)))
}

/// What a stream is ready for, of these, or that its other end is gone.
fn ready(file: &File, wanted: PollFlags) -> std::io::Result<PollFlags> {
    let mut asked = [PollFd::new(file, wanted)];
    rustix::event::poll(&mut asked, Some(&Timespec::default()))?;
    Ok(asked[0].revents())
}

/// The standard input. Guests that read it at once each get a part of it, as processes would.
#[derive(Clone)]
pub(super) struct Inlet(Arc<File>);

/// Who reads: what one sees to be there must not be taken by another before it reads.
static READING: OfProcess<Mutex<()>> = OfProcess::of_the_first(Mutex::new(()));

impl Inlet {
    /// For one call, of what was granted.
    pub fn of(granted: &File) -> Result<Inlet> {
        granted.try_clone().map(|file| Inlet(Arc::new(file))).map_err(no_descriptor)
    }

    /// Whether a read would not wait. What cannot be asked is no pipe, socket or terminal, and never waits.
    fn is_ready(&self) -> bool {
        ready(&self.0, PollFlags::IN).is_ok_and(|now| !now.is_empty())
    }

    /// What there is, up to so many bytes; none if there is nothing yet.
    fn read_now(&self, size: usize) -> StreamResult<bytes::Bytes> {
        // A guest may ask for more than there is memory.
        const READ_MAX: usize = 64 << 10;
        let _reading = READING.get(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_ready() {
            return Ok(bytes::Bytes::new());
        }
        let mut buffer = alloc::vec![0; size.min(READ_MAX)];
        match (&*self.0).read(&mut buffer) {
            Ok(0) => Err(StreamError::Closed),
            Ok(read) => {
                buffer.truncate(read);
                Ok(buffer.into())
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(bytes::Bytes::new()),
            Err(error) => Err(failed(error)),
        }
    }
}

impl IsTerminal for Inlet {
    fn is_terminal(&self) -> bool {
        self.0.is_terminal()
    }
}

impl StdinStream for Inlet {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncRead + Send + Sync> {
        // WASI 0.1 asks for the other kind only.
        Box::new(tokio::io::empty())
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Inlet {
    async fn ready(&mut self) {
        while !self.is_ready() {
            // Watched for this wait alone: a forked child has another executor.
            if watch::readable(self.0.clone()).await.is_err() {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
    }
}

#[async_trait]
impl InputStream for Inlet {
    fn read(&mut self, size: usize) -> StreamResult<bytes::Bytes> {
        // To WASI 0.1 no bytes are an interruption, unless it is the end: then they are no bytes.
        if size == 0 { Err(StreamError::Closed) } else { self.read_now(size) }
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<bytes::Bytes> {
        loop {
            let bytes = self.read(size)?;
            if !bytes.is_empty() {
                return Ok(bytes);
            }
            self.ready().await;
        }
    }
}

/// The standard output or error.
pub(super) struct Outlet {
    file: Arc<File>,
    /// A terminal that may hold who writes to it, although it has said that it is ready.
    holds: bool,
    /// Where what terminals obey is escaped.
    escaper: Option<Mutex<Escaper>>,
}

impl Outlet {
    /// Nothing if the process has closed it.
    pub fn open(stream: impl AsFd, escapes: bool) -> Result<Option<Outlet>> {
        let Some(file) = duplicate(stream)? else { return Ok(None) };
        let terminal = file.is_terminal();
        let own = if terminal { own_terminal(&file) } else { None };
        let holds = terminal && own.is_none();
        Ok(Some(Outlet { file: Arc::new(own.unwrap_or(file)), holds, escaper: escapes.then(Mutex::default) }))
    }

    pub fn is_terminal(&self) -> bool {
        self.file.is_terminal()
    }

    pub async fn write(&self, bytes: &[u8]) -> StreamResult<()> {
        let Some(escaper) = &self.escaper else { return self.write_plainly(bytes).await };
        let mut text = String::new();
        escaper.lock().unwrap_or_else(PoisonError::into_inner).take(bytes, &mut text);
        self.write_plainly(text.as_bytes()).await
    }

    /// Writes when the stream takes it. What says it is ready takes `PIPE_BUF` bytes.
    async fn write_plainly(&self, mut bytes: &[u8]) -> StreamResult<()> {
        while !bytes.is_empty() {
            let now = ready(&self.file, PollFlags::OUT).map_err(failed)?;
            if now.intersects(PollFlags::ERR | PollFlags::HUP) {
                return Err(StreamError::Closed); // by who read it: writing would end the process, which may not expect it
            }
            let piece = &bytes[..bytes.len().min(libc::PIPE_BUF)];
            let written = if now.is_empty() { Err(ErrorKind::WouldBlock.into()) } else { self.write_piece(piece).await };
            match written {
                Ok(len) => bytes = &bytes[len..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => tokio::time::sleep(LOOK_AGAIN).await,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(())
    }

    async fn write_piece(&self, piece: &[u8]) -> std::io::Result<usize> {
        if !self.holds {
            return (&*self.file).write(piece);
        }
        let (file, piece) = (self.file.clone(), Box::<[u8]>::from(piece));
        tokio::task::spawn_blocking(move || (&*file).write(&piece)).await?
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        let Some(escaper) = &mut self.escaper else { return };
        let mut text = String::new();
        escaper.get_mut().unwrap_or_else(PoisonError::into_inner).end(&mut text);
        if !text.is_empty() && ready(&self.file, PollFlags::OUT).is_ok_and(|now| now == PollFlags::OUT) {
            let _ = (&*self.file).write(text.as_bytes()); // some bytes, and nobody is left to be told
        }
    }
}

/// A terminal opened anew, so that writing never waits for it: that is a setting of all who share an open file. Nothing where
/// that is not allowed, or would open another one.
fn own_terminal(file: &File) -> Option<File> {
    const MULTIPLEXER: (u32, u32) = (5, 2);
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let device = file.metadata().ok()?.rdev();
    if (rustix::fs::major(device), rustix::fs::minor(device)) == MULTIPLEXER {
        return None;
    }
    let own = File::options().write(true).custom_flags(i32::try_from(flags.bits()).ok()?).open(path).ok()?;
    (own.metadata().ok()?.rdev() == device).then_some(own)
}
