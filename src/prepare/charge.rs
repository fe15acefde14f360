//! The code in front of a segment: the charge, the check, the poll.

use super::{Fuel, Poll};
use alloc::vec::Vec;
use wasm_encoder::{BlockType, InstructionSink, MemArg};

/// Where the counter is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Local,
    Global,
}

/// What is due at one place.
pub(super) struct Charge {
    /// Where the counter is, and where it must be.
    pub from: Place,
    pub to: Place,
    /// What comes off it; below 0 where less is owed from here on than was.
    pub due: i64,
    /// Whether the counter is looked at, and the word of the deadline.
    pub check: bool,
    pub poll: Option<Poll>,
    /// The local that holds the counter.
    pub local: u32,
}

impl Charge {
    /// `stop` is the label to go to when the guest ends here, where the local is right, whatever the global is; or it ends in place.
    pub(super) fn write(&self, fuel: Option<Fuel>, stop: Option<u32>, out: &mut Vec<u8>) {
        let mut sink = InstructionSink::new(out);
        if let Some(fuel) = fuel {
            self.count(fuel, &mut sink);
        }
        if !stops(self.check, self.poll, &mut sink) {
            return;
        }
        if let Some(label) = stop {
            sink.br_if(label);
            return;
        }
        sink.if_(BlockType::Empty);
        if let (Place::Local, Some(fuel)) = (self.to, fuel) {
            sink.local_get(self.local).global_set(fuel.global);
        }
        sink.unreachable().end();
    }

    /// The same by a call of function `tick` (see `Helpers::tick`).
    pub(super) fn write_call(&self, fuel: Option<Fuel>, tick: (u32, bool), out: &mut Vec<u8>) {
        let mut sink = InstructionSink::new(out);
        if let (Some(fuel), Place::Local) = (fuel, self.from) {
            sink.local_get(self.local).global_set(fuel.global);
        }
        if tick.1 {
            sink.i64_const(-self.due);
        }
        sink.call(tick.0);
        if let (Some(fuel), Place::Local) = (fuel, self.to) {
            sink.global_get(fuel.global).local_set(self.local);
        }
    }

    /// Whether there is anything due but to move the counter.
    pub(super) fn is_any(&self) -> bool {
        self.due != 0 || self.check || self.poll.is_some()
    }

    /// Leaves the counter on the stack if it is to be checked.
    fn count(&self, fuel: Fuel, sink: &mut InstructionSink) {
        let stops = self.check || self.poll.is_some();
        let moves = self.from != self.to || (stops && self.from == Place::Global);
        if self.due == 0 && !moves && !self.check {
            return;
        }
        match self.from {
            Place::Local => sink.local_get(self.local),
            Place::Global => sink.global_get(fuel.global),
        };
        if self.due != 0 {
            // Not a subtraction, which Cranelift does in place: then it takes all values of a row of loops or branches for one.
            sink.i64_const(-self.due).i64_add();
        }
        match (self.to, self.check, stops) {
            (Place::Local, true, _) => sink.local_tee(self.local),
            (Place::Local, false, _) => sink.local_set(self.local),
            (Place::Global, true, _) => sink.local_tee(self.local).global_set(fuel.global).local_get(self.local),
            (Place::Global, false, true) => sink.local_tee(self.local).global_set(fuel.global),
            (Place::Global, false, false) => sink.global_set(fuel.global),
        };
    }
}

/// Leaves on the stack whether the guest is to stop, for a branch; with a check, the counter is there. False if nobody asks.
pub(super) fn stops(check: bool, poll: Option<Poll>, sink: &mut InstructionSink) -> bool {
    match (check, poll) {
        (true, None) => sink.i64_const(0).i64_lt_s(),
        // One comparison for both: the number that stops the guest is below 0 as well.
        (true, Some(poll)) => poll.load_wide(sink).i64_or().i64_const(0).i64_lt_s(),
        (false, Some(poll)) => poll.load(sink),
        (false, None) => return false,
    };
    true
}

impl Poll {
    /// The lower half of the number, on the stack: not 0 when the guest is to stop.
    pub(super) fn load<'a, 'b>(self, sink: &'a mut InstructionSink<'b>) -> &'a mut InstructionSink<'b> {
        let word = MemArg { offset: 0, align: 2, memory_index: self.memory };
        sink.i32_const(0);
        if self.atomic { sink.i32_atomic_load(word) } else { sink.i32_load(word) }
    }

    /// The number, on the stack: below 0 when the guest is to stop.
    fn load_wide<'a, 'b>(self, sink: &'a mut InstructionSink<'b>) -> &'a mut InstructionSink<'b> {
        let number = MemArg { offset: 0, align: 3, memory_index: self.memory };
        sink.i32_const(0);
        if self.atomic { sink.i64_atomic_load(number) } else { sink.i64_load(number) }
    }
}
