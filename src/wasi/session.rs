//! The state of WASI of one call: open files, and where its streams lead.

use super::arguments::{asks_strange_clock, count_of, holds_number, touch_buffer};
use super::functions::{self, Function};
use super::granted::Granted;
use super::listings::{ENTRIES, Listings, Read, USED};
use super::process::{Inlet, Outlet};
use super::streams::{Carried, Lines, Sink, Source};
use super::{Input, Output, PROGRAM, PerCall, Wasi, executor};
use crate::bounds::Bounds;
use crate::call;
use crate::error::{shown, shown_path};
use crate::host::Failure;
use crate::stop::Stop;
use crate::{Error, Result};
use alloc::{boxed::Box, format, sync::Arc, vec::Vec};
use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use std::os::fd::AsFd;
use std::time::Duration;
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p1::wasi_snapshot_preview1::WasiSnapshotPreview1;
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::{FsPerms, HostMonotonicClock, HostWallClock, WasiCtxBuilder};
use wiggle::{GuestError, GuestMemory};

/// How many files a call may have open: a process has a thousand descriptors by default, for all of its guests.
const OPEN_MAX: u32 = 128;
/// How many buffers a read or write may name, and how many things a poll may wait for: each costs the host time or memory that
/// nobody can interrupt. C programs know the first number as IOV_MAX.
const VECTORS_MAX: u64 = 1024;
/// How many random bytes are made before a look at the clock; whole blocks of the generator.
const RANDOM_PIECE: usize = 1 << 20;
/// Errnos of WASI 0.1.
pub(super) const SUCCESS: i32 = 0;
const FAULT: i32 = 21;
const ILSEQ: i32 = 25;
pub(super) const INVAL: i32 = 28;
const MFILE: i32 = 33;

pub(super) struct Session {
    ctx: WasiP1Ctx,
    random: Option<ChaCha20Rng>,
    listings: Listings,
    pub(super) granted: Granted,
    /// Files that the guest has open.
    open: u32,
    /// Nothing can stop the call, so that its own thread may wait for the system, and files are read into the guest's memory.
    in_place: bool,
    /// Whether functions may have to wait on another thread: for files, if not in place, and streams of the host's process.
    reaches_out: bool,
}

impl Session {
    pub fn new(wasi: &Wasi, call: &mut PerCall, bounds: &Bounds) -> Result<Self> {
        let mut builder = WasiCtxBuilder::new();
        builder.envs(&wasi.environment);
        match wasi.arguments[..] {
            [] => builder.arg(PROGRAM),
            [..] => builder.args(&wasi.arguments),
        };
        // A program's session ends with its call; that of other guests may have to serve a call that can be stopped.
        let in_place = call.is_program() && !bounds.stops();
        builder.allow_blocking_current_thread(in_place); // asked for by directories when they are opened
        for directory in &wasi.directories {
            let permissions = if directory.read_only { FsPerms::ReadOnly } else { FsPerms::ReadWrite };
            let opened = builder.preopened_dir(&directory.host, &directory.guest, permissions);
            opened.map_err(|error| {
                let (host, why) = (shown_path(&directory.host), crate::sys::words(format_args!("{error:#}")));
                let guest = shown(&directory.guest);
                Error::OutOfResources(format!("the directory {host}, which the guest calls {guest}, cannot be opened: {why}"))
            })?;
        }
        let captured = call.output.clone();
        let writes_out = (captured.is_none() || wasi.shows) && matches!(wasi.output, Output::Inherited);
        let mut inherits = writes_out || matches!(wasi.errors, Output::Inherited);
        match (call.input.take(), &wasi.input) {
            (Some(bytes), _) => builder.stdin(MemoryInputPipe::new(bytes)),
            (None, Input::Bytes(bytes)) if bytes.is_empty() => &mut builder,
            (None, Input::Bytes(bytes)) => builder.stdin(MemoryInputPipe::new(bytes::Bytes::from_owner(bytes.clone()))),
            (None, Input::Callback(read)) => builder.stdin(Source(read.clone())),
            (None, Input::Inherited(None)) => &mut builder,
            (None, Input::Inherited(Some(file))) => {
                inherits = true;
                builder.stdin(Inlet::of(file)?)
            }
        };
        let shown = if captured.is_none() || wasi.shows { sink(&wasi.output, std::io::stdout(), false)? } else { None };
        match (captured, shown) {
            (Some(capture), Some(shown)) => builder.stdout(Sink::Shown(capture, Box::new(shown))),
            (Some(capture), None) => builder.stdout(Sink::Capture(capture)),
            (None, Some(sink)) => builder.stdout(sink),
            (None, None) => &mut builder,
        };
        let escapes = wasi.escapes.unwrap_or(matches!(wasi.errors, Output::Log));
        if let Some(sink) = sink(&wasi.errors, std::io::stderr(), escapes)? {
            builder.stderr(sink);
        }
        if let Some(now) = wasi.clock {
            builder.wall_clock(Standing(now)).monotonic_clock(Standing(now));
        }
        let random = wasi.seed.map(ChaCha20Rng::from_seed);
        let reaches_out = inherits || !(in_place || wasi.directories.is_empty());
        Ok(Session {
            ctx: builder.build_p1(),
            random,
            listings: Listings::default(),
            granted: Granted::new(&wasi.directories),
            open: 0,
            in_place,
            reaches_out,
        })
    }

    /// Runs a function: its errno.
    pub fn answer(&mut self, function: Function, memory: &mut [u8], slots: &[u64], bounds: &Bounds, stop: &Stop) -> Result<i32> {
        if function == Function::PathOpen && self.open >= OPEN_MAX {
            return Ok(MFILE);
        }
        // Where the number of a file is to go is looked at before the file is opened: without one nobody could close it.
        if function == Function::PathOpen && !holds_number(memory, slots.get(8)) {
            return Ok(FAULT);
        }
        if count_of(function, slots) > VECTORS_MAX || (function == Function::PollOneoff && asks_strange_clock(memory, slots)) {
            return Ok(INVAL);
        }
        match function {
            Function::RandomGet => return self.fill_random(memory, slots, bounds, stop),
            Function::FdReaddir => return self.list(memory, slots, bounds, stop),
            Function::PathRemoveDirectory => return self.remove_directory(memory, slots, bounds, stop),
            Function::PathFilestatGet => return self.stat(memory, slots, bounds, stop),
            Function::PathFilestatSetTimes => return self.set_times(memory, slots, bounds, stop),
            _ => {}
        }
        if function == Function::PathOpen
            && let Some(errno) = self.refuse_to_open(memory, slots, bounds, stop)?
        {
            return Ok(errno);
        }
        let mut errno = self.run(function, memory, slots, bounds, stop)?;
        if errno != SUCCESS && self.in_place && function == Function::FdRead {
            // The system does not write to pages whose writes are being tracked; what we write makes them ready.
            touch_buffer(memory, slots);
            errno = self.run(function, memory, slots, bounds, stop)?;
        }
        if errno != SUCCESS {
            return self.errno_of_linux(function, errno, memory, slots, bounds, stop);
        }
        self.count(function, slots);
        Ok(errno)
    }

    /// Notes what a function that succeeded did to the files that are open.
    fn count(&mut self, function: Function, slots: &[u64]) {
        match (function, slots) {
            (Function::PathOpen, _) => self.open += 1,
            // What is closed may be a stream or a directory that was granted: then there is one file more to open.
            (Function::FdClose, [fd, ..]) => {
                self.open = self.open.saturating_sub(1);
                self.forget(*fd);
            }
            // This closes what had the number until now, unless it was the same.
            (Function::FdRenumber, [from, to, ..]) if from != to => {
                self.open = self.open.saturating_sub(1);
                self.forget(*from);
                self.forget(*to);
            }
            _ => {}
        }
    }

    /// What is known of a number that another file may have soon.
    fn forget(&mut self, fd: u64) {
        let fd = u64::from(fd as u32);
        self.listings.forget(fd);
        self.granted.forget(fd);
    }

    /// `fd_readdir`: the entries from a cookie on, of what the directory had when the guest began with the first.
    fn list(&mut self, memory: &mut [u8], slots: &[u64], bounds: &Bounds, stop: &Stop) -> Result<i32> {
        let [fd, buffer, len, cookie, used, ..] = *slots else { return Ok(INVAL) };
        let fd = u64::from(fd as u32);
        if cookie == 0 || self.listings.from(fd, cookie).is_none() {
            let mut listings = core::mem::take(&mut self.listings);
            let read = listings.read(fd, |memory, len, cookie| {
                let slots = [fd, ENTRIES as u64, len as u64, cookie, USED as u64];
                self.run(Function::FdReaddir, memory, &slots, bounds, stop)
            });
            self.listings = listings;
            match read? {
                Read::Whole => {}
                Read::TooLong => return self.run(Function::FdReaddir, memory, slots, bounds, stop),
                Read::Errno(errno) => return Ok(errno),
            }
        }
        let entries = self.listings.from(fd, cookie).unwrap_or_default();
        let entries = &entries[..entries.len().min(len as u32 as usize)];
        let buffer = memory.get_mut(buffer as u32 as usize..).and_then(|rest| rest.get_mut(..entries.len()));
        let Some(buffer) = buffer else { return Ok(FAULT) };
        buffer.copy_from_slice(entries);
        if !holds_number(memory, Some(&used)) {
            return Ok(FAULT);
        }
        memory[used as u32 as usize..][..4].copy_from_slice(&(entries.len() as u32).to_le_bytes());
        Ok(SUCCESS)
    }

    /// Runs it as wasmtime-wasi does.
    pub(super) fn run(
        &mut self,
        function: Function,
        memory: &mut [u8],
        slots: &[u64],
        bounds: &Bounds,
        stop: &Stop,
    ) -> Result<i32> {
        // What a function may copy to our side: no more than the guest has on its own.
        self.ctx.set_hostcall_fuel(memory.len().max(1 << 20));
        let may_wait = self.reaches_out || function == Function::PollOneoff;
        let mut memory = GuestMemory::Unshared(memory);
        let future = functions::run(function, &mut self.ctx, &mut memory, slots);
        executor::wait(future, may_wait, bounds, stop)?.or_else(refused)
    }

    /// Random bytes, piece by piece: a guest may ask for as many as it has memory.
    fn fill_random(&mut self, memory: &mut [u8], slots: &[u64], bounds: &Bounds, stop: &Stop) -> Result<i32> {
        let word = |index: usize| slots.get(index).map_or(0, |&slot| slot as u32 as usize);
        let wanted = memory.get_mut(word(0)..).and_then(|rest| rest.get_mut(..word(1)));
        let Some(wanted) = wanted else { return Ok(FAULT) };
        for piece in wanted.chunks_mut(RANDOM_PIECE) {
            self.random()?.fill_bytes(piece);
            if let Some(reason) = stop.asked() {
                return Err(call::stopped(reason, bounds, Vec::new()));
            }
        }
        Ok(SUCCESS)
    }

    /// Asked of the system when it is first needed: a generator that the process kept would go on alike in a forked child.
    fn random(&mut self) -> Result<&mut ChaCha20Rng> {
        if self.random.is_none() {
            let mut seed = [0; 32];
            getrandom::fill(&mut seed)
                .map_err(|error| Error::OutOfResources(format!("no random numbers: {}", crate::sys::words(error))))?;
            self.random = Some(ChaCha20Rng::from_seed(seed));
        }
        self.random.as_mut().ok_or_else(|| Error::Internal("random numbers without a generator".into()))
    }
}

/// A function that did not come back with an errno.
fn refused(error: wiggle::error::Error) -> Result<i32> {
    if let Some(error) = error.chain().find_map(|cause| cause.downcast_ref::<GuestError>()) {
        return Ok(errno_of(error));
    }
    Err(match error.downcast::<Carried>() {
        Ok(Carried(error)) => error,
        Err(error) => Failure::of(format!("WASI: {}", crate::sys::words(format_args!("{error:#}")))).into_error(),
    })
}

/// What is wrong with the arguments that the guest has passed.
fn errno_of(error: &GuestError) -> i32 {
    match error {
        GuestError::InFunc { err, .. } => errno_of(err),
        GuestError::InvalidFlagValue(_) | GuestError::InvalidEnumValue(_) | GuestError::TryFromIntError(_) => INVAL,
        GuestError::InvalidUtf8(_) => ILSEQ,
        // A pointer that leads nowhere, or is not aligned.
        _ => FAULT,
    }
}

/// Nothing for what goes nowhere, as without us.
fn sink(output: &Output, inherited: impl AsFd, escapes: bool) -> Result<Option<Sink>> {
    Ok(match output {
        Output::Nowhere => None,
        Output::Log => Some(Sink::Log(Arc::new(Lines::new(!escapes)))),
        Output::Callback(write) => Some(Sink::Callback(write.clone())),
        Output::Inherited => Outlet::open(inherited, escapes)?.map(|outlet| Sink::Process(Arc::new(outlet))),
    })
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
