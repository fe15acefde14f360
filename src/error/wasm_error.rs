//! The error taxonomy of holochain's guests: what they and their hosts tell each other, and what every other error of
//! this library counts as among them. The kinds and what they mean are those of crate `holochain_wasmer_common` 0.0.103.

use super::{Error, Preview, shown};
use alloc::{string::String, vec::Vec};
use core::fmt;

/// A kind of error (`HOSTEL_KIND_*` in C, same numbers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
#[allow(missing_docs, reason = "each is documented once, in the C header (src/ffi/error.rs)")]
pub enum Kind {
    PointerMap = 1,
    Deserialize = 2,
    Serialize = 3,
    ErrorWhileError = 4,
    Memory = 5,
    Guest = 6,
    Host = 7,
    HostShortCircuit = 8,
    ModuleBuild = 9,
    ModuleSerialize = 10,
    ModuleDeserialize = 11,
    CallError = 12,
}

impl Kind {
    /// What a failure counts as that a host function told without a kind.
    pub const UNTOLD: Kind = if cfg!(feature = "error-as-host") { Kind::Host } else { Kind::Guest };

    /// Every kind with the name it travels under, in the order of the numbers.
    pub const ALL: [(Kind, &'static str); 12] = [
        (Kind::PointerMap, "PointerMap"),
        (Kind::Deserialize, "Deserialize"),
        (Kind::Serialize, "Serialize"),
        (Kind::ErrorWhileError, "ErrorWhileError"),
        (Kind::Memory, "Memory"),
        (Kind::Guest, "Guest"),
        (Kind::Host, "Host"),
        (Kind::HostShortCircuit, "HostShortCircuit"),
        (Kind::ModuleBuild, "ModuleBuild"),
        (Kind::ModuleSerialize, "ModuleSerialize"),
        (Kind::ModuleDeserialize, "ModuleDeserialize"),
        (Kind::CallError, "CallError"),
    ];

    /// The kind behind a number that came from C, if it is one.
    pub fn from_number(number: i32) -> Option<Kind> {
        Self::ALL.iter().map(|&(kind, _)| kind).find(|&kind| kind as i32 == number)
    }

    /// The kind that travels under this name, if it is one.
    pub fn from_name(name: &str) -> Option<Kind> {
        Self::ALL.iter().find(|&&(_, known)| known == name).map(|&(kind, _)| kind)
    }

    /// The name it travels under.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize - 1].1
    }

    /// Whether what it carries is text.
    pub(crate) fn is_text(self) -> bool {
        use Kind::*;
        !matches!(self, PointerMap | ErrorWhileError | Memory | Deserialize | HostShortCircuit)
    }

    /// Whether an instance that was part of such an error is not to be used again.
    pub fn maybe_corrupt(self) -> bool {
        match self {
            Kind::PointerMap | Kind::ErrorWhileError | Kind::Memory | Kind::CallError => true,
            Kind::ModuleBuild | Kind::ModuleSerialize | Kind::ModuleDeserialize => true,
            Kind::Deserialize | Kind::Serialize | Kind::Guest | Kind::Host | Kind::HostShortCircuit => false,
        }
    }

    /// Whether the host, rather than the guest, is where such an error comes from.
    pub fn is_of_the_host(self) -> bool {
        use Kind::*;
        matches!(self, Host | HostShortCircuit | ModuleBuild | ModuleSerialize | ModuleDeserialize | CallError)
    }

    /// What an error that did not come with a kind counts as.
    pub(super) fn of(error: &Error) -> Option<Kind> {
        if let Some(told) = error.wasm_error() {
            return Some(told.kind);
        }
        Some(match error {
            Error::HalfWay(error) => return Kind::of(error),
            Error::MemoryLimit { cause: Some(cause), .. } if matches!(**cause, Error::Guest { .. }) => return Kind::of(cause),
            Error::Guest { .. } => Kind::Guest,
            Error::Program { cause, .. } => return Kind::of(cause),
            Error::InvalidModule { .. } | Error::InvalidText(_) | Error::UnsupportedModule(_) | Error::Link(_) => {
                Kind::ModuleBuild
            }
            Error::ArtifactMismatch(_) | Error::ArtifactCorrupt(_) => Kind::ModuleDeserialize,
            Error::Envelope { .. } => Kind::Deserialize,
            Error::Misbehaved(_) => Kind::Memory,
            // It cannot be called as it is.
            Error::NoSuchFunction(_) | Error::BadAbi(_) | Error::InstanceDead => Kind::CallError,
            // It did not come back.
            Error::Trap(_) | Error::StackOverflow(_) | Error::TooDeep(_) | Error::MemoryLimit { .. } => Kind::CallError,
            Error::OutOfFuel { .. } | Error::Stopped { .. } => Kind::CallError,
            _ => return None,
        })
    }
}

/// An error with its kind and the place in the source where it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WasmError {
    /// The Rust module it was made in, such as `my_guest::entries`.
    pub module_path: String,
    /// The line in that module's file.
    pub line: u32,
    /// What it is.
    pub kind: Kind,
    /// What the kind carries: bytes for `Deserialize` and `HostShortCircuit`, nothing for the kinds without a value,
    /// else text.
    pub payload: Vec<u8>,
    /// For `Serialize`: whether it was decoding that failed.
    pub while_decoding: bool,
}

impl WasmError {
    /// An error of the host's making: kinds that carry bytes get `bytes`, those that carry text get `text`.
    pub fn new(module_path: String, line: u32, kind: Kind, text: &str, bytes: &[u8]) -> Self {
        let payload = match kind {
            Kind::PointerMap | Kind::ErrorWhileError | Kind::Memory => Vec::new(),
            Kind::Deserialize | Kind::HostShortCircuit => bytes.to_vec(),
            _ => text.as_bytes().to_vec(),
        };
        WasmError { module_path, line, kind, payload, while_decoding: false }
    }

    /// An error of the host's making that came without kind and place.
    pub fn untold(payload: Vec<u8>) -> Self {
        WasmError { module_path: "hostel".into(), line: 0, kind: Kind::UNTOLD, payload, while_decoding: false }
    }
}

impl fmt::Display for WasmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", shown(&self.module_path), self.line, self.kind.name())?;
        if self.payload.is_empty() { Ok(()) } else { write!(f, ": {}", Preview(&self.payload)) }
    }
}
