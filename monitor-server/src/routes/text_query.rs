//! The parameters of the pages in plain text, `/verdict` and `/top`.
//!
//! Each parameter has one range, and a value outside of it is an error that names parameter, value and range: a typing
//! mistake at 3 a.m. is to be seen at once, and not to show the default. The same holds for a name that is no parameter.
//! The value comes from anywhere, so it is shown without control characters, and cut.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::plain::{cut, plain};

/// Columns that a page may have.
pub(super) const COLS: RangeInclusive<usize> = 60..=240;

/// Seconds between two frames.
const EVERY: RangeInclusive<u64> = 1..=60;

/// Methods on a page, unless it is said.
const METHODS: usize = 20;

/// Most bytes of a query: parts of names are the longest of its values.
const MOST_BYTES: usize = 2048;

/// How much of a wrong value is shown, in characters.
const SHOWN: usize = 60;

/// The order of methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Sort {
    /// The worst change first.
    #[default]
    Change,
    Calls,
    Failed,
    P50,
    P95,
    P99,
    Flight,
    Oldest,
    Name,
}

const SORTS: [(&str, Sort); 9] = [
    ("change", Sort::Change),
    ("calls", Sort::Calls),
    ("failed", Sort::Failed),
    ("p50", Sort::P50),
    ("p95", Sort::P95),
    ("p99", Sort::P99),
    ("flight", Sort::Flight),
    ("oldest", Sort::Oldest),
    ("name", Sort::Name),
];

/// What a page in plain text is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextQuery {
    pub(super) cols: usize,
    /// Whether there are codes for colours.
    pub(super) color: bool,
    /// The time between two frames of an answer that does not end.
    pub(super) every: Option<Duration>,
    /// Most methods.
    pub(super) most: usize,
    pub(super) sort: Sort,
    /// A part of the names of methods, in small letters.
    pub(super) method: Option<String>,
}

impl Default for TextQuery {
    fn default() -> Self {
        Self {
            cols: 80,
            color: false,
            every: None,
            most: METHODS,
            sort: Sort::default(),
            method: None,
        }
    }
}

/// Why a query is refused, as the body of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QueryError(String);

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The parameters of `/verdict`.
pub(super) const OF_VERDICT: &[&str] = &["cols", "color", "every"];

/// The parameters of `/top`.
pub(super) const OF_TOP: &[&str] = &["cols", "color", "every", "n", "sort", "method"];

impl TextQuery {
    /// Reads the parameters of a page that has these. Of one that is given twice the last counts.
    pub(super) fn parse(query: &str, known: &[&str]) -> Result<Self, QueryError> {
        if query.len() > MOST_BYTES {
            return Err(QueryError(format!(
                "the query is longer than {MOST_BYTES} bytes\n"
            )));
        }
        let mut read = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !known.contains(&&*name) {
                let name = shown(&name);
                let known = known.join(", ");
                let text = format!("`{name}` is no parameter: there are {known}\n");
                return Err(QueryError(text));
            }
            read.set(&name, &value)
                .map_err(|range| refused(&name, &value, &range))?;
        }
        Ok(read)
    }

    /// The error is the range of the parameter.
    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "cols" => self.cols = whole(value, &COLS)?,
            "color" => {
                self.color = match value {
                    "0" => false,
                    "1" => true,
                    _ => return Err("0 or 1".to_owned()),
                }
            }
            "every" => self.every = Some(Duration::from_secs(whole(value, &EVERY)?)),
            "n" if value == "all" => self.most = usize::MAX,
            "n" => {
                self.most =
                    whole(value, &(1..=100_000)).map_err(|range| format!("{range}, or all"))?;
            }
            "sort" => {
                let found = SORTS.iter().find(|(name, _)| *name == value);
                let names = || SORTS.map(|(name, _)| name).join(", ");
                self.sort = found.ok_or_else(names)?.1;
            }
            _ => self.method = Some(value.to_lowercase()).filter(|part| !part.is_empty()),
        }
        Ok(())
    }
}

/// A whole number within a range, else the words for that range.
fn whole<T>(text: &str, range: &RangeInclusive<T>) -> Result<T, String>
where
    T: std::str::FromStr + PartialOrd + fmt::Display,
{
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok().filter(|_| is_plain);
    let number = number.filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let (start, end) = (range.start(), range.end());
        format!("a whole number from {start} to {end}")
    })
}

fn refused(name: &str, value: &str, range: &str) -> QueryError {
    let value = shown(value);
    QueryError(format!("`{name}` is {range}, and not `{value}`\n"))
}

fn shown(text: &str) -> String {
    cut(&plain(text), SHOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top(query: &str) -> Result<TextQuery, String> {
        TextQuery::parse(query, OF_TOP).map_err(|error| error.to_string())
    }

    #[test]
    fn each_parameter_is_read() {
        assert_eq!(top(""), Ok(TextQuery::default()));
        let all = top("cols=120&color=1&every=2&n=all&sort=p99&method=Look+Up").expect("valid");
        let expected = TextQuery {
            cols: 120,
            color: true,
            every: Some(Duration::from_secs(2)),
            most: usize::MAX,
            sort: Sort::P99,
            method: Some("look up".to_owned()),
        };
        assert_eq!(all, expected);
        assert_eq!(top("n=3&n=4").map(|query| query.most), Ok(4));
        assert_eq!(top("method=").map(|query| query.method), Ok(None));
        for (name, sort) in SORTS {
            assert_eq!(
                top(&format!("sort={name}")).map(|query| query.sort),
                Ok(sort)
            );
        }
    }

    #[test]
    fn a_wrong_value_is_refused_with_parameter_value_and_range() {
        for (query, expected) in [
            (
                "cols=59",
                "`cols` is a whole number from 60 to 240, and not `59`\n",
            ),
            (
                "cols=241",
                "`cols` is a whole number from 60 to 240, and not `241`\n",
            ),
            (
                "cols=+80",
                "`cols` is a whole number from 60 to 240, and not ` 80`\n",
            ),
            (
                "cols=%2B80",
                "`cols` is a whole number from 60 to 240, and not `+80`\n",
            ),
            ("color=yes", "`color` is 0 or 1, and not `yes`\n"),
            (
                "every=0",
                "`every` is a whole number from 1 to 60, and not `0`\n",
            ),
            (
                "every=0.5",
                "`every` is a whole number from 1 to 60, and not `0.5`\n",
            ),
            (
                "n=0",
                "`n` is a whole number from 1 to 100000, or all, and not `0`\n",
            ),
            (
                "sort=p98",
                "`sort` is change, calls, failed, p50, p95, p99, flight, oldest, name, and not `p98`\n",
            ),
            (
                "colour=1",
                "`colour` is no parameter: there are cols, color, every, n, sort, method\n",
            ),
            (
                "cols=%1b[2J",
                "`cols` is a whole number from 60 to 240, and not `?[2J`\n",
            ),
        ] {
            assert_eq!(top(query), Err(expected.to_owned()), "{query}");
        }
        let long = top(&format!("cols={}", "9".repeat(1000))).expect_err("too large");
        assert!(long.len() < 200 && long.contains('~'), "{long}");
        assert!(top(&"x".repeat(MOST_BYTES + 1)).is_err());
        let error = TextQuery::parse("n=3", OF_VERDICT).expect_err("not of this page");
        assert_eq!(
            error.to_string(),
            "`n` is no parameter: there are cols, color, every\n"
        );
    }
}
