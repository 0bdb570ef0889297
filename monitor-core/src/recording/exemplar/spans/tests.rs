//! Which trace a call is led to: that of its span, however the span came by it.

use tracing::field::Empty;
use tracing::info_span;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::{Monitor, Outcome, StorageConfig};

/// The trace of a call that ends in the current span.
fn trace() -> Option<String> {
    let monitor = Monitor::new(StorageConfig::default());
    monitor.set_exemplars(TraceIdExemplars);
    let method = monitor.method("Get").expect("a good name");
    method.start().finish(Outcome::Success);
    let snapshot = monitor.snapshot();
    let kept = snapshot.methods[0].exemplars.first()?;
    let mut labels = kept.exemplar.labels();
    let (name, value) = labels.next()?;
    assert_eq!((name, labels.next()), (TRACE_ID, None));
    Some(value.to_owned())
}

fn traced<R>(run: impl FnOnce() -> R) -> R {
    tracing::subscriber::with_default(
        tracing_subscriber::registry().with(TraceIdLayer::new()),
        run,
    )
}

#[test]
fn the_nearest_span_that_has_one_gives_it() {
    traced(|| {
        assert_eq!(trace(), None);
        let _request = info_span!("request", trace_id = "outer").entered();
        assert_eq!(trace().as_deref(), Some("outer"));
        let step = info_span!("step", user = "ada").entered();
        assert_eq!(trace().as_deref(), Some("outer"));
        let inner = info_span!("sub request", trace_id = "inner").entered();
        let leaf = info_span!("leaf").entered();
        assert_eq!(trace().as_deref(), Some("inner"));
        drop((leaf, inner, step));
        assert_eq!(trace().as_deref(), Some("outer"));
    });
}

#[test]
fn one_that_is_recorded_later_counts_from_then_on() {
    traced(|| {
        let span = info_span!("request", trace_id = Empty).entered();
        assert_eq!(trace(), None);
        span.record("trace_id", "late");
        assert_eq!(trace().as_deref(), Some("late"));
        span.record("trace_id", "later");
        assert_eq!(trace().as_deref(), Some("later"));
    });
}

#[test]
fn what_displays_itself_is_taken_as_it_reads() {
    traced(|| {
        let id = format!("{:08x}", 0x4b_f92f);
        let _display = info_span!("request", trace_id = %id).entered();
        assert_eq!(trace().as_deref(), Some("004bf92f"));
        let _number = info_span!("request", trace_id = 42_u64).entered();
        assert_eq!(trace().as_deref(), Some("42"));
        let later = info_span!("request", trace_id = Empty).entered();
        later.record("trace_id", tracing::field::display("shown"));
        assert_eq!(trace().as_deref(), Some("shown"));
    });
}

#[test]
fn without_the_layer_or_a_subscriber_there_is_none() {
    let _nobody = info_span!("request", trace_id = "lost").entered();
    assert_eq!(trace(), None);
    let subscriber = tracing_subscriber::registry();
    tracing::subscriber::with_default(subscriber, || {
        let _span = info_span!("request", trace_id = "lost").entered();
        assert_eq!(trace(), None);
    });
}

/// The traces of the calls of one method, one call a run.
fn traces(layer: TraceIdLayer, runs: &[&dyn Fn(&Monitor)]) -> Vec<Option<String>> {
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let traces = runs.iter().map(|run| {
            let monitor = Monitor::new(StorageConfig::default());
            monitor.set_exemplars(TraceIdExemplars);
            monitor.scope_sync(|| run(&monitor));
            let method = monitor.snapshot().methods.into_iter();
            let mut get = method.filter(|method| &*method.name == "Get");
            let kept = get.next()?.exemplars.into_iter().next()?;
            kept.exemplar.labels().next().map(|(_, id)| id.to_owned())
        });
        traces.collect()
    })
}

/// Runs a closure as the body of a call, as an expansion does.
fn call<R>(monitor: Monitor, method: &str, body: impl FnOnce() -> R) -> R {
    let method = monitor.method(method).expect("a good name");
    let call = method.start();
    let value = call.run(body);
    call.finish(Outcome::Success);
    value
}

#[test]
fn the_span_that_a_call_opens_and_leaves_gives_it() {
    let opens = |monitor: &Monitor| {
        call(*monitor, "Get", || {
            let own = info_span!("own", trace_id = "own").entered();
            info_span!("step", trace_id = "step").in_scope(|| ());
            drop(own);
        });
    };
    let child_last = |monitor: &Monitor| {
        call(*monitor, "Get", || {
            let own = info_span!("own", trace_id = "own");
            own.in_scope(|| ());
            info_span!(parent: &own, "step", trace_id = "step").in_scope(|| ());
        });
    };
    let within = |monitor: &Monitor| {
        info_span!("request", trace_id = "request").in_scope(|| opens(monitor));
    };
    let around = |monitor: &Monitor| {
        info_span!("request", trace_id = "request").in_scope(|| {
            call(*monitor, "Get", || {
                call(*monitor, "Other", || {
                    info_span!("own", trace_id = "other").in_scope(|| ());
                });
            });
        });
    };
    let recorded = |monitor: &Monitor| {
        call(*monitor, "Get", || {
            let span = info_span!("own", trace_id = Empty);
            span.in_scope(|| ());
            span.record("trace_id", "late");
            span.in_scope(|| ());
        });
    };
    let before = |monitor: &Monitor| {
        info_span!("before", trace_id = "before").in_scope(|| ());
        call(*monitor, "Other", || {
            info_span!("own", trace_id = "other").in_scope(|| ());
        });
        call(*monitor, "Get", || ());
    };
    let found = traces(
        TraceIdLayer::new(),
        &[&opens, &child_last, &within, &around, &recorded, &before],
    );
    let wanted = [
        Some("own"),
        Some("own"),
        Some("own"),
        Some("request"),
        Some("late"),
        None,
    ];
    assert_eq!(found, wanted.map(|id| id.map(str::to_owned)));
}

#[test]
fn a_function_for_the_context_that_panics_or_makes_calls_harms_nothing() {
    let opens = |monitor: &Monitor| {
        call(*monitor, "Get", || info_span!("own").in_scope(|| ()));
    };
    let panics = TraceIdLayer::with_context(|_, _| panic!("no context"));
    assert_eq!(traces(panics, &[&opens]), [None]);
    let calls = TraceIdLayer::with_context(|_, _| {
        let monitor = Monitor::new(StorageConfig::default());
        monitor.set_exemplars(TraceIdExemplars);
        call(monitor, "Get", || info_span!("inner").in_scope(|| ()));
        assert_eq!(monitor.snapshot().methods[0].exemplars, []);
        Some(Exemplar::new([(TRACE_ID, "own")]))
    });
    assert_eq!(traces(calls, &[&opens]), [Some("own".to_owned())]);
}

/// How many exemplars there are of a call that opened a span and left it, and of one that ends in a span.
fn exemplars_by(subscriber: impl Into<Dispatch>) -> [usize; 2] {
    let opens = |monitor: Monitor| {
        call(monitor, "Get", || {
            info_span!("own", trace_id = "own").in_scope(|| ());
        });
    };
    let ends_in = |monitor: Monitor| {
        let _span = info_span!("around", trace_id = "around").entered();
        call(monitor, "Get", || ());
    };
    let dispatch = subscriber.into();
    let runs: [&dyn Fn(Monitor); 2] = [&opens, &ends_in];
    runs.map(|run| {
        let monitor = Monitor::new(StorageConfig::default());
        monitor.set_exemplars(TraceIdExemplars);
        tracing::dispatcher::with_default(&dispatch, || monitor.scope_sync(|| run(monitor)));
        monitor.snapshot().methods[0].exemplars.len()
    })
}

#[test]
fn the_layer_may_stand_in_other_layers() {
    use tracing_subscriber::filter::LevelFilter;
    use tracing_subscriber::{Layer as _, registry, reload};

    let field: fn() -> TraceIdLayer = TraceIdLayer::new;
    let context: fn() -> TraceIdLayer =
        || TraceIdLayer::with_context(|_, _| Some(Exemplar::new([(TRACE_ID, "context")])));
    for (layer, behind_reload) in [(field, [1, 1]), (context, [1, 0])] {
        assert_eq!(exemplars_by(registry().with(layer())), [1, 1]);
        assert_eq!(
            exemplars_by(registry().with(Some(layer()))),
            [1, 1],
            "Option"
        );
        assert_eq!(exemplars_by(registry().with(vec![layer()])), [1, 1], "Vec");
        assert_eq!(
            exemplars_by(registry().with(vec![layer().boxed()])),
            [1, 1],
            "boxes"
        );
        assert_eq!(
            exemplars_by(registry().with(layer().boxed())),
            [1, 1],
            "Box"
        );
        let filtered = layer().with_filter(LevelFilter::INFO);
        assert_eq!(exemplars_by(registry().with(filtered)), [1, 1], "a filter");
        let subscriber = Arc::new(registry().with(layer()));
        drop(Dispatch::new(Arc::clone(&subscriber)));
        assert_eq!(
            exemplars_by(Dispatch::new(subscriber)),
            [1, 1],
            "a second dispatch"
        );
        let (reloaded, _handle) = reload::Layer::new(layer());
        assert_eq!(
            exemplars_by(registry().with(reloaded)),
            behind_reload,
            "reload"
        );
    }
}
