//! What hostel is compared with, each used as its documentation says: typed calls, and a copy of the output.

pub mod outside;
pub mod wasi;
pub mod wasmer;
pub mod wasmi;
pub mod wasmtime;

/// An ABI "hostel" output: where it lies in the guest's memory, and how long it is.
fn unpack(packed: u64) -> (u32, u32) {
    ((packed >> 32) as u32, packed as u32)
}
