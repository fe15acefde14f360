//! `make bench`: a table for people, and `build/bench.json` for programs. Every ratio is of one run on one machine.
//! hostel-bench [JSON [HOLOCHAIN_GUEST [HOLOCHAIN_PEER]]]

mod holochain;
mod measure;
mod ours;
mod peers;

use measure::{Contender, nanoseconds};
use ours::Ours;
use peers::{wasmer_plain::Wasmer, wasmi_plain::Wasmi};
use serde_json::{Map, Value, json};
use std::cell::RefCell;

const HOST_CALLS: u32 = 1_000;

fn main() {
    let argument = |index, otherwise: &str| std::env::args().nth(index).unwrap_or_else(|| otherwise.into());
    let path = argument(1, "build/bench.json");
    let guest = argument(2, "build/guests/holochain.wasm");
    let peer = argument(3, "target/bench-holochain/release/holochain-bench");
    let wasm = wat::parse_str(include_str!("guest.wat")).expect("the guest is valid");
    let input = [7; 64];
    let ours = [Ours::new(c"cranelift", &wasm), Ours::new(c"wasmi", &wasm)];
    let wasmer = RefCell::new(Wasmer::new(&wasm));
    let wasmi = RefCell::new(Wasmi::new(&wasm));

    let reused = nanoseconds(&mut [
        Contender::new("hostel, cranelift", || ours[0].reused(&input)),
        Contender::new("plain wasmer", || wasmer.borrow_mut().reused(&input)),
        Contender::new("hostel, wasmi", || ours[1].reused(&input)),
        Contender::new("plain wasmi", || wasmi.borrow_mut().reused(&input)),
    ]);
    let fresh = nanoseconds(&mut [
        Contender::new("hostel, cranelift", || ours[0].fresh(&input)),
        Contender::new("plain wasmer", || wasmer.borrow().fresh(&input)),
        Contender::new("hostel, wasmi", || ours[1].fresh(&input)),
        Contender::new("plain wasmi", || wasmi.borrow().fresh(&input)),
    ]);
    let mut host_contenders = [
        Contender::new("hostel, cranelift", || ours[0].host_calls(HOST_CALLS)),
        Contender::new("plain wasmer", || wasmer.borrow_mut().host_calls(HOST_CALLS)),
        Contender::new("hostel, wasmi", || ours[1].host_calls(HOST_CALLS)),
        Contender::new("plain wasmi", || wasmi.borrow_mut().host_calls(HOST_CALLS)),
    ];
    let host: Vec<f64> = nanoseconds(&mut host_contenders).iter().map(|ns| ns / f64::from(HOST_CALLS)).collect();

    println!("{:20} {:>16} {:>16} {:>16}", "", "reused call, 64 B", "fresh call, 64 B", "host function");
    for (index, contender) in host_contenders.iter().enumerate() {
        println!("{:20} {:>14.0} ns {:>13.2} us {:>13.1} ns", contender.name, reused[index], fresh[index] / 1000.0, host[index]);
    }
    println!("\nhostel through its C functions, beside the engine it uses (theirs / ours, above 1 is faster):");
    let ratio = |figures: &[f64], ours: usize| figures[ours + 1] / figures[ours];
    for (ours, name) in [(0, "cranelift / wasmer"), (2, "wasmi / wasmi")] {
        let (reused, fresh, host) = (ratio(&reused, ours), ratio(&fresh, ours), ratio(&host, ours));
        println!("{name:20} {reused:>17.2} {fresh:>16.2} {host:>16.2}");
    }

    let figures: Map<String, Value> = [
        ("reused_call_ns", reused[0]),
        ("fresh_call_us", fresh[0] / 1000.0),
        ("host_call_ns", host[0]),
        ("reused_call_ratio_wasmer", ratio(&reused, 0)),
        ("fresh_call_ratio_wasmer", ratio(&fresh, 0)),
        ("host_call_ratio_wasmer", ratio(&host, 0)),
        ("wasmi_reused_call_ns", reused[2]),
        ("wasmi_fresh_call_us", fresh[2] / 1000.0),
        ("wasmi_host_call_ns", host[2]),
        ("wasmi_reused_call_ratio_wasmi", ratio(&reused, 2)),
        ("wasmi_fresh_call_ratio_wasmi", ratio(&fresh, 2)),
        ("wasmi_host_call_ratio_wasmi", ratio(&host, 2)),
    ]
    .into_iter()
    .chain(holochain::compare(&guest, &peer))
    .map(|(name, figure)| (name.into(), json!(figure)))
    .collect();
    std::fs::write(&path, serde_json::to_string_pretty(&figures).expect("numbers always serialise"))
        .unwrap_or_else(|error| panic!("cannot write {path}: {error}"));
    println!("\nwritten to {path}");
}
