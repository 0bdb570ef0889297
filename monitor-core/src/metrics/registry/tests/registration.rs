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
    assert_eq!(field(histogram(desc(), &[1.0])), Some(MetricField::Bounds));
    assert_eq!(
        field(histogram(desc().unit("seconds"), &[1.0, 2.0])),
        Some(MetricField::Unit)
    );
    assert_eq!(
        field(histogram(desc().labels(["b", "a"]), &[1.0, 2.0])),
        Some(MetricField::Labels)
    );
    let help = MetricDesc::new("wait_seconds", "Another.").labels(["a", "b"]);
    assert_eq!(field(histogram(help, &[1.0, 2.0])), Some(MetricField::Help));
    let gauge = monitor.register_gauge(desc()).map(|_| ());
    assert_eq!(
        gauge.as_ref().map_err(ToString::to_string).err().as_deref(),
        Some("`wait_seconds` is registered already with another type: histogram, not gauge")
    );
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
    let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
    assert_eq!(taken(gauge("jobs")), pair("jobs", "jobs_total"));
    assert_eq!(
        taken(gauge("jobs_created")),
        pair("jobs_created", "jobs_total")
    );
    assert_eq!(
        taken(gauge("tasks_count")),
        pair("tasks_count", "tasks_count")
    );
    assert_eq!(taken(gauge("started")), pair("started", "started_total"));
    let request = counter(monitor, "started").map(|_| ());
    assert_eq!(
        request.map_err(|error| error.to_string()),
        Err(
            "the sample name `started` of `started_total` belongs to the family `started_total`"
                .to_owned()
        )
    );
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
        let error = monitor
            .register_gauge(MetricDesc::new("x", "").unit(bad))
            .err();
        assert_eq!(error, Some(RegisterError::Unit { unit: named(bad) }));
    }
    let labels = |labels: [&'static str; 2]| {
        let desc = MetricDesc::new("x", "").labels(labels);
        monitor.register_gauge(desc).err()
    };
    assert_eq!(
        labels(["a", "a:b"]),
        Some(RegisterError::Label {
            label: named("a:b")
        })
    );
    assert_eq!(
        labels(["a", "a"]),
        Some(RegisterError::RepeatedLabel { label: named("a") })
    );
    for bad in [
        "le", "quantile", "inittime", "overflow", "__name__", "__x", "_name_",
    ] {
        assert_eq!(
            labels(["a", bad]),
            Some(RegisterError::ReservedLabel { label: named(bad) })
        );
    }
    for (name, unit) in [("up", None), ("scrape_duration", Some("seconds"))] {
        let desc = MetricDesc {
            unit,
            ..MetricDesc::new(name, "")
        };
        let name = [name, "scrape_duration_seconds"][usize::from(unit.is_some())].to_owned();
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
        assert_eq!(
            error,
            Some(RegisterError::Bound {
                index,
                bound: bounds[index]
            })
        );
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
