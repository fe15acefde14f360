//! One call of an exported function.

use crate::{Packed, block, fail};
use alloc::vec::Vec;

/// What an exported function does around the guest's own: takes the input over, hands the output over, or says no.
/// [`export!`](crate::export) is the short way to it.
///
/// # Safety
/// `ptr` and `len` are a block that the caller hands over.
pub unsafe fn serve<Output, Reason>(function: impl FnOnce(Vec<u8>) -> Result<Output, Reason>, ptr: *mut u8, len: usize) -> Packed
where
    Output: Into<Vec<u8>>,
    Reason: Into<Vec<u8>>,
{
    // SAFETY: as our caller promises.
    let input = unsafe { block::take(ptr, len) };
    match function(input) {
        Ok(output) => {
            let (ptr, len) = block::give(output.into());
            Packed::new(ptr.expose_provenance() as u32, len as u32) // wasm32: both have 32 bits
        }
        Err(reason) => {
            fail(&reason.into());
            Packed::EMPTY // the host does not look at it
        }
    }
}

#[cfg(test)]
mod tests {
    use super::serve;
    use crate::{Packed, block};
    use alloc::vec::Vec;

    fn run(function: fn(Vec<u8>) -> Result<Vec<u8>, &'static str>, input: &[u8]) -> Packed {
        let (ptr, len) = block::give(input.to_vec());
        // SAFETY: the block was just made for this call.
        unsafe { serve(function, ptr, len) }
    }

    #[test]
    fn the_function_gets_the_bytes_of_the_block() {
        let check = |input: Vec<u8>| {
            assert_eq!(input, b"hello");
            Ok(Vec::new())
        };
        assert_eq!(run(check, b"hello"), Packed::EMPTY);
    }

    #[test]
    fn an_empty_input_is_an_empty_vec() {
        let check = |input: Vec<u8>| {
            assert!(input.is_empty());
            Ok(input)
        };
        assert_eq!(run(check, b""), Packed::EMPTY);
    }

    #[test]
    fn saying_no_has_no_output() {
        assert_eq!(run(|_| Err("no"), b"?"), Packed::EMPTY);
    }
}
