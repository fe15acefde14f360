//! hostel on a guest built with holochain_wasmer_guest, beside holochain_wasmer_host on the same guest. The peer is a
//! program of its own (`benches/holochain`), because it needs an older wasmer; the two take turns.

use crate::measure::{Contender, median, nanoseconds};
use crate::ours::ok;
use hostel::ffi::buffer::{hostel_buffer, hostel_buffer_free};
use hostel::ffi::engine::*;
use hostel::ffi::function::*;
use hostel::ffi::guest::*;
use hostel::ffi::imports::*;
use hostel::ffi::instance::*;
use hostel::ffi::module::*;
use hostel::ffi::status::hostel_status;
use serde_json::Value;
use std::cell::RefCell;
use std::ffi::c_void;
use std::process::Command;
use std::ptr::{null, null_mut};

const HOST_CALLS: u32 = 1_000;
const TURNS: usize = 5;
const MIB: usize = 1 << 20;

/// What one turn found, for either side.
#[derive(Clone, Copy)]
struct Figures {
    reused_ns: f64,
    fresh_us: f64,
    host_call_ns: f64,
    mib_us: f64,
}

/// Rows for people, and figures for `bench.json`.
pub fn compare(guest: &str, peer: &str) -> Vec<(&'static str, f64)> {
    let ours = Ours::new(&std::fs::read(guest).unwrap_or_else(|error| panic!("cannot read {guest}: {error}")));
    let (mut us, mut them, mut least_us) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let (figures, least) = ours.measure();
        us.push(figures);
        least_us.push(least);
        them.push(run_peer(peer, guest));
    }
    let of = |turns: &[Figures], get: fn(&Figures) -> f64| median(turns.iter().map(get).collect());
    let ratio = |get: fn(&Figures) -> f64| median(them.iter().zip(&us).map(|(them, us)| get(them) / get(us)).collect());
    let over_least = median(us.iter().zip(&least_us).map(|(us, least)| us.mib_us / least).collect());

    println!("\na guest built with holochain_wasmer_guest, by its host and by hostel on cranelift:");
    println!("{:22} {:>14} {:>14} {:>14} {:>14}", "", "reused, 64 B", "fresh, 64 B", "host function", "1 MiB");
    for (name, turns) in [("hostel", &us), ("holochain_wasmer_host", &them)] {
        println!(
            "{name:22} {:>11.0} ns {:>11.2} us {:>11.1} ns {:>11.1} us",
            of(turns, |turn| turn.reused_ns),
            of(turns, |turn| turn.fresh_us),
            of(turns, |turn| turn.host_call_ns),
            of(turns, |turn| turn.mib_us),
        );
    }
    let ratios =
        [ratio(|turn| turn.reused_ns), ratio(|turn| turn.fresh_us), ratio(|turn| turn.host_call_ns), ratio(|turn| turn.mib_us)];
    println!("{:22} {:>14.2} {:>14.2} {:>14.2} {:>14.2}", "theirs / ours", ratios[0], ratios[1], ratios[2], ratios[3]);
    println!("1 MiB takes {over_least:.2} times what two copies and the guest's own work take");
    vec![
        ("holochain_reused_call_ns", of(&us, |turn| turn.reused_ns)),
        ("holochain_fresh_call_us", of(&us, |turn| turn.fresh_us)),
        ("holochain_host_call_ns", of(&us, |turn| turn.host_call_ns)),
        ("holochain_mib_call_us", of(&us, |turn| turn.mib_us)),
        ("holochain_reused_ratio", ratios[0]),
        ("fresh_call_ratio_holochain", ratios[1]),
        ("holochain_host_call_ratio", ratios[2]),
        ("holochain_mib_ratio", ratios[3]),
        ("mib_call_ratio_memcpy", over_least),
    ]
}

fn run_peer(program: &str, guest: &str) -> Figures {
    let output = Command::new(program).arg(guest).output().unwrap_or_else(|error| panic!("cannot run {program}: {error}"));
    assert!(output.status.success(), "{program} failed: {}", String::from_utf8_lossy(&output.stderr));
    let figures: Value = serde_json::from_slice(&output.stdout).expect("the peer prints JSON");
    let figure = |name: &str| figures[name].as_f64().unwrap_or_else(|| panic!("{program} printed no {name}"));
    Figures {
        reused_ns: figure("reused_ns"),
        fresh_us: figure("fresh_us"),
        host_call_ns: figure("host_call_ns"),
        mib_us: figure("mib_us"),
    }
}

/// The guest, through hostel's C functions.
struct Ours {
    guest: *mut hostel_guest,
    instance: *mut hostel_instance,
    bytes: *mut hostel_function,
    ask_often: *mut hostel_function,
    plain: [*mut hostel_function; 3],
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
    fn new(wasm: &[u8]) -> Self {
        let (mut engine, mut module, mut imports, mut guest) = (null_mut(), null_mut(), null_mut(), null_mut());
        let (mut instance, mut bytes, mut ask_often, mut plain) = (null_mut(), null_mut(), null_mut(), [null_mut(); 3]);
        let e = null_mut();
        // SAFETY: the handles come from the library, in this order.
        unsafe {
            ok(hostel_engine_new(null(), &mut engine, e));
            ok(hostel_module_load(engine, null(), wasm.as_ptr(), wasm.len(), null(), &mut module, e));
            ok(hostel_imports_new(&mut imports, e));
            for name in [c"__hc__next_1", c"__hc__answer_1", c"__hc__short_circuit_5"] {
                ok(hostel_imports_define(imports, c"env".as_ptr(), name.as_ptr(), Some(next), null_mut(), None, e));
            }
            ok(hostel_guest_new(module, imports, null(), &mut guest, e));
            ok(hostel_guest_function(guest, c"bytes".as_ptr(), &mut bytes, e));
            ok(hostel_guest_function(guest, c"ask_often".as_ptr(), &mut ask_often, e));
            for (name, plain) in [c"__hc__allocate_1", c"bytes", c"__hc__deallocate_1"].iter().zip(&mut plain) {
                ok(hostel_guest_value_function(guest, name.as_ptr(), plain, e));
            }
            ok(hostel_instance_new(guest, null_mut(), &mut instance, e));
            hostel_imports_free(imports);
            hostel_module_free(module);
            hostel_engine_free(engine);
        }
        Ours { guest, instance, bytes, ask_often, plain }
    }

    /// One turn, and the least that 1 MiB can take, in microseconds.
    fn measure(&self) -> (Figures, f64) {
        let small = [&[0xc4, 64][..], &[7; 64]].concat();
        let large = [&[0xc6, 0, 0x10, 0, 0][..], &vec![7; MIB]].concat();
        let copied = RefCell::new(vec![0; large.len() + 4]);
        let times = [&[0xcd][..], &(HOST_CALLS as u16).to_be_bytes()].concat();
        let reused = nanoseconds(&mut [Contender::new("reused", || self.reused(self.bytes, &small, small.len()))]);
        let fresh = nanoseconds(&mut [Contender::new("fresh", || self.fresh(&small))]);
        let host = nanoseconds(&mut [Contender::new("host", || self.reused(self.ask_often, &times, 3))]);
        let mib = nanoseconds(&mut [
            Contender::new("1 MiB", || self.reused(self.bytes, &large, large.len())),
            Contender::new("the least", || self.copy_and_work(&large, &mut copied.borrow_mut())),
        ]);
        let figures = Figures {
            reused_ns: reused[0],
            fresh_us: fresh[0] / 1e3,
            host_call_ns: host[0] / f64::from(HOST_CALLS),
            mib_us: mib[0] / 1e3,
        };
        (figures, mib[1] / 1e3)
    }

    fn reused(&self, function: *const hostel_function, input: &[u8], expected: usize) {
        let mut output = hostel_buffer { data: null_mut(), len: 0 };
        let (data, len) = (input.as_ptr(), input.len());
        // SAFETY: live handles, one thread.
        unsafe {
            ok(hostel_instance_call_function(self.instance, function, data, len, null_mut(), &mut output, null_mut()));
            assert_eq!(output.len, expected);
            hostel_buffer_free(&mut output);
        }
    }

    fn fresh(&self, input: &[u8]) {
        let mut output = hostel_buffer { data: null_mut(), len: 0 };
        // SAFETY: live handles.
        unsafe {
            ok(hostel_function_call(self.bytes, input.as_ptr(), input.len(), null_mut(), &mut output, null_mut()));
            assert_eq!(output.len, input.len());
            hostel_buffer_free(&mut output);
        }
    }

    /// What no host can do without: one copy in, the guest's own functions, and one copy out into bytes that are there.
    fn copy_and_work(&self, input: &[u8], copied: &mut [u8]) {
        let [allocate, bytes, deallocate] = self.plain;
        // SAFETY: live handles, one thread.
        unsafe {
            let call = |function, values: &mut [u64; 2]| {
                ok(hostel_instance_call_function_values(self.instance, function, values.as_mut_ptr(), 2, null_mut(), null_mut()));
            };
            let mut values = [input.len() as u64, 0];
            call(allocate, &mut values);
            ok(hostel_instance_memory_write(self.instance, values[0], input.as_ptr(), input.len(), null_mut()));
            values[1] = input.len() as u64;
            call(bytes, &mut values);
            let (ptr, len) = (values[0] >> 32, values[0] & 0xffff_ffff);
            assert_eq!(len as usize, copied.len());
            ok(hostel_instance_memory_read(self.instance, ptr, copied.as_mut_ptr(), copied.len(), null_mut()));
            values = [ptr, len];
            call(deallocate, &mut values);
        }
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        // SAFETY: made by the library, freed once.
        unsafe {
            for function in [self.bytes, self.ask_often].into_iter().chain(self.plain) {
                hostel_function_free(function);
            }
            hostel_instance_free(self.instance);
            hostel_guest_free(self.guest);
        }
    }
}
