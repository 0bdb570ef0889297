//! The page without a pointer: each key, the way of the tabulator, and where the focus is.

use monitor_server::MonitorConfig;
use monitor_tests::browser::Browser;
use monitor_tests::live_page::{SCREENS, go, lines, next_frame, settle};
use serde_json::Value;

use crate::support::{Load, Served, browser, folder, none, until_recorded};
use crate::textprocessor::{eventually, get};

const METHODS: [&str; 5] = [
    "Analyse",
    "FailingLookUp",
    "Keywords",
    "ShowText",
    "SplitWords",
];

/// A page whose service has some methods, one of which fails.
///
/// Fields end in their order: the browser before what it shows.
struct Opened {
    browser: Browser,
    served: Served,
    _load: Load,
}

fn opened(test: &str) -> Option<Opened> {
    let mut browser = browser(test)?;
    let config =
        MonitorConfig::default().blocking_check("disk", std::time::Duration::from_secs(5), || {
            Ok::<(), String>(())
        });
    let served = Served::start(&config);
    let load = Load::start(served.monitor, &METHODS);
    until_recorded();
    browser.open(&served.url());
    settle(&mut browser, "now");
    browser.until(
        "the verdict is that one fails",
        "document.documentElement.dataset.state === 'failing'",
    );
    Some(Opened {
        browser,
        served,
        _load: load,
    })
}

fn focus(browser: &mut Browser) -> String {
    browser.text(
        "(e => `${e.localName} ${e.id} ${e.getAttribute('aria-label') ?? e.textContent.trim().slice(0, 40)}`)(document.activeElement)",
    )
}

/// Where two long texts begin to differ.
fn first_difference(one: &str, other: &str) -> Option<(String, String)> {
    if one == other {
        return None;
    }
    let (one, other): (Vec<_>, Vec<_>) = (one.chars().collect(), other.chars().collect());
    let at = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let around = |text: &[char]| {
        let part = text.iter().skip(at.saturating_sub(80)).take(160);
        part.collect()
    };
    Some((around(&one), around(&other)))
}

/// The width of the blank between `Paused` and `at 03:14:00`.
const BLANK_BEFORE_TIME: &str = "(range => {
    const { firstChild: text } = document.querySelector('.live > span:last-child');
    range.setStart(text, 0);
    range.setEnd(text, 1);
    return range.getBoundingClientRect().width;
})(document.createRange())";

#[test]
fn each_key_does_what_the_help_says() {
    let test = "each_key_does_what_the_help_says";
    let Some(mut opened) = opened(test) else {
        return;
    };
    let served = &opened.served;
    let browser = &mut opened.browser;
    // Screens, and the focus goes to what is new.
    let screens = SCREENS.into_iter().filter(|screen| *screen != "method");
    for (at, screen) in screens.enumerate().skip(1) {
        browser.key(&(at + 1).to_string());
        settle(browser, screen);
        assert!(focus(browser).starts_with("main"), "{}", focus(browser));
        let current = "document.querySelector('nav [aria-current=page]').textContent";
        assert!(!browser.text(current).is_empty());
    }
    browser.key("1");
    settle(browser, "now");

    // Ranges.
    let range = "new URLSearchParams(location.hash.split('?')[1]).get('range')";
    browser.key("]");
    assert_eq!(browser.text(range), "3h");
    browser.key("]");
    browser.key("]");
    assert_eq!(browser.text(range), "24h");
    settle(browser, "now");
    browser.keys(&["[", "["]);
    assert!(["null", "15m"].contains(&&*browser.text(range)));
    settle(browser, "now");

    // Pause, and go on.
    browser.key("p");
    let main = "document.getElementById('main').innerHTML";
    browser.until(
        "it says so",
        "document.getElementById('top').textContent.includes('Paused at')",
    );
    next_frame(browser);
    assert!(
        browser.number(BLANK_BEFORE_TIME) > 0.0,
        "`Paused` and `at` are one word"
    );
    let still = browser.text(main);
    std::thread::sleep(std::time::Duration::from_millis(4500));
    let later = browser.text(main);
    let difference = first_difference(&still, &later);
    assert_eq!(difference, None, "a paused screen stands still");
    browser.key("p");
    browser.until("it goes on", &format!("{main} !== {}", Value::from(still)));

    // Copying gives what `/verdict` says, and where.
    browser.call(
        "Browser.grantPermissions",
        &serde_json::json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] }),
    );
    eventually("the sentence is that of `/verdict`", || {
        let verdict = get(served.addr(), "/verdict").body;
        browser.key("c");
        browser.until(
            "the text is copied",
            "navigator.clipboard.readText().then(text => text.length)",
        );
        let copied = browser.text("navigator.clipboard.readText()");
        copied.lines().nth(1) == verdict.lines().nth(1)
    });
    let copied = browser.text("navigator.clipboard.readText()");
    assert!(copied.contains(&served.url()), "{copied}");

    // Theme: light, dark, and as the system has it.
    let theme = "document.documentElement.dataset.theme ?? ''";
    let mut themes = Vec::new();
    for _ in 0..3 {
        browser.key("t");
        themes.push(browser.text(theme));
    }
    themes.sort();
    assert_eq!(themes, ["", "dark", "light"]);

    local_times_and_back(browser);

    // Help is a dialog; the focus comes back.
    assert!(focus(browser).starts_with("main"), "{}", focus(browser));
    browser.run("window.before = document.activeElement;");
    browser.key("?");
    browser.until("help is open", "document.querySelector('dialog[open]')");
    browser.key("4");
    assert_eq!(
        browser.text("location.hash.split('?')[0]"),
        "#/now",
        "a dialog takes all keys"
    );
    browser.key("Escape");
    browser.until("help is closed", "!document.querySelector('dialog[open]')");
    browser.until(
        "the focus comes back",
        "document.activeElement === window.before",
    );

    // Saving.
    let saved = folder("keys");
    browser.save_in(&saved);
    browser.key("s");
    eventually("a file is saved", || {
        let mut names = std::fs::read_dir(&saved).expect("a folder").flatten();
        names.any(|entry| entry.path().extension().is_some_and(|is| is == "json"))
    });
    let _ = std::fs::remove_dir_all(&saved);
}

/// `u`: times of the browser's zone, and back.
fn local_times_and_back(browser: &mut Browser) {
    browser.call(
        "Emulation.setTimezoneOverride",
        &serde_json::json!({ "timezoneId": "Asia/Kathmandu" }),
    );
    let says =
        |zone: &str| format!("document.getElementById('main').textContent.includes('{zone}')");
    browser.until("times are UTC", &says("UTC"));
    browser.key("u");
    browser.until("times are local", &says("GMT+5:45"));
    let note = "getComputedStyle(document.querySelector('.verdict-rows'), '::after').content";
    assert!(
        browser.text(note).contains("are UTC"),
        "the server's are not"
    );
    browser.key("u");
    browser.until("times are UTC again", &says("UTC"));
    assert_eq!(browser.text(note), "none");
}

#[test]
fn a_table_is_walked_filtered_and_opened_by_keys() {
    let test = "a_table_is_walked_filtered_and_opened_by_keys";
    let Some(mut opened) = opened(test) else {
        return;
    };
    let browser = &mut opened.browser;
    browser.key("2");
    settle(browser, "methods");
    let row = "document.activeElement.closest('tr')?.querySelector('a')?.textContent ?? ''";
    browser.key("j");
    assert_eq!(browser.text(row), "FailingLookUp", "what failed is first");
    browser.key("j");
    let second = browser.text(row);
    assert_ne!(second, "FailingLookUp");
    browser.key("k");
    assert_eq!(browser.text(row), "FailingLookUp");
    browser.key("End");
    let last = browser.text(row);
    assert!(last != second && last != "FailingLookUp" && !last.is_empty());
    browser.key("Home");
    assert_eq!(browser.text(row), "FailingLookUp");
    let stops = "document.querySelectorAll('main tbody tr[tabindex=\"0\"]').length";
    assert_eq!(browser.eval(stops), 1, "a table is one tab stop");
    browser.key("ArrowDown");
    assert_eq!(browser.text(row), second);
    browser.key("Enter");
    settle(browser, "method");
    assert_eq!(
        browser.text("document.querySelector('h1').textContent.trim()"),
        second
    );
    browser.key("Escape");
    settle(browser, "methods");

    // Letters that are typed into the field are letters.
    browser.key("/");
    assert!(focus(browser).starts_with("input"), "{}", focus(browser));
    for key in ["s", "p", "l", "2"] {
        browser.key(key);
    }
    assert_eq!(browser.text("document.activeElement.value"), "spl2");
    assert!(browser.text("location.hash").starts_with("#/methods"));
    browser.until(
        "nothing fits",
        "document.getElementById('main').innerText.includes('spl2')",
    );
    browser.key("Escape");
    let names =
        "[...document.querySelectorAll('main tbody a')].map(a => a.textContent).sort().join()";
    browser.until(
        "the filter is empty",
        "!document.querySelector('main input[type=search]').value",
    );
    next_frame(browser);
    assert_eq!(browser.text(names), METHODS.join(","));
    // The focus is still in the field.
    for key in ["s", "p", "l"] {
        browser.key(key);
    }
    browser.until("one is left", &format!("{names} === 'SplitWords'"));
    assert!(browser.text("location.hash").contains("q=spl"));

    // Heads sort, by the keyboard too.
    go(browser, "methods", "#/methods");
    browser.run("[...document.querySelectorAll('main thead button')].find(b => b.textContent.startsWith('Method')).focus();");
    browser.key("Enter");
    next_frame(browser);
    let sorted = "document.querySelector('main th[aria-sort]').getAttribute('aria-sort')";
    assert_eq!(browser.text(sorted), "ascending");
    browser.key("Enter");
    next_frame(browser);
    assert_eq!(browser.text(sorted), "descending");
}

#[test]
fn the_time_mark_moves_by_keys_and_goes() {
    let test = "the_time_mark_moves_by_keys_and_goes";
    let Some(mut opened) = opened(test) else {
        return;
    };
    let browser = &mut opened.browser;
    browser.run("document.querySelector('main [role=slider]').focus();");
    let at = "document.querySelector('main [role=slider]').getAttribute('aria-valuetext') ?? ''";
    let without = browser.text(at);
    browser.key("ArrowLeft");
    next_frame(browser);
    let last = browser.text(at);
    assert_ne!(last, without, "a mark has a text");
    browser.key("ArrowLeft");
    next_frame(browser);
    let before = browser.text(at);
    assert_ne!(before, last);
    browser.key("ArrowRight");
    next_frame(browser);
    assert_eq!(browser.text(at), last);
    browser.key("Escape");
    next_frame(browser);
    assert_eq!(browser.text(at), without);
}

#[test]
fn keys_of_one_letter_can_be_switched_off_and_give_way_to_others() {
    let test = "keys_of_one_letter_can_be_switched_off_and_give_way_to_others";
    let Some(mut opened) = opened(test) else {
        return;
    };
    let browser = &mut opened.browser;
    for key in ["Control+2", "Alt+2", "Meta+2", "Control+p"] {
        browser.key(key);
    }
    next_frame(browser);
    assert_eq!(
        browser.text("location.hash.slice(0, 5)"),
        browser.text("'#/now'.slice(0, location.hash.length)")
    );
    assert!(
        !browser
            .text("document.getElementById('top').textContent")
            .contains("Paused")
    );
    browser.key("?");
    browser.until("help is open", "document.querySelector('dialog[open]')");
    browser.click("dialog input[type=checkbox]");
    browser.key("Escape");
    browser.key("2");
    next_frame(browser);
    assert_ne!(browser.text("location.hash"), "#/methods");
    browser.reload();
    settle(browser, "now");
    browser.key("2");
    next_frame(browser);
    assert_ne!(
        browser.text("location.hash"),
        "#/methods",
        "it is remembered"
    );
}

/// From the first to the last with the tabulator: everything that can be clicked is reached, is seen to have the focus, and is large enough.
#[test]
fn the_tabulator_reaches_everything_and_shows_where_it_is() {
    let test = "the_tabulator_reaches_everything_and_shows_where_it_is";
    let Some(mut opened) = opened(test) else {
        return;
    };
    let browser = &mut opened.browser;
    let mut findings = Vec::new();
    let screens = SCREENS.into_iter().filter(|screen| *screen != "method");
    for screen in screens.chain(["method"]) {
        let fragment = if screen == "method" {
            "#/method/Analyse".to_owned()
        } else {
            format!("#/{screen}")
        };
        go(browser, screen, &fragment);
        // The screen stands still, so that what is reached is what was there.
        browser.key("p");
        next_frame(browser);
        browser.run(
            "window.reached = new Set(); window.first = null; document.activeElement.blur(); getSelection().removeAllRanges();
             const start = document.createElement('span'); start.tabIndex = -1; document.body.prepend(start); start.focus(); start.remove();",
        );
        for step in 0..120 {
            browser.key("Tab");
            let found = browser.run(
                "const e = document.activeElement;
                 if (e === document.body || reached.has(e)) return null;
                 reached.add(e);
                 const style = getComputedStyle(e), box = e.getBoundingClientRect(), name = `${e.localName}.${e.className?.baseVal ?? e.className} ${(e.getAttribute('aria-label') ?? e.textContent).trim().slice(0, 30)}`;
                 const found = [];
                 if (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2) found.push(`${name} shows no focus`);
                 if (box.bottom < 0 || box.top > innerHeight || box.right < 0 || box.left > innerWidth) found.push(`${name} is out of sight with the focus`);
                 const target = e.matches('p a, li a, dd a, code a, label') ? null : box;
                 if (target && (target.width < 24 || target.height < 23.5)) found.push(`${name} is ${Math.round(target.width)} x ${Math.round(target.height)}`);
                 return [name, ...found];",
            );
            let Some(list) = found.as_array() else {
                break;
            };
            if step == 0 && screen == "now" {
                let name = list[0].as_str().unwrap_or_default();
                assert!(
                    name.contains("To the content"),
                    "the skip link is first: {name}"
                );
            }
            let named = lines(&found).into_iter().skip(1);
            findings.extend(named.map(|line| format!("{screen}: {line}")));
        }
        // Rows of a table are reached by arrows once one of them has the focus.
        let missed = browser.run(
            "return [...document.querySelectorAll('a[href], button, input, select, [tabindex=\"0\"]')]
               .filter(e => e.checkVisibility({ visibilityProperty: true }) && !e.disabled && !e.closest('tbody') && !reached.has(e))
               .map(e => `${e.localName}.${e.className?.baseVal ?? e.className} ${e.textContent.trim().slice(0, 30)} is not reached`);",
        );
        findings.extend(
            lines(&missed)
                .into_iter()
                .map(|line| format!("{screen}: {line}")),
        );
        browser.key("p");
    }
    findings.sort();
    findings.dedup();
    none(&findings);
}
