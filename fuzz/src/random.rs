//! Numbers that look random and depend on nothing but a seed (splitmix64).

/// A source of them.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number under `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.draw() % end as u64) as usize
    }

    /// A parameter of a function: often small, so that it serves as an address.
    pub fn argument(&mut self) -> u64 {
        match self.below(4) {
            0 => self.below(16) as u64,
            1 => self.below(1 << 16) as u64,
            2 => self.below(4 << 16) as u64,
            _ => self.draw(),
        }
    }
}
