//! Digests of secrets: what is kept of them and compared.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A SHA-256 digest. Compared in constant time; `Debug` shows nothing of it.
#[derive(Clone, Copy)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// That of a token.
    pub(crate) fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Writes it behind others.
    pub(crate) fn append_to(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.0);
    }

    /// Whether they are the same, in a time that does not depend on where they differ.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// A number below `end`, the same for the same fingerprint.
    pub(crate) fn below(&self, end: usize) -> usize {
        let first = self.0.first_chunk().copied().map_or(0, u64::from_le_bytes);
        let end = u64::try_from(end.max(1)).unwrap_or(u64::MAX);
        usize::try_from(first % end).unwrap_or_default()
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<secret>")
    }
}

/// A random key that never leaves the process and ends with it: digests under it say nothing to anybody else.
pub(crate) struct ProcessKey([u8; 32]);

impl ProcessKey {
    /// `None` where the system gives no random numbers.
    pub(crate) fn random() -> Option<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).ok()?;
        Some(Self(key))
    }

    /// The keyed digest of these parts. Each is preceded by its length, so that no two lists of parts are digested alike
    /// (joined with a delimiter, as in CVE-2022-46146, they would be).
    pub(crate) fn digest(&self, parts: &[&[u8]]) -> Fingerprint {
        // Any length of key is a valid one for HMAC, so there is no other way.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            return Fingerprint([0; 32]);
        };
        for part in parts {
            mac.update(&part.len().to_le_bytes());
            mac.update(part);
        }
        Fingerprint(mac.finalize().into_bytes().into())
    }
}

impl std::fmt::Debug for ProcessKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<secret>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        let key = ProcessKey::random().expect("random numbers");
        let digest = |parts: &[&str]| {
            let parts: Vec<_> = parts.iter().map(|part| part.as_bytes()).collect();
            key.digest(&parts)
        };
        assert!(digest(&["a", "b"]).is(&digest(&["a", "b"])));
        for other in [&["ab", ""][..], &["", "ab"], &["ab"], &["a", "b", ""]] {
            assert!(!digest(&["a", "b"]).is(&digest(other)), "{other:?}");
        }
        let another = ProcessKey::random().expect("random numbers");
        assert!(!another.digest(&[b"a"]).is(&key.digest(&[b"a"])));
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Fingerprint::of(b"token")), "<secret>");
        assert_eq!(format!("{:?}", ProcessKey::random()), "Some(<secret>)");
    }
}
