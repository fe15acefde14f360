//! Comparisons kept apart from the `select` that they decide, for wasmi.
//!
//! wasmi 2.0.0 merges `i32.eqz`, or a comparison with 0, and the `select` behind it into one instruction. Where a local was
//! compared, that instruction looks at whatever the last one has left instead (`try_fuse_select` drops the comparison
//! that would have loaded the local): `y == 0 ? a : b` is mostly `a`. With `i32.const 0 i32.or` between the two nothing is
//! merged.

use super::BODY_BYTES_MAX;
use super::layout::{Appended, Layout, invalid};
use crate::{Error, Result};
use alloc::borrow::Cow;
use alloc::{format, vec::Vec};
use wasm_encoder::Encode;
use wasmparser::Operator;

/// `i32.const 0 i32.or`
const KEEPS: [u8; 3] = [0x41, 0, 0x72];

/// The same module, in which wasmi selects the right one.
pub(crate) fn apart(wasm: &[u8]) -> Result<Cow<'_, [u8]>> {
    let layout = Layout::read(wasm)?;
    let mut places = Vec::new();
    let mut code = Vec::new();
    let mut changed = false;
    layout.bodies.len().encode(&mut code);
    for body in &layout.bodies {
        let mut reader = body.get_operators_reader().map_err(invalid)?;
        let mut compared = false;
        let mut fresh = false;
        places.clear();
        while !reader.eof() {
            let at = reader.original_position() as usize;
            let operator = reader.read().map_err(invalid)?;
            if compared && !fresh && matches!(operator, Operator::Select | Operator::TypedSelect { .. }) {
                places.push(at);
            }
            compared |= compares(&operator);
            fresh = is_fresh(&operator);
        }
        changed |= !places.is_empty();
        let start = body.range().start as usize;
        let end = reader.original_position() as usize;
        let len = end - start + places.len() * KEEPS.len();
        if len > BODY_BYTES_MAX {
            return Err(Error::UnsupportedModule(format!("wasmi needs a function of {len} bytes for one of the module's")));
        }
        len.encode(&mut code);
        let mut copied = start;
        for &place in &places {
            code.extend_from_slice(&wasm[copied..place]);
            code.extend_from_slice(&KEEPS);
            copied = place;
        }
        code.extend_from_slice(&wasm[copied..end]);
    }
    if !changed {
        return Ok(Cow::Borrowed(wasm));
    }
    layout.write(wasm, &Appended::default(), &code, false).map(Cow::Owned)
}

/// Those that wasmi merges, or makes one of from another comparison.
fn compares(operator: &Operator) -> bool {
    use Operator::{I32Eq, I32Eqz, I32Ne, I64Eq, I64Eqz, I64Ne};
    matches!(operator, I32Eqz | I32Eq | I32Ne | I64Eqz | I64Eq | I64Ne)
}

/// Those whose result is never that of a comparison with zero. Others may be: wasmi leaves out what makes no difference, such as
/// a `select` between equal values, and what comes next meets the comparison in front.
fn is_fresh(operator: &Operator) -> bool {
    use Operator::*;
    matches!(
        operator,
        LocalGet { .. }
            | GlobalGet { .. }
            | I32Const { .. }
            | I32Load { .. }
            | I32Load8U { .. }
            | Call { .. }
            | CallIndirect { .. }
            | I32LtS
            | I32LtU
            | I32GtS
            | I32GtU
            | I32LeS
            | I32LeU
            | I32GeS
            | I32GeU
            | I64LtS
            | I64LtU
            | I64GtS
            | I64GtU
            | I64LeS
            | I64LeU
            | I64GeS
            | I64GeU
            | F32Eq
            | F32Ne
            | F32Lt
            | F32Gt
            | F32Le
            | F32Ge
            | F64Eq
            | F64Ne
            | F64Lt
            | F64Gt
            | F64Le
            | F64Ge
    )
}
