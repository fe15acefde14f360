//! The types of imports and exports, in our own words, so that no other file depends on a parser's.

use alloc::{string::String, vec::Vec};
use core::fmt;

/// A WebAssembly value type; what C can pass are the first four.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum ValueType {
    I32,
    I64,
    F32,
    F64,
    V128,
    FuncRef,
    ExternRef,
    /// Any other reference type of the newer proposals.
    OtherRef,
}

impl ValueType {
    pub(super) fn from_parser(ty: wasmparser::ValType) -> Self {
        match ty {
            wasmparser::ValType::I32 => ValueType::I32,
            wasmparser::ValType::I64 => ValueType::I64,
            wasmparser::ValType::F32 => ValueType::F32,
            wasmparser::ValType::F64 => ValueType::F64,
            wasmparser::ValType::V128 => ValueType::V128,
            wasmparser::ValType::Ref(wasmparser::RefType::FUNCREF) => ValueType::FuncRef,
            wasmparser::ValType::Ref(wasmparser::RefType::EXTERNREF) => ValueType::ExternRef,
            wasmparser::ValType::Ref(_) => ValueType::OtherRef,
        }
    }

    /// Whether a value fits the 64-bit slots that cross the boundary.
    pub fn is_scalar(self) -> bool {
        matches!(self, ValueType::I32 | ValueType::I64 | ValueType::F32 | ValueType::F64)
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ValueType::I32 => "i32",
            ValueType::I64 => "i64",
            ValueType::F32 => "f32",
            ValueType::F64 => "f64",
            ValueType::V128 => "v128",
            ValueType::FuncRef => "funcref",
            ValueType::ExternRef => "externref",
            ValueType::OtherRef => "ref",
        })
    }
}

/// Parameters and results of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "said in one line above")]
pub struct FuncType {
    pub params: Vec<ValueType>,
    pub results: Vec<ValueType>,
}

impl FuncType {
    /// A function type from its parts.
    pub fn new(params: &[ValueType], results: &[ValueType]) -> Self {
        FuncType { params: params.to_vec(), results: results.to_vec() }
    }

    /// How many slots a call needs: parameters go in and results come out in the same ones.
    pub fn slots(&self) -> usize {
        self.params.len().max(self.results.len())
    }

    /// Whether every value fits a 64-bit slot.
    pub fn is_scalar(&self) -> bool {
        self.params.iter().chain(&self.results).all(|ty| ty.is_scalar())
    }
}

impl fmt::Display for FuncType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, types: &[ValueType]| {
            f.write_str("(")?;
            for (index, ty) in types.iter().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                write!(f, "{comma}{ty}")?;
            }
            f.write_str(")")
        };
        list(f, &self.params)?;
        f.write_str(" -> ")?;
        list(f, &self.results)
    }
}

/// The size of a memory or table: pages of 64 KiB, or elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "said in one line above")]
pub struct Range {
    pub min: u64,
    pub max: Option<u64>,
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.max {
            Some(max) => write!(f, "{}..{max}", self.min),
            None => write!(f, "{}..", self.min),
        }
    }
}

/// What is imported or exported.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "the names are the specification's")]
pub enum ExternType {
    Function(FuncType),
    Table { element: ValueType, size: Range },
    Memory { pages: Range, page_bytes: u64, is_64: bool },
    Global { content: ValueType, mutable: bool },
    Tag(FuncType),
}

impl ExternType {
    /// The word for its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            ExternType::Function(_) => "function",
            ExternType::Table { .. } => "table",
            ExternType::Memory { .. } => "memory",
            ExternType::Global { .. } => "global",
            ExternType::Tag(_) => "tag",
        }
    }
}

impl fmt::Display for ExternType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExternType::Function(ty) => ty.fmt(f),
            ExternType::Table { element, size } => write!(f, "{size} of {element}"),
            ExternType::Memory { pages, is_64, .. } => write!(f, "{pages} pages{}", if *is_64 { ", 64-bit" } else { "" }),
            ExternType::Global { content, mutable } => write!(f, "{}{content}", if *mutable { "mut " } else { "" }),
            ExternType::Tag(ty) => write!(f, "tag {ty}"),
        }
    }
}

/// Something a module needs.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "said in one line above")]
pub struct Import {
    pub module: String,
    pub name: String,
    pub ty: ExternType,
}

/// Something a module offers; `index` is its index in the index space of its kind.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "std", derive(serde::Serialize, serde::Deserialize))]
#[allow(missing_docs, reason = "said in one line above")]
pub struct Export {
    pub name: String,
    pub index: u32,
    pub ty: ExternType,
}
