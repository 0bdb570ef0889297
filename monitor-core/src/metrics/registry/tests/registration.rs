//! Which descriptions are taken, and what two of one name give.

use proptest::prelude::*;

use super::*;

fn counter(monitor: Monitor, name: &'static str) -> Result<Counter, RegisterError> {
    monitor.register_counter(MetricDesc::new(name, "Help."))
}

#[test]
fn an_equal_description_gives_the_same_metric() -> Tested {
    let monitor = monitor();
    counter(monitor, "jobs")?.inc();
    let again = counter(monitor, "jobs_total")?;
    again.inc();
    assert_eq!(again.get(), 2.0);
    let other = super::monitor();
    assert_eq!(counter(other, "jobs")?.get(), 0.0);
    Ok(())
}

#[test]
fn another_description_of_the_same_name_is_refused_by_what_is_different() -> Tested {
    let monitor = monitor();
    let desc = || MetricDesc::new("wait_seconds", "Help.").labels(["a", "b"]);
    monitor.register_histogram(desc(), &[1.0, 2.0])?;
    let field = |result: Result<(), RegisterError>| match result {
        Err(RegisterError::Differs { field, .. }) => Some(field),
        _ => None,
    };
    let histogram =
        |desc: MetricDesc<_>, bounds: &[f64]| monitor.register_histogram(desc, bounds).map(|_| ());
    assert_eq!(histogram(desc(), &[1.0, 2.0]), Ok(()));
    let help = MetricDesc::new("wait_seconds", "Another.").labels(["a", "b"]);
    for (desc, bounds, differs) in [
        (desc(), &[1.0][..], MetricField::Bounds),
        (desc().unit("seconds"), &[1.0, 2.0], MetricField::Unit),
        (desc().labels(["b", "a"]), &[1.0, 2.0], MetricField::Labels),
        (help, &[1.0, 2.0], MetricField::Help),
    ] {
        assert_eq!(field(histogram(desc, bounds)), Some(differs));
    }
    let gauge = monitor.register_gauge(desc()).map(|_| ());
    let message = gauge.as_ref().map_err(ToString::to_string).err();
    let expected = "`wait_seconds` is registered already with another type: histogram, not gauge";
    assert_eq!(message.as_deref(), Some(expected));
    assert_eq!(field(gauge), Some(MetricField::Type));
    Ok(())
}

#[test]
fn names_that_belong_to_others_are_refused() -> Tested {
    let monitor = monitor();
    counter(monitor, "jobs")?;
    let taken = |result: Result<Gauge, RegisterError>| match result {
        Err(RegisterError::Taken { sample, family, .. }) => Some((sample, family)),
        _ => None,
    };
    let gauge = |name: &'static str| monitor.register_gauge(MetricDesc::new(name, ""));
    for (name, owner) in [
        ("jobs", "jobs_total"),
        ("jobs_created", "jobs_total"),
        ("tasks_count", "tasks_count"),
        ("started", "started_total"),
    ] {
        let (sample, family) = (name.to_owned(), owner.to_owned());
        assert_eq!(taken(gauge(name)), Some((sample, family)));
    }
    let request = counter(monitor, "started").map_err(|error| error.to_string());
    let expected =
        "the sample name `started` of `started_total` belongs to the family `started_total`";
    assert_eq!(request.err().as_deref(), Some(expected));
    let histogram = monitor.register_histogram(MetricDesc::new("tasks", ""), &[]);
    assert!(
        matches!(histogram, Err(RegisterError::Taken { sample, .. }) if sample == "tasks_count")
    );
    Ok(())
}

#[test]
fn invalid_parts_are_named() {
    let monitor = monitor();
    let named = |text: &str| text.to_owned();
    for bad in ["", "1a", "a-b", "a b", "ü"] {
        let error = counter(monitor, bad).err();
        assert_eq!(error, Some(RegisterError::Name { name: named(bad) }));
    }
    for bad in ["", "_s", "s_", "a__b", "m/s"] {
        let desc = MetricDesc::new("x", "").unit(bad);
        let error = monitor.register_gauge(desc).err();
        assert_eq!(error, Some(RegisterError::Unit { unit: named(bad) }));
    }
    let labels = |labels: [&'static str; 2]| {
        let desc = MetricDesc::new("x", "").labels(labels);
        monitor.register_gauge(desc).err()
    };
    let label = named("a:b");
    assert_eq!(labels(["a", "a:b"]), Some(RegisterError::Label { label }));
    let label = named("a");
    assert_eq!(
        labels(["a", "a"]),
        Some(RegisterError::RepeatedLabel { label })
    );
    for bad in "le quantile inittime overflow __name__ __x _name_".split(' ') {
        let label = named(bad);
        assert_eq!(
            labels(["a", bad]),
            Some(RegisterError::ReservedLabel { label })
        );
    }
    for (name, unit) in [("up", None), ("scrape_duration", Some("seconds"))] {
        let mut desc = MetricDesc::new(name, "");
        desc.unit = unit;
        let name = unit.map_or(named(name), |unit| format!("{name}_{unit}"));
        let refused = monitor.register_gauge(desc).err();
        assert_eq!(refused, Some(RegisterError::ReservedName { name }));
    }
    for (bounds, index) in [
        (&[1.0, 1.0][..], 1),
        (&[1.0, f64::INFINITY], 1),
        (&[f64::NEG_INFINITY], 0),
        (&[2.0, 1.0, 3.0], 1),
    ] {
        let error = monitor
            .register_histogram(MetricDesc::new("x", ""), bounds)
            .err();
        let bound = bounds[index];
        assert_eq!(error, Some(RegisterError::Bound { index, bound }));
    }
    let nan = monitor.register_histogram(MetricDesc::new("x", ""), &[f64::NAN]);
    assert!(matches!(nan, Err(RegisterError::Bound { index: 0, .. })));
    assert!(
        monitor.snapshot().values.metrics.is_empty(),
        "nothing has changed"
    );
}

proptest! {
    #[test]
    fn any_description_is_refused_or_gives_a_valid_page(
        name in ".{0,8}|[a-z_:]{1,8}(_total|_count|_bucket)?",
        help in ".{0,12}",
        labels in proptest::array::uniform2(".{0,4}|[a-c]"),
        values in proptest::array::uniform2(".{0,6}"),
        bounds in proptest::collection::vec(proptest::num::f64::ANY, 0..4),
        kind in 0..3,
        unit in proptest::option::of(proptest::sample::select(vec!["seconds", "bytes", "", "a b"])),
    ) {
        let monitor = monitor();
        let desc = MetricDesc { unit, ..MetricDesc::new(name, help) }.labels(labels);
        let values = values.each_ref();
        let registered = match kind {
            0 => monitor.register_counter(desc).map(|family| family.with(values).inc_by(3)),
            1 => monitor.register_gauge(desc).map(|family| family.with(values).set(f64::NAN)),
            _ => monitor.register_histogram(desc, &bounds).map(|family| family.with(values).observe(0.5)),
        };
        let snapshot = monitor.snapshot();
        prop_assert_eq!(snapshot.values.metrics.len(), usize::from(registered.is_ok()));
        checked_samples(&families(&snapshot, Profile::Servicekit));
    }
}
