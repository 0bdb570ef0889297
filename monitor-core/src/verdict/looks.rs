//! Who looks: history and verdict of a storage, and the thread that keeps them.
//!
//! A [`MonitorWatch`] stands in the storage from its first use on, behind a lock that no call takes: a [`Reader`] that
//! makes slots of the storage's counters, and the [`Watch`] that is fed with them. A look is due when the last one is a
//! slot old. [`MonitorStorage::keep_history`] starts a thread that looks each time.
//!
//! # Without the thread
//!
//! [`MonitorStorage::verdict`] looks where the last look is too old, so a verdict can be had without any thread, from
//! slots as long as the pauses between the questions. Where those are over 10 s, each slot is taken for one in which
//! the process stood still: failures are judged, but durations, calls that are stuck and rates are not, and nothing is
//! learned of them.
//!
//! # Whose facts
//!
//! Two servers of one monitor, its own and a mounted one, have two threads. The facts of the thread that began first
//! count while it lives, and the next one's after it: two results of one check are not two failures, and the phase is
//! that of one server. Facts of a [`look`](MonitorStorage::look) from elsewhere count where no thread lives.
//!
//! # Slots and their numbers
//!
//! The number of a slot is its end in steps of 2 s since the storage was made, and always greater than the last one.
//! The thread looks at the end of each step. A look may come 0.1 s before that: the slot is then as good as full.
//!
//! # The first slot
//!
//! It has all calls since the storage was made, if that is not long ago. Later, as when the history was off so far,
//! calls that are over are in no slot: it is not known when they were. Those in flight are. The history begins then:
//! the service is well, or idle, since that time at the earliest.
//!
//! # Locks
//!
//! The log line about a change is written once the lock is free: a subscriber may ask for the verdict. So is what is
//! freed when the history is switched off.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fmt, io};

use tracing::{error, field, info, warn};

use crate::base::sync::{Mutex, lock};
use crate::data::slot::{Boot, CheckResult, MethodSlot, SLOT, Slot};
use crate::data::snapshot::ClockSource;
use crate::history::reader::Reader;
use crate::history::{Event, EventKind, Facts, Phase};
use crate::recording::store::StorageCore;
use crate::storage::MonitorStorage;
use crate::verdict::Level;
use crate::verdict::watch::{StateChange, Watch};
use crate::verdict::words::{ServiceIdentity, Verdict, log_line};

/// How much before the end of a slot a look may come.
const EARLY: Duration = Duration::from_millis(100);

/// How old the last look is at least where one is due: a slot without [`EARLY`].
const DUE: Duration = Duration::from_millis(1900);

/// How old the last look may be where a verdict is asked for.
const STALE: Duration = Duration::from_millis(2500);

/// How old a storage may be whose calls so far are all in the first slot.
const YOUNG: Duration = Duration::from_secs(10);

/// Most results of checks that are kept until the next look.
const MOST_RESULTS: usize = 1000;

/// History and verdict of a storage, while the history is on.
#[derive(Default)]
struct MonitorWatch(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// Starts of the process, this one last; times are seconds since 1970.
    boots: Vec<Boot>,
    service: Option<ServiceIdentity>,
    watcher: Option<Box<Watcher>>,
    /// Threads that look, the one whose facts count first.
    keepers: Vec<KeeperId>,
    /// How many there were.
    begun_keepers: u64,
}

/// Tells the threads of one storage apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct KeeperId(u64);

struct Watcher {
    core: &'static StorageCore,
    reader: Reader,
    watch: Watch,
    /// When the last look was, in ticks; when the storage was made, before the first.
    looked: u64,
    /// Results of checks that are in no slot yet.
    checks: Vec<CheckResult>,
    /// Names of checks that were taken out since the last look.
    gone: Vec<Arc<str>>,
    phase: Phase,
    drain_limit: Option<f64>,
}

impl Kept {
    /// History and verdict, made if need be.
    fn watcher(&mut self, core: &'static StorageCore) -> &mut Watcher {
        let Self {
            boots,
            service,
            watcher,
            ..
        } = self;
        watcher.get_or_insert_with(|| Box::new(Watcher::new(core, boots, service.as_ref())))
    }
}

impl Watcher {
    fn new(core: &'static StorageCore, boots: &[Boot], service: Option<&ServiceIdentity>) -> Self {
        let config = &core.rules().config;
        let created_at = core.clock.unix_at(core.created);
        let mut boots = boots.to_vec();
        if boots.is_empty() {
            boots.push(Boot {
                at: core.started_at,
                version: None,
                is_clean: true,
            });
        }
        for boot in &mut boots {
            boot.at -= created_at;
        }
        let mut watch = Watch::new(&config.history, created_at, boots);
        watch.identify(service.cloned().unwrap_or_else(|| default_service(core)));
        Self {
            core,
            reader: Reader::new(core),
            watch,
            looked: core.created,
            checks: Vec::new(),
            gone: Vec::new(),
            phase: Phase::default(),
            drain_limit: None,
        }
    }

    /// Seconds from one moment in ticks to a later one.
    fn seconds(&self, from: u64, to: u64) -> f64 {
        self.core.clock.seconds(to.saturating_sub(from))
    }

    fn is_older(&self, than: Duration, now: u64) -> bool {
        self.seconds(self.looked, now) >= than.as_secs_f64()
    }

    /// Adds a slot, if the last look is so old.
    fn look(&mut self, facts: Facts, least: Duration) -> Option<StateChange> {
        let look_began = Instant::now();
        let now = self.core.clock.now();
        self.add_gone(facts.gone);
        self.add_results(facts.checks);
        if now == self.looked || !self.is_older(least, now) {
            return None;
        }
        (self.phase, self.drain_limit) = (facts.phase, facts.drain_limit);
        let created = self.core.created;
        let mut slot = self.reader.look(now, self.watch.book_mut());
        let (begin, end) = (
            self.seconds(created, self.looked),
            self.seconds(created, now),
        );
        if self.watch.tick().is_none() && end > YOUNG.as_secs_f64() {
            forget_ended(&mut slot);
            slot.begin = end - SLOT.as_secs_f64();
            self.watch.begin_at(slot.begin);
        } else {
            slot.begin = begin;
        }
        slot.end = end;
        slot.tick = self.tick_at(end);
        slot.checks = std::mem::take(&mut self.checks);
        self.looked = now;
        let facts = Facts {
            checks: Vec::new(),
            gone: std::mem::take(&mut self.gone),
            ..facts
        };
        let change = self.watch.advance(&slot, &facts);
        self.reader.take_back(slot);
        self.watch.add_look(look_began.elapsed());
        change
    }

    /// The number of a slot that ends at this time.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates"
    )]
    fn tick_at(&self, end: f64) -> u64 {
        let steps = (end + EARLY.as_secs_f64()) / SLOT.as_secs_f64();
        let next = self.watch.tick().map_or(0, |tick| tick + 1);
        (steps as u64).saturating_sub(1).max(next)
    }

    /// Keeps the names of checks that were taken out for the next slot, which has none of their results.
    fn add_gone(&mut self, gone: Vec<Arc<str>>) {
        self.checks.retain(|result| !gone.contains(&result.name));
        self.gone.extend(gone);
        let over = self.gone.len().saturating_sub(MOST_RESULTS);
        self.gone.drain(..over);
    }

    /// The facts of a look that has none of its own.
    fn no_facts(&self) -> Facts {
        Facts {
            phase: self.phase,
            drain_limit: self.drain_limit,
            ..Facts::default()
        }
    }

    /// Keeps results for the next slot, on the clock of the slots.
    fn add_results(&mut self, results: Vec<CheckResult>) {
        let created_at = self.watch.created_at();
        let results = results.into_iter().map(|result| CheckResult {
            at: result.at - created_at,
            ..result
        });
        self.checks.extend(results);
        let over = self.checks.len().saturating_sub(MOST_RESULTS);
        self.checks.drain(..over);
    }
}

/// The program that the storage is in, with the start and the namespace that the storage knows.
fn default_service(core: &StorageCore) -> ServiceIdentity {
    let mut service = ServiceIdentity {
        started: Some(core.started_at),
        ..ServiceIdentity::default()
    };
    service.families.namespace = core.rules().config.namespace.clone();
    service
}

/// Leaves only the calls that are in flight.
fn forget_ended(slot: &mut Slot) {
    let in_flight = |method: &mut MethodSlot| MethodSlot {
        method: method.method,
        in_flight: method.in_flight,
        oldest: method.oldest,
        ages: std::mem::take(&mut method.ages),
        waiting: method.waiting,
        permits: method.permits,
        ..MethodSlot::default()
    };
    for method in slot.methods.iter_mut().chain([&mut slot.entries]) {
        *method = in_flight(method);
    }
    slot.methods.retain(|method| method.in_flight > 0);
}

impl MonitorStorage {
    /// Reads what happened since the last look, adds it to the history and judges it; nothing where the last look is
    /// less than a slot old (results of checks are kept for the next), or the history is off.
    ///
    /// One thread has to do this every 2 s: [`keep_history`](Self::keep_history), which the server starts.
    pub fn look(&self, facts: Facts) {
        self.look_of(None, facts, DUE);
    }

    /// The same at once, however short ago the last look was: before the history is written down for the last time.
    pub fn look_at_last(&self, facts: Facts) {
        self.look_of(None, facts, Duration::ZERO);
    }

    /// A look with the facts of a thread, or of none, if the last one is so old. Where the facts of another thread
    /// count, these do not, and a look that is not the last is left to that thread unless it did not look for long.
    fn look_of(self, keeper: Option<KeeperId>, facts: Facts, least: Duration) {
        let look = |kept: &mut Kept| {
            let mut keepers = kept.keepers.iter();
            let counts = keepers.next().is_none_or(|first| Some(*first) == keeper);
            let watcher = kept.watcher(self.core);
            if counts {
                return watcher.look(facts, least);
            }
            let least = if least.is_zero() { least } else { STALE };
            let facts = watcher.no_facts();
            watcher.look(facts, least)
        };
        log_change(self.with_kept(look).flatten());
    }

    /// The verdict as of the last look, which is taken now where none was for 2.5 s; `None` while the history is off.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use monitor_core::verdict::State;
    /// use monitor_core::{Clock, Monitor, Outcome, StorageConfig};
    ///
    /// let (clock, hand) = Clock::manual(1_700_000_000.0);
    /// let monitor = Monitor::with_clock(StorageConfig::default(), clock);
    /// monitor.method("Get")?.start().finish(Outcome::Success);
    /// hand.advance(Duration::from_secs(4));
    /// let verdict = monitor.verdict().ok_or("the history is off")?;
    /// assert_eq!(verdict.state, State::Ok);
    /// // Nothing for more than five minutes.
    /// hand.advance(Duration::from_secs(302));
    /// assert_eq!(monitor.verdict().ok_or("the history is off")?.state, State::Idle);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verdict(&self) -> Option<Arc<Verdict>> {
        let (verdict, change) = self.with_watcher(|watcher| {
            let is_stale = watcher.is_older(STALE, watcher.core.clock.now());
            let facts = watcher.no_facts();
            let change = is_stale.then(|| watcher.look(facts, DUE)).flatten();
            (Arc::clone(watcher.watch.verdict()), change)
        })?;
        log_change(change);
        Some(verdict)
    }

    /// Keeps a note among the events: `deployed 1.4.3`. It is kept for 24 hours, if the history is on; past 512 bytes
    /// it is cut.
    pub fn note(&self, text: &str) {
        self.event(EventKind::Note, "", text);
    }

    /// Keeps an event that happens now. `name` is what it is about, and may be empty; `text` is one sentence. Both are
    /// cut at 512 bytes.
    pub fn event(&self, kind: EventKind, name: &str, text: &str) {
        self.event_at(self.now(), kind, name, text);
    }

    /// The same of one that happened at another time, in seconds since 1970 on the [clock](Self::now) of the storage.
    pub fn event_at(&self, at: f64, kind: EventKind, name: &str, text: &str) {
        self.with_watcher(|watcher| watcher.watch.add_event(at, kind, name, text));
    }

    /// Notes the states of task types as they are now, which are not judged: the rules judge the calls that they follow from. Each
    /// that is bad once has a lane from then on, and an event where it changes, one a minute at most. Times are seconds since
    /// 1970.
    pub fn note_states(&self, mut states: Vec<CheckResult>) {
        self.with_watcher(|watcher| {
            let created_at = watcher.watch.created_at();
            for state in &mut states {
                state.at -= created_at;
            }
            watcher.watch.note_states(&states);
        });
    }

    /// Gives the starts of the process that are known from before, and this one as the last; their times are seconds
    /// since
    /// 1970. To be called before the first look: the history of a storage that was looked at stays as it is.
    pub fn set_boots(&self, boots: Vec<Boot>) {
        let core = self.core;
        let Some(kept) = core.attached(MonitorWatch::default) else {
            return;
        };
        let mut kept = lock(&kept.0);
        kept.boots = boots;
        let is_unused = |watcher: &Watcher| watcher.watch.tick().is_none();
        if let Some(before) = kept.watcher.take_if(|watcher| is_unused(watcher)) {
            let new = kept.watcher(core);
            for event in before.watch.events() {
                let Event { at, kind, .. } = *event;
                new.watch.add_event(at, kind, &event.name, &event.text);
            }
        }
    }

    /// Names the service that verdicts are about, the last one too. By default it has the name of the program's file.
    pub fn identify(&self, service: ServiceIdentity) {
        let Some(kept) = self.core.attached(MonitorWatch::default) else {
            return;
        };
        let mut kept = lock(&kept.0);
        if let Some(watcher) = &mut kept.watcher {
            watcher.watch.identify(service.clone());
        }
        kept.service = Some(service);
    }

    /// Reads history and verdict as of the last look; `None` while the history is off. No look can be taken meanwhile.
    ///
    /// # Deadlocks
    ///
    /// `read` must use the [`Watch`] alone. This and all other functions of the storage's history wait for `read` to
    /// end, and so for ever within it: `look`, `verdict`, `note`, `event`, `identify`, `set_boots`, `keep_history`, and
    /// the drop of a [`HistoryThread`]. Calls of methods, and snapshots, do not.
    pub fn with_watch<R>(&self, read: impl FnOnce(&Watch) -> R) -> Option<R> {
        self.with_watcher(|watcher| read(&watcher.watch))
    }

    /// Runs with the storage's history and verdict, made if need be; `None`, and they are freed, while the history is
    /// off.
    fn with_watcher<R>(self, run: impl FnOnce(&mut Watcher) -> R) -> Option<R> {
        self.with_kept(|kept| run(kept.watcher(self.core)))
    }

    /// The same, with what is beside them.
    fn with_kept<R>(self, run: impl FnOnce(&mut Kept) -> R) -> Option<R> {
        let core = self.core;
        if !core.rules().config.history.is_on {
            let kept = core.if_attached::<MonitorWatch>()?;
            let watcher = lock(&kept.0).watcher.take();
            drop(watcher);
            return None;
        }
        let mut kept = lock(&core.attached(MonitorWatch::default)?.0);
        Some(run(&mut kept))
    }

    /// Starts a thread, `monitor-history`, that takes a look every 2 s, with the facts that `facts` returns then. It
    /// ends when what is returned is dropped. A second one for the same storage does no harm: only the facts of the one
    /// that began first count, while it lives. A panic of `facts` is logged once; the look is taken without facts then.
    ///
    /// # Errors
    ///
    /// If the system has no room for a thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::history::Facts;
    /// use monitor_core::{Monitor, StorageConfig};
    ///
    /// let monitor = Monitor::new(StorageConfig::default());
    /// let thread = monitor.keep_history(Facts::default)?;
    /// // ..
    /// drop(thread);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn keep_history(
        &self,
        facts: impl FnMut() -> Facts + Send + 'static,
    ) -> io::Result<HistoryThread> {
        let (alive, dropped) = channel();
        let keeper = Keeper::new(*self);
        let thread = thread::Builder::new()
            .name("monitor-history".to_owned())
            .spawn(move || keeper.look_until(&dropped, facts))?;
        Ok(HistoryThread {
            running: Some((alive, thread)),
        })
    }

    /// A moment at which a slot began.
    fn slot_start(self) -> Instant {
        let core = self.core;
        let now = Instant::now();
        // A manual clock does not tell how long to wait.
        if core.clock.source() == ClockSource::Manual {
            return now;
        }
        let age = core.clock.now().saturating_sub(core.created);
        let part = core.clock.seconds(age) % SLOT.as_secs_f64();
        let start = now.checked_sub(Duration::from_secs_f64(part));
        start.unwrap_or(now)
    }
}

/// What a thread that looks is to the storage, until this is dropped.
struct Keeper {
    storage: MonitorStorage,
    id: Option<KeeperId>,
}

impl Keeper {
    fn new(storage: MonitorStorage) -> Self {
        let kept = storage.core.attached(MonitorWatch::default);
        let id = kept.map(|kept| {
            let mut kept = lock(&kept.0);
            let id = KeeperId(kept.begun_keepers);
            kept.begun_keepers += 1;
            kept.keepers.push(id);
            id
        });
        Self { storage, id }
    }

    /// Looks at the end of each slot until the other end of the channel is dropped.
    fn look_until(&self, dropped: &Receiver<()>, mut facts: impl FnMut() -> Facts) {
        let storage = self.storage;
        let start = storage.slot_start();
        let mut last = Facts::default();
        let mut is_logged = false;
        while dropped.recv_timeout(left_of_slot(start)) == Err(RecvTimeoutError::Timeout) {
            let is_on = storage.core.rules().config.history.is_on;
            // A look frees what there is while the history is off, and needs no facts.
            let known = catch_unwind(AssertUnwindSafe(|| is_on.then(&mut facts)));
            let known = known.map(Option::unwrap_or_default);
            let has_panicked = known.is_err();
            let known = known.unwrap_or_else(|_| last.clone());
            last.phase = known.phase;
            last.drain_limit = known.drain_limit;
            // A subscriber of the log may panic, too.
            let looked = catch_unwind(AssertUnwindSafe(|| storage.look_of(self.id, known, DUE)));
            if (has_panicked || looked.is_err()) && !is_logged {
                is_logged = true;
                error!("a look at the history panicked: the next ones go on");
            }
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(kept) = self.storage.core.if_attached::<MonitorWatch>() {
            lock(&kept.0).keepers.retain(|one| Some(*one) != self.id);
        }
    }
}

/// How long a slot still lasts, if one began at `start`.
fn left_of_slot(start: Instant) -> Duration {
    let part = start.elapsed().as_secs_f64() % SLOT.as_secs_f64();
    SLOT.saturating_sub(Duration::from_secs_f64(part))
}

/// Logs that the state in the headline changed, once the lock of the history is free.
fn log_change(change: Option<StateChange>) {
    let Some(change) = change else { return };
    let StateChange {
        before,
        headline,
        verdict,
    } = change;
    let state = headline.state.name();
    let [method, error_type, check] = [&headline.method, &headline.error_type, &headline.check]
        .map(|name| name.as_ref().map(field::display));
    let line = log_line(&verdict);
    if headline.state.level() >= Level::Warn {
        warn!(state, method, error_type, check, "{line}");
    } else {
        info!(state, before = before.name(), "{line}");
    }
}

/// The thread that keeps the history of a storage, which ends when this is dropped; see
/// [`MonitorStorage::keep_history`](crate::MonitorStorage::keep_history). The drop waits for a look that is being
/// taken.
#[must_use = "the thread ends when this is dropped"]
pub struct HistoryThread {
    /// The thread ends when the sender is dropped.
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Drop for HistoryThread {
    fn drop(&mut self) {
        let Some((alive, thread)) = self.running.take() else {
            return;
        };
        drop(alive);
        // The facts may own this.
        if thread.thread().id() != thread::current().id() {
            // The thread catches all panics but one of a second panic's own.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for HistoryThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HistoryThread").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests;
