//! The C boundary: one file a handle, each a section of `include/hostel.h`. Functions here only translate;
//! every raw pointer is read in `boundary`, and what a function does is safe Rust elsewhere.
#![allow(non_camel_case_types, reason = "these are the names C sees")]
#![allow(clippy::missing_safety_doc, reason = "the pointer rules stand once, at the top of the header")]

pub mod artifact;
mod boundary;
pub mod buffer;
pub mod cache;
pub mod cache_directory;
pub mod cache_remote;
pub mod call_options;
pub mod caller;
pub mod caller_memory;
pub mod cancel;
pub mod convert;
pub mod engine;
pub mod engine_metering;
pub mod engine_stats;
pub mod error;
pub mod externs;
pub mod function;
pub mod guest;
pub mod guest_options;
pub mod imports;
pub mod inspect;
pub mod instance;
pub mod load;
pub mod load_options;
pub mod log;
pub mod module;
pub mod report;
pub mod status;
pub mod wasi;
