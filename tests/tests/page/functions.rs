//! What the screens make of an answer before they draw it: the rule of Compare, filters, orders, layers, scales, each by examples.

use monitor_server::MonitorConfig;
use monitor_tests::live_page::settle;
use serde_json::{Value, json};

use crate::support::{Served, browser, none};

/// Expressions over `m`, the module of the page, and what they are. `w` makes a row of a window of Compare, `arrow` is what that of a
/// number with a level says, `names` are those at the ends of three lines,
/// `lastTick` are the places of the last two labels of an axis of 900 pixels with a tick so many before its end.
type Examples = Vec<(&'static str, Value)>;

fn of_compare() -> Examples {
    vec![
        // Compare: intervals that overlap are the noise of both windows, at any ratio.
        (
            "m.compareRow(w(1, [0.5, 2]), w(3, [1.9, 4])).is",
            json!(false),
        ),
        (
            "m.compareRow(w(1, [0.9, 1.1]), w(1.4, [1.3, 1.5])).is",
            json!(false),
        ),
        (
            "m.compareRow(w(1, [0.9, 1.1]), w(1.5, [1.4, 1.6])).is",
            json!(true),
        ),
        (
            "m.compareRow(w(1, [0.9, 1.1]), w(1.5, [1.4, 1.6])).slower",
            json!(true),
        ),
        (
            "m.compareRow(w(3, [2.9, 3.1]), w(1, [0.9, 1.1])).is",
            json!(true),
        ),
        (
            "m.compareRow(w(3, [2.9, 3.1]), w(1, [0.9, 1.1])).slower",
            json!(false),
        ),
        (
            "m.compareRow(w(1, [0.9, 1.1]), w(1, [0.9, 1.1], 0.02, [0.015, 0.03])).fails",
            json!(true),
        ),
        (
            "m.compareRow(w(1, [0.9, 1.1]), w(1, [0.9, 1.1], 0.009, [0.006, 0.02])).fails",
            json!(false),
        ),
        ("m.compareRow(null, w(1, [0.9, 1.1])).calls", json!("new")),
        ("m.compareRow(w(1, [0.9, 1.1]), null).calls", json!("gone")),
        ("m.compareSide('15m', 'now').seconds", json!(900)),
        ("m.compareSide('file', 'now')", json!({ "kind": "file" })),
        (
            "m.compareSide('1795835262', 'now')",
            json!({ "kind": "time", "at": 1_795_835_262 }),
        ),
        ("m.compareSide('x', '15m').kind", json!("15m")),
        ("m.compareDecades([])", json!([-4, 0])),
        (
            "m.compareDecades([{ a: { p95: 0.002 }, b: { p95: 20 } }])",
            json!([-3, 2]),
        ),
    ]
}

fn of_tables() -> Examples {
    vec![
        // The filter of tables, and their order.
        (
            "m.readFilter(' Spell >100ms >1% >x ')",
            json!({ "words": ["spell", ">x"], "p99": 0.1, "failed": 0.01 }),
        ),
        (
            "m.readFilter('')",
            json!({ "words": [], "p99": -1, "failed": -1 }),
        ),
        (
            "[3, null, 1, NaN, 2].sort((a, b) => m.compareValues(a, b, false)).slice(0, 3)",
            json!([1, 2, 3]),
        ),
        (
            "[3, null, 1, NaN, 2].sort((a, b) => m.compareValues(a, b, true)).slice(0, 3)",
            json!([3, 2, 1]),
        ),
    ]
}

fn of_health() -> Examples {
    vec![
        // Health: what is DOWN first, then what was, and last that of which nothing is known.
        (
            "m.healthOrder([['a', 'UP', 'UP'], ['b', 'UP', 'DOWN'], ['c', 'UNKNOWN', 'UP'], ['d', 'DOWN', 'UP'], ['e', 'UP', 'UP']] \
             .map(([name, status, was]) => ({ name, status, spans: [[0, was]] }))).map(({ task }) => task.name).join('')",
            json!("dbaec"),
        ),
        (
            "m.lanePieces([[0, 'UP'], [60, 'DOWN']], t => t, 0, 100).map(({ status, left, right }) => [status, left, right])",
            json!([["UP", 0, 60], ["DOWN", 60, 100]]),
        ),
        (
            "m.lanePieces([[0, 'DOWN'], [10, 'UP'], [10.5, 'DOWN'], [20, 'UP']], t => t, 5, 100) \
             .filter(({ status }) => status === 'DOWN').map(({ left, right, changes }) => [left, right, changes])",
            json!([[5, 20, 2]]),
        ),
    ]
}

fn of_other_screens() -> Examples {
    vec![
        // Runtime: sleeps a second are known from the second answer on, of the same process.
        (
            "m.runtimeWorkers({ busy: [0.5], parks: [10] }, null, 4)[0].parks",
            json!(null),
        ),
        (
            "m.runtimeWorkers({ busy: [0.5], parks: [30] }, { now: 2, parks: [10] }, 4)[0].parks",
            json!(10),
        ),
        (
            "m.runtimeWorkers({ busy: [0.5], parks: [3] }, { now: 2, parks: [10] }, 4)[0].parks",
            json!(null),
        ),
        // In flight and Values.
        (
            "[1e-9, 1e-5, 600, 1e9].map(m.agePlace)",
            json!([2, 2, 98, 98]),
        ),
        (
            "(main => { m.valuesScreen.open(main).draw({ cols: [], rows: [], families: Array.from({ length: 30 }, (_, i) => ({ name: `f${i}`, series: i, max: 100, \
             overflow: i < 11 ? 1 : null, level: i < 11 ? 'warn' : 'ok' })) }); \
             return [main.querySelectorAll('.values-budget li').length, main.querySelector('.values-budget li').textContent.slice(0, 3), main.querySelector('.values-budget > p').textContent]; }) \
             (document.createElement('main'))",
            json!([10, "f10", "and 20 more"]),
        ),
        ("m.valueText(-2048, 'bytes')", json!("−2.00\u{202f}KiB")),
        ("m.valueText(0.25, 'ratio')", json!("25\u{202f}%")),
        ("m.valueText(null, 'bytes')", json!("–")),
        (
            "m.labelsText({ route: 'analyse', n: '' })",
            json!("route=\"analyse\", n=\"\""),
        ),
        // The arrow of a number is of what was judged: of calls in flight that is their mean, not the number of this moment.
        ("arrow('in_flight', 0, [0.2, 0.3])", json!("above usual")),
        ("arrow('p99', 2, [0.2, 0.3])", json!("above usual")),
        ("arrow('rate', 0, [90, 110])", json!("below usual")),
        ("arrow('rate', 150, [90, 110])", json!("above usual")),
        // A method: colours of types stay, and a curve is its digits.
        (
            "m.outcomeLayers([['a', 1], ['b', 0]], [null, null, null])['failed-1']",
            json!(["a"]),
        ),
        (
            "m.outcomeLayers([['a', 1]], ['x', 'a', null])['failed-2']",
            json!(["a"]),
        ),
        (
            "m.outcomeLayers([['a', 1], ['b', 0]], [null, null, null]).expected",
            json!(["b"]),
        ),
        ("m.curveDigits('A_B*')", json!([0, 63, 1, 0])),
        (
            "m.changeText({ change: ['failures', 'timeout', 0, 'LookUp', 3, 1], state: 'f' }, true)",
            json!(["through ", "", "LookUp", ""]),
        ),
    ]
}

fn of_plots() -> Examples {
    vec![
        // Scales: the next round number above, which is lowered after a minute alone.
        ("m.linearTop(145)", json!([150, 50])),
        ("m.linearTop(58)", json!([60, 20])),
        (
            "(s => [s.fit(0, 58, 2).high, s.fit(0, 20, 4).high, s.fit(0, 20, 70).high])(m.valueScale(4))",
            json!([60, 60, 20]),
        ),
        (
            "(f => [f.low, f.high])(m.valueScale().fit(0.00015, 0.057, 2))",
            json!([-4, -1]),
        ),
        (
            "[m.gridText(5, 2.5), m.gridText(20000, 10000)]",
            json!(["5.0", "20,000"]),
        ),
        // A cell that is drawn again shows the new text alone, with or without a small unit.
        (
            r"(td => ['38\u202fs', '1\u202fmin 38\u202fs', '1\u202fmin 39\u202fs', '2\u202fh', '÷\u202f41', '0'].map(text => (m.cell(td, text), td.innerHTML)))(document.createElement('td'))",
            json!([
                "38<span class=\"unit\">\u{202f}s</span>",
                "1\u{202f}min 38\u{202f}s",
                "1\u{202f}min 39\u{202f}s",
                "2<span class=\"unit\">\u{202f}h</span>",
                "÷\u{202f}41",
                "0"
            ]),
        ),
        ("m.decadeText(1e-4)", json!("100\u{202f}µs")),
        // Sentences of the server are ASCII, but for names.
        (
            "m.richSentence('p50 25 us: 4.4 x; 9 % of `5 x y` in 30 s, 3 xs').map(part => part.textContent ?? part).join('')",
            json!("p50 25\u{202f}µs: 4.4\u{202f}×; 9\u{202f}% of 5 x y in 30\u{202f}s, 3 xs"),
        ),
        // A new process: one row says what was before, as this tab and as the server know it.
        (
            "(rows => { m.page.before = { at: m.now(), verdict: { state: 'failing', sentence: 'All fail.' } }; \
             const model = m.verdictModel({ state: 'ok', level: 'ok', rows }); m.page.before = null; \
             return model.rows.map(({ label, text }) => [label, /All fail\\. 1\\.4\\.3 was deployed\\.$/.test(text)]); }) \
             ([{ label: 'Cause', text: 'None.' }, { label: 'Before', text: '1.4.3 was deployed.' }])",
            json!([["Before", true], ["Cause", false]]),
        ),
        // Names of lines that would lie on each other are one text, also where one had to go below its line.
        ("names(1000, 1000, 400)", json!(["p50, p95, p99 at 14"])),
        (
            "names(1000, 1000, 2)",
            json!(["p95, p99 at 14", "p50 at 143.8"]),
        ),
        ("names(100, 100, 90)", json!(["p50, p95, p99 at 49.5"])),
        // No label of the axis touches the time of now, at its right end.
        ("lastTick(101)", json!([619, 900])),
        ("lastTick(103)", json!([797, 900])),
        // Slots without calls are gaps, and one between gaps is a point.
        (
            "m.curvePaths({ x: [0, 1, 2, 3, 4], v: [1, 2, NaN, 3, NaN] }, v => 10 - v, 10)[0]",
            json!("M0 9L1 8M3 7h0"),
        ),
        // Links and addresses.
        ("m.link('method', 'a/b?c')", json!("#/method/a%2Fb%3Fc")),
        ("m.readAddress('#/method/a%2Fb%3Fc').name", json!("a/b?c")),
        ("m.readAddress('#/toString').screen", json!("now")),
    ]
}

#[test]
fn what_screens_make_of_answers_is_as_in_the_examples() {
    let Some(mut browser) = browser("what_screens_make_of_answers_is_as_in_the_examples") else {
        return;
    };
    let served = Served::start(&MonitorConfig::default());
    browser.open(&served.url());
    settle(&mut browser, "now");
    let examples = [
        of_compare(),
        of_tables(),
        of_health(),
        of_other_screens(),
        of_plots(),
    ]
    .concat();
    let mut findings = Vec::new();
    for (expression, expected) in examples {
        let found = browser.eval(&format!(
            "import('/page.js').then(m => {{
               const w = (p95, p95_ci, failed = 0, failed_ci = [0, 0.005]) => ({{ calls: 900, rate: 3, p95, p95_ci, failed, failed_ci }});
               const names = (p99, p95, p50) => {{
                 const curves = ['p50', 'p95', 'p99'].map(key => ({{ key, name: key, kind: key, label: key }}));
                 const {{ nodes, draw }} = m.curveRow({{ format: String, curves }});
                 const frame = {{ left: 0, right: 99, height: 168, from: 0, to: 9, end: 9, x: t => t, slotX: () => 9 }};
                 draw(frame, {{ t0: 0, step: 9, low: 1, series: {{ p50: [p50], p95: [p95], p99: [p99] }} }});
                 return [...nodes.at(-1).children].map(text => `${{text.textContent}} at ${{text.getAttribute('y')}}`);
               }};
               const lastTick = ago => {{
                 const to = 1795834980 + ago;
                 const {{ nodes, draw }} = m.axisRow();
                 draw({{ left: 0, right: 900, from: to - 900, to, x: t => 900 + t - to }});
                 return [...nodes[1].children].slice(-2).map(text => Number(text.getAttribute('x')));
               }};
               const arrow = (key, value, range) => {{
                 const {{ nodes, draw }} = m.nowNumber(key, document.createElement('p'));
                 draw({{ [key]: value }}, {{ [key]: range }}, {{ [key]: 'warn' }});
                 return nodes[1].getAttribute('aria-label');
               }};
               return {expression};
             }})"
        ));
        if !is_same(&found, &expected) {
            findings.push(format!("{expression} is {found}, not {expected}"));
        }
    }
    none(&findings);
}

/// JavaScript has no integers, and adds up in doubles.
fn is_same(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| is_same(a, b))
        }
        (Value::Number(found), Value::Number(expected)) => {
            let difference = found.as_f64().zip(expected.as_f64());
            difference.is_some_and(|(a, b)| (a - b).abs() < 1e-9)
        }
        _ => found == expected,
    }
}
