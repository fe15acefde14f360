//! `rooms START COUNT [THREADS]`: random modules in rooms and in new instances, on every engine of the build.
//!
//! A script of calls is made for each module, and run in rooms of a pool and in instances that are new whenever a room is as
//! new; all must answer alike, call by call. Some of the calls sum up memories, globals and tables, or call what is in a table.

use hostel::call::{self, Options};
use hostel::engine::{self, Engine, capabilities};
use hostel::error::TrapCode;
use hostel::guest::Guest;
use hostel::host::Imports;
use hostel::inspect::{FuncType, ValueType};
use hostel::limits::Limit;
use hostel::module::Module;
use hostel::prepare::Weights;
use hostel::progress::Progress;
use hostel::report::Slot;
use hostel::room::pool::Settings;
use hostel::room::registry;
use hostel::{Error, Status};
use hostel_fuzz::observe::{self, Names, Writes};
use hostel_fuzz::random::Random;
use std::io::Read;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

fn main() -> ExitCode {
    let arguments: Vec<u64> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let (start, count, threads) = match arguments[..] {
        [start, count] => (start, count, 1),
        [start, count, threads] => (start, count, threads),
        _ => panic!("usage: rooms START COUNT [THREADS]"),
    };
    // Each as modules come, and with limits compiled in, which may change nothing that a module does.
    let engine = |(name, metered)| engine::new(name, settings(metered)).expect("an engine of the build");
    let engines: Vec<_> = capabilities::built().flat_map(|row| [(row.name, false), (row.name, true)]).map(engine).collect();
    let modules = Mutex::new((start, modules(start, count)));
    let counts = Counts::default();
    let failed = AtomicBool::new(false);
    let work = || {
        while !failed.load(Relaxed) {
            let Some((seed, wasm)) = next(&modules, start + count) else { return };
            if let Err(difference) = test(seed, &wasm, &engines, &counts) {
                failed.store(true, Relaxed);
                eprintln!("seed {seed}: {difference}\nonce more: fuzz-rooms {seed} 1, or make fuzz-rooms START={seed} COUNT=1");
            }
        }
    };
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    if failed.load(Relaxed) {
        return ExitCode::FAILURE;
    }
    counts.print(&engines);
    // What was never reset shows nothing.
    let resets = engines.iter().map(|engine| registry::stats_of(engine).resets).max();
    if count >= 100 && cfg!(target_os = "linux") && engines.len() > 1 && resets < Some(count) {
        eprintln!("too few resets to show anything");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Low, so that growing is refused now and then, and the rest stays small enough to be looked at.
fn settings(metered: bool) -> engine::Settings {
    let fuel = metered.then(Weights::default);
    let mut settings = engine::Settings { fuel, deadline: metered, ..engine::Settings::default() };
    settings.limits.set(Limit::MemoryBytes, 20 << 16).expect("in bounds");
    settings.limits.set(Limit::TableElements, 200).expect("in bounds");
    settings
}

fn is_metered(engine: &dyn Engine) -> bool {
    engine.settings().fuel.is_some()
}

/// The other program's output: a process of its own, because its dependencies are at odds with the engines'.
fn modules(start: u64, count: u64) -> impl Read {
    let program = std::env::current_exe().expect("the path of this program").with_file_name("fuzz-modules");
    let mut command = Command::new(program);
    command.args([start.to_string(), count.to_string()]).stdout(Stdio::piped());
    command.spawn().expect("fuzz-modules lies beside this program").stdout.expect("it was piped")
}

fn next(modules: &Mutex<(u64, impl Read)>, end: u64) -> Option<(u64, Vec<u8>)> {
    let (next, modules) = &mut *modules.lock().expect("nobody panics here");
    let seed = *next;
    if seed == end {
        return None;
    }
    *next += 1;
    let mut len = [0; 4];
    modules.read_exact(&mut len).expect("a module for each seed");
    let mut wasm = vec![0; u32::from_le_bytes(len) as usize];
    modules.read_exact(&mut wasm).expect("the rest of the module");
    Some((seed, wasm))
}

/// How many modules came to what.
#[derive(Default)]
struct Counts {
    tested: AtomicU64,
    resettable: AtomicU64,
    calls: AtomicU64,
    succeeded: AtomicU64,
    refused: AtomicU64,
    overflowed: AtomicU64,
}

impl Counts {
    fn print(&self, engines: &[Arc<dyn Engine>]) {
        let get = |count: &AtomicU64| count.load(Relaxed);
        println!(
            "{} modules, {} of them resettable; {} calls, {} of them succeeded; {} refused by an engine, {} cut short where a stack ran out",
            get(&self.tested),
            get(&self.resettable),
            get(&self.calls),
            get(&self.succeeded),
            get(&self.refused),
            get(&self.overflowed)
        );
        for engine in engines {
            let stats = registry::stats_of(engine);
            println!(
                "{}{}: {} rooms made, {} resets, {} pages restored, {} faults, {} rooms discarded",
                engine.capabilities().name,
                if is_metered(&**engine) { ", with limits" } else { "" },
                stats.made,
                stats.resets,
                stats.pages,
                stats.faults,
                stats.discards
            );
        }
    }
}

/// One call: the function and its parameters.
type Step = (String, Vec<u64>);

/// What the calls of a script came to.
type Run = Vec<Outcome>;

/// What a call came to.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Values(Vec<u64>),
    Failed(Status, Option<TrapCode>),
}

impl Outcome {
    fn of(result: Result<(), Error>, slots: Vec<u64>) -> Outcome {
        match result {
            Ok(()) => Outcome::Values(slots),
            Err(Error::Trap(trap)) => Outcome::Failed(Status::Trap, Some(trap.code)),
            Err(error) => Outcome::Failed(error.status(), None),
        }
    }

    fn overflowed(&self) -> bool {
        matches!(self, Outcome::Failed(Status::StackOverflow, _))
    }
}

fn test(seed: u64, wasm: &[u8], engines: &[Arc<dyn Engine>], counts: &Counts) -> Result<(), String> {
    let (wasm, names) = observe::observe(wasm, writes(seed)).ok_or("not understood")?;
    let script = script(seed, &names);
    counts.tested.fetch_add(1, Relaxed);
    // What the first engine did; the first of each kind; and the first that counts fuel.
    let mut first: Option<Run> = None;
    let mut of_kind: Option<(&str, Run)> = None;
    let mut fueled: Option<Vec<Option<u64>>> = None;
    for engine in engines {
        let name = engine.capabilities().name;
        if name == SLOW && !seed.is_multiple_of(4) {
            continue;
        }
        let module = match Module::compile(engine, &wasm, &Progress::default()) {
            Ok(module) => Arc::new(module),
            Err(Error::UnsupportedModule(_)) => {
                counts.refused.fetch_add(1, Relaxed);
                continue;
            }
            Err(error) => return Err(format!("{name} does not load the module: {error}")),
        };
        let guest = |calls, tracked| {
            let settings = Settings { calls, tracked, ..Settings::default() };
            Guest::new(&module, &imports(), None, settings).map(Arc::new).map_err(|error| error.to_string())
        };
        let name = if is_metered(&**engine) { format!("{name} with limits") } else { name.into() };
        let (once, fuel) = in_new_instances(&guest(1, true)?, &script, 1);
        let (reused, _) = in_new_instances(&guest(REUSED, true)?, &script, REUSED);
        let new = [once, reused];
        for (calls, tracked) in [(1, true), (1, false), (REUSED, true)] {
            let guest = guest(calls, tracked)?;
            let got = in_rooms(&guest, &script);
            compare(&script, &new[usize::from(calls > 1)], &got, counts).map_err(|difference| {
                let tracked = if tracked { "tracked" } else { "not tracked" };
                let parts = differing_parts(&guest, &names);
                format!("{name}, rooms of {calls} calls, {tracked}: {difference}{parts}")
            })?;
        }
        let kind = engine.capabilities().name;
        match &of_kind {
            Some((same, plain)) if *same == kind => {
                compare(&script, plain, &new[0], counts).map_err(|difference| format!("{name} alone: {difference}"))?;
            }
            _ => of_kind = Some((kind, new[0].clone())),
        }
        match &first {
            Some(first) => {
                compare(&script, first, &new[0], counts).map_err(|difference| format!("{name} alone: {difference}"))?;
            }
            None => {
                first = Some(new[0].clone());
                counts.resettable.fetch_add(u64::from(module.info().not_resettable.is_empty()), Relaxed);
            }
        }
        if !is_metered(&**engine) || new[0].iter().any(Outcome::overflowed) {
            continue;
        }
        match &fueled {
            Some(first) if *first != fuel => {
                let differ = |at: &usize| first[*at] != fuel[*at];
                let at = (0..fuel.len()).find(differ).unwrap_or_default();
                let (function, values) = &script[at];
                return Err(format!(
                    "{name} has used other fuel in call {at}, \"{function}\" with {values:x?}, which gave {:x?}: {:?} and not {:?}",
                    new[0][at], fuel[at], first[at]
                ));
            }
            Some(_) => {}
            None => fueled = Some(fuel),
        }
    }
    Ok(())
}

/// It takes many times as long to compile as all the others together, so it gets a part of the modules, all of which are
/// compared with what other engines do.
const SLOW: &str = "llvm";

/// After so many calls, rooms that are reused are as new.
const REUSED: u32 = 3;

/// Not all in each module: what a module cannot do makes a difference to how it is put back.
fn writes(seed: u64) -> Writes {
    let bit = |bit: u32| seed >> bit & 1 == 1;
    Writes { memory: !bit(5) || !bit(6), growth: bit(5), globals: !bit(5) || bit(7), tables: bit(6) }
}

/// The same calls for everyone, in an order that depends on the seed alone.
fn script(seed: u64, names: &Names) -> Vec<Step> {
    let mut random = Random::new(!seed);
    // Some go on for long enough that pages cool down.
    let len = if seed.is_multiple_of(16) { 150 } else { 24 };
    let step = |index| {
        let kind = random.below(8);
        if index == 0 || kind < 2 {
            return (names.state.clone(), Vec::new());
        }
        if kind == 2 && !names.probes.is_empty() {
            return (names.probes[random.below(names.probes.len())].clone(), vec![random.below(16) as u64]);
        }
        if names.functions.is_empty() {
            return (names.state.clone(), Vec::new());
        }
        let (name, params) = &names.functions[random.below(names.functions.len())];
        (name.clone(), (0..*params).map(|_| random.argument()).collect())
    };
    (0..len).map(step).collect()
}

fn imports() -> Imports {
    let mut imports = Imports::default();
    let mix = FuncType::new(&[ValueType::I64, ValueType::I32], &[ValueType::I64]);
    let mixed = |slots: &mut [u64]| slots[0] = (slots[0] ^ u64::from(slots[1] as u32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mix = imports.define_raw(
        "host",
        "mix",
        mix,
        Box::new(move |_, slots| {
            mixed(slots);
            Ok(())
        }),
    );
    let note = imports.define_raw("host", "note", FuncType::new(&[ValueType::I32], &[]), Box::new(|_, _| Ok(())));
    mix.and(note).expect("new names");
    imports
}

/// So many values at most have the functions here.
const SLOTS: usize = 64;

fn slots(values: &[u64]) -> Vec<u64> {
    let mut slots = values.to_vec();
    slots.resize(SLOTS.max(values.len()), 0);
    slots
}

fn in_rooms(guest: &Arc<Guest>, script: &[Step]) -> Vec<Outcome> {
    let call = |(name, values): &Step| {
        let mut slots = slots(values);
        let result = guest.call_values(name, &mut slots, &Options::default());
        Outcome::of(result, slots)
    };
    script.iter().map(call).collect()
}

/// What the calls came to, and the fuel that each has used.
fn in_new_instances(guest: &Arc<Guest>, script: &[Step], calls: u32) -> (Run, Vec<Option<u64>>) {
    let options = Options { report: Some(Slot::default()), ..Options::default() };
    let mut instance = None;
    let mut uses = 0;
    let call = |(name, values): &Step| {
        let mut slots = slots(values);
        let result = guest.value_function(name).and_then(|export| {
            if instance.is_none() {
                instance = Some(call::open(guest, &options)?);
                uses = 0;
            }
            call::stateful_values(instance.as_mut().expect("just made"), guest, export, &mut slots, &options)
        });
        uses += 1;
        if result.is_err() || uses == calls {
            instance = None;
        }
        let fuel = options.report.as_ref().and_then(Slot::get).and_then(|report| report.usage.fuel);
        (Outcome::of(result, slots), fuel)
    };
    script.iter().map(call).unzip()
}

fn compare(script: &[Step], expected: &[Outcome], got: &[Outcome], counts: &Counts) -> Result<(), String> {
    for (index, (expected, got)) in expected.iter().zip(got).enumerate() {
        counts.calls.fetch_add(1, Relaxed);
        counts.succeeded.fetch_add(u64::from(matches!(got, Outcome::Values(_))), Relaxed);
        if expected == got {
            continue;
        }
        // Stacks are of different depths.
        if expected.overflowed() || got.overflowed() {
            counts.overflowed.fetch_add(1, Relaxed);
            return Ok(());
        }
        let (name, values) = &script[index];
        return Err(format!("call {index}, \"{name}\" with {values:x?}, gave {got:x?} and not {expected:x?}"));
    }
    Ok(())
}

/// Which parts of a room are not as in a new instance.
fn differing_parts(guest: &Arc<Guest>, names: &Names) -> String {
    let script: Vec<Step> = names.parts.iter().map(|name| (name.clone(), Vec::new())).collect();
    let (rooms, instances) = (in_rooms(guest, &script), in_new_instances(guest, &script, 1).0);
    let differs = |index: &usize| rooms[*index] != instances[*index];
    let parts: Vec<_> = (0..script.len()).filter(differs).map(|index| &*names.parts[index]).collect();
    if parts.is_empty() { String::new() } else { format!("; not as new: {}", parts.join(", ")) }
}
