use proptest::prelude::*;

use super::*;

fn both(prose: impl Fn(NumberStyle) -> String) -> [String; 2] {
    [prose(Prose), prose(Cell)]
}

#[test]
fn durations_from_buckets_have_two_digits() {
    for (seconds, prose, cell) in [
        (38e-6, "38 us", "38us"),
        (620e-6, "620 us", "620us"),
        (623e-6, "620 us", "620us"),
        (0.001_8, "1.8 ms", "1.8ms"),
        (0.021, "21 ms", "21ms"),
        (2.0, "2.0 s", "2.0s"),
        (12.0, "12 s", "12s"),
        (999.7e-6, "1.0 ms", "1.0ms"),
        (0.999, "1.0 s", "1.0s"),
        (0.4e-6, "0.40 us", "0.40us"),
        (59.9, "1 min", "1m"),
        (90.0, "1 min 30 s", "1m30s"),
        (0.0, "0 s", "0s"),
    ] {
        assert_eq!(both(|style| duration(seconds, style)), [prose, cell]);
    }
}

#[test]
fn durations_of_one_call_have_three_digits_below_a_second() {
    for (seconds, prose) in [
        (0.001_84, "1.84 ms"),
        (0.184, "184 ms"),
        (12e-6, "12.0 us"),
        (2.04, "2.0 s"),
    ] {
        assert_eq!(call_duration(seconds, Prose), prose);
    }
}

#[test]
fn spans_have_two_units() {
    for (seconds, prose, cell) in [
        (371.0, "6 min 11 s", "6m11s"),
        (371.9, "6 min 11 s", "6m11s"),
        (369.0, "6 min 9 s", "6m9s"),
        (300.0, "5 min", "5m"),
        (15_120.0, "4 h 12 min", "4h12m"),
        (188_573.0, "2 d 4 h", "2d4h"),
        (86_400.0, "1 d", "1d"),
        (59.999_8, "1 min", "1m"),
        (47.0, "47 s", "47s"),
        (4.1, "4.1 s", "4.1s"),
    ] {
        assert_eq!(both(|style| span(seconds, style)), [prose, cell]);
    }
}

#[test]
fn shares_are_none_and_all_only_where_they_are() {
    for (one, prose, cell) in [
        (0.0, "0 %", "0"),
        (1e-9, "<0.01 %", "<0.01%"),
        (0.000_1, "0.01 %", "0.01%"),
        (0.001, "0.1 %", "0.1%"),
        (0.001_2, "0.12 %", "0.12%"),
        (0.009_97, "1.0 %", "1.0%"),
        (0.042, "4.2 %", "4.2%"),
        (0.099_7, "10 %", "10%"),
        (0.64, "64 %", "64%"),
        (0.99, "99 %", "99%"),
        (0.996, "99.6 %", "99.6%"),
        (0.999_99, "99.9 %", "99.9%"),
        (1.0, "100 %", "100%"),
    ] {
        assert_eq!(both(|style| share(one, style)), [prose, cell]);
    }
}

#[test]
fn rates_have_the_unit_in_which_they_have_two_digits() {
    for (per_second, prose, cell) in [
        (137.0, "137 /s", "137/s"),
        (8.7, "8.7 /s", "8.7/s"),
        (0.42, "0.42 /s", "0.42/s"),
        (4.0 / 60.0, "4.0 /min", "4.0/min"),
        (2.0 / 3600.0, "2.0 /h", "2.0/h"),
        (9.97, "10 /s", "10/s"),
        (12_345.0, "12,345 /s", "12,345/s"),
        (0.0, "0 /s", "0"),
    ] {
        assert_eq!(both(|style| rate(per_second, style)), [prose, cell]);
    }
}

#[test]
fn counts_bytes_and_ratios_are_as_specified() {
    assert_eq!(count(9_668, Prose), "9,668");
    assert_eq!(count(999_999, Prose), "999,999");
    assert_eq!(both(|style| count(48_200_000, style)), ["48.2 M", "48.2M"]);
    assert_eq!(count(1_200_000_000, Prose), "1.20 G");
    assert_eq!(count(u64::MAX, Prose), "18,400,000,000 G");
    let mebibyte = 1_048_576.0;
    assert_eq!(
        both(|style| bytes(212.0 * mebibyte, style)),
        ["212 MiB", "212MiB"]
    );
    assert_eq!(bytes(3.1 * mebibyte, Prose), "3.10 MiB");
    assert_eq!(bytes(1000.0 * 1024.0, Prose), "0.977 MiB");
    assert_eq!(bytes(999.0, Prose), "999 B");
    assert_eq!(both(|style| ratio(430.0, style)), ["430 x", "430x"]);
    assert_eq!(ratio(1913.0, Prose), "1,900 x");
    assert_eq!(ratio(1.0 / 1913.0, Prose), "/ 1,900");
    assert_eq!(both(|style| ratio(1.0 / 2.4, style)), ["/ 2.4", "/2.4"]);
    assert_eq!(both(|style| ratio(1.14, style)), ["+14 %", "+14%"]);
    assert_eq!(ratio(0.9, Prose), "-10 %");
    assert_eq!(ratio(1.0, Prose), "=");
}

#[test]
fn a_date_stands_where_it_is_not_todays() {
    let night = 1_795_835_262.0;
    assert_eq!(time_of_day(night), "03:07:42");
    assert_eq!(moment(night, night + 3600.0), "03:07:42");
    assert_eq!(moment(night, night + 86_400.0), "28 Nov 03:07:42");
    assert_eq!(date_time(night), "2026-11-28 03:07:42");
    assert_eq!(date_time(f64::MAX), "9999-12-31 23:59:59");
    assert_eq!(date_time(-1.0), "1970-01-01 00:00:00");
    for text in [
        date_time(f64::NAN),
        time_of_day(f64::NAN),
        moment(f64::NAN, night),
    ] {
        assert_eq!(text, "-");
    }
}

#[test]
fn what_is_no_number_is_missing() {
    for number in [f64::NAN, -1.0, f64::INFINITY] {
        for style in [Prose, Cell] {
            assert_eq!(duration(number, style), MISSING);
            assert_eq!(span(number, style), MISSING);
            assert_eq!(share(number, style), MISSING);
            assert_eq!(rate(number, style), MISSING);
            assert_eq!(bytes(number, style), MISSING);
            assert_eq!(ratio(number, style), MISSING);
        }
    }
}

proptest! {
    #[test]
    fn a_cell_is_one_word_of_ascii(bits in any::<u64>()) {
        let number = f64::from_bits(bits);
        for text in [
            duration(number, Cell), call_duration(number, Cell), span(number, Cell), share(number, Cell),
            rate(number, Cell), bytes(number, Cell), ratio(number, Cell), count(bits, Cell), per_second_number(number),
        ] {
            prop_assert!(!text.is_empty() && text.is_ascii() && !text.contains(' '), "{text}");
            prop_assert!(text.len() <= 24, "{text}");
        }
        let _ = (moment(number, 0.0), date_time(number));
    }
}
