//! Outcomes and error types of protocols: HTTP statuses and gRPC codes.
//!
//! These types are a closed set that no program has to list. A storage has one of them from the first failure of that
//! type on ([`is_protocol_type`]): a program that is no server has no series of them.

use super::text::Outcome;

/// The lowest status that is an error.
const LOWEST: u16 = 400;

/// The type of a failure with each of the statuses 400 to 599.
static HTTP_TYPES: [[u8; 8]; 200] = http_types();

/// The type of a status that HTTP does not have.
const HTTP_INVALID: &str = "http_invalid";

/// The type of a response whose body breaks after its head.
const HTTP_BODY: &str = "http_body";

#[expect(
    clippy::cast_possible_truncation,
    reason = "digits, and statuses of three of them"
)]
const fn http_types() -> [[u8; 8]; 200] {
    let mut types = [*b"http_000"; 200];
    let mut at = 0;
    while at < types.len() {
        let status = LOWEST + at as u16;
        types[at][5] = b'0' + (status / 100) as u8;
        types[at][6] = b'0' + (status / 10 % 10) as u8;
        types[at][7] = b'0' + (status % 10) as u8;
        at += 1;
    }
    types
}

/// The type of a failure with this status; `None` for one that is no error.
fn http_type(status: u16) -> Option<&'static str> {
    if let 100..LOWEST = status {
        return None;
    }
    let known = HTTP_TYPES.get(usize::from(status.wrapping_sub(LOWEST)));
    let text = known.and_then(|known| str::from_utf8(known).ok());
    Some(text.unwrap_or(HTTP_INVALID))
}

/// How a call counts that ends with a gRPC code.
#[derive(Clone, Copy)]
enum Meaning {
    Success,
    /// The service did not do its part.
    Failure,
    /// The caller asked for something it cannot have; the service is well.
    Expected,
    Cancelled,
}

/// The gRPC codes by number, as `statuscodes.md` of the gRPC specification lists them.
const GRPC_CODES: [(&str, Meaning); 17] = [
    ("grpc_ok", Meaning::Success),
    ("grpc_cancelled", Meaning::Cancelled),
    ("grpc_unknown", Meaning::Failure),
    ("grpc_invalid_argument", Meaning::Expected),
    ("grpc_deadline_exceeded", Meaning::Failure),
    ("grpc_not_found", Meaning::Expected),
    ("grpc_already_exists", Meaning::Expected),
    ("grpc_permission_denied", Meaning::Expected),
    ("grpc_resource_exhausted", Meaning::Failure),
    ("grpc_failed_precondition", Meaning::Expected),
    ("grpc_aborted", Meaning::Expected),
    ("grpc_out_of_range", Meaning::Expected),
    ("grpc_unimplemented", Meaning::Failure),
    ("grpc_internal", Meaning::Failure),
    ("grpc_unavailable", Meaning::Failure),
    ("grpc_data_loss", Meaning::Failure),
    ("grpc_unauthenticated", Meaning::Expected),
];

/// The place of `UNKNOWN`, which stands for a code that gRPC does not have.
const GRPC_UNKNOWN: usize = 2;

/// How calls end by the answers of a protocol.
impl Outcome<'static> {
    /// The outcome of an HTTP status, as seen by the service that answers with it.
    ///
    /// # Definition
    ///
    /// | status | outcome | type |
    /// |---|---|---|
    /// | 100 to 399 | success | |
    /// | 408 | failure | `http_408` |
    /// | other 400 to 499 | expected failure: the client's fault | `http_404` and so on |
    /// | 500 to 599 | failure | `http_503` and so on |
    /// | any other | failure | `http_invalid` |
    ///
    /// 408 is a failure because it is the answer of time limits too. The types need no entry in the configuration; one
    /// that lists them sets their status. They are on the page from the first such failure on.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::Outcome;
    ///
    /// assert!(matches!(Outcome::of_http_status(204), Outcome::Success));
    /// assert!(matches!(Outcome::of_http_status(404), Outcome::Expected("http_404")));
    /// assert!(matches!(Outcome::of_http_status(503), Outcome::ErrorType("http_503")));
    /// ```
    #[inline]
    #[must_use]
    pub fn of_http_status(status: u16) -> Self {
        // For a caller that knows the status this is all there is.
        if let 100..LOWEST = status {
            return Self::Success;
        }
        failed_http(status)
    }

    /// The outcome of a gRPC code, as seen by the service that answers with it.
    ///
    /// # Definition
    ///
    /// | code | outcome |
    /// |---|---|
    /// | `OK` | success |
    /// | `CANCELLED` | cancelled |
    /// | `INVALID_ARGUMENT`, `NOT_FOUND`, `ALREADY_EXISTS`, `PERMISSION_DENIED`, `UNAUTHENTICATED`, `FAILED_PRECONDITION`, `ABORTED`, `OUT_OF_RANGE` | expected failure: the caller's fault |
    /// | `UNKNOWN`, `DEADLINE_EXCEEDED`, `RESOURCE_EXHAUSTED`, `UNIMPLEMENTED`, `INTERNAL`, `UNAVAILABLE`, `DATA_LOSS` | failure |
    ///
    /// The type is the code's name in lower case behind `grpc_`: `grpc_not_found`. A number that is no code counts as
    /// `UNKNOWN`. The types need no entry in the configuration, as those of
    /// [`of_http_status`](Self::of_http_status) do not.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_core::Outcome;
    ///
    /// assert!(matches!(Outcome::of_grpc_code(0), Outcome::Success));
    /// assert!(matches!(Outcome::of_grpc_code(5), Outcome::Expected("grpc_not_found")));
    /// assert!(matches!(Outcome::of_grpc_code(14), Outcome::ErrorType("grpc_unavailable")));
    /// ```
    #[must_use]
    pub fn of_grpc_code(code: i32) -> Self {
        let known = usize::try_from(code).ok().and_then(|at| GRPC_CODES.get(at));
        let (name, meaning) = *known.unwrap_or(&GRPC_CODES[GRPC_UNKNOWN]);
        match meaning {
            Meaning::Success => Self::Success,
            Meaning::Failure => Self::ErrorType(name),
            Meaning::Expected => Self::Expected(name),
            Meaning::Cancelled => Self::Cancelled,
        }
    }
}

#[cold]
#[inline(never)]
fn failed_http(status: u16) -> Outcome<'static> {
    let error_type = http_type(status).unwrap_or(HTTP_INVALID);
    match status {
        408 => Outcome::ErrorType(error_type),
        400..500 => Outcome::Expected(error_type),
        _ => Outcome::ErrorType(error_type),
    }
}

/// True for a type that the answers of a protocol have.
pub(crate) fn is_protocol_type(name: &str) -> bool {
    let of_status = || {
        let status = name.strip_prefix("http_")?.parse().ok()?;
        http_type(status)
    };
    let of_code = || GRPC_CODES[1..].iter().any(|(code, _)| *code == name);
    matches!(name, HTTP_BODY | HTTP_INVALID) || of_status() == Some(name) || of_code()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_from_100_to_399_are_successes_and_all_others_have_a_type_that_is_known() {
        for status in 0..=u16::MAX {
            let is_success = (100..400).contains(&status);
            match Outcome::of_http_status(status) {
                Outcome::Success => assert!(is_success, "{status}"),
                Outcome::Expected(name) => {
                    assert!((400..500).contains(&status) && status != 408, "{status}");
                    assert_eq!(name, format!("http_{status}"));
                    assert!(is_protocol_type(name), "{name}");
                }
                Outcome::ErrorType(name) => {
                    let is_error = status == 408 || (500..600).contains(&status);
                    let expected = if is_error {
                        format!("http_{status}")
                    } else {
                        "http_invalid".to_owned()
                    };
                    assert!(!is_success && name == expected, "{status} {name}");
                    assert!(is_protocol_type(name), "{name}");
                }
                other => panic!("{status} {other:?}"),
            }
        }
    }

    #[test]
    fn each_code_has_the_outcome_of_its_meaning() {
        let outcomes = (-1..=17).map(|code| match Outcome::of_grpc_code(code) {
            Outcome::Success => "ok".to_owned(),
            Outcome::Cancelled => "cancelled".to_owned(),
            Outcome::Expected(name) => format!("- {name}"),
            Outcome::ErrorType(name) => format!("! {name}"),
            other => format!("{other:?}"),
        });
        assert_eq!(
            outcomes.collect::<Vec<_>>(),
            [
                "! grpc_unknown",
                "ok",
                "cancelled",
                "! grpc_unknown",
                "- grpc_invalid_argument",
                "! grpc_deadline_exceeded",
                "- grpc_not_found",
                "- grpc_already_exists",
                "- grpc_permission_denied",
                "! grpc_resource_exhausted",
                "- grpc_failed_precondition",
                "- grpc_aborted",
                "- grpc_out_of_range",
                "! grpc_unimplemented",
                "! grpc_internal",
                "! grpc_unavailable",
                "! grpc_data_loss",
                "- grpc_unauthenticated",
                "! grpc_unknown",
            ]
        );
    }

    #[test]
    fn names_that_only_look_like_those_of_a_protocol_are_none() {
        for name in [
            "http_",
            "http_200",
            "http_0404",
            "http_+404",
            "http_999",
            "http",
            "grpc_ok",
            "grpc_",
            "GRPC_UNKNOWN",
        ] {
            assert!(!is_protocol_type(name), "{name}");
        }
    }
}
