//! What can go wrong: one enum for Rust, one number for C, and the detail a caller can act on.

mod names;
mod shown;
mod wasm_error;

pub(crate) use names::function_name;
#[cfg(feature = "wasi")]
pub(crate) use shown::is_harmful;
#[cfg(feature = "std")]
pub(crate) use shown::{harmless_json, message, shown_path};
pub(crate) use shown::{listed, shown};
pub use wasm_error::{Kind, WasmError};

use crate::stop::Reason;
use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;

/// The numbers C sees (`HOSTEL_STATUS_*`). Append only: a number never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
#[allow(missing_docs, reason = "each is documented once, in the C header (src/ffi/status.rs)")]
pub enum Status {
    Ok = 0,
    InvalidArgument = 1,
    Busy = 2,
    Unsupported = 3,
    OutOfResources = 4,
    Internal = 5,
    InvalidModule = 100,
    UnsupportedModule = 101,
    UnsupportedEngine = 102,
    ArtifactMismatch = 103,
    ArtifactCorrupt = 104,
    CacheIo = 105,
    NotCached = 106,
    LinkError = 200,
    NoSuchFunction = 201,
    BadAbi = 202,
    LimitNotCompiled = 300,
    GuestError = 301,
    HostError = 302,
    Trap = 303,
    StackOverflow = 304,
    OutOfFuel = 305,
    Deadline = 306,
    Cancelled = 307,
    MemoryLimit = 308,
    OutputTooLarge = 309,
    InstanceDead = 310,
    Exit = 311,
}

impl Status {
    /// Every status with its name, in the order of the numbers.
    pub const ALL: [(Status, &'static str); 28] = [
        (Status::Ok, "OK"),
        (Status::InvalidArgument, "INVALID_ARGUMENT"),
        (Status::Busy, "BUSY"),
        (Status::Unsupported, "UNSUPPORTED"),
        (Status::OutOfResources, "OUT_OF_RESOURCES"),
        (Status::Internal, "INTERNAL"),
        (Status::InvalidModule, "INVALID_MODULE"),
        (Status::UnsupportedModule, "UNSUPPORTED_MODULE"),
        (Status::UnsupportedEngine, "UNSUPPORTED_ENGINE"),
        (Status::ArtifactMismatch, "ARTIFACT_MISMATCH"),
        (Status::ArtifactCorrupt, "ARTIFACT_CORRUPT"),
        (Status::CacheIo, "CACHE_IO"),
        (Status::NotCached, "NOT_CACHED"),
        (Status::LinkError, "LINK_ERROR"),
        (Status::NoSuchFunction, "NO_SUCH_FUNCTION"),
        (Status::BadAbi, "BAD_ABI"),
        (Status::LimitNotCompiled, "LIMIT_NOT_COMPILED"),
        (Status::GuestError, "GUEST_ERROR"),
        (Status::HostError, "HOST_ERROR"),
        (Status::Trap, "TRAP"),
        (Status::StackOverflow, "STACK_OVERFLOW"),
        (Status::OutOfFuel, "OUT_OF_FUEL"),
        (Status::Deadline, "DEADLINE"),
        (Status::Cancelled, "CANCELLED"),
        (Status::MemoryLimit, "MEMORY_LIMIT"),
        (Status::OutputTooLarge, "OUTPUT_TOO_LARGE"),
        (Status::InstanceDead, "INSTANCE_DEAD"),
        (Status::Exit, "EXIT"),
    ];

    /// The status behind a number that came from C, if it is one.
    pub fn from_number(number: i32) -> Option<Status> {
        Self::ALL.iter().map(|&(status, _)| status).find(|&status| status as i32 == number)
    }

    /// Its name in the header, without the `HOSTEL_STATUS_` prefix.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|&&(status, _)| status == self).map_or("UNKNOWN", |&(_, name)| name)
    }
}

/// Why a guest was stopped by its engine (`HOSTEL_TRAP_*` in C, same numbers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
#[allow(missing_docs, reason = "the names are those of the WebAssembly specification's traps")]
pub enum TrapCode {
    Unreachable = 1,
    MemoryOutOfBounds = 2,
    TableOutOfBounds = 3,
    IndirectCallToNull = 4,
    BadSignature = 5,
    IntegerOverflow = 6,
    IntegerDivisionByZero = 7,
    BadConversionToInteger = 8,
    StackOverflow = 9,
    UnalignedAtomic = 10,
    UncaughtException = 11,
    OutOfMemory = 12,
    Other = 13,
    NullReference = 14,
}

impl TrapCode {
    /// Every code, in the order of the numbers.
    pub const ALL: [TrapCode; 14] = [
        TrapCode::Unreachable,
        TrapCode::MemoryOutOfBounds,
        TrapCode::TableOutOfBounds,
        TrapCode::IndirectCallToNull,
        TrapCode::BadSignature,
        TrapCode::IntegerOverflow,
        TrapCode::IntegerDivisionByZero,
        TrapCode::BadConversionToInteger,
        TrapCode::StackOverflow,
        TrapCode::UnalignedAtomic,
        TrapCode::UncaughtException,
        TrapCode::OutOfMemory,
        TrapCode::Other,
        TrapCode::NullReference,
    ];
}

impl fmt::Display for TrapCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TrapCode::Unreachable => "unreachable instruction executed",
            TrapCode::MemoryOutOfBounds => "memory access out of bounds",
            TrapCode::TableOutOfBounds => "table access out of bounds",
            TrapCode::IndirectCallToNull => "indirect call to a null table entry",
            TrapCode::BadSignature => "indirect call to a function of another type",
            TrapCode::IntegerOverflow => "integer overflow",
            TrapCode::IntegerDivisionByZero => "integer division by zero",
            TrapCode::BadConversionToInteger => "invalid conversion of a float to an integer",
            TrapCode::StackOverflow => "call stack exhausted",
            TrapCode::UnalignedAtomic => "unaligned atomic access",
            TrapCode::UncaughtException => "uncaught exception",
            TrapCode::OutOfMemory => "the system has no memory left",
            TrapCode::Other => "trap",
            TrapCode::NullReference => "use of a null reference",
        })
    }
}

/// One frame of a guest's stack at a trap, innermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Index of the function in the module's index space.
    pub function: u32,
    /// Its name, when the module has a name section.
    pub name: Option<String>,
    /// Offset in the module's bytes, when the engine keeps it.
    pub offset: Option<usize>,
}

/// A trap: its reason and where the guest was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// The reason.
    pub code: TrapCode,
    /// The guest's frames, innermost first; empty when the engine keeps none.
    pub backtrace: Vec<Frame>,
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.fmt(f)?;
        match self.backtrace.first() {
            Some(Frame { name: Some(name), .. }) => write!(f, " in {name}"),
            Some(Frame { function, .. }) => write!(f, " in function {function}"),
            None => Ok(()),
        }
    }
}

/// Everything this library can fail with.
#[derive(Clone, Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each variant is a status, documented in the C header")]
pub enum Error {
    #[error("{0}")]
    InvalidArgument(String),
    #[error("{0}")]
    Busy(String),
    #[error("{0}")]
    Unsupported(String),
    #[error("{0}")]
    OutOfResources(String),
    #[error("{0}")]
    Internal(String),
    #[error("{message} (at byte offset {offset:#x})")]
    InvalidModule { message: String, offset: usize },
    #[error("{0}")]
    InvalidText(String),
    #[error("{0}")]
    UnsupportedModule(String),
    #[error("{0}")]
    UnsupportedEngine(String),
    #[error("{0}")]
    ArtifactMismatch(String),
    #[error("{0}")]
    ArtifactCorrupt(String),
    #[error("{0}")]
    CacheIo(String),
    #[error("{0}")]
    NotCached(String),
    #[error("{0}")]
    Cancelled(String),
    #[error("{0}")]
    LimitNotCompiled(String),
    #[error("{message}")]
    OutOfFuel { message: String, backtrace: Vec<Frame> },
    #[error("{message}")]
    Stopped { reason: Reason, message: String, backtrace: Vec<Frame> },
    #[error("{0}")]
    Link(String),
    #[error("{0}")]
    NoSuchFunction(String),
    #[error("{0}")]
    BadAbi(String),
    #[error("{0}")]
    Misbehaved(String),
    #[error("{message}")]
    Envelope { message: String, payload: Vec<u8> },
    #[error("the guest said no: {}", Said(.payload, .wasm_error.as_deref()))]
    Guest { payload: Vec<u8>, trap: Option<Box<Trap>>, wasm_error: Option<Box<WasmError>> },
    #[error("{message}")]
    Host { message: String, wasm_error: Box<WasmError> },
    #[error("{0}")]
    Trap(Box<Trap>),
    #[error("{0}")]
    StackOverflow(Box<Trap>),
    #[error("{0}")]
    TooDeep(String),
    #[error("{message}")]
    MemoryLimit { message: String, cause: Option<Box<Error>> },
    #[error("the output of {len} bytes is over the limit of {max} bytes")]
    OutputTooLarge { len: u64, max: u64 },
    #[error("the program ended with exit code {code}")]
    Exit { code: i32 },
    #[error("{cause}")]
    Program { output: Vec<u8>, cause: Box<Error> },
    #[error("this instance was stopped half-way in an earlier call and cannot be used any more")]
    InstanceDead,
    #[error("{0}")]
    HalfWay(Box<Error>),
}

impl Error {
    /// The number C sees.
    pub fn status(&self) -> Status {
        match self {
            Error::InvalidArgument(_) => Status::InvalidArgument,
            Error::Busy(_) => Status::Busy,
            Error::Unsupported(_) => Status::Unsupported,
            Error::OutOfResources(_) => Status::OutOfResources,
            Error::Internal(_) => Status::Internal,
            Error::InvalidModule { .. } | Error::InvalidText(_) => Status::InvalidModule,
            Error::UnsupportedModule(_) => Status::UnsupportedModule,
            Error::UnsupportedEngine(_) => Status::UnsupportedEngine,
            Error::ArtifactMismatch(_) => Status::ArtifactMismatch,
            Error::ArtifactCorrupt(_) => Status::ArtifactCorrupt,
            Error::CacheIo(_) => Status::CacheIo,
            Error::NotCached(_) => Status::NotCached,
            Error::Cancelled(_) | Error::Stopped { reason: Reason::Cancelled, .. } => Status::Cancelled,
            Error::Stopped { reason: Reason::Deadline, .. } => Status::Deadline,
            Error::LimitNotCompiled(_) => Status::LimitNotCompiled,
            Error::OutOfFuel { .. } => Status::OutOfFuel,
            Error::Link(_) => Status::LinkError,
            Error::NoSuchFunction(_) => Status::NoSuchFunction,
            Error::BadAbi(_) | Error::Misbehaved(_) | Error::Envelope { .. } => Status::BadAbi,
            Error::Guest { .. } => Status::GuestError,
            Error::Host { .. } => Status::HostError,
            Error::Trap(_) => Status::Trap,
            Error::StackOverflow(_) | Error::TooDeep(_) => Status::StackOverflow,
            Error::MemoryLimit { .. } => Status::MemoryLimit,
            Error::OutputTooLarge { .. } => Status::OutputTooLarge,
            Error::Exit { .. } => Status::Exit,
            Error::Program { cause, .. } => cause.status(),
            Error::InstanceDead => Status::InstanceDead,
            Error::HalfWay(error) => error.status(),
        }
    }

    /// The same, of a guest that it has stopped half-way. What a host function told is the host's own affair: its kind says
    /// what that means for the guest.
    pub(crate) fn half_way(self) -> Error {
        if self.wasm_error().is_some() || self.maybe_corrupt() { self } else { Error::HalfWay(Box::new(self)) }
    }

    /// The end of a program's run, with what it had written until then.
    pub(crate) fn with_output(self, output: Vec<u8>) -> Error {
        if output.is_empty() { self } else { Error::Program { output, cause: Box::new(self) } }
    }

    /// What a program had written; else the bytes that the guest or a host function attached.
    pub fn payload(&self) -> &[u8] {
        match self {
            Error::Program { output, .. } => output,
            Error::Guest { payload, .. } | Error::Envelope { payload, .. } => payload,
            Error::Host { wasm_error, .. } => &wasm_error.payload,
            Error::MemoryLimit { cause: Some(cause), .. } | Error::HalfWay(cause) => cause.payload(),
            _ => &[],
        }
    }

    /// What a program said with its end; nothing for other errors.
    pub fn exit_code(&self) -> Option<i32> {
        match self {
            Error::Exit { code } => Some(*code),
            Error::HalfWay(cause) | Error::Program { cause, .. } => cause.exit_code(),
            _ => None,
        }
    }

    /// The trap behind this error, if there was one.
    pub fn trap(&self) -> Option<&Trap> {
        match self {
            Error::Trap(trap) | Error::StackOverflow(trap) | Error::Guest { trap: Some(trap), .. } => Some(trap),
            Error::MemoryLimit { cause: Some(cause), .. } | Error::HalfWay(cause) | Error::Program { cause, .. } => cause.trap(),
            _ => None,
        }
    }

    /// Where the guest was when it trapped or was stopped, innermost first; empty when that is not known.
    pub fn backtrace(&self) -> &[Frame] {
        match self {
            Error::OutOfFuel { backtrace, .. } | Error::Stopped { backtrace, .. } => backtrace,
            Error::HalfWay(cause) | Error::Program { cause, .. } => cause.backtrace(),
            _ => self.trap().map_or(&[], |trap| &trap.backtrace),
        }
    }

    /// The error as a guest or host function told it, if it came with its kind and place.
    pub fn wasm_error(&self) -> Option<&WasmError> {
        match self {
            Error::Guest { wasm_error, .. } => wasm_error.as_deref(),
            Error::Host { wasm_error, .. } => Some(wasm_error),
            Error::MemoryLimit { cause: Some(cause), .. } | Error::HalfWay(cause) | Error::Program { cause, .. } => {
                cause.wasm_error()
            }
            _ => None,
        }
    }

    /// What it counts as in holochain's taxonomy; nothing when that has no word for it.
    pub fn kind(&self) -> Option<Kind> {
        Kind::of(self)
    }

    /// True when the guest's state may be inconsistent: it was stopped half-way, it handed out addresses that make no sense, or
    /// an error that it or a host function told is of such a kind. An instance that was stopped half-way is dead just then.
    pub fn maybe_corrupt(&self) -> bool {
        if let Error::Program { cause, .. } = self {
            return cause.maybe_corrupt();
        }
        match self.wasm_error() {
            Some(told) => told.kind.maybe_corrupt(),
            None => {
                use Error::{HalfWay, InstanceDead, Internal, Misbehaved};
                self.trap().is_some() || matches!(self, HalfWay(_) | Misbehaved(_) | Internal(_) | InstanceDead)
            }
        }
    }
}

/// What a guest said: with its kind and place if it told them.
struct Said<'a>(&'a [u8], Option<&'a WasmError>);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(told) => told.fmt(f),
            None => Preview(self.0).fmt(f),
        }
    }
}

/// Bytes of a guest's choosing: as text when they are text, else their length.
struct Preview<'a>(&'a [u8]);

impl fmt::Display for Preview<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match core::str::from_utf8(self.0) {
            Ok(text) => f.write_str(&shown(text)),
            Err(_) => write!(f, "{} bytes of payload", self.0.len()),
        }
    }
}
