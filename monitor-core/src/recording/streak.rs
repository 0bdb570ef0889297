//! Streaks: the status of a task type, and for how many calls it has been so.
//!
//! One shared word holds a generation and a status; it changes only when the status does. A success *reads* it and
//! compares it with the word its shard last saw, so threads that all succeed share no written cache line. The length of
//! a streak is the sum over the shards that saw the current word: for OK the successes since a base, for a failing
//! status a count.
//!
//! A change of the word that loses a race against another is not tried again: it came before that one, and its streak
//! is over.

use crate::base::sync::{AcqRel, Acquire, AtomicU64, Mutex, Relaxed, Release, bump, lock};
use crate::data::status::TaskStatus;

/// A generation (above) and a status (lowest [`STATUS_BITS`] bits). 0 is "OK, never set".
type Word = u64;

const STATUS_BITS: u32 = 3;
const STATUS_MASK: Word = (1 << STATUS_BITS) - 1;

/// No generation ever gets here: a cell that holds it is being written, or in no streak.
const NONE: Word = Word::MAX;

/// Reads of a streak that a change of the word may spoil before the reader settles for the newest word.
const READ_TRIES: usize = 8;

fn status_of(word: Word) -> TaskStatus {
    // The mask leaves 0..8 and only the indices of `ALL` are ever written.
    let index = usize::try_from(word & STATUS_MASK).unwrap_or_default();
    TaskStatus::ALL.get(index).copied().unwrap_or_default()
}

fn index_of(status: TaskStatus) -> Word {
    let index = TaskStatus::ALL.iter().position(|known| *known == status);
    index.unwrap_or_default() as Word
}

/// The status of a task type, and the length of its streak.
///
/// # Consistency
///
/// Calls are taken in the order their compare-and-swap or their read of the word takes. A reader sees the current
/// status exactly; the length of its streak may miss calls that are just ending, and is at least 1 once a status was
/// set.
// A cache line of its own: a status that flaps on several threads must not slow down access to its neighbours.
#[derive(Default)]
#[repr(align(64))]
pub(crate) struct Streak {
    word: AtomicU64,
    /// Held while a status is set through the API.
    api: Mutex<()>,
    /// The part in the streak of statuses set through the API rather than by calls.
    api_part: StreakPart,
    /// When that was last, in ticks, plus 1; 0 if never. Calls leave theirs in the rings of their shards.
    api_set: AtomicU64,
}

/// The part of one shard in a [`Streak`]: of its successes, or of its failures. Written by the shard's owner alone.
#[derive(Default)]
pub(crate) struct StreakPart {
    /// The word whose streak the shard is in; [`NONE`] while this is written, and for successes once the shard failed.
    word: AtomicU64,
    /// Of successes, those of the shard before the streak; of failures, those in it.
    count: AtomicU64,
}

/// A reading of a [`Streak`] that goes on.
pub(crate) struct Reading {
    /// The word whose streak is wanted.
    pub(crate) word: Word,
    /// The sum of the parts so far.
    pub(crate) run: u64,
}

impl Streak {
    /// True if a success of this shard changes nothing.
    // Relaxed: the word guards no data; a success that misses a change just made is one that ended before it.
    #[inline]
    pub(crate) fn is_known_ok(&self, seen: &StreakPart) -> bool {
        let known = seen.word.load(Relaxed);
        // A shard that failed last need not ask: the answer would cost a cache line that `set_status` takes anyway.
        known != NONE && self.word.load(Relaxed) == known
    }

    /// Takes a success of a shard that had `ok_before` of them; `failures` is the shard's part in failing streaks.
    #[cold]
    pub(crate) fn note_ok(&self, seen: &StreakPart, failures: Option<&StreakPart>, ok_before: u64) {
        let known = seen.word.load(Relaxed);
        let failed_last = failures.filter(|_| known == NONE);
        let guess = failed_last.map(|cell| cell.word.load(Relaxed));
        if let Some(word) = self.set_status(TaskStatus::Ok, guess) {
            seen.set(word, ok_before);
        }
    }

    /// Takes a success of a shard whose calls do not feed it: it changes nothing, and the next one need not ask again.
    pub(crate) fn ignore_success(&self, seen: &StreakPart, ok_before: u64) {
        seen.set(self.word.load(Relaxed), ok_before);
    }

    /// Takes a failure of a shard.
    pub(crate) fn note_failure(&self, seen: &StreakPart, cell: &StreakPart, status: TaskStatus) {
        let known = seen.word.load(Relaxed);
        let guess = (known != NONE).then_some(known);
        if let Some(word) = self.set_status(status, guess) {
            cell.add_failure(word);
            // The streak of successes is over, unless the rules call this failure OK. Release: pairs with the first
            // Acquire in `StreakPart::run`; a reader that sees the mark sees the word that ended the streak.
            if status != TaskStatus::Ok {
                seen.word.store(NONE, Release);
            }
        }
    }

    /// Takes a status set through the API at this time, in ticks.
    pub(crate) fn set(&self, status: TaskStatus, now: u64) {
        let _writer = lock(&self.api);
        // Relaxed: an age is read for itself. Before the word, so that a reader of the status rarely finds an older
        // time.
        self.api_set.fetch_max(now.saturating_add(1), Relaxed);
        if let Some(word) = self.set_status(status, None) {
            self.api_part.add_failure(word);
        }
    }

    /// When a status was last set through the API, in ticks.
    pub(crate) fn last_set(&self) -> Option<u64> {
        self.api_set.load(Relaxed).checked_sub(1)
    }

    /// Makes the word hold this status, and returns the word that does. `guess` is a word the caller has reason to
    /// believe is still there: if it has another status, that spares fetching the word's cache line for reading first.
    ///
    /// `None`: another change came between, and the word has another status by now. Ours then came before that one,
    /// and its streak is over: there is nothing to try again.
    fn set_status(&self, status: TaskStatus, guess: Option<Word>) -> Option<Word> {
        let guess = guess.filter(|word| status_of(*word) != status);
        let word = match guess.map(|word| self.change(word, status)) {
            Some(Ok(next)) => return Some(next),
            Some(Err(now)) => now,
            None => self.word.load(Relaxed),
        };
        if status_of(word) == status {
            return Some(word);
        }
        match self.change(word, status) {
            Ok(next) => Some(next),
            Err(now) => (status_of(now) == status).then_some(now),
        }
    }

    /// Changes this word to the next generation, with this status; `Err` with the word that is there instead.
    fn change(&self, word: Word, status: TaskStatus) -> Result<Word, Word> {
        let next = (((word >> STATUS_BITS) + 1) << STATUS_BITS) | index_of(status);
        // AcqRel: pairs with the Acquires in `begin_reading` and `end_reading`, and with the change before it.
        self.word
            .compare_exchange(word, next, AcqRel, Relaxed)
            .map(|_| next)
    }

    /// Loads it: see [`MethodList`](crate::recording::method::MethodList).
    pub(crate) fn prefetch(&self) -> u64 {
        self.word.load(Relaxed)
    }

    /// Begins a reading of which the caller adds up the shards' parts as it comes by them.
    pub(crate) fn begin_reading(&self) -> Reading {
        let word = self.word.load(Acquire);
        let run = self.api_part.failures(word);
        Reading { word, run }
    }

    /// The result of [`read`](Self::read), in a single round; `None` if the status changed meanwhile.
    #[expect(
        clippy::option_option,
        reason = "never set, and no longer known, are two answers"
    )]
    pub(crate) fn end_reading(&self, reading: &Reading) -> Option<Option<(TaskStatus, u64)>> {
        let is_same = self.word.load(Acquire) == reading.word;
        is_same.then(|| reading.shown())
    }

    /// The status and the length of its streak; `shards` returns each shard's part in the streak of a word. `None` if
    /// it was never set.
    pub(crate) fn read(&self, shards: impl Fn(Word) -> u64) -> Option<(TaskStatus, u64)> {
        let mut reading = self.begin_reading();
        // A word that changes under each of these reads is flapping; its newest streak has then just begun.
        for _ in 0..READ_TRIES {
            reading.run += shards(reading.word);
            if let Some(read) = self.end_reading(&reading) {
                return read;
            }
            reading = self.begin_reading();
        }
        reading.shown()
    }
}

impl Reading {
    /// A status and a length as they are shown, if the status was ever set.
    fn shown(&self) -> Option<(TaskStatus, u64)> {
        let run = self.run.max(u64::from(self.word != 0));
        (run > 0).then(|| (status_of(self.word), run))
    }
}

impl StreakPart {
    fn set(&self, word: Word, count: u64) {
        self.word.store(NONE, Relaxed);
        // Release, twice: pair with the Acquires in `run`; a reader of the new count also sees the mark above.
        self.count.store(count, Release);
        self.word.store(word, Release);
    }

    fn run(&self, word: Word, run: impl FnOnce(u64) -> u64) -> u64 {
        if self.word.load(Acquire) != word {
            return 0;
        }
        let run = run(self.count.load(Acquire));
        let is_same = self.word.load(Relaxed) == word;
        if is_same { run } else { 0 }
    }

    /// The successes of a shard in the streak of this word.
    pub(crate) fn successes(&self, word: Word, ok_now: impl FnOnce() -> u64) -> u64 {
        if status_of(word) != TaskStatus::Ok {
            return 0;
        }
        self.run(word, |before| ok_now().saturating_sub(before))
    }

    /// One more failure in the streak of this word; only the cell's owner.
    fn add_failure(&self, word: Word) {
        if self.word.load(Relaxed) == word {
            bump(&self.count, 1, Release);
        } else {
            self.set(word, 1);
        }
    }

    /// The failures of a shard in the streak of this word.
    pub(crate) fn failures(&self, word: Word) -> u64 {
        self.run(word, |count| count)
    }
}

#[cfg(all(test, not(monitor_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_run_counts_up_and_a_change_starts_at_one() {
        let streak = Streak::default();
        assert_eq!(streak.read(|_| 0), None);
        for (status, run) in [
            (TaskStatus::Ok, 1),
            (TaskStatus::Ok, 2),
            (TaskStatus::Fatal, 1),
            (TaskStatus::Fatal, 2),
            (TaskStatus::Unknown, 1),
            (TaskStatus::Ok, 1),
        ] {
            streak.set(status, 0);
            assert_eq!(streak.read(|_| 0), Some((status, run)));
        }
    }

    #[test]
    fn a_success_that_changes_nothing_writes_nothing() {
        let (streak, seen, failures) = (
            Streak::default(),
            StreakPart::default(),
            StreakPart::default(),
        );
        assert!(streak.is_known_ok(&seen));
        streak.note_failure(&seen, &failures, TaskStatus::Internal);
        assert!(!streak.is_known_ok(&seen));
        streak.note_ok(&seen, Some(&failures), 7);
        assert!(streak.is_known_ok(&seen));
        assert_eq!(
            streak.read(|word| seen.successes(word, || 10) + failures.failures(word)),
            Some((TaskStatus::Ok, 3))
        );
    }

    #[test]
    fn a_failure_that_is_no_illness_goes_on_with_the_run() {
        let (streak, seen, failures) = (
            Streak::default(),
            StreakPart::default(),
            StreakPart::default(),
        );
        for before in 0..3 {
            if !streak.is_known_ok(&seen) {
                streak.note_ok(&seen, Some(&failures), before);
            }
            streak.note_failure(&seen, &failures, TaskStatus::Ok);
            let read =
                streak.read(|word| seen.successes(word, || before + 1) + failures.failures(word));
            assert_eq!(read, Some((TaskStatus::Ok, 2 * before + 2)));
        }
    }

    #[test]
    fn runs_of_several_shards_add_up() {
        let streak = Streak::default();
        let seen = [StreakPart::default(), StreakPart::default()];
        let cells = [StreakPart::default(), StreakPart::default()];
        for cell in [0, 1, 1, 0, 1] {
            streak.note_failure(&seen[cell], &cells[cell], TaskStatus::ConnectionError);
        }
        let read = streak.read(|word| cells.iter().map(|cell| cell.failures(word)).sum());
        assert_eq!(read, Some((TaskStatus::ConnectionError, 5)));
    }
}
