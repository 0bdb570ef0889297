//! Whom the server lets in: users with hashes of their passwords, and tokens.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::digest::Fingerprint;

/// Costs of a hash that may be used: one more doubles the time. 14 takes about a second, for which a wrong password holds
/// everybody else who is not known yet.
pub(crate) const COSTS: std::ops::RangeInclusive<u32> = 4..=14;

/// Shortest token: it is compared at once, so that guessing is as fast as asking.
pub(crate) const MIN_TOKEN: usize = 16;

/// A bcrypt hash. `Debug` shows its cost alone.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct StoredHash {
    text: Arc<str>,
    cost: u32,
}

/// Why a text is no hash that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HashError {
    NoBcrypt,
    Cost,
}

impl StoredHash {
    pub(crate) fn new(text: &str) -> Result<Self, HashError> {
        let parts = bcrypt::HashParts::from_str(text).map_err(|_| HashError::NoBcrypt)?;
        let cost = parts.get_cost();
        if !COSTS.contains(&cost) {
            return Err(HashError::Cost);
        }
        let text = text.into();
        Ok(Self { text, cost })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Whether it is the password's. Takes as long as the cost says, whatever the outcome.
    pub(crate) fn is_of(&self, password: &[u8]) -> bool {
        bcrypt::verify(password, &self.text).unwrap_or(false)
    }

    /// A hash of the same cost that is no password's: its 184 bits are all the same.
    fn decoy(&self) -> Self {
        let text = format!("$2b${:02}${}", self.cost, ".".repeat(53));
        Self {
            text: text.into(),
            cost: self.cost,
        }
    }
}

impl fmt::Debug for StoredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<bcrypt hash of cost {}>", self.cost)
    }
}

/// Whom the server lets in. `Debug` shows names alone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets {
    users: BTreeMap<String, StoredHash>,
    /// One for each user, of the same cost: what passwords of unknown users are checked against.
    decoys: Vec<StoredHash>,
    tokens: Vec<Fingerprint>,
    is_locked: bool,
}

impl Secrets {
    /// With which nobody is let in.
    pub(crate) fn locked() -> Self {
        Self {
            is_locked: true,
            ..Self::default()
        }
    }

    pub(crate) fn are_locked(&self) -> bool {
        self.is_locked
    }

    pub(crate) fn new(users: Vec<(String, StoredHash)>, tokens: Vec<Fingerprint>) -> Self {
        Self {
            decoys: users.iter().map(|(_, hash)| hash.decoy()).collect(),
            users: users.into_iter().collect(),
            tokens,
            is_locked: false,
        }
    }

    /// Whether there is anybody to let in, so that everybody else is kept out.
    pub(crate) fn are_given(&self) -> bool {
        self.has_users() || self.has_tokens() || self.is_locked
    }

    pub(crate) fn has_users(&self) -> bool {
        !self.users.is_empty()
    }

    pub(crate) fn has_tokens(&self) -> bool {
        !self.tokens.is_empty()
    }

    pub(crate) fn user(&self, name: &str) -> Option<&StoredHash> {
        self.users.get(name)
    }

    /// What to check the password of an unknown user against. By the name's digest, so that one name always costs the same,
    /// as that of a known user does.
    pub(crate) fn decoy(&self, name: &Fingerprint) -> Option<&StoredHash> {
        self.decoys.get(name.below(self.decoys.len()))
    }

    /// Whether it is one of the tokens. All are compared, whichever it is.
    pub(crate) fn has_token(&self, token: &[u8]) -> bool {
        let given = Fingerprint::of(token);
        let tokens = self.tokens.iter();
        tokens.fold(false, |found, token| token.is(&given) | found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `secret`, cost 4.
    const SECRET: &str = "$2y$04$R9nv1VQCnpIlsrAGjM4M7eYqUPmAwM/5lKnBtqoLLtEyDbRYVFjIe";

    fn hash(password: &str, cost: u32) -> StoredHash {
        let salt = [7; 16];
        let parts = bcrypt::hash_with_salt(password, cost, salt).expect("a hash");
        StoredHash::new(&parts.format_for_version(bcrypt::Version::TwoY)).expect("a hash")
    }

    #[test]
    fn hashes_of_all_spellings_are_taken_and_costs_bounded() {
        let text = hash("secret", 4).text;
        for spelling in ["$2a$", "$2b$", "$2y$"] {
            let spelled = text.replacen("$2y$", spelling, 1);
            let spelled = StoredHash::new(&spelled).expect("a hash");
            assert!(spelled.is_of(b"secret") && !spelled.is_of(b"Secret"));
        }
        for (wrong, expected) in [
            (text.replacen("$04$", "$15$", 1), HashError::Cost),
            (text.replacen("$04$", "$03$", 1), HashError::Cost),
            ("secret".to_owned(), HashError::NoBcrypt),
            (String::new(), HashError::NoBcrypt),
            (text[..59].to_owned(), HashError::NoBcrypt),
        ] {
            assert_eq!(StoredHash::new(&wrong).expect_err(&wrong), expected);
        }
        assert!(StoredHash::new(SECRET).is_ok());
    }

    #[test]
    fn a_decoy_costs_the_same_and_is_no_password_s() {
        let stored = hash("secret", 5);
        let decoy = StoredHash::new(&stored.decoy().text).expect("a hash");
        assert_eq!(decoy.cost, 5);
        for password in ["secret", "", ".", "fakepassword"] {
            assert!(!decoy.is_of(password.as_bytes()), "{password}");
        }
    }

    #[test]
    fn nothing_of_a_secret_is_in_debug() {
        let secrets = Secrets::new(
            vec![("ann".to_owned(), hash("secret", 4))],
            vec![Fingerprint::of(b"0123456789abcdef")],
        );
        let text = format!("{secrets:?}");
        assert!(text.contains("ann") && !text.contains("$2"), "{text}");
        assert!(secrets.has_token(b"0123456789abcdef"));
        assert!(!secrets.has_token(b"0123456789abcdeF"));
    }
}
