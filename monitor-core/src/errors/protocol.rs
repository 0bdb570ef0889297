//! Outcomes and error types of protocols: HTTP statuses and gRPC codes.
//!
//! The types are late ones ([`LateTypes`]): no program has to list them, and one that is no server has no series of them.

use super::declared::LateTypes;
use super::text::Outcome;

/// The error types of HTTP statuses: a type for each status that has a name, and one for all others of its hundred.
macro_rules! http_types {
    ($($status:literal)* ; $($status_5xx:literal)*) => {
        /// All of them.
        const HTTP_TYPES: &[&str] = &[
            "http_1xx", "http_2xx", "http_3xx",
            $(concat!("http_", $status),)* "http_4xx", $(concat!("http_", $status_5xx),)* "http_5xx",
        ];

        /// The error type of an HTTP status, for code that decides itself which ones are failures: `http_404`. One without a
        /// name has the type of its hundred, such as `http_4xx`; numbers below 100 and above 599 are `http_5xx`.
        ///
        /// ```
        /// assert_eq!(monitor_core::errors::http_type(503), "http_503");
        /// ```
        #[must_use]
        pub fn http_type(status: u16) -> &'static str {
            match status {
                $($status => concat!("http_", $status),)*
                $($status_5xx => concat!("http_", $status_5xx),)*
                100..200 => "http_1xx",
                200..300 => "http_2xx",
                300..400 => "http_3xx",
                400..500 => "http_4xx",
                _ => "http_5xx",
            }
        }
    };
}

http_types! {
    400 401 402 403 404 405 406 407 408 409 410 411 412 413 414 415 416 417 418 421 422 423 424 425 426 428 429 431 451
    499 ;
    500 501 502 503 504 505 506 507 508 510 511
}

/// How a call counts that ends with a gRPC code.
#[derive(Clone, Copy)]
enum Meaning {
    Success,
    /// The service did not do its part.
    Failure,
    /// The caller asked for something it cannot have; the service is well.
    Expected,
}

/// The gRPC codes by number, as `statuscodes.md` of the gRPC specification lists them: error type and meaning.
const GRPC_CODES: [(&str, Meaning); 17] = [
    ("grpc_ok", Meaning::Success),
    ("grpc_cancelled", Meaning::Failure),
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

/// The types of the codes.
const GRPC_TYPES: [&str; GRPC_CODES.len()] = {
    let (mut types, mut code) = ([""; GRPC_CODES.len()], 0);
    while code < types.len() {
        types[code] = GRPC_CODES[code].0;
        code += 1;
    }
    types
};

inventory::submit! { LateTypes(HTTP_TYPES) }
inventory::submit! { LateTypes(&GRPC_TYPES) }

/// The place of `UNKNOWN`, which stands for a code that gRPC does not have.
const GRPC_UNKNOWN: usize = 2;

fn grpc_code(code: i32) -> (&'static str, Meaning) {
    let known = usize::try_from(code).ok().and_then(|at| GRPC_CODES.get(at));
    *known.unwrap_or(&GRPC_CODES[GRPC_UNKNOWN])
}

/// The error type of a gRPC code, for code that decides itself which ones are failures: `grpc_not_found`. A number that is
/// no code is `grpc_unknown`.
///
/// ```
/// assert_eq!(monitor_core::errors::grpc_type(14), "grpc_unavailable");
/// ```
#[must_use]
pub fn grpc_type(code: i32) -> &'static str {
    grpc_code(code).0
}

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
    /// | other 400 to 499 | expected failure: the client's fault | `http_404` and so on, `http_4xx` for one without a name |
    /// | any other | failure | `http_503` and so on, `http_5xx` for one without a name |
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
        if let 100..400 = status {
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
    /// | `INVALID_ARGUMENT`, `NOT_FOUND`, `ALREADY_EXISTS`, `PERMISSION_DENIED`, `UNAUTHENTICATED`, `FAILED_PRECONDITION`, `ABORTED`, `OUT_OF_RANGE` | expected failure: the caller's fault |
    /// | `CANCELLED`, `UNKNOWN`, `DEADLINE_EXCEEDED`, `RESOURCE_EXHAUSTED`, `UNIMPLEMENTED`, `INTERNAL`, `UNAVAILABLE`, `DATA_LOSS` | failure |
    ///
    /// `CANCELLED` as an answer is a failure: a client that cancels a call gets no answer any more, so this one was made by
    /// something inside of the service, such as a time limit of tonic.
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
        let (name, meaning) = grpc_code(code);
        match meaning {
            Meaning::Success => Self::Success,
            Meaning::Failure => Self::ErrorType(name),
            Meaning::Expected => Self::Expected(name),
        }
    }
}

#[cold]
#[inline(never)]
fn failed_http(status: u16) -> Outcome<'static> {
    match status {
        400..500 if status != 408 => Outcome::Expected(http_type(status)),
        _ => Outcome::ErrorType(http_type(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::late_type;

    #[test]
    fn statuses_from_100_to_399_are_successes_and_all_others_have_a_type_that_is_known() {
        for status in 0..=u16::MAX {
            let is_success = (100..400).contains(&status);
            match Outcome::of_http_status(status) {
                Outcome::Success => assert!(is_success, "{status}"),
                Outcome::Expected(name) => {
                    assert!((400..500).contains(&status) && status != 408, "{status}");
                    assert!(
                        name == format!("http_{status}") || name == "http_4xx",
                        "{name}"
                    );
                    assert_eq!(late_type(name), Some(name));
                }
                Outcome::ErrorType(name) => {
                    let expected = format!("http_{status}");
                    assert!(
                        !is_success && (name == expected || name == "http_5xx"),
                        "{name}"
                    );
                    assert_eq!(late_type(name), Some(name));
                }
                other => panic!("{status} {other:?}"),
            }
        }
    }

    #[test]
    fn each_code_has_the_outcome_of_its_meaning() {
        let outcomes = (-1..=17).map(|code| match Outcome::of_grpc_code(code) {
            Outcome::Success => "ok".to_owned(),
            Outcome::Expected(name) => format!("- {name}"),
            Outcome::ErrorType(name) => format!("! {name}"),
            other => format!("{other:?}"),
        });
        assert_eq!(
            outcomes.collect::<Vec<_>>(),
            [
                "! grpc_unknown",
                "ok",
                "! grpc_cancelled",
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
    fn statuses_with_a_name_have_a_type_of_their_own() {
        for (status, name) in [
            (404, "http_404"),
            (477, "http_4xx"),
            (503, "http_503"),
            (599, "http_5xx"),
            (0, "http_5xx"),
            (600, "http_5xx"),
            (302, "http_3xx"),
        ] {
            assert_eq!(http_type(status), name);
        }
    }

    #[test]
    fn the_types_are_late_ones() {
        for (name, _) in GRPC_CODES {
            assert_eq!(late_type(name), Some(name));
        }
        for status in 0..1000 {
            let name = http_type(status);
            assert_eq!(late_type(name), Some(name));
        }
        assert_eq!(["http_200", "http_", "grpc_"].map(late_type), [None; 3]);
    }
}
