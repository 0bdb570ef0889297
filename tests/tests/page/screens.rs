//! What holds on every screen: width, number of elements, accessibility; and pictures of all.

use monitor_tests::live_page::{self, LivePage};

use crate::support::{axe, browser, none, pictures, url};
use crate::textprocessor::TextProcessor;

/// The example whose dictionary does not answer, on all screens.
#[test]
fn screens_in_an_incident_are_within_their_bounds() {
    let test = "screens_in_an_incident_are_within_their_bounds";
    let Some(mut browser) = browser(test) else {
        return;
    };
    let example = incident();
    let page = LivePage::open(&mut browser, &url(example.monitor), Some("LookUpWords"));
    failing(&mut browser);
    live_page::pictures(&mut browser, &page, &pictures());
    let mut findings = live_page::nodes(&mut browser, &page);
    findings.extend(live_page::widths(&mut browser, &page));
    findings.extend(live_page::widest_numbers(&mut browser));
    none(&findings);
}

#[test]
fn screens_in_an_incident_have_no_barrier() {
    let test = "screens_in_an_incident_have_no_barrier";
    let (Some(mut browser), Some(axe)) = (browser(test), axe(test)) else {
        return;
    };
    let example = incident();
    let page = LivePage::open(&mut browser, &url(example.monitor), Some("LookUpWords"));
    failing(&mut browser);
    none(&live_page::accessibility(&mut browser, &page, &axe));
}

#[test]
#[ignore = "takes a minute; scripts/test --all"]
fn screens_of_a_healthy_service_are_within_their_bounds_and_have_no_barrier() {
    let test = "screens_of_a_healthy_service_are_within_their_bounds_and_have_no_barrier";
    let (Some(mut browser), Some(axe)) = (browser(test), axe(test)) else {
        return;
    };
    let example = TextProcessor::start(&["--load", "20"]);
    let page = LivePage::open(&mut browser, &url(example.monitor), Some("Analyse"));
    // Before its first call a method has no screen.
    page.show(&mut browser, "methods");
    browser.until(
        "Analyse was called",
        "[...document.querySelectorAll('main tbody a')].some(link => link.textContent === 'Analyse')",
    );
    live_page::pictures(&mut browser, &page, &pictures().join("healthy"));
    let mut findings = live_page::nodes(&mut browser, &page);
    findings.extend(live_page::widths(&mut browser, &page));
    findings.extend(live_page::accessibility(&mut browser, &page, &axe));
    none(&findings);
}

/// The example with a dictionary that stops to answer a second after the start: what fails is told in a young process too.
fn incident() -> TextProcessor {
    TextProcessor::start(&[
        "--load",
        "30",
        "--incident",
        "dictionary",
        "--incident-after",
        "1",
        "--incident-seconds",
        "900",
    ])
}

fn failing(browser: &mut monitor_tests::browser::Browser) {
    browser.until(
        "the verdict is that it fails",
        "document.documentElement.dataset.state === 'failing'",
    );
}
