//! A module's outline as JSON, for `hostel inspect` and anyone else.

use super::{ExternType, ModuleInfo};
use crate::abi;
use crate::error::harmless_json;
use serde::Serialize;

#[derive(Serialize)]
struct Outline<'a> {
    kind: &'static str,
    abi: &'static str,
    key: String,
    imports: Vec<Extern<'a>>,
    exports: Vec<Extern<'a>>,
    memories: Vec<Memory>,
    /// `true`, or the reasons why not.
    resettable: Resettable,
}

#[derive(Serialize)]
struct Extern<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<&'a str>,
    name: &'a str,
    kind: &'static str,
    r#type: String,
    /// A function that hosts do not call: the ABI does.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    internal: bool,
}

#[derive(Serialize)]
struct Memory {
    min_bytes: u64,
    max_bytes: Option<u64>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Resettable {
    Yes(bool),
    No(String),
}

/// The outline as one JSON object.
pub fn outline(info: &ModuleInfo) -> String {
    let imports = info.imports.iter().map(|import| extern_(Some(&import.module), &import.name, &import.ty));
    let exports = info.exports.iter().map(|export| {
        let internal = matches!(export.ty, ExternType::Function(_)) && abi::is_internal(info.abi, &export.name);
        Extern { internal, ..extern_(None, &export.name, &export.ty) }
    });
    let memories = info.memories.iter().filter_map(|ty| match ty {
        ExternType::Memory { pages, page_bytes, .. } => Some(Memory {
            min_bytes: pages.min.saturating_mul(*page_bytes),
            max_bytes: pages.max.map(|max| max.saturating_mul(*page_bytes)),
        }),
        _ => None,
    });
    let outline = Outline {
        kind: "core",
        abi: info.abi.map_or("none", |abi| abi.name()),
        key: blake3::Hash::from_bytes(info.key).to_hex().to_string(),
        imports: imports.collect(),
        exports: exports.collect(),
        memories: memories.collect(),
        resettable: match info.not_resettable.as_slice() {
            [] => Resettable::Yes(true),
            reasons => Resettable::No(reasons.join("; ")),
        },
    };
    harmless_json(serde_json::to_string_pretty(&outline).expect("strings and numbers always serialise"))
}

fn extern_<'a>(module: Option<&'a str>, name: &'a str, ty: &ExternType) -> Extern<'a> {
    Extern { module, name, kind: ty.kind(), r#type: ty.to_string(), internal: false }
}
