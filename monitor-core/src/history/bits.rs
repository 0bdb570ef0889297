//! Numbers as bits: what the slots of the history are coded with.
//!
//! # Definition
//!
//! A count `n` of order `k` is an Exp-Golomb code: with `q = (n >> k) + 1`, as many zero bits as `q` has bits after its
//! first, then `q`, then the lowest `k` bits of `n`. Counts below `2^k` take `k + 1` bits, those below `3 x 2^k` two
//! more, and so on: short where counts are about `2^k`, and never long. (Source: J. Teuhola, "A compression method for
//! clustered bit-vectors", 1978.) Counts are at most [`MAX_CODE`]: greater ones are taken as that.
//!
//! A reader never panics: after the last bit it reads zeros, and a code of zeros alone is `None`.

/// The greatest count: with it a code is never longer than 113 bits, of which 57 are read at once.
pub(super) const MAX_CODE: u64 = (1 << 56) - 1;

/// Writes bits, the first of each byte highest.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits that fill no word yet, the newest lowest.
    open: u64,
    /// How many: below 64.
    open_len: u32,
}

impl BitWriter {
    /// Removes all bits and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.open = 0;
        self.open_len = 0;
    }

    /// Bits written so far.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() * 8 + self.open_len as usize
    }

    /// All bytes, of which the last is filled up with zeros.
    pub(super) fn finish(&mut self) -> Box<[u8]> {
        let open = self.open_len.div_ceil(8) as usize;
        let mut bytes = Vec::with_capacity(self.bytes.len() + open);
        bytes.extend_from_slice(&self.bytes);
        let last = self.open.checked_shl(64 - self.open_len).unwrap_or(0);
        bytes.extend_from_slice(&last.to_be_bytes()[..open]);
        self.clear();
        bytes.into_boxed_slice()
    }

    /// Writes the lowest `len` bits of a value that has no others; at most 57.
    #[inline]
    pub(super) fn bits(&mut self, value: u64, len: u32) {
        let free = 64 - self.open_len;
        if len < free {
            self.open = (self.open << len) | value;
            self.open_len += len;
            return;
        }
        // The open bits are 7 or more, so less than 64 are free.
        let rest = len - free;
        let word = (self.open << free) | (value >> rest);
        self.bytes.extend_from_slice(&word.to_be_bytes());
        self.open = value & ((1 << rest) - 1);
        self.open_len = rest;
    }

    /// Writes one bit.
    pub(super) fn flag(&mut self, is_set: bool) {
        self.bits(is_set.into(), 1);
    }

    /// Writes a count of this order, at most 32.
    pub(super) fn count(&mut self, value: u64, order: u32) {
        let value = value.min(MAX_CODE);
        let quotient = (value >> order) + 1;
        let zeros = quotient.ilog2();
        if 2 * zeros + 1 + order <= 57 {
            // The zeros come for free: they are the highest bits of a longer number.
            self.bits(value + (1 << order), 2 * zeros + 1 + order);
            return;
        }
        self.bits(0, zeros);
        self.bits(value + (1 << order), zeros + 1 + order);
    }

    /// Writes a number of either sign: 0, -1, 1, -2 and so on as counts.
    pub(super) fn signed(&mut self, value: i64, order: u32) {
        self.count(zigzag(value), order);
    }
}

/// The number of bits of a count.
pub(super) fn count_len(value: u64, order: u32) -> u32 {
    2 * ((value.min(MAX_CODE) >> order) + 1).ilog2() + 1 + order
}

/// 0, -1, 1, -2 and so on as 0, 1, 2, 3.
fn zigzag(value: i64) -> u64 {
    (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned()
}

/// Reads what a [`BitWriter`] wrote.
///
/// The next bits stand in a word, so that most codes wait for no load from memory: it is loaded again where a code does
/// not end in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct BitReader<'b> {
    bytes: &'b [u8],
    /// The place of the next bit.
    at: usize,
    /// The next bits from the highest on, and zeros.
    word: u64,
    /// How many are in the word.
    len: u32,
}

impl<'b> BitReader<'b> {
    pub(super) fn new(bytes: &'b [u8], at: usize) -> Self {
        Self {
            bytes,
            at,
            word: 0,
            len: 0,
        }
    }

    /// Loads the next 57 bits or more; zeros after the last.
    fn load(&mut self) {
        let rest = self.bytes.get(self.at / 8..).unwrap_or_default();
        let word = match rest.first_chunk() {
            Some(word) => u64::from_be_bytes(*word),
            None => rest
                .iter()
                .zip([56, 48, 40, 32, 24, 16, 8])
                .fold(0, |word, (byte, shift)| word | u64::from(*byte) << shift),
        };
        self.word = word << (self.at % 8);
        self.len = 57;
    }

    /// Takes so many bits off the word, which has them; at most 57.
    #[inline]
    fn pass(&mut self, len: u32) {
        self.word <<= len;
        self.len -= len;
        self.at = self.at.saturating_add(len as usize);
    }

    /// Reads so many bits, from 1 to 57.
    #[inline]
    pub(super) fn bits(&mut self, len: u32) -> u64 {
        if len > self.len {
            self.load();
        }
        let value = self.word >> (64 - len);
        self.pass(len);
        value
    }

    /// Reads one bit.
    #[inline]
    pub(super) fn flag(&mut self) -> bool {
        self.bits(1) == 1
    }

    /// Reads a count of this order, at most 32; `None` where none stands.
    #[inline]
    pub(super) fn count(&mut self, order: u32) -> Option<u64> {
        let zeros = self.word.leading_zeros();
        let len = 2 * zeros + 1 + order;
        if len > self.len {
            return self.load_count(order);
        }
        let value = self.word << zeros >> (63 - zeros - order);
        self.pass(len);
        value.checked_sub(1 << order)
    }

    /// The same where the code does not end in the word.
    fn load_count(&mut self, order: u32) -> Option<u64> {
        self.load();
        let zeros = self.word.leading_zeros();
        let len = zeros + 1 + order;
        if len > 57 {
            return None;
        }
        self.pass(zeros);
        self.bits(len).checked_sub(1 << order)
    }

    /// Reads a number of either sign.
    #[inline]
    pub(super) fn signed(&mut self, order: u32) -> Option<i64> {
        let value = self.count(order)?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counts_come_back(counts in prop::collection::vec((0..64_u32, any::<u64>(), 0..=32_u32), 0..40)) {
            let mut writer = BitWriter::default();
            let mut len = 0;
            for &(shift, count, order) in &counts {
                writer.count(count >> shift, order);
                len += count_len(count >> shift, order) as usize;
                prop_assert_eq!(writer.len(), len);
            }
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes, 0);
            for (shift, count, order) in counts {
                prop_assert_eq!(reader.count(order), Some((count >> shift).min(MAX_CODE)));
            }
        }

        #[test]
        fn signed_numbers_come_back(numbers in prop::collection::vec(-(1_i64 << 55)..1 << 55, 0..40)) {
            let mut writer = BitWriter::default();
            for &number in &numbers {
                writer.signed(number, 3);
                writer.flag(number > 0);
            }
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes, 0);
            for number in numbers {
                prop_assert_eq!(reader.signed(3), Some(number));
                prop_assert_eq!(reader.flag(), number > 0);
            }
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..60), order in 0..=32_u32) {
            let mut reader = BitReader::new(&bytes, 0);
            let most = bytes.len() * 8;
            prop_assert!((0..=most).any(|_| reader.count(order).is_none()));
            prop_assert_eq!(BitReader::new(&bytes, usize::MAX).count(order), None);
        }
    }
}
