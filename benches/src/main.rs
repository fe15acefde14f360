//! `make bench`: a table for people, `build/bench.json` for programs, a chart. Every ratio is of one run on one machine.
//! hostel-bench, from the root of the repository.

mod artifacts;
mod caches;
mod chart;
mod cold;
mod compile;
mod engines;
mod ffi;
mod holochain;
mod limits;
mod measure;
mod ours;
mod peers;
mod ready;
mod report;
mod rooms;
mod small;
mod sqlite;
mod system;
mod tiered;
mod wasi;

use ours::Engine;
use peers::outside::Figures;
use report::{Report, section};
use std::path::Path;

const GUESTS: &str = "build/bench-guests";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wasm = wat::parse_str(include_str!("guest.wat")).expect("the guest is valid");
    // One section alone; and processes that the benchmarks start.
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => everything(&wasm),
        ["cold", who, path] => cold::process(who, Path::new(path)),
        ["limits"] => limits::measure(&mut Report::default(), &guest("kernels"), &ready::initialised(&guest("sqlite"))),
        ["artifacts"] => {
            let sqlite = ready::initialised(&guest("sqlite"));
            let wasmtime = peers::wasmtime::Wasmtime::new(peers::wasmtime::Allocation::OnDemand, &sqlite);
            artifacts::measure(&mut Report::default(), &Engine::new(c"cranelift"), &sqlite, &wasmtime);
        }
        ["engines"] => engines(&mut Report::default(), &wasm),
        ["tiered"] => tiered::measure(&mut Report::default(), &guest("kernels"), &ready::initialised(&guest("sqlite"))),
        ["wasi"] => {
            // Their signal handlers are in place before ours.
            peers::wasmtime::Wasmtime::new(peers::wasmtime::Allocation::OnDemand, &wasm).fresh("echo", &[1], 1);
            wasi::measure(&mut Report::default(), &Engine::new(c"cranelift"));
        }
        ["compile"] => compile::measure(&mut Report::default()),
        ["density"] => rooms::density(&wasm),
        _ => panic!("usage: hostel-bench [artifacts | compile | engines | limits | tiered | wasi]"),
    }
}

fn everything(wasm: &[u8]) {
    let mut report = Report::default();
    let sqlite = ready::initialised(&guest("sqlite"));
    std::fs::write(format!("{GUESTS}/ready-extism.wasm"), ready::initialised(&guest("sqlite-extism")))
        .expect("it can be written");
    std::fs::write(format!("{GUESTS}/small-extism.wasm"), wat::parse_str(include_str!("extism.wat")).expect("it is valid"))
        .expect("it can be written");

    let peers = small::Peers::new(wasm);
    let sqlite_peers = small::Peers::new(&sqlite);
    // Their signal handlers are in place before ours.
    peers.wasmer.fresh("echo", &[1], 1);
    peers.wasmtime[0].fresh("echo", &[1], 1);
    let answers = sqlite::answers(&sqlite_peers.wasmi);
    let (small, ready) = (format!("{GUESTS}/small-extism.wasm"), format!("{GUESTS}/ready-extism.wasm"));
    let lengths = answers.map(|len| len.to_string());
    let extism = Figures::of("target/bench-extism/release/extism-bench", &[&small, &ready, &lengths[0], &lengths[1]]);

    let engine = Engine::new(c"cranelift");
    let ours = [small::Ours::new(&engine, wasm), small::Ours::new(&Engine::new(c"wasmi"), wasm)];
    small::measure(&mut report, &ours, &peers, &extism);
    let stats = engine.stats();
    // Near 1, or calls had to make rooms: then the figures are of that.
    report.keep("fresh_call_reset_share", stats.resets as f64 / (stats.resets + stats.rooms_made) as f64);
    sqlite::measure(&mut report, &engine, &sqlite, &sqlite_peers, &extism, answers);
    holochain::measure(&mut report, &engine, "build/guests/holochain.wasm", "target/bench-holochain/release/holochain-bench");
    rooms::measure(&mut report, &engine, wasm, ours[0].echo);
    density(&mut report);
    limits::measure(&mut report, &guest("kernels"), &sqlite);
    compile::measure(&mut report);
    engines(&mut report, wasm);
    tiered::measure(&mut report, &guest("kernels"), &sqlite);
    wasi::measure(&mut report, &engine);
    caches::measure(&mut report, &engine, &sqlite);
    artifacts::measure(&mut report, &engine, &sqlite, &sqlite_peers.wasmtime[0]);
    cold::measure(&mut report, &engine, &sqlite, &sqlite_peers.wasmer, &sqlite_peers.wasmtime[0]);

    section("how many times faster a fresh call of 64 bytes is");
    for (peer, name) in [
        ("wasmtime, pool at its best", "fresh_call_ratio_wasmtime_best"),
        ("wasmtime, pool", "fresh_call_ratio_wasmtime_pooling"),
        ("wasmtime, on demand", "fresh_call_ratio_wasmtime"),
        ("wasmer", "fresh_call_ratio_wasmer"),
        ("extism", "fresh_call_ratio_extism"),
        ("holochain_wasmer_host, its guest", "fresh_call_ratio_holochain"),
    ] {
        println!("{peer:34} {:>12}", report::shown(report.get(name)));
    }
    std::fs::write("docs/bench.svg", chart::draw(&report)).expect("docs/bench.svg can be written");
    report.write("build/bench.json");
}

fn guest(name: &str) -> Vec<u8> {
    let path = format!("{GUESTS}/{name}.wasm");
    std::fs::read(&path).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

fn engines(report: &mut Report, small: &[u8]) {
    engines::measure(report, &guest("kernels"), &format!("{GUESTS}/kernels.so"), small);
}

fn density(report: &mut Report) {
    let program = std::env::current_exe().expect("this program");
    let figures = Figures::of(program.to_str().expect("its path is text"), &["density"]);
    report.keep("idle_room_page_tables_kib", figures.get("page_tables_kib"));
    report.keep("idle_room_mappings", figures.get("mappings"));
    report.tell("idle_room_kib", figures.get("kib"), "KiB for a guest with one idle room: memory and page tables, of 1,000");
}
