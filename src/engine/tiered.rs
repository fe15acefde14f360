//! The engine `tiered`: other engines in a row, of which the first answers at once and the last computes fastest. What runs is
//! always one of them; `crate::tiers` is how modules and guests move from one to the next.

use super::capabilities::{self, Capabilities};
use super::{Code, Engine, Fingerprint, Settings, without};
use crate::Result;
use crate::inspect::{Features, ModuleInfo};
use crate::prepare;
use crate::progress::Progress;
use crate::room::pool::Totals;
use crate::sys::pages::Pages;
use alloc::{sync::Arc, vec::Vec};
use std::sync::LazyLock;

/// What it is called.
pub const NAME: &str = "tiered";

/// What it may consist of, in the order in which a module goes through them.
const TIERS: [&str; 3] = ["wasmi", "cranelift", "llvm"];

/// What it has: what any of its tiers has, for a module begins at the first that takes it; but nothing of which they would make
/// different things.
static CAPABILITIES: LazyLock<Capabilities> = LazyLock::new(|| {
    let notes = |tier: &'static Capabilities| tier.notes.iter().copied();
    let mut all: Vec<&'static str> = tiers().flat_map(notes).collect();
    let mut seen = Vec::new();
    all.retain(|note| {
        !seen.contains(note) && {
            seen.push(*note);
            true
        }
    });
    Capabilities {
        name: NAME,
        about: "an interpreter that answers at once, and compilers behind it that take over",
        features: without(tiers().fold(Features::empty(), |all, tier| all.union(tier.features)), Features::RELAXED_SIMD),
        // Loading is the first tier's, and so is what it tells and leaves; rooms are mostly the last one's.
        has: if tiers().last().is_some_and(|last| last.has.contains(&capabilities::RESETS)) {
            &[capabilities::RESETS]
        } else {
            &[]
        },
        notes: all.leak(),
        make: Some(|settings| new(settings, super::new)),
    }
});

/// Those of this build.
fn tiers() -> impl Iterator<Item = &'static Capabilities> {
    TIERS.iter().filter_map(|name| capabilities::find(name)).filter(|tier| tier.make.is_some())
}

/// Makes one of engines that `make` makes.
pub(super) fn new(settings: Settings, make: fn(&str, Settings) -> Result<Arc<dyn Engine>>) -> Result<Arc<dyn Engine>> {
    // Else a NaN could tell which tier made it.
    let settings = Settings { deterministic: true, ..settings };
    let tiers = tiers().map(|tier| make(tier.name, settings.clone())).collect::<Result<_>>()?;
    Ok(Arc::new(Tiered { tiers, settings }))
}

struct Tiered {
    tiers: Vec<Arc<dyn Engine>>,
    settings: Settings,
}

impl Tiered {
    fn first(&self) -> &dyn Engine {
        &*self.tiers[0] // wasmi is part of every build
    }
}

/// Where nobody asks for tiers, it is the first of them.
impl Engine for Tiered {
    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    fn tiers(&self) -> &[Arc<dyn Engine>] {
        &self.tiers
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn features(&self) -> Features {
        self.first().features()
    }

    fn prepares(&self) -> prepare::Options {
        self.first().prepares()
    }

    fn fingerprint(&self) -> &Fingerprint {
        self.first().fingerprint()
    }

    fn rooms(&self) -> &Arc<Totals> {
        self.first().rooms()
    }

    fn can_compile(&self) -> Result<()> {
        self.first().can_compile()
    }

    fn compile(&self, wasm: &[u8], info: &Arc<ModuleInfo>, progress: &Progress) -> Result<Arc<dyn Code>> {
        self.first().compile(wasm, info, progress)
    }

    fn deserialize(&self, artifact: Pages, len: usize, info: &Arc<ModuleInfo>) -> Result<Arc<dyn Code>> {
        self.first().deserialize(artifact, len, info)
    }
}
