//! Samples on a manual clock, so that all sums are exact; and beside calls of many threads.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::base::sync::{Mutex, lock};
use crate::recording::self_time::MAX_STACKS;
use crate::snapshot::SelfTime;
use crate::storage::Sampler;
use crate::{CallGuard, Clock, ManualClock, Method, Monitor, StorageConfig};

const PERIOD: Duration = Duration::from_millis(10);

/// A monitor whose clock is moved by hand, with a sampler.
struct Sampled {
    monitor: Monitor,
    hand: ManualClock,
    sampler: Sampler,
}

impl Sampled {
    fn new() -> Self {
        let (clock, hand) = Clock::manual(0.0);
        let config = StorageConfig {
            // A test makes more methods than the limit of stacks.
            max_methods: 0,
            ..StorageConfig::default()
        };
        let monitor = Monitor::with_clock(config, clock);
        let sampler = monitor.sampler(PERIOD);
        Self {
            monitor,
            hand,
            sampler,
        }
    }

    /// With another sampler, made so long after the first one ended.
    fn again_after(self, pause: Duration) -> Self {
        drop(self.sampler);
        self.hand.advance(pause);
        Self {
            sampler: self.monitor.sampler(PERIOD),
            monitor: self.monitor,
            hand: self.hand,
        }
    }

    fn method(&self, name: &str) -> Method {
        self.monitor.method(name).expect("a good name")
    }

    /// A sample so many milliseconds after the one before it.
    fn sample_after(&mut self, milliseconds: u64) {
        self.hand.advance(ms(milliseconds));
        self.sampler.sample();
    }

    fn self_time(&self) -> SelfTime {
        let snapshot = self.monitor.snapshot();
        snapshot.self_time.expect("a sampler began")
    }

    /// Time by stack, methods joined by `;`.
    fn stacks(&self) -> Vec<(String, Duration)> {
        let stacks = self.self_time().stacks.into_iter();
        let stacks = stacks.map(|stack| {
            (
                stack.methods.join(";"),
                Duration::from_secs_f64(stack.seconds),
            )
        });
        stacks.collect()
    }

    fn time_of(&self, name: &str) -> Duration {
        let methods = self.monitor.snapshot().methods;
        let of_name = methods.iter().filter(|method| &*method.name == name);
        let seconds = of_name.filter_map(|method| method.self_seconds);
        Duration::from_secs_f64(seconds.sum())
    }
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[track_caller]
fn assert_stacks(sampled: &Sampled, expected: &[(&str, u64)]) {
    let stacks = sampled.stacks();
    let expected = expected
        .iter()
        .map(|(name, time)| ((*name).to_owned(), ms(*time)));
    assert_eq!(stacks, expected.collect::<Vec<_>>());
}

#[test]
fn a_sample_gives_the_time_since_the_one_before_it_to_the_current_call() {
    let mut sampled = Sampled::new();
    let (outer, inner) = (sampled.method("Outer"), sampled.method("Inner"));
    let monitor = sampled.monitor;
    monitor.scope_sync(|| {
        let call = outer.start();
        // Held, but its code does not run.
        sampled.sample_after(1);
        call.run(|| {
            sampled.sample_after(7);
            inner.start().run(|| sampled.sample_after(2));
            inner.start().run(|| sampled.sample_after(30));
            sampled.sample_after(4);
        });
    });
    sampled.sample_after(100);
    assert_stacks(&sampled, &[("Outer", 11), ("Outer;Inner", 32)]);
    assert_eq!(sampled.time_of("Outer"), ms(11));
    assert_eq!(sampled.time_of("Inner"), ms(32));
    assert_eq!(sampled.self_time().samples, 6);
}

#[test]
fn threads_count_each_for_itself() {
    let mut sampled = Sampled::new();
    let (one, other) = (sampled.method("One"), sampled.method("Other"));
    let monitor = sampled.monitor;
    let (ready, is_ready) = std::sync::mpsc::channel();
    let done = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        for method in [one, one, other] {
            let ready = ready.clone();
            scope.spawn(move || {
                monitor.scope_sync(|| {
                    method.start().run(|| {
                        let _ = ready.send(());
                        while !done.load(Ordering::Relaxed) {
                            std::thread::yield_now();
                        }
                    });
                });
            });
        }
        for _ in 0..3 {
            is_ready.recv().expect("it runs");
        }
        sampled.sample_after(5);
        sampled.sample_after(6);
        done.store(true, Ordering::Relaxed);
    });
    sampled.sample_after(100);
    assert_eq!(sampled.time_of("One"), ms(22));
    assert_eq!(sampled.time_of("Other"), ms(11));
}

#[test]
fn the_time_without_a_sampler_counts_for_no_call() {
    let mut sampled = Sampled::new();
    let monitor = sampled.monitor;
    let call = sampled.method("Work").start();
    let sampled = monitor.scope_sync(|| {
        call.run(|| {
            sampled.sample_after(1);
            sampled = sampled.again_after(Duration::from_secs(3600));
            sampled.sample_after(2);
            // One that begins beside another takes no time from it.
            sampled.hand.advance(ms(3));
            let other = monitor.sampler(PERIOD);
            sampled.sample_after(4);
            drop(other);
            sampled
        })
    });
    assert_stacks(&sampled, &[("Work", 1 + 2 + 3 + 4)]);
}

#[test]
fn a_sample_stands_for_ten_periods_at_most() {
    let mut sampled = Sampled::new();
    let call = sampled.method("Work").start();
    let monitor = sampled.monitor;
    monitor.scope_sync(|| {
        call.run(|| {
            sampled.sample_after(99);
            // The process was stopped.
            sampled.sample_after(3_600_000);
        });
    });
    assert_stacks(&sampled, &[("Work", 99 + 100)]);
}

#[test]
fn without_a_sampler_there_is_no_self_time() {
    let (clock, _hand) = Clock::manual(0.0);
    let monitor = Monitor::with_clock(StorageConfig::default(), clock);
    drop(monitor.method("Work").expect("a good name").start());
    let snapshot = monitor.snapshot();
    assert_eq!(snapshot.self_time, None);
    assert_eq!(snapshot.methods[0].self_seconds, None);
}

#[test]
fn label_sets_of_a_method_are_one_in_a_stack_and_apart_among_methods() {
    let mut sampled = Sampled::new();
    let monitor = sampled.monitor;
    let of = |kind| {
        monitor
            .method("Load")
            .expect("a good name")
            .with_labels(&[("kind", kind)])
    };
    let methods = ["a", "b"].map(|kind| of(kind).expect("good labels"));
    monitor.scope_sync(|| {
        methods[0].start().run(|| sampled.sample_after(1));
        methods[1].start().run(|| sampled.sample_after(2));
    });
    assert_stacks(&sampled, &[("Load", 3)]);
    let methods = sampled.monitor.snapshot().methods;
    let times = methods.iter().map(|method| {
        let labels = method.labels.iter().map(|label| label.value.to_string());
        (
            labels.collect::<String>(),
            method.self_seconds.map(Duration::from_secs_f64),
        )
    });
    let times: Vec<_> = times.filter(|(labels, _)| !labels.is_empty()).collect();
    let expected = [("a".to_owned(), Some(ms(1))), ("b".to_owned(), Some(ms(2)))];
    assert_eq!(times, expected);
}

/// A caller that ended before the call that it made; its slot is free, then taken by a later call of its method.
#[test]
fn a_caller_that_ended_ends_the_stack() {
    let mut sampled = Sampled::new();
    let [outer, ended, work] = ["Outer", "Ended", "Work"].map(|name| sampled.method(name));
    let monitor = sampled.monitor;
    monitor.scope_sync(|| {
        outer.start().run(|| {
            let caller = ended.start();
            sampled.hand.advance(ms(1));
            let call = caller.run(|| work.start());
            call.run(|| sampled.sample_after(1));
            drop(caller);
            call.run(|| sampled.sample_after(2));
            sampled.hand.advance(ms(1));
            let _in_its_slot = ended.start();
            call.run(|| sampled.sample_after(4));
        });
    });
    assert_stacks(&sampled, &[("Outer;Ended;Work", 2), ("Work", 7)]);
}

#[test]
fn an_async_call_counts_while_it_is_polled() {
    let mut sampled = Sampled::new();
    let [outer, work] = ["Outer", "Work"].map(|name| sampled.method(name));
    let monitor = sampled.monitor;
    let call = monitor.scope_sync(|| work.start());
    let sampled_in_a_poll = Mutex::new(&mut sampled);
    let mut polls = 0;
    let mut future = pin!(call.within(poll_fn(|_| {
        lock(&sampled_in_a_poll).sample_after(1);
        polls += 1;
        if polls < 3 {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })));
    let mut poll = || {
        let poll = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        lock(&sampled_in_a_poll).sample_after(10);
        poll
    };
    monitor.scope_sync(|| {
        assert!(poll().is_pending());
        // The call was not made from the one that polls it.
        outer.start().run(|| assert!(poll().is_pending()));
    });
    std::thread::scope(|scope| {
        scope.spawn(move || monitor.scope_sync(|| assert!(poll().is_ready())));
    });
    assert_stacks(&sampled, &[("Work", 3), ("Outer", 10)]);
}

#[test]
fn a_recursion_is_cut_at_its_outermost_calls() {
    fn recurse(sampled: &mut Sampled, method: Method, depth: usize) {
        method.start().run(|| match depth {
            0 => sampled.sample_after(1),
            _ => recurse(sampled, method, depth - 1),
        });
    }
    let mut sampled = Sampled::new();
    let [outer, method] = ["Outer", "Again"].map(|name| sampled.method(name));
    let monitor = sampled.monitor;
    monitor.scope_sync(|| outer.start().run(|| recurse(&mut sampled, method, 30)));
    monitor.scope_sync(|| outer.start().run(|| recurse(&mut sampled, method, 60)));
    let whole = format!("Outer{}", ";Again".repeat(31));
    let cut = format!("Again{}", ";Again".repeat(31));
    assert_stacks(&sampled, &[(&whole, 1), (&cut, 1)]);
}

#[test]
fn stacks_past_their_limit_are_one() {
    let mut sampled = Sampled::new();
    let monitor = sampled.monitor;
    let methods: Vec<Method> = (0..MAX_STACKS + 5)
        .map(|number| sampled.method(&format!("method {number}")))
        .collect();
    monitor.scope_sync(|| {
        for _ in 0..2 {
            for method in &methods {
                method.start().run(|| sampled.sample_after(1));
            }
        }
    });
    let stacks = sampled.stacks();
    assert_eq!(stacks.len(), MAX_STACKS + 1);
    let last = stacks.last().expect("there are some");
    assert_eq!(last, &("overflow".to_owned(), ms(10)));
    assert!(stacks[..MAX_STACKS].iter().all(|(_, time)| *time == ms(2)));
    assert_eq!(sampled.time_of("method 1004"), ms(2));
}

#[test]
fn a_pause_is_spread_around_the_period_and_what_exceeds_it_is_late() {
    let mut sampled = Sampled::new();
    let pauses: Vec<Duration> = (0..1000)
        .map(|_| {
            let pause = sampled.sampler.pause();
            sampled.hand.advance(pause + ms(1));
            sampled.sampler.sample();
            pause
        })
        .collect();
    let (least, most) = (pauses.iter().min(), pauses.iter().max());
    assert!(
        least >= Some(&(PERIOD / 2)) && least < Some(&(PERIOD * 6 / 10)),
        "{least:?}"
    );
    assert!(
        most <= Some(&(PERIOD * 3 / 2)) && most > Some(&(PERIOD * 14 / 10)),
        "{most:?}"
    );
    let late = sampled.self_time().late_seconds;
    assert!((late - 1.0).abs() < 1e-3, "{late}");
    // Without a pause before it, a sample is not late.
    sampled.sample_after(1000);
    assert!((sampled.self_time().late_seconds - late).abs() < 1e-9);
}

#[test]
fn a_period_may_be_anything() {
    let (clock, _hand) = Clock::manual(0.0);
    let monitor = Monitor::with_clock(StorageConfig::default(), clock);
    assert_eq!(monitor.sampler(Duration::ZERO).pause(), Duration::ZERO);
    assert!(monitor.sampler(Duration::MAX).pause() > Duration::from_hours(1));
}

/// Calls that nest and that end on other threads, on threads that come and go, beside a sampler that never pauses.
#[test]
fn a_sampler_beside_calls_knows_all_methods() {
    const NAMES: [&str; 4] = ["A", "B", "C", "D"];
    fn nest(methods: &[Method; 4], depth: usize, kept: &mut Vec<CallGuard>) {
        let call = methods[depth % 4].start();
        call.run(|| {
            if depth > 0 {
                nest(methods, depth - 1, kept);
            }
            // Ends after its caller, and on another thread.
            kept.push(methods[(depth + 1) % 4].start());
        });
    }
    let monitor = Monitor::new(StorageConfig::default());
    let methods = NAMES.map(|name| monitor.method(name).expect("a good name"));
    let done = &AtomicBool::new(false);
    let mut sampler = monitor.sampler(PERIOD);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                sampler.sample();
            }
        });
        for _ in 0..100 {
            let threads = [0; 4].map(|_| {
                scope.spawn(|| {
                    let mut kept = Vec::new();
                    monitor.scope_sync(|| {
                        for depth in 0..40 {
                            nest(&methods, depth, &mut kept);
                        }
                    });
                    kept
                })
            });
            let kept = threads.map(|thread| thread.join().expect("no panic"));
            drop(kept);
            let _ = monitor.snapshot();
        }
        done.store(true, Ordering::Relaxed);
    });
    let self_time = monitor.snapshot().self_time.expect("a sampler began");
    assert!(self_time.samples > 0);
    for stack in &self_time.stacks {
        assert!((1..=32).contains(&stack.methods.len()));
        let is_known =
            |name: &std::sync::Arc<str>| [&NAMES[..], &["overflow"]].concat().contains(&&**name);
        assert!(stack.methods.iter().all(is_known), "{stack:?}");
    }
    let by_stack: f64 = self_time.stacks.iter().map(|stack| stack.seconds).sum();
    let methods = monitor.snapshot().methods;
    let by_method: f64 = methods
        .iter()
        .filter_map(|method| method.self_seconds)
        .sum();
    assert!(by_method > 0.0 && (by_stack - by_method).abs() < 1e-6 * by_method);
}
