//! The `cranelift` engine: wasmer's machinery with the Cranelift compiler.

use super::wasmer::{Backend, WasmerEngine};
use super::{Engine, Settings, capabilities};
use crate::{Error, Result};
use alloc::sync::Arc;
use core::num::NonZeroUsize;
use wasmer_compiler::CompilerConfig;
use wasmer_compiler_cranelift::Cranelift;

pub(super) fn new(settings: Settings) -> Result<Arc<dyn Engine>> {
    let capabilities = capabilities::find("cranelift").ok_or_else(|| Error::Internal("cranelift is not in the table".into()))?;
    Ok(Arc::new(WasmerEngine::new(
        capabilities,
        settings,
        Backend { compiler, canonical_nans: None, is_slow: false, checks_memories: |_| Ok(false) },
    )?))
}

fn compiler(threads: NonZeroUsize) -> alloc::boxed::Box<dyn CompilerConfig> {
    let mut config = Cranelift::new();
    config.num_threads(threads);
    alloc::boxed::Box::new(config)
}
