//! WASI 0.1 for guests of every engine, through wasmtime-wasi. A guest gets what its host grants and nothing else: no
//! arguments, no environment, no files, an empty input, an output that nobody reads.
//!
//! What one call has opened goes with it: the state of WASI (`session`) is made when a call first asks for something, and
//! dropped when its room is put back. An instance that keeps its state keeps this one too.

#[cfg(feature = "wasi")]
mod arguments;
#[cfg(feature = "wasi")]
mod escape;
#[cfg(feature = "wasi")]
mod executor;
#[cfg(feature = "wasi")]
mod functions;
#[cfg(feature = "wasi")]
mod granted;
#[cfg(feature = "wasi")]
mod listings;
#[cfg(feature = "wasi")]
mod paths;
#[cfg(feature = "wasi")]
mod process;
#[cfg(feature = "wasi")]
mod run;
#[cfg(feature = "wasi")]
mod session;
#[cfg(feature = "wasi")]
mod streams;

#[cfg(feature = "wasi")]
pub use functions::{Function, MODULE};
#[cfg(feature = "wasi")]
pub use run::PerCall;

use crate::error::shown;
use crate::{Error, Result};
use alloc::{format, string::String, sync::Arc, vec::Vec};
use core::ffi::c_void;
use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

/// What callbacks are told of the call that they serve.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// What the host gave with its options.
    pub context: *mut c_void,
    /// When it is to be over.
    pub deadline: Option<Instant>,
}

impl Moment {
    /// How long it may still take; all there is where it has no end.
    pub fn nanoseconds_left(&self) -> u64 {
        let left = self.deadline.map(|at| at.saturating_duration_since(Instant::now()).as_nanos());
        left.map_or(u64::MAX, |left| u64::try_from(left).unwrap_or(u64::MAX))
    }
}

/// Takes what a program writes.
pub type Writer = dyn Fn(Moment, &[u8]) -> Result<()> + Send + Sync;
/// Fills a buffer with what a program reads: how many bytes, 0 at the end.
pub type Reader = dyn Fn(Moment, &mut [u8]) -> Result<usize> + Send + Sync;

/// Where what a program reads comes from.
#[derive(Clone)]
pub enum Input {
    /// These bytes, from the first on in each call.
    Bytes(Arc<[u8]>),
    /// A function of the host's.
    Callback(Arc<Reader>),
    /// That which the host's process had when this was made, if it had one.
    Inherited(Option<Arc<File>>),
}

impl Input {
    /// That of the host's process.
    pub fn inherited() -> Result<Input> {
        #[cfg(feature = "wasi")]
        return process::duplicate(std::io::stdin()).map(|file| Input::Inherited(file.map(Arc::new)));
        #[cfg(not(feature = "wasi"))]
        Ok(Input::Inherited(None))
    }
}

/// Where what a program writes goes.
#[derive(Clone)]
pub enum Output {
    /// Nowhere.
    Nowhere,
    /// To the log, line by line, at level INFO and target `hostel::guest`.
    Log,
    /// To a function of the host's.
    Callback(Arc<Writer>),
    /// To that of the host's process.
    Inherited,
}

/// What a program is called whose host grants no arguments.
#[cfg(feature = "wasi")]
const PROGRAM: &str = "program";
/// How many bytes the arguments and variables of a guest may take together, each with a zero byte and a pointer of four.
const ARGUMENTS_MAX: usize = 16 << 20;

/// A directory that a guest may use.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "wasi"), allow(dead_code, reason = "then there are none"))]
struct Directory {
    host: Arc<Path>,
    guest: String,
    read_only: bool,
}

/// What a host grants.
#[derive(Clone)]
#[cfg_attr(not(feature = "wasi"), allow(dead_code, reason = "then there are none"))]
pub struct Wasi {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// How many bytes both take in the guest.
    argument_bytes: usize,
    directories: Vec<Directory>,
    input: Input,
    output: Output,
    /// Whether what programs write goes there, too, and not only to who has called them.
    shows: bool,
    errors: Output,
    /// Whether what terminals obey is escaped there; if the host has not said, in the log.
    escapes: Option<bool>,
    clock: Option<Duration>,
    seed: Option<[u8; 32]>,
}

impl Default for Wasi {
    fn default() -> Self {
        Wasi {
            arguments: Vec::new(),
            environment: Vec::new(),
            argument_bytes: 0,
            directories: Vec::new(),
            input: Input::Bytes(Arc::default()),
            output: Output::Nowhere,
            shows: false,
            errors: Output::Log,
            escapes: None,
            clock: None,
            seed: None,
        }
    }
}

impl Wasi {
    /// Nothing. UNSUPPORTED where there is nobody to give it to.
    pub fn new() -> Result<Self> {
        if cfg!(feature = "wasi") { Ok(Wasi::default()) } else { Err(Error::Unsupported("this build has no WASI".into())) }
    }

    /// One more argument; the first is the program's name, by custom.
    pub fn argument(&mut self, argument: &str) -> Result<()> {
        let argument = without_nul("argument", argument)?;
        self.make_room("argument", 0, room_of(argument.len()))?;
        self.arguments.push(argument.into());
        Ok(())
    }

    /// One more variable of the environment, or another value for it.
    pub fn variable(&mut self, name: &str, value: &str) -> Result<()> {
        if name.is_empty() || name.contains('=') {
            return Err(Error::InvalidArgument(format!("name: \"{}\" cannot name a variable of an environment", shown(name))));
        }
        let (name, value) = (without_nul("name", name)?, without_nul("value", value)?);
        let known = self.environment.iter().position(|(known, _)| known == name);
        let room = |value: &str| room_of(name.len() + "=".len() + value.len());
        self.make_room("value", known.map_or(0, |at| room(&self.environment[at].1)), room(value))?;
        known.map(|at| self.environment.remove(at));
        self.environment.push((name.into(), value.into()));
        Ok(())
    }

    /// Notes that the guest gets so many bytes more, and others no longer.
    fn make_room(&mut self, what: &str, old: usize, new: usize) -> Result<()> {
        let bytes = self.argument_bytes - old + new;
        if bytes > ARGUMENTS_MAX {
            let message = format!("{what}: the guest's arguments and variables would be over {ARGUMENTS_MAX} bytes together");
            return Err(Error::InvalidArgument(message));
        }
        self.argument_bytes = bytes;
        Ok(())
    }

    /// A directory of the host's and all below it, under the name that the guest has for it.
    pub fn directory(&mut self, host: &Path, guest: &str, read_only: bool) -> Result<()> {
        let guest = without_nul("guest_path", guest)?;
        if guest.is_empty() {
            return Err(Error::InvalidArgument("guest_path: the name of a directory is empty".into()));
        }
        // Named anew from the root: a host that changes its working directory grants no other one.
        let readable = host.canonicalize().and_then(|path| std::fs::read_dir(&path).map(|_| path));
        let host = readable.map_err(|error| {
            let why = crate::sys::words(error);
            Error::InvalidArgument(format!("host_path: the directory {} cannot be read: {why}", crate::error::shown_path(host)))
        })?;
        self.directories.retain(|known| known.guest != guest);
        self.directories.push(Directory { host: host.into(), guest: guest.into(), read_only });
        Ok(())
    }

    /// What the guest reads, unless the call brings an input.
    pub fn set_input(&mut self, input: Input) {
        self.input = input;
    }

    /// Where the guest's output goes, unless it is what the call returns.
    pub fn set_output(&mut self, output: Output) {
        self.output = output;
    }

    /// Whether what a program writes goes there as it writes it, although it is what the call returns.
    pub fn set_shows(&mut self, shows: bool) {
        self.shows = shows;
    }

    /// Where the guest's complaints go.
    pub fn set_errors(&mut self, output: Output) {
        self.errors = output;
    }

    /// Whether what terminals obey is escaped in the guest's complaints.
    pub fn set_escapes(&mut self, escapes: bool) {
        self.escapes = Some(escapes);
    }

    /// Makes all clocks stand still, at this time since 1970.
    pub fn set_clock(&mut self, now: Duration) {
        self.clock = Some(now);
    }

    /// Makes random numbers those that follow from a seed, the same in each call.
    pub fn set_seed(&mut self, seed: [u8; 32]) {
        self.seed = Some(seed);
    }
}

/// What a text of so many bytes takes in the guest.
fn room_of(len: usize) -> usize {
    len + 1 + size_of::<u32>()
}

fn without_nul<'a>(what: &str, text: &'a str) -> Result<&'a str> {
    if text.contains('\0') { Err(Error::InvalidArgument(format!("{what}: it contains a zero byte"))) } else { Ok(text) }
}
