//! Whole pages: those that were drawn for the layout, and any others.

use proptest::prelude::*;

use super::super::super::text_query::COLS;
use super::super::view::{Requests, Totals};
use super::*;

/// 2026-11-28 03:14:00 UTC.
const NOW: f64 = 1_795_835_640.0;

/// A method, as its line has it: mark, name, calls a second, share that failed, p50, p95, p99, usual p99, in flight,
/// oldest, and whether it fails in the last seven minutes.
type Drawn = (Mark, &'static str, f64, f64, [f64; 4], u64, f64);

const METHODS: [Drawn; 12] = [
    (
        Mark::Bad,
        "LookUpWords",
        39.0,
        0.64,
        [2.0, 2.0, 2.0, 0.0092],
        53,
        371.0,
    ),
    (
        Mark::Bad,
        "Spelling",
        25.0,
        0.64,
        [2.0, 2.0, 2.0, 0.019],
        34,
        371.0,
    ),
    (
        Mark::Bad,
        "Analyse",
        16.0,
        0.64,
        [2.0, 2.0, 2.0, 0.062],
        21,
        358.0,
    ),
    (
        Mark::Usual,
        "SplitWords",
        99.0,
        0.0,
        [0.00062, 0.0021, 0.0046, 0.0046],
        0,
        0.0,
    ),
    (
        Mark::Usual,
        "ShowText",
        35.0,
        0.0,
        [0.000_038, 0.000_09, 0.000_21, 0.000_21],
        0,
        0.0,
    ),
    (
        Mark::Usual,
        "RankKeywords",
        33.0,
        0.0,
        [0.0021, 0.0052, 0.0088, 0.0088],
        0,
        0.0027,
    ),
    (
        Mark::Usual,
        "RankNeighbours",
        24.0,
        0.0,
        [0.0063, 0.014, 0.022, 0.022],
        0,
        0.0082,
    ),
    (
        Mark::Usual,
        "Statistics",
        22.0,
        0.0,
        [0.0017, 0.0044, 0.0081, 0.0081],
        0,
        0.0,
    ),
    (
        Mark::Usual,
        "Keywords",
        17.0,
        0.0,
        [0.0049, 0.012, 0.02, 0.02],
        0,
        0.0064,
    ),
    (
        Mark::Usual,
        "CompareWords",
        12.0,
        0.0,
        [0.0013, 0.0029, 0.0047, 0.0047],
        0,
        0.0,
    ),
    (
        Mark::Usual,
        "Similarity",
        11.0,
        0.0,
        [0.0068, 0.015, 0.024, 0.024],
        0,
        0.0088,
    ),
    (
        Mark::Usual,
        "Neighbours",
        8.7,
        0.0,
        [0.0092, 0.021, 0.033, 0.033],
        0,
        0.012,
    ),
];

fn drawn(&(mark, name, rate, failed, durations, in_flight, oldest): &Drawn) -> MethodRow {
    let [p50, p95, p99, usual] = durations;
    let error = match name {
        _ if mark != Mark::Bad => None,
        "LookUpWords" => Some("timed out"),
        _ => Some("in LookUpWords"),
    };
    MethodRow {
        mark,
        name: name.to_owned(),
        rate: Some(rate),
        failed: Some(failed),
        durations: Some([p50, p95, p99]),
        usual: Some(usual),
        in_flight,
        oldest: (oldest > 0.0).then_some(oldest),
        minutes: Some(
            if mark == Mark::Bad {
                "........xXXXXXX"
            } else {
                "..............."
            }
            .to_owned(),
        ),
        error: error.map(str::to_owned),
        change: -1.0,
    }
}

fn in_flight(top: &str, count: u64, ages: [f64; 2], usual: [f64; 2], state: &str) -> InFlightRow {
    InFlightRow {
        is_stuck: count == 1,
        names: vec![top.to_owned(), "LookUpWords".to_owned()],
        count,
        youngest: ages[0],
        oldest: ages[1],
        usual: Some(usual),
        state: state.to_owned(),
    }
}

/// The incident that the pages were drawn for.
fn checks() -> Vec<CheckRow> {
    let down = CheckRow {
        mark: Mark::Bad,
        name: "dictionary".to_owned(),
        status: "DOWN",
        since: Some(NOW - 370.0),
        why: "no answer from 10.42.7.19:5433 within 2 s".to_owned(),
    };
    let up = CheckRow {
        mark: Mark::Usual,
        name: "disk".to_owned(),
        status: "UP",
        since: Some(NOW - 187_200.0),
        why: "41 % of 20 GiB used".to_owned(),
    };
    vec![down, up]
}

fn incident() -> TopView {
    let mut methods: Vec<_> = METHODS.iter().map(drawn).collect();
    methods.push(MethodRow {
        mark: Mark::Idle,
        name: "IndexCorpus".to_owned(),
        ..MethodRow::default()
    });
    let [spelling, analyse] = [[0.0041, 0.019], [0.014, 0.062]];
    let (waits, ends) = ("waiting, no deadline", "waiting, time-out of 2s");
    TopView {
        service: "textprocessor 1.4.2  textprocessor-7c9d8f-x2x4q".to_owned(),
        now: NOW,
        uptime: 187_200.0,
        headline:
            "FAILING since 03:07:42 (6m18s): LookUpWords fails: 64% timed out, usually 0.01%."
                .to_owned(),
        requests: Requests {
            rate: Some(137.0),
            failed: Some(0.19),
            durations: Some([0.0039, 2.0, 2.0]),
            in_flight: 58,
        },
        process: [
            "ready",
            "0.94 of 4 cores",
            "212 of 512 MiB",
            "284 of 1024 fds",
            "338 tasks",
            "queue 0",
        ]
        .map(str::to_owned)
        .into(),
        methods,
        checks: checks(),
        in_flight: vec![
            in_flight("Spelling", 1, [371.0; 2], spelling, waits),
            in_flight("Spelling", 1, [369.0; 2], spelling, waits),
            in_flight("Analyse", 1, [358.0; 2], analyse, waits),
            in_flight("Spelling", 32, [0.021, 2.0], spelling, ends),
            in_flight("Analyse", 20, [0.012, 2.0], analyse, ends),
        ],
        totals: Totals {
            failing: 3,
            usual: 9,
            idle: 1,
            calls_stuck: 3,
            ..Totals::default()
        },
    }
}

#[track_caller]
fn assert_page(page: &str, expected: &str) {
    for (at, (line, expected)) in (1..).zip(page.lines().zip(expected.lines())) {
        assert_eq!(line, expected, "line {at}");
    }
    assert_eq!(page, expected);
}

#[test]
fn the_page_is_as_it_was_drawn() {
    assert_page(&page(&incident(), 80, false), include_str!("narrow.txt"));
    assert_page(&page(&incident(), 120, false), include_str!("wide.txt"));
}

#[test]
fn colours_change_nothing_but_themselves() {
    for cols in [80, 120] {
        let colored = page(&incident(), cols, true);
        assert!(colored.contains("\x1b[1;31m    64%\x1b[0m"), "{colored}");
        let mut plain = colored;
        for code in [RED, YELLOW, DIM, RESET] {
            plain = plain.replace(code, "");
        }
        assert_eq!(plain, page(&incident(), cols, false));
    }
}

#[test]
fn the_cells_of_a_line_are_words_for_awk() {
    let text = page(&incident(), 80, false);
    let lines = text
        .lines()
        .skip_while(|line| !line.starts_with("  METHOD"));
    let rows: Vec<Vec<&str>> = lines
        .skip(1)
        .take_while(|line| !line.is_empty())
        .map(|line| line[2..].split_whitespace().collect())
        .collect();
    assert_eq!(rows.len(), 13);
    assert!(rows.iter().all(|cells| cells.len() == 8), "{rows:?}");
    assert_eq!(rows[0][..3], ["LookUpWords", "39", "64%"]);
}

#[test]
fn a_page_without_anything_is_a_page() {
    let text = page(&TopView::default(), 80, false);
    assert!(
        text.contains("- requests/s  - failed  p50 -  p95 -  p99 -  0 in flight\n"),
        "{text}"
    );
    assert!(
        text.contains("no method was called yet. 0 requests in flight.\n"),
        "{text}"
    );
}

/// Names and texts that a service may have, and any numbers.
fn hostile() -> impl Strategy<Value = TopView> {
    let text = prop_oneof![
        any::<String>(),
        Just(String::new()),
        Just("<script>\x1b[2J\u{202e}".to_owned()),
        Just("x".repeat(10_000)),
        Just("two words\n\n`".to_owned()),
    ];
    let number = prop_oneof![any::<f64>(), 0.0..1e12, Just(f64::NAN), Just(f64::INFINITY)];
    let count = any::<u64>();
    (
        prop::collection::vec(text, 9),
        prop::collection::vec(number, 9),
        count,
    )
        .prop_map(|(texts, numbers, count)| {
            let mut view = incident();
            let text = |at: usize| texts[at].clone();
            view.service = text(0);
            view.headline = text(1);
            view.process = vec![text(2), text(3)];
            (view.now, view.uptime) = (numbers[0], numbers[1]);
            view.requests.rate = Some(numbers[2]);
            view.requests.in_flight = count;
            let row = &mut view.methods[0];
            (row.name, row.error) = (text(4), Some(text(5)));
            row.rate = Some(numbers[3]);
            row.durations = Some([numbers[4], numbers[5], numbers[6]]);
            (row.failed, row.oldest, row.in_flight) = (Some(numbers[7]), Some(numbers[8]), count);
            (view.checks[0].name, view.checks[0].why) = (text(6), text(7));
            view.checks[0].since = Some(numbers[2]);
            view.in_flight[3].names = vec![text(8), text(0), text(4)];
            (view.in_flight[3].count, view.in_flight[3].oldest) = (count, numbers[3]);
            view.in_flight[0].state = text(5);
            view
        })
}

proptest! {
    #[test]
    fn no_line_is_wider_than_it_may_be_and_none_drives_a_terminal(view in hostile(), cols in COLS) {
        let text = page(&view, cols, false);
        for line in text.lines() {
            prop_assert!(line.chars().count() <= cols, "{line:?}");
            prop_assert!(!line.chars().any(char::is_control), "{line:?}");
            prop_assert!(!line.contains(['\u{202e}', '\u{2028}']), "{line:?}");
        }
        prop_assert!(text.ends_with('\n'));
        let colored = page(&view, cols, true);
        prop_assert_eq!(colored.lines().count(), text.lines().count());
    }
}
