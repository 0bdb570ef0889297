use std::borrow::Cow;

use super::*;

fn label(name: &'static str, value: &str) -> Label {
    Label {
        name: Cow::Borrowed(name),
        value: Arc::from(value),
    }
}

fn closed(labels: Vec<Label>) -> &'static MethodId {
    MethodId::plain("names").with_labels(labels, LabelSetOrigin::default(), true)
}

#[test]
fn a_label_set_has_one_number_whatever_its_order() {
    let ab = closed(vec![label("a", "1"), label("b", "2")]);
    let ba = closed(vec![label("b", "2"), label("a", "1")]);
    let plain = MethodId::plain("names");
    assert_eq!(ab.id, ba.id);
    assert_ne!(ab.id, plain.id);
    let bases = [ab, plain].map(|one| one.without_labels().id);
    assert_eq!(bases, [plain.id; 2]);
    let b = ab.with_labels(vec![label("b", "2")], LabelSetOrigin::default(), true);
    assert_eq!(*b.labels, [label("b", "2")], "these labels alone");
}

#[test]
fn a_label_without_a_value_is_none() {
    let plain = MethodId::plain("unlabelled");
    let open = |labels| plain.with_labels(labels, LabelSetOrigin::OPEN, true);
    let none = open(vec![label("a", "")]);
    assert_eq!(none.id, plain.id);
    assert!(none.labels.is_empty() && !none.origin.is_open);
    let one = open(vec![label("a", ""), label("b", "2")]);
    assert_eq!(*one.labels, [label("b", "2")]);
    assert_eq!(one.without_labels().id, plain.id);
    assert_eq!(one.origin, LabelSetOrigin::OPEN);
}

#[test]
fn a_label_set_there_is_no_room_for_gets_no_name_of_its_own() {
    let names = || {
        let all = METHODS.iter().map(|node| &*node.item.name);
        all.filter(|name| *name == "without_room").count()
    };
    let of = |value: &str, has_room: bool| {
        let labels = vec![label("tenant", value)];
        MethodId::plain("without_room").with_labels(labels, LabelSetOrigin::OPEN, has_room)
    };
    let first = of("a", true);
    for tenant in 0..100 {
        let origin = of(&tenant.to_string(), false).origin;
        assert!(origin.is_overflow && !origin.is_open);
    }
    assert_eq!(of("a", false).id, first.id, "what has a name keeps it");
    assert_eq!(names(), 3, "the method, its first label set, its overflow");
}

#[test]
fn no_name_and_label_set_is_taken_for_another() {
    let with = |name: &str, labels| {
        MethodId::plain(name).with_labels(labels, LabelSetOrigin::default(), true)
    };
    let all = [
        with("x", vec![]),
        with("\0x", vec![]),
        with("x", vec![label("a", "b")]),
        with("x", vec![label("a", "\x000:")]),
        with("x", vec![label("a", "b"), label("c", "d")]),
        with("\x001:x\x001:a\x001:b", vec![]),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(all[..at].iter().all(|other| other.id != one.id), "{one:?}");
    }
}

#[test]
fn a_text_keeps_its_index_and_the_rest_share_one() {
    let set = TextSet::new(2);
    let (get, add) = (|text| set.index(text, false), |text| set.index(text, true));
    assert_eq!(get("a"), None);
    assert_eq!((add("a"), add("b")), (Some(0), Some(1)));
    assert_eq!((get("a"), get("b")), (Some(0), Some(1)));
    assert_eq!((get("c"), add("c")), (Some(2), Some(2)));
}

#[test]
fn what_is_too_long_or_says_overflow_has_no_index_of_its_own() {
    let set = TextSet::new(8);
    let long = "x".repeat(MAX_BYTES + 1);
    assert_eq!(set.index(&long, false), Some(8));
    assert_eq!(set.index(&long[1..], false), None);
    assert_eq!(set.index(OVERFLOW, false), Some(8));
    assert_eq!(set.index("", true), Some(0));
}

#[test]
fn threads_agree_and_the_limit_holds() {
    let set: &'static TextSet = leak(TextSet::new(100));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(|| {
                let texts = (0..200).filter_map(|i| set.index(&format!("text {i}"), true));
                texts.collect::<Vec<u32>>()
            })
        })
        .collect();
    let answers: Vec<_> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap_or_default())
        .collect();
    let own = |all: &[u32]| all.iter().filter(|index| **index < 100).count();
    assert_eq!(answers[0].len(), 200);
    assert!(answers.iter().all(|all| own(all) <= 100));
    let known = (0..200).filter(|i| set.index(&format!("text {i}"), false) != Some(100));
    assert_eq!(known.count(), 100);
}
