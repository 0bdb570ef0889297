//! Windows of one method: what is in them, and the verdicts.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Adds these counts every 2 s, as those of the method so far, and returns the last verdict.
fn after(rule: &ShareRule, counts: &[CallCounts]) -> Option<FailureShare> {
    let mut history = CallHistory::default();
    let mut now = Duration::ZERO;
    for so_far in counts {
        assert!(!history.is_due(now + SECOND));
        now += SLOT;
        assert!(history.is_due(now));
        let mut count = history.begin(now);
        count.add(1, *so_far, rule, || ["task".into(), "Load".into()]);
    }
    let mut all = history.unhealthy(now).into_iter();
    all.next().map(|(_, share)| share)
}

fn calls(successes: u64, failures: u64) -> CallCounts {
    CallCounts {
        successes,
        failures,
        ..CallCounts::default()
    }
}

#[test]
fn a_method_is_unhealthy_from_its_share_and_number_of_calls_on() {
    let rule = ShareRule::default();
    for (successes, failures, expected) in [
        (5, 5, true),
        (6, 5, false),
        (0, 9, false),
        (0, 10, true),
        (2, 8, true),
        (100, 0, false),
        (0, 0, false),
    ] {
        let share = after(&rule, &[calls(successes, failures)]);
        assert_eq!(share.is_some(), expected, "{successes} {failures}");
    }
}

#[test]
fn no_share_is_unhealthy_with_zero_above_one_and_nan() {
    for share in [0.0, 1.1, f64::NAN] {
        let rule = ShareRule {
            share,
            ..ShareRule::default()
        };
        assert_eq!(after(&rule, &[calls(0, 100)]), None, "{share}");
    }
    assert_eq!(after(&ShareRule::never(), &[calls(0, 100)]), None);
}

#[test]
fn expected_failures_are_calls_and_cancelled_ones_neither_unless_they_count() {
    let counts = CallCounts {
        expected: 6,
        cancelled: 90,
        ..calls(0, 5)
    };
    let off = ShareRule::default();
    assert_eq!(after(&off, &[counts]), None);
    let on = off.with(&ShareParts::NONE.cancelled(true));
    let share = after(&on, &[counts]).expect("95 of 101");
    assert_eq!(
        (share.failures, share.calls, share.cancelled),
        (95, 101, 90)
    );
    let only_cancelled = CallCounts {
        cancelled: 90,
        ..CallCounts::default()
    };
    assert_eq!(after(&off, &[only_cancelled]), None);
}

#[test]
fn calls_count_for_the_length_of_the_window() {
    let rule = ShareRule::default();
    let slots = |idle: usize| {
        let mut counts = vec![calls(0, 10)];
        counts.extend(std::iter::repeat_n(calls(0, 10), idle));
        after(&rule, &counts)
    };
    let share = slots(14).expect("the slot is 30 s old");
    assert_eq!((share.window, share.since), (30 * SECOND, 28 * SECOND));
    assert_eq!(slots(15), None);
    let mut history = vec![calls(0, 10); 15];
    history.push(calls(1, 19));
    let share = after(&rule, &history).expect("9 of 10");
    assert_eq!((share.failures, share.calls), (9, 10));
    assert_eq!((share.window, share.since), (2 * SECOND, 30 * SECOND));
}

#[test]
fn a_slot_longer_than_the_window_is_judged_and_its_length_said() {
    let mut history = CallHistory::default();
    let mut count = history.begin(90 * SECOND);
    count.add(1, calls(0, 10), &ShareRule::default(), || {
        ["task".into(), "Load".into()]
    });
    let share = &history.unhealthy(91 * SECOND)[0].1;
    assert_eq!((share.window, share.since), (90 * SECOND, SECOND));
}

#[test]
fn memory_is_that_of_the_window_and_nothing_without_calls() {
    let mut window = MethodWindow::default();
    for slot in 0..10_000_u32 {
        let begin = SLOT * slot;
        let oldest = (begin + SLOT).saturating_sub(MAX_WINDOW);
        window.add(begin, oldest, calls(u64::from(slot), 0));
        assert!(window.slots.len() <= 300);
    }
    assert_eq!(window.sum, calls(300, 0));
    for slot in 10_000..10_300 {
        let begin = SLOT * slot;
        window.add(
            begin,
            (begin + SLOT).saturating_sub(MAX_WINDOW),
            calls(9999, 0),
        );
    }
    assert_eq!((window.slots.len(), window.sum), (0, CallCounts::default()));
}

#[test]
fn counts_that_fall_for_a_moment_are_not_counted_twice() {
    let mut window = MethodWindow::default();
    for so_far in [calls(10, 0), calls(9, 1), calls(10, 1)] {
        window.add(SECOND, Duration::ZERO, so_far);
    }
    assert_eq!((window.sum.successes, window.sum.failures), (10, 1));
}

#[test]
fn the_parts_that_are_given_replace_those_of_the_rule() {
    let rule = ShareRule::default();
    assert_eq!(rule.with(&ShareParts::NONE), rule);
    let parts = ShareParts::NONE.share(0.9).window(SECOND * 60);
    let own = rule.with(&parts.at_least(3).cancelled(true));
    let found = (own.share, own.window, own.at_least, own.cancelled);
    assert_eq!(found, (0.9, SECOND * 60, 3, true));
}
