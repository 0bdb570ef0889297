//! The page of one method.

use super::*;

#[test]
fn the_numbers_of_a_method_that_fails_have_levels() {
    let watch = busy();
    let look = whole(&watch);
    let method = method_of(&look, 4, Range::Minutes15);
    assert_eq!(
        (&method["state"], &method["row"][3]),
        (&"failing".into(), &"f".into())
    );
    assert_eq!(method["level"]["failed"], "bad");
    assert_eq!(method["level"].get("rate"), None);
    assert_eq!(method["row"][14], method["level"]);
    assert!(method["since"].as_f64().expect("a time") >= CREATED + 2300.0);
    let other = method_of(&look, 3, Range::Minutes15);
    assert_eq!(
        (&other["state"], &other["level"]),
        (&"ok".into(), &serde_json::json!({}))
    );
    assert_eq!(other["row"][14], 0);
    let overview = series::overview_of(&look, Range::Minutes15, &series::Beside::of(&api()));
    assert_eq!(overview["level"]["failed"], "bad");
    assert_eq!(overview["numbers"]["rate"], 7.5);
    assert!(
        overview["usual"]["in_flight"][1]
            .as_f64()
            .expect("a number")
            > 0.0
    );
}

#[monitor_core::monitored]
fn find_site() -> Result<(), std::fmt::Error> {
    Ok(())
}

#[test]
fn a_method_has_its_sites_and_its_queries() {
    let (clock, hand) = Clock::manual(CREATED);
    let api = api_of(Monitor::with_clock(StorageConfig::default(), clock));
    drop(api.monitor.verdict());
    let by_hand = api.monitor.method("ByHand").expect("a name");
    api.monitor.scope_sync(|| {
        for _ in 0..3 {
            find_site().expect("no error");
            drop(by_hand.start());
        }
    });
    hand.advance(Duration::from_secs(4));
    drop(api.monitor.verdict());
    let answer = |name: &str| method::answer(&api, name, "").expect("an answer");
    assert_eq!(answer("ByHand")["sites"], serde_json::json!([]));
    let own = answer("find_site");
    let site = &own["sites"][0];
    let file = site["file"].as_str().expect("a place");
    assert!(file.contains("of_method.rs:"), "{file}");
    assert_eq!(
        (&site["kind"], &site["calls"]),
        (&"function".into(), &3.into())
    );
    assert_eq!(own["sites"].as_array().map(Vec::len), Some(1));
    let query = |nth: usize| own["promql"][nth]["query"].as_str().expect("a query");
    assert!(query(0).contains(r#"method="find_site""#), "{}", query(0));
    assert!(
        query(1).starts_with("histogram_quantile(0.99,"),
        "{}",
        query(1)
    );
}

/// By caller all that failed are counted: how many of them count is there where the sums tell it, or nearly.
#[test]
fn a_cancelled_call_is_no_failure_of_its_caller() {
    let failed = |counting: u64, cancelled: u64| {
        let mut watch = watch(3);
        let of_kind = |kind, count| FailureSlot {
            error_type: 0,
            kind,
            cells: Cells(vec![(8, count)]),
        };
        let slot = MethodSlot {
            method: 2,
            begun: 30,
            entries: 10,
            ok: Cells(vec![(-40, 30 - counting - cancelled)]),
            failures: vec![
                of_kind(FailureKind::Counts, counting),
                of_kind(FailureKind::Cancelled, cancelled),
            ],
            callers: [(0, 6), (1, 0)]
                .map(|(caller, failed)| CallerSlot {
                    caller,
                    begun: 10,
                    failed,
                })
                .into(),
            ..MethodSlot::default()
        };
        feed(&mut watch, 0, vec![slot]);
        let answer = method_of(&whole(&watch), 2, Range::Minutes15);
        let edges = answer["callers"].as_array().expect("a list").iter();
        // The most frequent first; here in the order of callers, then the entry calls.
        edges
            .map(|edge| edge["failed"].as_f64())
            .collect::<Vec<_>>()
    };
    assert_eq!(failed(6, 0), [Some(0.6), Some(0.0), Some(0.0)]);
    assert_eq!(failed(0, 6), [Some(0.0), Some(0.0), Some(0.0)]);
    assert_eq!(failed(3, 3), [Some(0.3), Some(0.0), Some(0.0)]);
    // One of the entry calls failed too, and the cancelled one may be of either.
    assert_eq!(failed(6, 1), [Some(0.5), Some(0.0), Some(0.1)]);
    assert_eq!(failed(6, 4), [None, Some(0.0), None]);
}
