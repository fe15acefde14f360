//! hostel hosts WebAssembly guests for short stays: bytes in, owned bytes out, one C function,
//! whatever toolchain built the guest and whichever engine runs it.
//!
//! The map, in the order a call travels (ARCHITECTURE.md tells the story):
//!
//! * [`mod@inspect`]: what a module is, before any engine sees it.
//! * [`engine`]: the trait every engine implements, one file an adapter, and what each lacks.
//! * [`module`]: a compiled guest. [`guest`]: a module linked with its imports, ready to be called.
//! * `cache`: compiled code that survives, shared by threads, processes and machines.
//! * `load`, `background`: loads that nobody waits for, and the threads that make them.
//! * `tiers`: how modules and guests of the engine `tiered` move up.
//! * [`call`]: the way a call takes. [`room`]: the place where it runs. [`abi`]: how bytes go in and out.
//! * [`prepare`]: limits, compiled into the guest before an engine sees it.
//! * [`host`]: functions of the host that a guest may call.
//! * `wasi`: files, clocks and streams for guests that are WASI programs, as far as the host grants them.
//! * `convert`: JSON to MessagePack and back.
//! * [`bounds`], [`stop`], [`report`]: what a call may use up, who stops it, what it came to.
//! * [`error`], [`limits`], [`log`]: what can go wrong, what is allowed, what is told.
//! * `ffi`: the C boundary, one file a handle; `sys`: what is asked of the operating system.
#![cfg_attr(not(feature = "std"), no_std)]
#![deny(unsafe_op_in_unsafe_fn, missing_docs, clippy::undocumented_unsafe_blocks)]

extern crate alloc;

pub mod abi;
#[cfg(feature = "std")]
mod aside;
#[cfg(feature = "std")]
pub mod background;
pub mod bounds;
#[cfg(feature = "std")]
pub mod cache;
pub mod call;
#[cfg(feature = "std")]
pub mod convert;
#[cfg(feature = "std")]
mod door;
pub mod engine;
pub mod error;
#[cfg(feature = "std")]
pub mod ffi;
pub mod guest;
pub mod host;
pub mod inspect;
#[cfg(feature = "std")]
mod knots;
pub mod limits;
#[cfg(feature = "std")]
pub mod load;
pub mod log;
pub mod module;
mod msgpack;
#[cfg(feature = "std")]
pub(crate) mod patience;
pub mod prepare;
pub mod progress;
pub mod report;
pub mod room;
pub mod stop;
mod sys;
#[cfg(feature = "std")]
pub mod text;
#[cfg(feature = "std")]
pub mod tiers;
#[cfg(feature = "std")]
pub mod wasi;

pub use error::{Error, Status};

/// What every fallible function of this crate returns.
pub type Result<T, E = Error> = core::result::Result<T, E>;
