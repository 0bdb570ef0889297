//! Texts in whole chunks: copied without asking for their length, in moves of fixed size.

/// Bytes that are copied at once.
pub(crate) const CHUNK: usize = 32;

pub(crate) type Chunk = [u8; CHUNK];

/// A text, padded to whole chunks.
#[derive(Debug, Default)]
pub(crate) struct Padded {
    chunks: Vec<Chunk>,
    length: usize,
}

impl Padded {
    pub(crate) fn set(&mut self, parts: &[&[u8]]) {
        self.length = parts.iter().map(|part| part.len()).sum();
        self.chunks.clear();
        self.chunks.resize(self.length.div_ceil(CHUNK), [0; CHUNK]);
        write_parts(self.chunks.as_flattened_mut(), parts);
    }

    /// Appends the text.
    #[inline]
    pub(crate) fn push_to(&self, out: &mut Vec<u8>) {
        push(out, &self.chunks, self.length);
    }
}

/// Writes one part behind the other.
pub(crate) fn write_parts(mut place: &mut [u8], parts: &[&[u8]]) {
    for part in parts {
        let (start, rest) = place.split_at_mut(part.len());
        start.copy_from_slice(part);
        place = rest;
    }
}

/// Appends the first `length` bytes of chunks.
#[inline]
pub(crate) fn push(out: &mut Vec<u8>, chunks: &[Chunk], length: usize) {
    let end = out.len() + length;
    for chunk in chunks {
        out.extend_from_slice(chunk);
    }
    out.truncate(end);
}

/// Writes a text over what is there from `at` on; gives where it ends.
#[inline]
pub(crate) fn put(out: &mut [u8], at: usize, chunks: &[Chunk], length: usize) -> usize {
    let mut to = at;
    for chunk in chunks {
        out[to..to + CHUNK].copy_from_slice(chunk);
        to += CHUNK;
    }
    at + length
}
