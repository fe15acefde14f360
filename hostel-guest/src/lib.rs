//! Write a guest for hostel in Rust: functions that take bytes and answer with bytes.
//!
//! ```
//! fn shout(input: Vec<u8>) -> Result<Vec<u8>, Vec<u8>> {
//!     if input.is_empty() {
//!         return Err(b"nothing to shout".to_vec());
//!     }
//!     Ok(input.to_ascii_uppercase())
//! }
//! hostel_guest::export!(shout);
//! # fn main() {}
//! ```
//!
//! Make the guest's package a `cdylib` and build it for `wasm32-unknown-unknown`. This crate adds the two exports of
//! the allocator, `hostel_alloc` and `hostel_free`, and needs `alloc` only: a `no_std` guest brings its own global
//! allocator and panic handler. A panic is a trap; an `Err` is how a function says no.
//!
//! On targets other than wasm32 everything compiles but nothing is exported, so that a guest can be tested natively.

#![no_std]
#![deny(missing_docs, unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]

extern crate alloc;

mod block;
mod host;
mod packed;
mod serve;

pub use block::{hostel_alloc, hostel_free};
#[cfg(not(target_arch = "wasm32"))]
#[doc(hidden)]
pub use host::no_host;
pub use host::{HostResult, fail, host_call};
pub use packed::Packed;
pub use serve::serve;

/// Exports a function under its own name, or another one: `export!(shout)`, `export!(shout as "be loud")`.
///
/// It takes a `Vec<u8>` and returns a `Result` of two types that turn into a `Vec<u8>` (`Vec<u8>`, `String`, `&str`…):
/// the output, or the reason for which it says no.
#[macro_export]
macro_rules! export {
    ($function:ident) => {
        $crate::export!($function as stringify!($function));
    };
    ($function:path as $name:expr) => {
        const _: () = {
            // Only a guest has exports: natively the name could be taken, by libc for example.
            #[cfg_attr(target_arch = "wasm32", unsafe(export_name = $name))]
            #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
            extern "C" fn exported(ptr: *mut u8, len: usize) -> u64 {
                // SAFETY: the host hands over a block that it made with hostel_alloc for this call.
                unsafe { $crate::serve($function, ptr, len) }.to_bits()
            }
        };
    };
}

/// Declares a function of the host: `host_function!(pub fn ask = ("module", "name"))`.
///
/// The result is `fn ask(input: &[u8]) -> Result<Vec<u8>, Vec<u8>>`; `Err` holds the payload, or the message, of a host
/// function that failed. Natively there is no host, and every call is an empty `Err`.
#[macro_export]
macro_rules! host_function {
    ($(#[$attribute:meta])* $visibility:vis fn $function:ident = ($module:literal, $name:literal)) => {
        $(#[$attribute])*
        $visibility fn $function(input: &[u8]) -> $crate::HostResult {
            #[cfg(target_arch = "wasm32")]
            #[link(wasm_import_module = $module)]
            unsafe extern "C" {
                #[link_name = $name]
                fn imported(ptr: *const u8, len: usize) -> u64;
            }
            #[cfg(not(target_arch = "wasm32"))]
            use $crate::no_host as imported;
            // SAFETY: the host reads `input` during the call, and its answer is a block made with hostel_alloc for us.
            unsafe { $crate::host_call(|ptr, len| imported(ptr, len), input) }
        }
    };
}
