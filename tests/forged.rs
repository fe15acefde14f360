//! Artifacts that were made for something else and sealed all the same: each field of the trailer is changed, and the
//! proof made anew with the right key. Only Rust can do that; C tests do what can be done without the key.

use hostel::cache::seal::{self, Trust};
use hostel::cache::{Cache, Key, ModuleCache, Pages, SealKey, Sealed};
use hostel::engine::{self, Engine, capabilities};
use hostel::module::LoadOptions;
use hostel::{Error, Result};
use std::sync::{Arc, Mutex};

const KEY: [u8; 32] = *b"the tests' key: 32 bytes, no NUL";
const WASM: &[u8] = b"\0asm\x01\0\0\0";
const HEADER: usize = 92;
const TRAILER: usize = HEADER + 32 + 8 + 12;

/// A store of one entry.
#[derive(Clone, Default)]
struct Store(Arc<Mutex<Option<Vec<u8>>>>);

impl ModuleCache for Store {
    fn name(&self) -> &'static str {
        "store"
    }

    fn load(&self, _: &Key) -> Result<Option<Pages>> {
        self.0.lock().unwrap().as_deref().map(Pages::copy_of).transpose()
    }

    fn save(&self, _: &Key, artifact: &[u8]) -> Result<()> {
        *self.0.lock().unwrap() = Some(artifact.to_vec());
        Ok(())
    }

    fn contains(&self, _: &Key) -> Result<bool> {
        Ok(self.0.lock().unwrap().is_some())
    }

    fn remove(&self, _: &Key) -> Result<()> {
        *self.0.lock().unwrap() = None;
        Ok(())
    }
}

fn new_cache(store: &Store) -> Cache {
    Cache::new(Arc::new(Sealed::new(store.clone(), SealKey::new(KEY))))
}

/// Runs a test with each engine, a store, and the artifact of an empty module in it.
fn on_every_engine(test: impl Fn(&Arc<dyn Engine>, &Store, Vec<u8>)) {
    for capabilities in capabilities::built() {
        let engine = engine::new(capabilities.name, engine::Settings::default()).expect("an engine of this build");
        let store = Store::default();
        assert_eq!(new_cache(&store).load(&engine, WASM, &LoadOptions::default()).expect("a valid module").origin(), "compiled");
        let artifact = store.load(&Key { wasm: [0; 32], fingerprint: [0; 32] }).unwrap().expect("it was saved");
        test(&engine, &store, artifact.to_vec());
    }
}

/// The proof and the checksum as they should be.
fn seal_again(artifact: &mut [u8]) {
    let mac_at = artifact.len() - TRAILER + HEADER;
    let mac = blake3::keyed_hash(&KEY, &artifact[..mac_at]);
    artifact[mac_at..mac_at + 32].copy_from_slice(mac.as_bytes());
    let checksum = blake3::hash(&artifact[mac_at - HEADER..mac_at + 32]);
    artifact[mac_at + 32..mac_at + 40].copy_from_slice(&checksum.as_bytes()[..8]);
}

fn open(artifact: &[u8], engine: &Arc<dyn Engine>) -> Result<()> {
    seal::open(Pages::copy_of(artifact)?, Trust::Sealed(&SealKey::new(KEY)), &**engine, None).map(|_| ())
}

/// In a cache it is a miss: removed, made anew, and good the next time.
fn is_rebuilt(artifact: Vec<u8>, engine: &Arc<dyn Engine>, store: &Store) {
    store.save(&Key { wasm: [0; 32], fingerprint: [0; 32] }, &artifact).unwrap();
    let cache = new_cache(store);
    let origin = || cache.load(engine, WASM, &LoadOptions::default()).unwrap().origin();
    assert_eq!(origin(), "compiled");
    assert!(cache.stats_json().contains(r#""rejected":1"#), "{}", cache.stats_json());
    assert_eq!(origin(), "store");
}

#[test]
fn sealing_it_again_changes_nothing() {
    on_every_engine(|engine, _, mut artifact| {
        let before = artifact.clone();
        seal_again(&mut artifact);
        assert_eq!(artifact, before, "this test knows the layout");
        open(&artifact, engine).unwrap();
    });
}

#[test]
fn made_by_another_engine_version_or_machine_it_is_a_mismatch() {
    on_every_engine(|engine, store, artifact| {
        for at in [16, 31, 47] {
            let mut forged = artifact.clone();
            let trailer = forged.len() - TRAILER;
            forged[trailer + at] ^= 1;
            seal_again(&mut forged);
            assert!(matches!(open(&forged, engine), Err(Error::ArtifactMismatch(_))), "fingerprint at {at}");
            is_rebuilt(forged, engine, store);
        }
    });
}

#[test]
fn of_another_format_it_is_a_mismatch() {
    on_every_engine(|engine, store, artifact| {
        for format in [0, 1, 3, u32::MAX] {
            let mut forged = artifact.clone();
            let at = forged.len() - TRAILER + HEADER - 4;
            forged[at..at + 4].copy_from_slice(&u32::to_le_bytes(format));
            seal_again(&mut forged);
            assert!(matches!(open(&forged, engine), Err(Error::ArtifactMismatch(_))), "format {format}");
            is_rebuilt(forged, engine, store);
        }
    });
}

#[test]
fn made_from_another_module_it_is_not_taken_for_this_one() {
    on_every_engine(|engine, store, artifact| {
        let mut forged = artifact;
        let at = forged.len() - TRAILER + 48;
        forged[at] ^= 1;
        seal_again(&mut forged);
        let (key, wasm) = (SealKey::new(KEY), blake3::hash(WASM));
        let opened = seal::open(Pages::copy_of(&forged).unwrap(), Trust::Sealed(&key), &**engine, Some(wasm.as_bytes()));
        assert!(matches!(opened.map(|_| ()), Err(Error::ArtifactMismatch(_))));
        is_rebuilt(forged, engine, store);
    });
}

#[test]
fn lengths_that_do_not_add_up_are_corrupt() {
    on_every_engine(|engine, store, artifact| {
        for at in [0, 8] {
            for len in [0, 1, 1 << 20, u64::MAX, u64::MAX - 200, i64::MAX as u64] {
                let mut forged = artifact.clone();
                let trailer = forged.len() - TRAILER;
                forged[trailer + at..trailer + at + 8].copy_from_slice(&len.to_le_bytes());
                seal_again(&mut forged);
                assert!(matches!(open(&forged, engine), Err(Error::ArtifactCorrupt(_))), "length {len} at {at}");
                is_rebuilt(forged, engine, store);
            }
        }
    });
}

#[test]
fn an_outline_that_cannot_be_read_is_a_mismatch() {
    on_every_engine(|engine, store, artifact| {
        let mut forged = artifact;
        let trailer = forged.len() - TRAILER;
        let len = u64::from_le_bytes(forged[trailer..trailer + 8].try_into().unwrap()) as usize;
        forged[len..trailer].fill(0xc1); // what MessagePack never uses
        seal_again(&mut forged);
        assert!(matches!(open(&forged, engine), Err(Error::ArtifactMismatch(_))));
        is_rebuilt(forged, engine, store);
    });
}
