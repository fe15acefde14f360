//! Guest ABIs: how bytes go into a guest and come out, by whatever convention its toolchain follows.
//! One file an ABI.

mod blocks;
#[cfg(feature = "wasi")]
mod command;
mod holochain;
mod hostel;

use crate::engine::Instance;
use crate::error::shown;
use crate::host::Reply;
use crate::inspect::{FuncType, ModuleInfo};
use crate::{Error, Result};
use alloc::{boxed::Box, format};
use core::fmt::Display;
use core::ops::Range;

/// The ABIs there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
pub enum Abi {
    /// The plain one of this library.
    Hostel,
    /// That of crate `holochain_wasmer_guest`.
    Holochain,
    /// A program of WASI: its input is the standard input, its output the standard output.
    Command,
}

/// The export that runs a program.
pub const START: &str = "_start";

/// A reactor's own start, by the convention of the WASI toolchains: called once, before anything else.
pub const INITIALIZE: &str = "_initialize";

/// Whether a function of this name is called by the ABI itself, or before the first call: not one for hosts to call.
pub fn is_internal(abi: Option<Abi>, name: &str) -> bool {
    name == INITIALIZE
        || match abi {
            Some(Abi::Hostel) => hostel::ALLOCATOR.contains(&name),
            Some(Abi::Holochain) => holochain::ALLOCATOR.contains(&name),
            Some(Abi::Command) | None => false,
        }
}

impl Abi {
    const ALL: [Abi; 3] = [Abi::Hostel, Abi::Holochain, Abi::Command];

    /// The ABI a module speaks, told from what it imports and exports.
    pub fn detect(info: &ModuleInfo) -> Option<Abi> {
        Self::ALL.into_iter().find(|abi| match abi {
            Abi::Hostel => hostel::detect(info),
            Abi::Holochain => holochain::detect(info),
            Abi::Command => is_program(info),
        })
    }

    /// Its name in options and reports.
    pub fn name(self) -> &'static str {
        match self {
            Abi::Hostel => "hostel",
            Abi::Holochain => "holochain",
            Abi::Command => "command",
        }
    }

    /// The ABI with this name.
    pub fn from_name(name: &str) -> Result<Abi> {
        Self::ALL.into_iter().find(|abi| abi.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Abi::name).join(", ");
            Error::InvalidArgument(format!("abi: there is no ABI called \"{}\"; there are auto, {known}", shown(name)))
        })
    }

    /// Checks that a module has what the ABI needs.
    pub(crate) fn bind(self, info: &ModuleInfo) -> Result<Box<dyn Convention>> {
        match self {
            Abi::Hostel => Ok(Box::new(hostel::Hostel::bind(info)?)),
            Abi::Holochain => Ok(Box::new(holochain::Holochain::bind(info)?)),
            #[cfg(feature = "wasi")]
            Abi::Command => Ok(Box::new(command::Command::bind(info)?)),
            #[cfg(not(feature = "wasi"))]
            Abi::Command => Err(Error::Unsupported("this build has no WASI, which programs need".into())),
        }
    }
}

/// Whether a module is run as a whole.
fn is_program(info: &ModuleInfo) -> bool {
    info.function(START).and_then(|export| info.function_type(export)).is_some_and(|ty| ty.slots() == 0)
}

/// An ABI bound to a module.
pub(crate) trait Convention: Send + Sync {
    /// Whether an exported function can be called with bytes; BAD_ABI, saying what it should look like, if not.
    fn check(&self, name: &str, ty: &FuncType) -> Result<()>;

    /// Puts the input in, calls the function, takes the output out.
    fn call(&self, instance: &mut dyn Instance, export: usize, input: &[u8], output_max: u64) -> Result<Box<[u8]>>;

    /// What a value of no bytes at all is.
    fn nothing(&self) -> &'static [u8] {
        &[]
    }

    /// A block of so many bytes in the guest's memory, which then belongs to the guest: its address.
    fn allocate(&self, _instance: &mut dyn Instance, _len: usize) -> Result<u64> {
        Err(no_allocator())
    }

    /// Gives a block back that the guest, or `allocate`, gave away.
    fn deallocate(&self, _instance: &mut dyn Instance, _address: u64, _len: usize) -> Result<()> {
        Err(no_allocator())
    }

    /// The type that a host function of bytes has in this ABI, if it has such functions.
    fn host_type(&self) -> Option<FuncType> {
        None
    }

    /// Where in the guest's memory the input of a host function lies, told from the parameters in `slots`.
    fn host_input(&self, _instance: &mut dyn Instance, _slots: &[u64]) -> Result<Range<usize>> {
        Err(Error::Internal("the ABI has no host functions of bytes".into()))
    }

    /// The host function has read its input: gives it back to the guest's allocator, where that is the host's to do.
    fn host_input_done(&self, _instance: &mut dyn Instance, _input: Range<usize>) -> Result<()> {
        Ok(())
    }

    /// Puts a host function's answer into the guest and its place into `slots`.
    fn host_reply(&self, _instance: &mut dyn Instance, _reply: Reply, _slots: &mut [u64]) -> Result<()> {
        Err(Error::Internal("the ABI has no host functions of bytes".into()))
    }

    /// A function that the ABI itself provides to guests, if it has one of this name.
    fn provided(&self, _module: &str, _name: &str) -> Option<&'static Provided> {
        None
    }
}

/// What is left to those who want memory of a guest that lends none.
pub(crate) fn no_allocator() -> Error {
    Error::BadAbi("the guest's ABI has no allocator that a host could call".into())
}

/// A function that an ABI provides to its guests.
pub(crate) struct Provided {
    /// Its type, made when asked for.
    pub ty: fn() -> FuncType,
    /// Does it.
    pub call: fn(&mut dyn Instance, &mut [u64]) -> Result<()>,
}

/// The bytes of `len` at `ptr` as a range of the guest's memory; `what` names them when they are not inside.
fn range(instance: &mut dyn Instance, ptr: u32, len: u32, what: impl Display) -> Result<Range<usize>> {
    let (start, size) = (ptr as usize, instance.memory().len());
    match start.checked_add(len as usize) {
        Some(end) if end <= size => Ok(start..end),
        _ => Err(Error::Misbehaved(format!("{what} ({len} bytes at {ptr:#x}) is outside the guest's memory of {size} bytes"))),
    }
}
