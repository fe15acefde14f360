//! The table of engines: what each is called, whether it is built, and what it lacks. Tests and
//! `hostel engines --json` read it; a gap of an engine is an entry here, never an exception elsewhere.

use super::{Engine, without};
use crate::Result;
use crate::inspect::{self, Features};
use alloc::sync::Arc;

/// One row of the table.
pub struct Capabilities {
    /// Its name in every option and report.
    pub name: &'static str,
    /// What it is, for people.
    pub about: &'static str,
    /// The WebAssembly proposals it has.
    pub features: Features,
    /// What it has that not every engine has: [`MACHINE_CODE`], [`RESETS`], [`STEPS`].
    pub has: &'static [&'static str],
    /// What else differs from the other engines.
    pub notes: &'static [&'static str],
    /// Makes one; nothing when it is not part of this build.
    pub make: Option<Make>,
}

/// It makes code for the processor: its artifacts are of an architecture, and of what a processor can do.
pub const MACHINE_CODE: &str = "machine-code";
/// It puts a room back as it was after a call; without, every call has a new instance.
pub const RESETS: &str = "resets";
/// It tells how far it is while it compiles.
pub const STEPS: &str = "steps";

/// How an engine is made.
pub type Make = fn(super::Settings) -> Result<Arc<dyn Engine>>;

impl Capabilities {
    /// The proposals it lacks, by name.
    pub fn lacks(&self) -> impl Iterator<Item = &'static str> {
        inspect::lacking(self.features)
    }

    #[cfg(feature = "std")]
    fn row(&self) -> serde_json::Value {
        serde_json::json!({
            "name": self.name,
            "about": self.about,
            "built": self.make.is_some(),
            "default": self.name == super::DEFAULT,
            "has": self.has,
            "lacks": self.lacks().collect::<alloc::vec::Vec<_>>(),
            "notes": self.notes,
        })
    }

    /// Its row as JSON.
    #[cfg(feature = "std")]
    pub fn json(&self) -> alloc::string::String {
        serde_json::to_string_pretty(&self.row()).expect("strings always serialise")
    }
}

// On by default in the parser: everything that is finished, and a few proposals that no engine here has.
const FINISHED: Features = without(Features::all(), UNFINISHED);
const UNFINISHED: Features = Features::LEGACY_EXCEPTIONS
    .union(Features::CUSTOM_PAGE_SIZES)
    .union(Features::STACK_SWITCHING)
    .union(Features::SHARED_EVERYTHING_THREADS)
    .union(Features::MEMORY_CONTROL)
    .union(Features::CUSTOM_DESCRIPTORS)
    .union(Features::COMPACT_IMPORTS)
    .union(Features::COMPONENT_MODEL);

const DEPTH: &str = "how deep a guest may recurse in a stack of a given size differs between engines";

const ELEMENTS: &str = "an element of a segment cannot be read from a global, and such a module is not taken";

const COMPILE_TIME: &str =
    "a small module can be made that compiles for hours, and what compiles it ends at the end of a function, after its load";

// wasmer throws by the system's unwinder, on the guest's stack, and keeps each exception with a backtrace of any depth for as long
// as the instance lives. Its compilers cannot be told to make tail calls to functions whose arguments take more stack than their
// caller's: cranelift's makes none, and llvm's makes calls of them (`emit_return_call` of wasmer-compiler-llvm 7.5.0).
const WASMER: Features = without(
    FINISHED,
    Features::TAIL_CALL
        .union(Features::EXCEPTIONS)
        .union(Features::MEMORY64)
        .union(Features::FUNCTION_REFERENCES)
        .union(Features::GC)
        .union(Features::CM_ASYNC),
);

/// Every engine there is, built or not, in the order they are listed.
pub static ENGINES: [Capabilities; 4] = [
    Capabilities {
        name: "cranelift",
        about: "wasmer 7 with the Cranelift compiler: fast to compile, fast to run",
        features: WASMER,
        has: &[MACHINE_CODE, RESETS, STEPS],
        notes: &[DEPTH, "the bits of a NaN that an operation makes are the processor's", ELEMENTS, COMPILE_TIME],
        #[cfg(feature = "cranelift")]
        make: Some(super::cranelift::new),
        #[cfg(not(feature = "cranelift"))]
        make: None,
    },
    Capabilities {
        name: "llvm",
        about: "wasmer 7 with the LLVM compiler: slow to compile, fastest to run",
        features: WASMER,
        has: &[MACHINE_CODE, RESETS, STEPS],
        notes: &[DEPTH, "the bits of a NaN that an operation makes are the processor's", ELEMENTS, COMPILE_TIME],
        #[cfg(feature = "llvm")]
        make: Some(super::llvm::new),
        #[cfg(not(feature = "llvm"))]
        make: None,
    },
    Capabilities {
        name: "wasmi",
        about: "wasmi 2, an interpreter: no code generation, deterministic floats",
        features: without(
            FINISHED,
            Features::THREADS
                .union(Features::EXCEPTIONS)
                .union(Features::FUNCTION_REFERENCES)
                .union(Features::GC)
                .union(Features::WIDE_ARITHMETIC)
                .union(Features::CM_ASYNC),
        ),
        has: &[],
        notes: &[
            DEPTH,
            "the bits of a NaN that an operation makes are always the same",
            "errors carry no backtrace",
            "every call has a new instance",
        ],
        make: Some(super::wasmi::new),
    },
    Capabilities {
        name: "wasmtime",
        about: "wasmtime 48 with the Cranelift compiler: fast to compile, fast to run, the newer proposals",
        features: without(FINISHED, Features::GC.union(Features::CM_ASYNC)),
        has: &[MACHINE_CODE],
        notes: &[
            DEPTH,
            "the bits of a NaN that an operation makes are the processor's",
            "every call has a new instance",
            "exceptions that are thrown take memory that counts as the guest's",
            "a module that begins with data takes a file descriptor while it is loaded",
            "a small module can be made that compiles for hours, and what compiles it comes to its end, long after its load",
        ],
        #[cfg(feature = "wasmtime")]
        make: Some(super::wasmtime::new),
        #[cfg(not(feature = "wasmtime"))]
        make: None,
    },
];

/// The engine with this name.
pub fn find(name: &str) -> Option<&'static Capabilities> {
    ENGINES.iter().find(|engine| engine.name == name)
}

/// The engines of this build.
pub fn built() -> impl Iterator<Item = &'static Capabilities> {
    ENGINES.iter().filter(|engine| engine.make.is_some())
}

/// The table as JSON: what `hostel engines --json` prints.
#[cfg(feature = "std")]
pub fn json() -> alloc::string::String {
    let table: alloc::vec::Vec<_> = ENGINES.iter().map(Capabilities::row).collect();
    serde_json::to_string_pretty(&table).expect("strings always serialise")
}
