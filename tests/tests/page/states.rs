//! States of the page: no calls yet, draining, no answer and back, another process, an error of one answer, the door, and what screen
//! readers are told of it.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use monitor_core::Outcome;
use monitor_server::{MonitorConfig, Service};
use monitor_tests::browser::{Browser, Theme};
use monitor_tests::live_page::{beyond_the_edge, go, next_frame, picture, settle};

use crate::support::{Load, Served, browser, none, pictures, until_recorded, url};
use crate::textprocessor::TextProcessor;

const VERDICT: &str = "document.getElementById('verdict').innerText";

/// Pictures of a state in both themes at two widths; nothing may be beyond the edge.
fn photograph(browser: &mut Browser, name: &str) {
    let mut findings = Vec::new();
    for (width, height) in [(390, 844), (1440, 900)] {
        browser.size(width, height);
        for theme in Theme::ALL {
            browser.theme(theme);
            next_frame(browser);
            picture(browser, &pictures().join("states"), name, width, theme);
        }
        findings.extend(
            beyond_the_edge(browser)
                .into_iter()
                .map(|line| format!("{name} at {width}: {line}")),
        );
    }
    browser.theme(Theme::Light);
    none(&findings);
}

fn says(part: &str, text: &str) -> String {
    format!(
        "document.getElementById('{part}').textContent.includes({})",
        serde_json::json!(text)
    )
}

#[test]
fn a_service_without_calls_says_that_it_is_idle() {
    let Some(mut browser) = browser("a_service_without_calls_says_that_it_is_idle") else {
        return;
    };
    let config = MonitorConfig::default()
        .methods(["Analyse", "ShowText"])
        .wait_for_started(true);
    let served = Served::start(&config);
    browser.open(&served.url());
    settle(&mut browser, "now");
    browser.until("methods are known", &says("main", "Known methods"));
    // The history looks every 2 s: what the server waits for is known from the first look on.
    browser.until("it starts", &says("verdict", "STARTING"));
    let told = browser.text(VERDICT);
    assert!(told.contains("has not said yet"), "{told}");
    assert!(told.contains("/readyz and /startupz are 503"), "{told}");
    let names = browser.text("document.getElementById('main').innerText");
    assert!(
        names.contains("Analyse") && names.contains("ShowText"),
        "{names}"
    );
    photograph(&mut browser, "empty");
}

#[test]
fn a_drain_wins_over_all_else_and_is_told() {
    let Some(mut browser) = browser("a_drain_wins_over_all_else_and_is_told") else {
        return;
    };
    let served = Served::start(&MonitorConfig::default());
    let load = Load::start(served.monitor, &["Analyse", "FailingLookUp"]);
    let running = served.call("Export");
    until_recorded();
    browser.open(&served.url());
    settle(&mut browser, "now");
    browser.until("it fails", &says("verdict", "FAILING"));
    drop(load);
    served.metrics.begin_drain();
    browser.until("the drain is told", &says("verdict", "DRAINING"));
    browser.until("what still runs is there", &says("main", "Export"));
    assert!(browser.text("document.title").contains("DRAINING"));
    let told = browser.text(VERDICT);
    assert!(told.contains("Export 1; the oldest has run for"), "{told}");
    photograph(&mut browser, "draining");
    running.finish(Outcome::Success);
}

/// What is DOWN says why, and a log has what is newest in front, wherever the focus is.
#[test]
fn health_says_why_and_what_changed_last() {
    let Some(mut browser) = browser("health_says_why_and_what_changed_last") else {
        return;
    };
    let is_full = Arc::new(AtomicBool::new(true));
    let disk = Arc::clone(&is_full);
    let config =
        MonitorConfig::default().blocking_check("disk", Duration::from_secs(1), move || {
            if disk.load(Ordering::Relaxed) {
                return Err("no space".to_owned());
            }
            Ok(())
        });
    let served = Served::start(&config);
    let _load = Load::start(served.monitor, &["Analyse", "FailingLookUp"]);
    until_recorded();
    browser.open(&format!("{}#/health", served.url()));
    settle(&mut browser, "health");
    browser.until("it says why", &says("main", "\u{202f}% of"));
    let shown = "[...document.querySelectorAll('.health-changes tbody tr:not(.spacer)')].map(tr => tr.innerText).join('\\n')";
    is_full.store(false, Ordering::Relaxed);
    browser.until("the disk is UP", &format!("/^disk\\s+UP/.test({shown})"));
    browser.run("document.querySelector('.health-changes [tabindex=\"0\"]').focus();");
    is_full.store(true, Ordering::Relaxed);
    browser.until(
        "the disk is DOWN",
        &format!("/disk\\s+DOWN[^]*disk\\s+UP/.test({shown})"),
    );
}

/// Stopped and started: nothing is lost from the page, the time without data is marked, and the new process is told from the old one.
#[test]
fn a_service_that_is_stopped_and_started_again_is_followed() {
    let Some(mut browser) = browser("a_service_that_is_stopped_and_started_again_is_followed")
    else {
        return;
    };
    let example = TextProcessor::start(&["--load", "20"]);
    let port = example.monitor.port().to_string();
    browser.open(&url(example.monitor));
    settle(&mut browser, "now");
    browser.until("requests come", &says("main", "/s"));
    std::thread::sleep(Duration::from_secs(5));
    browser.let_network_fail();
    drop(example);
    browser.until("it says that nobody answers", &says("verdict", "NO ANSWER"));
    let told = browser.text(VERDICT);
    for part in [
        "Everything below is from then",
        "Tried",
        "Try now",
        "Save what is here",
    ] {
        assert!(told.contains(part), "no `{part}` in {told}");
    }
    assert!(browser.text("document.title").starts_with('?'));
    browser.until("screen readers are told", &says("said", "Connection lost"));
    let data = browser.number("document.querySelectorAll('main path[d]').length");
    assert!(data > 5.0, "what was known is still there");
    photograph(&mut browser, "disconnected");
    // Of a screen that was not opened before nothing is known from then: that is said, instead of a table without rows.
    browser.run("location.hash = '#/methods';");
    browser.until("it says so", &says("main", "Methods cannot be shown"));
    assert!(
        browser
            .eval("document.querySelector('main table')")
            .is_null()
    );

    let again = TextProcessor::start(&["--load", "20", "--monitor-port", &port]);
    assert_eq!(again.monitor.port().to_string(), port);
    browser.until(
        "it is back",
        &format!("!({})", says("verdict", "NO ANSWER")),
    );
    browser.until(
        "the new process is told",
        &says("verdict", "This is a new process"),
    );
    browser.until("screen readers are told", &says("said", "Connected again"));
    settle(&mut browser, "methods");
    go(&mut browser, "now", "#/now");
    let labels = browser.text(
        "[...document.querySelectorAll('#verdict .verdict-label')].map(e => e.textContent).join()",
    );
    assert_eq!(labels.matches("Before").count(), 1, "{labels}");
    photograph(&mut browser, "restarted");
    // The old process is not mixed with the new one on other screens.
    for screen in ["methods", "inflight", "health", "runtime"] {
        go(&mut browser, screen, &format!("#/{screen}"));
    }
}

#[test]
fn an_error_of_one_answer_leaves_the_rest_alone() {
    let Some(mut browser) = browser("an_error_of_one_answer_leaves_the_rest_alone") else {
        return;
    };
    let served = Served::start(&MonitorConfig::default());
    let _load = Load::start(served.monitor, &["Analyse", "ShowText"]);
    until_recorded();
    browser.let_network_fail();
    browser.open(&format!("{}#/method/Analyze", served.url()));
    browser.until(
        "it says that there is no such method",
        &says("main", "Analyze"),
    );
    browser.until(
        "near names are offered",
        "document.querySelector('main a[href=\"#/method/Analyse\"]')",
    );
    let names = browser
        .text("[...document.querySelectorAll('main code')].map(code => code.textContent).join()");
    assert_eq!(names, "/api/v1/methods/Analyze,Analyze");
    assert!(browser.text(VERDICT).contains("OK") || browser.text(VERDICT).contains("IDLE"));
    photograph(&mut browser, "no-method");
    browser.click("main a[href='#/method/Analyse']");
    settle(&mut browser, "method");
    browser.until(
        "it says why nothing stands beside the numbers",
        &says("main", "usual: not known yet"),
    );
}

/// Strangers see a door without data; with the token all is there, and the token is nowhere but in the tab.
#[test]
fn a_stranger_sees_the_door_and_passes_it_with_the_token() {
    let test = "a_stranger_sees_the_door_and_passes_it_with_the_token";
    let Some(address) = address_of_this_machine() else {
        crate::programs::skipped(&format!("{test} (no address but loopback)"));
        return;
    };
    let Some(mut browser) = browser(test) else {
        return;
    };
    let token = "a-token-of-the-operator";
    let config = MonitorConfig::default()
        .service(Service::new("vault", "7.1.3"))
        .bearer_token(token);
    let served = Served::start_at(&config, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
    let _load = Load::start(served.monitor, &["SecretMethod"]);
    until_recorded();
    browser.let_network_fail();
    let open = format!("http://{address}:{}/", served.addr().port());
    browser.open(&open);
    browser.until("the door is there", &says("main", "Who are you?"));
    let seen = browser.text("document.documentElement.outerHTML");
    for secret in ["vault", "7.1.3", "SecretMethod"] {
        assert!(!seen.contains(secret), "a stranger sees `{secret}`");
    }
    photograph(&mut browser, "unauthorised");
    browser.run("document.querySelector('main input').focus();");
    browser.type_text("not-the-token-of-the-operator");
    browser.key("Enter");
    browser.until("a wrong token is refused", &says("main", "Who are you?"));
    assert!(
        !browser
            .text("document.body.innerText")
            .contains("SecretMethod")
    );
    browser
        .run("const field = document.querySelector('main input'); field.focus(); field.select();");
    browser.type_text(token);
    browser.key("Enter");
    settle(&mut browser, "now");
    browser.until("all is there", &says("top", "vault"));
    let kept = browser.text("JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href])");
    assert!(!kept.contains(token), "{kept}");
    browser.reload();
    browser.until("a new tab has no token", &says("main", "Who are you?"));
}

/// The address of this machine in its network, which the server takes for a stranger's.
fn address_of_this_machine() -> Option<std::net::IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // Nothing is sent by this: it chooses a route.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback()).then_some(address)
}

/// The live region says the state and the culprit when they change, and nothing else.
#[test]
fn screen_readers_are_told_of_a_change_and_of_nothing_else() {
    let Some(mut browser) = browser("screen_readers_are_told_of_a_change_and_of_nothing_else")
    else {
        return;
    };
    let served = Served::start(&MonitorConfig::default());
    let quiet = Load::start(served.monitor, &["Analyse", "ShowText"]);
    until_recorded();
    browser.open(&served.url());
    settle(&mut browser, "now");
    // What is there when the page is opened is said a moment after it is drawn.
    browser.until(
        "the first verdict is said",
        "document.getElementById('said').textContent",
    );
    browser.run(
        "window.said = []; const note = () => { const text = document.getElementById('said').textContent + document.getElementById('said-now').textContent;
           if (text && said.at(-1) !== text) said.push(text); };
         for (const id of ['said', 'said-now']) new MutationObserver(note).observe(document.getElementById(id), { childList: true, characterData: true, subtree: true });",
    );
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(
        browser.text("said.join()"),
        "",
        "nothing changed, so nothing is said"
    );
    let _failing = Load::start(served.monitor, &["FailingLookUp", "FailingSpelling"]);
    browser.until(
        "a failure is said at once",
        "document.getElementById('said-now').textContent.includes('FAILING')",
    );
    let first = browser.text("said.length");
    std::thread::sleep(Duration::from_secs(8));
    assert_eq!(
        browser.text("said.length"),
        first,
        "shares and ages are not said: {}",
        browser.text("said.join()")
    );
    assert!(browser.text("document.title").starts_with("FAILING"));
    drop(quiet);
    let text = "document.getElementById('verdict').textContent";
    assert!(
        !browser.text(text).contains(" %"),
        "a unit leaves its number"
    );
    // A row of the verdict leads to another screen than this.
    let to_now = "document.querySelectorAll('#verdict a[href=\"#/now\"]').length";
    assert_eq!(browser.text(to_now), "0");
    go(&mut browser, "methods", "#/methods");
    browser.until("there it does", to_now);
}

/// Without JavaScript there are the pages of text.
#[test]
fn without_script_there_are_links_to_the_pages_of_text() {
    let Some(mut browser) = browser("without_script_there_are_links_to_the_pages_of_text") else {
        return;
    };
    let served = Served::start(&MonitorConfig::default());
    browser.call(
        "Emulation.setScriptExecutionDisabled",
        &serde_json::json!({ "value": true }),
    );
    browser.open(&served.url());
    let links = browser.text(
        "[...document.querySelectorAll('noscript a')].map(a => a.getAttribute('href')).join()",
    );
    for link in ["verdict", "top", "health"] {
        assert!(links.split(',').any(|one| one == link), "{links}");
    }
}

/// The page works where a proxy puts it below a path: every address in it is relative.
#[test]
fn every_address_is_relative() {
    let Some(mut browser) = browser("every_address_is_relative") else {
        return;
    };
    let served = Served::start(&MonitorConfig::default());
    let _load = Load::start(served.monitor, &["Analyse"]);
    until_recorded();
    browser.open(&served.url());
    for screen in [
        "now", "methods", "inflight", "health", "values", "runtime", "compare",
    ] {
        go(&mut browser, screen, &format!("#/{screen}"));
        let absolute = browser.text(
            "[...document.querySelectorAll('[href], [src]')].map(e => e.getAttribute('href') ?? e.getAttribute('src'))
               .filter(to => to.startsWith('/') || /^https?:/.test(to)).join()",
        );
        assert_eq!(absolute, "", "on {screen}");
    }
}
