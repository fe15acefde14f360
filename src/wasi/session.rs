//! The state of WASI of one call: open files, and where its streams lead.

use super::functions::{self, Function};
use super::streams::{Capture, Carried, Sink, Source};
use super::{Input, Output, PerCall, Wasi, executor};
use crate::bounds::Bounds;
use crate::stop::Stop;
use crate::{Error, Result};
use alloc::{format, sync::Arc, vec::Vec};
use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng;
use std::time::Duration;
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p1::wasi_snapshot_preview1::WasiSnapshotPreview1;
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::{FsPerms, HostMonotonicClock, HostWallClock, WasiCtxBuilder};
use wiggle::{GuestError, GuestMemory};

/// How many files a call may have open: a process has a thousand descriptors by default, for all of its guests.
const OPEN_MAX: u32 = 128;
/// Errnos of WASI 0.1.
const SUCCESS: i32 = 0;
const FAULT: i32 = 21;
const MFILE: i32 = 33;

pub(super) struct Session {
    ctx: WasiP1Ctx,
    /// Files that the guest has open.
    open: u32,
    /// Whether functions may have to wait for the system: files and streams of the host's process.
    reaches_out: bool,
}

impl Session {
    pub fn new(wasi: &Wasi, call: &mut PerCall) -> Result<Self> {
        let mut builder = WasiCtxBuilder::new();
        builder.args(&wasi.arguments).envs(&wasi.environment);
        for directory in &wasi.directories {
            let permissions = if directory.read_only { FsPerms::ReadOnly } else { FsPerms::ReadWrite };
            let opened = builder.preopened_dir(&directory.host, &directory.guest, permissions);
            opened
                .map_err(|error| Error::OutOfResources(format!("the directory {} cannot be opened: {error}", directory.guest)))?;
        }
        let mut inherits = false;
        match (call.input.take(), &wasi.input) {
            (Some(bytes), _) => builder.stdin(MemoryInputPipe::new(bytes)),
            (None, Input::Bytes(bytes)) if bytes.is_empty() => &mut builder,
            (None, Input::Bytes(bytes)) => builder.stdin(MemoryInputPipe::new(bytes::Bytes::from_owner(bytes.clone()))),
            (None, Input::Callback(read)) => builder.stdin(Source(read.clone())),
            (None, Input::Inherited) => {
                inherits = true;
                builder.inherit_stdin()
            }
        };
        match (&call.output, &wasi.output) {
            (Some(capture), _) => {
                builder.stdout(Sink::Capture(Capture::clone(capture)));
            }
            (None, Output::Inherited) => {
                inherits = true;
                builder.inherit_stdout();
            }
            (None, output) => {
                if let Some(sink) = sink(output) {
                    builder.stdout(sink);
                }
            }
        }
        match &wasi.errors {
            Output::Inherited => {
                inherits = true;
                builder.inherit_stderr();
            }
            output => {
                if let Some(sink) = sink(output) {
                    builder.stderr(sink);
                }
            }
        }
        if let Some(now) = wasi.clock {
            builder.wall_clock(Standing(now)).monotonic_clock(Standing(now));
        }
        if let Some(seed) = wasi.seed {
            builder.secure_random(ChaCha20Rng::from_seed(seed));
        }
        Ok(Session { ctx: builder.build_p1(), open: 0, reaches_out: inherits || !wasi.directories.is_empty() })
    }

    /// Runs a function: its errno.
    pub fn answer(&mut self, function: Function, memory: &mut [u8], slots: &[u64], bounds: &Bounds, stop: &Stop) -> Result<i32> {
        if function == Function::PathOpen && self.open >= OPEN_MAX {
            return Ok(MFILE);
        }
        // What a function may copy to our side: no more than the guest has on its own.
        self.ctx.set_hostcall_fuel(memory.len().max(1 << 20));
        let may_wait = self.reaches_out || function == Function::PollOneoff;
        let mut memory = GuestMemory::Unshared(memory);
        let future = functions::run(function, &mut self.ctx, &mut memory, slots);
        let errno = match executor::wait(future, may_wait, bounds, stop)? {
            Ok(errno) => errno,
            Err(error) => return refused(error),
        };
        if errno == SUCCESS {
            match function {
                Function::PathOpen => self.open += 1,
                // What is closed may be a stream or a directory that was granted: then there is one file more to open.
                Function::FdClose | Function::FdRenumber => self.open = self.open.saturating_sub(1),
                _ => {}
            }
        }
        Ok(errno)
    }
}

/// A function that did not come back with an errno.
fn refused(error: wiggle::error::Error) -> Result<i32> {
    // The guest has passed a pointer that leads nowhere.
    if error.is::<GuestError>() || error.chain().any(|cause| cause.is::<GuestError>()) {
        return Ok(FAULT);
    }
    Err(match error.downcast::<Carried>() {
        Ok(Carried(error)) => error,
        Err(error) => Error::Host { message: format!("WASI: {error:#}"), payload: Vec::new(), wasm_error: None },
    })
}

/// Nothing for what goes nowhere, as without us, or where the process itself writes.
fn sink(output: &Output) -> Option<Sink> {
    match output {
        Output::Nowhere | Output::Inherited => None,
        Output::Log => Some(Sink::Log(Arc::default())),
        Output::Callback(write) => Some(Sink::Callback(write.clone())),
    }
}

/// A clock that always shows the same time.
struct Standing(Duration);

impl HostWallClock for Standing {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}

impl HostMonotonicClock for Standing {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX)
    }
}
