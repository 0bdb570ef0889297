//! Messages show values and keys as they are written, and no secret.

use super::*;

/// The value that a refusal for this key shows.
fn found(key: &str, value: &str) -> String {
    let message = refusal(&format!("{key}: {value}"));
    let (_, found) = message.rsplit_once(", found ").expect(&message);
    found.to_owned()
}

#[test]
fn a_value_is_shown_as_it_is_written() {
    for written in [
        "010000",
        "0100000",
        "65_536",
        "0x1FFFF",
        "0o377777",
        "1e9",
        "1E+9",
        "80.50",
        "80.0",
        "+70000",
        "-01",
        ".5",
        "5.",
        ".inf",
        "-.INF",
        ".NaN",
        "340282366920938463463374607431768211456",
        "99999999999999999999",
        "-00.10",
    ] {
        let shown = found("port", written);
        let as_text = format!("the text `{written}`");
        assert!(
            shown == format!("`{written}`") || shown == as_text,
            "{written}: {shown}"
        );
    }
    for written in ["True", "TRUE", "yes", "No", "on", "OFF", "y", "false"] {
        let shown = found("port", written);
        let as_text = format!("the text `{written}`");
        let as_flag = format!("the truth value `{written}`");
        assert!(shown == as_flag || shown == as_text, "{written}: {shown}");
    }
    for (written, shown) in [
        ("~", "nothing (`~`)"),
        ("NULL", "nothing (`NULL`)"),
        ("null", "nothing"),
        ("", "nothing"),
    ] {
        let message = refusal(&format!(
            "errors:\n  A:\n    service_errors:\n    - {written}"
        ));
        assert!(
            message.ends_with(&format!("expected a word that is not blank, found {shown}")),
            "{message}"
        );
    }
}

/// More of the kind are among the refusals.
#[test]
fn that_holds_behind_a_byte_order_mark_and_with_a_tag() {
    let marked = refusal("\u{feff}port: 010000");
    assert!(marked.ends_with("`port`: expected a port number from 0 to 65535, found `010000`"));
    // A value with a tag is refused, if not in these words.
    let tagged = refusal("port: !!float 1");
    assert!(tagged.contains("found `1"), "{tagged}");
}

/// A key that looks like a number is a name, and not the number's.
#[test]
fn a_key_is_taken_as_it_is_written() {
    for key in ["007", "1.10", "1_0", "0x1F", "1e3", "True", "~"] {
        let unknown = refusal(&format!("{key}: 1"));
        assert!(
            unknown.starts_with(&format!("yaml:1: `{key}`: unknown key")),
            "{unknown}"
        );
        let storage = storage(&format!("errors: {{{key}: {{service_errors: [x]}}}}"));
        let rules = storage.errors.rules();
        assert!(
            rules.iter().any(|rule| rule.status == key),
            "{key}: {rules:?}"
        );
    }
}

#[test]
fn what_is_no_secret_is_shown_and_what_is_one_is_not() {
    for (value, shown) in [
        ("10.0.0.0/8", "the text `10.0.0.0/8`"),
        ("10.50", "`10.50`"),
        ("true", "the truth value `true`"),
        ("{a: b}", "a map"),
        ("[]", "a list"),
    ] {
        assert_eq!(found("allow_from", value), shown);
    }
    for key in ["web_config", "bearer_token_file"] {
        assert_eq!(found(key, "007"), "`007`");
    }
    let unspaced = refusal("{bearer_tokens:a-token-of-some-length}");
    let expected =
        "yaml:1: `bearer_tokens:<secret>`: unknown key; the nearest valid one is `bearer_tokens`";
    assert_eq!(unspaced, expected);
    let unspaced = refusal("{allow_from:10.0.0.0/8}");
    assert!(
        unspaced.contains("`allow_from:10.0.0.0/8`: unknown key"),
        "{unspaced}"
    );
    for value in ["0123456789012345", "a-token-of-some-length", "true"] {
        assert_eq!(found("bearer_tokens", value), "the text `<secret>`");
        assert_eq!(
            found("bearer_tokens", &format!("[{value} x]")),
            "the text `<secret>`"
        );
    }
    // With a forgotten space a key is no key, but the text that something else holds, or the end of one.
    for yaml in [
        "bearer_tokens:a-token-of-some-length",
        "errors:\n  bearer_tokens:a-token-of-some-length",
        "port: 80\n  bearer_tokens:a-token-of-some-length",
        "allow_from:\n- 10.0.0.0/8\n  bearer_tokens:a-token-of-some-length",
        "labels: {a b: 'bearer_tokens:a-token-of-some-length'}",
    ] {
        let refusal = refusal(yaml);
        assert!(
            refusal.contains("bearer_tokens:<secret>`") && !refusal.contains("a-token"),
            "{refusal}"
        );
    }
}
