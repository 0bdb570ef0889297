//! Names and texts that come from the service and its peers are hostile: on every screen they are text and nothing else.

use std::time::Duration;

use monitor_core::{ErrorText, NamedView, Outcome};
use monitor_server::{Check, MonitorConfig, Service};
use monitor_tests::browser::Browser;
use monitor_tests::live_page::{
    SCREENS, beyond_the_edge, go, lines, method_fragment, next_frame, settle,
};

use crate::support::{Served, browser, none, until_recorded};

/// Names of methods: each is one that somebody could take for something else.
fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "<script>document.title='run'</script>",
        "'\"><img src=x onerror=\"document.title='run'\">",
        "\u{1b}[31mred\u{7}\u{8}",
        "\u{202e}gnp.exe\u{2066}",
        "__proto__",
        "constructor",
        "toString",
        "a/b?c#d&e=%2e%2e/..",
        "`back` `quotes",
        "javascript:alert(1)",
        "line\nbreak\tand tab",
        "${7*7}{{7*7}}",
        "   ",
        "Überprüfung 漢字 🚀 e\u{301}",
    ]
    .map(str::to_owned)
    .into();
    // The longest one that there can be: 120 bytes, without a place to break it.
    names.push("W".repeat(120));
    names
}

/// 10 kB of all that is not text.
fn long_text() -> String {
    let part =
        "<marquee onclick=\"document.title='run'\">\u{1b}[2J\u{202e}evil\u{2069} `x` ".repeat(200);
    part.chars().take(10_000).collect()
}

fn served() -> Served {
    let config = MonitorConfig::default()
        .service(
            Service::new("<object>\u{202e}&amp;", "\"1.0\"><video>").revision("<embed>9f3c2ab"),
        )
        .errors("<video>refused", ["refused"], 3)
        .errors("__proto__", ["prototype"], 0)
        .blocking_check(
            "<audio>disk",
            Check::every(Duration::from_secs(1)).ready(),
            || Err::<(), _>(long_text()),
        )
        .blocking_check("empty", Duration::from_secs(1), || {
            Err::<(), _>(String::new())
        });
    let served = Served::start(&config);
    for name in names() {
        served.calls(&name, 5, Outcome::Success);
        for error_type in ["<video>refused", "__proto__", "timeout"] {
            for text in [long_text(), String::new(), "a: b: c".to_owned()] {
                let text = ErrorText::Text(&text);
                served.calls(&name, 4, Outcome::Named(NamedView { error_type, text }));
            }
        }
        let method = served.monitor.method(&name).expect("a name");
        let labelled = method.with_labels(&[("tenant", "<form>\u{202e}tenant"), ("__proto", "x")]);
        if let Ok(labelled) = labelled {
            labelled.start_entry().finish(Outcome::Success);
        }
    }
    // Values under keys that are no names of metrics.
    for key in [
        "<marquee>bold</marquee>",
        "__proto__",
        "constructor",
        "\u{1b}[31m",
        "röntgen",
    ] {
        let _ = served.monitor.inc_stats(key, 3);
        let _ =
            served
                .monitor
                .append_stats(&format!("{key}_time"), 0.25, monitor_core::Keep::Default);
    }
    served
}

/// What is on the screen that is not text, or that no screen should show.
fn harmful(browser: &mut Browser) -> Vec<String> {
    let found = browser.run(
        "const found = [];
         const bad = document.querySelectorAll('main script, main img, main iframe, marquee, main form, video, audio, object, embed, [onclick], [onerror], [style*=expression]');
         for (const e of bad) found.push(`an element ${e.outerHTML.slice(0, 80)}`);
         if (document.title.includes('run')) found.push('a script ran');
         if ({}.polluted !== undefined || Object.prototype.polluted !== undefined) found.push('a prototype was changed');
         const texts = [document.documentElement.textContent];
         for (const e of document.querySelectorAll('[title], [aria-label]')) texts.push(e.getAttribute('title') ?? '', e.getAttribute('aria-label') ?? '');
         for (const text of texts) {
           const sign = /[\\u202a-\\u202e\\u2066-\\u2069]/.exec(text);
           if (sign) found.push(`U+${sign[0].charCodeAt(0).toString(16)} is shown: ${text.slice(Math.max(0, sign.index - 20), sign.index + 20)}`);
         }
         for (const a of document.querySelectorAll('a[href]')) {
           const href = a.getAttribute('href');
           if (!/^(#\\/|#main$|api\\/v1\\/|verdict$|top$|health$|livez$|readyz$|blob:)/.test(href)) found.push(`a link to ${href.slice(0, 80)}`);
         }
         return found;",
    );
    lines(&found)
}

#[test]
fn hostile_names_and_texts_are_text_on_every_screen() {
    let test = "hostile_names_and_texts_are_text_on_every_screen";
    let Some(mut browser) = browser(test) else {
        return;
    };
    let served = served();
    let still_running: Vec<_> = names().iter().map(|name| served.call(name)).collect();
    until_recorded();
    browser.open(&served.url());
    settle(&mut browser, "now");
    let mut findings = Vec::new();
    let mut look = |browser: &mut Browser, screen: &str| {
        for width in [1440, 390] {
            browser.size(width, 900);
            next_frame(browser);
            let mut found = harmful(browser);
            found.extend(beyond_the_edge(browser));
            findings.extend(
                found
                    .into_iter()
                    .map(|line| format!("{screen} at {width}: {line}")),
            );
        }
    };
    for screen in SCREENS.into_iter().filter(|screen| *screen != "method") {
        go(&mut browser, screen, &format!("#/{screen}"));
        look(&mut browser, screen);
    }
    // The dialog with the values of the plots, and the opened verdict.
    go(&mut browser, "methods", "#/methods");
    browser.run("[...document.querySelectorAll('#verdict button')].find(b => b.textContent === 'why')?.click();");
    look(&mut browser, "the verdict's rows");

    // Each method has a row with its name, and a screen of its own.
    browser.size(1440, 900);
    next_frame(&mut browser);
    let rows = browser.eval("document.querySelectorAll('.table.methods tbody a').length");
    assert_eq!(rows, names().len());
    let links = browser.eval(
        "[...document.querySelectorAll('.table.methods tbody a')].map(a => a.getAttribute('href'))",
    );
    for link in lines(&links) {
        go(&mut browser, "method", &link);
        look(&mut browser, &link);
    }
    for name in names() {
        // A blank one is called something.
        let is_shown = |one: char| !one.is_control() && !"\u{202e}\u{2066}".contains(one);
        if !name.trim().is_empty() && name.chars().all(is_shown) {
            go(&mut browser, "method", &method_fragment(&name));
            let title = browser.text("document.querySelector('h1').textContent");
            assert_eq!(title.trim(), name.trim(), "the heading is the name");
        }
    }
    none(&findings);
    assert!(browser.problems().is_empty());
    for call in still_running {
        call.finish(Outcome::Success);
    }
}

/// Fragments come from links that somebody sends.
#[test]
fn hostile_addresses_open_a_screen_or_say_that_there_is_none() {
    let test = "hostile_addresses_open_a_screen_or_say_that_there_is_none";
    let Some(mut browser) = browser(test) else {
        return;
    };
    let served = Served::start(&MonitorConfig::default());
    served.calls("Analyse", 20, Outcome::Success);
    until_recorded();
    browser.let_network_fail();
    let fragments = [
        "#/__proto__",
        "#/constructor?range=constructor",
        "#/now?range=__proto__&at=NaN",
        "#/now?at=1e308",
        "#/now?at=-5",
        "#/now?range=24h&at=Infinity",
        "#/methods?sort=__proto__&show=constructor&q=%3Cscript%3E",
        "#/methods?q=%",
        "#/method/%E0%A4%A",
        "#/method/..%2F..%2Fmetrics",
        "#/method/%00",
        "#/method/%E2%80%AEcba",
        "#/method/",
        "#/compare?a=constructor&b=__proto__",
        "#/compare?a=99999999999&b=-1",
        "#///////",
        "#javascript:alert(1)",
        "#/inflight?open=%FF",
    ];
    let mut findings = Vec::new();
    for fragment in fragments {
        // A new document each time: a fragment may be what a tab begins with.
        browser.open("about:blank");
        browser.open(&format!("{}{fragment}", served.url()));
        browser.until(
            &format!("{fragment} shows something"),
            "document.getElementById('main').innerText.trim().length > 10",
        );
        let found = harmful(&mut browser);
        findings.extend(found.into_iter().map(|line| format!("{fragment}: {line}")));
    }
    none(&findings);
}
