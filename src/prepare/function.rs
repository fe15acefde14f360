//! Rewrites one function: copies its operators and puts charges, checks and polls between them.

use super::body::{Body, Kind};
use super::charge::Place;
use super::graph::Function;
use super::helpers::{Helper, Helpers};
use super::layout::{Layout, function_type, invalid, value_type};
use super::step::{Bulk, Step};
use super::{BODY_BYTES_MAX, LOCALS_MAX, Plan, time};
use crate::{Error, Result};
use alloc::{format, vec::Vec};
use wasm_encoder::{BlockType, Encode, InstructionSink};
use wasmparser::FunctionBody;

/// All that is known when functions are rewritten.
pub(super) struct Context<'a> {
    pub wasm: &'a [u8],
    pub layout: &'a Layout<'a>,
    pub functions: &'a [Function],
    pub plan: Plan<'a>,
    pub helpers: Helpers,
}

impl Context<'_> {
    /// Writes the body of the guest's function `own` (imports not counted) to `out`, with its size.
    pub(super) fn rewrite(&mut self, own: usize, code: &FunctionBody, scratch: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<()> {
        let index = self.layout.imported_functions + own as u32;
        let ty = self.layout.function_type(index)?;
        let (params, results) = (ty.params().len() as u32, ty.results());
        let mut reader = code.get_locals_reader().map_err(invalid)?;
        let groups = reader.get_count();
        let groups_start = reader.original_position() as usize;
        let mut locals = params;
        for _ in 0..groups {
            locals = locals.saturating_add(reader.read().map_err(invalid)?.0);
        }
        let start = reader.original_position() as usize;

        scratch.clear();
        let helpers = core::mem::take(&mut self.helpers);
        let mut body = Body::new(self.wasm, start, &self.functions[own], self.plan, locals, helpers, scratch);
        let mut operators = wasmparser::OperatorsReader::new(reader.get_binary_reader());
        while !operators.eof() {
            let at = operators.original_position() as usize;
            let operator = operators.read().map_err(invalid)?;
            let step = Step::of(operator, &self.wasm[at..], at)?;
            let next = operators.original_position() as usize;
            self.step(&mut body, step, at, next)?;
        }
        let (wrap, helpers) = body.finish()?;
        self.helpers = helpers;

        let mut head = Vec::with_capacity(64);
        let fuel = self.plan.fuel;
        (groups + u32::from(fuel.is_some())).encode(&mut head);
        head.extend_from_slice(&self.wasm[groups_start..start]);
        if fuel.is_some() {
            if locals >= LOCALS_MAX {
                let text = format!(
                    "function {index} has {locals} locals; to count fuel it needs one more, and {LOCALS_MAX} are allowed"
                );
                return Err(Error::UnsupportedModule(text));
            }
            1u32.encode(&mut head);
            wasm_encoder::ValType::I64.encode(&mut head);
        }
        let mut tail = Vec::with_capacity(16);
        if let Some(spill) = wrap {
            let ty = self.block_type(index, params, results)?;
            InstructionSink::new(&mut head).block(BlockType::Empty).block(ty);
            let mut sink = InstructionSink::new(&mut tail);
            sink.end();
            if let (true, Some(fuel)) = (spill, fuel) {
                sink.local_get(locals).global_set(fuel.global);
            }
            sink.return_().end();
            if let Some(fuel) = fuel {
                sink.local_get(locals).global_set(fuel.global);
            }
            sink.unreachable();
        }
        InstructionSink::new(&mut tail).end();

        let len = head.len() + scratch.len() + tail.len();
        if len > BODY_BYTES_MAX {
            let text = format!("function {index} would grow to {len} bytes with its limits, and {BODY_BYTES_MAX} are allowed");
            return Err(Error::UnsupportedModule(text));
        }
        len.encode(out);
        for part in [&head, &*scratch, &tail] {
            out.extend_from_slice(part);
        }
        Ok(())
    }

    /// The type of a block that gives what the function returns.
    fn block_type(&mut self, function: u32, params: u32, results: &[wasmparser::ValType]) -> Result<BlockType> {
        Ok(match results {
            [] => BlockType::Empty,
            &[one] => BlockType::Result(value_type(one)?),
            _ if params == 0 => BlockType::FunctionType(self.layout.functions[function as usize]),
            many => {
                let many: Result<Vec<_>> = many.iter().map(|&ty| value_type(ty)).collect();
                BlockType::FunctionType(self.helpers.type_index(function_type(&[], &many?)))
            }
        })
    }

    /// The operator from byte `at` to byte `next`.
    fn step(&self, body: &mut Body, step: Step, at: usize, next: usize) -> Result<()> {
        body.count(at, time::of(&step));
        let rest = body.at_rest();
        match step {
            Step::Plain | Step::Grow => body.go_on(next),
            Step::Block => body.enter(Kind::Block),
            Step::Try(handlers) => {
                for label in handlers {
                    body.caught(label)?;
                }
                body.enter(Kind::Block);
            }
            Step::Loop => {
                body.close(next, rest, body.owed_at_loop());
                body.enter(Kind::Loop);
            }
            Step::If => {
                body.close(next, rest, body.carried());
                body.enter(Kind::If);
            }
            Step::Else => body.turn(next)?,
            Step::End => body.leave(at, next)?,
            Step::BranchIf(label) => {
                let owe = body.owed_at(label)?;
                body.close(next, rest, owe);
                body.branch(label)?;
            }
            Step::Branch(label) => {
                let owe = body.owed_at(label)?;
                body.close(next, rest, owe);
                body.branch(label)?;
                body.stop();
            }
            Step::BranchTable(labels) => {
                body.close(next, rest, 0);
                for label in labels.targets() {
                    body.branch(label.map_err(invalid)?)?;
                }
                body.branch(labels.default())?;
                body.stop();
            }
            Step::Leave | Step::TailCall(_) => {
                body.close(next, Place::Global, 0);
                body.stop();
            }
            Step::Call(callee) => {
                let own = callee.map(|callee| callee.checked_sub(self.layout.imported_functions));
                let callee = match own {
                    Some(Some(own)) => Callee::Guest(self.functions.get(own as usize).ok_or_else(|| no_function(at))?),
                    Some(None) => Callee::Import,
                    None => Callee::Unknown,
                };
                body.call(next, callee);
            }
            Step::Bulk(bulk) => self.bulk(body, bulk, at, next)?,
        }
        Ok(())
    }

    /// In front of a bulk operator its size is charged; one that may run long is replaced by a function that polls.
    fn bulk(&self, body: &mut Body, bulk: Bulk, at: usize, next: usize) -> Result<()> {
        let charge = match &self.plan.fuel {
            Some(_) => Some(body.helpers.index(Helper::charge(bulk, self.layout)?, self.layout, &self.plan)?),
            None => None,
        };
        let split = match self.plan.poll {
            Some(_) if !bulk.reads_segment() => Some(body.helpers.index(Helper::Split(bulk), self.layout, &self.plan)?),
            _ => None,
        };
        body.bulk(at, next, charge, split);
        Ok(())
    }
}

/// Who is called.
pub(super) enum Callee<'a> {
    Guest(&'a Function),
    Import,
    Unknown,
}

fn no_function(offset: usize) -> Error {
    Error::InvalidModule { message: "a call of a function that does not exist".into(), offset }
}
