//! WASI 0.1 for guests of every engine, through wasmtime-wasi. A guest gets what its host grants and nothing else: no
//! arguments, no environment, no files, an empty input, an output that nobody reads.
//!
//! What one call has opened goes with it: the state of WASI (`session`) is made when a call first asks for something, and
//! dropped when its room is put back. An instance that keeps its state keeps this one too.

mod executor;
mod functions;
mod session;
mod streams;

pub use functions::{Function, MODULE};
pub use streams::Moment;

use crate::engine::Instance;
use crate::{Error, Result};
use alloc::{boxed::Box, format, string::String, sync::Arc, vec::Vec};
use core::fmt;
use session::Session;
use std::path::{Path, PathBuf};
use std::time::Duration;
use streams::Capture;

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
    /// That of the host's process.
    Inherited,
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

/// A directory that a guest may use.
#[derive(Clone, Debug)]
struct Directory {
    host: PathBuf,
    guest: String,
    read_only: bool,
}

/// What a host grants.
#[derive(Clone)]
pub struct Wasi {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    directories: Vec<Directory>,
    input: Input,
    output: Output,
    errors: Output,
    clock: Option<Duration>,
    seed: Option<[u8; 32]>,
}

impl Default for Wasi {
    fn default() -> Self {
        Wasi {
            arguments: Vec::new(),
            environment: Vec::new(),
            directories: Vec::new(),
            input: Input::Bytes(Arc::default()),
            output: Output::Nowhere,
            errors: Output::Log,
            clock: None,
            seed: None,
        }
    }
}

impl Wasi {
    /// One more argument; the first is the program's name, by custom.
    pub fn argument(&mut self, argument: &str) -> Result<()> {
        self.arguments.push(without_nul("argument", argument)?.into());
        Ok(())
    }

    /// One more variable of the environment, or another value for it.
    pub fn variable(&mut self, name: &str, value: &str) -> Result<()> {
        if name.is_empty() || name.contains('=') {
            return Err(Error::InvalidArgument(format!("name: \"{name}\" cannot name a variable of an environment")));
        }
        let (name, value) = (without_nul("name", name)?, without_nul("value", value)?);
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.into(), value.into()));
        Ok(())
    }

    /// A directory of the host's and all below it, under the name that the guest has for it.
    pub fn directory(&mut self, host: &Path, guest: &str, read_only: bool) -> Result<()> {
        let guest = without_nul("guest", guest)?;
        if guest.is_empty() {
            return Err(Error::InvalidArgument("guest: the name of a directory is empty".into()));
        }
        // Named anew from the root: a host that changes its working directory grants no other one.
        let host = host.canonicalize().and_then(|path| std::fs::read_dir(&path).map(|_| path));
        let host = host.map_err(|error| Error::InvalidArgument(format!("host: the directory cannot be read: {error}")))?;
        self.directories.push(Directory { host, guest: guest.into(), read_only });
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

    /// Where the guest's complaints go.
    pub fn set_errors(&mut self, output: Output) {
        self.errors = output;
    }

    /// Makes all clocks stand still, at this time since 1970.
    pub fn set_clock(&mut self, now: Duration) {
        self.clock = Some(now);
    }

    /// Makes random numbers those that follow from a seed, the same in each call.
    pub fn set_seed(&mut self, seed: [u8; 32]) {
        self.seed = Some(seed);
    }

    /// Answers a guest's call of a WASI function: results in place of the parameters.
    pub(crate) fn call(&self, function: Function, instance: &mut dyn Instance, slots: &mut [u64]) -> Result<()> {
        let state = instance.state();
        state.host_used |= !function.is_steady();
        if function == Function::ProcExit {
            return Err(Error::Exit { code: slots.first().map_or(0, |&slot| slot as i32), payload: Vec::new() });
        }
        let moment = Moment { context: *state.context.get_mut(), deadline: state.bounds.deadline };
        let (bounds, stop) = (state.bounds.clone(), state.stop.clone());
        let mut session = match state.wasi.session.take() {
            Some(session) => session,
            None => Box::new(Session::new(self, &mut state.wasi)?),
        };
        let answer = streams::during(moment, || session.answer(function, instance.memory(), slots, &bounds, &stop));
        instance.state().wasi.session = Some(session);
        let errno = answer?;
        if let Some(slot) = slots.first_mut() {
            *slot = u64::from(errno as u32);
        }
        Ok(())
    }
}

fn without_nul<'a>(what: &str, text: &'a str) -> Result<&'a str> {
    if text.contains('\0') { Err(Error::InvalidArgument(format!("{what}: it contains a zero byte"))) } else { Ok(text) }
}

/// What WASI holds for the call that an instance is busy with.
#[derive(Default)]
pub struct PerCall {
    session: Option<Box<Session>>,
    /// What the program reads, instead of what was granted.
    input: Option<bytes::Bytes>,
    /// Who takes what it writes, instead.
    output: Option<Capture>,
}

impl PerCall {
    /// Begins the run of a program: this is its input, if it is not empty, and its output will be taken, up to so many bytes.
    pub(crate) fn begin(&mut self, input: &[u8], output_max: u64) {
        let input = (!input.is_empty()).then(|| bytes::Bytes::copy_from_slice(input));
        *self = PerCall { session: None, input, output: Some(Capture::new(output_max)) };
    }

    /// Ends it: what it has written.
    pub(crate) fn end(&mut self) -> Vec<u8> {
        let output = self.output.take().map(|output| output.take()).unwrap_or_default();
        *self = PerCall::default();
        output
    }
}

impl fmt::Debug for PerCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerCall").field("begun", &self.session.is_some()).finish_non_exhaustive()
    }
}
