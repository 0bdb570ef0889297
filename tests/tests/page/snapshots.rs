//! Snapshot files: saved by one browser, opened in another one, equal to what was live; compared; and files that are none.

use std::path::{Path, PathBuf};
use std::time::Duration;

use monitor_core::Outcome;
use monitor_server::MonitorConfig;
use monitor_tests::browser::{Browser, Theme};
use monitor_tests::live_page::{SCREENS, go, next_frame, picture, settle};
use serde_json::{Value, json};

use crate::support::{Load, Served, browser, folder, pictures, until_recorded};
use crate::textprocessor::eventually;

/// Presses `o`, and gives the file to the dialog of the system that it opens.
fn open_file(browser: &mut Browser, file: &Path) {
    browser.choose_next_file(file, |browser| browser.key("o"));
}

/// The JSON file that comes into a folder.
fn saved(folder: &Path) -> PathBuf {
    let mut found = None;
    eventually("the file is saved", || {
        let entries = std::fs::read_dir(folder).expect("a folder").flatten();
        found = entries
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|is| is == "json"));
        found.is_some()
    });
    found.expect("a file")
}

/// The texts of the screen, without what goes on with the time: `3.1 s ago`.
fn texts(browser: &mut Browser) -> Value {
    browser.run(
        "const walk = document.createTreeWalker(document.getElementById('main'), NodeFilter.SHOW_TEXT);
         const texts = [];
         while (walk.nextNode()) if (walk.currentNode.data.trim()) texts.push(walk.currentNode.data);
         return texts;",
    )
}

#[test]
fn a_snapshot_is_opened_in_another_browser_and_equal() {
    let test = "a_snapshot_is_opened_in_another_browser_and_equal";
    let (Some(mut first), Some(mut second)) = (browser(test), browser(test)) else {
        return;
    };
    let config = MonitorConfig::default()
        .blocking_check("disk", Duration::from_secs(30), || Ok::<(), String>(()));
    let served = Served::start(&config);
    // Nothing goes on any more when it is saved, so that the same is live.
    drop({
        let load = Load::start(
            served.monitor,
            &["Analyse", "FailingLookUp", "ShowText", "<b>hostile"],
        );
        until_recorded();
        load
    });
    let hanging = served.call("ShowText");
    let _ = served.monitor.inc_stats("lookups", 17);
    until_recorded();
    let folder = folder("snapshot");
    first.save_in(&folder);
    first.open(&served.url());
    settle(&mut first, "now");
    first.key("s");
    let file = saved(&folder);

    // The other browser has a page of its own, whose service is another one.
    let other = Served::start(&MonitorConfig::default());
    other.calls("Other", 10, Outcome::Success);
    until_recorded();
    second.open(&other.url());
    settle(&mut second, "now");
    open_file(&mut second, &file);
    second.until(
        "the banner is there",
        "document.getElementById('banner').innerText.includes('Nothing here is live')",
    );
    next_frame(&mut second);

    // What the page draws of the file are the numbers of the file.
    let content = std::fs::read_to_string(&file).expect("the file");
    let snapshot: Value = serde_json::from_str(&content).expect("JSON");
    assert_eq!(snapshot["format"], "monitor-snapshot");
    let sentence = snapshot["verdict"]["sentence"]
        .as_str()
        .unwrap_or_default()
        .replace('`', "");
    let shown = second
        .text("document.querySelector('#verdict').innerText")
        .replace('\u{202f}', " ")
        .replace("µs", "us")
        .replace('×', "x");
    assert!(shown.contains(&sentence), "{sentence}\n{shown}");
    assert!(!second.text("document.body.innerText").contains("Other"));

    // Every screen of the file is what a page that reads it live shows: the first browser opens it too, there served by its own service.
    open_file(&mut first, &file);
    first.until(
        "the banner is there",
        "document.getElementById('banner').innerText.includes('Nothing here is live')",
    );
    let requests = "performance.getEntriesByType('resource').length";
    let before = second.number(requests);
    for screen in SCREENS {
        let fragment = if screen == "method" {
            "#/method/FailingLookUp".to_owned()
        } else {
            format!("#/{screen}")
        };
        go(&mut first, screen, &fragment);
        go(&mut second, screen, &fragment);
        assert_eq!(texts(&mut first), texts(&mut second), "on {screen}");
        for theme in Theme::ALL {
            second.theme(theme);
            next_frame(&mut second);
            picture(
                &mut second,
                &pictures().join("snapshot"),
                screen,
                1440,
                theme,
            );
        }
    }
    assert!(
        (second.number(requests) - before).abs() < 0.5,
        "a file is not asked for anything"
    );

    // The table of the file has the rows that the service has.
    go(&mut second, "methods", "#/methods");
    let names = second.text("[...document.querySelectorAll('.table.methods tbody a')].map(a => a.textContent).sort().join()");
    assert_eq!(names, "<b>hostile,Analyse,FailingLookUp,ShowText");

    // Back to live.
    second.click("#banner button");
    second.until(
        "it is live again",
        "document.getElementById('top').innerText.includes('live')",
    );
    settle(&mut second, "methods");
    second.until(
        "with its own rows",
        "document.getElementById('main').innerText.includes('Other')",
    );
    hanging.finish(Outcome::Success);
    let _ = std::fs::remove_dir_all(&folder);
}

/// While the server does not answer, the data of the page can be saved, and opened again.
#[test]
fn what_is_left_of_a_service_that_ended_is_saved_as_a_part() {
    let test = "what_is_left_of_a_service_that_ended_is_saved_as_a_part";
    let Some(mut browser) = browser(test) else {
        return;
    };
    let served = Served::start(&MonitorConfig::default());
    let load = Load::start(served.monitor, &["Analyse", "FailingLookUp"]);
    until_recorded();
    browser.open(&served.url());
    settle(&mut browser, "now");
    browser.until(
        "it fails",
        "document.documentElement.dataset.state === 'failing'",
    );
    go(&mut browser, "methods", "#/methods");
    browser.let_network_fail();
    drop(load);
    drop(served);
    browser.until(
        "nobody answers",
        "document.getElementById('verdict').innerText.includes('NO ANSWER')",
    );
    let folder = folder("partial");
    browser.save_in(&folder);
    browser.run("[...document.querySelectorAll('#verdict button')].find(b => b.textContent.includes('Save what is here')).click();");
    let file = saved(&folder);
    let snapshot: Value =
        serde_json::from_str(&std::fs::read_to_string(&file).expect("the file")).expect("JSON");
    assert_eq!(snapshot["partial"], true);
    assert_eq!(snapshot["verdict"]["state"], "failing");
    open_file(&mut browser, &file);
    browser.until(
        "the banner says that it is a part",
        "document.getElementById('banner').innerText.includes('part')",
    );
    for screen in ["now", "methods"] {
        go(&mut browser, screen, &format!("#/{screen}"));
        assert!(
            browser
                .text("document.getElementById('main').innerText")
                .contains("FailingLookUp")
        );
    }
    let _ = std::fs::remove_dir_all(&folder);
}

/// Files come from anywhere: what is no snapshot is refused with a reason, and what is a strange one breaks nothing.
#[test]
fn files_that_are_no_snapshots_are_refused_with_the_reason() {
    let test = "files_that_are_no_snapshots_are_refused_with_the_reason";
    let Some(mut browser) = browser(test) else {
        return;
    };
    let served = Served::start(&MonitorConfig::default());
    served.calls("Analyse", 10, Outcome::Success);
    until_recorded();
    browser.open(&served.url());
    settle(&mut browser, "now");
    let folder = folder("wrong");
    let verdict = json!({ "state": "ok", "level": "ok", "since": null, "sentence": "x", "rows": [], "counts": {}, "service": {} });
    let wrong = [
        ("not JSON at all", "no JSON"),
        ("[1, 2]", "no JSON object"),
        ("{\"format\": \"other\"}", "format"),
        ("{\"format\": \"monitor-snapshot\", \"v\": 3}", "version 3"),
        ("{\"format\": \"monitor-snapshot\", \"v\": 1}", "taken"),
        // Times that no axis ends at.
        (
            "{\"format\": \"monitor-snapshot\", \"v\": 1, \"taken\": 1e300}",
            "taken",
        ),
        (
            "{\"format\": \"monitor-snapshot\", \"v\": 1, \"taken\": 1e9, \"envelope\": {\"now\": -1}}",
            "taken",
        ),
        ("null", "no JSON object"),
        ("", "no JSON"),
    ];
    for (at, (text, reason)) in wrong.iter().enumerate() {
        let file = folder.join(format!("wrong-{at}.json"));
        std::fs::write(&file, text).expect("a file");
        open_file(&mut browser, &file);
        browser.until("a dialog says so", "document.querySelector('dialog[open]')");
        let said = browser.text("document.querySelector('dialog[open]').innerText");
        assert!(said.contains(reason), "`{text}`: {said}");
        browser.key("Escape");
        browser.until("it is closed", "!document.querySelector('dialog')");
    }
    // The right form with wrong parts: each screen says what it cannot show, or shows it; none throws.
    let strange = [
        json!({ "format": "monitor-snapshot", "v": 1, "taken": 1e9, "verdict": verdict }),
        json!({ "format": "monitor-snapshot", "v": 1, "taken": 1e9, "verdict": verdict, "overview": { "15m": { "t0": "x", "series": 5 } },
            "methods": { "cols": null, "rows": [1, null, "x"] }, "method": { "__proto__": 1 }, "inflight": { "tree": {} },
            "health": { "checks": 7 }, "events": {}, "values": { "rows": [[]] }, "runtime": { "process": null } }),
    ];
    for (at, object) in strange.iter().enumerate() {
        let file = folder.join(format!("strange-{at}.json"));
        std::fs::write(&file, object.to_string()).expect("a file");
        open_file(&mut browser, &file);
        browser.until(
            "the file is open",
            "document.getElementById('banner').innerText.length",
        );
        for screen in SCREENS {
            browser.run(&format!("location.hash = '#/{screen}/x';"));
            next_frame(&mut browser);
            browser.until(
                &format!("{screen} says something"),
                "document.getElementById('main').innerText.trim().length > 5",
            );
        }
    }
    let _ = std::fs::remove_dir_all(&folder);
}

/// The names of its columns have hyphens of their own, as the address has one for a descending order.
#[test]
fn a_column_of_compare_is_sorted_in_both_directions() {
    let Some(mut browser) = browser("a_column_of_compare_is_sorted_in_both_directions") else {
        return;
    };
    let served = Served::start(&MonitorConfig::default());
    let _load = Load::start(served.monitor, &["Analyse", "ShowText"]);
    until_recorded();
    browser.open(&format!("{}#/compare?a=now&b=now", served.url()));
    settle(&mut browser, "compare");
    browser.until(
        "both methods are compared",
        "document.querySelectorAll('main tbody a').length === 2",
    );
    for order in ["descending", "ascending", "descending"] {
        browser.click("main th.c-p95-a button");
        let sorted = "document.querySelector('main th[aria-sort]')?.className + ' ' + \
                      document.querySelector('main th[aria-sort]')?.ariaSort";
        assert_eq!(browser.text(sorted), format!("c-p95-a right {order}"));
    }
}

/// A window at an even time answers that one method of two was slow in it.
const TWO_WINDOWS: &str = "const real = fetch;
    window.fetch = (path, ...more) => {
        const at = /compare\\?at=(\\d+)/.exec(path)?.[1];
        if (!at) return real(path, ...more);
        const row = (name, p95) => [name, 900, 3, p95, [p95 * 0.9, p95 * 1.1]];
        const rows = [row('Calm', 0.01), row('Slow', at % 2 ? 0.01 : 1)];
        const cols = ['name', 'calls', 'rate', 'p95', 'p95_ci'];
        return Promise.resolve(new Response(JSON.stringify({ from: at - 300, to: +at, cols, rows })));
    };
    window.time = 2 * Math.ceil(Date.now() / 2000) + 100;
    location.hash = `#/compare?a=${time + 1}&b=${time}`;";

/// A method that changed in the comparison before, and not in this one, does not stay above the line for 10 s.
#[test]
fn another_comparison_is_grouped_anew_at_once() {
    let Some(mut browser) = browser("another_comparison_is_grouped_anew_at_once") else {
        return;
    };
    let served = Served::start(&MonitorConfig::default());
    browser.open(&served.url());
    settle(&mut browser, "now");
    browser.run(TWO_WINDOWS);
    settle(&mut browser, "compare");
    let change = "[...document.querySelectorAll('main td.c-p95-change')].map(td => td.textContent)";
    browser.until(
        "one changed",
        &format!("{change}.join() === '100\u{202f}×,='"),
    );
    let lines = "document.querySelectorAll('main tr.divide').length";
    assert_eq!(browser.text(lines), "1");
    browser.run(
        "const [, field] = document.querySelectorAll('.compare-side input');
         field.value = new Date((time + 3) * 1000).toISOString().slice(0, 19);
         field.dispatchEvent(new Event('change'));",
    );
    browser.until("none did", &format!("{change}.join() === '=,='"));
    assert_eq!(browser.text(lines), "0");
}

/// Compare sets what is now against what was.
#[test]
fn compare_shows_what_changed_against_a_file() {
    let test = "compare_shows_what_changed_against_a_file";
    let Some(mut browser) = browser(test) else {
        return;
    };
    let served = Served::start(&MonitorConfig::default());
    let quiet = Load::start(served.monitor, &["Analyse", "ShowText"]);
    until_recorded();
    let folder = folder("compare");
    browser.save_in(&folder);
    browser.open(&served.url());
    settle(&mut browser, "now");
    browser.key("s");
    let file = saved(&folder);
    // A window that ends beyond all calendars is compared, too.
    let saved = std::fs::read(&file).expect("the file");
    let mut snapshot: Value = serde_json::from_slice(&saved).expect("JSON");
    snapshot["windows"]["now"]["to"] = json!(1e300);
    std::fs::write(&file, snapshot.to_string()).expect("it is written");
    let _failing = Load::start(served.monitor, &["FailingLookUp"]);
    until_recorded();
    browser.key("7");
    settle(&mut browser, "compare");
    browser.choose_next_file(&file, |browser| {
        browser.run(
            "const select = document.querySelector('main select');
             const option = [...select.options].find(option => option.value === 'file');
             select.value = option.value; select.dispatchEvent(new Event('change', { bubbles: true }));",
        );
    });
    browser.until(
        "the file is one side",
        "/snapshot|file|\\.json/i.test(document.getElementById('main').innerText)",
    );
    browser.until("the new method is told", "/new/.test([...document.querySelectorAll('main tr')].find(tr => tr.textContent.includes('FailingLookUp'))?.textContent ?? '')");
    for theme in Theme::ALL {
        browser.theme(theme);
        next_frame(&mut browser);
        picture(
            &mut browser,
            &pictures().join("states"),
            "compare-file",
            1440,
            theme,
        );
    }
    drop(quiet);
    let _ = std::fs::remove_dir_all(&folder);
}
