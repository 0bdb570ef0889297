//! The status of a task type: one shared word, and what each shard saw of it.
//!
//! The word holds a generation and a status; it changes only when the status does. A success *reads* it and compares
//! it with what its shard last saw, so threads that all succeed share no written cache line. The length of a run is
//! the sum over the shards that saw the current word: for OK the successes since a base, for a failing status a count.

use crate::base::sync::{AtomicU64, Mutex, Ordering, lock};
use crate::data::status::TaskStatus;

/// A generation (above) and a status (lowest [`STATUS_BITS`] bits). 0 is "OK, never set".
type Word = u64;

const STATUS_BITS: u32 = 3;
const STATUS_MASK: Word = (1 << STATUS_BITS) - 1;

/// No generation ever gets here: a cell that holds it is being written, or in no run.
const NONE: Word = Word::MAX;

/// Reads of a run that a change of the word may spoil before the reader settles for the newest word.
const READ_TRIES: usize = 8;

fn status_of(word: Word) -> TaskStatus {
    // The mask leaves 0..8 and only the indices of `ALL` are ever written.
    let index = usize::try_from(word & STATUS_MASK).unwrap_or_default();
    TaskStatus::ALL.get(index).copied().unwrap_or_default()
}

fn index_of(status: TaskStatus) -> Word {
    TaskStatus::ALL
        .iter()
        .zip(0..)
        .find_map(|(known, index)| (*known == status).then_some(index))
        .unwrap_or_default()
}

/// The status of a task type.
///
/// # Consistency
///
/// Calls are taken in the order their compare-and-swap or their read of the word takes. A reader sees the current
/// status exactly; the length of its run may miss calls that are just ending, and is at least 1 once a status was set.
// A cache line of its own: a status that flaps on several threads must not slow down what lies beside it.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct TaskState {
    word: AtomicU64,
    /// What was set through the API rather than by calls.
    api: Mutex<()>,
    api_run: RunCell,
    /// When that was last, in ticks, plus 1; 0 if never. Calls leave theirs in the rings of their shards.
    api_set: AtomicU64,
}

/// What one shard saw of one [`TaskState`]: written by the shard's owner alone.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The word with status OK whose run the shard is in; [`NONE`] once the shard failed.
    ok_word: AtomicU64,
    /// The shard's successes before the run it counts.
    ok_base: AtomicU64,
}

/// The failures one shard added to the current run.
#[derive(Debug, Default)]
pub(crate) struct RunCell {
    word: AtomicU64,
    run: AtomicU64,
}

impl TaskState {
    pub(crate) fn new() -> Self {
        Self {
            word: AtomicU64::new(0),
            api: Mutex::new(()),
            api_run: RunCell::default(),
            api_set: AtomicU64::new(0),
        }
    }

    /// Whether a success of this shard changes nothing.
    // Relaxed: the word guards no data; a success that misses a change just made is one that ended before it.
    #[inline]
    pub(crate) fn is_known_ok(&self, seen: &Seen) -> bool {
        let known = seen.ok_word.load(Ordering::Relaxed);
        // A shard that failed last need not ask: the answer would cost a cache line that `enter` takes anyway.
        known != NONE && self.word.load(Ordering::Relaxed) == known
    }

    /// Takes a success of a shard that had `ok_before` of them; `failures` is the shard's part in failing runs.
    #[cold]
    pub(crate) fn note_ok(&self, seen: &Seen, failures: Option<&RunCell>, ok_before: u64) {
        let known = seen.ok_word.load(Ordering::Relaxed);
        let failed_last = failures.filter(|_| known == NONE);
        let guess = failed_last.map(|cell| cell.word.load(Ordering::Relaxed));
        if let Some(word) = self.enter(TaskStatus::Ok, guess) {
            seen.ok_word.store(NONE, Ordering::Relaxed);
            // Release, twice: pair with the Acquires in `Seen::run`; a reader of the new base also sees the mark above.
            seen.ok_base.store(ok_before, Ordering::Release);
            seen.ok_word.store(word, Ordering::Release);
        }
    }

    /// Takes a failure of a shard.
    pub(crate) fn note_failure(&self, seen: &Seen, cell: &RunCell, status: TaskStatus) {
        let known = seen.ok_word.load(Ordering::Relaxed);
        let guess = (known != NONE).then_some(known);
        if let Some(word) = self.enter(status, guess) {
            cell.add(word);
            // The run of successes is over, unless the rules call this failure OK. Release: who sees the mark sees the
            // word that ended it.
            if status != TaskStatus::Ok {
                seen.ok_word.store(NONE, Ordering::Release);
            }
        }
    }

    /// Takes a status set through the API at this time, in ticks.
    pub(crate) fn set(&self, status: TaskStatus, now: u64) {
        let _writer = lock(&self.api);
        // Relaxed: an age is read for itself. Before the word, so that who sees the status rarely finds an older time.
        self.api_set
            .fetch_max(now.saturating_add(1), Ordering::Relaxed);
        if let Some(word) = self.enter(status, None) {
            self.api_run.add(word);
        }
    }

    /// When a status was last set through the API, in ticks.
    pub(crate) fn last_set(&self) -> Option<u64> {
        self.api_set.load(Ordering::Relaxed).checked_sub(1)
    }

    /// Makes the word say this status; gives the word that does. `guess` is a word the caller has reason to believe is
    /// still there: if it has another status, that spares fetching the word's cache line for reading first.
    ///
    /// `None`: another change came between, and the word says another status by now. Ours then came before that one,
    /// and its run is over: there is nothing to try again.
    fn enter(&self, status: TaskStatus, guess: Option<Word>) -> Option<Word> {
        let guess = guess.filter(|word| status_of(*word) != status);
        let word = match guess.map(|word| self.change(word, status)) {
            Some(Ok(next)) => return Some(next),
            Some(Err(now)) => now,
            None => self.word.load(Ordering::Relaxed),
        };
        if status_of(word) == status {
            return Some(word);
        }
        match self.change(word, status) {
            Ok(next) => Some(next),
            Err(now) => (status_of(now) == status).then_some(now),
        }
    }

    /// Changes this word to the next generation, with this status; `Err` with what is there instead.
    fn change(&self, word: Word, status: TaskStatus) -> Result<Word, Word> {
        let next = (((word >> STATUS_BITS) + 1) << STATUS_BITS) | index_of(status);
        self.word
            .compare_exchange(word, next, Ordering::AcqRel, Ordering::Relaxed)
            .map(|_| next)
    }

    /// Loads it: see [`MethodList`](crate::recording::method_list::MethodList).
    pub(crate) fn touch(&self) -> u64 {
        self.word.load(Ordering::Relaxed)
    }

    /// Begins a reading of which the caller adds up the shards' parts as it comes by them.
    pub(crate) fn begin_reading(&self) -> Reading {
        let word = self.word.load(Ordering::Acquire);
        let run = self.api_run.run(word);
        Reading { word, run }
    }

    /// What [`read`](Self::read) gives, in its one round; `None` if the status changed meanwhile.
    #[expect(
        clippy::option_option,
        reason = "never set, and no longer known, are two answers"
    )]
    pub(crate) fn end_reading(&self, reading: &Reading) -> Option<Option<(TaskStatus, u64)>> {
        let is_same = self.word.load(Ordering::Acquire) == reading.word;
        is_same.then(|| shown(reading.word, reading.run))
    }

    /// The status and the length of its run; `shards` gives each shard's part in the run of a word. `None` if it was
    /// never set.
    pub(crate) fn read(&self, shards: impl Fn(Word) -> u64) -> Option<(TaskStatus, u64)> {
        let mut word = self.word.load(Ordering::Acquire);
        let mut run = 0;
        // A word that changes under each of these reads is flapping; its newest run has then just begun.
        for _ in 0..READ_TRIES {
            run = self.api_run.run(word) + shards(word);
            let now = self.word.load(Ordering::Acquire);
            if now == word {
                break;
            }
            (word, run) = (now, 0);
        }
        shown(word, run)
    }
}

/// A status and a run as they are shown, if it was ever set.
fn shown(word: Word, run: u64) -> Option<(TaskStatus, u64)> {
    let run = if word == 0 { run } else { run.max(1) };
    (run > 0).then(|| (status_of(word), run))
}

/// A reading of a [`TaskState`] that goes on.
#[derive(Debug)]
pub(crate) struct Reading {
    word: Word,
    run: u64,
}

impl Reading {
    /// The word whose run is wanted.
    pub(crate) fn word(&self) -> u64 {
        self.word
    }

    /// Adds a part of the run.
    pub(crate) fn add(&mut self, run: u64) {
        self.run += run;
    }
}

impl Seen {
    /// The successes of a shard in the run of this word.
    pub(crate) fn run(&self, word: Word, ok_now: impl FnOnce() -> u64) -> u64 {
        if status_of(word) != TaskStatus::Ok || self.ok_word.load(Ordering::Acquire) != word {
            return 0;
        }
        let base = self.ok_base.load(Ordering::Acquire);
        let run = ok_now().saturating_sub(base);
        let still = self.ok_word.load(Ordering::Relaxed) == word;
        if still { run } else { 0 }
    }
}

impl RunCell {
    /// One more of this word; only the cell's owner.
    fn add(&self, word: Word) {
        if self.word.load(Ordering::Relaxed) == word {
            let run = self.run.load(Ordering::Relaxed);
            self.run.store(run + 1, Ordering::Release);
            return;
        }
        self.word.store(NONE, Ordering::Relaxed);
        // Release, twice: as in `note_ok`.
        self.run.store(1, Ordering::Release);
        self.word.store(word, Ordering::Release);
    }

    /// The part of this cell in the run of a word.
    pub(crate) fn run(&self, word: Word) -> u64 {
        if self.word.load(Ordering::Acquire) != word {
            return 0;
        }
        let run = self.run.load(Ordering::Acquire);
        let still = self.word.load(Ordering::Relaxed) == word;
        if still { run } else { 0 }
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_run_counts_up_and_a_change_starts_at_one() {
        let state = TaskState::new();
        assert_eq!(state.read(|_| 0), None);
        for (status, run) in [
            (TaskStatus::Ok, 1),
            (TaskStatus::Ok, 2),
            (TaskStatus::Fatal, 1),
            (TaskStatus::Fatal, 2),
            (TaskStatus::Unknown, 1),
            (TaskStatus::Ok, 1),
        ] {
            state.set(status, 0);
            assert_eq!(state.read(|_| 0), Some((status, run)));
        }
    }

    #[test]
    fn a_success_that_changes_nothing_writes_nothing() {
        let (state, seen, failures) = (TaskState::new(), Seen::default(), RunCell::default());
        assert!(state.is_known_ok(&seen));
        state.note_failure(&seen, &failures, TaskStatus::Internal);
        assert!(!state.is_known_ok(&seen));
        state.note_ok(&seen, Some(&failures), 7);
        assert!(state.is_known_ok(&seen));
        assert_eq!(
            state.read(|word| seen.run(word, || 10) + failures.run(word)),
            Some((TaskStatus::Ok, 3))
        );
    }

    #[test]
    fn a_failure_that_is_no_illness_goes_on_with_the_run() {
        let (state, seen, failures) = (TaskState::new(), Seen::default(), RunCell::default());
        for before in 0..3 {
            if !state.is_known_ok(&seen) {
                state.note_ok(&seen, Some(&failures), before);
            }
            state.note_failure(&seen, &failures, TaskStatus::Ok);
            let read = state.read(|word| seen.run(word, || before + 1) + failures.run(word));
            assert_eq!(read, Some((TaskStatus::Ok, 2 * before + 2)));
        }
    }

    #[test]
    fn runs_of_several_shards_add_up() {
        let state = TaskState::new();
        let seen = [Seen::default(), Seen::default()];
        let cells = [RunCell::default(), RunCell::default()];
        for cell in [0, 1, 1, 0, 1] {
            state.note_failure(&seen[cell], &cells[cell], TaskStatus::ConnectionError);
        }
        let read = state.read(|word| cells.iter().map(|cell| cell.run(word)).sum());
        assert_eq!(read, Some((TaskStatus::ConnectionError, 5)));
    }
}
