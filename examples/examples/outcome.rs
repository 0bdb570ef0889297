//! Which calls count as failures, and of which type: `ok_if`, `error_if`, `error_type`, `expected`, `#[derive(MonitorError)]`.
//!
//! An error type is one of those the configuration lists; anything else is `other`.
//!
//! Prints:
//!
//! ```text
//! 1 x Charge failure card
//! 1 x Charge failure not_found
//! 1 x Charge failure store
//! 1 x Charge failure timed out
//! 1 x FindUser success
//! 1 x FindUser failure not_found
//! 1 x Forward success
//! 1 x Forward failure upstream
//! 1 x Ping failure timed out
//! 1 x Spell success
//! 1 x Spell failure other
//! health: healthy after FindUser, unhealthy after Charge
//! ```

use monitor_core::testing::Recorder;
use monitor_core::{ErrorRules, MonitorError, StatusRule, StorageConfig, monitored};

/// A value that is no `Result` is a success, unless `ok_if` (or `error_if`) decides otherwise.
#[monitored(method = "Forward", ok_if = |status| *status < 500, error_type = "upstream")]
fn forward(path: &str) -> u16 {
    if path == "/down" { 503 } else { 404 }
}

#[monitored(method = "Spell", error_if = Option::is_none)]
fn spell(word: &str) -> Option<&str> {
    (word == "whale").then_some(word)
}

/// The error names its type, which has priority over the words of the configuration.
#[derive(Debug, thiserror::Error, MonitorError)]
enum PayError {
    #[monitor(error_type = "card")]
    #[error("the card was declined")]
    Declined,
    /// Has the type of the inner error.
    #[monitor(transparent)]
    #[error("the store failed")]
    Store(#[source] StoreError),
    /// No attribute: the configuration's words decide by the text.
    #[error("the network failed")]
    Network(#[source] std::io::Error),
}

/// Each variant but one is of the same type.
#[derive(Debug, thiserror::Error, MonitorError)]
#[monitor(fallback = "store")]
enum StoreError {
    #[monitor(error_type = "not_found")]
    #[error("it is not there")]
    Missing,
    #[error("it is broken")]
    Broken,
}

#[monitored(method = "Charge")]
fn charge(card: u32) -> Result<(), PayError> {
    match card {
        0 => Err(PayError::Declined),
        1 => Err(PayError::Network(std::io::ErrorKind::TimedOut.into())),
        2 => Err(PayError::Store(StoreError::Missing)),
        _ => Err(PayError::Store(StoreError::Broken)),
    }
}

/// A missing user is a failure in the counts, but does not make the service unhealthy.
#[monitored(method = "FindUser", expected("not_found"))]
fn find_user(id: u32) -> Result<&'static str, StoreError> {
    if id == 7 {
        Ok("Ishmael")
    } else {
        Err(StoreError::Missing)
    }
}

fn type_of(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => "timed out",
        _ => "other",
    }
}

/// For an error of another crate: a function that maps its types.
#[monitored(method = "Ping", error_type = type_of)]
fn ping() -> std::io::Result<()> {
    Err(std::io::ErrorKind::WouldBlock.into())
}

/// One failure is enough to be ill.
fn config() -> StorageConfig {
    let rule = |status: &str, words: &[&str]| StatusRule {
        status: status.to_owned(),
        service_errors: words.iter().map(|word| (*word).to_owned()).collect(),
        unhealthy: 1,
    };
    let mut config = StorageConfig::default();
    config.errors = ErrorRules::try_new([
        rule("CONNECTION_ERROR", &["timed out", "upstream"]),
        rule("OTHER_EXCEPTION", &["card", "not_found", "store", "other"]),
    ])
    .expect("good rules");
    config
}

fn main() {
    let recorder = Recorder::builder().config(config()).build();
    let health = || {
        if recorder.health().healthy {
            "healthy"
        } else {
            "unhealthy"
        }
    };
    recorder.scope_sync(|| {
        let _found = (find_user(7), find_user(8));
        let after_find = health();
        let _charged = [charge(0), charge(1), charge(2), charge(3)];
        let after_charge = health();
        let _others = (
            forward("/"),
            forward("/down"),
            spell("whale"),
            spell("wahle"),
            ping(),
        );
        print!("{}", recorder.recorded());
        println!("health: {after_find} after FindUser, {after_charge} after Charge");
    });
}
