//! Numbers on the page are written as in sentences and in `/top`: each formatter of the page against its twin in Rust.

use monitor_core::verdict::numbers::{self, NumberStyle};
use monitor_server::MonitorConfig;
use monitor_tests::browser::Browser;
use serde_json::{Value, json};

use crate::support::{Served, browser, none};

type Twin = fn(f64) -> String;

/// The page's functions and their twins. Times come in milliseconds.
const TWINS: [(&str, Twin); 8] = [
    ("duration", |x| numbers::duration(x, NumberStyle::Prose)),
    ("callDuration", |x| {
        numbers::call_duration(x, NumberStyle::Prose)
    }),
    ("age", |x| numbers::span(x, NumberStyle::Prose)),
    ("share", |x| numbers::share(x, NumberStyle::Prose)),
    ("rate", |x| numbers::rate(x, NumberStyle::Prose)),
    ("rateNumber", numbers::per_second_number),
    ("bytes", |x| numbers::bytes(x, NumberStyle::Prose)),
    ("ratio", |x| numbers::ratio(x, NumberStyle::Prose)),
];

/// Values on both sides of each place where a form changes, over all magnitudes, and what is no number.
fn grid() -> Vec<f64> {
    let mut values = vec![
        0.0,
        -0.0,
        -1.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::EPSILON,
    ];
    let edges = [
        1.0, 1.005, 1.25, 1.5, 1.95, 2.5, 3.15, 4.999_9, 5.0, 5.2, 9.45, 9.5, 9.944, 9.95, 9.951,
        9.994_9, 9.995, 9.999, 9.999_99,
    ];
    // From a nanosecond on: nothing here is measured in less.
    for power in -9..=15 {
        for edge in edges {
            values.push(edge * 10_f64.powi(power));
        }
    }
    for edge in [
        60.0,
        3600.0,
        86_400.0,
        604_800.0,
        1024.0,
        1_048_576.0,
        1e9,
        0.52,
        1.95,
        0.095,
        0.095 / 60.0,
    ] {
        for step in [
            -1.0, -0.5, -0.001, -0.000_5, 0.0, 0.000_4, 0.001, 0.5, 1.0, 29.5,
        ] {
            values.extend([
                edge + step,
                edge * (1.0 + step / 1000.0),
                edge * 999.5 + step,
            ]);
        }
    }
    // Ties, which both round to the even digit.
    for number in 0..400_u32 {
        let number = f64::from(number);
        values.extend([
            number / 8.0,
            number / 16.0,
            number / 1000.0,
            number / 10_000.0,
            number * 0.5,
        ]);
    }
    // Times of the day, of leap years and beyond the year 9999.
    for day in [0.0, 11_016.0, 19_782.0, 20_785.0, 2_932_896.0, 3e6] {
        for second in [0.0, 0.999_4, 0.999_6, 43_199.999_9, 86_399.999] {
            values.push(day * 86_400.0 + second);
        }
    }
    // Some at random, the same in each run.
    let mut state = 1_u64;
    for _ in 0..3000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let high = u32::try_from(state >> 32).expect("32 bits");
        let power = f64::from(high % 2000) / 100.0 - 8.0;
        values.push(10_f64.powf(power));
    }
    values
}

/// A page that is open, whatever it shows: its module has all functions.
fn opened(test: &str) -> Option<(Browser, Served)> {
    let mut browser = browser(test)?;
    let served = Served::start(&MonitorConfig::default());
    browser.open(&served.url());
    browser.run("window.twin = await import('/page.js');");
    Some((browser, served))
}

/// What the page's function writes for each value, in the letters of the twin.
fn written(browser: &mut Browser, function: &str, values: &[f64]) -> Vec<String> {
    // JSON has no infinite numbers.
    let texts: Vec<_> = values.iter().map(|value| format!("{value:e}")).collect();
    let texts = json!(texts);
    let lines = browser.run(&format!(
        "const number = text => text === 'inf' ? Infinity : text === '-inf' ? -Infinity : Number(text);
         const letters = {{ '\\u202f': ' ', 'µ': 'u', '×': 'x', '÷': '/', '−': '-', '–': '-' }};
         return {texts}.map(text => twin.{function}(number(text)).replace(/[\\u202fµ×÷−–]/g, letter => letters[letter]));"
    ));
    let lines = lines.as_array().cloned().unwrap_or_default();
    assert_eq!(lines.len(), values.len());
    lines
        .iter()
        .map(|line| line.as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn each_number_is_written_as_its_twin_writes_it() {
    let test = "each_number_is_written_as_its_twin_writes_it";
    let Some((mut browser, _served)) = opened(test) else {
        return;
    };
    let values = grid();
    let mut findings = Vec::new();
    let mut compare =
        |function: &str, values: &[f64], lines: &[String], twin: &dyn Fn(f64) -> String| {
            for (value, line) in values.iter().zip(lines) {
                let expected = twin(*value);
                if *line != expected {
                    findings.push(format!(
                        "{function}({value:e}) is `{line}`, the twin writes `{expected}`"
                    ));
                }
            }
        };
    for (function, twin) in TWINS {
        let lines = written(&mut browser, function, &values);
        compare(function, &values, &lines, &twin);
    }
    // Times of the JSON have three decimals.
    let times: Vec<_> = values
        .iter()
        .map(|value| (value * 1000.0).round() / 1000.0)
        .collect();
    let lines = written(&mut browser, "dayTime", &times);
    compare("dayTime", &times, &lines, &numbers::time_of_day);
    // A count is a whole number, and one that a double has.
    let mut counts = Vec::new();
    for value in &values {
        if (0.0..9e15).contains(value) {
            counts.push(value.trunc());
        }
    }
    let lines = written(&mut browser, "count", &counts);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole numbers from 0 to 9e15"
    )]
    compare("count", &counts, &lines, &|value| {
        numbers::count(value as u64, NumberStyle::Prose)
    });
    findings.truncate(40);
    none(&findings);
}

/// The table of section 6 of the design, with its own letters.
#[test]
fn numbers_are_written_as_the_design_says() {
    let Some((mut browser, _served)) = opened("numbers_are_written_as_the_design_says") else {
        return;
    };
    let cases = json!([
        ["duration", 38e-6, "38 µs"],
        ["duration", 620e-6, "620 µs"],
        ["duration", 0.0018, "1.8 ms"],
        ["duration", 0.021, "21 ms"],
        ["duration", 2, "2.0 s"],
        ["duration", 12, "12 s"],
        ["callDuration", 0.00184, "1.84 ms"],
        ["callDuration", 0.184, "184 ms"],
        ["age", 371, "6 min 11 s"],
        ["age", 15120, "4 h 12 min"],
        ["age", 187_200, "2 d 4 h"],
        ["share", 0.0012, "0.12 %"],
        ["share", 0.042, "4.2 %"],
        ["share", 0.64, "64 %"],
        ["share", 0.996, "99.6 %"],
        ["share", 0.00005, "<0.01 %"],
        ["share", 0.99999, "99.9 %"],
        ["share", 1, "100 %"],
        ["rate", 137, "137 /s"],
        ["rate", 8.7, "8.7 /s"],
        ["rate", 0.42, "0.42 /s"],
        ["rate", 4.0 / 60.0, "4.0 /min"],
        ["count", 9668, "9,668"],
        ["count", 48_200_000, "48.2 M"],
        ["bytes", 222_298_112, "212 MiB"],
        ["bytes", 3_250_586, "3.10 MiB"],
        ["ratio", 430, "430 ×"],
        ["ratio", 1.0 / 2.4, "÷ 2.4"],
        ["ratio", 1.14, "+14 %"],
        ["ratio", 0.86, "−14 %"],
        ["ratio", 1, "="],
    ]);
    let found = browser.run(&format!(
        "return {cases}.map(([name, value, expected]) => [name, value, expected, twin[name](value).replaceAll('\\u202f', ' ')])
           .filter(([, , expected, is]) => is !== expected).map(String);"
    ));
    none(&monitor_tests::live_page::lines(&found));
}

/// What the server does not know is `null`, and what a record does not have `undefined`: neither is a number, nor zero.
#[test]
fn what_is_not_known_is_a_dash() {
    let Some((mut browser, _served)) = opened("what_is_not_known_is_a_dash") else {
        return;
    };
    let names: Vec<&str> = TWINS
        .iter()
        .map(|(name, _)| *name)
        .chain(["count", "dayTime"])
        .collect();
    let found = browser.run(&format!(
        "return {}.flatMap(name => [null, undefined, NaN].map(value => [name, value, twin[name](value)]))
           .filter(([, , text]) => text !== '–').map(String);",
        json!(names)
    ));
    none(&monitor_tests::live_page::lines(&found));
    assert_eq!(browser.eval("twin.share(0)"), Value::from("0\u{202f}%"));
}
