//! Numbers of the process over time: the curve of 15 minutes, what is usual, and whether a number left that.
//!
//! # Definition
//!
//! The curve has [`PLACES`] places of [`STEP`] seconds: the last number within each, of the CPU the mean. Usual is from 5 to 95 % of
//! the slots of 20 s of the last 3 hours, once there are [`LEAST_KNOWN`]. A tenth of those are outside by definition, so a
//! number has left the usual range only where it is farther from it than the range is wide, and than a tenth of its end. It
//! did so with the first of the last places that are all outside on one side.

use monitor_core::history::{ProcessFigures, ProcessSlot, Range};
use serde_json::{Map, Value};

use super::envelope::Look;
use super::json;

/// Seconds of a place.
pub(super) const STEP: u64 = 10;

/// Slots of 2 s in it.
const TICKS: u64 = 5;

/// The places of 15 minutes.
const PLACES: u64 = 90;

/// Slots of 20 s from which on a usual range is known: 10 minutes.
const LEAST_KNOWN: usize = 30;

/// A number is as usual within this part of the end of the usual range.
const LEAST_DISTANCE: f64 = 0.1;

/// The numbers of the process within 15 minutes and within 3 hours.
#[derive(Debug)]
pub(super) struct Figures {
    fine: Vec<ProcessSlot>,
    coarse: Vec<ProcessSlot>,
    /// The number of the first place since the history began.
    first: u64,
    pub(super) t0: f64,
}

impl Figures {
    pub(super) fn read(look: &Look<'_>) -> Self {
        let fine = look.watch.process(Range::Minutes15);
        let last = fine.last().map_or(0, |slot| slot.tick / TICKS);
        let first = (last + 1).saturating_sub(PLACES);
        Self {
            fine,
            coarse: look.watch.process(Range::Hours3),
            first,
            t0: look.unix(json::double(first * STEP)),
        }
    }

    /// What is known of one of the numbers, by its name.
    pub(super) fn of(&self, name: &str) -> Figure {
        let numbers = |slots: &[ProcessSlot]| match name {
            "cpu" => rates(slots),
            _ => slots
                .iter()
                .filter_map(|slot| Some((slot.tick, number(&slot.figures, name)?)))
                .collect(),
        };
        let curve = self.curve(name, &numbers(&self.fine));
        let usual = usual(numbers(&self.coarse).into_iter().map(|one| one.1).collect());
        Figure::new(curve, usual, self.t0)
    }

    /// One value for each place up to the last one with a number.
    fn curve(&self, name: &str, numbers: &[(u64, f64)]) -> Vec<Option<f64>> {
        let mut curve: Vec<Option<f64>> = Vec::new();
        let mut count = 0.0;
        for (tick, number) in numbers {
            let Some(at) = (tick / TICKS).checked_sub(self.first) else {
                continue;
            };
            let at = usize::try_from(at).unwrap_or(0);
            if at >= curve.len() {
                // No place is past that of the last slot.
                curve.resize(at + 1, None);
                count = 0.0;
            }
            if let Some(place) = curve.last_mut() {
                count += 1.0;
                let before = place.filter(|_| name == "cpu").unwrap_or(*number);
                *place = Some(before + (number - before) / count);
            }
        }
        curve
    }
}

fn number(figures: &ProcessFigures, name: &str) -> Option<f64> {
    match name {
        "memory" => figures.memory,
        "descriptors" => figures.descriptors,
        "threads" => figures.threads,
        _ => None,
    }
}

/// Cores in use between two slots.
fn rates(slots: &[ProcessSlot]) -> Vec<(u64, f64)> {
    let rate = |pair: &[ProcessSlot]| {
        let spent = pair[1].figures.cpu_seconds? - pair[0].figures.cpu_seconds?;
        let ticks = pair[1].tick.checked_sub(pair[0].tick)?;
        let seconds = json::double(ticks * 2);
        (seconds > 0.0).then(|| (pair[1].tick, spent.max(0.0) / seconds))
    };
    slots.windows(2).filter_map(rate).collect()
}

/// From 5 to 95 % of the numbers.
fn usual(mut numbers: Vec<f64>) -> Option<[f64; 2]> {
    if numbers.len() < LEAST_KNOWN {
        return None;
    }
    numbers.sort_by(f64::total_cmp);
    let edge = numbers.len() / 20;
    Some([numbers[edge], numbers[numbers.len() - 1 - edge]])
}

/// What is known of one number of the process.
#[derive(Debug, PartialEq)]
pub(super) struct Figure {
    curve: Vec<Option<f64>>,
    usual: Option<[f64; 2]>,
    /// How far it is from the usual range, and since when, seconds since 1970.
    left: Option<(f64, f64)>,
}

impl Figure {
    fn new(curve: Vec<Option<f64>>, usual: Option<[f64; 2]>, t0: f64) -> Self {
        let distance = |number: &Option<f64>| distance((*number)?, usual?);
        let last = curve.last().and_then(distance);
        let left = last.map(|last| {
            let is_out = |number: &&Option<f64>| {
                distance(number).is_some_and(|one| one.signum() == last.signum())
            };
            let places = curve.iter().rev().take_while(is_out).count();
            let first = json::double((curve.len() - places) as u64 * STEP);
            (last, t0 + first)
        });
        Self { curve, usual, left }
    }

    /// The newest number.
    pub(super) fn last(&self) -> Option<f64> {
        self.curve.last().copied().flatten()
    }

    /// Adds what is known to a measure.
    pub(super) fn add_to(&self, measure: &mut Map<String, Value>) {
        let curve = self.curve.iter().map(|number| json::optional(*number));
        measure.insert("curve".into(), json::collected(curve));
        measure.insert("usual".into(), self.usual.map(json::pair).into());
        let level = if self.left.is_some() { "warn" } else { "ok" };
        measure.insert("level".into(), self.usual.map(|_| level).into());
        let delta = self.left.map(|left| json::number(left.0));
        measure.insert("delta".into(), delta.into());
        let since = self.left.map(|left| json::time(left.1));
        measure.insert("since".into(), since.into());
    }
}

/// How far a number is above the usual range, or below it; `None` of one that is as usual.
fn distance(number: f64, [low, high]: [f64; 2]) -> Option<f64> {
    let (end, distance) = if number > high {
        (high, number - high)
    } else {
        (low, number - low)
    };
    let least = (high - low).max(end.abs() * LEAST_DISTANCE);
    (distance.abs() > least && !(low..=high).contains(&number)).then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: [f64; 2] = [100.0, 110.0];

    #[test]
    fn a_number_leaves_the_usual_range_by_more_than_its_width() {
        let cases = [
            (90.0, None),
            (105.0, None),
            (120.0, None),
            (130.0, Some(20.0)),
            (80.0, Some(-20.0)),
        ];
        for (number, expected) in cases {
            assert_eq!(distance(number, USUAL), expected, "{number}");
        }
        assert_eq!(distance(1050.0, [1000.0, 1000.0]), None);
        assert_eq!(distance(0.0, [0.0, 0.0]), None);
        assert_eq!(distance(1.0, [0.0, 0.0]), Some(1.0));
    }

    #[test]
    fn it_is_outside_since_the_first_of_the_last_places_that_are() {
        let curve = [130.0, 105.0, 80.0, 130.0, 140.0].map(Some).to_vec();
        let figure = Figure::new(curve.clone(), Some(USUAL), 1000.0);
        assert_eq!(figure.left, Some((30.0, 1030.0)));
        assert_eq!(Figure::new(curve, None, 1000.0).left, None);
        let as_usual = Figure::new(vec![Some(130.0), Some(105.0)], Some(USUAL), 0.0);
        assert_eq!((as_usual.left, as_usual.last()), (None, Some(105.0)));
    }

    #[test]
    fn a_usual_range_needs_ten_minutes() {
        let numbers = |count: u32| usual((0..count).map(f64::from).collect());
        assert_eq!(numbers(29), None);
        assert_eq!(numbers(100), Some([5.0, 94.0]));
    }
}
