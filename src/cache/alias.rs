//! Aliases: names of the host's own, such as the hash of a larger thing that a module is part of. An alias leads to the
//! key of a module, which is bound to its content, and to nothing else. Where it leaves the process it is sealed:
//!
//! | bytes | what |
//! |---|---|
//! | 32 | fingerprint of the engine |
//! | 32 | the alias |
//! | 32 | BLAKE3 of the module |
//! | 4 | format, little-endian: 1 |
//! | 32 | BLAKE3, keyed with a key derived from the sealing key, of all the above |
//! | 13 | "hostel-alias\n" |

use super::{Key, SealKey};
use crate::{Error, Result};
use quick_cache::sync::Cache;
use quick_cache::{OptionsBuilder, UnitWeighter};

const MAGIC: &[u8; 13] = b"hostel-alias\n";
const FORMAT: u32 = 1;

/// What an alias is kept under: never what a module is kept under, whatever the host takes for an alias.
pub(super) fn key(alias: &[u8; 32], fingerprint: [u8; 32]) -> Key {
    Key { wasm: blake3::derive_key("hostel 2026 the key of an alias in a cache", alias), fingerprint }
}

/// Seals where an alias leads to.
pub(super) fn seal(alias: &Key, wasm: &[u8; 32], key: &SealKey) -> Vec<u8> {
    let mut record = [alias.fingerprint, alias.wasm, *wasm].concat();
    record.extend_from_slice(&FORMAT.to_le_bytes());
    let mac = key.alias_mac(&record);
    record.extend_from_slice(mac.as_bytes());
    record.extend_from_slice(MAGIC);
    record
}

/// Where an alias leads to, if the record is of this alias and sealed with this key.
pub(super) fn open(record: &[u8], alias: &Key, key: &SealKey) -> Result<[u8; 32]> {
    let corrupt = || Error::ArtifactCorrupt("the alias is damaged, of another kind, or sealed with another key".into());
    let sealed = record.strip_suffix(MAGIC).ok_or_else(corrupt)?;
    let (sealed, mac) = sealed.split_last_chunk::<32>().ok_or_else(corrupt)?;
    if key.alias_mac(sealed) != blake3::Hash::from_bytes(*mac) {
        return Err(corrupt());
    }
    let (names, rest) = sealed.split_first_chunk::<64>().ok_or_else(corrupt)?;
    let (wasm, format) = rest.split_first_chunk::<32>().ok_or_else(corrupt)?;
    if *names != [alias.fingerprint, alias.wasm].concat()[..] || format != FORMAT.to_le_bytes() {
        return Err(Error::ArtifactMismatch("the record is of another alias, engine or version".into()));
    }
    Ok(*wasm)
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
