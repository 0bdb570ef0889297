//! Series, their deltas, and the columns of heat maps.

use monitor_core::{ErrorText, HealthStatus, NamedView, TaskStatus};

use super::*;
use crate::health::PartDetails;

/// Puts the values of a delta where their times say, as `docs/api.md` has it.
fn continue_series(first: &mut Value, delta: &Value, missing: &Value) {
    let step = delta["step"].as_f64().expect("a step");
    let ago = delta["t0"].as_f64().expect("a time") - first["t0"].as_f64().expect("a time");
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place"
    )]
    let at = (ago / step).round() as usize;
    let new = delta["series"].as_object().expect("series");
    let end = at
        + new
            .values()
            .filter_map(Value::as_array)
            .map(Vec::len)
            .max()
            .unwrap_or(0);
    let own = first["series"].as_object_mut().expect("series");
    for name in new.keys() {
        own.entry(name).or_insert_with(|| Value::Array(Vec::new()));
    }
    for (name, own) in own {
        let own = own.as_array_mut().expect("a series");
        own.resize(at, missing.clone());
        own.extend(
            new.get(name)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .cloned(),
        );
        own.resize(end, missing.clone());
    }
}

/// The end of a series that a client has continued is the whole one.
fn assert_ends_with(continued: &Value, full: &Value, context: &str) {
    let series = full["series"].as_object().expect("series");
    for (name, whole) in series {
        let whole = whole.as_array().expect("a series");
        let own = continued["series"][name].as_array().expect("a series");
        assert!(own.len() >= whole.len(), "{context} {name}");
        assert_eq!(
            &own[own.len() - whole.len()..],
            &whole[..],
            "{context} {name}"
        );
    }
}

#[test]
fn a_series_and_its_deltas_are_the_whole_series() {
    let api = api();
    let beside = series::Beside::of(&api);
    for range in [Range::Minutes15, Range::Hours3, Range::Hours24] {
        let mut watch = watch(2);
        let mut own: Option<Value> = None;
        let mut seen = 0;
        for tick in 0..1500 {
            // Slots are missing, as after a stop of the process.
            if (700..733).contains(&tick) {
                continue;
            }
            feed(&mut watch, tick, vec![calls(0, 3 + tick % 5, tick % 2)]);
            if tick % 7 != 0 && tick % 61 != 0 {
                continue;
            }
            let full = series::overview_of(&whole(&watch), range, &beside);
            match &mut own {
                None => own = Some(full),
                Some(own) => {
                    let delta = series::overview_of(&since(&watch, seen), range, &beside);
                    assert_eq!(delta["full"], false, "{range:?} {tick}");
                    continue_series(own, &delta, &Value::Null);
                    assert_ends_with(own, &full, &format!("{range:?} {tick}"));
                }
            }
            seen = tick;
        }
    }
}

#[test]
fn a_delta_of_what_is_not_kept_any_more_is_whole() {
    let api = api();
    let beside = series::Beside::of(&api);
    let watch = busy();
    let full = |tick: u64| {
        series::overview_of(&since(&watch, tick), Range::Minutes15, &beside)["full"].clone()
    };
    assert_eq!(full(100), true);
    assert_eq!(full(1190), false);
}

#[test]
fn the_columns_of_a_heat_map_go_on() {
    let mut watch = watch(2);
    let mut own = None;
    let mut seen = 0;
    for tick in 0..1000 {
        feed(&mut watch, tick, vec![calls(1, 3 + tick % 5, tick % 2)]);
        if tick % 7 != 0 {
            continue;
        }
        for range in [Range::Minutes15] {
            let full = method_of(&whole(&watch), 1, range);
            let delta = method_of(&since(&watch, seen), 1, range);
            let own = own.get_or_insert_with(|| full.clone());
            if tick > 0 {
                assert_eq!(delta["full"], false, "{tick}");
                for part in ["ok", "failed", "expected"] {
                    let columns = json::collected([("s".to_owned(), delta["heat"][part].clone())]);
                    let mut wide = serde_json::json!({
                        "t0": own["heat"]["t0"], "series": { "s": own["heat"][part] },
                    });
                    let delta = serde_json::json!({
                        "t0": delta["heat"]["t0"], "step": delta["heat"]["step"], "series": columns,
                    });
                    continue_series(&mut wide, &delta, &Value::Array(Vec::new()));
                    let whole = serde_json::json!({ "series": { "s": full["heat"][part] } });
                    // The oldest column of the whole one may have lost slots.
                    let mut cut = whole;
                    cut["series"]["s"]
                        .as_array_mut()
                        .expect("columns")
                        .remove(0);
                    assert_ends_with(&wide, &cut, &format!("{part} {tick}"));
                    own["heat"][part] = wide["series"]["s"].clone();
                }
                let mut outcomes = own["outcomes"].clone();
                continue_series(&mut outcomes, &delta["outcomes"], &Value::from(0));
                assert_ends_with(&outcomes, &full["outcomes"], &format!("outcomes {tick}"));
                own["outcomes"] = outcomes;
            }
        }
        seen = tick;
    }
}

#[test]
fn cancelled_calls_are_in_no_share_and_requests_count_once() {
    let mut watch = watch(2);
    // The entry calls of one method, which fail as the calls that they make do.
    let failures = |counts: u64| {
        let failure = |error_type, kind, count| FailureSlot {
            error_type,
            kind,
            cells: Cells(vec![(8, count)]),
        };
        vec![
            failure(0, FailureKind::Counts, counts),
            failure(1, FailureKind::Cancelled, 50),
        ]
    };
    let calls = |method, entries| MethodSlot {
        method,
        begun: 60,
        entries,
        ok: Cells(vec![(-40, 6)]),
        failures: failures(4),
        ..MethodSlot::default()
    };
    let slot = Slot {
        end: 2.0,
        methods: vec![calls(0, 60), calls(1, 0)],
        entries: calls(0, 60),
        ..Slot::default()
    };
    watch.feed(&slot, &Facts::default());
    let look = whole(&watch);
    let methods = methods_of(&look, Wanted::default(), &Tables::default());
    assert_eq!(methods["rows"][1][5], 0.4);
    let beside = series::Beside::of(&api());
    let overview = series::overview_of(&look, Range::Minutes15, &beside);
    assert_eq!(overview["series"]["failed"], serde_json::json!([0.4]));
    // 4 within the first 2 s of the process, not 8 within 30 s.
    assert_eq!(overview["errors"]["rate"], 2);
    let cancelled = serde_json::json!([["unknown text", 50]]);
    assert_eq!(overview["errors"]["expected"], cancelled);
}

/// A service may always have some failures, and those may be the newest.
#[test]
fn the_errors_of_what_fails_now_come_before_usual_ones() {
    let monitor = Monitor::new(StorageConfig::default());
    for method in ["Method4", "Method1"] {
        let method = monitor.method(method).expect("a name");
        method.start().finish(Outcome::Named(NamedView {
            error_type: "timed out",
            text: ErrorText::Text("no answer"),
        }));
        std::thread::sleep(Duration::from_millis(2));
    }
    let beside = series::Beside::of(&api_of(monitor));
    let methods = |watch: &Watch| {
        let overview = series::overview_of(&whole(watch), Range::Minutes15, &beside);
        let last = overview["errors"]["last"].as_array().expect("a list");
        let methods = last
            .iter()
            .map(|one| one["method"].as_str().expect("a name"));
        methods.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(methods(&busy()), ["Method4", "Method1"]);
    let mut well = watch(6);
    feed(&mut well, 0, vec![calls(1, 5, 0), calls(4, 5, 0)]);
    assert_eq!(methods(&well), ["Method1", "Method4"]);
}

/// There are more parts than lanes: what is DOWN has one.
#[test]
fn lanes_are_of_what_is_down_first_and_of_checks_before_task_types() {
    let monitor = Monitor::new(StorageConfig::default());
    for task in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "idle"] {
        monitor.set_task_status(TaskStatus::Fatal, task);
    }
    let mut report = api_of(monitor).health.report();
    for part in &mut report.parts {
        part.status = match &*part.key {
            "g" | "h" => HealthStatus::Down,
            _ => HealthStatus::Unknown,
        };
        if !["g", "idle"].contains(&&*part.key) {
            part.details = PartDetails::Watched("worker");
        }
    }
    let lanes = health::lanes(&whole(&watch(1)), &report, Range::Minutes15);
    let lanes = lanes.as_array().expect("a list");
    let names: Vec<_> = lanes.iter().map(|lane| &lane["name"]).collect();
    assert_eq!(names, ["h", "g", "a", "b", "c", "d", ""]);
    // The task type that is idle is none of them.
    let n = report.parts.len() - 7;
    assert_eq!(lanes[6]["n"], n);
}

#[test]
fn an_overview_has_what_is_usual_or_when_it_will_be_known() {
    let beside = series::Beside::of(&api());
    let mut watch = watch(1);
    let mut known = Vec::new();
    for tick in 0..400 {
        feed(&mut watch, tick, vec![calls(0, 5, 0)]);
        let overview = series::overview_of(&whole(&watch), Range::Minutes15, &beside);
        let is_known = overview["usual"].is_object();
        assert_eq!(overview["usual_from"].is_null(), is_known, "{tick}");
        if tick % 50 == 49 && !is_known {
            known.push(overview["usual_from"].as_f64().expect("a time"));
        }
        if is_known {
            break;
        }
    }
    // It comes when it was said to, and the same time was said all along.
    let ended = CREATED + json::double(watch.tick().expect("slots")) * 2.0 + 2.0;
    assert_eq!(known, vec![ended; known.len()]);
    assert!(known.len() >= 3, "{known:?}");
}

#[test]
fn an_overview_names_the_methods_that_changed_or_the_busiest() {
    let changed_of = |watch: &Watch| methods::most_changed(&whole(watch));
    let ids = |changed: &Value| {
        let rows = changed["rows"].as_array().expect("rows");
        rows.iter().map(|row| row[0].clone()).collect::<Vec<_>>()
    };
    let failing = changed_of(&busy());
    assert_eq!(failing["changed"], true);
    assert_eq!(ids(&failing), [4]);
    assert_eq!(failing["rows"][0][3], "f");
    assert!(failing["curves"]["4"].is_array());
    assert_eq!((&failing["ok"], &failing["idle"]), (&4.into(), &1.into()));

    let mut watch = watch(10);
    for tick in 0..40 {
        let methods = (0..9).map(|id| calls(id, 3 + u64::from(id), 0));
        feed(&mut watch, tick, methods.collect());
    }
    let busiest = changed_of(&watch);
    assert_eq!(busiest["changed"], false);
    assert_eq!(ids(&busiest), [8, 7, 6, 5, 4, 3, 2]);
    assert_eq!(busiest["total"], 10);

    let idle = self::watch(3);
    assert_eq!(ids(&changed_of(&idle)), [0, 1, 2]);
}

#[test]
fn a_slot_that_came_late_is_in_all_its_places() {
    let mut watch = watch(1);
    let slot = |tick: u64, begin: f64| Slot {
        tick,
        begin,
        end: json::double(tick + 1) * 2.0,
        methods: vec![calls(0, 60, 0)],
        entries: calls(0, 60, 0),
        ..Slot::default()
    };
    // Looks at 2, 4, 10, 12, and 40 s.
    for (tick, begin) in [(0, 0.0), (1, 2.0), (4, 4.0), (5, 10.0), (19, 12.0)] {
        watch.feed(&slot(tick, begin), &Facts::default());
    }
    let beside = series::Beside::of(&api());
    let overview = series::overview_of(&whole(&watch), Range::Minutes15, &beside);
    let rates: Vec<_> = overview["series"]["rate"]
        .as_array()
        .expect("a series")
        .iter()
        .map(Value::as_f64)
        .collect();
    let begin = [30.0, 30.0, 10.0, 10.0, 10.0, 30.0].map(Some);
    assert_eq!(rates[..6], begin);
    // The process stood still: of that only the last places are known.
    assert_eq!(rates[6..15], [None; 9]);
    assert_eq!(rates.len(), 20);
    // A heat map has each call once.
    let method = method_of(&whole(&watch), 0, Range::Minutes15);
    let counts = method["heat"]["ok"].as_array().expect("columns").iter();
    let counts = counts.flat_map(|column| {
        column
            .as_array()
            .expect("cells")
            .chunks(2)
            .map(|pair| pair[1].as_u64())
    });
    assert_eq!(counts.flatten().sum::<u64>(), 300);
}
