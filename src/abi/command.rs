//! Programs of WASI: what the call brings is their input, what they write is what it returns.

use super::{Convention, START, is_program};
use crate::engine::Instance;
use crate::inspect::{FuncType, ModuleInfo};
use crate::{Error, Result};
use alloc::{boxed::Box, format};

/// A program.
pub(super) struct Command;

impl Command {
    pub fn bind(info: &ModuleInfo) -> Result<Self> {
        is_program(info)
            .then_some(Command)
            .ok_or_else(|| Error::BadAbi(format!("the guest is no program: it exports no function {START}")))
    }
}

impl Convention for Command {
    fn check(&self, name: &str, ty: &FuncType) -> Result<()> {
        if name == START && ty.slots() == 0 {
            return Ok(());
        }
        Err(Error::BadAbi(format!(
            "the guest is a program, which is run as a whole ({START}): {name} cannot be called with bytes"
        )))
    }

    fn call(&self, instance: &mut dyn Instance, export: usize, input: &[u8], output_max: u64) -> Result<Box<[u8]>> {
        instance.state().wasi.begin(input, output_max)?;
        match instance.call(export, &mut []) {
            Ok(()) | Err(Error::Exit { code: 0 }) => Ok(instance.state().wasi.end().into()),
            // What it has written goes with any error (`Room::call`).
            Err(error) => Err(error),
        }
    }
}
