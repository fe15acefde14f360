//! What is looked at in the memory of a guest, and in the arguments of its calls, around a function of WASI.

use super::functions::Function;
use core::hint::black_box;

/// The smallest pages that a system has.
const PAGE: usize = 4096;

/// Whether a number of 32 bits can be written there.
pub(super) fn holds_number(memory: &[u8], pointer: Option<&u64>) -> bool {
    let begin = pointer.map_or(0, |&slot| slot as u32 as usize);
    begin.is_multiple_of(4) && memory.get(begin..).is_some_and(|rest| rest.len() >= 4)
}

/// How many buffers or subscriptions a call names.
pub(super) fn count_of(function: Function, slots: &[u64]) -> u64 {
    let count = |index: usize| slots.get(index).map_or(0, |&slot| u64::from(slot as u32));
    match function {
        Function::FdRead | Function::FdWrite | Function::FdPread | Function::FdPwrite | Function::PollOneoff => count(2),
        _ => 0,
    }
}

/// Whether it asks to wait, for nothing else, by a clock that there is not; waiting in place would not ask which.
pub(super) fn asks_strange_clock(memory: &[u8], slots: &[u64]) -> bool {
    const CLOCK: u8 = 0;
    const MONOTONIC: u32 = 1;
    let [subscription, _, 1, ..] = *slots else { return false };
    let Some(subscription) = memory.get(subscription as u32 as usize..) else { return false };
    let id = subscription.get(16..).and_then(|rest| rest.first_chunk()).map_or(0, |&id| u32::from_le_bytes(id));
    subscription.get(8) == Some(&CLOCK) && id > MONOTONIC
}

/// Writes to each page of the buffer that a read fills, the first that is not empty, what is there.
pub(super) fn touch_buffer(memory: &mut [u8], slots: &[u64]) {
    let word = |memory: &[u8], at: usize| memory.get(at..)?.first_chunk().map(|&bytes| u32::from_le_bytes(bytes) as usize);
    let [_, vectors, count, ..] = *slots else { return };
    for vector in 0..count as u32 as usize {
        let at = vectors as u32 as usize + 8 * vector;
        let (Some(begin), Some(len)) = (word(memory, at), word(memory, at + 4)) else { return };
        if len > 0 {
            let Some(buffer) = memory.get_mut(begin..).and_then(|rest| rest.get_mut(..len)) else { return };
            let mut touch = |byte: &mut u8| *byte = black_box(*byte);
            buffer.iter_mut().step_by(PAGE).for_each(&mut touch);
            buffer.last_mut().map(touch);
            return;
        }
    }
}
