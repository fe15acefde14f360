//! What an operator means to the counting: where control goes, what runs besides.

use super::weights;
use crate::{Error, Result};
use alloc::{format, vec::Vec};
use wasmparser::{BrTable, Catch, Operator};

/// An operator as the rewriter sees it. Depths count labels from the innermost.
pub(super) enum Step<'a> {
    /// Control goes on behind it.
    Plain,
    /// `block`.
    Block,
    /// `try_table`, with the labels of its handlers as seen from outside it.
    Try(Vec<u32>),
    Loop,
    If,
    Else,
    End,
    /// To this label, or on.
    BranchIf(u32),
    /// To this label.
    Branch(u32),
    /// To one of these labels.
    BranchTable(BrTable<'a>),
    /// Out of the function: `return`, `unreachable`, throwing.
    Leave,
    /// A call of a function known by its index; nothing for one that is not known.
    Call(Option<u32>),
    /// The same, in place of returning.
    TailCall(Option<u32>),
    Bulk(Bulk),
    /// `memory.grow`, `table.grow`.
    Grow,
}

/// An operator that takes as long as its topmost operand says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bulk {
    Fill { memory: u32 },
    Copy { to: u32, from: u32 },
    Init { memory: u32 },
    TableFill { table: u32 },
    TableCopy { to: u32, from: u32 },
    TableInit { table: u32 },
}

impl Bulk {
    pub(super) fn of_table(self) -> bool {
        matches!(self, Bulk::TableFill { .. } | Bulk::TableCopy { .. } | Bulk::TableInit { .. })
    }

    /// Segments are part of the module: its size bounds how long copying from one takes.
    pub(super) fn reads_segment(self) -> bool {
        matches!(self, Bulk::Init { .. } | Bulk::TableInit { .. })
    }
}

impl<'a> Step<'a> {
    /// The step of `operator`, which stands at `offset` and whose encoding begins `code`.
    pub(super) fn of(operator: Operator<'a>, code: &[u8], offset: usize) -> Result<Self> {
        if weights::class(code).is_none() {
            return Err(refused(&operator, offset));
        }
        Ok(match operator {
            Operator::Block { .. } => Step::Block,
            Operator::TryTable { try_table } => Step::Try(try_table.catches.iter().map(label).collect()),
            Operator::Loop { .. } => Step::Loop,
            Operator::If { .. } => Step::If,
            Operator::Else => Step::Else,
            Operator::End => Step::End,
            Operator::Br { relative_depth } => Step::Branch(relative_depth),
            Operator::BrIf { relative_depth }
            | Operator::BrOnNull { relative_depth }
            | Operator::BrOnNonNull { relative_depth } => Step::BranchIf(relative_depth),
            Operator::BrTable { targets } => Step::BranchTable(targets),
            Operator::Return | Operator::Unreachable | Operator::Throw { .. } | Operator::ThrowRef => Step::Leave,
            Operator::Call { function_index } => Step::Call(Some(function_index)),
            Operator::CallIndirect { .. } | Operator::CallRef { .. } => Step::Call(None),
            Operator::ReturnCall { function_index } => Step::TailCall(Some(function_index)),
            Operator::ReturnCallIndirect { .. } | Operator::ReturnCallRef { .. } => Step::TailCall(None),
            Operator::MemoryGrow { .. } | Operator::TableGrow { .. } => Step::Grow,
            Operator::MemoryFill { mem } => Step::Bulk(Bulk::Fill { memory: mem }),
            Operator::MemoryCopy { dst_mem, src_mem } => Step::Bulk(Bulk::Copy { to: dst_mem, from: src_mem }),
            Operator::MemoryInit { mem, .. } => Step::Bulk(Bulk::Init { memory: mem }),
            Operator::TableFill { table } => Step::Bulk(Bulk::TableFill { table }),
            Operator::TableCopy { dst_table, src_table } => Step::Bulk(Bulk::TableCopy { to: dst_table, from: src_table }),
            Operator::TableInit { table, .. } => Step::Bulk(Bulk::TableInit { table }),
            _ => Step::Plain,
        })
    }
}

fn label(catch: &Catch) -> u32 {
    match *catch {
        Catch::One { label, .. } | Catch::OneRef { label, .. } | Catch::All { label } | Catch::AllRef { label } => label,
    }
}

/// By the name of the proposal, if it is one that is known.
fn refused(operator: &Operator, offset: usize) -> Error {
    let proposal = match operator {
        Operator::Try { .. }
        | Operator::Catch { .. }
        | Operator::CatchAll
        | Operator::Rethrow { .. }
        | Operator::Delegate { .. } => "legacy-exceptions",
        Operator::MemoryAtomicWait32 { .. } | Operator::MemoryAtomicWait64 { .. } | Operator::MemoryAtomicNotify { .. } => {
            "waiting on and notifying other threads"
        }
        Operator::ContNew { .. }
        | Operator::ContBind { .. }
        | Operator::Suspend { .. }
        | Operator::Resume { .. }
        | Operator::ResumeThrow { .. }
        | Operator::ResumeThrowRef { .. }
        | Operator::Switch { .. } => "stack-switching",
        Operator::MemoryDiscard { .. } => "memory-control",
        _ => {
            let shown = format!("{operator:?}");
            let name = shown.split([' ', '{', '(']).next().unwrap_or_default();
            let text = format!(
                "limits cannot be compiled into a module with the operator {name} (at {offset:#x}): gc, shared-everything-threads and later proposals are not handled"
            );
            return Error::UnsupportedModule(text);
        }
    };
    Error::UnsupportedModule(format!("limits cannot be compiled into a module with {proposal} (at {offset:#x})"))
}
