//! The derives.
#![forbid(unsafe_code)]
#![deny(warnings)]
#![no_implicit_prelude]

use ::monitor_core::{MonitorError, MonitorLabel};
use ::std::assert_eq;
use ::std::option::Option::{None, Some};

// Names that a derive must not meet.
#[allow(dead_code)]
struct Option;
#[allow(non_camel_case_types, dead_code)]
struct str;
#[allow(non_camel_case_types, dead_code)]
struct usize;

#[derive(MonitorLabel)]
enum Tier {
    Free,
    PaidMonthly,
    #[monitor(name = "gold")]
    Paid,
    #[deprecated]
    HTTPServer2,
}

#[derive(MonitorError)]
struct Unnamed;

#[derive(MonitorError)]
#[monitor(error_type = "TIMEOUT", crate = ::monitor_core)]
struct Timeout {
    _after: u8,
}

#[derive(MonitorError)]
#[monitor(transparent)]
struct Wrapper<E>(E)
where
    E: MonitorError;

#[derive(MonitorError)]
#[monitor(fallback = "DATABASE")]
enum Database<'a> {
    #[monitor(error_type = "CONNECTION", status = CONNECTION_ERROR)]
    Connection {
        _host: &'a ::std::primitive::str,
    },
    #[monitor(transparent)]
    Inner(Timeout),
    #[monitor(transparent)]
    Named {
        inner: Wrapper<Unnamed>,
    },
    #[monitor(expected)]
    NotFound,
    #[monitor(status = OK, expected, error_type = "r#type")]
    r#Type,
    Rest,
    Other(#[allow(dead_code)] u8),
}

#[derive(MonitorError, MonitorLabel)]
enum Both {
    #[monitor(error_type = "ONE", name = "first")]
    One,
}

#[derive(MonitorError)]
enum Never {}

pub(crate) fn main() {
    assert_eq!(
        Tier::VALUES,
        &["free", "paid_monthly", "gold", "http_server2"]
    );
    assert_eq!(
        Tier::Free.index() + Tier::PaidMonthly.index() + Tier::Paid.index(),
        3
    );
    #[allow(deprecated)]
    let last = Tier::HTTPServer2.index();
    assert_eq!(last, 3);
    assert_eq!(Unnamed.error_type(), None);
    assert_eq!(Timeout { _after: 1 }.error_type(), Some("TIMEOUT"));
    assert_eq!(Wrapper(Timeout { _after: 1 }).error_type(), Some("TIMEOUT"));
    assert_eq!(
        Database::Connection { _host: "a" }.error_type(),
        Some("CONNECTION")
    );
    assert_eq!(
        Database::Inner(Timeout { _after: 1 }).error_type(),
        Some("TIMEOUT")
    );
    assert_eq!(
        Database::Named {
            inner: Wrapper(Unnamed)
        }
        .error_type(),
        None
    );
    assert_eq!(Database::Rest.error_type(), Some("DATABASE"));
    assert_eq!(Database::NotFound.error_type(), Some("not_found"));
    assert_eq!(Database::r#Type.error_type(), Some("r#type"));
    assert_eq!(Database::Other(1).error_type(), Some("DATABASE"));
    assert_eq!(Both::VALUES, &["first"]);
    assert_eq!(
        (Both::One.index(), Both::One.error_type()),
        (0, Some("ONE"))
    );
    let never: ::std::option::Option<Never> = None;
    assert_eq!(never.and_then(|never| never.error_type()), None);
}
