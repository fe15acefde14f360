//! echo: one export for each thing that a call can do. Needs nothing of the host but `hostel_fail`.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

type Answer = Result<Vec<u8>, Vec<u8>>;

hostel_guest::export!(echo);
hostel_guest::export!(reverse);
hostel_guest::export!(fail);
hostel_guest::export!(panic);
hostel_guest::export!(counter);
hostel_guest::export!(grow);
hostel_guest::export!(spin_depth);
hostel_guest::export!(recurse);
hostel_guest::export!(big);

/// The block of the input is the block of the output.
fn echo(input: Vec<u8>) -> Answer {
    Ok(input)
}

/// The same bytes, last one first.
fn reverse(mut input: Vec<u8>) -> Answer {
    input.reverse();
    Ok(input)
}

/// Says no, with the input as the payload.
fn fail(input: Vec<u8>) -> Answer {
    Err(input)
}

/// Traps.
fn panic(_: Vec<u8>) -> Answer {
    panic!("on purpose");
}

/// How often this instance was asked, as u64 LE: 1 for ever in fresh ones, 1, 2, 3… in one that is kept.
fn counter(_: Vec<u8>) -> Answer {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    Ok((CALLS.fetch_add(1, Relaxed) + 1).to_le_bytes().into())
}

/// Grows the memory by u32 LE pages: how many there were before, or -1, as i32 LE.
fn grow(input: Vec<u8>) -> Answer {
    let pages = u32::from_le_bytes(number(&input)?);
    let before = core::arch::wasm32::memory_grow::<0>(pages as usize) as i32;
    Ok(before.to_le_bytes().into())
}

/// Calls itself u32 LE deep, and returns those bytes: to find how deep a stack is.
fn spin_depth(input: Vec<u8>) -> Answer {
    let depth = u32::from_le_bytes(number(&input)?);
    black_box(descend(u64::from(depth)));
    Ok(input)
}

/// Calls itself until the stack is full. (With a stack that is never full it would run for centuries.)
fn recurse(_: Vec<u8>) -> Answer {
    Ok(descend(u64::MAX).to_le_bytes().into())
}

/// The rotation after the call keeps the optimiser from making a loop of it; there is nothing here that needs a frame in
/// linear memory, so the stack that fills up is the engine's.
#[inline(never)]
fn descend(depth: u64) -> u64 {
    if depth == 0 { 0 } else { descend(depth - 1).rotate_left(7) ^ depth }
}

/// An output of u64 LE bytes: byte i is i modulo 251, so that no page looks like another.
fn big(input: Vec<u8>) -> Answer {
    let len = u64::from_le_bytes(number(&input)?);
    let mut output = Vec::new();
    let room = usize::try_from(len).ok().and_then(|len| output.try_reserve_exact(len).ok());
    room.ok_or("cannot allocate that much")?;
    output.extend((0..len).map(|i| (i % 251) as u8));
    Ok(output)
}

fn number<const N: usize>(input: &[u8]) -> Result<[u8; N], Vec<u8>> {
    input.try_into().map_err(|_| format!("the input should have {N} bytes, it has {}", input.len()).into())
}
