//! holochain: a guest built on the crate `holochain_wasmer_guest`, with all that the crate offers to a guest.

mod errors;
mod host;
mod plain;
mod values;
