//! What a module is, before any engine sees it: valid or not and where, within the caps or not,
//! what it imports and exports, which ABI it speaks, and what stands in the way of resetting it.

#[cfg(feature = "std")]
pub mod json;
mod proposals;
mod scan;
mod types;
#[cfg(feature = "std")]
pub(crate) mod weight;

pub use proposals::{PROPOSALS, lacking};
pub use types::{Export, ExternType, FuncType, Import, Range, ValueType};
pub use wasmparser::WasmFeatures as Features;

use crate::abi::Abi;
use crate::error::shown;
use crate::limits::{Limit, Limits};
use crate::prepare::Meters;
use crate::{Error, Result};
use alloc::{format, string::String, vec::Vec};

/// A core module's outline.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub struct ModuleInfo {
    /// BLAKE3 of the module's bytes.
    pub key: [u8; 32],
    /// Its size in bytes.
    pub bytes: u64,
    /// How many functions it defines.
    pub functions: u64,
    /// The size of its largest function's body, in bytes.
    pub function_bytes: u64,
    /// What it needs, in the order of its import section.
    pub imports: Vec<Import>,
    /// What it offers, in the order of its export section.
    pub exports: Vec<Export>,
    /// Every memory, imported ones first.
    pub memories: Vec<ExternType>,
    /// Every table, imported ones first.
    pub tables: Vec<ExternType>,
    /// The guest ABI its imports and exports speak, if it is one we know.
    pub abi: Option<Abi>,
    /// Whether it has a start function.
    pub starts: bool,
    /// Whether it has an instruction that makes a memory larger.
    pub grows_memory: bool,
    /// Whether it has an instruction that writes to a table, other than making it larger.
    pub writes_tables: bool,
    /// What keeps a used instance from being reset to new; empty when nothing does.
    pub not_resettable: Vec<String>,
    /// The limits that were compiled into it.
    pub meters: Option<Meters>,
}

impl ModuleInfo {
    /// Whether it is within the limits, for modules that were inspected under others.
    pub fn check(&self, limits: &Limits) -> Result<()> {
        limits.check(Limit::ModuleBytes, self.bytes)?;
        limits.check(Limit::Functions, self.functions)?;
        limits.check(Limit::FunctionBytes, self.function_bytes)?;
        limits.check(Limit::TableElements, self.table_elements_at_start())
    }

    /// The position in `exports` of the function with this name.
    pub fn function(&self, name: &str) -> Option<usize> {
        self.exports.iter().position(|export| export.name == name && matches!(export.ty, ExternType::Function(_)))
    }

    /// The position in `exports` of the memory that host and guest share bytes in, by convention called "memory".
    pub fn memory(&self) -> Option<usize> {
        self.exports.iter().position(|export| export.name == "memory" && matches!(export.ty, ExternType::Memory { .. }))
    }

    /// The type of an exported function.
    pub fn function_type(&self, export: usize) -> Option<&FuncType> {
        match &self.exports.get(export)?.ty {
            ExternType::Function(ty) => Some(ty),
            _ => None,
        }
    }

    /// Whether its code counts fuel.
    pub fn counts_fuel(&self) -> bool {
        self.meters.as_ref().is_some_and(|meters| meters.fuel_global.is_some())
    }

    /// Bytes of all memories at the start.
    pub fn memory_bytes_at_start(&self) -> u64 {
        let bytes = |ty: &ExternType| match ty {
            ExternType::Memory { pages, page_bytes, .. } => pages.min.saturating_mul(*page_bytes),
            _ => 0,
        };
        self.memories.iter().map(bytes).fold(0, u64::saturating_add)
    }

    /// Elements of all tables at the start.
    pub fn table_elements_at_start(&self) -> u64 {
        let elements = |ty: &ExternType| match ty {
            ExternType::Table { size, .. } => size.min,
            _ => 0,
        };
        self.tables.iter().map(elements).fold(0, u64::saturating_add)
    }
}

/// Reads and validates a core module for an engine that has `features`.
///
/// `INVALID_MODULE` when it does not validate with every proposal on; `UNSUPPORTED_MODULE`, naming what is
/// missing, when only the engine stands in the way, and for what no engine here takes: components, modules over
/// the caps, shared memories, and waiting on or notifying other threads.
pub fn inspect(wasm: &[u8], features: Features, limits: &Limits) -> Result<ModuleInfo> {
    match scan::scan(wasm, features, limits) {
        Ok(mut info) => {
            info.abi = Abi::detect(&info);
            Ok(info)
        }
        // Validating once with what the engine has is the common way; only a failure asks whose fault it is.
        Err(scan::Failure::Invalid(first)) => {
            if let Err(error) = wasmparser::Validator::new_with_features(Features::all()).validate_all(wasm) {
                return Err(invalid(&error));
            }
            let needed = proposals::needed(wasm, features);
            let first = shown(first.message());
            Err(Error::UnsupportedModule(format!("the engine lacks {}: {first}", proposals::list(&needed))))
        }
        Err(scan::Failure::Refused(error)) => Err(error),
    }
}

/// Whether bytes are a binary module or component from the first to the last, whatever its sections hold.
#[cfg(feature = "std")]
pub fn is_module(bytes: &[u8]) -> bool {
    let Some(sections) = bytes.strip_prefix(b"\0asm").and_then(|rest| rest.get(4..)) else { return false };
    let mut reader = wasmparser::BinaryReader::new(sections, 0);
    while !reader.eof() {
        let section = reader.read_u8().and_then(|_| reader.read_var_u32()).and_then(|len| reader.read_bytes(len as usize));
        if section.is_err() {
            return false;
        }
    }
    true
}

fn invalid(error: &wasmparser::BinaryReaderError) -> Error {
    let mut message = shown(error.message());
    if message.starts_with("magic header not detected") {
        message =
            "not a WebAssembly module: a binary module begins with \"\\0asm\"; text format has a function of its own".into();
    }
    Error::InvalidModule { message, offset: error.offset() as usize }
}
