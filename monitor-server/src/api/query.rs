//! The parameters of a request, and the answers to those that cannot be used.
//!
//! Each endpoint lists the parameters that it knows. An unknown one, one that is given twice, and a value outside its
//! range are refused with 400 and a text that names parameter, value and range: a script that misspells `range` is not
//! to read the last 15 minutes as the last day.

use monitor_core::history::Range;
use serde_json::{Value, json};

use super::json;

/// Most ids that `curves` may have: a screen has room for fewer rows.
const MOST_CURVES: usize = 60;

/// Most ids that `rows` may have.
const MOST_ROWS: usize = 1000;

/// A request that is answered with an error.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Refusal {
    /// 400: a parameter cannot be used.
    Parameter(String),
    /// 404: there is no such thing; its names that are near.
    Missing(String, Vec<String>),
    /// 404: without a history there is no answer.
    NoHistory,
}

impl Refusal {
    /// The body.
    pub(super) fn body(&self) -> Value {
        match self {
            Self::Parameter(error) => json!({ "error": json::text(error) }),
            Self::Missing(error, near) => {
                let near: Vec<_> = near.iter().map(|name| json::text(name)).collect();
                json!({ "error": json::text(error), "near": near })
            }
            Self::NoHistory => json!({ "error": "the history is off" }),
        }
    }
}

/// The `since` of a request: the last answer that its client has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Since {
    pub(super) boot: String,
    pub(super) tick: u64,
}

/// The parameters of one request.
#[derive(Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the query of a request whose endpoint knows these parameters.
    pub(super) fn parse(query: &str, known: &[&str]) -> Result<Self, Refusal> {
        let mut read: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !known.contains(&&*name) {
                return Err(unknown(&name, known));
            }
            if read.iter().any(|(other, _)| *other == name) {
                let error = format!("the parameter `{name}` is given twice");
                return Err(Refusal::Parameter(error));
            }
            read.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(read))
    }

    /// The value of a parameter, where it is given.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value)
    }

    /// The part of the history that is asked for; without the parameter the last 15 minutes.
    pub(super) fn range(&self) -> Result<Range, Refusal> {
        match self.get("range") {
            None | Some("15m") => Ok(Range::Minutes15),
            Some("3h") => Ok(Range::Hours3),
            Some("24h") => Ok(Range::Hours24),
            Some(other) => Err(bad("range", other, "`15m`, `3h` or `24h`")),
        }
    }

    /// The answer that this one continues.
    pub(super) fn since(&self) -> Result<Option<Since>, Refusal> {
        let Some(value) = self.get("since") else {
            return Ok(None);
        };
        let read = || {
            let (boot, tick) = value.rsplit_once('.')?;
            let boot = boot.to_owned();
            let is_boot = !boot.is_empty() && boot.bytes().all(|byte| byte.is_ascii_alphanumeric());
            let tick = tick.parse().ok().filter(|_| is_boot)?;
            Some(Since { boot, tick })
        };
        read()
            .map(Some)
            .ok_or_else(|| bad("since", value, "`<boot>.<tick>` of an earlier answer"))
    }

    /// Ids of rows whose curves are asked for.
    pub(super) fn curves(&self) -> Result<Vec<u32>, Refusal> {
        self.ids("curves", MOST_CURVES)
            .map(Option::unwrap_or_default)
    }

    /// Ids of rows that are in view; `None` is all.
    pub(super) fn rows(&self) -> Result<Option<Vec<u32>>, Refusal> {
        self.ids("rows", MOST_ROWS)
    }

    /// Ids of rows that are to be sent whole.
    pub(super) fn whole(&self) -> Result<Vec<u32>, Refusal> {
        self.ids("whole", MOST_ROWS).map(Option::unwrap_or_default)
    }

    /// Whether cells are to be sent in place of rows.
    pub(super) fn cells(&self) -> Result<bool, Refusal> {
        match self.get("cells") {
            None | Some("0") => Ok(false),
            Some("1") => Ok(true),
            Some(other) => Err(bad("cells", other, "`0` or `1`")),
        }
    }

    fn ids(&self, name: &'static str, most: usize) -> Result<Option<Vec<u32>>, Refusal> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let parts = value.split(',').filter(|part| !part.is_empty());
        let ids: Option<Vec<u32>> = parts.map(|part| part.parse().ok()).collect();
        match ids {
            Some(ids) if ids.len() <= most => Ok(Some(ids)),
            _ => Err(bad(
                name,
                value,
                &format!("at most {most} ids, divided by commas"),
            )),
        }
    }

    /// A time, seconds since 1970.
    pub(super) fn time(&self, name: &'static str) -> Result<Option<f64>, Refusal> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let time = value.parse().ok().filter(|time: &f64| time.is_finite());
        let range = "seconds since 1970, as `1795835640`";
        time.map(Some).ok_or_else(|| bad(name, value, range))
    }
}

/// The refusal of a value.
pub(super) fn bad(name: &str, value: &str, range: &str) -> Refusal {
    let value = json::shown(value);
    Refusal::Parameter(format!(
        "`{name}={value}` cannot be used: `{name}` is {range}"
    ))
}

fn unknown(name: &str, known: &[&str]) -> Refusal {
    let name = json::shown(name);
    let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    let known = match known.as_slice() {
        [] => "there are none here".to_owned(),
        known => format!("there are {}", known.join(", ")),
    };
    Refusal::Parameter(format!("unknown parameter `{name}`: {known}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(query: &str, read: impl Fn(&Query) -> Option<Refusal>) -> String {
        let known = ["range", "since", "curves", "rows", "from"];
        let refusal = match Query::parse(query, &known) {
            Ok(query) => read(&query),
            Err(refusal) => Some(refusal),
        };
        match refusal {
            Some(Refusal::Parameter(error)) => error,
            other => panic!("{query}: {other:?}"),
        }
    }

    #[test]
    fn each_refusal_names_parameter_value_and_range() {
        let of = |query: &str| {
            error(query, |query| {
                let range = query.range().err();
                let range = range.or_else(|| query.since().err());
                let range = range.or_else(|| query.curves().err());
                let range = range.or_else(|| query.rows().err());
                range.or_else(|| query.time("from").err())
            })
        };
        assert_eq!(
            of("range=1h"),
            "`range=1h` cannot be used: `range` is `15m`, `3h` or `24h`"
        );
        for since in ["", "5", ".5", "a.", "a.-1", "a b.5", "%22.5"] {
            let error = of(&format!("since={since}"));
            assert!(
                error.ends_with("`since` is `<boot>.<tick>` of an earlier answer"),
                "{error}"
            );
        }
        let many = vec!["1"; MOST_CURVES + 1].join(",");
        for curves in ["a", "-1", "4294967296", "1;2", &many] {
            let error = of(&format!("curves={curves}"));
            assert!(error.contains("`curves` is at most 60 ids"), "{error}");
        }
        assert!(of("rows=x").contains("`rows` is at most 1000 ids"));
        assert!(of("from=NaN").contains("`from` is seconds since 1970"));
        let known = "there are `range`, `since`, `curves`, `rows`, `from`";
        assert_eq!(
            of("rnage=3h"),
            format!("unknown parameter `rnage`: {known}")
        );
        assert_eq!(
            of("range=3h&range=3h"),
            "the parameter `range` is given twice"
        );
        let nothing = Query::parse("x", &[]).expect_err("none is known");
        let error = "unknown parameter `x`: there are none here".to_owned();
        assert_eq!(nothing, Refusal::Parameter(error));
    }

    #[test]
    fn values_are_decoded() {
        let query = "range=3h&since=c1d2.94012&curves=3%2C17,&rows=&from=1795835640.5";
        let known = ["range", "since", "curves", "rows", "from"];
        let query = Query::parse(query, &known).expect("all are fine");
        assert_eq!(query.range(), Ok(Range::Hours3));
        let since = Since {
            boot: "c1d2".to_owned(),
            tick: 94012,
        };
        assert_eq!(query.since(), Ok(Some(since)));
        assert_eq!(query.curves(), Ok(vec![3, 17]));
        assert_eq!(query.rows(), Ok(Some(Vec::new())));
        assert_eq!(query.time("from"), Ok(Some(1_795_835_640.5)));
        let nothing = Query::default();
        assert_eq!(nothing.range(), Ok(Range::Minutes15));
        assert_eq!((nothing.since(), nothing.rows()), (Ok(None), Ok(None)));
    }
}
