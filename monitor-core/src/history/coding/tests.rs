use proptest::prelude::*;

use super::super::bits::{BitReader, BitWriter};
use super::*;

fn count() -> impl Strategy<Value = u64> {
    (0..64_u32, any::<u64>()).prop_map(|(shift, count)| count >> shift)
}

fn cells() -> impl Strategy<Value = Cells> {
    let wild = prop::collection::vec((any::<i16>(), count()), 0..6);
    let usual = (-160..20_i16, prop::collection::vec(0..40_u64, 0..40))
        .prop_map(|(first, counts)| (first..).zip(counts).collect());
    prop_oneof![wild, usual].prop_map(Cells)
}

/// Calls as nothing should make them: in any order, repeated, huge, not a number.
pub(in super::super) fn any_calls(
    method: impl Strategy<Value = u32>,
) -> impl Strategy<Value = MethodSlot> {
    let failures =
        (0..40_u32, 0..3_usize, cells()).prop_map(|(error_type, kind, cells)| FailureSlot {
            error_type,
            kind: KINDS[kind],
            cells,
        });
    let callers = (any::<u32>(), count(), count()).prop_map(|(caller, begun, failed)| CallerSlot {
        caller,
        begun,
        failed,
    });
    let lists = (
        cells(),
        prop::collection::vec(failures, 0..4),
        prop::collection::vec(callers, 0..4),
    );
    let counts = (count(), count(), count(), count(), count());
    let floats = prop_oneof![
        Just(0.0),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(-1.0),
        1e-7..1e4,
        any::<f64>()
    ];
    (method, lists, counts, floats.clone(), floats).prop_map(
        |(method, (ok, failures, callers), counts, busy, oldest)| {
            let (begun, entries, in_flight, waiting, permits) = counts;
            MethodSlot {
                method,
                begun,
                entries,
                ok,
                failures,
                callers,
                busy,
                in_flight,
                oldest,
                ages: vec![1],
                waiting,
                permits,
            }
        },
    )
}

fn written(calls: &MethodSlot, grain: Grain) -> Box<[u8]> {
    let mut bits = BitWriter::default();
    write_record(&mut bits, &canonical(calls, grain), grain, true);
    bits.finish()
}

fn is_near(one: f64, other: f64, part: f64) -> bool {
    (one - other).abs() <= part * other.abs()
}

proptest! {
    #[test]
    fn records_come_back(calls in any_calls(any::<u32>()), is_coarse: bool) {
        let grain = if is_coarse { Grain::Coarse } else { Grain::Fine };
        let bytes = written(&calls, grain);
        let mut back = Sum::new(calls.method);
        prop_assert_eq!(read_record(&mut BitReader::new(&bytes, 0), grain, grain, true, &mut back), Some(()));
        let mut expected = Sum::new(calls.method);
        expected.add(&calls, grain);
        grain.round(&mut expected.calls.ok);
        expected.calls.failures.iter_mut().for_each(|one| grain.round(&mut one.cells));
        let (mut back, expected) = (back.calls, expected.calls);
        prop_assert!(is_near(back.busy, expected.busy, 0.002) || expected.busy < 1e-300, "{} {}", back.busy, expected.busy);
        let ages = [1e-7, 1e12];
        let is_age = is_near(back.oldest, expected.oldest, 0.004) || back.oldest > 0.0 && !(ages[0]..ages[1]).contains(&expected.oldest);
        prop_assert!(is_age, "{} {}", back.oldest, expected.oldest);
        back.busy = expected.busy;
        back.oldest = expected.oldest;
        prop_assert_eq!(back, expected);
    }

    #[test]
    fn any_bytes_give_a_sum_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for grain in [Grain::Fine, Grain::Coarse] {
            let mut bits = BitReader::new(&bytes, 0);
            let mut sum = Sum::new(0);
            let most = bytes.len() * 8;
            let mut read = || read_record(&mut bits, grain, Grain::Coarse, true, &mut sum);
            prop_assert!((0..=most).any(|_| read().is_none()));
            prop_assert!(sum.calls.busy.is_finite() && sum.calls.oldest.is_finite());
        }
    }

    #[test]
    fn totals_keep_all_counts(calls in any_calls(any::<u32>())) {
        let mut sum = Sum::new(calls.method);
        sum.add(&calls, Grain::Fine);
        let calls = sum.calls;
        let totals = totals(&calls);
        prop_assert_eq!(totals.ok.count(), calls.ok.0.iter().fold(0, |all, one| plus(all, one.1)));
        for kind in KINDS {
            let all = calls.failures.iter().filter(|one| one.kind == kind).flat_map(|one| &one.cells.0);
            prop_assert_eq!(totals.failed(kind), all.fold(0, |all, one| plus(all, one.1)));
        }
        prop_assert_eq!((totals.begun, totals.entries, totals.in_flight), (calls.begun, calls.entries, calls.in_flight));
    }
}

#[test]
fn coarse_counts_are_rounded_and_their_sum_is_not() {
    let mut cells = Cells(vec![(0, 127), (4, 12_345), (8, 99_999), (12, 128), (16, 1)]);
    let all = cells.count();
    Grain::Coarse.round(&mut cells);
    assert_eq!(
        cells.0,
        [(0, 127), (4, 12_288), (8, 99_328), (12, 856), (16, 1)]
    );
    assert_eq!(cells.count(), all);
    let rounded = cells.clone();
    Grain::Coarse.round(&mut cells);
    assert_eq!(cells, rounded);
}

#[test]
fn a_coarse_cell_holds_four() {
    let calls = MethodSlot {
        ok: Cells(vec![(-4, 1), (-3, 2), (0, 3), (1, 4), (4, 5), (5, 6)]),
        ..MethodSlot::default()
    };
    let coarse = canonical(&calls, Grain::Coarse);
    assert_eq!(coarse.ok, Cells(vec![(-4, 1), (0, 5), (4, 9), (8, 6)]));
}

#[test]
fn fifty_calls_in_eight_milliseconds_take_about_as_many_bits_as_calls() {
    let counts = [1, 0, 2, 3, 5, 6, 7, 6, 5, 5, 4, 2, 1, 1, 0, 1, 1];
    let calls = MethodSlot {
        begun: 51,
        ok: Cells((-70..).zip(counts).filter(|one| one.1 > 0).collect()),
        entries: 51,
        busy: 0.4,
        ..MethodSlot::default()
    };
    assert!(
        written(&calls, Grain::Fine).len() <= 14,
        "{}",
        written(&calls, Grain::Fine).len()
    );
}
