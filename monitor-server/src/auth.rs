//! Credentials: passwords of users, by the bcrypt hashes of the web configuration file, and bearer tokens.
//!
//! A password takes tens of milliseconds of a core to check, on purpose. So it is checked on the pool, one at a time,
//! and few wait for it ([`PasswordQueue`]): a flood of wrong passwords gets one core's worth of checks at most. A
//! password that was right is remembered, as a keyed digest of user, stored hash and password: it is not checked again,
//! waits for nothing, and is forgotten as soon as the stored hash is another. Wrong ones leave nothing behind that
//! could push a right one out. A token is compared at once, in constant time.
//!
//! Unknown users, wrong passwords and wrong tokens get the same answer, and take the same time: the password of an
//! unknown user is checked against a hash of the same cost that no password has. Of a secret only its hash or digest
//! is kept, and `Debug` shows neither.
//!
//! The one lock that is held for longer than a moment is the turn to check a password. It goes to the pool with the
//! job, so that a client that leaves does not let the next check begin before this one has ended.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::{OwnedMutexGuard, oneshot};

use crate::access::{AuthOutcome, Client, Source};
use crate::config::{Secret, Security};
use crate::error::ConfigError;
use crate::runtime::lock;
use crate::runtime::log::LogThrottle;
use crate::runtime::pool::Pool;
use crate::self_metrics::{AccessMetrics, Scheme};
use crate::web::{Files, place};

/// Costs of a hash that may be used: one more doubles the time. 14 takes about a second, for which a wrong password
/// holds every user that is not remembered yet.
const COSTS: RangeInclusive<u32> = 4..=14;

/// Shortest token, in bytes: it is compared at once, so that guessing is as fast as asking.
const MIN_TOKEN: usize = 16;

/// Longest password, in bytes: bcrypt looks at no more of them, so that a longer one would be as good as its beginning.
const MAX_PASSWORD: usize = 72;

/// How many passwords wait at most to be checked.
const PLACES: usize = 4;

/// A SHA-256 digest of a secret. Compared in constant time; `Debug` shows nothing of it.
pub(crate) type Fingerprint = Secret<[u8; 32]>;

impl Fingerprint {
    /// That of a token.
    pub(crate) fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Whether they are the same, in a time that does not depend on where they differ.
    fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// Whether a text can be sent in a header, and is too long to be guessed by asking.
pub(crate) fn is_token(text: &str) -> bool {
    text.len() >= MIN_TOKEN && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The tokens that are given directly, and those in the file, one a line.
pub(crate) fn tokens(
    security: &Security,
    files: &mut Files,
) -> Result<Vec<Fingerprint>, ConfigError> {
    let mut tokens = security.bearer_tokens.0.clone();
    if let Some(path) = &security.bearer_token_file {
        let place = place("bearer_token_file");
        let text = files.text(path, &place)?;
        let lines = text.lines().map(str::trim);
        let given = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let given: Vec<String> = given.map(str::to_owned).collect();
        let unusable = |why: &str| Err(ConfigError::unusable(&place, Some(path), why));
        if given.is_empty() {
            return unusable("there is no token in it");
        }
        if !given.iter().all(|line| is_token(line)) {
            return unusable("a token has at least 16 visible ASCII characters");
        }
        files.secret.push(path.clone());
        tokens.extend(given);
    }
    let tokens = tokens.iter().map(|token| Fingerprint::of(token.as_bytes()));
    Ok(tokens.collect())
}

/// A bcrypt hash. `Debug` shows its cost alone.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct StoredHash(Arc<str>);

/// The settings that a text is refused for, which is no hash or one of another cost.
pub(crate) const HASH: &str = "a bcrypt hash (`htpasswd -nBC 10 USER` makes one)";
const HASH_OF_COST: &str = "a bcrypt hash of a cost from 4 to 14";

impl StoredHash {
    /// The hash that a text is. The error is the expected text.
    pub(crate) fn new(text: &str) -> Result<Self, &'static str> {
        let parts = bcrypt::HashParts::from_str(text).map_err(|_| HASH)?;
        let is_usable = COSTS.contains(&parts.get_cost());
        is_usable.then(|| Self(text.into())).ok_or(HASH_OF_COST)
    }

    /// Whether it is the password's. Takes as long as the cost asks for, with either outcome.
    fn is_of(&self, password: &[u8]) -> bool {
        bcrypt::verify(password, &self.0).unwrap_or(false)
    }

    /// The two digits of `$2b$12$..`.
    fn cost(&self) -> &str {
        self.0.split('$').nth(2).unwrap_or_default()
    }

    /// A hash of the same cost that no password has: its 184 bits are all the same.
    fn decoy(&self) -> Self {
        Self(format!("$2b${}${}", self.cost(), ".".repeat(53)).into())
    }
}

impl fmt::Debug for StoredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<bcrypt hash of cost {}>", self.cost())
    }
}

/// The users and tokens that the server lets in. `Debug` shows names alone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets {
    pub(crate) users: BTreeMap<String, StoredHash>,
    pub(crate) tokens: Vec<Fingerprint>,
}

impl Secrets {
    /// The hash that the password of an unknown user is checked against. By the name's digest, so that one name always
    /// costs the same, as that of a known user does.
    fn decoy(&self, name: &Fingerprint) -> Option<StoredHash> {
        let number = usize::from(u16::from_le_bytes([name.0[0], name.0[1]]));
        let mut hashes = self.users.values();
        let chosen = hashes.nth(number % self.users.len().max(1));
        chosen.map(StoredHash::decoy)
    }

    /// Whether it is one of the tokens. All are compared, whichever it is.
    fn has_token(&self, token: &[u8]) -> bool {
        let given = Fingerprint::of(token);
        let tokens = self.tokens.iter();
        tokens.fold(false, |found, token| token.is(&given) | found)
    }
}

/// The content of an `Authorization` header. `Debug` is not derived: it holds secrets.
#[derive(PartialEq, Eq)]
enum Credential {
    Nothing,
    Password {
        user: String,
        password: Vec<u8>,
    },
    Token(Vec<u8>),
    /// Of no known scheme, or badly written, or more than one.
    Unusable,
}

impl Credential {
    /// Reads the one header there may be.
    fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Nothing,
            (Some(value), None) => Self::read(value.as_bytes()).unwrap_or(Self::Unusable),
            _ => Self::Unusable,
        }
    }

    fn read(value: &[u8]) -> Option<Self> {
        let (scheme, rest) = std::str::from_utf8(value).ok()?.split_once(' ')?;
        let text = rest.trim();
        if scheme.eq_ignore_ascii_case("basic") {
            return Self::password(text);
        }
        let is_token = scheme.eq_ignore_ascii_case("bearer") && !text.is_empty();
        is_token.then(|| Self::Token(text.as_bytes().to_vec()))
    }

    fn password(encoded: &str) -> Option<Self> {
        let decoded = STANDARD.decode(encoded).ok()?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let user = std::str::from_utf8(&decoded[..colon]).ok()?.to_owned();
        let password = decoded[colon + 1..].to_vec();
        // Behind a NUL, bcrypt begins from the front: one hash would have many passwords.
        let is_usable = password.len() <= MAX_PASSWORD && !password.contains(&0);
        is_usable.then_some(Self::Password { user, password })
    }
}

/// The turn to check one password, and the few clients that wait for it, oldest first. When all places are taken, a
/// source that holds more of them than the newcomer's would loses its last one to it; otherwise the newcomer is sent
/// away.
///
/// The turn is a fair lock: it goes to the next in line also where that one has left or is sent away.
#[derive(Debug, Default)]
struct PasswordQueue {
    turn: Arc<tokio::sync::Mutex<()>>,
    waiting: Mutex<Vec<Waiter>>,
}

/// Dropped, it sends its client away; closed, its client has left or has the turn.
#[derive(Debug)]
struct Waiter {
    source: Source,
    place: oneshot::Sender<()>,
}

impl PasswordQueue {
    /// Waits for a turn; `None` if all places are taken, or another source needed this one and had taken fewer.
    async fn turn(&self, source: Source) -> Option<OwnedMutexGuard<()>> {
        if let Ok(turn) = Arc::clone(&self.turn).try_lock_owned() {
            return Some(turn);
        }
        let displaced = self.place(source)?;
        tokio::select! {
            biased;
            turn = Arc::clone(&self.turn).lock_owned() => Some(turn),
            _ = displaced => None,
        }
    }

    fn place(&self, source: Source) -> Option<oneshot::Receiver<()>> {
        let mut waiting = lock(&self.waiting);
        waiting.retain(|waiter| !waiter.place.is_closed());
        if waiting.len() >= PLACES {
            let held = |source| waiting.iter().filter(|one| one.source == source).count();
            let last_of_most = (0..PLACES).max_by_key(|&at| (held(waiting[at].source), at))?;
            if held(waiting[last_of_most].source) <= held(source) + 1 {
                return None;
            }
            waiting.remove(last_of_most);
        }
        let (place, displaced) = oneshot::channel();
        waiting.push(Waiter { source, place });
        Some(displaced)
    }
}

/// Checks credentials.
#[derive(Debug)]
pub(crate) struct Authenticator {
    pool: Pool,
    /// Random; `None` where the system gives no random numbers, and no password is remembered.
    key: Option<Fingerprint>,
    /// By user, the digest of the password that was right.
    verified: Mutex<HashMap<String, Fingerprint>>,
    queue: PasswordQueue,
    log_throttle: LogThrottle,
}

impl Authenticator {
    pub(crate) fn new(pool: Pool) -> Self {
        let mut key = [0; 32];
        Self {
            pool,
            key: getrandom::fill(&mut key).ok().map(|()| Secret(key)),
            verified: Mutex::default(),
            queue: PasswordQueue::default(),
            log_throttle: LogThrottle::default(),
        }
    }

    fn verified(&self) -> MutexGuard<'_, HashMap<String, Fingerprint>> {
        lock(&self.verified)
    }

    /// Looks at the credentials of a request.
    pub(crate) async fn check(
        &self,
        secrets: &Secrets,
        headers: &HeaderMap,
        client: Option<&Client>,
        metrics: &AccessMetrics,
    ) -> AuthOutcome {
        let source = client.map_or(Source::Unix, |client| client.peer.source());
        let (scheme, outcome) = match Credential::of(headers) {
            Credential::Nothing => return AuthOutcome::Missing,
            Credential::Unusable => (Scheme::Unusable, AuthOutcome::Wrong),
            Credential::Token(token) if secrets.has_token(&token) => return AuthOutcome::Right,
            Credential::Token(_) => (Scheme::Bearer, AuthOutcome::Wrong),
            Credential::Password { user, password } => {
                let outcome = self.password(secrets, user, password, source).await;
                (Scheme::Basic, outcome)
            }
        };
        if outcome == AuthOutcome::Wrong {
            metrics.failed(scheme);
            let why = "wrong credentials for the monitor server";
            let throttle = &self.log_throttle;
            throttle.log(move |left_out| tracing::warn!(?source, left_out, "{why}"));
        }
        outcome
    }

    async fn password(
        &self,
        secrets: &Secrets,
        user: String,
        password: Vec<u8>,
        source: Source,
    ) -> AuthOutcome {
        let known = secrets.users.get(&user).cloned();
        let is_known = known.is_some();
        let name = self.digest(&[user.as_bytes()]);
        let Some(stored) = known.or_else(|| secrets.decoy(&name?)) else {
            return AuthOutcome::Wrong;
        };
        let digest = self.digest(&[user.as_bytes(), stored.0.as_bytes(), &password]);
        if self.is_verified(&user, digest.as_ref()) {
            return AuthOutcome::Right;
        }
        let Some(turn) = self.queue.turn(source).await else {
            return AuthOutcome::Busy;
        };
        // Another request with the same credentials may have had its turn before.
        if self.is_verified(&user, digest.as_ref()) {
            return AuthOutcome::Right;
        }
        let check = move || {
            let is_right = stored.is_of(&password);
            drop(turn);
            is_right
        };
        match self.pool.call(check).await {
            // There is no thread to check it on: that says nothing of the password.
            None => AuthOutcome::Busy,
            Some(true) if is_known => {
                self.verified().extend(digest.map(|digest| (user, digest)));
                AuthOutcome::Right
            }
            Some(_) => AuthOutcome::Wrong,
        }
    }

    /// The digest of these parts under a key that never leaves the process, as no digest does. Each part is preceded by
    /// its length, so that no two lists of parts are digested alike (joined with a delimiter, as in CVE-2022-46146,
    /// they would be).
    fn digest(&self, parts: &[&[u8]]) -> Option<Fingerprint> {
        let mut digest = Sha256::new_with_prefix(self.key?.0);
        for part in parts {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        Some(Secret(digest.finalize().into()))
    }

    fn is_verified(&self, user: &str, digest: Option<&Fingerprint>) -> bool {
        let verified = self.verified();
        matches!((verified.get(user), digest), (Some(known), Some(digest)) if known.is(digest))
    }

    /// Forgets the passwords of names that are no users any more.
    pub(crate) fn forget_others(&self, secrets: &Secrets) {
        self.verified()
            .retain(|user, _| secrets.users.contains_key(user));
    }
}

#[cfg(test)]
mod tests;
