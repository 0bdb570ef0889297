//! Self time by samples against a known truth: the work that each method did, counted in units that take the same time
//! everywhere, as all of it is one chain of multiplications.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use monitor_core::snapshot::SelfTime;
use monitor_core::{Monitor, StorageConfig, monitored};

const PERIOD: Duration = Duration::from_millis(10);

/// The methods, in the order of their units.
const NAMES: [&str; 6] = ["Request", "Parse", "Word", "Load", "Decode", "Respond"];

/// Units of work that the methods did, by their place in [`NAMES`].
static WORK: [AtomicU64; 6] = [const { AtomicU64::new(0) }; 6];

/// Numbers that repeat late, so that calls are in step with nothing.
struct Random(u64);

impl Random {
    /// From `mean / 2` to `mean * 3 / 2`.
    fn around(&mut self, mean: u64) -> u64 {
        // Knuth's MMIX generator; its high bits are good.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        mean / 2 + (self.0 >> 33) % (mean + 1)
    }
}

/// Some ten microseconds a unit.
fn work(of: usize, units: u64) {
    for _ in 0..units {
        let mut x = black_box(3_u64);
        for _ in 0..10_000 {
            x = x.wrapping_mul(x | 1);
        }
        black_box(x);
    }
    WORK[of].fetch_add(units, Ordering::Relaxed);
}

#[monitored(method = "Request")]
fn request(random: &mut Random) {
    work(0, random.around(10));
    parse(random);
    load(random);
    work(0, random.around(10));
    respond(random);
}

#[monitored(method = "Parse")]
fn parse(random: &mut Random) {
    for _ in 0..5 {
        work(1, random.around(2));
        word(random);
    }
}

#[monitored(method = "Word")]
fn word(random: &mut Random) {
    work(2, random.around(10));
}

#[monitored(method = "Load")]
fn load(random: &mut Random) {
    work(3, random.around(30));
    decode(random);
}

#[monitored(method = "Decode")]
fn decode(random: &mut Random) {
    work(4, random.around(80));
}

#[monitored(method = "Respond")]
fn respond(random: &mut Random) {
    work(5, random.around(10));
}

/// Runs requests on two threads until so many samples are taken.
fn sampled(monitor: Monitor, rounds: u64) -> SelfTime {
    let done = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        for seed in [1, 2] {
            scope.spawn(move || {
                let mut random = Random(seed);
                while !done.load(Ordering::Relaxed) {
                    monitor.scope_sync(|| request(&mut random));
                }
            });
        }
        let mut sampler = monitor.sampler(PERIOD);
        for _ in 0..rounds {
            std::thread::sleep(sampler.pause());
            sampler.sample();
        }
        done.store(true, Ordering::Relaxed);
    });
    let snapshot = monitor.snapshot();
    snapshot.self_time.expect("a sampler began")
}

/// Shares of 100, by method.
fn shares<'a>(parts: impl IntoIterator<Item = (&'a str, f64)>) -> BTreeMap<&'a str, f64> {
    let mut shares = BTreeMap::new();
    for (name, part) in parts {
        *shares.entry(name).or_insert(0.0) += part;
    }
    let all: f64 = shares.values().sum();
    for share in shares.values_mut() {
        *share *= 100.0 / all;
    }
    shares
}

/// The largest difference of a share, in points.
fn difference(one: &BTreeMap<&str, f64>, other: &BTreeMap<&str, f64>) -> f64 {
    assert!(one.keys().eq(other.keys()), "{one:?} {other:?}");
    let pairs = one.values().zip(other.values());
    pairs
        .map(|(one, other)| (one - other).abs())
        .fold(0.0, f64::max)
}

#[track_caller]
fn assert_near_the_truth(samples: u64, points: f64) {
    // One test at a time: they need both CPUs, and count in the same cells.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let monitor = Monitor::new(StorageConfig::default());
    for work in &WORK {
        work.store(0, Ordering::Relaxed);
    }
    let self_time = sampled(monitor, samples);
    let units = WORK.each_ref().map(|work| work.load(Ordering::Relaxed));
    let units = units.map(|units| u32::try_from(units).expect("some seconds of work"));
    let truth = shares(NAMES.into_iter().zip(units.map(f64::from)));
    let methods = monitor.snapshot().methods;
    let seconds = methods
        .iter()
        .map(|method| (&*method.name, method.self_seconds));
    let of_methods = shares(seconds.map(|(name, seconds)| (name, seconds.unwrap_or_default())));
    let leaves = self_time
        .stacks
        .iter()
        .filter_map(|stack| Some((&**stack.methods.last()?, stack.seconds)));
    let of_stacks = shares(leaves);
    let differences = [&of_methods, &of_stacks].map(|shares| difference(shares, &truth));
    println!("{truth:.1?}\n{of_methods:.1?}\n{of_stacks:.1?}\n{differences:.2?} points");
    println!(
        "{} samples, late {:.3} s, busy {:.6} s",
        self_time.samples, self_time.late_seconds, self_time.busy_seconds
    );
    assert!(differences[0] <= points, "{differences:?}");
    // Of one thread a sample, so half as many.
    assert!(differences[1] <= points * 1.5, "{differences:?}");
}

#[test]
fn three_hundred_samples_are_near_the_truth() {
    assert_near_the_truth(300, 15.0);
}

#[test]
#[ignore = "takes 25 seconds"]
fn two_thousand_samples_are_within_five_points_of_the_truth() {
    assert_near_the_truth(2000, 5.0);
}
