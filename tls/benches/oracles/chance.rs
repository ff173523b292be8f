//! Random numbers for drawing classes and samples: fast, seeded, not for secrets.

use jadegate_tongsuo::openssl::rand::rand_bytes;

/// SplitMix64.
pub(crate) struct Chance(u64);

impl Chance {
    /// Another sequence in each run.
    pub(crate) fn seeded() -> Self {
        let mut seed = [0; 8];
        rand_bytes(&mut seed).expect("random bytes");
        Self(u64::from_le_bytes(seed))
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below the bound, which is small.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("small");
        usize::try_from(self.number() % bound).expect("below the bound")
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.number().to_le_bytes()[0]).collect()
    }

    /// Each of the classes as often as asked, in random order.
    pub(crate) fn order(&mut self, classes: usize, each: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..classes).flat_map(|class| std::iter::repeat_n(class, each)).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, self.below(last + 1));
        }
        order
    }
}
