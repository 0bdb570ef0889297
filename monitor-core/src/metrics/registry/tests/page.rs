//! How registered metrics look on a page.

use super::*;
use crate::base::clock::to_f64;
use crate::export::names::Exporter;

#[test]
fn families_have_the_given_name_help_type_and_unit() -> Tested {
    let monitor = monitor();
    let jobs = MetricDesc::new("my_jobs", "Jobs \"done\".\nAll of them.");
    monitor.register_counter(jobs)?.inc_by(1 << 60);
    let read = MetricDesc::new("my_read", "Bytes read.")
        .unit("bytes")
        .labels(["disk", "a"]);
    let read = monitor.register_counter(read)?;
    read.with(["sda", "\"\\"]).inc_by_f64(1.5);
    read.with([String::from("sdb"), String::new()]);
    let wait = MetricDesc::new("my_wait_seconds", "Waiting.").unit("seconds");
    let wait = monitor.register_histogram(wait, &[0.5, 1.0])?;
    for value in [0.5, 0.75, 2.0] {
        wait.observe(value);
    }
    let open = monitor.register_gauge(MetricDesc::new("my_open", ""))?;
    open.set(-2.5);
    assert_eq!(
        lines(monitor, "my_", Format::Text004),
        [
            "# HELP my_jobs_total Jobs \"done\".\\nAll of them.",
            "# TYPE my_jobs_total counter",
            "my_jobs_total 1152921504606846976",
            "# HELP my_read_bytes_total Bytes read.",
            "# TYPE my_read_bytes_total counter",
            "my_read_bytes_total{a=\"\\\"\\\\\",disk=\"sda\"} 1.5",
            "my_read_bytes_total{a=\"\",disk=\"sdb\"} 0",
            "# HELP my_wait_seconds Waiting.",
            "# TYPE my_wait_seconds histogram",
            "my_wait_seconds_bucket{le=\"0.5\"} 1",
            "my_wait_seconds_bucket{le=\"1.0\"} 2",
            "my_wait_seconds_bucket{le=\"+Inf\"} 3",
            "my_wait_seconds_count 3",
            "my_wait_seconds_sum 3.25",
            "# TYPE my_open gauge",
            "my_open -2.5",
        ]
    );
    let open = lines(monitor, "my_", Format::OpenMetrics100);
    for line in [
        "# UNIT my_read_bytes bytes",
        "# TYPE my_read_bytes counter",
        "# UNIT my_wait_seconds seconds",
    ] {
        assert!(open.iter().any(|one| one == line), "{line}: {open:?}");
    }
    Ok(())
}

#[test]
fn without_labels_a_series_is_there_at_zero() -> Tested {
    let monitor = monitor();
    monitor.register_counter(MetricDesc::new("my_jobs", ""))?;
    monitor.register_gauge(MetricDesc::new("my_open", "").labels([""; 0]))?;
    monitor.register_histogram(MetricDesc::new("my_time", ""), &[])?;
    monitor.register_counter(MetricDesc::new("my_more", "").labels(["a"]))?;
    assert_eq!(
        samples(monitor, "my_"),
        [
            "my_jobs_total 0",
            "my_open 0",
            "my_time_bucket{le=\"+Inf\"} 0",
            "my_time_count 0",
            "my_time_sum 0"
        ]
    );
    Ok(())
}

#[test]
fn a_key_that_was_first_keeps_the_name() -> Tested {
    let monitor = monitor();
    let exporter = Exporter::new(Profile::Servicekit);
    let samples = || -> Vec<String> {
        let page = page(&exporter.families(&monitor.snapshot()), Format::Text004);
        let lines = page.lines().filter(|line| line.starts_with("stats_"));
        lines.map(str::to_owned).collect()
    };
    assert!(monitor.inc_stats("mine", 1).is_ok());
    assert!(samples().contains(&"stats_mine 1".to_owned()));
    let late = monitor.register_gauge(MetricDesc::new("stats_mine", "Registered."))?;
    late.set(2.0);
    let early = monitor.register_gauge(MetricDesc::new("stats_yours", "Registered."))?;
    early.set(3.0);
    assert!(monitor.inc_stats("yours", 4).is_ok());
    let lines = samples();
    assert!(lines.contains(&"stats_mine 1".to_owned()), "{lines:?}");
    assert!(lines.contains(&"stats_yours 3".to_owned()), "{lines:?}");
    let by_hash = lines.iter().filter(|line| line.starts_with("stats_key_"));
    let values: Vec<&str> = by_hash.filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(values, ["2", "4"]);
    Ok(())
}

#[test]
fn what_would_lower_a_sum_is_refused_and_counted() -> Tested {
    let monitor = monitor();
    let jobs = monitor.register_counter(MetricDesc::new("jobs", ""))?;
    for by in [-1.0, f64::NAN, f64::INFINITY] {
        jobs.inc_by_f64(by);
    }
    let wait = monitor.register_histogram(MetricDesc::new("wait", ""), &[0.0])?;
    for value in [-1.0, f64::NAN, -0.0, f64::INFINITY, 1e300] {
        wait.observe(value);
    }
    let drift = monitor.register_histogram(MetricDesc::new("drift", ""), &[-1.0, 1.0])?;
    for value in [-2.0, -1.0, 0.0, f64::NEG_INFINITY, f64::INFINITY] {
        drift.observe(value);
    }
    assert_eq!((jobs.get(), wait.count(), wait.sum()), (0.0, 2, 1e300));
    for _ in 0..3 {
        jobs.inc_by_f64(f64::MAX);
        wait.observe(f64::MAX);
    }
    assert_eq!((jobs.get(), wait.sum()), (f64::MAX, f64::MAX));
    assert_eq!((drift.count(), drift.sum()), (3, -3.0));
    assert_eq!(monitor.snapshot().values.refused_observations, 8);
    Ok(())
}

#[test]
fn counts_are_exact_far_and_then_doubles() -> Tested {
    let monitor = monitor();
    let jobs = monitor.register_counter(MetricDesc::new("my_jobs", ""))?;
    for _ in 0..3 {
        jobs.inc_by(1 << 32);
    }
    jobs.inc_by((1 << 53) + 1);
    jobs.inc();
    let sum = 3 * (1 << 32) + (1 << 53) + 2;
    let exact = samples(monitor, "my_");
    assert_eq!(exact, [format!("my_jobs_total {sum}")]);
    for _ in 0..10 {
        jobs.inc_by(u64::MAX);
    }
    assert_eq!(jobs.get(), 10.0 * 2f64.powi(64) + to_f64(sum));
    jobs.inc();
    assert!(jobs.get() >= 10.0 * 2f64.powi(64));
    Ok(())
}

#[test]
fn a_full_family_counts_on_in_one_child() -> Tested {
    let monitor = limited(2);
    let jobs = monitor.register_counter(MetricDesc::new("my_jobs", "").labels(["id"]))?;
    for n in 0..10 {
        jobs.with([n.to_string()]).inc();
    }
    assert_eq!(
        samples(monitor, "my_"),
        [
            "my_jobs_total{id=\"0\"} 1",
            "my_jobs_total{id=\"1\"} 1",
            "my_jobs_total{overflow=\"true\"} 8"
        ]
    );
    assert_eq!(monitor.snapshot().values.overflowed_updates, 8);
    // Room again.
    assert!(jobs.remove(["1"]));
    jobs.with(["9"]).inc();
    assert_eq!(samples(monitor, "my_")[1], "my_jobs_total{id=\"9\"} 1");
    Ok(())
}

#[test]
fn updates_allocate_nothing() -> Tested {
    let monitor = monitor();
    let jobs = monitor.register_counter(MetricDesc::new("jobs", "").labels(["id"]))?;
    let jobs = jobs.with(["1"]);
    let open = monitor.register_gauge(MetricDesc::new("open", ""))?;
    let wait = monitor.register_histogram(MetricDesc::new("wait", ""), &[0.5])?;
    let info = allocation_counter::measure(|| {
        jobs.inc();
        jobs.inc_by_f64(0.5);
        open.set(1.0);
        open.dec();
        wait.observe(1.0);
    });
    assert_eq!(info.count_total, 0);
    Ok(())
}

#[test]
fn a_bound_of_zero_has_no_sign() -> Tested {
    let monitor = monitor();
    let change = MetricDesc::new("my_change", "A change.");
    monitor.register_histogram(change, &[-1.0, -0.0])?;
    let page = lines(monitor, "my_change_bucket", Format::Text004);
    assert!(page[1].contains("le=\"0.0\""), "{page:?}");
    Ok(())
}
