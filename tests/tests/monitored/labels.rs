//! `labels`: bounded ones from the start, capped text, both on each way a call can end.

use monitor_core::testing::{self, Recorder, call};
use monitor_core::{Monitor, MonitorLabel, StorageConfig, monitored};

use crate::drive::{pause, poll, ready};

#[derive(Clone, Copy, MonitorLabel)]
enum Tier {
    Free,
    Paid,
    Gold,
}

struct Request {
    tier: Tier,
    tenant: String,
    flag: bool,
}

fn request(tier: Tier, tenant: &str) -> Request {
    Request {
        tier,
        tenant: tenant.to_owned(),
        flag: true,
    }
}

#[monitored(labels(tier = req.tier, paid = req.flag))]
fn bounded_twice(req: &Request) {
    let _ = &req.tenant;
}

#[monitored(labels(tier = tier, capped(tenant = tenant, max = 3), flag = flag, capped(other = "constant", max = 1)))]
fn mixed(tier: Tier, tenant: &str, flag: bool) {}

/// The label sets of a method that exist at zero, in a monitor that registers all.
fn at_zero(method: &str) -> Vec<Vec<(String, String)>> {
    let mut config = StorageConfig::default();
    config.preregister = true;
    let snapshot = Monitor::new(config).snapshot();
    let found = snapshot.methods.iter().filter(|one| &*one.name == method);
    found
        .map(|one| {
            assert_eq!((one.started, one.in_flight), (0, 0));
            one.labels
                .iter()
                .map(|label| (label.name.to_string(), label.value.to_string()))
                .collect()
        })
        .collect()
}

#[test]
fn bounded_labels_are_at_zero_from_the_start() {
    bounded_twice(&request(Tier::Free, ""));
    let sets = at_zero("bounded_twice");
    assert_eq!(sets.len(), 6, "{sets:?}");
    for tier in ["free", "paid", "gold"] {
        for paid in ["false", "true"] {
            let set = vec![
                ("paid".to_owned(), paid.to_owned()),
                ("tier".to_owned(), tier.to_owned()),
            ];
            assert!(sets.contains(&set), "{set:?} of {sets:?}");
        }
    }
}

#[monitored(labels(a = t, b = t, c = t))]
fn twenty_seven(t: Tier) {
    let _ = t;
}

#[monitored(labels(a = t, b = t, c = t, d = true, e = false))]
fn a_hundred_and_eight(t: Tier) {
    let _ = t;
}

#[monitored(labels(a = one, b = one, c = one, d = one, e = one, f = one))]
fn sixty_four(one: bool) {
    let _ = one;
}

#[test]
fn at_zero_up_to_sixty_four_values_and_else_from_the_first_call() {
    assert_eq!(at_zero("twenty_seven").len(), 27);
    assert_eq!(at_zero("sixty_four").len(), 64);
    let late = at_zero("a_hundred_and_eight");
    assert!(
        late.iter().all(Vec::is_empty) && late.len() <= 1,
        "{late:?}"
    );
    let ((), recorded) = testing::record(|| {
        twenty_seven(Tier::Gold);
        a_hundred_and_eight(Tier::Paid);
        sixty_four(true);
    });
    let three = |name, value| {
        call(name)
            .label("a", value)
            .label("b", value)
            .label("c", value)
    };
    recorded.assert_exactly([
        three("twenty_seven", "gold").success(),
        three("a_hundred_and_eight", "paid")
            .label("d", "true")
            .label("e", "false")
            .success(),
        three("sixty_four", "true")
            .label("d", "true")
            .label("e", "true")
            .label("f", "true")
            .success(),
    ]);
}

#[test]
fn two_kinds_of_labels_stand_beside_each_other() {
    let ((), recorded) = testing::record(|| {
        mixed(Tier::Free, "acme", true);
        mixed(Tier::Gold, "acme", false);
        mixed(Tier::Gold, "", false);
    });
    let with = |tier, tenant, flag| {
        call("mixed")
            .label("tier", tier)
            .label("tenant", tenant)
            .label("flag", flag)
            .label("other", "constant")
    };
    recorded.assert_exactly([
        with("free", "acme", "true").success(),
        with("gold", "acme", "false").success(),
        with("gold", "", "false").success(),
    ]);
}

#[monitored(labels(capped(key = key, max = 2)))]
fn capped_at_two(key: &str) {}

#[test]
fn a_capped_label_has_n_values_and_overflow() {
    let probe = Recorder::new();
    probe.scope_sync(|| {
        ["b", "a", "c", "a", "d", "b", "c"]
            .into_iter()
            .for_each(capped_at_two);
    });
    let recorded = probe.recorded();
    recorded.assert_includes([
        call("capped_at_two").label("key", "a").success().times(2),
        call("capped_at_two").label("key", "b").success().times(2),
        call("capped_at_two")
            .label("key", "overflow")
            .success()
            .times(3),
        call("capped_at_two").label("key", "c").success().times(0),
    ]);
    assert_eq!(recorded.calls("capped_at_two"), 7);
    let sets = probe
        .snapshot()
        .methods
        .iter()
        .filter(|one| one.started > 0)
        .count();
    assert_eq!(sets, 3, "N and overflow");
}

#[monitored(labels(capped(key = key, max = 1)))]
fn capped_at_one(key: &str) {}

#[test]
fn each_monitor_has_its_own_first_values() {
    for key in ["first test", "second test"] {
        let ((), recorded) = testing::record(|| capped_at_one(key));
        recorded.assert_exactly([call("capped_at_one").label("key", key).success()]);
    }
}

#[monitored(labels(capped(key = key, max = 2)))]
fn left_out(key: &str) {}

#[test]
fn what_a_capped_label_left_out_is_counted_once_a_call() {
    let ((), recorded) =
        testing::record(|| (0..5).map(|n| n.to_string()).for_each(|key| left_out(&key)));
    recorded.assert_exactly([
        call("left_out").label("key", "0").success(),
        call("left_out").label("key", "1").success(),
        call("left_out").label("key", "overflow").success().times(3),
        testing::overflowed_updates(3),
    ]);
}

#[monitored(labels(capped(key = key, max = 10_000), capped(number = number.to_string(), max = 2)), call = handle, request_size = 5)]
async fn every_end(key: String, number: u32, end: u8) -> Result<u8, String> {
    handle.observe("tokens", f64::from(number));
    if end == 1 {
        return Err(key);
    }
    pause().await;
    assert!(end != 2, "as told");
    Ok(1)
}

#[test]
fn errors_panics_cancelled_calls_and_observed_values_have_the_labels() {
    let probe = Recorder::new();
    probe.scope_sync(|| {
        let _ = (
            ready(every_end("a".to_owned(), 1, 0)),
            ready(every_end("a".to_owned(), 1, 1)),
        );
        let mut dropped = Box::pin(every_end("b".to_owned(), 2, 0));
        assert!(poll(dropped.as_mut()).is_pending());
        probe.recorded().assert_includes([call("every_end")
            .label("key", "b")
            .label("number", "2")
            .in_flight()]);
    });
    assert!(
        probe
            .catch(|| ready(every_end("a".to_owned(), 2, 2)))
            .is_err()
    );
    let with = |key, number| call("every_end").label("key", key).label("number", number);
    probe.recorded().assert_exactly([
        with("a", "1").success(),
        with("a", "1").failure("other"),
        with("b", "2").cancelled(),
        with("a", "2").panicked(),
        with("a", "1").observed("tokens", [1, 1]),
        with("b", "2").observed("tokens", [2]),
        with("a", "2").observed("tokens", [2]),
        with("a", "1").request_size(5).times(2),
        with("b", "2").request_size(5),
        with("a", "2").request_size(5),
    ]);
}

#[monitored(labels(tier = req.tier, capped(tenant = req.tenant, max = 100)))]
async fn moves_its_argument(req: Request) -> String {
    pause().await;
    let Request { tenant, .. } = req;
    tenant
}

#[monitored(labels(capped(tenant = text.as_deref().unwrap_or("none"), max = 4), given = text.is_some()))]
fn of_an_option(text: Option<String>) -> Option<String> {
    text
}

#[test]
fn an_argument_is_looked_at_and_still_the_bodys() {
    let (_, recorded) = testing::record(|| {
        assert_eq!(
            ready(moves_its_argument(request(Tier::Paid, "acme"))),
            "acme"
        );
        assert_eq!(of_an_option(Some("x".to_owned())), Some("x".to_owned()));
        assert_eq!(of_an_option(None), None);
    });
    recorded.assert_exactly([
        call("moves_its_argument")
            .label("tier", "paid")
            .label("tenant", "acme")
            .success(),
        call("of_an_option")
            .label("tenant", "x")
            .label("given", "true")
            .success(),
        call("of_an_option")
            .label("tenant", "none")
            .label("given", "false")
            .success(),
    ]);
}

#[monitored(labels(tier = tier, capped(name = name, max = 9)))]
fn of_patterns(
    (tier, _): (Tier, u8),
    Request { tenant: name, .. }: &Request,
    [_, r#type]: [u8; 2],
) -> u8 {
    let _ = tier;
    r#type + u8::try_from(name.len()).unwrap_or(0)
}

#[monitored(labels(odd = r#type % 2 == 1, text = *flag, capped(letter = letter.to_string(), max = 9)))]
fn of_expressions(r#type: u8, flag: &bool, letter: char) {}

#[test]
fn patterns_and_expressions_are_seen() {
    let ((), recorded) = testing::record(|| {
        assert_eq!(
            of_patterns((Tier::Gold, 1), &request(Tier::Free, "ab"), [1, 2]),
            4
        );
        of_expressions(3, &false, 'x');
    });
    recorded.assert_exactly([
        call("of_patterns")
            .label("tier", "gold")
            .label("name", "ab")
            .success(),
        call("of_expressions")
            .label("odd", "true")
            .label("text", "false")
            .label("letter", "x")
            .success(),
    ]);
}
