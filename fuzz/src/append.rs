//! Adds functions to a module and leaves the rest as it is, byte for byte (custom sections are dropped).

use wasm_encoder::{CodeSection, Encode, ExportKind, ExportSection, Function, FunctionSection, TypeSection, ValType};

/// Functions to be added.
pub struct Additions {
    types: TypeSection,
    functions: FunctionSection,
    exports: ExportSection,
    code: CodeSection,
    /// How many types and functions the module has of its own.
    types_before: u32,
    functions_before: u32,
}

impl Additions {
    /// None yet, to a module with so many types and functions.
    pub fn new(types_before: usize, functions_before: usize) -> Additions {
        Additions {
            types: TypeSection::new(),
            functions: FunctionSection::new(),
            exports: ExportSection::new(),
            code: CodeSection::new(),
            types_before: types_before as u32,
            functions_before: functions_before as u32,
        }
    }

    /// Adds a function; its index.
    pub fn add(&mut self, name: &str, params: &[ValType], results: &[ValType], body: &Function) -> u32 {
        let index = self.functions_before + self.functions.len();
        self.functions.function(self.types_before + self.types.len());
        self.types.ty().function(params.iter().copied(), results.iter().copied());
        self.exports.export(name, ExportKind::Func, index);
        self.code.function(body);
        index
    }

    /// The module with them.
    pub fn apply(&self, wasm: &[u8]) -> Option<Vec<u8>> {
        let mut sections = sections(wasm)?;
        append(&mut sections, 1, &self.types, self.types.len())?;
        append(&mut sections, 3, &self.functions, self.functions.len())?;
        append(&mut sections, 7, &self.exports, self.exports.len())?;
        append(&mut sections, 10, &self.code, self.code.len())?;
        let mut module = wasm.get(..8)?.to_vec();
        for (id, body) in sections {
            module.push(id);
            body.encode(&mut module);
        }
        Some(module)
    }
}

/// The order of sections.
const ORDER: [u8; 13] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];

fn rank(id: u8) -> usize {
    ORDER.iter().position(|&other| other == id).unwrap_or(ORDER.len())
}

fn sections(wasm: &[u8]) -> Option<Vec<(u8, Vec<u8>)>> {
    let mut sections = Vec::new();
    let mut rest = wasm.get(8..)?;
    while let Some((&id, after)) = rest.split_first() {
        let (len, after) = number(after)?;
        let (body, after) = after.split_at_checked(len as usize)?;
        if id != 0 {
            sections.push((id, body.to_vec()));
        }
        rest = after;
    }
    Some(sections)
}

fn append(sections: &mut Vec<(u8, Vec<u8>)>, id: u8, more: &impl Encode, more_len: u32) -> Option<()> {
    let mut encoded = Vec::new();
    more.encode(&mut encoded);
    let (_, encoded) = number(&encoded)?; // its size in bytes
    let (_, entries) = number(encoded)?; // how many there are
    let place = sections.iter().position(|&(other, _)| rank(other) >= rank(id)).unwrap_or(sections.len());
    if sections.get(place).is_none_or(|&(other, _)| other != id) {
        sections.insert(place, (id, vec![0]));
    }
    let (count, before) = number(&sections[place].1)?;
    let mut body = Vec::new();
    (count + more_len).encode(&mut body);
    body.extend_from_slice(before);
    body.extend_from_slice(entries);
    sections[place].1 = body;
    Some(())
}

/// An unsigned number in LEB128, and what follows.
fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut value = 0u64;
    for (index, &byte) in bytes.iter().enumerate().take(5) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((u32::try_from(value).ok()?, &bytes[index + 1..]));
        }
    }
    None
}
