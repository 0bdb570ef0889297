//! Credentials: passwords of users, by the hashes of the web configuration file, and bearer tokens.

mod digest;
mod header;
mod queue;
mod secrets;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;

use self::digest::ProcessKey;
use self::header::Presented;
use self::queue::{Queue, Turn};
use crate::access::Source;
use crate::runtime::log::LogThrottle;
use crate::self_metrics::access::{AccessMetrics, Scheme};

pub(crate) use self::digest::Fingerprint;
pub(crate) use self::secrets::{HashError, MIN_TOKEN, Secrets, StoredHash};

/// What came of looking at a request's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// Nobody has any: none are asked for.
    NotAsked,
    Missing,
    Wrong,
    /// Too many passwords wait to be checked.
    Busy,
    Right,
}

/// Checks credentials.
///
/// A password is checked with bcrypt, one at a time ([`Queue`]). One that was right is remembered, as a keyed digest of user,
/// stored hash and password: it is not checked again, waits for nobody, and is forgotten as soon as the stored hash is
/// another. Wrong ones leave nothing behind that could push a right one out.
#[derive(Debug)]
pub(crate) struct Authenticator {
    key: Option<ProcessKey>,
    verified: Mutex<HashMap<String, Fingerprint>>,
    queue: Queue,
    of_failures: LogThrottle,
}

impl Authenticator {
    pub(crate) fn new() -> Self {
        Self {
            key: ProcessKey::random(),
            verified: Mutex::default(),
            queue: Queue::default(),
            of_failures: LogThrottle::default(),
        }
    }

    fn verified(&self) -> MutexGuard<'_, HashMap<String, Fingerprint>> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the credentials of a request. Unknown users, wrong passwords and wrong tokens are the same to who asks.
    pub(crate) async fn check(
        &self,
        secrets: &Arc<Secrets>,
        headers: &HeaderMap,
        source: Source,
        metrics: &AccessMetrics,
    ) -> Credentials {
        let (scheme, outcome) = match header::presented(headers) {
            Presented::Nothing => return Credentials::Missing,
            Presented::Unusable => (Scheme::Unusable, Credentials::Wrong),
            Presented::Token(token) if secrets.has_token(&token) => {
                (Scheme::Bearer, Credentials::Right)
            }
            Presented::Token(_) => (Scheme::Bearer, Credentials::Wrong),
            Presented::Password { user, password } => {
                let outcome = self.password(secrets, user, password, source).await;
                (Scheme::Basic, outcome)
            }
        };
        if outcome == Credentials::Wrong {
            metrics.failed(scheme);
            self.of_failures.log(move |left_out| {
                tracing::warn!(
                    ?source,
                    left_out,
                    "wrong credentials for the monitor server"
                );
            });
        }
        outcome
    }

    async fn password(
        &self,
        secrets: &Arc<Secrets>,
        user: String,
        password: Vec<u8>,
        source: Source,
    ) -> Credentials {
        let known = secrets.user(&user).cloned();
        let name = self.digest(&[user.as_bytes()]);
        // An unknown user's password is checked too, for as long: the time does not tell who is known.
        let Some(stored) = known.clone().or_else(|| secrets.decoy(&name?).cloned()) else {
            return Credentials::Wrong;
        };
        let digest = self.digest(&[user.as_bytes(), stored.as_bytes(), &password]);
        if self.is_verified(&user, digest.as_ref()) {
            return Credentials::Right;
        }
        let Ok(turn) = self.queue.turn(source).await else {
            return Credentials::Busy;
        };
        // Who came with the same credentials and was first has done the work.
        if self.is_verified(&user, digest.as_ref()) {
            return Credentials::Right;
        }
        let is_right = checked(turn, stored, password).await;
        if !is_right || known.is_none() {
            return Credentials::Wrong;
        }
        if let Some(digest) = digest {
            self.verified().insert(user, digest);
        }
        Credentials::Right
    }

    fn digest(&self, parts: &[&[u8]]) -> Option<Fingerprint> {
        self.key.as_ref().map(|key| key.digest(parts))
    }

    fn is_verified(&self, user: &str, digest: Option<&Fingerprint>) -> bool {
        let verified = self.verified();
        match (verified.get(user), digest) {
            (Some(known), Some(digest)) => known.is(digest),
            _ => false,
        }
    }

    /// Forgets whoever is no user any more.
    pub(crate) fn forget_others(&self, secrets: &Secrets) {
        self.verified()
            .retain(|user, _| secrets.user(user).is_some());
    }
}

/// On a thread of its own. The turn goes with it: a client that leaves does not make room for the next check before this one
/// has ended.
async fn checked(turn: Turn, stored: StoredHash, password: Vec<u8>) -> bool {
    let check = move || {
        let is_right = stored.is_of(&password);
        drop(turn);
        is_right
    };
    tokio::task::spawn_blocking(check).await.unwrap_or(false)
}

#[cfg(test)]
mod tests;
