//! The promises of the project, each with the figure that keeps or breaks it.

use std::borrow::Cow;
use std::fmt;

use crate::beside::Beside;
use crate::harness::{Figures, Results};
use crate::scrape::{FEW, FULL, LINES, MOST_LINES, PROMETHEUS, SNAPSHOT, Scrapes, THREE_OCTAVES};
use crate::served::Served;
use crate::{labelled, layers, requests, rows, values};

/// A failure folds the successes before it first, and may cost a tenth more than when each success was counted at its
/// end: 1.69 times the ideal of the same run at commit a5b9968, the median of three runs.
const FAILURE: f64 = 1.86;

/// The same where every second call fails: 1.43 times the ideal then.
const ALTERNATING: f64 = 1.57;

/// Of a page of methods whose calls take much the same time, so many lines long: the time of its snapshot and that of
/// the whole page, in percent of the page of `prometheus`. At most 1.2 and 1.12 times the medians of three runs with
/// commit a5b9968, which kept no cells for native histograms: 10.3, 9.9 and 18.0; 19.5, 16.6 and 27.9.
const ALIKE: [(usize, f64, f64); 3] = [
    (1_000, 12.4, 21.8),
    (10_000, 11.9, 18.6),
    (100_000, 21.6, 31.2),
];

/// A promise and the measured figures.
pub(crate) struct Promise {
    pub(crate) what: Cow<'static, str>,
    /// When it is due: the main job, the recording path at its limit, successes folded from the ring, and so on.
    pub(crate) due: Due,
    pub(crate) figures: Figures,
    pub(crate) bar: f64,
    pub(crate) unit: &'static str,
}

/// The issue that owes a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    MainJob,
    RecordingPath,
    Attribute,
    Exposition,
    Layers,
    Folded,
    Native,
}

impl fmt::Display for Due {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::MainJob => "issue 2",
            Self::RecordingPath => "issue 3",
            Self::Attribute => "issue 4",
            Self::Exposition => "issue 5",
            Self::Layers => "layers",
            Self::Folded => "folded",
            Self::Native => "native",
        })
    }
}

impl Promise {
    /// Noise pushes medians up and down: a promise is broken when even the lower quartile is above the bar.
    pub(crate) fn holds(&self) -> bool {
        self.figures.lower <= self.bar
    }
}

/// The promises about recording.
pub(crate) fn recording(results: &Results) -> Vec<Promise> {
    let ideal = (rows::SYNC_OK, rows::IDEAL);
    let ours = |row| (row, rows::MONITORED);
    let ratio = |what: &'static str, due, above, below, bar, unit| Promise {
        what: what.into(),
        due,
        figures: results.ratio(above, below),
        bar,
        unit,
    };
    let over_ideal =
        |what, row, below, bar| ratio(what, Due::RecordingPath, ours(row), below, bar, "x ideal");
    let label = |what: &'static str, row, bar| Promise {
        what: what.into(),
        due: Due::Attribute,
        figures: results.added_ratio(ours(row), ours(rows::SYNC_OK), ideal),
        bar,
        unit: "x ideal more",
    };
    let mut promises = vec![
        ratio(
            "sync ok, against prometheus cached by hand",
            Due::MainJob,
            ours(rows::SYNC_OK),
            (rows::SYNC_OK, rows::PROMETHEUS),
            1.0,
            "x prometheus",
        ),
        over_ideal(
            "text error (16 rules, 200-byte chain)",
            rows::TEXT_ERROR,
            ideal,
            30.0,
        ),
        over_ideal("inc_stats on a known key", values::BY_KEY, ideal, 2.0),
        over_ideal("inc_stats on a handle", values::BY_HANDLE, ideal, 0.2),
        over_ideal("1 % errors on 2 threads", rows::MIXED_1, ideal, 1.3),
        over_ideal("50 % errors on 2 threads", rows::MIXED_50, ideal, 8.0),
        ratio(
            "error storm on 2 threads",
            Due::RecordingPath,
            ours(rows::STORM),
            ours(rows::TYPED_ERROR),
            2.0,
            "x own 1 thread",
        ),
        ratio(
            "success and failure in turn on 2 threads",
            Due::RecordingPath,
            ours(rows::MIXED_50),
            ours(rows::ALTERNATES),
            3.0,
            "x own 1 thread",
        ),
        label("one bounded label", labelled::BOUNDED, 0.35),
        label("one capped text label", labelled::CAPPED, 1.3),
        Promise {
            what: "future of an instrumented async fn".into(),
            due: Due::RecordingPath,
            figures: exact(rows::future_growth()),
            bar: 48.0,
            unit: "bytes more",
        },
    ];
    promises.extend(folded(results));
    promises.extend(handlers(results));
    promises
}

/// The promises about calls whose successes are folded from the ring: those that fold, and those that wait for it.
fn folded(results: &Results) -> [Promise; 7] {
    let ideal = (rows::SYNC_OK, rows::IDEAL);
    let ours = |row| (row, rows::MONITORED);
    let folded = |what: &'static str, row, below, bar, unit| Promise {
        what: what.into(),
        due: Due::Folded,
        figures: results.ratio(ours(row), below),
        bar,
        unit,
    };
    [
        folded("sync ok", rows::SYNC_OK, ideal, 0.78, "x ideal"),
        folded(
            "sync ok, against two tick reads",
            rows::SYNC_OK,
            (rows::SYNC_OK, rows::TICKS),
            1.35,
            "x tick reads",
        ),
        folded(
            "async, ready at first poll",
            rows::ASYNC_READY,
            (rows::ASYNC_READY, rows::IDEAL),
            0.82,
            "x ideal",
        ),
        folded(
            "same method from 2 threads",
            rows::TWO_THREADS,
            ours(rows::SYNC_OK),
            1.05,
            "x own 1 thread",
        ),
        Promise {
            what: "between other work".into(),
            due: Due::Folded,
            figures: results.overhead(rows::BETWEEN, rows::MONITORED),
            bar: 9.5,
            unit: "ns",
        },
        folded("typed error", rows::TYPED_ERROR, ideal, FAILURE, "x ideal"),
        folded(
            "every 2nd call fails",
            rows::ALTERNATES,
            (rows::ALTERNATES, rows::IDEAL),
            ALTERNATING,
            "x ideal",
        ),
    ]
}

/// The promises about bodies with a `?`: they cost what the same bodies without it do.
fn handlers(results: &Results) -> [Promise; 3] {
    let against_in_place = |what: &'static str, row| Promise {
        what: what.into(),
        due: Due::RecordingPath,
        figures: results.ratio((row, rows::MONITORED), (row, rows::IN_PLACE)),
        bar: 1.15,
        unit: "x without",
    };
    [
        against_in_place(
            "async with `?`, ready at first poll",
            rows::QUESTION_MARK_READY,
        ),
        against_in_place("async with `?`, yields once", rows::QUESTION_MARK_YIELDS),
        Promise {
            what: "future of an instrumented async fn with `?`".into(),
            due: Due::RecordingPath,
            figures: exact(rows::question_mark_growth()),
            bar: 48.0,
            unit: "bytes more",
        },
    ]
}

/// The promises about requests through a layer.
pub(crate) fn requests(results: &Results) -> Vec<Promise> {
    let added = results.overhead(layers::GET, layers::OURS);
    let due = Due::Layers;
    let mut promises = vec![Promise {
        what: "a request through the layer".into(),
        due,
        figures: added,
        bar: 300.0,
        unit: "ns",
    }];
    promises.extend(requests::PEERS.map(|peer| Promise {
        what: format!("a request, against {peer}").into(),
        due,
        // Of the medians: both overheads are differences of long times, so their ratio in one round is mostly noise.
        figures: added.over(results.overhead(layers::GET, peer).median),
        bar: 1.0,
        unit: "x the peer",
    }));
    promises
}

/// The promise about calls beside scrapes.
pub(crate) fn beside(beside: &Beside) -> Promise {
    Promise {
        what: "calls beside 4 scrapers at 10 Hz".into(),
        due: Due::RecordingPath,
        figures: beside.slower(),
        bar: 3.0,
        unit: "% slower",
    }
}

/// The promises about pages.
pub(crate) fn scrape(scrapes: &Scrapes) -> Vec<Promise> {
    let due = Due::Exposition;
    let mut promises = Vec::new();
    for lines in LINES {
        let size = scrapes.size(lines);
        let (few, full) = (size.named(FEW), size.named(FULL));
        let mut promise = |what: &str, figures, bar, unit| {
            let what = format!("{lines} lines: {what}").into();
            promises.push(Promise {
                what,
                due,
                figures,
                bar,
                unit,
            });
        };
        promise("a line", few.figures(), 40.0, "ns");
        promise("with full rings", full.more(few), 15.0, "ns a line more");
        if let Some(peer) = size.best_peer() {
            let what = format!("against {}", peer.name);
            promise(&what, few.ratio(peer), 0.25, "x best peer");
        }
    }
    promises.extend(alike(scrapes));
    let most = scrapes.size(MOST_LINES).named(FEW);
    promises.push(Promise {
        what: "a line of 1,000,000, against 100,000".into(),
        due,
        figures: most.ratio(scrapes.size(100_000).named(FEW)),
        bar: 1.5,
        unit: "x",
    });
    promises
}

/// The promises that cells fit for native histograms cost the pages without them little.
fn alike(scrapes: &Scrapes) -> impl Iterator<Item = Promise> {
    ALIKE.into_iter().flat_map(|(lines, snapshot, page)| {
        let size = scrapes.size(lines);
        let promise = |what, name, bar| Promise {
            what: format!("{lines} lines, 3 octaves: {what}").into(),
            due: Due::Native,
            figures: size.named(name).ratio(size.named(PROMETHEUS)).over(0.01),
            bar,
            unit: "% prometheus",
        };
        [
            promise("its snapshot", SNAPSHOT, snapshot),
            promise("the page", THREE_OCTAVES, page),
        ]
    })
}

/// The promises about scrapes over HTTP.
#[expect(clippy::cast_precision_loss, reason = "sizes far below 2^53")]
pub(crate) fn served(served: &Served) -> [Promise; 3] {
    let promise = |what: &'static str, due, figures, bar, unit| Promise {
        what: what.into(),
        due,
        figures,
        bar,
        unit,
    };
    let text = served.bytes as f64;
    [
        promise(
            "100,000 lines over HTTP with gzip",
            Due::Exposition,
            served.ratio(),
            2.0,
            "x gzip alone",
        ),
        promise(
            "the same in protobuf, bytes",
            Due::Native,
            exact(served.protobuf_bytes).over(text),
            0.33,
            "x text",
        ),
        promise(
            "the same in protobuf, with gzip",
            Due::Native,
            served.protobuf_ratio(),
            0.6,
            "x text",
        ),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "a size in bytes")]
fn exact(value: usize) -> Figures {
    Figures::of(std::iter::once(value as f64))
}
