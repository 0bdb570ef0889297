//! Credentials against secrets: right, wrong, remembered, forgotten.

use std::net::Ipv4Addr;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use http::HeaderValue;

use super::*;

fn authenticator() -> Authenticator {
    Authenticator::new(Pool::default())
}

fn hash(password: &str, cost: u32) -> StoredHash {
    let salt = [7; 16];
    let parts = bcrypt::hash_with_salt(password, cost, salt).expect("a hash");
    StoredHash::new(&parts.format_for_version(bcrypt::Version::TwoY)).expect("a hash")
}

fn users(of: &[(&str, &str, u32)]) -> Arc<Secrets> {
    let user =
        |(name, password, cost): &(&str, &str, u32)| ((*name).to_owned(), hash(password, *cost));
    let tokens = vec![Fingerprint::of(b"a-token-of-16-characters")];
    let users = of.iter().map(user).collect();
    Arc::new(Secrets { users, tokens })
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

async fn check(auth: &Authenticator, secrets: &Arc<Secrets>, headers: &HeaderMap) -> AuthOutcome {
    let metrics = AccessMetrics::default();
    auth.check(secrets, headers, None, &metrics).await
}

#[tokio::test]
async fn the_right_ones_are_let_in_and_nobody_else() {
    let auth = authenticator();
    let secrets = users(&[("ann", "secret", 4), ("bob", "other", 4)]);
    for (headers, expected) in [
        (HeaderMap::new(), AuthOutcome::Missing),
        (basic("ann", "secret"), AuthOutcome::Right),
        (basic("bob", "other"), AuthOutcome::Right),
        (basic("ann", "other"), AuthOutcome::Wrong),
        (basic("bob", "secret"), AuthOutcome::Wrong),
        (basic("eve", "secret"), AuthOutcome::Wrong),
        (basic("", ""), AuthOutcome::Wrong),
        (basic("ann", ""), AuthOutcome::Wrong),
        (basic("Ann", "secret"), AuthOutcome::Wrong),
        (with("Bearer a-token-of-16-characters"), AuthOutcome::Right),
        (with("Bearer a-token-of-16-character"), AuthOutcome::Wrong),
        (with("Bearer secret"), AuthOutcome::Wrong),
        (with("Basic a-token-of-16-characters"), AuthOutcome::Wrong),
        (with("Digest x"), AuthOutcome::Wrong),
    ] {
        // Twice: a remembered outcome is the same.
        for _ in 0..2 {
            assert_eq!(
                check(&auth, &secrets, &headers).await,
                expected,
                "{headers:?}"
            );
        }
    }
}

/// CVE-2022-46146: a remembered user, hash and password must not let in another with the same letters.
#[tokio::test]
async fn what_is_remembered_is_no_one_else_s() {
    let auth = authenticator();
    let secrets = users(&[("ann", "secret", 4), ("an", "x", 4)]);
    assert!(check(&auth, &secrets, &basic("ann", "secret")).await == AuthOutcome::Right);
    for (user, password) in [("an", "nsecret"), ("annsecret", ""), ("", "annsecret")] {
        let outcome = check(&auth, &secrets, &basic(user, password)).await;
        assert_eq!(outcome, AuthOutcome::Wrong, "{user} {password}");
    }
    // The decoy's hash is no door either, neither cold nor warm.
    for _ in 0..2 {
        let outcome = check(&auth, &secrets, &basic("eve", "fakepassword")).await;
        assert_eq!(outcome, AuthOutcome::Wrong);
    }
    assert_eq!(auth.verified().len(), 1);
    auth.forget_others(&users(&[("bob", "x", 4)]));
    assert!(auth.verified().is_empty());
}

#[tokio::test]
async fn who_is_known_passes_a_queue_that_is_full() {
    let auth = Arc::new(authenticator());
    let secrets = users(&[("ann", "secret", 8)]);
    assert!(check(&auth, &secrets, &basic("ann", "secret")).await == AuthOutcome::Right);
    let flood: Vec<_> = (0..20)
        .map(|number| {
            let (auth, secrets) = (Arc::clone(&auth), Arc::clone(&secrets));
            let headers = basic("ann", &format!("guess {number}"));
            tokio::spawn(async move { check(&auth, &secrets, &headers).await })
        })
        .collect();
    tokio::task::yield_now().await;
    assert!(check(&auth, &secrets, &basic("ann", "secret")).await == AuthOutcome::Right);
    assert!(check(&auth, &secrets, &basic("ann", "late guess")).await == AuthOutcome::Busy);
    let (mut wrong, mut busy) = (0, 0);
    for one in flood {
        match one.await.expect("no panic") {
            AuthOutcome::Wrong => wrong += 1,
            AuthOutcome::Busy => busy += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((wrong, busy), (5, 15));
}

/// Generous, for loaded machines: a user name that is looked up without a check takes no time at all.
#[tokio::test]
async fn an_unknown_user_takes_as_long_as_a_wrong_password() {
    let auth = authenticator();
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

fn read(values: &[&str]) -> Credential {
    let mut headers = HeaderMap::new();
    for value in values {
        let value = HeaderValue::from_str(value).expect("a header value");
        headers.append(AUTHORIZATION, value);
    }
    Credential::of(&headers)
}

#[test]
fn passwords_and_tokens_are_read() {
    let pair = |user: &str, password: &str| Credential::Password {
        user: user.to_owned(),
        password: password.as_bytes().to_vec(),
    };
    assert!(read(&[]) == Credential::Nothing);
    assert!(Credential::of(&basic("ann", "a:b")) == pair("ann", "a:b"));
    assert!(Credential::of(&basic("", "")) == pair("", ""));
    assert!(Credential::of(&basic("\u{e4}", "\u{f6}")) == pair("\u{e4}", "\u{f6}"));
    assert!(read(&["BASIC YTpi"]) == pair("a", "b"));
    assert!(read(&["bearer  t.o-k=  "]) == Credential::Token(b"t.o-k=".to_vec()));
}

#[test]
fn what_cannot_be_right_is_unusable() {
    for values in [
        &["Basic"][..],
        &["Basic ?"],
        &["Basic YQ=="],
        &["Bearer "],
        &["Digest x"],
        &["YTpi"],
        &["Basic YTpi", "Basic YTpi"],
    ] {
        assert!(read(values) == Credential::Unusable, "{values:?}");
    }
    assert!(Credential::of(&basic("ann", &"a".repeat(72))) != Credential::Unusable);
    assert!(Credential::of(&basic("ann", &"a".repeat(73))) == Credential::Unusable);
    assert!(Credential::of(&basic("ann", "a\0b")) == Credential::Unusable);
}

#[test]
fn parts_do_not_run_into_each_other() {
    let auth = authenticator();
    let digest = |parts: &[&str]| {
        let parts: Vec<_> = parts.iter().map(|part| part.as_bytes()).collect();
        auth.digest(&parts).expect("random numbers")
    };
    assert!(digest(&["a", "b"]).is(&digest(&["a", "b"])));
    for other in [&["ab", ""][..], &["", "ab"], &["ab"], &["a", "b", ""]] {
        assert!(!digest(&["a", "b"]).is(&digest(other)), "{other:?}");
    }
    let another = authenticator().digest(&[b"a"]).expect("random numbers");
    assert!(!another.is(&digest(&["a"])));
}

/// Of `secret`, cost 4.
const SECRET: &str = "$2y$04$R9nv1VQCnpIlsrAGjM4M7eYqUPmAwM/5lKnBtqoLLtEyDbRYVFjIe";

#[test]
fn hashes_of_all_spellings_are_taken_and_costs_bounded() {
    let text = hash("secret", 4).0;
    for spelling in ["$2a$", "$2b$", "$2y$"] {
        let spelled = text.replacen("$2y$", spelling, 1);
        let spelled = StoredHash::new(&spelled).expect("a hash");
        assert!(spelled.is_of(b"secret") && !spelled.is_of(b"Secret"));
    }
    for (wrong, expected) in [
        (text.replacen("$04$", "$15$", 1), HASH_OF_COST),
        (text.replacen("$04$", "$03$", 1), HASH_OF_COST),
        ("secret".to_owned(), HASH),
        (String::new(), HASH),
        (text[..59].to_owned(), HASH),
    ] {
        assert_eq!(StoredHash::new(&wrong).expect_err(&wrong), expected);
    }
    assert!(StoredHash::new(SECRET).is_ok());
}

#[test]
fn a_decoy_costs_the_same_and_is_no_password_s() {
    let stored = hash("secret", 5);
    let decoy = StoredHash::new(&stored.decoy().0).expect("a hash");
    assert_eq!(decoy.cost(), "05");
    for password in ["secret", "", ".", "fakepassword"] {
        assert!(!decoy.is_of(password.as_bytes()), "{password}");
    }
}

#[test]
fn nothing_of_a_secret_is_in_debug() {
    assert_eq!(format!("{:?}", Fingerprint::of(b"token")), "<secret>");
    assert!(format!("{:?}", authenticator()).contains("key: Some(<secret>)"));
    let secrets = Secrets {
        users: [("ann".to_owned(), hash("secret", 4))].into(),
        tokens: vec![Fingerprint::of(b"0123456789abcdef")],
    };
    let text = format!("{secrets:?}");
    assert!(text.contains("ann") && !text.contains("$2"), "{text}");
    assert!(secrets.has_token(b"0123456789abcdef"));
    assert!(!secrets.has_token(b"0123456789abcdeF"));
}

fn source(last: u8) -> Source {
    Source::Ip(Ipv4Addr::new(10, 0, 0, last).into())
}

type Waiting = Pin<Box<dyn Future<Output = Option<OwnedMutexGuard<()>>>>>;

/// Begins to wait.
async fn enters(queue: &Arc<PasswordQueue>, from: u8) -> Waiting {
    let queue = Arc::clone(queue);
    let mut waiting: Waiting = Box::pin(async move { queue.turn(source(from)).await });
    assert!(now(&mut waiting).await.is_none(), "{from} waits");
    waiting
}

/// The outcome, if there is one already.
async fn now(waiting: &mut Waiting) -> Option<Option<OwnedMutexGuard<()>>> {
    std::future::poll_fn(|cx| match waiting.as_mut().poll(cx) {
        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// A queue in which one source runs a check, and has all places.
async fn full() -> (Arc<PasswordQueue>, OwnedMutexGuard<()>, Vec<Waiting>) {
    let queue = Arc::new(PasswordQueue::default());
    let running = queue.turn(source(1)).await.expect("none runs");
    let mut waiting = Vec::new();
    for _ in 0..PLACES {
        waiting.push(enters(&queue, 1).await);
    }
    (queue, running, waiting)
}

#[tokio::test]
async fn who_holds_most_places_makes_room_for_who_holds_fewer() {
    let (queue, _running, mut flood) = full().await;
    let mut first = enters(&queue, 2).await;
    assert!(now(&mut flood[3]).await.expect("sent away").is_none());
    // Two each would be no better than three and one.
    let mut second = enters(&queue, 3).await;
    assert!(now(&mut flood[2]).await.expect("sent away").is_none());
    assert!(queue.turn(source(2)).await.is_none());
    assert!(queue.turn(source(1)).await.is_none());
    assert!(now(&mut first).await.is_none() && now(&mut second).await.is_none());
}

#[tokio::test]
async fn who_leaves_gives_its_place_and_its_turn_away() {
    let (queue, running, mut waiting) = full().await;
    drop(waiting.remove(1));
    let mut late = enters(&queue, 1).await;
    drop(running);
    // The turn was handed to the first, which leaves before it is polled.
    drop(waiting.remove(0));
    drop(now(&mut waiting[0]).await.expect("its turn"));
    drop(now(&mut waiting[1]).await.expect("its turn"));
    drop(now(&mut late).await.expect("its turn"));
    assert!(queue.turn(source(1)).await.is_some());
}
