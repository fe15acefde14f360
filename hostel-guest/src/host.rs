//! What a guest asks of its host.

use crate::{Packed, block};
use alloc::vec::Vec;

/// What a host function answered: its bytes, or the payload (or message) of its failure.
pub type HostResult = Result<Vec<u8>, Vec<u8>>;

/// Says no: records the bytes as the reason why this call is refused, and returns. UTF-8 if a person is to read them.
///
/// A function exported with [`export!`](crate::export) does this by returning `Err`.
pub fn fail(reason: &[u8]) {
    #[cfg(target_arch = "wasm32")]
    #[link(wasm_import_module = "hostel")]
    unsafe extern "C" {
        fn hostel_fail(ptr: *const u8, len: usize);
    }
    #[cfg(not(target_arch = "wasm32"))]
    unsafe fn hostel_fail(_: *const u8, _: usize) {}

    // SAFETY: the host reads the bytes during the call.
    unsafe { hostel_fail(reason.as_ptr(), reason.len()) }
}

/// Calls a host function and takes its answer over. [`host_function!`](crate::host_function) is the short way to it.
///
/// # Safety
/// The number that `imported` returns is an answer of the host: its block was made with `hostel_alloc` and is ours.
pub unsafe fn host_call(imported: impl FnOnce(*const u8, usize) -> u64, input: &[u8]) -> HostResult {
    let answer = Packed::from_bits(imported(input.as_ptr(), input.len()));
    let ptr = core::ptr::with_exposed_provenance_mut(answer.ptr() as usize);
    // SAFETY: as our caller promises.
    let bytes = unsafe { block::take(ptr, answer.answer_len() as usize) };
    if answer.answer_failed() { Err(bytes) } else { Ok(bytes) }
}

/// Stands in for every host function where there is no host: it fails without a payload.
#[cfg(not(target_arch = "wasm32"))]
#[doc(hidden)]
pub unsafe fn no_host(_: *const u8, _: usize) -> u64 {
    1 << 31
}

#[cfg(test)]
mod tests {
    use super::host_call;
    use alloc::vec::Vec;

    #[test]
    fn an_empty_answer_is_no_bytes() {
        // SAFETY: an empty answer has no block.
        assert_eq!(unsafe { host_call(|_, _| 0, b"?") }, Ok(Vec::new()));
    }

    #[test]
    fn a_failure_can_be_empty() {
        // SAFETY: as above.
        assert_eq!(unsafe { host_call(|_, _| 1 << 31, b"?") }, Err(Vec::new()));
    }

    #[test]
    fn the_host_sees_the_input() {
        let imported = |ptr: *const u8, len| {
            // SAFETY: the input lives during the call.
            assert_eq!(unsafe { core::slice::from_raw_parts(ptr, len) }, b"a question");
            0
        };
        // SAFETY: as above.
        assert_eq!(unsafe { host_call(imported, b"a question") }, Ok(Vec::new()));
    }

    crate::host_function!(fn ask = ("host", "answer"));

    #[test]
    fn natively_every_host_function_fails() {
        assert_eq!(ask(b"?"), Err(Vec::new()));
    }
}
