//! The clock: ticks for durations, their place in the calendar, and the manual clock tests use.
//!
//! A [`Clock`] is cloned into each structure that reads it: the length of a tick and the calendar time of its start are
//! fixed when it is made. The ticks of a manual clock are shared with its hand: a move of the hand releases everything
//! recorded before, and a read of the clock acquires it.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::base::sync::{AcqRel, Acquire, Arc, AtomicU64, Relaxed};
use crate::data::snapshot::ClockSource;

/// A time source: ticks whose length is fixed when it is made.
///
/// The system clock is the processor's tick counter where that runs at a constant rate over all cores, else the
/// monotonic clock of the operating system, which is as right and costs a call some 30 ns more (`quanta` decides;
/// [`source`](Self::source) and the metric `monitor_clock_fallback` show which).
#[derive(Debug, Clone)]
pub struct Clock {
    source: TickSource,
    nanos_per_tick: f64,
    /// A moment in ticks, and in seconds since 1970.
    start: (u64, f64),
}

#[derive(Debug, Clone)]
enum TickSource {
    Counter(quanta::Clock),
    Os(Instant),
    Manual(Arc<AtomicU64>),
}

impl TickSource {
    /// Reads any source. Out of line, so that [`Clock::now`] inlines the tick counter alone.
    #[cold]
    #[inline(never)]
    fn now(&self) -> u64 {
        match self {
            Self::Counter(clock) => clock.raw(),
            Self::Os(start) => nanos(start.elapsed()),
            // Acquire: pairs with the AcqRel in `advance`.
            Self::Manual(ticks) => ticks.load(Acquire),
        }
    }
}

/// Ticks over which the length of one tick is measured from quanta's conversion; long enough that its rounding to
/// whole nanoseconds is below one part in 10^11.
const TICKS_TO_MEASURE: u64 = 1 << 40;

const NANOS_PER_SECOND: f64 = 1e9;

impl Clock {
    /// The process-wide system clock. The first call calibrates the tick counter, which takes about a millisecond.
    pub fn system() -> Self {
        static SYSTEM: OnceLock<Clock> = OnceLock::new();
        let measured = || {
            let clock = quanta::Clock::new();
            if !counts_ticks(&clock) {
                return Self::os();
            }
            let nanos = clock.delta_as_nanos(0, TICKS_TO_MEASURE);
            let nanos_per_tick = to_f64(nanos) / to_f64(TICKS_TO_MEASURE);
            Self::started(TickSource::Counter(clock), nanos_per_tick, unix_now())
        };
        SYSTEM.get_or_init(measured).clone()
    }

    /// The monotonic clock of the operating system, also where the processor has a usable tick counter:
    /// [`system`](Self::system) falls back to it.
    pub fn os() -> Self {
        Self::started(TickSource::Os(Instant::now()), 1.0, unix_now())
    }

    /// A clock that moves only when its hand does, and starts at this time (seconds since 1970). Its ticks are
    /// nanoseconds, so every duration and mean is exact.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::Clock;
    /// use std::time::Duration;
    ///
    /// let (clock, hand) = Clock::manual(1_700_000_000.0);
    /// hand.advance(Duration::from_millis(500));
    /// assert_eq!(clock.unix(), 1_700_000_000.5);
    /// ```
    pub fn manual(unix_seconds: f64) -> (Self, ManualClock) {
        let ticks = Arc::new(AtomicU64::new(0));
        let source = TickSource::Manual(Arc::clone(&ticks));
        (
            Self::started(source, 1.0, unix_seconds),
            ManualClock { ticks },
        )
    }

    /// The same clock with ticks of another length.
    #[cfg(all(test, not(monitor_loom)))]
    pub(crate) fn with_tick(self, nanos_per_tick: f64) -> Self {
        Self {
            nanos_per_tick,
            ..self
        }
    }

    fn started(source: TickSource, nanos_per_tick: f64, unix_seconds: f64) -> Self {
        Self {
            start: (source.now(), unix_seconds),
            nanos_per_tick,
            source,
        }
    }

    /// Where the ticks come from.
    pub fn source(&self) -> ClockSource {
        match self.source {
            TickSource::Counter(_) => ClockSource::TickCounter,
            TickSource::Os(_) => ClockSource::OperatingSystem,
            TickSource::Manual(_) => ClockSource::Manual,
        }
    }

    /// Ticks since some fixed moment. Reads on different cores may be out of order by a few ticks.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        match &self.source {
            TickSource::Counter(clock) => clock.raw(),
            other => other.now(),
        }
    }

    /// The calendar time, seconds since 1970: the wall clock's at start-up plus the ticks since, so it never steps.
    pub fn unix(&self) -> f64 {
        self.unix_at(self.now())
    }

    pub(crate) fn unix_at(&self, ticks: u64) -> f64 {
        self.start.1 + self.seconds(ticks.saturating_sub(self.start.0))
    }

    /// Ticks as seconds.
    pub(crate) fn seconds(&self, ticks: u64) -> f64 {
        self.in_seconds(to_f64(ticks))
    }

    /// A sum of ticks as seconds.
    pub(crate) fn in_seconds(&self, ticks: f64) -> f64 {
        ticks * self.nanos_per_tick / NANOS_PER_SECOND
    }

    /// The most ticks that are not longer than this many seconds; for a bound that includes its edge.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, which is what a bound wants"
    )]
    pub(crate) fn ticks(&self, seconds: f64) -> u64 {
        let ticks = (seconds * NANOS_PER_SECOND / self.nanos_per_tick).floor() as u64;
        // The product may be rounded to below a whole number of ticks.
        let next = ticks.saturating_add(1);
        if self.seconds(next) <= seconds {
            next
        } else {
            ticks
        }
    }
}

/// The hand of a [`Clock::manual`].
#[derive(Debug, Clone)]
pub struct ManualClock {
    ticks: Arc<AtomicU64>,
}

impl ManualClock {
    /// Moves the clock on; it stops at the end of time, 146 years after its start: a running call keeps 62 bits of when
    /// it began.
    pub fn advance(&self, by: Duration) {
        let later = |now: u64| Some(now.saturating_add(nanos(by)).min(u64::MAX >> 2));
        // AcqRel: pairs with the Acquire in `now`, so that a reader of the new time sees everything recorded before it.
        let _ = (self.ticks).fetch_update(AcqRel, Relaxed, later);
    }
}

/// Whether quanta found a tick counter it trusts. Only its Debug shows that: the length of a tick would mistake a
/// counter of exactly 1 GHz, as newer ARM cores have, for the clock of the operating system.
fn counts_ticks(clock: &quanta::Clock) -> bool {
    format!("{clock:?}").contains("Counter(")
}

/// When this process started, seconds since 1970, where the system provides it (Linux: field 22 of `/proc/self/stat`,
/// in ticks of 1/100 s since the boot that `btime` of `/proc/stat` gives; man 5 proc).
pub(crate) fn process_start() -> Option<f64> {
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses, which may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks: f64 = fields.split_whitespace().nth(19)?.parse().ok()?;
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    let boot = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    let boot: f64 = boot.trim().parse().ok()?;
    Some(boot + ticks / TICKS_PER_SECOND)
}

fn unix_now() -> f64 {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH);
    unix.unwrap_or_default().as_secs_f64()
}

/// Nanoseconds; 584 years are the most there is.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "ticks of a duration stay below 2^53 for weeks"
)]
pub(crate) fn to_f64(value: u64) -> f64 {
    value as f64
}

/// Seconds since 1970 as `2026-11-22 10:37:04.123456`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates; times before 1970 read as 1970"
)]
pub(crate) fn utc(unix: f64) -> String {
    let micros = (unix * 1e6).round() as u64;
    let seconds = date_and_time(micros / 1_000_000, ' ');
    format!("{seconds}.{:06}", micros % 1_000_000)
}

/// Seconds since 1970 as date and time of day in UTC, with this character in between.
///
/// The calendar is computed as in Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`,
/// for days since 1970 (which is not negative here).
pub fn date_and_time(seconds: u64, between: char) -> String {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}{between}{hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_in_ticks_includes_its_edge() {
        let (clock, _) = Clock::manual(0.0);
        assert_eq!(clock.ticks(0.5), 500_000_000);
        assert_eq!(clock.ticks(0.0), 0);
        assert_eq!(clock.ticks(f64::INFINITY), u64::MAX);
        // The product of each is rounded to below a whole number of nanoseconds.
        assert_eq!(clock.ticks(4.1), 4_100_000_000);
        assert_eq!(clock.ticks(0.015_7), 15_700_000);
    }

    #[test]
    fn a_manual_clock_stops_where_a_running_call_can_still_keep_its_start() {
        let (clock, hand) = Clock::manual(0.0);
        hand.advance(Duration::from_hours(200 * 8_766));
        let monitor = crate::Monitor::with_clock(crate::StorageConfig::default(), clock);
        let method = monitor.method("Late").expect("a good name");
        method.start().finish(crate::Outcome::Success);
        assert!(monitor.snapshot().methods[0].success.sum.abs() < 1e-9);
    }

    #[test]
    fn the_tick_counter_is_told_from_its_fallback() {
        // Where quanta has a counter its ticks are not nanoseconds, but for a counter of 1 GHz.
        let clock = quanta::Clock::new();
        let nanoseconds = clock.delta_as_nanos(0, TICKS_TO_MEASURE) == TICKS_TO_MEASURE;
        assert!(counts_ticks(&clock) || nanoseconds);
        assert_eq!(Clock::os().source(), ClockSource::OperatingSystem);
        assert_eq!(Clock::manual(0.0).0.source(), ClockSource::Manual);
    }

    #[test]
    fn the_system_clock_and_its_fallback_agree_with_std() {
        agrees_with_std(&Clock::system());
        agrees_with_std(&Clock::os());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_process_started_a_little_while_ago() {
        let age = process_start().map(|start| unix_now() - start);
        assert!(
            age.is_some_and(|age| (-2.0..3600.0).contains(&age)),
            "{age:?}"
        );
    }

    fn agrees_with_std(clock: &Clock) {
        let (start, std_start) = (clock.now(), Instant::now());
        std::thread::sleep(Duration::from_millis(50));
        let (ticks, std_time) = (clock.now() - start, std_start.elapsed());
        let ratio = clock.seconds(ticks) / std_time.as_secs_f64();
        assert!((0.8..1.25).contains(&ratio), "ratio {ratio}");
    }

    #[test]
    fn the_calendar_is_right() {
        assert_eq!(utc(0.0), "1970-01-01 00:00:00.000000");
        assert_eq!(utc(951_827_696.5), "2000-02-29 12:34:56.500000");
        assert_eq!(utc(1_700_000_000.0), "2023-11-14 22:13:20.000000");
        assert_eq!(utc(1_798_761_599.999_999), "2026-12-31 23:59:59.999999");
    }
}
