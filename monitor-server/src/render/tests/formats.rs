//! One state in every format and encoding.

use monitor_core::exemplar::Exemplar;
use monitor_core::family::NativeBuckets;

use super::*;

#[tokio::test]
async fn the_scheme_dots_doubles_the_underscores_of_all_names() {
    let opts = prometheus::HistogramOpts::new("of_user", "A user's.").const_label("a_b", "c_d");
    let histogram = prometheus::Histogram::with_opts(opts.buckets(vec![1.0])).expect("a name");
    let (renderer, _) = renderer(vec![Box::new(histogram)]);
    for (format, total) in [
        (
            Format::Text004,
            "# TYPE service__tasks__started__total counter",
        ),
        (
            Format::OpenMetrics100,
            "# TYPE service__tasks__started_ counter",
        ),
    ] {
        let dots = PageRequest {
            format,
            dots: true,
            ..wanted()
        };
        let dotted = text_of(&renderer, dots.clone()).await;
        for line in [
            total,
            "service__tasks__started__total 0",
            "# TYPE of__user histogram",
            "of__user_bucket{a__b=\"c_d\",le=\"1.0\"} 0",
            "of__user_count{a__b=\"c_d\"} 0",
        ] {
            assert!(
                dotted.lines().any(|other| other == line),
                "{line}: {dotted}"
            );
        }
        let named = PageRequest {
            names: Some(Arc::from(["service__tasks__started__total".to_owned()])),
            ..dots
        };
        let one = text_of(&renderer, named).await;
        assert!(
            one.contains("\nservice__tasks__started__total 0\n"),
            "{one}"
        );
        assert_eq!(series(one.trim_end_matches("# EOF\n")).len(), 1, "{one}");
    }
}

#[tokio::test]
async fn a_label_that_the_scheme_dots_makes_the_name_is_left_out_there_alone() {
    let opts = prometheus::Opts::new("mine", "The user's.").const_label("_name_", "x");
    let mine = Gauge::with_opts(opts).expect("good options");
    let (renderer, metrics) = renderer(vec![Box::new(mine)]);
    let dots = PageRequest {
        dots: true,
        ..wanted()
    };
    let dotted = text_of(&renderer, dots).await;
    assert!(
        !dotted.contains("mine") && !dotted.contains("__name__"),
        "{dotted}"
    );
    let count = "monitor__scrape__errors__total{cause=\"repeated_series\"} 1\n";
    assert!(dotted.contains(count), "{dotted}");
    assert!(text(&renderer).await.contains("mine{_name_=\"x\"} 0\n"));
    assert_eq!(metrics.errors(Cause::RepeatedSeries), 1);
}

#[tokio::test]
async fn exemplars_stand_on_every_page_in_openmetrics() {
    let clash = Gauge::new("service_request_duration_seconds_sum", "The user's.").expect("a name");
    for (collector, dropped) in [
        (Box::new(Probe::default()) as Box<dyn Collector>, 0),
        (Box::new(clash), 1),
    ] {
        let (renderer, metrics) = renderer(vec![collector]);
        let monitor = renderer.monitor;
        monitor.set_exemplars(|| Some(Exemplar::new([("trace_id", "4bf92f")])));
        let method = monitor.method("Get").expect("a name");
        method.start().finish(monitor_core::Outcome::Success);
        for (format, dots, gzip) in [
            (Format::Text004, false, false),
            (Format::OpenMetrics100, false, false),
            (Format::OpenMetrics100, false, true),
            (Format::OpenMetrics100, true, false),
            (Format::OpenMetrics100, true, true),
        ] {
            let wanted = PageRequest {
                format,
                names: None,
                dots,
                gzip,
            };
            let page = text_of(&renderer, wanted).await;
            let lines = page.matches(" # {trace_id=\"4bf92f\"} ").count();
            let expected = usize::from(format == Format::OpenMetrics100);
            assert_eq!(lines, expected, "{page}");
        }
        assert_eq!(metrics.errors(Cause::Family) > 0, dropped > 0);
    }
}

#[tokio::test]
async fn only_a_round_with_a_page_of_messages_reads_native_buckets() {
    let (renderer, _) = renderer(Vec::new());
    let method = renderer.monitor.method("Get").expect("a name");
    method.start().finish(monitor_core::Outcome::Success);
    let in_format = |format| PageRequest { format, ..wanted() };
    let requests = [
        in_format(Format::Text004),
        in_format(Format::OpenMetrics100),
        in_format(Format::Protobuf),
    ];
    let has_native = |requests: &[PageRequest]| {
        let snapshot = renderer.snapshot_for(requests.iter());
        let native = snapshot.methods[0].success.native.as_ref();
        native.map(NativeBuckets::count)
    };
    assert_eq!(has_native(&requests[..2]), None);
    assert_eq!(has_native(&requests), Some(1));
    assert_eq!(has_native(&requests[2..]), Some(1));
}
