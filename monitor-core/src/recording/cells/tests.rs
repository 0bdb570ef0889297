use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed as StdRelaxed};

use super::*;

fn counts(cells: &CellCounts) -> Vec<(usize, u64)> {
    let mut all = BTreeMap::new();
    cells.each(|cell, count| *all.entry(cell).or_default() += count);
    all.into_iter().collect()
}

#[test]
fn every_cell_has_a_count_of_its_own_wherever_the_window_is() {
    for first in [0, 1, 63, 64, 65, 300, 511, 5000] {
        let cells = CellCounts::new();
        cells.add(first);
        for cell in (0..600).chain([5000, 5001]) {
            cells.add(cell);
        }
        let expected = (0..600).chain([5000, 5001]);
        let expected: Vec<_> = expected
            .map(|at| (at, 1 + u64::from(at == first)))
            .collect();
        assert_eq!(counts(&cells), expected, "{first}");
        assert_eq!(cells.sum(), 603);
    }
}

#[test]
fn one_more_window_has_the_cells_on_both_sides_of_the_first() {
    let cells = CellCounts::new();
    cells.place_around(200);
    (136..264).for_each(|cell| cells.add(cell));
    assert_eq!(cells.outer().count(), 0);
    (72..136).chain(264..328).for_each(|cell| cells.add(cell));
    assert_eq!(cells.outer().count(), 1);
    cells.add(71);
    cells.add(328);
    assert_eq!(cells.outer().count(), 2);
}

#[test]
fn more_windows_are_no_larger_than_is_promised() {
    assert_eq!(size_of::<OuterWindow>() + size_of::<Rare>(), 576);
}

#[test]
fn a_full_cell_is_carried_into_the_word_beside_it() {
    let cells = CellCounts::new();
    cells.place_around(7);
    cells.add(7);
    cells.window.cells[7].store(MOST, Relaxed);
    for more in 0..3 {
        assert_eq!(counts(&cells), [(7, u64::from(MOST) + more)]);
        cells.add(7);
    }
    cells.window.cells[7].store(MOST, Relaxed);
    cells.add(7);
    cells.add(8);
    assert_eq!(counts(&cells), [(7, 2 << 32), (8, 1)]);
}

#[test]
fn no_count_ever_falls_beside_carries() {
    let cells: &CellCounts = leak(CellCounts::new());
    let is_over: &AtomicBool = leak(AtomicBool::new(false));
    cells.place_around(0);
    cells.add(0);
    let writer = std::thread::spawn(move || {
        for _ in 0..200_000 {
            // As if it had been counted all the way.
            cells.window.cells[0].store(MOST, Release);
            cells.add(0);
        }
        is_over.store(true, StdRelaxed);
    });
    let (mut before, mut reads) = (0, 0);
    while !is_over.load(StdRelaxed) || reads == 0 {
        let now = cells.sum();
        assert!(now >= before, "{before} {now}");
        (before, reads) = (now, reads + 1);
    }
    writer.join().expect("no panic");
    assert_eq!(cells.sum(), 200_000 << 32);
}

#[test]
fn the_window_is_where_the_second_observation_is() {
    let cells = CellCounts::new();
    for cell in [500, 100, 101, 100] {
        cells.add(cell);
    }
    assert_eq!(counts(&cells), [(100, 2), (101, 1), (500, 1)]);
    assert_eq!(cells.outer().count(), 0);
}
