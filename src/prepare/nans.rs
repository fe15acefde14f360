//! Canonical NaNs, compiled into the guest: for an engine whose compiler leaves their bits to chance.
//!
//! Behind each operator whose result may be a NaN of any bits, code is put that takes the canonical NaN in place of any. It is
//! left out where the next operator takes that very result and does not show its bits. What only moves bits (`neg`, `abs`,
//! `copysign`, `pmin`, loads, constants) is left alone. It is done behind the limits, so that it costs no fuel.

use super::layout::{Appended, Layout, invalid};
use super::{BODY_BYTES_MAX, LOCALS_MAX};
use crate::{Error, Result};
use alloc::{format, vec::Vec};
use wasm_encoder::{Encode, InstructionSink, ValType};
use wasmparser::{FunctionBody, Operator, OperatorsReader};

/// What a value is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    F32,
    F64,
    F32x4,
    F64x2,
}

/// A vector of either kind is kept in the same local.
const KINDS: [ValType; 3] = [ValType::F32, ValType::F64, ValType::V128];

impl Shape {
    fn kind(self) -> usize {
        match self {
            Shape::F32 => 0,
            Shape::F64 => 1,
            Shape::F32x4 | Shape::F64x2 => 2,
        }
    }

    /// The value on the stack, or the canonical NaN; lane by lane.
    fn canonical(self, local: u32, sink: &mut InstructionSink) {
        const F32: u32 = 0x7fc0_0000;
        const F64: u64 = 0x7ff8_0000_0000_0000;
        sink.local_tee(local);
        match self {
            Shape::F32 => sink.f32_const(f32::from_bits(F32).into()).local_get(local).local_get(local).f32_eq().select(),
            Shape::F64 => sink.f64_const(f64::from_bits(F64).into()).local_get(local).local_get(local).f64_eq().select(),
            Shape::F32x4 => {
                let lanes = [F32.to_le_bytes(); 4].concat();
                sink.v128_const(vector(&lanes)).local_get(local).local_get(local).f32x4_eq().v128_bitselect()
            }
            Shape::F64x2 => {
                let lanes = [F64.to_le_bytes(); 2].concat();
                sink.v128_const(vector(&lanes)).local_get(local).local_get(local).f64x2_eq().v128_bitselect()
            }
        };
    }
}

fn vector(bytes: &[u8]) -> i128 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | i128::from(byte))
}

/// What the operator makes, if that may be a NaN of bits that nothing says.
fn makes(operator: &Operator) -> Option<Shape> {
    use Operator::*;
    Some(match operator {
        F32Add | F32Sub | F32Mul | F32Div | F32Min | F32Max | F32Sqrt | F32Ceil | F32Floor | F32Trunc | F32Nearest
        | F32DemoteF64 => Shape::F32,
        F64Add | F64Sub | F64Mul | F64Div | F64Min | F64Max | F64Sqrt | F64Ceil | F64Floor | F64Trunc | F64Nearest
        | F64PromoteF32 => Shape::F64,
        F32x4Add | F32x4Sub | F32x4Mul | F32x4Div | F32x4Min | F32x4Max | F32x4Sqrt | F32x4Ceil | F32x4Floor | F32x4Trunc
        | F32x4Nearest | F32x4DemoteF64x2Zero => Shape::F32x4,
        F64x2Add | F64x2Sub | F64x2Mul | F64x2Div | F64x2Min | F64x2Max | F64x2Sqrt | F64x2Ceil | F64x2Floor | F64x2Trunc
        | F64x2Nearest | F64x2PromoteLowF32x4 => Shape::F64x2,
        _ => return None,
    })
}

/// Whether an operator that takes a value of this shape from the top of the stack hides its bits: all that it tells of a NaN is
/// that it is one.
fn hides(shape: Shape, operator: &Operator) -> bool {
    use Operator::*;
    let takes = match operator {
        F32DemoteF64 => Some(Shape::F64),
        F64PromoteF32 => Some(Shape::F32),
        F32x4DemoteF64x2Zero => Some(Shape::F64x2),
        F64x2PromoteLowF32x4 => Some(Shape::F32x4),
        F32Eq | F32Ne | F32Lt | F32Gt | F32Le | F32Ge | I32TruncF32S | I32TruncF32U | I64TruncF32S | I64TruncF32U => {
            Some(Shape::F32)
        }
        F64Eq | F64Ne | F64Lt | F64Gt | F64Le | F64Ge | I32TruncF64S | I32TruncF64U | I64TruncF64S | I64TruncF64U => {
            Some(Shape::F64)
        }
        operator => makes(operator),
    };
    takes == Some(shape)
}

/// The same module, with canonical NaNs.
pub(crate) fn canonical(wasm: &[u8]) -> Result<Vec<u8>> {
    let layout = Layout::read(wasm)?;
    let mut code = Vec::with_capacity(wasm.len() + wasm.len() / 2);
    layout.bodies.len().encode(&mut code);
    for (own, body) in layout.bodies.iter().enumerate() {
        let params = layout.function_type(layout.imported_functions + own as u32)?.params().len() as u32;
        rewrite(wasm, body, params, &mut code)?;
    }
    layout.write(wasm, &Appended::default(), &code, false)
}

fn rewrite(wasm: &[u8], body: &FunctionBody, params: u32, out: &mut Vec<u8>) -> Result<()> {
    let mut reader = body.get_locals_reader().map_err(invalid)?;
    let groups = reader.get_count();
    let groups_start = reader.original_position() as usize;
    let mut locals = params;
    for _ in 0..groups {
        locals = locals.saturating_add(reader.read().map_err(invalid)?.0);
    }
    let start = reader.original_position() as usize;
    let mut operators = OperatorsReader::new(reader.get_binary_reader());

    // Where each kind's local is, in the order in which they are needed.
    let mut kept: [Option<u32>; 3] = [None; 3];
    let mut added = Vec::new();
    let mut rewritten = Vec::new();
    let mut copied = start;
    let mut made: Option<Shape> = None;
    while !operators.eof() {
        let at = operators.original_position() as usize;
        let operator = operators.read().map_err(invalid)?;
        if let Some(shape) = made.filter(|shape| !hides(*shape, &operator)) {
            rewritten.extend_from_slice(&wasm[copied..at]);
            copied = at;
            let local = *kept[shape.kind()].get_or_insert_with(|| {
                added.push(KINDS[shape.kind()]);
                locals + added.len() as u32 - 1
            });
            shape.canonical(local, &mut InstructionSink::new(&mut rewritten));
        }
        made = makes(&operator);
    }
    rewritten.extend_from_slice(&wasm[copied..operators.original_position() as usize]);

    let mut head = Vec::with_capacity(64);
    (groups + added.len() as u32).encode(&mut head);
    head.extend_from_slice(&wasm[groups_start..start]);
    for ty in &added {
        1u32.encode(&mut head);
        ty.encode(&mut head);
    }
    let len = head.len() + rewritten.len();
    if len > BODY_BYTES_MAX || locals.saturating_add(added.len() as u32) > LOCALS_MAX {
        let text =
            format!("a function would grow to {len} bytes and {} locals with canonical NaNs", locals as usize + added.len());
        return Err(Error::UnsupportedModule(text));
    }
    len.encode(out);
    out.append(&mut head);
    out.append(&mut rewritten);
    Ok(())
}
