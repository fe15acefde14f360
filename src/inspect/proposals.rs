//! The WebAssembly proposals by name: what a module needs and what an engine may lack.

use alloc::{string::String, vec::Vec};
use wasmparser::{Validator, WasmFeatures};

/// Every proposal that an engine may or may not have, by the name of the specification's process.
pub const PROPOSALS: [(&str, WasmFeatures); 22] = [
    ("mutable-global", WasmFeatures::MUTABLE_GLOBAL),
    ("saturating-float-to-int", WasmFeatures::SATURATING_FLOAT_TO_INT),
    ("sign-extension", WasmFeatures::SIGN_EXTENSION),
    ("multi-value", WasmFeatures::MULTI_VALUE),
    ("bulk-memory", WasmFeatures::BULK_MEMORY),
    ("reference-types", WasmFeatures::REFERENCE_TYPES),
    ("simd", WasmFeatures::SIMD),
    ("relaxed-simd", WasmFeatures::RELAXED_SIMD),
    ("threads", WasmFeatures::THREADS),
    ("tail-call", WasmFeatures::TAIL_CALL),
    ("multi-memory", WasmFeatures::MULTI_MEMORY),
    ("memory64", WasmFeatures::MEMORY64),
    ("extended-const", WasmFeatures::EXTENDED_CONST),
    ("exception-handling", WasmFeatures::EXCEPTIONS),
    ("legacy-exceptions", WasmFeatures::LEGACY_EXCEPTIONS),
    ("function-references", WasmFeatures::FUNCTION_REFERENCES),
    ("gc", WasmFeatures::GC),
    ("wide-arithmetic", WasmFeatures::WIDE_ARITHMETIC),
    ("custom-page-sizes", WasmFeatures::CUSTOM_PAGE_SIZES),
    ("stack-switching", WasmFeatures::STACK_SWITCHING),
    ("shared-everything-threads", WasmFeatures::SHARED_EVERYTHING_THREADS),
    ("component-model", WasmFeatures::COMPONENT_MODEL),
];

/// The proposals that are not in `features`.
pub fn lacking(features: WasmFeatures) -> impl Iterator<Item = &'static str> {
    PROPOSALS.iter().filter(move |(_, flag)| !features.contains(*flag)).map(|&(name, _)| name)
}

/// Which of the proposals that `features` lacks this module, valid with all of them, really needs:
/// those without which it does not validate. Empty when only their combination is at fault.
pub(super) fn needed(wasm: &[u8], features: WasmFeatures) -> Vec<&'static str> {
    PROPOSALS
        .iter()
        .filter(|(_, flag)| !features.contains(*flag))
        .filter(|(_, flag)| Validator::new_with_features(WasmFeatures::all() - *flag).validate_all(wasm).is_err())
        .map(|&(name, _)| name)
        .collect()
}

/// The names as a list for people.
pub(super) fn list(names: &[&str]) -> String {
    if names.is_empty() { "a combination of proposals".into() } else { names.join(", ") }
}
