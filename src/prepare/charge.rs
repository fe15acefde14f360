//! The code in front of a segment: the charge, the check, the poll.

use super::{Fuel, Poll};
use alloc::vec::Vec;
use wasm_encoder::{InstructionSink, MemArg};

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
    /// The label to go to when it ends here. The local is right there, whatever the global is.
    pub stop: u32,
    /// The local that holds the counter.
    pub local: u32,
}

impl Charge {
    pub(super) fn write(&self, fuel: Option<Fuel>, out: &mut Vec<u8>) {
        let mut sink = InstructionSink::new(out);
        if let Some(fuel) = fuel {
            self.count(fuel, &mut sink);
        }
        match (self.check, self.poll) {
            (true, None) => sink.i64_const(0).i64_lt_s().br_if(self.stop),
            // One comparison for both: the number that stops the guest is below 0 as well.
            (true, Some(poll)) => poll.load_wide(&mut sink).i64_or().i64_const(0).i64_lt_s().br_if(self.stop),
            (false, Some(poll)) => poll.load(&mut sink).br_if(self.stop),
            (false, None) => &mut sink,
        };
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
            sink.i64_const(self.due).i64_sub();
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
