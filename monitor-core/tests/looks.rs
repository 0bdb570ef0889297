//! Looks at a storage from outside: what an injected failure becomes, what looks allocate, and how long they take.
//!
//! `cargo test --release -p monitor-core --test looks -- --ignored --nocapture` prints the times.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use monitor_core::history::{EventKind, Facts};
use monitor_core::verdict::{State, Watch};
use monitor_core::{Clock, ManualClock, Method, Monitor, Outcome, StorageConfig};

const SLOT: Duration = Duration::from_secs(2);

fn monitor() -> (Monitor, ManualClock) {
    let (clock, hand) = Clock::manual(1_700_000_000.0);
    let mut config = StorageConfig::default();
    config.max_methods = 0;
    (Monitor::with_clock(config, clock), hand)
}

fn methods(monitor: Monitor, count: usize) -> Vec<Method> {
    let names = (0..count).map(|at| format!("Method{at}"));
    let methods = names.map(|name| monitor.method(&name));
    methods.collect::<Result<_, _>>().expect("good names")
}

/// Ten requests a second, each with a call to a dictionary, of which `failing` of ten fail.
fn second(monitor: Monitor, hand: &ManualClock, [serve, look_up]: [Method; 2], failing: u32) {
    for at in 0..10 {
        let outcome = if at < failing {
            Outcome::ErrorType("timed out")
        } else {
            Outcome::Success
        };
        monitor.scope_sync(|| {
            let request = serve.start();
            request.run(|| {
                let call = look_up.start();
                hand.advance(Duration::from_millis(20 + u64::from(at % 3)));
                call.finish(outcome);
            });
            request.finish(outcome);
        });
        hand.advance(Duration::from_millis(100 - 20 - u64::from(at % 3)));
    }
}

#[test]
fn an_injected_failure_is_told_within_ten_seconds_and_its_end_within_a_minute() {
    let (monitor, hand) = monitor();
    let names = ["Serve", "LookUpWords"].map(|name| monitor.method(name).expect("a good name"));
    let seconds = |count: u32, failing: u32, until: &dyn Fn(State) -> bool| {
        for passed in 0..count {
            second(monitor, &hand, names, failing);
            monitor.look(Facts::default());
            let verdict = monitor.verdict().expect("the history is on");
            if until(verdict.state) {
                return passed + 1;
            }
            if failing == 0 && count == 900 {
                assert!(
                    [State::Ok, State::Idle].contains(&verdict.state),
                    "{verdict:?}"
                );
            }
        }
        count
    };
    seconds(900, 0, &|_| false);
    let begin = 1_700_000_900.0;
    let told = seconds(60, 6, &|state| state == State::Failing);
    assert!(told <= 10, "after {told} s");
    let verdict = monitor.verdict().expect("the history is on");
    assert!(
        (verdict.since - begin).abs() <= 2.0,
        "{}",
        verdict.since - begin
    );
    assert!(
        verdict.sentence.contains("`LookUpWords`"),
        "{}",
        verdict.sentence
    );
    let headline = monitor
        .with_watch(Watch::headline)
        .expect("the history is on");
    assert_eq!(headline.method.as_deref(), Some("LookUpWords"));
    seconds(60, 6, &|_| false);
    let over = seconds(120, 0, &|state| state == State::Ok);
    assert!(over <= 60, "after {over} s");
    let events = monitor
        .with_watch(|watch| watch.events().to_vec())
        .expect("the history is on");
    let kinds: Vec<EventKind> = events.iter().map(|event| event.kind).collect();
    assert_eq!(
        kinds,
        [EventKind::Failure, EventKind::Recovered],
        "{events:?}"
    );
}

#[test]
fn a_look_at_idle_methods_allocates_nothing_for_each() {
    let allocated = |count: usize| {
        let (monitor, hand) = monitor();
        for method in methods(monitor, count) {
            method.start().finish(Outcome::Success);
        }
        // Until their calls are no news for any rule.
        for _ in 0..200 {
            hand.advance(SLOT);
            monitor.look(Facts::default());
        }
        hand.advance(SLOT);
        let info = allocation_counter::measure(|| monitor.look(Facts::default()));
        info.count_total
    };
    let [few, many] = [10, 1000].map(allocated);
    assert!(
        many <= few + 10,
        "{many} allocations, and {few} with few methods"
    );
}

#[test]
fn nothing_is_allocated_while_the_history_is_off() {
    let mut config = StorageConfig::default();
    config.history.is_on = false;
    let monitor = Monitor::new(config);
    let method = monitor.method("Get").expect("a good name");
    let info = allocation_counter::measure(|| {
        for _ in 0..100 {
            monitor.look(Facts::default());
            assert!(monitor.verdict().is_none());
            monitor.note("deployed 1.4.3");
        }
    });
    assert_eq!(info.count_total, 0);
    method.start().finish(Outcome::Success);
}

/// Seconds that this thread had a CPU: on a machine with much else to do the time that passed says little.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// How long looks took: in order, and the CPU time of all.
struct LookTimes {
    passed: Vec<Duration>,
    cpu: Duration,
}

fn look_times(
    monitor: Monitor,
    hand: &ManualClock,
    looks: usize,
    mut work: impl FnMut(),
) -> LookTimes {
    let mut times = LookTimes {
        passed: Vec::new(),
        cpu: Duration::ZERO,
    };
    for _ in 0..looks {
        work();
        hand.advance(SLOT);
        // The system counts it in steps of milliseconds, so only the sum means something.
        let (cpu, begin) = (cpu_time(), Instant::now());
        monitor.look(Facts::default());
        times.passed.push(begin.elapsed());
        times.cpu += cpu_time().saturating_sub(cpu);
    }
    times.passed.sort();
    times
}

fn print(what: &str, times: &LookTimes, bar: Duration) {
    let passed = &times.passed;
    let [least, median] = [passed[0], passed[passed.len() / 2]];
    let cpu = times.cpu / u32::try_from(passed.len()).expect("few looks");
    let share = least.as_secs_f64() / bar.as_secs_f64();
    println!("{what}: least {least:?}, {share:.2} of {bar:?}; median {median:?}; CPU {cpu:?}");
}

/// Begins and ends so many calls of each method; one of five methods has a failure among them.
fn work(methods: &[Method], calls: u64, hand: &ManualClock, seed: u64) {
    for (at, method) in (0..).zip(methods) {
        for nth in 0..calls {
            let call = method.start();
            hand.advance(Duration::from_micros((nth * 37 + at * 11 + seed) % 400));
            let fails = at % 5 == 0 && nth == 7;
            call.finish(if fails {
                Outcome::ErrorType("timed out")
            } else {
                Outcome::Success
            });
        }
    }
}

#[test]
#[ignore = "a measurement, for a release build"]
fn how_long_looks_at_200_busy_methods_take() {
    let (monitor, hand) = monitor();
    let busy = methods(monitor, 200);
    // One thread after the other, each with shards of its own, so that a manual clock gives all calls their durations.
    let threads = (0..4).map(|seed| {
        let (wake, woken) = channel();
        let (end, ended) = channel();
        let (busy, hand) = (busy.clone(), hand.clone());
        std::thread::spawn(move || {
            while woken.recv().is_ok() {
                work(&busy, 25, &hand, seed);
                if end.send(()).is_err() {
                    break;
                }
            }
        });
        (wake, ended)
    });
    let threads: Vec<_> = threads.collect();
    let times = look_times(monitor, &hand, 300, || {
        for (wake, ended) in &threads {
            wake.send(()).expect("the thread lives");
            ended.recv().expect("the thread lives");
        }
    });
    let bar = Duration::from_millis(6);
    print("200 busy methods of 4 threads", &times, bar);
    let idle = look_times(monitor, &hand, 300, || {});
    print("the same, idle", &idle, bar);
    let bytes = monitor.with_watch(Watch::bytes);
    println!("history and rules have {bytes:?} bytes");
}

#[test]
#[ignore = "a measurement, for a release build"]
fn how_long_looks_at_5000_methods_take() {
    let (monitor, hand) = monitor();
    let many = methods(monitor, 5000);
    let bar = Duration::from_millis(5);
    for looks in [10, 90] {
        let times = look_times(monitor, &hand, looks, || work(&many, 3, &hand, 0));
        print("5,000 methods with 3 calls each", &times, bar);
    }
    let idle = look_times(monitor, &hand, 300, || {});
    print("the same, idle", &idle, bar);
    let bytes = monitor.with_watch(Watch::bytes);
    println!("history and rules have {bytes:?} bytes");
}

/// Three calls of each method, so many times as long as usual; those of the first methods fail.
fn trouble(methods: &[Method], hand: &ManualClock, failing: usize, times: u64) {
    for (at, method) in methods.iter().enumerate() {
        for nth in 0..3 {
            let call = method.start();
            hand.advance(Duration::from_micros(times * (20 + nth * 7)));
            call.finish(if at < failing {
                Outcome::ErrorType("timed out")
            } else {
                Outcome::Success
            });
        }
    }
}

#[test]
#[ignore = "a measurement, for a release build"]
fn how_long_looks_at_5000_methods_take_in_an_incident() {
    let (monitor, hand) = monitor();
    let many = methods(monitor, 5000);
    let bar = Duration::from_millis(5);
    let state = || monitor.verdict().expect("the history is on").state;
    for (what, looks, failing, times) in [
        ("before", 320, 0, 1),
        ("50 of 5,000 methods fail", 30, 50, 1),
        ("after it", 60, 0, 1),
        ("all of 5,000 methods are slow", 30, 0, 10),
    ] {
        let times = look_times(monitor, &hand, looks, || {
            trouble(&many, &hand, failing, times);
        });
        print(what, &times, bar);
        println!("  {}", state());
    }
}
