//! What the engine `tiered` promises: as quick as the interpreter to answer first, as fast as the best compiler in the end.

use crate::ffi::*;
use crate::measure::{Contender, median, nanoseconds};
use crate::ours::{Engine, Function, Guest, Module};
use crate::report::{Report, section, shown};
use std::ffi::{CStr, CString};
use std::time::Instant;

/// The kernels, and a size at which each takes some milliseconds once compiled.
const KERNELS: [(&str, u32); 4] = [("mandelbrot", 120), ("fib", 25), ("hash", 1_000_000), ("sieve", 400_000)];
const ROUNDS: usize = 11;

pub fn measure(report: &mut Report, kernels: &[u8], sqlite: &[u8]) {
    section("tiered: the first answer, and the last tier");
    // The interpreter as a tier has it: what the best tier is compared with is as deterministic, too.
    let tiered = Engine::deterministic(c"tiered");
    let interpreter = Engine::deterministic(c"wasmi");
    let best_name = tiered.tiers().pop().expect("it has tiers");
    let best = Engine::deterministic(&best_name);
    first_answers(report, &tiered, &interpreter, sqlite);
    let module = tiered.load(None, kernels);
    let begun = Instant::now();
    module.settle();
    report.tell("tiered_settles_ms", begun.elapsed().as_secs_f64() * 1e3, "ms until the best tier serves the kernels");
    steady(report, &module, &best.load(None, kernels));
}

/// From the bytes of a module to the output of a call.
fn first_answers(report: &mut Report, tiered: &Engine, interpreter: &Engine, wasm: &[u8]) {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (engine, times) in [tiered, interpreter].into_iter().zip(&mut times) {
            let begun = Instant::now();
            let module = engine.load(None, wasm);
            let guest = module.guest(true);
            let function = guest.function(c"sql");
            function.fresh_any(&1_u32.to_le_bytes());
            times.push(begun.elapsed().as_secs_f64() * 1e6);
            function.free();
            guest.free();
            drop(module);
            join_loads(); // the rest of it is not the next one's
        }
    }
    let [tiered, interpreter] = times.map(median);
    report.tell("tiered_first_answer_us", tiered, "us from the bytes of SQLite to a first answer, tiered");
    report.tell("tiered_first_answer_ratio_wasmi", tiered / interpreter, "times as long as wasmi by itself");
}

fn steady(report: &mut Report, tiered: &Module, best: &Module) {
    let guests: [Guest; 2] = [tiered.guest(true), best.guest(true)];
    let mut product = 1.0;
    for (name, size) in KERNELS {
        let name = CString::new(name).expect("no zero byte");
        let functions: Vec<Function> = guests.iter().map(|guest| guest.value_function(&name)).collect();
        let call = |function: &Function| function.fresh_values(&mut [u64::from(size)]);
        let ns = nanoseconds(&mut functions.iter().map(|own| Contender::new("hostel", || call(own))).collect::<Vec<_>>());
        println!("  {:>12}  {}", shown(ns[0] / ns[1]), name.to_string_lossy());
        product *= ns[0] / ns[1];
    }
    let ratio = product.powf(1.0 / KERNELS.len() as f64);
    report.tell("tiered_steady_ratio", ratio, "times as long as the best tier by itself, geometric mean of the kernels");
}

fn join_loads() {
    // SAFETY: it takes nothing but a place for an error.
    while unsafe { hostel_loads_join(std::ptr::null_mut()) } != HOSTEL_STATUS_OK {
        std::thread::yield_now();
    }
}

impl Engine {
    /// One that answers as all others do.
    fn deterministic(name: &CStr) -> Self {
        // SAFETY: as for every engine.
        Self::configured(name, |config| ok(|e| unsafe { hostel_engine_config_set_deterministic(config, true, e) }))
    }

    /// The names of its tiers.
    fn tiers(&self) -> Vec<CString> {
        // SAFETY: the names live for ever.
        let name = |index| unsafe {
            let name = hostel_engine_tier_at(self.0, index);
            (!name.is_null()).then(|| CStr::from_ptr(name).to_owned())
        };
        (0..).map_while(name).collect()
    }
}
