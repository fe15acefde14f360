//! The `llvm` engine: wasmer's machinery with the LLVM compiler, which takes ten times as long for the fastest code.

use super::wasmer::{Backend, WasmerEngine};
use super::{Engine, Settings, capabilities};
use crate::prepare::nans;
use crate::{Error, Result};
use alloc::sync::Arc;
use wasmer_compiler::CompilerConfig;
use wasmer_compiler_llvm::LLVM;

pub(super) fn new(settings: Settings) -> Result<Arc<dyn Engine>> {
    let capabilities = capabilities::find("llvm").ok_or_else(|| Error::Internal("llvm is not in the table".into()))?;
    // wasmer's own way of making NaNs canonical takes values for canonical that are not: constants, square roots of f64x2, what
    // pmin and br_table pass on.
    let canonical_nans = Some(nans::canonical as fn(&[u8]) -> Result<alloc::vec::Vec<u8>>);
    Ok(Arc::new(WasmerEngine::new(capabilities, settings, Backend { compiler, canonical_nans })?))
}

fn compiler() -> alloc::boxed::Box<dyn CompilerConfig> {
    alloc::boxed::Box::new(LLVM::new())
}
