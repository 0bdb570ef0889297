//! Texts and numbers that break encoders, for properties of any page.

use proptest::prelude::*;

/// Any text a user can pass: what parsers trip over, what Unicode has, and very long ones.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        40 => "[a-z]{0,6}",
        20 => "[\\\\\"\n{},= #_]{0,8}",
        20 => any::<String>(),
        10 => "[\u{0}-\u{1f}\u{7f}-\u{9f}]{1,6}",
        10 => "[\u{10000}-\u{10ffff}]{1,4}",
        20 => prop::sample::select(WORDS).prop_map(str::to_owned),
        1 => (any::<char>(), prop::sample::select(['\\', '"', '\n', 'x'].as_slice()))
            .prop_map(|(one, other)| [one, other].iter().cycle().take(10_000).collect()),
    ]
}

/// Texts that mean something in a page, to a parser, or to Unicode.
const WORDS: &[&str] = &[
    "",
    "\\n",
    "\\",
    "\\\\\"",
    "\"",
    "\n",
    "\r\n",
    "\n# EOF\n",
    "# TYPE x counter",
    "x{a=\"b\"} 1",
    "} 1 2",
    "NaN",
    "+Inf",
    " ",
    "\t",
    "\u{0}",
    "\u{85}\u{2028}\u{2029}\u{feff}",
    "e\u{301}\u{200d}\u{202e}",
    "\u{fffd}\u{ffff}",
    "zażółć 漢字 🚀",
];

/// Any number, those at the edges often.
pub(crate) fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => any::<f64>(),
        3 => (-1_000_000_i32..1_000_000).prop_map(f64::from),
        4 => prop::sample::select(EDGES),
    ]
}

const EDGES: &[f64] = &[
    0.0,
    -0.0,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MIN_POSITIVE,
    // The smallest subnormal, and the largest.
    5e-324,
    2.225_073_858_507_201e-308,
    f64::MAX,
    f64::MIN,
    f64::EPSILON,
    9_007_199_254_740_991.0,
    9_007_199_254_740_992.0,
    9_007_199_254_740_994.0,
    18_446_744_073_709_551_615.0,
    1e21,
    0.1,
];

/// Any count, those a float cannot hold often.
pub(crate) fn any_count() -> impl Strategy<Value = u64> {
    prop_oneof![
        2 => any::<u64>(),
        2 => 0_u64..1000,
        1 => prop::sample::select([(1 << 53) - 1, 1 << 53, (1 << 53) + 1, u64::MAX].as_slice()),
    ]
}
