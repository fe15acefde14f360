//! What the engine llvm is for: code that computes, beside the same code compiled for this machine, and beside wasmtime's; what
//! limits cost it; its calls beside cranelift's; and how fast many modules go.

use crate::limits::{KERNELS, Theirs, geomean};
use crate::measure::{Contender, fastest};
use crate::ours::{Artifact, Engine, Function, Instance, Module, is_built};
use crate::report::{Report, section, shown, time};
use crate::small;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::time::Instant;

/// Without any, fuel, deadline; and cranelift without any.
const OURS: [(&str, &CStr, bool, bool); 4] = [
    ("hostel, llvm", c"llvm", false, false),
    ("hostel, llvm, fuel", c"llvm", true, false),
    ("hostel, llvm, deadline", c"llvm", false, true),
    ("hostel, cranelift", c"cranelift", false, false),
];

pub fn measure(report: &mut Report, kernels: &[u8], native: &str, small: &[u8]) {
    section("code that computes, on llvm");
    if !is_built(c"llvm") {
        println!("skipped: this libhostel was built without llvm");
        return;
    }
    kernel_times(report, kernels, &Native::open(native));
    let reused = small::reused_calls(small, &[Engine::new(c"llvm"), Engine::new(c"cranelift")]);
    let sentence = "a reused call of 64 bytes: the time on llvm over that on cranelift";
    report.tell("reused_call_ratio_llvm_cranelift", reused[0] / reused[1], sentence);
    teardown(report, small);
}

fn kernel_times(report: &mut Report, wasm: &[u8], native: &Native) {
    let ours = OURS.map(|(_, name, fuel, deadline)| Engine::with_limits(name, fuel, deadline).load(None, wasm).guest(true));
    let theirs = Theirs::new(wasm, false, false);
    // Over the first of ours; native and wasmtime at the end.
    let mut ratios = [[1.0; 4]; 6];
    let mut base = [0.0; 4];
    for (column, (name, size)) in KERNELS.into_iter().enumerate() {
        let c_name = CString::new(name).expect("no zero byte");
        let own: Vec<(Instance, Function)> = ours.iter().map(|guest| (guest.instance(), guest.value_function(&c_name))).collect();
        let call = |(instance, function): &(Instance, Function)| instance.call_values(*function, &mut [u64::from(size)]);
        let their = RefCell::new(theirs.keep(name));
        let kernel = native.kernel(&c_name);
        let mut contenders: Vec<Contender<'_>> = Vec::new();
        contenders.extend(own.iter().map(|own| Contender::new("hostel", || call(own))));
        contenders.push(Contender::new("native", || _ = std::hint::black_box(kernel(std::hint::black_box(size)))));
        contenders.push(Contender::new("wasmtime", || their.borrow_mut().call(size)));
        let ns = fastest(&mut contenders);
        base[column] = ns[0];
        for (ratios, ns) in ratios.iter_mut().zip(&ns) {
            ratios[column] = ns / base[column];
        }
    }
    println!("{:24}{}{:>12}", "", KERNELS.map(|(name, _)| format!("{name:>12}")).concat(), "geomean");
    println!("{:24}{}", OURS[0].0, base.map(|ns| format!("{:>12}", time(ns))).concat());
    let rows = OURS.iter().map(|row| row.0).chain(["clang -O2", "wasmtime"]);
    for (name, ratios) in rows.zip(&ratios).skip(1) {
        println!("{name:24}{}{:>12}", ratios.map(|ratio| format!("{:>12}", shown(ratio))).concat(), shown(geomean(ratios)));
    }
    let [_, fuel, deadline, cranelift, clang, wasmtime] = ratios;
    for (name, ratios) in [
        ("metered_overhead", fuel),
        ("deadline_overhead", deadline),
        ("vs_native", clang.map(f64::recip)),
        ("vs_wasmtime", wasmtime.map(f64::recip)),
        ("vs_cranelift", cranelift.map(f64::recip)),
    ] {
        report.keep(&format!("kernel_llvm_{name}_geomean"), geomean(&ratios));
        for ((kernel, _), ratio) in KERNELS.iter().zip(ratios) {
            report.keep(&format!("kernel_{kernel}_llvm_{name}"), ratio);
        }
    }
}

/// 1,000 modules from an artifact, each with code of its own; how long it takes to let go of all of them.
fn teardown(report: &mut Report, wasm: &[u8]) {
    let engine = Engine::new(c"llvm");
    let artifact = Artifact::sealed(&engine.load(None, wasm));
    let modules: Vec<Module> = (0..1_000).map(|_| artifact.load(&engine)).collect();
    let begun = Instant::now();
    drop(modules);
    report.tell("teardown_1000_ms", begun.elapsed().as_secs_f64() * 1e3, "ms to free 1,000 modules of llvm");
}

type Kernel = extern "C" fn(u32) -> u32;

/// The kernels as a library for this machine.
struct Native(*mut c_void);

unsafe extern "C" {
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

impl Native {
    fn open(path: &str) -> Self {
        const RTLD_NOW: c_int = 2;
        let c_path = CString::new(path).expect("no zero byte");
        // SAFETY: the library has no code that runs by itself.
        let library = unsafe { dlopen(c_path.as_ptr(), RTLD_NOW) };
        assert!(!library.is_null(), "cannot open {path}");
        Native(library)
    }

    fn kernel(&self, name: &CStr) -> Kernel {
        // SAFETY: the library is open.
        let kernel = unsafe { dlsym(self.0, name.as_ptr()) };
        assert!(!kernel.is_null(), "{name:?} is not there");
        // SAFETY: all kernels in kernels.c are of this type.
        unsafe { std::mem::transmute::<*mut c_void, Kernel>(kernel) }
    }
}
