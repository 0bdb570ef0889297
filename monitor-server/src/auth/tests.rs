//! Credentials against secrets: right, wrong, remembered, forgotten.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::AUTHORIZATION;

use super::*;

const SOURCE: Source = Source::Unix;

fn hash(password: &str, cost: u32) -> StoredHash {
    let hash = bcrypt::hash_with_salt(password, cost, [9; 16]).expect("a hash");
    StoredHash::new(&hash.to_string()).expect("a hash")
}

fn users(of: &[(&str, &str, u32)]) -> Arc<Secrets> {
    let user =
        |(name, password, cost): &(&str, &str, u32)| ((*name).to_owned(), hash(password, *cost));
    let tokens = vec![Fingerprint::of(b"a-token-of-16-characters")];
    Arc::new(Secrets::new(of.iter().map(user).collect(), tokens))
}

fn with(authorization: &str) -> HeaderMap {
    let value = HeaderValue::from_str(authorization).expect("a header value");
    HeaderMap::from_iter([(AUTHORIZATION, value)])
}

fn basic(user: &str, password: &str) -> HeaderMap {
    with(&format!(
        "Basic {}",
        STANDARD.encode(format!("{user}:{password}"))
    ))
}

async fn check(auth: &Authenticator, secrets: &Arc<Secrets>, headers: &HeaderMap) -> Credentials {
    let metrics = AccessMetrics::default();
    auth.check(secrets, headers, SOURCE, &metrics).await
}

#[tokio::test]
async fn the_right_ones_are_let_in_and_nobody_else() {
    let auth = Authenticator::new();
    let secrets = users(&[("ann", "secret", 4), ("bob", "other", 4)]);
    for (headers, expected) in [
        (HeaderMap::new(), Credentials::Missing),
        (basic("ann", "secret"), Credentials::Right),
        (basic("bob", "other"), Credentials::Right),
        (basic("ann", "other"), Credentials::Wrong),
        (basic("bob", "secret"), Credentials::Wrong),
        (basic("eve", "secret"), Credentials::Wrong),
        (basic("", ""), Credentials::Wrong),
        (basic("ann", ""), Credentials::Wrong),
        (basic("Ann", "secret"), Credentials::Wrong),
        (with("Bearer a-token-of-16-characters"), Credentials::Right),
        (with("Bearer a-token-of-16-character"), Credentials::Wrong),
        (with("Bearer secret"), Credentials::Wrong),
        (with("Basic a-token-of-16-characters"), Credentials::Wrong),
        (with("Digest x"), Credentials::Wrong),
    ] {
        // Twice: what is remembered must not change the outcome.
        for _ in 0..2 {
            assert_eq!(
                check(&auth, &secrets, &headers).await,
                expected,
                "{headers:?}"
            );
        }
    }
}

/// CVE-2022-46146: what is remembered of one user, hash and password must not let in another with the same letters.
#[tokio::test]
async fn what_is_remembered_is_no_one_else_s() {
    let auth = Authenticator::new();
    let secrets = users(&[("ann", "secret", 4), ("an", "x", 4)]);
    assert_eq!(
        check(&auth, &secrets, &basic("ann", "secret")).await,
        Credentials::Right
    );
    for (user, password) in [("an", "nsecret"), ("annsecret", ""), ("", "annsecret")] {
        let outcome = check(&auth, &secrets, &basic(user, password)).await;
        assert_eq!(outcome, Credentials::Wrong, "{user} {password}");
    }
    // The decoy's hash is no door either, neither cold nor warm.
    for _ in 0..2 {
        let outcome = check(&auth, &secrets, &basic("eve", "fakepassword")).await;
        assert_eq!(outcome, Credentials::Wrong);
    }
    assert_eq!(auth.verified().len(), 1);
}

#[tokio::test]
async fn a_new_hash_ends_the_old_password_at_once() {
    let auth = Authenticator::new();
    let (old, new) = (users(&[("ann", "old", 4)]), users(&[("ann", "new", 4)]));
    assert_eq!(
        check(&auth, &old, &basic("ann", "old")).await,
        Credentials::Right
    );
    assert_eq!(
        check(&auth, &new, &basic("ann", "old")).await,
        Credentials::Wrong
    );
    assert_eq!(
        check(&auth, &new, &basic("ann", "new")).await,
        Credentials::Right
    );
    auth.forget_others(&users(&[("bob", "x", 4)]));
    assert!(auth.verified().is_empty());
}

#[tokio::test]
async fn who_is_known_passes_a_queue_that_is_full() {
    let auth = Arc::new(Authenticator::new());
    let secrets = users(&[("ann", "secret", 8)]);
    assert_eq!(
        check(&auth, &secrets, &basic("ann", "secret")).await,
        Credentials::Right
    );
    let flood: Vec<_> = (0..20)
        .map(|number| {
            let (auth, secrets) = (Arc::clone(&auth), Arc::clone(&secrets));
            let headers = basic("ann", &format!("guess {number}"));
            tokio::spawn(async move { check(&auth, &secrets, &headers).await })
        })
        .collect();
    tokio::task::yield_now().await;
    assert_eq!(
        check(&auth, &secrets, &basic("ann", "secret")).await,
        Credentials::Right
    );
    assert_eq!(
        check(&auth, &secrets, &basic("ann", "late guess")).await,
        Credentials::Busy
    );
    let (mut wrong, mut busy) = (0, 0);
    for one in flood {
        match one.await.expect("no panic") {
            Credentials::Wrong => wrong += 1,
            Credentials::Busy => busy += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((wrong, busy), (5, 15));
}

/// Generous, for loaded machines: a user name that is looked up without a check takes no time at all, which is what this
/// would notice.
#[tokio::test]
async fn an_unknown_user_takes_as_long_as_a_wrong_password() {
    let auth = Authenticator::new();
    let secrets = users(&[("ann", "secret", 8), ("bob", "secret", 8)]);
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..15 {
        for (index, user) in ["ann", "eve"].into_iter().enumerate() {
            let begin = Instant::now();
            check(&auth, &secrets, &basic(user, &round.to_string())).await;
            times[index].push(begin.elapsed());
        }
    }
    let [known, unknown] = times.map(|mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    });
    assert!((0.5..2.0).contains(&(known / unknown)), "{known} {unknown}");
}
