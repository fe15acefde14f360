//! What rooms cost besides a call: threads, growth over many calls, new rooms, idle rooms.

use crate::ffi::{HOSTEL_STATUS_OK, hostel_caller, hostel_status};
use crate::measure::median;
use crate::ours::{self, Engine, Function};
use crate::report::{Report, section};
use crate::system;
use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::ptr::{from_ref, null_mut};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const INPUT: [u8; 64] = [7; 64];
/// Calls after which a guest's rooms are as they stay: the first room is the model of the others, and the next learns.
const LEARNING: u32 = 3;

/// How much more work two threads do than one: the median of turns.
pub fn scaling(work: &(dyn Fn() + Sync)) -> f64 {
    const TURNS: usize = 7;
    median((0..TURNS).map(|_| 1.0 / rate(1, work) * rate(2, work)).collect())
}

/// Pieces of work in a second, all threads together.
fn rate(threads: usize, work: &(dyn Fn() + Sync)) -> f64 {
    const LONG: Duration = Duration::from_millis(150);
    let (start, stop) = (Barrier::new(threads + 1), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let run = || {
            for _ in 0..100 {
                work(); // what a thread does only once
            }
            start.wait();
            let mut done = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                for _ in 0..16 {
                    work();
                }
                done += 16;
            }
            done
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        start.wait();
        let begin = Instant::now();
        std::thread::sleep(LONG);
        stop.store(true, Ordering::Relaxed);
        let done: u64 = workers.into_iter().map(|worker| worker.join().expect("no panic")).sum();
        done as f64 / begin.elapsed().as_secs_f64()
    })
}

pub fn measure(report: &mut Report, engine: &Engine, wasm: &[u8], echo: Function) {
    section("rooms");
    let call = || echo.fresh(&INPUT, INPUT.len());
    report.tell("fresh_call_scaling_2_threads", scaling(&call), "times the fresh calls of one thread in two");

    let before = system::now();
    for _ in 0..100_000 {
        call();
    }
    let after = system::now();
    let grown = after.resident_kib - before.resident_kib;
    report.tell("fresh_100k_rss_growth_kib", grown, "KiB of RSS more after 100,000 fresh calls");
    report.tell("fresh_100k_mappings_growth", after.mappings - before.mappings, "mappings more after them");

    let (new, again) = new_rooms(engine, wasm);
    report.tell("new_room_call_us", new / 1e3, "us for making a room, its written pages known, and the first call in it");
    report.tell("new_room_second_call_us", again / 1e3, "us for the second call in it");
    let stats = engine.stats();
    assert!(stats.rooms_made > 0, "the rooms count");
    report.keep("rooms_faults_per_room", stats.faults as f64 / stats.rooms_made as f64);
}

/// What a host function has to call, and what it found.
struct Nest {
    echo: Cell<Option<Function>>,
    deeper: Cell<Option<Function>>,
    left: Cell<u32>,
    new: RefCell<Vec<f64>>,
    again: RefCell<Vec<f64>>,
}

/// Calls inside calls: each takes one more room, so that the next call has to make one.
unsafe extern "C" fn nest(nest: *mut c_void, _: *mut hostel_caller, _: *mut u64) -> hostel_status {
    // SAFETY: `new_rooms` keeps it as long as the guest is called, and only its own thread does.
    let nest = unsafe { &*nest.cast::<Nest>() };
    let left = nest.left.get();
    if left > 0 {
        nest.left.set(left - 1);
        let (echo, deeper) = (nest.echo.get().expect("set before the first call"), nest.deeper.get().expect("set too"));
        for times in [&nest.new, &nest.again] {
            let begin = Instant::now();
            echo.fresh(&INPUT, INPUT.len());
            times.borrow_mut().push(begin.elapsed().as_nanos() as f64);
        }
        deeper.fresh(&1_u32.to_le_bytes(), 4);
    }
    HOSTEL_STATUS_OK
}

/// Nanoseconds of the first and of the second call in a new room.
fn new_rooms(engine: &Engine, wasm: &[u8]) -> (f64, f64) {
    const DEPTH: u32 = 6;
    let module = engine.load(None, wasm);
    let (mut new, mut again) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let state = Nest {
            echo: Cell::default(),
            deeper: Cell::default(),
            left: Cell::new(0),
            new: RefCell::default(),
            again: RefCell::default(),
        };
        let guest = module.guest_with(nest, from_ref(&state).cast_mut().cast());
        let (echo, deeper) = (guest.function(c"echo"), guest.function(c"host_calls"));
        (state.echo.set(Some(echo)), state.deeper.set(Some(deeper)));
        (0..LEARNING).for_each(|_| deeper.fresh(&1_u32.to_le_bytes(), 4));
        state.left.set(DEPTH);
        deeper.fresh(&1_u32.to_le_bytes(), 4);
        new.append(&mut state.new.borrow_mut());
        again.append(&mut state.again.borrow_mut());
    }
    (median(new), median(again))
}

/// A program of its own: what a thousand guests cost with one idle room each. Prints KiB for a room.
pub fn density(wasm: &[u8]) {
    const GUESTS: usize = 1_000;
    let engine = Engine::new(c"cranelift");
    let module = engine.load(None, wasm);
    let make = || {
        let echo = module.guest_with(ours::add, null_mut()).function(c"echo");
        (0..LEARNING).for_each(|_| echo.fresh(&INPUT, INPUT.len()));
    };
    make();
    let before = system::now();
    for _ in 0..GUESTS {
        make();
    }
    let after = system::now();
    let idle = engine.stats().rooms_idle;
    assert!(idle as usize >= GUESTS, "only {idle} rooms are still there");
    let kib = (after.proportional_kib - before.proportional_kib) + (after.page_tables_kib - before.page_tables_kib);
    println!(
        r#"{{"kib": {}, "page_tables_kib": {}, "mappings": {}}}"#,
        kib / GUESTS as f64,
        (after.page_tables_kib - before.page_tables_kib) / GUESTS as f64,
        (after.mappings - before.mappings) / GUESTS as f64
    );
}
