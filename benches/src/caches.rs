//! Caches: hits, many modules, loading and evicting.

use crate::measure::{Contender, median, nanoseconds};
use crate::ours::{Cache, Engine};
use crate::report::{Report, section};
use crate::{rooms, system};
use std::path::Path;
use std::time::Instant;

const MODULES: usize = 1_000;
const LARGE: u64 = 1 << 32;

pub fn measure(report: &mut Report, engine: &Engine, sqlite: &[u8]) {
    section("caches");
    hits(report, engine, sqlite);
    many(report, engine);
    evictions(report, engine);
}

fn hits(report: &mut Report, engine: &Engine, sqlite: &[u8]) {
    let cache = Cache::shared(LARGE);
    let key = engine.load(Some(&cache), sqlite).key();
    let hit = || drop(engine.load_key(&cache, &key));
    let ns = nanoseconds(&mut [
        Contender::new("by key", hit),
        Contender::new("by bytes", || drop(engine.load(Some(&cache), sqlite))),
        Contender::new("BLAKE3", || assert_ne!(std::hint::black_box(blake3::hash(sqlite)), [0; 32])),
    ]);
    report.tell("cache_hit_ns", ns[0], "ns for a hit in memory by key, and letting go of the module");
    report.tell("cache_hit_scaling_2_threads", rooms::scaling(&hit), "times the hits of one thread in two, of one module");
    report.tell("cache_hit_bytes_ratio_blake3", ns[1] / ns[2], "times BLAKE3 of SQLite's bytes, for a hit by bytes");
}

/// Module number `number`, which answers its number.
fn numbered(number: usize) -> Vec<u8> {
    let text = format!("(module (func (export \"answer\") (result i64) (i64.const {number})))");
    wat::parse_str(text).expect("it is valid")
}

/// The times of the last hundred, over those of the first hundred.
fn last_over_first(times: &[f64]) -> f64 {
    median(times[times.len() - 100..].to_vec()) / median(times[..100].to_vec())
}

fn many(report: &mut Report, engine: &Engine) {
    let directory = std::env::temp_dir().join(format!("hostel-bench-{}", std::process::id()));
    let modules: Vec<_> = (0..MODULES).map(numbered).collect();
    for (name, cache) in [("shared", Cache::shared(LARGE)), ("directory", Cache::directory(&directory))] {
        let timed = |wasm: &Vec<u8>| {
            let begin = Instant::now();
            let module = engine.load(Some(&cache), wasm);
            (begin.elapsed().as_nanos() as f64, module.key())
        };
        let (compile, keys): (Vec<_>, Vec<_>) = modules.iter().map(timed).unzip();
        let hit = |key| {
            let begin = Instant::now();
            drop(engine.load_key(&cache, key));
            begin.elapsed().as_nanos() as f64
        };
        let hits: Vec<_> = keys.iter().map(|key| median((0..5).map(|_| hit(key)).collect())).collect();
        report.keep(&format!("cache_{name}_small_hit_ns"), median(hits.clone()));
        let what = format!("times the first hundred of 1,000 modules, to keep the last hundred, {name}");
        report.tell(&format!("cache_{name}_1000_keep_ratio"), last_over_first(&compile), &what);
        let what = format!("times the first hundred, for hits of the last hundred, {name}");
        report.tell(&format!("cache_{name}_1000_hit_ratio"), last_over_first(&hits), &what);
    }
    remove(&directory);
}

fn remove(directory: &Path) {
    std::fs::remove_dir_all(directory).unwrap_or_else(|error| panic!("cannot remove {}: {error}", directory.display()));
}

fn evictions(report: &mut Report, engine: &Engine) {
    let cache = Cache::shared(64 << 10);
    let round = |from: usize| (from..from + MODULES).for_each(|number| drop(engine.load(Some(&cache), &numbered(number))));
    round(10_000); // whatever is made once
    let before = system::now();
    round(20_000);
    let after = system::now();
    let grown = after.resident_kib - before.resident_kib;
    report.tell("cache_evict_1000_rss_growth_kib", grown, "KiB of RSS more after 1,000 modules were loaded and evicted");
    report.tell("cache_evict_1000_mappings_growth", after.mappings - before.mappings, "mappings more after them");
}
