//! A process that has nothing yet, from its start to the first answer of SQLite: compiled code comes from a file.

use crate::measure::median;
use crate::ours::{Cache, Engine};
use crate::peers::outside::Figures;
use crate::peers::{wasmer::Wasmer, wasmtime::Wasmtime};
use crate::report::{Report, section, time};
use std::path::{Path, PathBuf};
use std::time::Instant;

const INPUT: [u8; 64] = [7; 64];

/// The process: prints what `measure` reads.
pub fn process(who: &str, path: &Path) {
    let begin = Instant::now();
    let loaded = match who {
        "hostel" => {
            let key = std::fs::read(path.join("key")).expect("the parent wrote it").try_into().expect("a key");
            let begin = Instant::now();
            let engine = Engine::new(c"cranelift");
            let cache = Cache::directory(&path.join("cache"));
            let guest = engine.load_key(&cache, &key).guest(true);
            let loaded = begin.elapsed();
            guest.function(c"echo").fresh(&INPUT, INPUT.len());
            loaded
        }
        "wasmer" => {
            let module = Wasmer::load(&path.join("wasmer"));
            let loaded = begin.elapsed();
            module.fresh("echo", &INPUT, INPUT.len());
            loaded
        }
        "wasmtime" => {
            let module = Wasmtime::load(&path.join("wasmtime"));
            let loaded = begin.elapsed();
            module.fresh("echo", &INPUT, INPUT.len());
            loaded
        }
        _ => panic!("no loader is called {who}"),
    };
    println!(r#"{{"answer_ns": {}, "load_ns": {}}}"#, begin.elapsed().as_nanos(), loaded.as_nanos());
}

pub fn measure(report: &mut Report, engine: &Engine, sqlite: &[u8], wasmer: &Wasmer, wasmtime: &Wasmtime) {
    const TURNS: usize = 15;
    let folder = std::env::temp_dir().join(format!("hostel-bench-cold-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for artifacts");
    let key = engine.load(Some(&Cache::directory(&folder.join("cache"))), sqlite).key();
    std::fs::write(folder.join("key"), key).expect("the key can be written");
    wasmer.save(&folder.join("wasmer"));
    wasmtime.save(&folder.join("wasmtime"));
    let program = std::env::current_exe().expect("this program");
    let program = program.to_str().expect("its path is text");

    let whos = ["hostel", "wasmer", "wasmtime"];
    let mut answers = [const { Vec::new() }; 3];
    let mut loads = [const { Vec::new() }; 3];
    for _ in 0..TURNS {
        for (index, who) in whos.iter().enumerate() {
            let turn = Figures::of(program, &["cold", who, folder.to_str().expect("text")]);
            answers[index].push(turn.get("answer_ns"));
            loads[index].push(turn.get("load_ns"));
        }
    }
    let [ours, by_wasmer, by_wasmtime] = answers.map(median);
    let [our_load, wasmer_load, wasmtime_load] = loads.map(median);
    let bytes = artifact_bytes(&folder.join("cache"));
    let goal = by_wasmer + bytes / 4.0; // 4 GB/s is 4 bytes in a nanosecond
    std::fs::remove_dir_all(&folder).expect("the artifacts can be removed");

    section("SQLite in a process of its own, from a file to the first answer");
    println!("{:34} {:>12} {:>12}", "", "loaded", "answered");
    println!("{:34} {:>12} {:>12}", "hostel, directory cache", time(our_load), time(ours));
    println!("{:34} {:>12} {:>12}", "wasmer, unchecked from a file", time(wasmer_load), time(by_wasmer));
    println!("{:34} {:>12} {:>12}", "wasmtime, deserialize_file", time(wasmtime_load), time(by_wasmtime));
    report.keep("cache_cold_ms", ours / 1e6);
    report.keep("cache_cold_load_ms", our_load / 1e6);
    report.keep("cache_artifact_bytes", bytes);
    report.tell("cache_load_ratio_wasmtime", ours / by_wasmtime, "times wasmtime's time (ours / theirs)");
    report.tell("cache_load_ratio_wasmer", ours / by_wasmer, "times wasmer's");
    report.tell("cache_load_over_goal", ours / goal, "times wasmer's and 4 GB/s for checking the artifact");
}

/// The largest file below a folder.
fn artifact_bytes(folder: &Path) -> f64 {
    let mut folders: Vec<PathBuf> = vec![folder.into()];
    let mut largest = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
            let kind = entry.metadata().expect("what it is");
            if kind.is_dir() {
                folders.push(entry.path());
            }
            largest = largest.max(if kind.is_file() { kind.len() } else { 0 });
        }
    }
    largest as f64
}
