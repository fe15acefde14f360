//! hostel on a guest built with holochain_wasmer_guest, beside holochain_wasmer_host on the same guest. The peer is a
//! program of its own (`benches/holochain`); the two take turns.

use crate::ffi::*;
use crate::measure::{Contender, median, nanoseconds};
use crate::ours::{Engine, Function, Guest, Instance};
use crate::peers::outside::Figures;
use crate::report::{Report, section};
use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr::{null, null_mut};

const HOST_CALLS: u32 = 1_000;
const TURNS: usize = 3;
const MIB: usize = 1 << 20;
/// What is measured, on either side, and the unit of the figure in nanoseconds.
const COLUMNS: [(&str, &str, f64); 4] = [
    ("reused_ns", "reused, 64 B", 1.0),
    ("fresh_us", "fresh, 64 B", 1e3),
    ("host_call_ns", "host function", 1.0),
    ("mib_us", "1 MiB", 1e3),
];

pub fn measure(report: &mut Report, engine: &Engine, guest: &str, peer: &str) {
    let ours = Ours::new(engine, &std::fs::read(guest).unwrap_or_else(|error| panic!("cannot read {guest}: {error}")));
    let (mut us, mut them, mut over_least) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let (figures, least) = ours.measure();
        over_least.push(figures[3] / least);
        us.push(figures);
        let figures = Figures::of(peer, &[guest]);
        them.push(COLUMNS.map(|(name, _, unit)| figures.get(name) * unit));
    }
    let column = |turns: &[[f64; 4]], index: usize| median(turns.iter().map(|turn| turn[index]).collect());
    let ratio = |index: usize| median(them.iter().zip(&us).map(|(them, us)| them[index] / us[index]).collect());

    section("a guest built with holochain_wasmer_guest");
    println!("{:22} {:>14} {:>14} {:>14} {:>14}", "", COLUMNS[0].1, COLUMNS[1].1, COLUMNS[2].1, COLUMNS[3].1);
    for (name, turns) in [("hostel, cranelift", &us), ("holochain_wasmer_host", &them)] {
        let cell = |index| crate::report::time(column(turns, index));
        println!("{name:22} {:>14} {:>14} {:>14} {:>14}", cell(0), cell(1), cell(2), cell(3));
    }
    report.keep("holochain_reused_call_ns", column(&us, 0));
    report.keep("holochain_fresh_call_us", column(&us, 1) / 1e3);
    report.keep("holochain_host_call_ns", column(&us, 2));
    report.keep("holochain_mib_call_us", column(&us, 3) / 1e3);
    report.keep("holochain_host_fresh_call_us", column(&them, 1) / 1e3);
    report.tell("holochain_reused_ratio", ratio(0), "times faster, reused");
    report.tell("fresh_call_ratio_holochain", ratio(1), "times faster, fresh");
    report.tell("holochain_host_call_ratio", ratio(2), "times faster host functions");
    report.tell("holochain_mib_ratio", ratio(3), "times faster with 1 MiB");
    report.tell("mib_call_ratio_memcpy", median(over_least), "times two copies of 1 MiB and the guest's own work");
}

/// The guest, through hostel's C functions.
struct Ours {
    instance: Instance,
    bytes: Function,
    ask_often: Function,
    plain: [Function; 3],
}

/// The host function that the guest calls: the next number, in MessagePack.
unsafe extern "C" fn next(_: *mut c_void, caller: *mut hostel_caller, input: *const u8, len: usize) -> hostel_status {
    // SAFETY: the library passes the guest's bytes, and its caller.
    unsafe {
        let number = match std::slice::from_raw_parts(input, len) {
            [0xcd, high, low] => u16::from_be_bytes([*high, *low]),
            [.., low] => u16::from(*low),
            [] => 0,
        };
        let [high, low] = (number + 1).to_be_bytes();
        hostel_caller_return(caller, [0xcd, high, low].as_ptr(), 3)
    }
}

impl Ours {
    fn new(engine: &Engine, wasm: &[u8]) -> Self {
        let module = engine.load(None, wasm);
        // SAFETY: the handles come from the library, in this order; names end with a zero byte.
        unsafe {
            let imports = made(|out, e| hostel_imports_new(out, e));
            for name in [c"__hc__next_1", c"__hc__answer_1", c"__hc__short_circuit_5"] {
                ok(|e| hostel_imports_define(imports, c"env".as_ptr(), name.as_ptr(), next, null_mut(), None, e));
            }
            let guest = Guest(made(|out, e| hostel_guest_new(module.0, imports, null(), out, e)));
            hostel_imports_free(imports);
            let plain = [c"__hc__allocate_1", c"bytes", c"__hc__deallocate_1"]
                .map(|name| Function(made(|out, e| hostel_guest_value_function(guest.0, name.as_ptr(), out, e))));
            Ours { instance: guest.instance(), bytes: guest.function(c"bytes"), ask_often: guest.function(c"ask_often"), plain }
        }
    }

    /// Nanoseconds of one turn, and the least that 1 MiB can take.
    fn measure(&self) -> ([f64; 4], f64) {
        let small = [&[0xc4, 64][..], &[7; 64]].concat();
        let large = [&[0xc6, 0, 0x10, 0, 0][..], &vec![7; MIB]].concat();
        let copied = RefCell::new(vec![0; large.len() + 4]);
        let times = [&[0xcd][..], &(HOST_CALLS as u16).to_be_bytes()].concat();
        let ns = nanoseconds(&mut [
            Contender::new("reused", || self.instance.call(self.bytes, &small, small.len())),
            Contender::new("fresh", || self.bytes.fresh(&small, small.len())),
            Contender::new("host", || self.instance.call(self.ask_often, &times, 3)),
            Contender::new("1 MiB", || self.instance.call(self.bytes, &large, large.len())),
            Contender::new("the least", || self.copy_and_work(&large, &mut copied.borrow_mut())),
        ]);
        ([ns[0], ns[1], ns[2] / f64::from(HOST_CALLS), ns[3]], ns[4])
    }

    /// What no host can do without: one copy in, the guest's own functions, and one copy out into bytes that are there.
    fn copy_and_work(&self, input: &[u8], copied: &mut [u8]) {
        let [allocate, bytes, deallocate] = self.plain;
        let mut values = [input.len() as u64, 0];
        self.instance.call_values(allocate, &mut values);
        self.instance.write(values[0], input);
        values[1] = input.len() as u64;
        self.instance.call_values(bytes, &mut values);
        let (ptr, len) = (values[0] >> 32, values[0] & 0xffff_ffff);
        assert_eq!(len as usize, copied.len());
        self.instance.read(ptr, copied);
        self.instance.call_values(deallocate, &mut [ptr, len]);
    }
}
