//! Any text is a key: it is read in time, nothing of it is invented, and every page of it is valid and holds its value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use monitor_core::key::{DroppedPart, StatKey};
use monitor_core::names::Profile;
use monitor_fuzz::{FORMATS, page, read, snapshot};

fuzz_target!(|text: &str| {
    let key = StatKey::parse(text);
    check_parts(text, &key);
    check_written(&key);
    // Several at once, so that they can collide.
    let keys: Vec<&str> = unique(text.split('\u{1}').take(8));
    let snapshot = snapshot(&keys);
    for profile in Profile::ALL {
        for format in FORMATS {
            let samples = read(&page(&snapshot, profile, &[], format), format);
            for (raw, value) in keys.iter().zip(1000_u32..) {
                let is_it = |sample: &&(_, Vec<(String, String)>, f64)| {
                    (sample.2 - f64::from(value)).abs() < 0.5
                };
                let found = samples.iter().find(is_it);
                let (_, labels, _) = found.unwrap_or_else(|| panic!("{profile}: no {raw:?}"));
                let key = StatKey::parse(raw);
                let has = |value: &str| key.labels.iter().any(|(_, own)| **own == *value);
                assert!(
                    labels.iter().all(|(_, value)| has(value)),
                    "{labels:?} of {raw:?}"
                );
            }
        }
    }
});

fn unique<'a>(keys: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut all: Vec<&str> = Vec::new();
    for key in keys {
        if !all.contains(&key) {
            all.push(key);
        }
    }
    all
}

/// The parts of a key are pieces of it, in order.
fn check_parts(text: &str, key: &StatKey) {
    assert_eq!(&*key.raw, text);
    assert!(text.starts_with(key.name()));
    let mut rest = &text[key.name().len()..];
    for (name, value) in &key.labels {
        assert!(!name.is_empty(), "a label has a name");
        let at = rest.find(&format!("___{name}__{value}"));
        rest = &rest[at.expect("a label stands in its key") + 3..];
        assert_eq!(key.label(name), Some(&**value), "each name once");
    }
    for part in key.dropped() {
        let (DroppedPart::Malformed(part) | DroppedPart::Repeated(part)) = part else {
            continue;
        };
        assert!(text.contains(part));
    }
}

/// A key written from plain parts is read back.
fn check_written(key: &StatKey) {
    let plain = |text: &str| !text.contains("__") && !text.starts_with('_') && !text.ends_with('_');
    let labels = key.labels.iter();
    let labels: Vec<_> = labels.map(|(name, value)| (&**name, &**value)).collect();
    let are_plain = labels
        .iter()
        .all(|(name, value)| plain(name) && plain(value));
    if plain(key.name()) && are_plain {
        let written = StatKey::write(key.name(), &labels);
        let again = StatKey::parse(&written);
        assert_eq!((again.name(), &again.labels), (key.name(), &key.labels));
        assert!(again.dropped().is_empty());
    }
}
