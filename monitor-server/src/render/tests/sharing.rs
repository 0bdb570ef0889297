//! Which page a scrape may be shown: pages that are kept, limits of time and number, and pages that must be whole.

use super::*;

/// The number in the line `probe N`.
fn number(page: &str) -> u64 {
    let line = page.lines().find_map(|line| line.strip_prefix("probe "));
    let number = line.and_then(|number| number.parse::<f64>().ok());
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small count"
    )]
    number.map_or(0, |number| number as u64)
}

async fn gzip_number(renderer: &Arc<Renderer>) -> u64 {
    number(&text_of(renderer, packed()).await)
}

fn with_ages(identity: u64, gzip: u64) -> PageSettings {
    PageSettings {
        ages: Ages {
            identity: Duration::from_millis(identity),
            gzip: Duration::from_millis(gzip),
        },
        ..settings()
    }
}

const LONG: u64 = 50_000;

#[tokio::test]
async fn a_compressed_page_is_shown_again_while_it_is_young_enough_and_a_plain_one_is_not() {
    let (renderer, _) = renderer_with(vec![Box::new(Probe::default())], with_ages(0, LONG));
    assert_eq!(gzip_number(&renderer).await, 1);
    assert_eq!(gzip_number(&renderer).await, 1);
    assert_eq!(number(&text(&renderer).await), 2);
    assert_eq!(number(&text(&renderer).await), 3);
    assert_eq!(gzip_number(&renderer).await, 1);
    let open = PageRequest {
        format: Format::OpenMetrics100,
        ..packed()
    };
    assert_eq!(number(&text_of(&renderer, open).await), 4);
}

#[tokio::test]
async fn no_page_is_shown_that_is_older_than_it_may_be() {
    let (renderer, _) = renderer_with(vec![Box::new(Probe::default())], with_ages(0, 100));
    let mut last = (0, Instant::now());
    for _ in 0..60 {
        let arrived = Instant::now();
        let seen = gzip_number(&renderer).await;
        if seen == last.0 {
            // It began to be made before it was first seen.
            let first_seen: Instant = last.1;
            assert!(arrived.duration_since(first_seen) < Duration::from_millis(100));
        } else {
            last = (seen, Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
    assert!((2..20).contains(&last.0), "{} renders", last.0);
}

#[tokio::test]
async fn nothing_is_kept_where_the_age_is_zero_nor_of_names_nor_longer_than_of_use() {
    let kept = |renderer: &Arc<Renderer>| lock(&renderer.queue).kept.len();
    let (none, _) = renderer_with(Vec::new(), with_ages(0, 0));
    page(&none, packed()).await;
    assert_eq!(kept(&none), 0);
    let (some, _) = renderer_with(Vec::new(), with_ages(80, 80));
    for format in [Format::Text004, Format::OpenMetrics100] {
        for gzip in [false, true] {
            for (dots, names) in [
                (false, None),
                (true, None),
                (false, Some(Arc::from(["x".to_owned()]))),
            ] {
                page(
                    &some,
                    PageRequest {
                        format,
                        names,
                        dots,
                        gzip,
                    },
                )
                .await;
            }
        }
    }
    assert!(kept(&some) <= 4, "{}", kept(&some));
    page(&some, packed()).await;
    assert_ne!(kept(&some), 0);
    let begin = Instant::now();
    while kept(&some) != 0 {
        assert!(begin.elapsed() < Duration::from_secs(5), "still kept");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A renderer with one sound registry and one that hangs, of which nothing is given up by itself.
fn half_hanging() -> (Arc<Renderer>, Arc<SelfMetrics>, Probe) {
    let sound = IntCounter::new("sound_total", "Of a sound registry.").expect("a name");
    let probe = Probe::hanging();
    let collectors: Vec<Box<dyn Collector>> = vec![Box::new(probe.clone()), Box::new(sound)];
    let (renderer, metrics) = renderer_with(collectors, gather_timeout(Duration::ZERO));
    (renderer, metrics, probe)
}

#[tokio::test]
async fn a_hanging_registry_is_left_out_in_time_for_the_rest_to_arrive() {
    let (renderer, metrics, hanging) = half_hanging();
    let patience = Duration::from_millis(400);
    let begin = Instant::now();
    let page = renderer
        .page(wanted(), Some(patience))
        .await
        .expect("a page");
    let took = begin.elapsed();
    assert!(took >= patience / 4 * 3 && took < patience, "{took:?}");
    let page = String::from_utf8(page.to_vec()).expect("text");
    assert!(
        page.contains("sound_total 0") && number(&page) == 0,
        "{page}"
    );
    // A scrape with little time is no fault of the registry.
    assert_eq!(metrics.errors(Cause::Hurried), 1);
    assert_eq!(metrics.errors(Cause::Overrun), 0);
    hanging.release();
}

#[tokio::test]
async fn a_scraper_in_a_hurry_takes_nothing_from_the_others() {
    let probe = Probe::slow(1000);
    let (renderer, _) = renderer_with(vec![Box::new(probe)], with_ages(0, LONG));
    let patient = tokio::spawn({
        let renderer = renderer.clone();
        async move { gzip_number(&renderer).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    let hurried = renderer
        .page(packed(), Some(Duration::from_millis(100)))
        .await
        .expect("a page without the slow registry");
    assert_eq!(number(&unpacked(&hurried)), 0);
    assert!(!patient.is_finished());
    // The page without the registry is not kept for the others, and they get the registry.
    assert_ne!(patient.await.expect("no panic"), 0);
    assert_ne!(gzip_number(&renderer).await, 0);
}

#[tokio::test]
async fn a_scrape_without_time_is_late_and_nothing_is_rendered_for_one_that_left() {
    let (renderer, _, hanging) = half_hanging();
    let none = renderer.page(wanted(), Some(Duration::ZERO)).await;
    assert!(matches!(none, Err(PageError::Late) | Ok(_)), "{none:?}");
    let leaves = tokio::time::timeout(Duration::from_millis(20), renderer.page(wanted(), None));
    assert!(leaves.await.is_err());
    let begin = Instant::now();
    while !renderer.is_idle() {
        assert!(
            begin.elapsed() < Duration::from_secs(5),
            "it renders for no scrape"
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(renderer.in_flight(), 0);
    // A gather that returns when no scrape waits has ended: the next scrape begins another.
    hanging.release();
    assert_eq!(number(&text(&renderer).await), 2);
}

#[tokio::test]
async fn a_thread_that_cannot_be_had_costs_that_scrape_and_no_later_one() {
    let (mut renderer, metrics) = renderer(vec![Box::new(Probe::default())]);
    renderer.pool.close(Duration::ZERO);
    for failures in 1..3 {
        let page = renderer.page(wanted(), None).await;
        assert_eq!(page, Err(PageError::Failed));
        assert_eq!(metrics.errors(Cause::Internal), failures);
        assert_eq!((renderer.in_flight(), renderer.is_idle()), (0, true));
    }
    let shared = Arc::get_mut(&mut renderer);
    shared.expect("no job is left").pool = Pool::default();
    assert_eq!(number(&text(&renderer).await), 1);
}

/// Rendering ends and begins again all the time: some arrivals fall into that moment.
#[test]
fn no_scrape_is_left_while_nothing_renders() {
    let (done, ended) = std::sync::mpsc::channel();
    for thread in 0..2 {
        let (renderer, metrics) = renderer(Vec::new());
        let nothing = PageRequest {
            names: Some(Arc::from(["nothing".to_owned()])),
            ..wanted()
        };
        let done = done.clone();
        std::thread::spawn(move || {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            for scrape in 0..2000 {
                // It arrives a little later after each page than the one before.
                for _ in 0..scrape % 100 * 8 {
                    std::hint::spin_loop();
                }
                let mut page = Box::pin(renderer.page(nothing.clone(), None));
                let mut poll = page.as_mut().poll(&mut context);
                // Some leave at once.
                while poll.is_pending() && (scrape + thread) % 7 != 0 {
                    std::thread::yield_now();
                    poll = page.as_mut().poll(&mut context);
                }
            }
            while !renderer.is_idle() {
                std::thread::yield_now();
            }
            assert_eq!(renderer.in_flight(), 0);
            assert_eq!(metrics.errors(Cause::Internal), 0);
            let _ = done.send(());
        });
    }
    for _ in 0..2 {
        let ended = ended.recv_timeout(Duration::from_mins(1));
        assert_eq!(ended, Ok(()), "a scrape waits for ever, or failed");
    }
}

#[tokio::test]
async fn one_more_than_may_wait_is_busy_unless_a_kept_page_suits_it() {
    let probe = Probe::default();
    let settings = PageSettings {
        max_scrapes: 3,
        ..with_ages(0, LONG)
    };
    let (renderer, _) = renderer_with(vec![Box::new(probe.clone())], settings);
    assert_eq!(gzip_number(&renderer).await, 1);
    probe.hangs.store(true, Ordering::SeqCst);
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let renderer = renderer.clone();
            tokio::spawn(async move { text(&renderer).await })
        })
        .collect();
    while renderer.in_flight() < 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(renderer.page(wanted(), None).await, Err(PageError::Busy));
    assert_eq!(gzip_number(&renderer).await, 1);
    probe.release();
    for waiting in waiting {
        assert_ne!(number(&waiting.await.expect("no panic")), 0);
    }
    assert_ne!(number(&text(&renderer).await), 0);
}

fn strict(gather_timeout: Duration) -> PageSettings {
    PageSettings {
        strict: true,
        gather_timeout,
        ..settings()
    }
}

#[tokio::test]
async fn a_strict_page_is_whole_or_none() {
    let sound = || {
        let counter = IntCounter::new("sound_total", "Of a sound registry.").expect("a name");
        registry_of(Box::new(counter))
    };
    let hanging = Probe::hanging();
    let taken = Gauge::new("service_tasks_started_total", "Taken.").expect("a name");
    let limit = Duration::from_millis(50);
    for (source, what, cause) in [
        (
            registry_of(Box::new(Probe::broken())),
            "registry 2 failed\n",
            Cause::Source,
        ),
        (
            Source::collector(Probe::broken()),
            "collector 2 failed\n",
            Cause::Source,
        ),
        (
            registry_of(Box::new(hanging.clone())),
            "registry 2 took longer than it may\n",
            Cause::Overrun,
        ),
        (
            registry_of(Box::new(taken)),
            "families with an invalid or a taken name: 1\n",
            Cause::Family,
        ),
    ] {
        // A panic takes its time where its backtrace is printed.
        let limit = match cause {
            Cause::Overrun => limit,
            _ => limit * 100,
        };
        let (renderer, metrics) = renderer_from(vec![sound(), source], strict(limit));
        let what = format!("the page is incomplete, and `strict` is set\n{what}");
        for wanted in [wanted(), packed()] {
            let refused = renderer.page(wanted, None).await;
            assert_eq!(refused, Err(PageError::Incomplete(what.as_str().into())));
        }
        assert_eq!(metrics.errors(cause), 2);
    }
    hanging.release();
    // A repeated series is there, with its first value.
    let (renderer, metrics) = renderer_from(vec![sound(), sound()], strict(limit * 100));
    assert!(text(&renderer).await.contains("sound_total 0\n"));
    assert_eq!(metrics.errors(Cause::RepeatedSeries), 1);
}
