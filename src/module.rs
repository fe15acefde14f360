//! A compiled guest: its outline, its code, and the engine it was compiled for.

use crate::engine::{Code, Engine};
use crate::inspect::{self, ModuleInfo};
use crate::limits::Limit;
use crate::log::{self, Level};
use crate::{Error, Result};
use alloc::{boxed::Box, format, sync::Arc};

/// A module, ready to be linked. Immutable and shared.
pub struct Module {
    info: Arc<ModuleInfo>,
    code: Box<dyn Code>,
    engine: Arc<dyn Engine>,
}

impl Module {
    /// Inspects and compiles a binary module.
    pub fn load(engine: &Arc<dyn Engine>, wasm: &[u8]) -> Result<Module> {
        let info = Arc::new(inspect::inspect(wasm, engine.capabilities().features, engine.limits())?);
        let (elements, max) = (info.table_elements_at_start(), engine.limits().get(Limit::TableElements));
        if elements > max {
            let what = Limit::TableElements.row().what;
            return Err(Error::UnsupportedModule(format!("{what}: {elements} is over the limit of {max}")));
        }
        let code = engine.compile(wasm, &info)?;
        let name = engine.capabilities().name;
        log::emit(Level::Debug, "hostel::module", || format!("compiled {} bytes with {name}", wasm.len()));
        Ok(Module { info, code, engine: engine.clone() })
    }

    /// The same from the text format.
    #[cfg(feature = "std")]
    pub fn load_wat(engine: &Arc<dyn Engine>, text: &[u8]) -> Result<Module> {
        Module::load(engine, &wat_to_wasm(text)?)
    }

    /// The same from a file in either format, told apart by the four bytes every binary begins with.
    #[cfg(feature = "std")]
    pub fn load_file(engine: &Arc<dyn Engine>, path: &std::path::Path) -> Result<Module> {
        let bytes = std::fs::read(path)
            .map_err(|error| Error::InvalidArgument(format!("path: cannot read {}: {error}", path.display())))?;
        if bytes.starts_with(b"\0asm") { Module::load(engine, &bytes) } else { Module::load_wat(engine, &bytes) }
    }

    /// What it is.
    pub fn info(&self) -> &Arc<ModuleInfo> {
        &self.info
    }

    /// The engine it was compiled for.
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    pub(crate) fn code(&self) -> &dyn Code {
        &*self.code
    }
}

/// Turns the text format into a binary module.
#[cfg(feature = "wat")]
pub fn wat_to_wasm(text: &[u8]) -> Result<alloc::vec::Vec<u8>> {
    let text = core::str::from_utf8(text)
        .map_err(|error| Error::InvalidText(format!("neither a binary module nor UTF-8 text ({error})")))?;
    wat::parse_str(text).map_err(|error| Error::InvalidText(format!("not valid text format: {error}")))
}

/// Turns the text format into a binary module; not part of this build.
#[cfg(all(feature = "std", not(feature = "wat")))]
pub fn wat_to_wasm(_text: &[u8]) -> Result<alloc::vec::Vec<u8>> {
    Err(Error::Unsupported("this build does not read the text format".into()))
}
