//! Aliases: names of the host's own, such as the hash of a larger thing that a module is part of. An alias leads to the
//! key of a module, which is bound to its content, and to nothing else. Where it leaves the process that key is sealed as
//! an artifact is, for the place where the alias is kept, and with a key derived from the sealing key (see `trailer`).

use super::trailer::{Flaw, Kind, Proof};
use super::{Key, SealKey};
use crate::Result;
use quick_cache::sync::Cache;
use quick_cache::{OptionsBuilder, UnitWeighter};

/// What an alias is kept under: never what a module is kept under, whatever the host takes for an alias.
pub(super) fn key(alias: &[u8; 32], fingerprint: [u8; 32]) -> Key {
    Key { wasm: blake3::derive_key("hostel 2026 the key of an alias in a cache", alias), fingerprint }
}

/// Seals where an alias leads to.
pub(super) fn seal(alias: &Key, wasm: &[u8; 32], key: &SealKey) -> Vec<u8> {
    let mut record = wasm.to_vec();
    Proof::new(Kind::Alias, key).seal(&mut record, wasm.len(), alias);
    record
}

/// Where an alias leads to, if the record is of this alias and sealed with this key.
pub(super) fn open(record: &[u8], alias: &Key, key: &SealKey) -> Result<[u8; 32]> {
    let open = || {
        let opened = Proof::new(Kind::Alias, key).open(record, &alias.fingerprint)?;
        if opened.made_for != alias.wasm {
            return Err(Flaw::OtherModule);
        }
        opened.first.try_into().map_err(|_| Flaw::OtherFormat)
    };
    open().map_err(|flaw| flaw.of("the alias"))
}

/// The aliases of a tier in memory. They are small, so a number bounds them.
pub(super) struct Aliases(Cache<Key, [u8; 32]>);

impl Default for Aliases {
    fn default() -> Self {
        const ALIASES_MAX: u64 = 65_536;
        let mut options = OptionsBuilder::new();
        options.estimated_items_capacity(64).weight_capacity(ALIASES_MAX);
        let options = options.build().expect("all that is needed is set");
        Aliases(Cache::with_options(options, UnitWeighter, Default::default(), Default::default()))
    }
}

impl Aliases {
    pub fn get(&self, alias: &Key) -> Option<[u8; 32]> {
        self.0.get(alias)
    }

    pub fn insert(&self, alias: &Key, wasm: &[u8; 32]) {
        self.0.insert(*alias, *wasm);
    }
}
