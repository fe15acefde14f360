//! Values between our slots and the interpreter.

use crate::inspect::ValueType;
use alloc::vec::Vec;
use wasmi::{F32, F64, Val, ValType};

/// The interpreter's values for some slots; few of them need no memory from the heap.
pub(super) enum Vals {
    Few([Val; 4], usize),
    Many(Vec<Val>),
}

impl Vals {
    /// Missing slots are zero.
    pub fn new(types: &[ValueType], slots: &[u64]) -> Self {
        let val = |index: usize| to_val(types[index], slots.get(index).copied().unwrap_or(0));
        if types.len() <= 4 {
            Vals::Few(core::array::from_fn(|index| if index < types.len() { val(index) } else { Val::I32(0) }), types.len())
        } else {
            Vals::Many((0..types.len()).map(val).collect())
        }
    }

    pub fn as_slice(&mut self) -> &mut [Val] {
        match self {
            Vals::Few(vals, len) => &mut vals[..*len],
            Vals::Many(vals) => vals,
        }
    }
}

pub(super) fn val_type(ty: ValueType) -> ValType {
    match ty {
        ValueType::I32 => ValType::I32,
        ValueType::I64 => ValType::I64,
        ValueType::F32 => ValType::F32,
        ValueType::F64 => ValType::F64,
        ValueType::V128 => ValType::V128,
        ValueType::FuncRef | ValueType::OtherRef => ValType::FuncRef,
        ValueType::ExternRef => ValType::ExternRef,
    }
}

pub(super) fn to_val(ty: ValueType, slot: u64) -> Val {
    match ty {
        ValueType::I32 => Val::I32(slot as i32),
        ValueType::F32 => Val::F32(F32::from_bits(slot as u32)),
        ValueType::F64 => Val::F64(F64::from_bits(slot)),
        _ => Val::I64(slot as i64),
    }
}

pub(super) fn to_slot(val: &Val) -> u64 {
    match val {
        Val::I32(value) => u64::from(*value as u32),
        Val::I64(value) => *value as u64,
        Val::F32(value) => u64::from(value.to_bits()),
        Val::F64(value) => value.to_bits(),
        _ => 0,
    }
}
