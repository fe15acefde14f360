//! Whether a module is so small that compiling it takes no time worth speaking of, whatever is in it.

use wasmparser::{BinaryReaderError, CompositeInnerType, Parser, Payload};

/// What counts as small (see `weight`): engines that compile functions in some 0.1 ms take 0.1 s at most.
const SMALL: u64 = 4 << 10;
/// The same for text, in bytes.
const SMALL_TEXT: usize = 4 << 10;

/// Whether a module is small. One that is not valid is as small as its bytes: it is refused where it is.
pub(crate) fn is_small(wasm: &[u8]) -> bool {
    wasm.len() as u64 <= SMALL && weight(wasm).unwrap_or(0) <= SMALL
}

/// Whether text is small.
pub(crate) fn is_small_text(text: &[u8]) -> bool {
    text.len() <= SMALL_TEXT
}

/// What a compiler has to do grows with the bytes, with the locals that a function declares (a few bytes for 50,000), and with how
/// many values a type has that is named again and again. A call inside `try_table` has an edge to every handler around it: what
/// could be one weighs too much.
fn weight(wasm: &[u8]) -> Result<u64, BinaryReaderError> {
    const TRY_TABLE: u8 = 0x1f;
    let (mut locals, mut values) = (0, 0);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(section) => {
                for group in section {
                    for ty in group?.into_types() {
                        if let CompositeInnerType::Func(ty) = ty.composite_type.inner {
                            values = values.max(ty.params().len().max(ty.results().len()) as u64);
                        }
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                if body.as_bytes().contains(&TRY_TABLE) {
                    return Ok(u64::MAX);
                }
                for group in body.get_locals_reader()? {
                    locals += u64::from(group?.0);
                }
            }
            _ => {}
        }
    }
    Ok((wasm.len() as u64 + locals).saturating_mul(1 + values / 8))
}

#[cfg(test)]
mod tests {
    use super::{is_small, is_small_text};
    use crate::limits::Limits;

    fn small(wat: &str) -> bool {
        is_small(&crate::text::wat_to_wasm(wat.as_bytes(), &Limits::default()).expect("a test's text is right"))
    }

    #[test]
    fn what_can_make_little_code_large_counts() {
        let values = "i64 ".repeat(900);
        assert!(small("(module)"));
        assert!(small("(func (param i32 i32) (result i32) (local i64 i64) (i32.add (local.get 0) (local.get 1)))"));
        assert!(!small(&format!("(func {})", "nop ".repeat(5_000))));
        assert!(!small(&format!("(func (local {}))", "i32 ".repeat(5_000))));
        assert!(!small(&format!("(type $t (func (param {values}) (result {values}))) (func)")));
        assert!(!small("(func (block $h (try_table (catch_all $h) nop)))"));
    }

    #[test]
    fn what_is_no_module_is_refused_where_it_is() {
        assert!(is_small(b"nope"));
        assert!(is_small(b"") && is_small_text(b""));
        assert!(!is_small_text(&[b' '; 5_000]));
    }
}
