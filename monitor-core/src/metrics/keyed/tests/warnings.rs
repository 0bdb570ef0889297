//! What is logged: once a key, once a family, and only when a snapshot is taken.

use super::*;
use crate::base::logged::lines_of;

fn logged(run: impl FnOnce() -> Tested) -> Vec<String> {
    let (ran, lines) = lines_of(run);
    assert_eq!(ran, Ok(()));
    lines
}

#[test]
fn a_malformed_key_is_warned_about_once() {
    let values = values();
    let recorded = logged(|| {
        values.inc("jobs___fast", 1)?;
        values.inc("good___a__b", 1)?;
        values.set("text___fast", "no gauge, no warning".into())?;
        values.append("wait_time___x", 1.into(), Keep::Default)?;
        values.append("stats", map([("tokens___y", 1.into())]), Keep::Default)
    });
    assert_eq!(recorded, [""; 0], "recording does not log");
    let mut first = logged(|| {
        values.snapshot();
        Ok(())
    });
    first.sort();
    let expected = [
        "Label fast has bad format. Must be <label2name__label2value>.",
        "Label y has bad format. Must be <label2name__label2value>.",
        "The label x is not in the correct format. It should be <label2name__label2value>.",
    ];
    assert_eq!(first, expected);
    let second = logged(|| {
        values.inc("jobs___fast", 1)?;
        values.exported(BucketKind::Classic);
        Ok(())
    });
    assert_eq!(second, [""; 0]);
}

#[test]
fn a_full_family_is_warned_about_once() {
    let values = limited(1);
    let lines = logged(|| {
        for n in 0..10 {
            values.inc(&format!("jobs___id__{n}"), 1)?;
            values.snapshot();
        }
        Ok(())
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
}

#[test]
fn means_of_a_full_family_are_warned_about_once() {
    let values = limited(1);
    let lines = logged(|| {
        for n in 0..10 {
            let point = map([(&*format!("tokens___id__{n}"), 1.into())]);
            values.append("stats", point, Keep::Default)?;
            values.exported(BucketKind::Classic);
        }
        Ok(())
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("in the points of `stats`"), "{lines:?}");
}
