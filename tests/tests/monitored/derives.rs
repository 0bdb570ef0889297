//! `#[derive(MonitorError)]`, `#[derive(MonitorLabel)]`.

#![allow(dead_code, reason = "no code reads the fields, the derives included")]

use monitor_core::testing::{self, Recorder, call};
use monitor_core::{MonitorError, MonitorLabel, monitored};

#[derive(MonitorError)]
#[monitor(fallback = "DISK")]
enum Disk {
    Full,
    #[monitor(error_type = "TIMEOUT")]
    Slow(u8),
}

#[derive(MonitorError)]
enum Load {
    #[monitor(error_type = "NOT_FOUND")]
    NotFound {
        key: String,
    },
    #[monitor(transparent)]
    Disk(Disk),
    #[monitor(transparent)]
    Boxed {
        inner: Box<Named>,
    },
    Unknown,
}

#[derive(MonitorError)]
#[monitor(error_type = "NAMED")]
struct Named;

#[derive(MonitorError)]
#[monitor(transparent)]
struct Wrapper<E: MonitorError>(E);

#[derive(MonitorError)]
enum Generic<'a, T, const N: usize>
where
    T: Clone,
{
    #[monitor(error_type = "NOT_FOUND")]
    Missing(&'a [T; N]),
    #[expect(dead_code, reason = "the derive must not read it")]
    Other(T),
}

#[monitored]
fn load(error: Load) -> Result<(), Load> {
    Err(error)
}

#[monitored]
async fn wrapped<E: MonitorError>(error: E) -> Result<(), Wrapper<E>> {
    crate::drive::pause().await;
    Err(Wrapper(error))
}

#[monitored]
fn concrete(error: Disk) -> Result<(), Wrapper<Disk>> {
    Err(Wrapper(error))
}

#[monitored]
fn generic(items: &[String; 2]) -> Result<(), Generic<'_, String, 2>> {
    Err(Generic::Missing(items))
}

#[test]
fn each_variant_has_its_type() {
    let probe = Recorder::builder()
        .errors("ERROR", ["NOT_FOUND", "DISK", "TIMEOUT", "NAMED"])
        .build();
    let key = "k".to_owned();
    probe.scope_sync(|| {
        let _ = (
            load(Load::NotFound { key }),
            load(Load::Disk(Disk::Full)),
            load(Load::Disk(Disk::Slow(1))),
        );
        let _ = (
            load(Load::Boxed {
                inner: Box::new(Named),
            }),
            load(Load::Unknown),
        );
        let _ = (crate::drive::ready(wrapped(Named)), concrete(Disk::Full));
        let _ = generic(&[String::new(), String::new()]);
    });
    probe.recorded().assert_exactly([
        call("load").failure("NOT_FOUND"),
        call("load").failure("DISK"),
        call("load").failure("TIMEOUT"),
        call("load").failure("NAMED"),
        call("load").failure("other"),
        call("wrapped").failure("NAMED"),
        call("concrete").failure("DISK"),
        call("generic").failure("NOT_FOUND"),
    ]);
}

/// A variant without an attribute gets its type from the words of the rules.
#[derive(MonitorError, Debug)]
enum Silent {
    Throttled,
}

impl std::fmt::Display for Silent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("we are throttled")
    }
}

impl std::error::Error for Silent {}

#[monitored(method = "silent")]
fn silent() -> Result<(), Silent> {
    Err(Silent::Throttled)
}

#[monitored(method = "silent in a box")]
fn silent_boxed() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    silent()?;
    Ok(())
}

#[monitored(error_type = "SAID", method = "said")]
fn said() -> Result<(), Named> {
    Err(Named)
}

#[test]
fn the_rules_decide_where_the_error_says_nothing_and_the_attribute_goes_first() {
    let probe = Recorder::builder()
        .errors("ERROR", ["throttled", "NAMED", "SAID"])
        .build();
    probe.scope_sync(silent_boxed).expect_err("an error");
    let _ = probe.scope_sync(said);
    probe.recorded().assert_exactly([
        call("silent").failure("throttled"),
        call("silent in a box").failure("throttled"),
        call("said").failure("SAID"),
    ]);
}

#[derive(Clone, Copy, MonitorLabel)]
enum Tier {
    Free,
    PaidMonthly,
    #[monitor(name = "gold, \"24\"")]
    Gold,
    HTTPServer2,
    r#Type,
}

#[monitored(labels(tier = tier))]
fn tiers(tier: Tier) {
    let _ = tier;
}

#[test]
fn a_label_has_the_variants_names() {
    let all = [
        Tier::Free,
        Tier::PaidMonthly,
        Tier::Gold,
        Tier::HTTPServer2,
        Tier::Type,
    ];
    assert_eq!(Tier::VALUES[..3], ["free", "paid_monthly", "gold, \"24\""]);
    assert_eq!(Tier::VALUES[4], "type");
    let ((), recorded) = testing::record(|| all.into_iter().for_each(tiers));
    recorded.assert_exactly(
        Tier::VALUES
            .iter()
            .map(|value| call("tiers").label("tier", value).success()),
    );
    for (index, tier) in all.into_iter().enumerate() {
        assert_eq!(tier.index(), index);
    }
}
