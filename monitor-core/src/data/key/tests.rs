use proptest::prelude::*;

use super::*;

/// Name and labels as the original reads them; `None` where it finds a malformed part.
fn original(raw: &str) -> Option<(&str, Vec<(&str, &str)>)> {
    let mut parts = raw.split("___");
    let name = parts.next()?;
    let labels = parts.map(|part| {
        let (label, value) = part.split_once("__")?;
        (!value.contains("__")).then_some((label, value))
    });
    Some((name, labels.collect::<Option<_>>()?))
}

#[track_caller]
fn reads(raw: &str, expected: &[(&str, &str)]) {
    let labels = StatKey::parse(raw).labels;
    let got = labels.iter().map(|(name, value)| (&**name, &**value));
    assert_eq!(got.collect::<Vec<_>>(), expected, "{raw}");
}

#[test]
fn a_key_is_a_name_and_labels() {
    reads("plain", &[]);
    reads("jobs___queue__fast", &[("queue", "fast")]);
    reads(
        "multi___a__1___b__2___c__3",
        &[("a", "1"), ("b", "2"), ("c", "3")],
    );
    reads("space___s__ two  spaces ", &[("s", " two  spaces ")]);
    reads("empty___a__", &[("a", "")]);
    reads("___a__b", &[("a", "b")]);
    assert_eq!(StatKey::parse("a__b").name(), "a__b");
    let spaced = StatKey::parse("Cache Hit-Ratio.v2___a__b");
    assert_eq!(spaced.name(), "Cache Hit-Ratio.v2");
}

#[test]
fn malformed_parts_are_left_out() {
    reads("bad___nolabel", &[]);
    reads("bad___", &[]);
    reads("bad___x___y__z", &[("y", "z")]);
    reads("bad_____m__w", &[]);
    let dropped = |raw: &str| format!("{:?}", StatKey::parse(raw).dropped());
    assert_eq!(dropped("bad___x___y__z"), r#"[Malformed("x")]"#);
    assert_eq!(dropped("bad_____m__w"), r#"[Malformed("__m__w")]"#);
    assert_eq!(dropped("good___y__z"), "[]");
}

#[test]
fn values_keep_their_underscores() {
    reads("k___a__b__c", &[("a", "b__c")]);
    reads("k___a___b", &[("a", "_b")]);
    reads("k___a____init__", &[("a", "__init__")]);
    reads("k___a__b_", &[("a", "b_")]);
    reads("k___a__b_____c__d", &[("a", "b__"), ("c", "d")]);
    reads("k___a__b____c__d", &[("a", "b_"), ("c", "d")]);
    reads("k___a__1___b___2", &[("a", "1"), ("b", "_2")]);
    reads("k___a__x___y", &[("a", "x___y")]);
    reads("k___a__x___y___b__2", &[("a", "x___y"), ("b", "2")]);
    reads("k___a_____b__2", &[("a", ""), ("b", "2")]);
}

#[test]
fn the_first_of_a_repeated_label_wins() {
    let key = StatKey::parse("k___a__1___b__2___a__3");
    assert_eq!(key.label("a"), Some("1"));
    assert_eq!(key.labels.len(), 2);
    assert_eq!(key.dropped(), [DroppedPart::Repeated("a")]);
}

proptest! {
    #[test]
    fn any_text_is_a_key(raw in "[ab_é=]{0,40}") {
        let key = StatKey::parse(&raw);
        prop_assert_eq!(&*key.raw, &raw);
        prop_assert_eq!(key.name(), StatKey::name_of(&raw));
        for (at, (name, _)) in key.labels.iter().enumerate() {
            prop_assert!(!name.is_empty());
            prop_assert!(key.labels[..at].iter().all(|(other, _)| other != name));
        }
    }

    #[test]
    fn any_unicode_is_a_key(raw in any::<String>()) {
        StatKey::parse(&raw).dropped();
    }

    #[test]
    fn a_faultless_key_is_read_as_the_original_reads_it(raw in "[ab]{1,2}(_{1,3}[ab]{0,2}){0,8}") {
        if let Some((name, expected)) = original(&raw).filter(|_| !raw.contains("____")) {
            let mut once: Vec<(&str, &str)> = Vec::new();
            for (label, value) in expected {
                if once.iter().all(|(known, _)| *known != label) {
                    once.push((label, value));
                }
            }
            let key = StatKey::parse(&raw);
            let got: Vec<_> = key.labels.iter().map(|(name, value)| (&**name, &**value)).collect();
            prop_assert_eq!(key.name(), name);
            prop_assert_eq!(got, once, "{}", raw);
        }
    }

    #[test]
    fn what_is_written_is_read_back(
        name in "[a-z](_?[a-z0-9 ./-]){0,6}",
        labels in proptest::collection::btree_map("[a-z](_?[a-z0-9]){0,5}", "(_{0,2}[A-Z é=\"\n]{1,4}(_{1,2}[A-Z]){0,3})?_{0,3}", 0..5),
    ) {
        // A value that begins with one underscore and holds `__` may read as a malformed part and a label.
        prop_assume!(labels.values().all(|value| !(value.starts_with('_') && value[1..].contains("__"))));
        let pairs: Vec<_> = labels.iter().map(|(name, value)| (&**name, &**value)).collect();
        let key = StatKey::parse(&StatKey::write(&name, &pairs));
        let got: Vec<_> = key.labels.iter().map(|(name, value)| (&**name, &**value)).collect();
        prop_assert_eq!(key.name(), &*name);
        prop_assert_eq!(got, pairs);
        prop_assert!(key.dropped().is_empty());
    }
}
