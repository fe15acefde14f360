//! 64 bytes to a guest that answers them: what a host adds to a call.

use crate::measure::{Contender, fastest, nanoseconds};
use crate::ours::{self, Engine, Function, Instance};
use crate::peers::{outside::Figures, wasmer, wasmi, wasmtime};
use crate::report::{Report, section, time};
use std::cell::RefCell;
use std::ptr::null_mut;

const HOST_CALLS: u32 = 1_000;
const INPUT: [u8; 64] = [7; 64];

/// The guest, on an engine of ours.
pub struct Ours {
    pub echo: Function,
    host_calls: Function,
    kept: Instance,
}

/// The guest, in each peer; made before ours, whose signal handler wants to stand in front.
pub struct Peers {
    pub wasmer: wasmer::Wasmer,
    pub wasmi: wasmi::Wasmi,
    pub wasmtime: [wasmtime::Wasmtime; 3],
}

impl Peers {
    pub fn new(wasm: &[u8]) -> Self {
        use wasmtime::{Allocation::*, Wasmtime};
        let wasmtime = [OnDemand, Pooling, Best].map(|allocation| Wasmtime::new(allocation, wasm));
        Peers { wasmer: wasmer::Wasmer::new(wasm), wasmi: wasmi::Wasmi::new(wasm), wasmtime }
    }
}

impl Ours {
    pub fn new(engine: &Engine, wasm: &[u8]) -> Self {
        let guest = engine.load(None, wasm).guest_with(ours::add, null_mut());
        let (echo, host_calls) = (guest.function(c"echo"), guest.function(c"host_calls"));
        Ours { echo, host_calls, kept: guest.instance() }
    }

    fn reused(&self) {
        self.kept.call(self.echo, &INPUT, INPUT.len());
    }

    pub fn fresh(&self) {
        self.echo.fresh(&INPUT, INPUT.len());
    }

    fn host_calls(&self) {
        self.kept.call(self.host_calls, &HOST_CALLS.to_le_bytes(), 4);
    }
}

/// What calls of instances that are kept take, in nanoseconds, on each engine.
pub fn reused_calls(wasm: &[u8], engines: &[Engine]) -> Vec<f64> {
    let ours: Vec<Ours> = engines.iter().map(|engine| Ours::new(engine, wasm)).collect();
    fastest(&mut ours.iter().map(|ours| Contender::new("hostel", || ours.reused())).collect::<Vec<_>>())
}

pub fn measure(report: &mut Report, ours: &[Ours; 2], peers: &Peers, extism: &Figures) {
    let [cranelift, interpreted] = ours;
    let kept = |function| {
        (
            RefCell::new(peers.wasmer.keep(function)),
            RefCell::new(peers.wasmi.keep(function)),
            RefCell::new(peers.wasmtime[0].keep(function)),
        )
    };
    let (wasmer, wasmi, wasmtime) = kept("echo");
    let reused = nanoseconds(&mut [
        Contender::new("hostel", || cranelift.reused()),
        Contender::new("wasmer", || wasmer.borrow_mut().call(&INPUT, INPUT.len())),
        Contender::new("wasmtime", || wasmtime.borrow_mut().call(&INPUT, INPUT.len())),
        Contender::new("hostel, wasmi", || interpreted.reused()),
        Contender::new("wasmi", || wasmi.borrow_mut().call(&INPUT, INPUT.len())),
    ]);
    let fresh = nanoseconds(&mut [
        Contender::new("hostel", || cranelift.fresh()),
        Contender::new("wasmer", || peers.wasmer.fresh("echo", &INPUT, INPUT.len())),
        Contender::new("wasmtime on demand", || peers.wasmtime[0].fresh("echo", &INPUT, INPUT.len())),
        Contender::new("wasmtime pooling", || peers.wasmtime[1].fresh("echo", &INPUT, INPUT.len())),
        Contender::new("wasmtime best", || peers.wasmtime[2].fresh("echo", &INPUT, INPUT.len())),
        Contender::new("hostel, wasmi", || interpreted.fresh()),
        Contender::new("wasmi", || peers.wasmi.fresh("echo", &INPUT, INPUT.len())),
    ]);
    let (wasmer, wasmi, wasmtime) = kept("host_calls");
    let count = HOST_CALLS.to_le_bytes();
    let host: Vec<f64> = nanoseconds(&mut [
        Contender::new("hostel", || cranelift.host_calls()),
        Contender::new("wasmer", || wasmer.borrow_mut().call(&count, 4)),
        Contender::new("wasmtime", || wasmtime.borrow_mut().call(&count, 4)),
        Contender::new("hostel, wasmi", || interpreted.host_calls()),
        Contender::new("wasmi", || wasmi.borrow_mut().call(&count, 4)),
    ])
    .iter()
    .map(|ns| ns / f64::from(HOST_CALLS))
    .collect();

    section("64 bytes there and back");
    println!("{:34} {:>12} {:>12} {:>14}", "", "fresh call", "reused call", "host function");
    let (extism_fresh, extism_reused) = (extism.get("fresh_call_ns"), extism.get("reused_call_ns"));
    let none = f64::NAN;
    for (name, fresh, reused, host) in [
        ("hostel, cranelift", fresh[0], reused[0], host[0]),
        ("wasmtime, pool at its best", fresh[4], none, none),
        ("wasmtime, pool", fresh[3], none, none),
        ("wasmtime, on demand", fresh[2], reused[2], host[2]),
        ("wasmer, cranelift", fresh[1], reused[1], host[1]),
        ("extism", extism_fresh, extism_reused, none),
        ("hostel, wasmi", fresh[5], reused[3], host[3]),
        ("wasmi", fresh[6], reused[4], host[4]),
    ] {
        let shown = |ns: f64| if ns.is_nan() { String::new() } else { time(ns) };
        println!("{name:34} {:>12} {:>12} {:>14}", shown(fresh), shown(reused), shown(host));
    }
    for (name, figure) in [
        ("fresh_call_us", fresh[0] / 1e3),
        ("reused_call_ns", reused[0]),
        ("host_call_ns", host[0]),
        ("fresh_minus_reused_ns", fresh[0] - reused[0]),
        ("fresh_call_ratio_wasmer", fresh[1] / fresh[0]),
        ("fresh_call_ratio_wasmtime", fresh[2] / fresh[0]),
        ("fresh_call_ratio_wasmtime_pooling", fresh[3] / fresh[0]),
        ("fresh_call_ratio_wasmtime_best", fresh[4] / fresh[0]),
        ("fresh_call_ratio_extism", extism_fresh / fresh[0]),
        ("reused_call_ratio_wasmer", reused[1] / reused[0]),
        ("reused_call_ratio_wasmtime", reused[2] / reused[0]),
        ("reused_call_ratio_extism", extism_reused / reused[0]),
        ("host_call_ratio_wasmer", host[1] / host[0]),
        ("host_call_ratio_wasmtime", host[2] / host[0]),
        ("wasmi_reused_call_ns", reused[3]),
        ("wasmi_fresh_call_us", fresh[5] / 1e3),
        ("wasmi_host_call_ns", host[3]),
        ("wasmi_reused_call_ratio_wasmi", reused[4] / reused[3]),
        ("wasmi_fresh_call_ratio_wasmi", fresh[6] / fresh[5]),
        ("wasmi_host_call_ratio_wasmi", host[4] / host[3]),
        ("wasmer_fresh_call_us", fresh[1] / 1e3),
        ("wasmtime_fresh_call_us", fresh[2] / 1e3),
        ("wasmtime_pooling_fresh_call_us", fresh[3] / 1e3),
        ("wasmtime_best_fresh_call_us", fresh[4] / 1e3),
        ("extism_fresh_call_us", extism_fresh / 1e3),
        ("plain_wasmi_fresh_call_us", fresh[6] / 1e3),
    ] {
        report.keep(name, figure);
    }
}
