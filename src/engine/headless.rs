//! An engine without its compiler: it loads what was made before, and refuses to make anything. One for all engines.

use super::{Code, Engine, Fingerprint, Settings};
use crate::inspect::ModuleInfo;
use crate::progress::Progress;
use crate::room::pool::Totals;
#[cfg(feature = "std")]
use crate::sys::pages::Pages;
use crate::{Error, Result};
use alloc::{format, sync::Arc};

/// Takes the compiler away from an engine. Its fingerprint stays, so that both share their artifacts.
pub(super) fn headless(engine: Arc<dyn Engine>) -> Arc<dyn Engine> {
    Arc::new(Headless(engine))
}

fn refuse(engine: &dyn Engine) -> Error {
    let name = engine.capabilities().name;
    Error::NotCached(format!("there is no code of this module, and this {name} engine is headless: it compiles nothing"))
}

struct Headless(Arc<dyn Engine>);

impl Engine for Headless {
    fn capabilities(&self) -> &'static super::capabilities::Capabilities {
        self.0.capabilities()
    }

    fn settings(&self) -> &Settings {
        self.0.settings()
    }

    fn prepares(&self) -> crate::prepare::Options {
        self.0.prepares()
    }

    fn fingerprint(&self) -> &Fingerprint {
        self.0.fingerprint()
    }

    fn rooms(&self) -> &Arc<Totals> {
        self.0.rooms()
    }

    fn can_compile(&self) -> Result<()> {
        Err(refuse(&*self.0))
    }

    fn compile(&self, _: &[u8], _: &Arc<ModuleInfo>, _: &Progress) -> Result<Arc<dyn Code>> {
        Err(refuse(&*self.0))
    }

    #[cfg(feature = "std")]
    fn deserialize(&self, artifact: Pages, len: usize, info: &Arc<ModuleInfo>) -> Result<Arc<dyn Code>> {
        self.0.deserialize(artifact, len, info)
    }
}
