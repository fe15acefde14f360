//! `spec ENGINE`: the WebAssembly specification's test suite in rooms of one engine (exit code 77 when it is not built).
//!
//! The suite runs several times at once, with the limits that an engine may compile into guests and without, and comes to the same.
//! Each module's calls run in a room that keeps its state, as the suite wants it; and each once more in a room of a pool and in
//! a new instance, which must agree. What an engine lacks is read from the table of engines; what else is known to differ
//! stands in `KNOWN`, and must differ.

use hostel::call::{self, Options};
use hostel::engine::{self, Engine, capabilities};
use hostel::error::TrapCode;
use hostel::guest::Guest;
use hostel::host::Imports;
use hostel::inspect::{FuncType, ValueType};
use hostel::module::Module;
use hostel::progress::Progress;
use hostel::room::Room;
use hostel::room::pool::Settings;
use hostel::{Error, Status};
use hostel_fuzz::observe;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// Engine, place, and why it differs there.
const KNOWN: &[(&str, &str, &str)] = &[
    ("cranelift", "wasm-v3/elem.wast:1043", "an element that is read from a global"),
    ("cranelift", "extended-const/elem.wast:692", "an element that is read from a global"),
    ("llvm", "wasm-v3/elem.wast:1043", "an element that is read from a global"),
    ("llvm", "extended-const/elem.wast:692", "an element that is read from a global"),
];

/// Folders older than the third version of the specification: some modules that were refused then are valid now.
const OLDER: [&str; 3] = ["memory64/", "reference-types/", "threads/"];

/// The limits that are compiled into guests.
#[derive(Clone, Copy)]
struct Compiled {
    name: &'static str,
    fuel: bool,
    deadline: bool,
}

/// Without any a module is compiled as it came; what an engine does unless told otherwise; and everything there is.
const COMPILED: [Compiled; 3] = [
    Compiled { name: "no limits", fuel: false, deadline: false },
    Compiled { name: "deadline", fuel: false, deadline: true },
    Compiled { name: "fuel and deadline", fuel: true, deadline: true },
];

impl Compiled {
    fn settings(self) -> engine::Settings {
        engine::Settings { fuel: self.fuel.then(Default::default), deadline: self.deadline, ..engine::Settings::default() }
    }

    /// Of every call: with as much of what is limited as no call of the suite needs.
    fn options(self) -> Options {
        Options {
            fuel: self.fuel.then_some(1 << 50),
            // The default is without, as most calls are.
            time: (self.fuel && self.deadline).then_some(Duration::from_secs(3600)),
            ..Options::default()
        }
    }
}

/// Proposals that the suite has nothing of.
const UNTESTED: [&str; 4] = ["component-model", "legacy-exceptions", "shared-everything-threads", "stack-switching"];

fn main() -> ExitCode {
    let name = std::env::args().nth(1).expect("usage: spec ENGINE");
    if capabilities::built().all(|row| row.name != name) {
        return ExitCode::from(77);
    }
    let program = std::env::current_exe().expect("the path of this program").with_file_name("fuzz-spec-lines");
    let mut lines = Command::new(program).stdout(Stdio::piped()).spawn().expect("fuzz-spec-lines lies beside this program");
    let suites = COMPILED.map(|compiled| {
        let (sender, receiver) = mpsc::channel::<Arc<str>>();
        let name = name.clone();
        let suite = thread::spawn(move || {
            let mut suite = Suite::new(&name, compiled);
            receiver.iter().for_each(|line| suite.line(&line));
            suite.finish()
        });
        (sender, suite)
    });
    let (senders, suites): (Vec<_>, Vec<_>) = suites.into_iter().unzip();
    for line in BufReader::new(lines.stdout.take().expect("it was piped")).lines() {
        let line: Arc<str> = line.expect("text").into();
        senders.iter().for_each(|sender| sender.send(line.clone()).expect("a suite ends when there are no more lines"));
    }
    drop(senders);
    let ends: Vec<End> = suites.into_iter().map(|suite| suite.join().expect("a suite does not panic")).collect();
    let mut good = lines.wait().expect("fuzz-spec-lines ends with its output").success();
    for (compiled, end) in COMPILED.iter().zip(&ends) {
        println!("{name}, {}: {} failed{}", compiled.name, end.failures, end.came_to);
        good &= end.failures == 0 && end.passed > 10_000;
        if end.came_to != ends[0].came_to {
            good = false;
            println!("which is not what it comes to with {}", COMPILED[0].name);
        }
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a suite came to.
struct End {
    failures: u64,
    passed: u64,
    /// For people, and the same for all.
    came_to: String,
}

/// A module of the suite, or why there is none.
enum Loaded {
    Live(Box<Live>),
    /// Counted under this reason.
    Absent(String),
}

struct Live {
    guest: Arc<Guest>,
    room: Room,
    /// What was called, except what trapped: the suite goes on with instances that have trapped, which ours cannot, so
    /// another one is brought to the same state.
    calls: Vec<(usize, Vec<u64>)>,
}

impl Live {
    fn revive(&mut self, options: &Options) -> Result<(), Error> {
        self.room = call::open(&self.guest, options)?;
        for (export, slots) in &self.calls {
            call::stateful_values(&mut self.room, &self.guest, *export, &mut slots.clone(), options)?;
        }
        Ok(())
    }
}

struct Suite {
    name: String,
    compiled: Compiled,
    engine: Arc<dyn Engine>,
    imports: Imports,
    file: String,
    /// Something of this file was not tried, and what follows may depend on it.
    gap: bool,
    last: Rc<RefCell<Loaded>>,
    named: HashMap<String, Rc<RefCell<Loaded>>>,
    passed: u64,
    in_rooms: u64,
    /// Why something was not tried, and how often.
    not_tried: BTreeMap<String, u64>,
    failures: u64,
    known: BTreeSet<&'static str>,
    lacked: BTreeSet<String>,
}

impl Suite {
    fn new(name: &str, compiled: Compiled) -> Suite {
        let nothing = Rc::new(RefCell::new(Loaded::Absent("no module before".into())));
        Suite {
            name: name.into(),
            compiled,
            engine: engine::new(name, compiled.settings()).expect("it is built"),
            imports: spectest(),
            file: String::new(),
            gap: false,
            last: nothing,
            named: HashMap::new(),
            passed: 0,
            in_rooms: 0,
            not_tried: BTreeMap::new(),
            failures: 0,
            known: BTreeSet::new(),
            lacked: BTreeSet::new(),
        }
    }

    fn line(&mut self, line: &str) {
        let fields: Vec<&str> = line.split('\t').collect();
        let place = |suite: &Suite| format!("{}:{}", suite.file, fields[1]);
        match fields[0] {
            "file" => {
                self.file = fields[1].into();
                self.named.clear();
                self.gap = false;
            }
            "module" => {
                let loaded = self.load(&unhex(fields[3]));
                let loaded = match loaded {
                    Ok(live) => {
                        self.passed += 1;
                        Loaded::Live(Box::new(live))
                    }
                    Err(error) => Loaded::Absent(self.reason(&place(self), &error)),
                };
                if let Loaded::Absent(reason) = &loaded {
                    self.gap = true;
                    self.skip(reason.clone());
                }
                self.last = Rc::new(RefCell::new(loaded));
                if !fields[2].is_empty() {
                    self.named.insert(fields[2].into(), self.last.clone());
                }
            }
            "invalid" | "malformed" => {
                let outcome = Module::compile(&self.engine, &unhex(fields[2]), &Progress::default());
                let status = outcome.err().map_or(Status::Ok, |error| error.status());
                if status == Status::Ok && OLDER.iter().any(|folder| self.file.starts_with(folder)) {
                    return self.skip("valid by now".into());
                }
                // What no engine here takes may be refused before it is found to be invalid.
                self.check(&place(self), matches!(status, Status::InvalidModule | Status::UnsupportedModule), || {
                    format!("{} gave {}", fields[0], status.name())
                });
            }
            "unlinkable" => {
                let outcome = self.load(&unhex(fields[2]));
                let status = outcome.err().map_or(Status::Ok, |error| error.status());
                self.gap = true; // its start may have written to what it was linked with
                self.check(&place(self), matches!(status, Status::LinkError | Status::UnsupportedModule), || {
                    format!("unlinkable gave {}", status.name())
                });
            }
            "stopped" => match self.load(&unhex(fields[2])) {
                Err(Error::Trap(_) | Error::StackOverflow(_)) => self.passed += 1,
                Err(error) => {
                    self.gap = true;
                    let reason = self.reason(&place(self), &error);
                    self.skip(reason);
                }
                Ok(_) => self.check(&place(self), false, || "a start that should trap did not".into()),
            },
            "register" => self.skip("modules that are imported by others".into()),
            "text" => self.skip("the text format's".into()),
            "other" => {
                self.gap = true;
                self.skip(fields[2].into());
            }
            kind => self.call(&place(self), kind, &fields[2..]),
        }
    }

    fn load(&self, wasm: &[u8]) -> Result<Live, Error> {
        // What the engine refuses, it shall refuse as it came.
        hostel::inspect::inspect(wasm, self.engine.features(), self.engine.limits())?;
        let helped = observe::help(wasm);
        let wasm = helped.as_deref().unwrap_or(wasm);
        let module = Arc::new(Module::compile(&self.engine, wasm, &Progress::default())?);
        let guest = Arc::new(Guest::new(&module, &self.imports, None, Settings::default())?);
        let room = call::open(&guest, &self.compiled.options())?;
        Ok(Live { guest, room, calls: Vec::new() })
    }

    fn call(&mut self, place: &str, kind: &str, fields: &[&str]) {
        let [module, function, arguments, results] = fields else { panic!("{place}: a line of other fields") };
        let loaded = if module.is_empty() { self.last.clone() } else { self.named.get(*module).unwrap_or(&self.last).clone() };
        let loaded = &mut *loaded.borrow_mut();
        let live = match loaded {
            Loaded::Live(live) => live,
            Loaded::Absent(reason) => return self.skip(reason.clone()),
        };
        let name = String::from_utf8(unhex(function)).expect("a name");
        let helped = format!("help:{name}");
        let name = if live.guest.module().info().function(&helped).is_some() { helped } else { name };
        let export = match live.guest.value_function(&name) {
            Ok(export) => export,
            Err(error) => return self.check(place, false, || format!("cannot be called: {error}")),
        };
        let mut slots: Vec<u64> = arguments.split(',').filter(|slot| !slot.is_empty()).map(number).collect();
        slots.resize(slots.len().max(64), 0);
        let options = self.compiled.options();
        let before = slots.clone();
        if live.room.check_alive().is_err()
            && let Err(error) = live.revive(&options)
        {
            return self.check(place, false, || format!("a second instance: {error}"));
        }
        let outcome = call::stateful_values(&mut live.room, &live.guest, export, &mut slots, &options);
        if outcome.is_ok() {
            live.calls.push((export, before.clone()));
        }
        if self.gap && !answers(kind, results, &outcome, &slots) {
            self.skip("depends on what was not tried".into());
        } else {
            let message = || format!("{kind} of {name} gave {outcome:?}, {slots:x?}");
            self.check(place, answers(kind, results, &outcome, &slots), message);
        }
        // Once more in a room that others have used, and in an instance that nobody has.
        let (mut in_room, mut in_new) = (before.clone(), before);
        let pooled = call::fresh_values(&live.guest, export, &mut in_room, &options);
        let new = call::open(&live.guest, &options)
            .and_then(|mut room| call::stateful_values(&mut room, &live.guest, export, &mut in_new, &options));
        let same = in_room == in_new && shown(&pooled) == shown(&new);
        self.in_rooms += 1;
        if !same {
            self.check(place, false, || {
                format!("{name} gave {pooled:?}, {in_room:x?} in a room and {new:?}, {in_new:x?} in a new one")
            });
        }
    }

    /// Under which reason something is counted that cannot be tried: only what the table says.
    fn reason(&mut self, place: &str, error: &Error) -> String {
        let text = error.to_string();
        if let (Status::UnsupportedModule, Some(list)) = (error.status(), text.strip_prefix("the engine lacks ")) {
            let list = list.split(": ").next().unwrap_or_default();
            let lacks: Vec<_> = self.engine.capabilities().lacks().collect();
            let named = list.split(", ").all(|name| lacks.contains(&name) || name == "a combination of proposals");
            if !named {
                self.check(place, false, || format!("lacks what the table does not say: {text}"));
            }
            self.lacked.extend(list.split(", ").map(String::from));
            return format!("lacks {list}");
        }
        match error.status() {
            Status::LinkError => "needs linking of others".into(),
            Status::UnsupportedModule if text.contains("shared memories") || text.contains("waiting on") => {
                "shared memories, which no engine here takes".into()
            }
            _ => {
                self.check(place, false, || format!("is not loaded: {text}"));
                "not loaded".into()
            }
        }
    }

    fn skip(&mut self, reason: String) {
        *self.not_tried.entry(reason).or_default() += 1;
    }

    fn check(&mut self, place: &str, passed: bool, message: impl FnOnce() -> String) {
        if passed {
            self.passed += 1;
        } else if let Some((_, known, _)) = KNOWN.iter().find(|(engine, known, _)| *engine == self.name && *known == place) {
            self.known.insert(known);
        } else {
            self.failures += 1;
            eprintln!("{place}, {}: {}", self.compiled.name, message());
        }
    }

    fn finish(mut self) -> End {
        for (_, place, why) in KNOWN.iter().filter(|(engine, ..)| *engine == self.name) {
            if !self.known.contains(place) {
                self.failures += 1;
                eprintln!("{place}: known to differ ({why}), but does not any more");
            }
        }
        for lacked in self.engine.capabilities().lacks().filter(|lacked| !UNTESTED.contains(lacked)) {
            if !self.lacked.contains(lacked) {
                self.failures += 1;
                eprintln!("{lacked}: lacked by the table, but no module of the suite was refused for it");
            }
        }
        let not_tried: u64 = self.not_tried.values().sum();
        let mut came_to = format!(
            ", {} passed, {} calls alike in rooms and new instances, {} known to differ, {not_tried} not tried:",
            self.passed,
            self.in_rooms,
            self.known.len(),
        );
        for (reason, count) in &self.not_tried {
            came_to.push_str(&format!("\n  {count:6} {reason}"));
        }
        End { failures: self.failures, passed: self.passed, came_to }
    }
}

/// What two calls of the same must have in common.
fn shown(outcome: &Result<(), Error>) -> Option<(Status, Option<TrapCode>)> {
    let error = outcome.as_ref().err()?;
    let code = match error {
        Error::Trap(trap) => Some(trap.code),
        _ => None,
    };
    Some((error.status(), code))
}

fn answers(kind: &str, results: &str, outcome: &Result<(), Error>, slots: &[u64]) -> bool {
    match (kind, outcome) {
        ("invoke", Ok(())) => true,
        ("return", Ok(())) => {
            let mut next = 0;
            results.split(',').filter(|result| !result.is_empty()).all(|alternatives| {
                let from = &slots[next..];
                next += alternatives.split('|').next().map_or(0, |pattern| pattern.split(' ').count());
                alternatives.split('|').any(|pattern| {
                    pattern.split(' ').zip(from).all(|(slot, &got)| {
                        let (bits, mask) = slot.split_once('/').expect("bits and mask");
                        got & number(mask) == number(bits) & number(mask)
                    })
                })
            })
        }
        ("trap", Err(Error::Trap(trap))) => trap.code != TrapCode::UncaughtException,
        ("exception", Err(Error::Trap(trap))) => trap.code == TrapCode::UncaughtException,
        ("exhaustion", Err(Error::StackOverflow(_))) => true,
        _ => false,
    }
}

/// The functions that the suite's modules may import.
fn spectest() -> Imports {
    use ValueType::{F32, F64, I32, I64};
    let functions: [(&str, &[ValueType]); 7] = [
        ("print", &[]),
        ("print_i32", &[I32]),
        ("print_i64", &[I64]),
        ("print_f32", &[F32]),
        ("print_f64", &[F64]),
        ("print_i32_f32", &[I32, F32]),
        ("print_f64_f64", &[F64, F64]),
    ];
    let mut imports = Imports::default();
    for (name, params) in functions {
        let ty = FuncType::new(params, &[]);
        imports.define_raw("spectest", name, ty, Box::new(|_, _| Ok(()))).expect("a new name");
    }
    imports
}

fn number(hex: &str) -> u64 {
    u64::from_str_radix(hex, 16).expect("a number in hexadecimal")
}

fn unhex(hex: &str) -> Vec<u8> {
    hex.as_bytes().chunks(2).map(|two| number(std::str::from_utf8(two).expect("text")) as u8).collect()
}
