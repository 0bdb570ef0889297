//! Windows of calls, to be compared.

use super::*;

/// The cells of a method by their names.
fn cells(answer: &Value, name: &str) -> Map<String, Value> {
    let mut rows = answer["rows"].as_array().expect("rows").iter();
    let row = rows.find(|row| row[1] == name).expect("its row");
    let cols = answer["cols"].as_array().expect("names").iter();
    cols.zip(row.as_array().expect("cells"))
        .map(|(name, cell)| (name.as_str().expect("a name").to_owned(), cell.clone()))
        .collect()
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

#[test]
fn two_windows_of_a_method_that_began_to_fail_do_not_overlap() {
    let watch = busy();
    let look = whole(&watch);
    let windows = compare::windows(&look);
    for (name, window) in windows.as_object().expect("windows") {
        let mut answer = window.clone();
        let envelope = look.sealed(true, Map::new());
        answer
            .as_object_mut()
            .expect("an object")
            .extend(envelope.as_object().expect("an object").clone());
        ApiSchema::strict().check("compare", &answer);
        ApiSchema::strict().check("window", window);
        assert!(number(&window["to"]) > number(&window["from"]), "{name}");
    }
    // 40 minutes are kept. In the whole workspace objects keep their order, in this crate alone they do not.
    let mut names: Vec<_> = windows.as_object().expect("windows").keys().collect();
    names.sort();
    assert_eq!(names, ["15m", "now"]);
    let [before, after] = ["15m", "now"].map(|name| cells(&windows[name], "Method4"));
    assert_eq!(
        (&before["rate"], &before["failed"]),
        (&4.5.into(), &0.into())
    );
    assert_eq!(before["failed_ci"][0], 0);
    assert!(number(&after["failed_ci"][0]) > number(&before["failed_ci"][1]));
    let p95 = &before["p95_ci"];
    assert!(number(&p95[0]) < number(&before["p95"]) && number(&before["p95"]) < number(&p95[1]));
    assert_eq!(after["calls"], 1500 - 49);
    // A method that did the same all the time overlaps, in slots of 2 s and of 20 s.
    let [before, after] = ["15m", "now"].map(|name| cells(&windows[name], "Method3"));
    assert!(number(&after["p95_ci"][0]) <= number(&before["p95_ci"][1]));
    assert!(number(&before["p95_ci"][0]) <= number(&after["p95_ci"][1]));
}

#[test]
fn a_window_of_which_nothing_is_kept_is_refused_with_a_sentence() {
    let api = api();
    drop(api.monitor.verdict());
    let error = |query: &str| {
        let refusal = compare::answer(&api, query).expect_err("refused");
        refusal.body()["error"]
            .as_str()
            .expect("a sentence")
            .to_owned()
    };
    let before = error("at=1000000000");
    assert!(
        before.starts_with("nothing is kept of the time before "),
        "{before}"
    );
    for window in ["19", "86401", "NaN", "x"] {
        let error = error(&format!("window={window}"));
        assert!(
            error.ends_with("`window` is seconds from 20 to 86400"),
            "{error}"
        );
    }
}
