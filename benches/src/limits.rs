//! What fuel and deadlines cost: running time, compile time and size, and how late a deadline or a cancel strikes.

use crate::ffi::*;
use crate::measure::{Contender, median, nanoseconds};
use crate::ours::{Artifact, Engine, Function, Instance};
use crate::report::{Report, section, shown, time};
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{null, null_mut};
use std::time::{Duration, Instant};
use wasmtime::{Config, Linker, Module, Store, TypedFunc};

/// The kernels, and a size at which each takes some milliseconds.
pub const KERNELS: [(&str, u32); 4] = [("mandelbrot", 120), ("fib", 25), ("hash", 1_000_000), ("sieve", 400_000)];

/// The rows of the table: fuel and deadline.
const LIMITS: [(&str, bool, bool); 4] =
    [("none", false, false), ("fuel", true, false), ("deadline", false, true), ("both", true, true)];
/// The same of wasmtime.
const THEIRS: [(&str, bool, bool); 3] = [("none", false, false), ("fuel", true, false), ("epoch", false, true)];

pub fn measure(report: &mut Report, kernels: &[u8], sqlite: &[u8]) {
    let engines = LIMITS.map(|(_, fuel, deadline)| Engine::with_limits(c"cranelift", fuel, deadline));
    kernel_times(report, &engines, kernels);
    query_times(report, &engines, sqlite);
    compile_costs(report, &engines, sqlite);
    latencies(report, &engines[2], kernels);
}

fn kernel_times(report: &mut Report, engines: &[Engine; 4], wasm: &[u8]) {
    section("what limits cost: times as long as without, on cranelift");
    let ours = engines.map(|engine| engine.load(None, wasm).guest(true));
    let theirs = THEIRS.map(|(_, fuel, epoch)| Theirs::new(wasm, fuel, epoch));
    let mut ours_over = [[1.0; 4]; 4];
    let mut theirs_over = [[1.0; 4]; 3];
    let mut base = [[0.0; 4]; 2];
    for (column, (name, size)) in KERNELS.into_iter().enumerate() {
        let c_name = CString::new(name).expect("no zero byte");
        let own: Vec<(Instance, Function)> = ours.iter().map(|guest| (guest.instance(), guest.value_function(&c_name))).collect();
        let their: Vec<_> = theirs.iter().map(|theirs| RefCell::new(theirs.keep(name))).collect();
        let call = |(instance, function): &(Instance, Function)| instance.call_values(*function, &mut [u64::from(size)]);
        let mut contenders: Vec<Contender<'_>> = Vec::new();
        contenders.extend(own.iter().map(|own| Contender::new("hostel", || call(own))));
        contenders.extend(their.iter().map(|their| Contender::new("wasmtime", || their.borrow_mut().call(size))));
        let ns = nanoseconds(&mut contenders);
        base[0][column] = ns[0];
        base[1][column] = ns[4];
        for (row, over) in ours_over.iter_mut().enumerate() {
            over[column] = ns[row] / ns[0];
        }
        for (row, over) in theirs_over.iter_mut().enumerate() {
            over[column] = ns[4 + row] / ns[4];
        }
    }
    let line = |name: &str, cells: [String; 4], last: String| {
        println!("{name:24}{}{last:>12}", cells.map(|cell| format!("{cell:>12}")).concat());
    };
    line("", KERNELS.map(|(name, _)| name.into()), "geomean".into());
    line("hostel, without", base[0].map(time), String::new());
    for ((name, ..), over) in LIMITS.iter().zip(ours_over).skip(1) {
        line(&format!("hostel, {name}"), over.map(shown), shown(geomean(&over)));
    }
    line("wasmtime, without", base[1].map(time), String::new());
    for ((name, ..), over) in THEIRS.iter().zip(theirs_over).skip(1) {
        line(&format!("wasmtime, {name}"), over.map(shown), shown(geomean(&over)));
    }
    report.keep("kernel_metered_overhead_geomean", geomean(&ours_over[1]));
    report.keep("kernel_deadline_overhead_geomean", geomean(&ours_over[2]));
    report.keep("kernel_both_overhead_geomean", geomean(&ours_over[3]));
    report.keep("kernel_wasmtime_fuel_overhead_geomean", geomean(&theirs_over[1]));
    report.keep("kernel_wasmtime_epoch_overhead_geomean", geomean(&theirs_over[2]));
    for (column, (name, _)) in KERNELS.iter().enumerate() {
        report.keep(&format!("kernel_{name}_metered_overhead"), ours_over[1][column]);
        report.keep(&format!("kernel_{name}_deadline_overhead"), ours_over[2][column]);
        report.keep(&format!("kernel_{name}_both_overhead"), ours_over[3][column]);
    }
}

fn query_times(report: &mut Report, engines: &[Engine; 4], sqlite: &[u8]) {
    let rows = 500_u32.to_le_bytes();
    let guests = engines.map(|engine| engine.load(None, sqlite).guest(true));
    let kept: Vec<(Instance, Function)> = guests.iter().map(|guest| (guest.instance(), guest.function(c"sql"))).collect();
    let call = |(instance, function): &(Instance, Function)| instance.call_any(*function, &rows);
    let ns = nanoseconds(&mut kept.iter().map(|kept| Contender::new("hostel", || call(kept))).collect::<Vec<_>>());
    for (row, (name, ..)) in LIMITS.iter().enumerate().skip(1) {
        let sentence = format!("times as long with {name}: SQLite, 500 rows");
        report.tell(&format!("sqlite_500_{name}_overhead"), ns[row] / ns[0], &sentence);
    }
}

/// What compiling one module takes.
#[derive(Clone, Copy)]
struct Compile {
    total: f64,
    prepare: f64,
    bytes: f64,
}

/// When each phase of a load began.
#[derive(Default)]
struct Phases {
    prepare: Option<Instant>,
    compile: Option<Instant>,
}

unsafe extern "C" fn note_phase(phases: *mut c_void, phase: *const c_char, _: u64, _: u64) -> hostel_status {
    // SAFETY: it is what `compile` gave, and the phase is a text.
    let (phases, phase) = unsafe { (&mut *phases.cast::<Phases>(), CStr::from_ptr(phase)) };
    match phase.to_bytes() {
        b"prepare" => _ = phases.prepare.get_or_insert_with(Instant::now),
        b"compile" => _ = phases.compile.get_or_insert_with(Instant::now),
        _ => {}
    }
    HOSTEL_STATUS_OK
}

fn compile(engine: &Engine, wasm: &[u8]) -> Compile {
    let mut phases = Phases::default();
    let begun = Instant::now();
    // SAFETY: the handles come from the library; the phases outlive the load.
    let module = unsafe {
        let options = made(|out, e| hostel_load_options_new(out, e));
        ok(|e| hostel_load_options_set_progress(options, Some(note_phase), (&raw mut phases).cast(), e));
        let module = made(|out, e| hostel_module_load(engine.0, null(), wasm.as_ptr(), wasm.len(), options, out, e));
        hostel_load_options_free(options);
        crate::ours::Module(module)
    };
    let total = begun.elapsed().as_secs_f64();
    let prepare = match (phases.prepare, phases.compile) {
        (Some(prepare), Some(compile)) => (compile - prepare).as_secs_f64(),
        _ => 0.0,
    };
    Compile { total, prepare, bytes: Artifact::sealed(&module).len() as f64 }
}

fn compile_costs(report: &mut Report, engines: &[Engine; 4], sqlite: &[u8]) {
    const ROUNDS: usize = 5;
    let mut rounds: [Vec<Compile>; 4] = Default::default();
    for _ in 0..ROUNDS {
        for (engine, rounds) in engines.iter().zip(&mut rounds) {
            rounds.push(compile(engine, sqlite));
        }
    }
    let middle = |rounds: &[Compile], figure: fn(&Compile) -> f64| median(rounds.iter().map(figure).collect());
    let plain = middle(&rounds[0], |compile| compile.total);
    for ((name, ..), rounds_of) in LIMITS.iter().zip(&rounds).skip(1) {
        let (total, prepare) = (middle(rounds_of, |compile| compile.total), middle(rounds_of, |compile| compile.prepare));
        let bytes = rounds_of[0].bytes / rounds[0][0].bytes;
        println!(
            "{:>14}  with {name}: compiled in {} times the time, {} times as large; the rewriting alone is {} % of compiling without",
            "",
            shown(total / plain),
            shown(bytes),
            shown(100.0 * prepare / plain)
        );
        report.keep(&format!("compile_{name}_ratio"), total / plain);
        report.keep(&format!("artifact_{name}_ratio"), bytes);
        report.keep(&format!("prepare_{name}_share"), prepare / plain);
    }
}

/// How late guests stop that would never end, on a machine with little else to do.
fn latencies(report: &mut Report, engine: &Engine, kernels: &[u8]) {
    const CALLS: usize = 200;
    let guest = engine.load(None, kernels).guest(true);
    let endless = |options| {
        let mut values = [u64::from(u32::MAX)];
        // SAFETY: the handles come from the library.
        let status = unsafe { hostel_guest_call_values(guest.0, c"hash".as_ptr(), values.as_mut_ptr(), 1, options, null_mut()) };
        assert_ne!(status, HOSTEL_STATUS_OK, "it was stopped");
    };
    let mut late: [Vec<f64>; 2] = Default::default();
    for _ in 0..CALLS {
        // SAFETY: as above; options and token are used by the threads that this waits for.
        unsafe {
            let options = made(|out, e| hostel_call_options_new(out, e));
            ok(|e| hostel_call_options_set_deadline_ms(options, 2, e));
            let begun = Instant::now();
            endless(options);
            late[0].push((begun.elapsed() - Duration::from_millis(2)).as_secs_f64() * 1e9);

            let cancel = made(|out, e| hostel_cancel_new(out, e));
            ok(|e| hostel_call_options_set_deadline_ms(options, u64::MAX, e));
            ok(|e| hostel_call_options_set_cancel(options, cancel, e));
            let token = cancel as usize;
            let canceller = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(1));
                let at = Instant::now();
                ok(|e| hostel_cancel_trigger(token as *const hostel_cancel, e));
                at
            });
            endless(options);
            let ended = Instant::now();
            late[1].push((ended - canceller.join().expect("it does not panic")).as_secs_f64() * 1e9);
            hostel_cancel_free(cancel);
        }
    }
    for (name, mut late) in ["deadline", "cancel"].into_iter().zip(late) {
        late.sort_by(f64::total_cmp);
        let (half, most) = (late[CALLS / 2], late[CALLS * 99 / 100]);
        println!("{:>14}  a {name} stops a guest {} later, {} in the worst of 100", "", time(half), time(most));
        report.keep(&format!("{name}_latency_us"), half / 1e3);
        report.keep(&format!("{name}_latency_p99_us"), most / 1e3);
    }
}

/// The geometric mean.
pub fn geomean(ratios: &[f64; 4]) -> f64 {
    ratios.iter().product::<f64>().powf(0.25)
}

/// wasmtime, with its own limits.
pub struct Theirs {
    module: Module,
    fuel: bool,
    epoch: bool,
}

pub struct Kept {
    store: Store<()>,
    function: TypedFunc<u32, u32>,
    fuel: bool,
}

impl Theirs {
    pub fn new(wasm: &[u8], fuel: bool, epoch: bool) -> Self {
        let mut config = Config::new();
        config.consume_fuel(fuel).epoch_interruption(epoch);
        let engine = wasmtime::Engine::new(&config).expect("the settings are valid");
        Theirs { module: Module::new(&engine, wasm).expect("the guest compiles"), fuel, epoch }
    }

    pub fn keep(&self, function: &str) -> Kept {
        let mut store = Store::new(self.module.engine(), ());
        if self.epoch {
            store.set_epoch_deadline(1);
        }
        let instance = Linker::new(self.module.engine()).instantiate(&mut store, &self.module).expect("it links");
        let function = instance.get_typed_func(&mut store, function).expect("the function");
        Kept { store, function, fuel: self.fuel }
    }
}

impl Kept {
    pub fn call(&mut self, size: u32) {
        if self.fuel {
            self.store.set_fuel(u64::MAX).expect("fuel is counted");
        }
        std::hint::black_box(self.function.call(&mut self.store, size).expect("no trap"));
    }
}
