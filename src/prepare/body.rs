//! The state of rewriting one function: the piece of code that is read but not yet copied, the labels around it, and
//! how much may have run since the last check.

use super::charge::{Charge, Place};
use super::function::Callee;
use super::graph::Function;
use super::helpers::Helpers;
use super::{AFTER_CALL, BRANCHES_MAX, LEAF, LONGEST, LOOPS_MAX, OWED_MAX, Plan, SHARE_STOP, TARGETS_MAX, time};
use crate::{Error, Result};
use alloc::{vec, vec::Vec};
use wasm_encoder::InstructionSink;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A block, whose label is at its end; a function too, and what stands behind `else`.
    Block,
    Loop,
    If,
}

/// The most that may have been charged since the last check, and have run since the last poll.
#[derive(Clone, Copy, Default)]
struct Since {
    charged: u64,
    run: u64,
}

impl Since {
    fn join(&mut self, other: Since) {
        self.charged = self.charged.max(other.charged);
        self.run = self.run.max(other.run);
    }
}

struct Frame {
    kind: Kind,
    /// Control can get into it.
    live: bool,
    /// Some branch goes to its end, with this much passed but not yet charged.
    owed_at_end: Option<u64>,
    /// The same where it begins.
    owed_at_start: u64,
    /// At its end, by the branches that go there.
    at_end: Since,
    /// Where it begins: `else` goes on from there.
    at_start: Since,
}

/// Operators in a row, entered at the first and left behind the last: what they cost is charged in front of them.
struct Segment {
    start: usize,
    cost: u64,
    time: u64,
    /// How many labels there are at its start.
    depth: u32,
    /// Where the counter is at its start.
    place: Place,
    check: bool,
    poll: bool,
}

pub(super) struct Body<'a> {
    wasm: &'a [u8],
    plan: Plan<'a>,
    out: &'a mut Vec<u8>,
    pub helpers: Helpers,
    local: u32,
    frames: Vec<Frame>,
    segment: Segment,
    since: Since,
    /// What was passed but not charged where the segment begins: the counter is too high by that much.
    owed: u64,
    live: bool,
    /// Where the counter is when branches meet.
    rest: Place,
    catches: bool,
    /// So much branches in it that what is charged is charged by calls: compilers would take too long otherwise. But a call that
    /// may throw has an edge to each handler around it, so that what catches is charged in place.
    crowded: bool,
    /// Nothing is ever owed where branches meet.
    settles: bool,
    /// How many places there are so far from which control may go to the shared place to stop at.
    stops: u32,
}

impl<'a> Body<'a> {
    pub(super) fn new(
        wasm: &'a [u8],
        start: usize,
        function: &Function,
        plan: Plan<'a>,
        local: u32,
        helpers: Helpers,
        out: &'a mut Vec<u8>,
    ) -> Self {
        let (check, poll) = (!function.leaf, function.polls);
        let segment = Segment { start, cost: 0, time: 0, depth: 1, place: Place::Global, check, poll };
        let none = Since::default();
        let whole = Frame { kind: Kind::Block, live: true, owed_at_end: None, owed_at_start: 0, at_end: none, at_start: none };
        let crowded = function.branch_targets > TARGETS_MAX || function.loops > LOOPS_MAX || function.branches > BRANCHES_MAX;
        Body {
            wasm,
            plan,
            out,
            helpers,
            local,
            frames: vec![whole],
            segment,
            since: none,
            owed: 0,
            live: true,
            // An exception comes with its value in the global, so where one is caught it stays there.
            rest: if function.catches || crowded { Place::Global } else { Place::Local },
            catches: function.catches,
            crowded,
            // A branch table goes to labels that must agree, and an exception to one that cannot know.
            settles: function.catches || function.branch_targets > 0,
            stops: 0,
        }
    }

    /// Where the counter is when branches meet.
    pub(super) fn at_rest(&self) -> Place {
        self.rest
    }

    /// The operator at byte `at` belongs to the segment.
    pub(super) fn count(&mut self, at: usize, time: u64) {
        if !self.live {
            return;
        }
        if let Some(fuel) = &self.plan.fuel {
            self.segment.cost += fuel.weights.of(&self.wasm[at..]).unwrap_or_default();
        }
        self.segment.time += time;
    }

    /// Behind an operator that goes on: a segment that runs long ends, so that the next can poll. (It ends also where nothing is
    /// polled, so that fuel is charged in the same places.)
    pub(super) fn go_on(&mut self, next: usize) {
        if self.live && self.segment.time > LONGEST / 2 {
            self.close(next, self.at_rest(), 0);
        }
    }

    /// What is owed behind the segment if it charges nothing; not for long.
    pub(super) fn carried(&self) -> u64 {
        let owed = self.owed + self.segment.cost;
        if self.settles || owed > OWED_MAX { 0 } else { owed }
    }

    /// Ends the segment at byte `end`, with the counter in `place` and `owe` left to charge: writes what is due in front
    /// of it, and copies it.
    pub(super) fn close(&mut self, end: usize, place: Place, owe: u64) {
        let wasm = self.wasm;
        let depth = self.frames.len() as u32;
        let next = Segment { start: end, cost: 0, time: 0, depth, place, check: false, poll: false };
        let segment = core::mem::replace(&mut self.segment, next);
        if self.live {
            self.charge(&segment, place, owe);
        }
        self.out.extend_from_slice(&wasm[segment.start..end]);
    }

    fn charge(&mut self, segment: &Segment, place: Place, owe: u64) {
        let due = (self.owed + segment.cost) as i64 - owe as i64;
        self.owed = owe;
        let since = &mut self.since;
        since.charged += segment.cost;
        let check = self.plan.fuel.is_some() && (segment.check || since.charged > LONGEST);
        let poll = self.plan.poll.filter(|_| segment.poll || since.run + segment.time > LONGEST);
        if check {
            since.charged = owe;
        }
        let stops = check || poll.is_some();
        since.run = if poll.is_some() { segment.time } else { since.run + segment.time };

        let charge = Charge { from: segment.place, to: place, due, check, poll, local: self.local };
        let many = self.crowded || (stops && self.stops >= SHARE_STOP);
        if many && !self.catches && charge.is_any() {
            let tick = self.helpers.tick(due, check, poll, &self.plan);
            charge.write_call(self.plan.fuel, tick, self.out);
        } else if many {
            charge.write(self.plan.fuel, None, self.out);
        } else {
            charge.write(self.plan.fuel, Some(segment.depth), self.out);
            self.stops += u32::from(stops);
        }
    }

    /// Into a block, a loop or an `if`, whose operator was counted.
    pub(super) fn enter(&mut self, kind: Kind) {
        let (live, since) = (self.live, self.since);
        let owed_at_start = self.owed;
        // Without an `else`, what is owed at the start of an `if` is owed at its end.
        let owed_at_end = (kind == Kind::If && live).then_some(owed_at_start);
        self.frames.push(Frame { kind, live, owed_at_end, owed_at_start, at_end: Since::default(), at_start: since });
        if kind != Kind::Block && live {
            self.segment.depth = self.frames.len() as u32;
            self.segment.check = kind == Kind::Loop;
            self.segment.poll = kind == Kind::Loop;
        }
    }

    /// `else`.
    pub(super) fn turn(&mut self, next: usize) -> Result<()> {
        let owe = self.owed_at(0)?;
        self.close(next, self.at_rest(), owe);
        let (live, since) = (self.live, self.since);
        let frame = self.frames.last_mut().ok_or_else(malformed)?;
        frame.kind = Kind::Block;
        if live {
            frame.at_end.join(since);
        }
        self.live = frame.live;
        self.since = frame.at_start;
        self.owed = frame.owed_at_start;
        Ok(())
    }

    /// `end`, from byte `at` to byte `next`.
    pub(super) fn leave(&mut self, at: usize, next: usize) -> Result<()> {
        if self.frames.len() == 1 {
            let place = if self.frames[0].owed_at_end.is_some() { self.at_rest() } else { Place::Global };
            self.close(at, place, 0);
            return Ok(());
        }
        let mut frame = self.frames.pop().ok_or_else(malformed)?;
        if frame.kind == Kind::If && frame.live {
            frame.at_end.join(frame.at_start);
        }
        if let Some(owed) = frame.owed_at_end {
            self.close(next, self.at_rest(), owed);
            if self.live {
                frame.at_end.join(self.since);
            }
            self.since = frame.at_end;
            self.owed = owed;
            self.live = true;
        }
        Ok(())
    }

    /// What is owed at `label`: the first who goes there decides.
    pub(super) fn owed_at(&mut self, label: u32) -> Result<u64> {
        if !self.live {
            return Ok(0);
        }
        let carried = self.carried();
        let at = self.frames.len().checked_sub(label as usize + 1).ok_or_else(malformed)?;
        // A function ends with nothing owed.
        let first = if at == 0 { 0 } else { carried };
        let frame = &mut self.frames[at];
        Ok(if frame.kind == Kind::Loop { frame.owed_at_start } else { *frame.owed_at_end.get_or_insert(first) })
    }

    /// What is owed where a loop begins. Mostly nothing; where each charge is a call, what is due in front of loops is charged inside.
    pub(super) fn owed_at_loop(&self) -> u64 {
        if self.crowded { self.carried() } else { 0 }
    }

    /// Control may go to `label`.
    pub(super) fn branch(&mut self, label: u32) -> Result<()> {
        if self.live {
            self.target(label, self.since)?;
        }
        Ok(())
    }

    /// Exceptions go to `label`: from calls, so that nobody knows what ran before.
    pub(super) fn caught(&mut self, label: u32) -> Result<()> {
        if self.live {
            self.target(label, Since { charged: LONGEST, run: LONGEST })?;
        }
        Ok(())
    }

    fn target(&mut self, label: u32, since: Since) -> Result<()> {
        let at = self.frames.len().checked_sub(label as usize + 1).ok_or_else(malformed)?;
        let frame = &mut self.frames[at];
        if frame.kind != Kind::Loop {
            frame.owed_at_end.get_or_insert(0);
            frame.at_end.join(since);
        }
        Ok(())
    }

    /// What follows is never reached.
    pub(super) fn stop(&mut self) {
        self.live = false;
    }

    /// A call that returns, up to byte `next`.
    pub(super) fn call(&mut self, next: usize, callee: Callee) {
        let (leaf, polled, run) = match callee {
            Callee::Guest(function) => (function.leaf.then_some(function.cost), function.polls, function.time_of_call()),
            Callee::Import => (None, true, time::POLLED_CALL),
            Callee::Unknown => (None, true, time::UNKNOWN_CALL),
        };
        let known = matches!(callee, Callee::Guest(_));
        self.segment.time += run;
        self.close(next, Place::Global, 0);
        self.since.charged = match leaf {
            Some(cost) => self.since.charged + cost,
            None if known => AFTER_CALL,
            None => AFTER_CALL.max(self.since.charged + LEAF),
        };
        if polled {
            self.since.run = self.since.run.max(AFTER_CALL);
        }
    }

    /// A bulk operator from byte `at` to byte `next`; `charge` and `split` are functions that serve it.
    pub(super) fn bulk(&mut self, at: usize, next: usize, charge: Option<u32>, split: Option<u32>) {
        if !self.live || (charge.is_none() && split.is_none()) {
            return;
        }
        self.close(at, Place::Global, 0);
        if let Some(charge) = charge {
            InstructionSink::new(self.out).call(charge);
            self.since.charged = 0;
        }
        match split {
            Some(split) => {
                InstructionSink::new(self.out).call(split);
            }
            None => self.out.extend_from_slice(&self.wasm[at..next]),
        }
        // What comes behind it is charged behind it, so that one that traps has used the same however it is done.
        self.segment.start = next;
    }

    /// Whether the code needs a place to stop at, around it; if so, whether the counter must be put back at its end.
    pub(super) fn finish(self) -> Result<(Option<bool>, Helpers)> {
        if self.frames.len() != 1 {
            return Err(malformed());
        }
        let spill = self.plan.fuel.is_some() && self.frames[0].owed_at_end.is_some() && self.rest == Place::Local;
        Ok(((self.stops > 0 || spill).then_some(spill), self.helpers))
    }
}

fn malformed() -> Error {
    Error::InvalidModule { message: "labels do not match".into(), offset: 0 }
}
