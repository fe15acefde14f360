/// Where some bytes are, in the one number that crosses the border: `ptr << 32 | len`.
///
/// In the answer of a host function, bit 31 says that the function failed, and `len` has the 31 bits below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed(u64);

const FAILED: u64 = 1 << 31;

impl Packed {
    /// No bytes.
    pub const EMPTY: Self = Self(0);

    /// The bytes at an address.
    pub const fn new(ptr: u32, len: u32) -> Self {
        Self((ptr as u64) << 32 | len as u64)
    }

    /// The number as it came over the border.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The number as it goes over the border.
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The address.
    pub const fn ptr(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Of the answer of a host function: whether it failed.
    pub const fn answer_failed(self) -> bool {
        self.0 & FAILED != 0
    }

    /// Of the answer of a host function: how many bytes there are.
    pub const fn answer_len(self) -> u32 {
        (self.0 & (FAILED - 1)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::Packed;

    #[test]
    fn the_address_is_the_high_half() {
        assert_eq!(Packed::new(0xdead_beef, 7).to_bits(), 0xdead_beef_0000_0007);
        assert_eq!(Packed::from_bits(0xdead_beef_0000_0007).ptr(), 0xdead_beef);
    }

    #[test]
    fn bit_31_of_an_answer_is_not_part_of_its_length() {
        let answer = Packed::from_bits(0x0000_0400_8000_0003);
        assert!(answer.answer_failed());
        assert_eq!((answer.ptr(), answer.answer_len()), (0x400, 3));
    }

    #[test]
    fn an_empty_answer_can_be_a_failure() {
        let answer = Packed::from_bits(0x8000_0000);
        assert!(answer.answer_failed());
        assert_eq!(answer.answer_len(), 0);
        assert!(!Packed::EMPTY.answer_failed());
    }
}
