//! Programs of WASI: a short one, a file, and what ten thousand of them leave behind.

use crate::ffi::*;
use crate::measure::{Contender, median, nanoseconds};
use crate::ours::{Engine, Guest};
use crate::peers::wasi::Program;
use crate::peers::wasmtime::Allocation;
use crate::report::{Report, section, time};
use crate::system;
use std::ffi::{CStr, CString};
use std::path::Path;
use std::ptr::{null, null_mut};
use std::time::Instant;

const FILE: u64 = 100_000_000;
/// How often it is read: both wait for threads, which on a busy machine takes now this long and now that.
const ROUNDS: usize = 61;
const HELLO: &[u8] = b"hello\n";

pub fn measure(report: &mut Report, engine: &Engine) {
    section("programs of WASI");
    let program = |name: &str| std::fs::read(format!("build/guests/{name}.wasm")).expect("`make build` leaves it there");
    hello(report, engine, &program("wasi_command"));
    reading(report, engine, &program("wasi_rust"));
    left_behind(report, engine, &program("wasi_command"));
}

/// A program with these arguments, and perhaps a directory to read.
fn granted(engine: &Engine, wasm: &[u8], arguments: &[&CStr], directory: Option<&Path>) -> Guest {
    let module = engine.load(None, wasm);
    // SAFETY: the handles come from the library; texts end with a zero byte, and are copied.
    unsafe {
        let wasi = made(|out, e| hostel_wasi_new(out, e));
        for argument in arguments {
            ok(|e| hostel_wasi_add_argument(wasi, argument.as_ptr(), e));
        }
        if let Some(directory) = directory {
            let host = CString::new(directory.to_str().expect("the path is text")).expect("without a zero byte");
            ok(|e| hostel_wasi_add_directory(wasi, host.as_ptr(), c"/data".as_ptr(), true, e));
        }
        let imports = made(|out, e| hostel_imports_new(out, e));
        ok(|e| hostel_imports_set_wasi(imports, wasi, e));
        hostel_wasi_free(wasi);
        let guest = made(|out, e| hostel_guest_new(module.0, imports, null(), out, e));
        hostel_imports_free(imports);
        Guest(guest)
    }
}

/// Runs it: how many bytes it has written.
fn run(guest: Guest, input: &[u8]) -> usize {
    run_within(guest, input, null_mut())
}

fn run_within(guest: Guest, input: &[u8], options: *mut hostel_call_options) -> usize {
    let mut output = hostel_buffer::EMPTY;
    // SAFETY: as above.
    unsafe {
        ok(|e| hostel_guest_call(guest.0, null(), input.as_ptr(), input.len(), options, &mut output, e));
        let len = output.len;
        hostel_buffer_free(&mut output);
        len
    }
}

fn hello(report: &mut Report, engine: &Engine, wasm: &[u8]) {
    let ours = granted(engine, wasm, &[], None);
    let peers = [Allocation::OnDemand, Allocation::Pooling, Allocation::Best].map(|how| Program::new(how, wasm, false));
    assert_eq!(run(ours, HELLO), HELLO.len());
    let theirs = |peer: &Program| assert_eq!(peer.run(&[], HELLO, None).len(), HELLO.len());
    let ns = nanoseconds(&mut [
        Contender::new("hostel", || assert_eq!(run(ours, HELLO), HELLO.len())),
        Contender::new("wasmtime, on demand", || theirs(&peers[0])),
        Contender::new("wasmtime, pool", || theirs(&peers[1])),
        Contender::new("wasmtime, pool at its best", || theirs(&peers[2])),
    ]);
    report.tell("wasi_hello_us", ns[0] / 1e3, "us for a program in C that reads a line and writes it");
    for (index, name, who) in [
        (1, "wasi_hello_ratio_wasmtime", "wasmtime, on demand"),
        (2, "wasi_hello_ratio_wasmtime_pooling", "wasmtime, pool"),
        (3, "wasi_hello_ratio_wasmtime_best", "wasmtime, pool at its best"),
    ] {
        report.tell(name, ns[index] / ns[0], &format!("times as long by {who}: {}", time(ns[index])));
    }
}

fn reading(report: &mut Report, engine: &Engine, wasm: &[u8]) {
    let directory = std::env::temp_dir().join(format!("hostel-bench-wasi-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a temporary directory");
    let block: Vec<u8> = (0..FILE).map(|byte| byte as u8).collect();
    std::fs::write(directory.join("big"), block).expect("room for a file");
    let ours = granted(engine, wasm, &[c"program", c"measure", c"/data/big"], Some(&directory));
    let peers = [false, true].map(|in_place| Program::new(Allocation::OnDemand, wasm, in_place));
    // SAFETY: as above.
    let deadline = unsafe {
        let options = made(|out, e| hostel_call_options_new(out, e));
        ok(|e| hostel_call_options_set_deadline_ms(options, 60_000, e));
        options
    };
    let theirs = |peer: &Program| peer.run(&["program", "measure", "/data/big"], &[], Some(&directory)).len();
    let ways: [&dyn Fn() -> usize; 4] =
        [&|| run(ours, &[]), &|| run_within(ours, &[], deadline), &|| theirs(&peers[0]), &|| theirs(&peers[1])];
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        for (way, times) in ways.iter().zip(&mut times) {
            let begin = Instant::now();
            assert!(way() > 10);
            times.push(begin.elapsed().as_nanos() as f64);
        }
    }
    // SAFETY: as above.
    unsafe { hostel_call_options_free(deadline) };
    let [ours, in_time, theirs, in_place] = times.map(median);
    let rate = FILE as f64 / ours * 1e3;
    report.tell("wasi_read_mb_per_second", rate, "MB/s read by a program in Rust from a file of 100 MB, 1 MiB at a time");
    report.tell("wasi_read_ratio_wasmtime", theirs / ours, "times wasmtime's throughput");
    report.tell(
        "wasi_read_ratio_wasmtime_in_place",
        in_place / ours,
        "times that of wasmtime on the calling thread, which is no default",
    );
    report.tell("wasi_read_deadline_ratio_wasmtime", theirs / in_time, "times wasmtime's, in calls with a deadline");
    std::fs::remove_dir_all(&directory).expect("it is ours");
}

fn left_behind(report: &mut Report, engine: &Engine, wasm: &[u8]) {
    let ours = granted(engine, wasm, &[], None);
    let count = |what: &str| std::fs::read_dir(format!("/proc/self/{what}")).expect("Linux").count() as f64;
    let held = || [count("task"), count("fd"), system::now().mappings];
    (0..1_000).for_each(|_| assert_eq!(run(ours, HELLO), HELLO.len()));
    let before = held();
    (0..10_000).for_each(|_| assert_eq!(run(ours, HELLO), HELLO.len()));
    let after = held();
    for (index, what) in ["threads", "descriptors", "mappings"].into_iter().enumerate() {
        let name = format!("wasi_10000_calls_more_{what}");
        report.tell(&name, after[index] - before[index], &format!("{what} more after 10,000 programs"));
    }
}
