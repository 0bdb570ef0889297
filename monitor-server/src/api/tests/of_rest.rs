//! Health, values, the process, and the snapshot.

use monitor_core::TaskStatus;

use super::*;

#[test]
fn numbers_of_the_process_have_curves_and_what_is_usual() {
    let mut watch = watch(1);
    for tick in 0..1000u64 {
        let mut facts = Facts::default();
        let mut figures = ProcessFigures::default();
        figures.cpu_seconds = Some(json::double(tick));
        figures.memory = Some(if tick >= 990 { 200.0 } else { 100.0 });
        facts.process = Some(figures);
        let begin = json::double(tick) * 2.0;
        let slot = Slot {
            tick,
            begin,
            end: begin + 2.0,
            ..Slot::default()
        };
        watch.feed(&slot, &facts);
    }
    let answer = runtime::answer_of(&whole(&watch), &runtime::Families::read(&api()));
    ApiSchema::strict().check("runtime", &answer);
    let measure = |name: &str| {
        let mut measures = answer["process"].as_array().expect("measures").iter();
        let measure = measures.find(|measure| measure["name"] == name);
        measure.expect("a measure").clone()
    };
    let (cpu, memory) = (measure("cpu"), measure("memory"));
    assert_eq!(cpu["value"], 0.5);
    assert_eq!(cpu["curve"].as_array().map(Vec::len), Some(90));
    assert_eq!(
        (&cpu["level"], &cpu["usual"]),
        (&"ok".into(), &serde_json::json!([0.5, 0.5]))
    );
    assert_eq!(
        (&memory["level"], &memory["delta"]),
        (&"warn".into(), &100.into())
    );
    assert_eq!(memory["since"], CREATED + 1980.0);
    assert_eq!(answer["t0"], CREATED + 1100.0);
    let threads = measure("threads");
    assert_eq!(
        (&threads["level"], &threads["curve"]),
        (&Value::Null, &serde_json::json!([]))
    );
}

/// An API whose task type `Resize` was `DOWN` 10 s after the time that is returned, and `UP` so many seconds after that.
fn down_and_up(seconds: u64) -> (Arc<Api>, f64, ManualClock) {
    // Answers are of the last 15 minutes of this machine.
    let created = envelope::now().floor();
    let (clock, hand) = Clock::manual(created);
    let api = api_of(Monitor::with_clock(StorageConfig::default(), clock));
    let monitor = api.monitor;
    drop(monitor.verdict());
    let timeout = Outcome::ErrorType("timeout");
    for (wait, count, outcome) in [(10, 20, timeout), (seconds, 400, Outcome::Success)] {
        hand.advance(Duration::from_secs(wait));
        let method = monitor.method("Resize").expect("a name");
        for _ in 0..count {
            let call = monitor.scope_sync(|| method.start());
            call.finish(outcome);
        }
        let states = crate::observer::task_states(&api.health.report().parts, monitor);
        monitor.note_states(states);
        drop(monitor.verdict());
    }
    (api, created, hand)
}

#[test]
fn a_change_says_why_and_that_to_up_not_what_the_down_before_it_said() {
    let (api, ..) = down_and_up(10);
    let answer = health::answer(&api, "").expect("an answer");
    let history = answer["history"].as_array().expect("changes");
    let changes = history.iter().map(|change| {
        let field = |name: &str| change[name].as_str();
        (field("name"), field("to"), field("why"))
    });
    let changes: Vec<_> = changes.collect();
    let why = "100 % of 20 calls failed in 10 s, unhealthy from 50 %, for 0 s.";
    let expected = [
        (Some("Resize"), Some("UP"), None),
        (Some("Resize"), Some("DOWN"), Some(why)),
    ];
    assert_eq!(changes, expected);
}

#[test]
fn a_task_type_that_was_down_has_its_spans() {
    let (api, created, _) = down_and_up(10);
    let answer = health::answer(&api, "").expect("an answer");
    let mut tasks = answer["tasks"].as_array().expect("tasks").iter();
    let task = tasks.find(|task| task["name"] == "Resize");
    let task = task.expect("its task type");
    assert_eq!((&task["status"], &task["flaps"]), (&"UP".into(), &2.into()));
    assert_eq!(task["why"], Value::Null);
    assert_eq!(task["since"], created + 20.0);
    assert_eq!(task["spans"][1][0], created + 10.0);
    assert_eq!(task["spans"][1][1], "DOWN");
    let events = events::answer(&api, "").expect("an answer");
    let mut events = events["events"].as_array().expect("events").iter();
    let event = events.find(|event| event["kind"] == "status");
    let event = event.expect("an event");
    assert_eq!(
        (&event["level"], &event["name"]),
        (&"bad".into(), &"task type Resize".into())
    );
}

#[test]
fn a_task_type_that_was_down_and_has_no_calls_any_more_keeps_its_spans() {
    let (api, created, hand) = down_and_up(10);
    hand.advance(Duration::from_secs(1000));
    let answer = health::answer(&api, "").expect("an answer");
    ApiSchema::strict().check("health", &answer);
    let mut tasks = answer["tasks"].as_array().expect("tasks").iter();
    let task = tasks.find(|task| task["name"] == "Resize");
    let task = task.expect("its task type");
    assert_eq!(task["status"], "UNKNOWN");
    // It was known last at the second look.
    assert_eq!(task["since"], created + 20.0);
    let spans = task["spans"].as_array().expect("spans").iter();
    let spans: Vec<_> = spans
        .map(|span| (span[0].as_f64(), span[1].as_str()))
        .collect();
    assert_eq!(
        spans[1..],
        [(10.0, "DOWN"), (20.0, "UP"), (20.0, "UNKNOWN")]
            .map(|(at, status)| (Some(created + at), Some(status)))
    );
}

/// It is UP as far as is known, and since its last call nothing is.
#[test]
fn a_task_type_without_calls_was_up_until_its_last_one() {
    let now = envelope::now();
    let (clock, hand) = Clock::manual(now - 200.0);
    let api = api_of(Monitor::with_clock(StorageConfig::default(), clock));
    hand.advance(Duration::from_secs(100));
    api.monitor.set_task_status(TaskStatus::Ok, "Resize");
    hand.advance(Duration::from_secs(100));
    let answer = health::answer(&api, "").expect("an answer");
    ApiSchema::strict().check("health", &answer);
    let task = &answer["tasks"][0];
    assert_eq!(
        (&task["name"], &task["status"]),
        (&"Resize".into(), &"UNKNOWN".into())
    );
    let spans = task["spans"].as_array().expect("spans").iter();
    let spans: Vec<_> = spans.map(|span| span[1].as_str()).collect();
    assert_eq!(spans, [Some("UP"), Some("UNKNOWN")]);
    assert_eq!(task["spans"][1][0], task["since"]);
    let since = task["since"].as_f64().expect("a time");
    assert!((since - (now - 100.0)).abs() < 10.0, "{since} of {now}");
}

#[test]
fn a_full_family_has_its_limit_and_the_label_that_fills_it() {
    let mut config = StorageConfig::default();
    config.max_series = 3;
    let monitor = Monitor::new(config);
    for user in 0..5 {
        let key = format!("logins___kind__web___user__u{user}");
        monitor.set_stats(&key, 1).expect("a key");
    }
    monitor.set_stats("jobs___queue__fast", 1).expect("a key");
    let answer = values::answer_of(&whole(&watch(0)), &monitor.snapshot(), None);
    ApiSchema::strict().check("values", &answer);
    let expected = serde_json::json!([
        { "name": "jobs", "series": 1, "max": 3, "overflow": null, "level": "ok", "label": null },
        { "name": "logins", "series": 3, "max": 3, "overflow": 1, "level": "warn", "label": "user" },
    ]);
    assert_eq!(answer["families"], expected);
}

#[test]
fn a_snapshot_has_a_bound_and_tells_what_it_has_no_room_for() {
    let look = busy();
    let look = whole(&look);
    let mut parts = snapshot::Parts::new(&look);
    let large = Value::from("x".repeat(3 << 20));
    for name in ["one", "two", "three"] {
        parts.add(name, large.clone());
    }
    parts.add_to("method", "Large", large);
    let object = parts.object();
    assert_eq!(object["left"], serde_json::json!(["three", "method/Large"]));
    assert!(object.to_string().len() <= snapshot::MOST_BYTES);
}

#[test]
fn the_name_of_a_snapshot_s_file_is_plain() {
    let named = |name: &str| snapshot::file_name(Some(&crate::Service::new(name, "1")));
    let name = named("text processor\"/\r\n");
    assert!(
        name.starts_with("text_processor____-2") && name.ends_with("Z.json"),
        "{name}"
    );
    assert!(snapshot::file_name(None).starts_with("monitor-"));
}
