use super::*;
use crate::verdict::words::tests::{NOW, Service};

const FAILING_80: &str = "\
FAILING since 03:07:42 UTC (6 min 18 s): textprocessor 1.4.2
LookUpWords fails: 64 % timed out, usually 0.01 %.

Cause   03:07:50  A dependency, not this process: check dictionary is DOWN, no
                  answer from 10.42.7.19:5433 within 2 s.
Spread  03:07:42  Spelling 64 % and Analyse 64 % fail through LookUpWords. 19 %
                  of all requests fail. 10 methods are not affected.
Stuck   03:07:49  3 calls of LookUpWords are older than 5 min, the oldest
                  6 min 11 s. It usually takes 1.8 ms.
Before            No deploy and no restart for 2 d 4 h. Credentials were
                  reloaded at 03:04:12, 3 min 30 s before.

textprocessor-7c9d8f-x2x4q, revision 9f3c2ab, started 2026-11-25 22:51:07 UTC
as of 2026-11-28 03:14:00 UTC, http://127.0.0.1:9999/#/now
";

const FAILING_120: &str = "\
FAILING since 03:07:42 UTC (6 min 18 s): textprocessor 1.4.2
LookUpWords fails: 64 % timed out, usually 0.01 %.

Cause   03:07:50  A dependency, not this process: check dictionary is DOWN, no answer from 10.42.7.19:5433 within 2 s.
Spread  03:07:42  Spelling 64 % and Analyse 64 % fail through LookUpWords. 19 % of all requests fail. 10 methods are not
                  affected.
Stuck   03:07:49  3 calls of LookUpWords are older than 5 min, the oldest 6 min 11 s. It usually takes 1.8 ms.
Before            No deploy and no restart for 2 d 4 h. Credentials were reloaded at 03:04:12, 3 min 30 s before.

textprocessor-7c9d8f-x2x4q, revision 9f3c2ab, started 2026-11-25 22:51:07 UTC
as of 2026-11-28 03:14:00 UTC, http://127.0.0.1:9999/#/now
";

const OK_80: &str = "\
OK for 2 d 4 h: textprocessor 1.4.2
As usual.

Changed 03:04:12  credentials reloaded, nothing else in the last 24 h.

textprocessor-7c9d8f-x2x4q, revision 9f3c2ab, started 2026-11-25 22:51:07 UTC
as of 2026-11-28 03:14:00 UTC, http://127.0.0.1:9999/#/now
";

#[test]
fn an_incident_has_the_layout_of_80_columns() {
    let verdict = Service::dictionary().verdict();
    assert_eq!(verdict.text(80, TextColor::Plain), FAILING_80);
    assert_eq!(format!("{verdict}\n"), FAILING_80);
}

#[test]
fn an_incident_has_the_layout_of_120_columns() {
    assert_eq!(
        Service::dictionary().verdict().text(120, TextColor::Plain),
        FAILING_120
    );
}

#[test]
fn all_is_as_usual() {
    let verdict = Service::textprocessor().verdict();
    assert_eq!(verdict.sentence, "As usual for 2 d 4 h.");
    assert_eq!(verdict.text(80, TextColor::Plain), OK_80);
}

#[test]
fn colours_are_codes_around_state_and_labels() {
    let text = Service::dictionary().verdict().text(80, TextColor::Ansi);
    assert!(
        text.starts_with("\u{1b}[1;31mFAILING\u{1b}[0m since"),
        "{text}"
    );
    assert!(
        text.contains("\n\u{1b}[1;31mCause\u{1b}[0m   03:07:50"),
        "{text}"
    );
    assert!(text.contains("\nBefore   "), "{text}");
}

#[test]
fn an_incident_of_yesterday_has_its_date() {
    let mut service = Service::dictionary();
    service.judgement.incidents[0].since -= 86_400.0;
    let text = service.verdict().text(80, TextColor::Plain);
    assert!(
        text.starts_with("FAILING since 27 Nov 03:07:42 UTC (1 d): textprocessor"),
        "{text}"
    );
    assert!(
        text.contains("\nSpread  27 Nov 03:07:42  Spelling"),
        "{text}"
    );
    assert!(text.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn a_service_that_says_nothing_of_itself_is_named_by_its_process() {
    let mut service = Service::textprocessor();
    let known = &mut service.identity;
    (known.version, known.revision, known.instance, known.address) = (None, None, None, None);
    let text = service.verdict().text(80, TextColor::Plain);
    assert!(
        text.starts_with("OK for 2 d 4 h: textprocessor\n"),
        "{text}"
    );
    let end = "\nprocess 1, started 2026-11-25 22:51:07 UTC\nas of 2026-11-28 03:14:00 UTC\n";
    assert!(text.ends_with(end), "{text}");
    assert!((service.verdict().at - NOW).abs() < 1e-6);
}

#[test]
fn words_that_are_too_long_are_broken_and_numbers_keep_their_unit() {
    assert_eq!(wrapped("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
    assert_eq!(wrapped("takes 6 min 11 s.", 12), ["takes", "6 min 11 s."]);
    assert_eq!(
        wrapped("by 64 % of 3 calls", 9),
        ["by 64 %", "of 3", "calls"]
    );
    assert_eq!(wrapped("", 10), [""; 0]);
}
