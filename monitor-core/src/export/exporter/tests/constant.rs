//! Labels that every series has, beside labels of a series' own of the same name.

use super::{entry, fresh, method};
use crate::data::family::{Child, ChildValue, FamilyType, Label, Labels};
use crate::data::labels::ConstLabels;
use crate::data::snapshot::{MethodSnapshot, MetricSnapshot, Snapshot};
use crate::data::value::StatValue;
use crate::export::encode::tests::checked_samples;
use crate::export::encode::tests::strict::Sample;
use crate::export::names::{Profile, families};

fn labels(pairs: &[(&'static str, &str)]) -> Labels {
    let label = |(name, value): &(&'static str, &str)| Label {
        name: (*name).into(),
        value: (*value).into(),
    };
    pairs.iter().map(label).collect()
}

fn labelled(pairs: &[(&'static str, &str)], number: u32) -> MethodSnapshot {
    MethodSnapshot {
        labels: labels(pairs).to_vec().into(),
        number,
        ..method("Get")
    }
}

fn with(constant: &[(&str, &str)]) -> Snapshot {
    let mut snapshot = fresh();
    snapshot.const_labels = ConstLabels::try_new(constant.iter().copied()).expect("good labels");
    snapshot
}

fn samples(snapshot: &Snapshot, profile: Profile) -> Vec<Sample> {
    checked_samples(&families(snapshot, profile))
}

fn value<'a>(sample: &'a Sample, name: &str) -> Option<&'a str> {
    let mut labels = sample.labels.iter();
    let found = labels.find(|(other, _)| other == name)?;
    Some(&found.1)
}

#[test]
fn constant_labels_are_on_every_series_and_others_make_way() {
    let mut snapshot = with(&[("env", "prod")]);
    snapshot.methods = vec![
        method("Get"),
        labelled(&[("env", "prod")], 1),
        labelled(&[("env", "test")], 2),
        labelled(&[("label_env", "test")], 3),
    ];
    let keys = ["jobs", "jobs___env__test", "jobs___env__prod"];
    snapshot.values.entries = keys.map(|raw| entry(raw, StatValue::Int(1))).to_vec();
    let child = |value: &str| Child::new(labels(&[("env", value)]), ChildValue::Int(1));
    snapshot.values.metrics = vec![MetricSnapshot {
        name: "mine".into(),
        help: "Mine.".into(),
        kind: FamilyType::Gauge,
        unit: None,
        children: ["", "prod", "test"].map(child).into(),
    }];
    for profile in Profile::ALL {
        let samples = samples(&snapshot, profile);
        assert!(samples.iter().all(|one| value(one, "env") == Some("prod")));
        let own = |family: &str| -> Vec<Option<&str>> {
            let of = samples.iter().filter(|one| one.name == family);
            of.map(|one| value(one, "label_env")).collect()
        };
        let prefix = match profile {
            Profile::Servicekit => "stats",
            Profile::Prometheus => "service_value",
        };
        let expected = [None, Some("prod"), Some("test")];
        assert_eq!(own(&format!("{prefix}_jobs")), expected);
        assert_eq!(own("mine"), [Some(""), Some("prod"), Some("test")]);
        let calls = match profile {
            Profile::Servicekit => "stats_request",
            Profile::Prometheus => "service_requests_total",
        };
        assert_eq!(own(calls), [Some("prod"), Some("test"), None, None]);
        let both =
            |one: &&Sample| one.name == calls && value(one, "label_label_env") == Some("test");
        let twice = samples.iter().filter(both);
        assert_eq!(twice.count(), 1);
    }
    // Another value of the label: the same keys, other series.
    snapshot.const_labels = ConstLabels::try_new([("env", "test")]).expect("a good label");
    let samples = samples(&snapshot, Profile::Servicekit);
    let jobs = samples.iter().filter(|one| one.name == "stats_jobs");
    assert_eq!(jobs.count(), 3);
}

#[test]
fn names_that_make_way_meet_no_other() {
    let mut snapshot = with(&[("env", "a"), ("label_label_env", "a"), ("label_", "a")]);
    let names = "env label_env label_label_env label_label_label_env label_ label_label_ environment my_env label_my_env";
    let names: Vec<&str> = names.split(' ').collect();
    let each = names.iter().zip(1..);
    let each = each.map(|(name, at)| labelled(&[(name, "a")], at));
    snapshot.methods = each.collect();
    let all: Vec<(&str, &str)> = names.iter().map(|name| (*name, "a")).collect();
    snapshot.methods.push(labelled(&all, 20));
    snapshot.methods.push(method("Get"));
    for profile in Profile::ALL {
        // The parser refuses a repeated series, and a label name that comes twice.
        let samples = samples(&snapshot, profile);
        let most = samples.iter().map(|one| one.labels.len()).max();
        assert!(most >= Some(names.len() + 3 + 2));
    }
}
