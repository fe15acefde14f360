//! What each function does before any is rewritten: who calls whom, what may recur, what a call costs at most.

use super::layout::{Layout, invalid};
use super::step::Step;
use super::weights::Weights;
use super::{LEAF, SMALL, time};
use crate::Result;
use alloc::{vec, vec::Vec};

/// What the rewriter must know about a function of the guest that it calls or rewrites.
#[derive(Clone, Debug, Default)]
pub(super) struct Function {
    /// What passing every operator of it once costs.
    pub cost: u64,
    /// How long it runs at most without passing a poll, if it has none at its entry: counted in operators.
    pub time: u64,
    /// It is charged where it is entered, but not checked: it is short, has no loop and calls nothing.
    pub leaf: bool,
    /// The word of the deadline is looked at where it is entered.
    pub polls: bool,
    /// It catches exceptions.
    pub catches: bool,
    /// How many loops it has.
    pub loops: u64,
    /// How many branches there are besides, and places where it leaves or calls.
    pub branches: u64,
    /// How many labels its `br_table`s name.
    pub branch_targets: u64,
    calls_unknown: bool,
    bulk: bool,
    callees: Vec<u32>,
    calls_imports: u64,
}

/// Reads every function's code once.
pub(super) fn read(layout: &Layout, wasm: &[u8], weights: &Weights) -> Result<Vec<Function>> {
    let mut functions = Vec::with_capacity(layout.bodies.len());
    for body in &layout.bodies {
        functions.push(summary(layout, body, wasm, weights)?);
    }
    measure(&mut functions);
    for function in &mut functions {
        let calls = function.calls_unknown || function.calls_imports > 0 || !function.callees.is_empty();
        function.leaf = !calls && function.loops == 0 && !function.bulk && function.cost <= LEAF;
        function.callees = Vec::new();
    }
    Ok(functions)
}

fn summary(layout: &Layout, body: &wasmparser::FunctionBody, wasm: &[u8], weights: &Weights) -> Result<Function> {
    let mut function = Function::default();
    let mut locals = body.get_locals_reader().map_err(invalid)?;
    for _ in 0..locals.get_count() {
        // All are set to zero at each call.
        function.time += u64::from(locals.read().map_err(invalid)?.0) / 8;
    }
    let mut operators = wasmparser::OperatorsReader::new(locals.get_binary_reader());
    while !operators.eof() {
        let offset = operators.original_position() as usize;
        let operator = operators.read().map_err(invalid)?;
        let step = Step::of(operator, &wasm[offset..], offset)?;
        function.cost += weights.of(&wasm[offset..]).unwrap_or_default();
        function.time += time::of(&step);
        function.branches += u64::from(!matches!(step, Step::Plain | Step::End | Step::Block | Step::Bulk(_) | Step::Grow));
        match step {
            Step::Call(callee) | Step::TailCall(callee) => match callee {
                None => {
                    function.calls_unknown = true;
                    function.time += time::UNKNOWN_CALL;
                }
                Some(callee) => match callee.checked_sub(layout.imported_functions) {
                    Some(callee) => function.callees.push(callee),
                    None => function.calls_imports += 1,
                },
            },
            Step::Loop => function.loops += 1,
            Step::Try(_) => function.catches = true,
            Step::Bulk(_) => function.bulk = true,
            Step::BranchTable(labels) => function.branch_targets += u64::from(labels.len()) + 1,
            _ => {}
        }
    }
    function.time += function.calls_imports * time::POLLED_CALL;
    Ok(function)
}

/// Finds the functions that poll, callees before callers: Tarjan's strongly connected components, without recursion.
fn measure(functions: &mut [Function]) {
    const NEW: u32 = u32::MAX;
    let count = functions.len();
    let (mut order, mut low, mut open) = (vec![NEW; count], vec![0u32; count], vec![false; count]);
    let mut next = 0;
    let mut stack = Vec::new();
    let mut path: Vec<(usize, usize)> = Vec::new(); // a function, and how many of its callees were looked at
    for root in 0..count {
        if order[root] != NEW {
            continue;
        }
        path.push((root, 0));
        while let Some(&mut (function, ref mut looked)) = path.last_mut() {
            if *looked == 0 {
                (order[function], low[function], open[function]) = (next, next, true);
                next += 1;
                stack.push(function);
            }
            let callee = functions[function].callees.get(*looked).map(|&callee| callee as usize);
            *looked += 1;
            match callee {
                Some(callee) if callee >= count => {}
                Some(callee) if order[callee] == NEW => path.push((callee, 0)),
                Some(callee) if open[callee] => low[function] = low[function].min(order[callee]),
                Some(_) => {}
                None => {
                    path.pop();
                    if let Some(&(caller, _)) = path.last() {
                        low[caller] = low[caller].min(low[function]);
                    }
                    if low[function] == order[function] {
                        component(functions, &mut stack, &mut open, function);
                    }
                }
            }
        }
    }
}

/// One component is complete: the functions on `stack` down to `root`.
fn component(functions: &mut [Function], stack: &mut Vec<usize>, open: &mut [bool], root: usize) {
    let start = stack.iter().rposition(|&function| function == root).unwrap_or(0);
    let members: Vec<usize> = stack.drain(start..).collect();
    for &member in &members {
        open[member] = false;
        let recurs = members.len() > 1 || functions[member].callees.contains(&(member as u32));
        functions[member].polls = recurs || functions[member].calls_unknown;
    }
    for &member in &members {
        let callees = functions[member].callees.iter();
        let called: u64 = callees.map(|&callee| functions.get(callee as usize).map_or(0, Function::time_of_call)).sum();
        functions[member].time = functions[member].time.saturating_add(called);
        functions[member].polls |= functions[member].time > SMALL;
    }
}

impl Function {
    /// How long a caller must take a call of it to last without a poll.
    pub(super) fn time_of_call(&self) -> u64 {
        if self.polls { time::POLLED_CALL } else { self.time }
    }
}
