//! The tree of calls in flight.

use super::*;

#[test]
fn a_call_is_of_note_from_three_times_the_usual_p99_on() {
    let watch = busy();
    let mut calls = InFlight::new();
    let stuck = |age: u64| watch.stuck_age(Some(1)) < json::double(age);
    calls.start(None, "Method1");
    let level = |calls: &InFlight| {
        let tree =
            inflight::answer_of(&whole(&watch), &calls.monitor.running(9), 1)["tree"].clone();
        tree[0]["level"].clone()
    };
    assert_eq!(level(&calls), "ok");
    calls.hand.advance(Duration::from_secs(1));
    assert_eq!((level(&calls), stuck(1)), ("warn".into(), false));
    calls.hand.advance(Duration::from_secs(3600));
    assert_eq!((level(&calls), stuck(3601)), ("bad".into(), true));
}

/// Calls that are in flight as long as this is there, on a clock that is moved by hand.
struct InFlight {
    monitor: Monitor,
    hand: ManualClock,
    calls: Vec<CallGuard>,
}

impl InFlight {
    fn new() -> Self {
        let (clock, hand) = Clock::manual(CREATED);
        Self {
            monitor: Monitor::with_clock(StorageConfig::default(), clock),
            hand,
            calls: Vec::new(),
        }
    }

    /// A second later, a call that is made from another one, or from none.
    fn start(&mut self, caller: Option<usize>, name: &str) -> usize {
        self.hand.advance(Duration::from_secs(1));
        let method = self.monitor.method(name).expect("a name");
        let call = self.monitor.scope_sync(|| match caller {
            Some(caller) => self.calls[caller].run(|| method.start()),
            None => method.start_entry(),
        });
        self.calls.push(call);
        self.calls.len() - 1
    }
}

/// Nine calls, of which two are executed by this thread while they are read.
pub(super) fn tree() -> Vec<RunningCall> {
    let mut calls = InFlight::new();
    for _ in 0..2 {
        let spelling = calls.start(None, "Spelling");
        calls.start(Some(spelling), "LookUpWords");
    }
    calls.start(None, "Spelling");
    let keywords = calls.start(None, "Keywords");
    let statistics = calls.start(Some(keywords), "Statistics");
    calls.start(Some(keywords), "Statistics");
    calls.start(None, "Spelling");
    calls.hand.advance(Duration::from_secs(1));
    let [keywords, statistics] = [keywords, statistics].map(|at| &calls.calls[at]);
    let read = || keywords.run(|| statistics.run(|| calls.monitor.running(100)));
    calls.monitor.scope_sync(read)
}

#[monitor_core::monitored(method = "Resize", max_concurrency = 1)]
async fn resize() {
    std::future::pending::<()>().await;
}

#[test]
fn the_youngest_calls_wait_for_a_permit() {
    let calls = InFlight::new();
    let mut resizes: Vec<_> = (0..3)
        .map(|_| Box::pin(calls.monitor.scope(resize())))
        .collect();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for resize in &mut resizes {
        calls.hand.advance(Duration::from_secs(1));
        assert!(resize.as_mut().poll(&mut context).is_pending());
    }
    let states = |most: usize| -> Vec<String> {
        let running = calls.monitor.running(most);
        let state = |call| crate::call_state::CallState::of(call).to_string();
        running.iter().map(state).collect()
    };
    let [in_flight, permit] = ["in flight", "for a permit"];
    assert_eq!(states(100), [in_flight, permit, permit]);
    // The youngest is not read.
    assert_eq!(states(2), [in_flight, permit]);
    let answer = inflight::answer_of(&whole(&watch(0)), &calls.monitor.running(2), 3);
    let expected = serde_json::json!({ "running": 0, "permit": 1, "in_flight": 2 });
    assert_eq!(answer["states"], expected);
    assert_eq!(answer["tree"][1]["state"], "permit");
    ApiSchema::strict().check("inflight", &answer);
    // The oldest one ends, and the next one has its permit.
    drop(resizes.remove(0));
    assert!(resizes[0].as_mut().poll(&mut context).is_pending());
    assert_eq!(states(100), [in_flight, permit]);
}

#[test]
fn calls_of_one_shape_are_one_line() {
    let watch = busy();
    let answer = inflight::answer_of(&whole(&watch), &tree(), 12);
    let line = |line: &Value| {
        let kids = line["kids"].as_array().expect("kids").len();
        let text = |name: &str| line[name].to_string().replace('"', "");
        let [name, least, age, count, state] = ["name", "min", "age", "count", "state"].map(text);
        format!("{name} {least}-{age} x{count} {state} +{kids}")
    };
    let lines = |tree: &Value| {
        let lines = tree.as_array().expect("lines").iter();
        lines.map(line).collect::<Vec<_>>()
    };
    let expected = [
        "Spelling 7-9 x2 in_flight +1",
        "Spelling 1-5 x2 in_flight +0",
        "Keywords 4-4 x1 running +2",
    ];
    assert_eq!(lines(&answer["tree"]), expected);
    let words = "LookUpWords 6-8 x2 in_flight +0";
    assert_eq!(lines(&answer["tree"][0]["kids"]), [words]);
    assert!(answer["tree"][2]["thread"].is_string());
    assert_eq!(answer["tree"][2]["kids"][1]["id"], "2.1");
    assert_eq!(
        (&answer["total"], &answer["inner"]),
        (&12.into(), &4.into())
    );
    assert_eq!(answer["states"]["running"], 2);
    // Three calls were not read.
    assert_eq!(answer["left"], 3);
    let oldest = inflight::oldest(&whole(&watch), &tree(), 2);
    assert_eq!(oldest.as_array().map(Vec::len), Some(2));
}

#[test]
fn a_tree_has_bounds_in_lines_and_in_depth() {
    let watch = watch(0);
    let mut calls = InFlight::new();
    for nth in 0..600 {
        calls.start(None, &format!("Method{nth}"));
    }
    let answer = inflight::answer_of(&whole(&watch), &calls.monitor.running(5000), 600);
    assert_eq!(answer["tree"].as_array().map(Vec::len), Some(500));
    assert_eq!(answer["left"], 100);
    let mut calls = InFlight::new();
    let mut last = None;
    for nth in 0..800 {
        last = Some(calls.start(last, &format!("Method{nth}")));
    }
    let answer = inflight::answer_of(&whole(&watch), &calls.monitor.running(5000), 800);
    let read: Value = serde_json::from_str(&answer.to_string()).expect("not too deep to read");
    assert_eq!(read["left"], 300);
    let mut schema = ApiSchema::strict();
    schema.check("inflight", &read);
}
