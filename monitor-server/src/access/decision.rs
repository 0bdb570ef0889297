//! The decision: what a request may see, by what its route demands, where it comes from, and what it presents.

use http::StatusCode;

use crate::auth::Credentials;

/// What a route demands of who asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// For everybody: probes, which tell one word.
    Nothing,
    /// For everybody, unless credentials are configured: metrics.
    Metrics,
    /// A word for everybody, and the rest for those who may have it: health.
    Details,
    /// For this machine, or with credentials: the page and its API.
    Protected,
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This machine, and no web page of another site.
    Here,
    /// This machine, under a name that any web page could have given it.
    ForeignHost,
    Elsewhere,
}

/// What a request may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Full,
    /// No details.
    Probe,
    Denied(Denial),
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denial {
    /// There is no such path, for nobody.
    Path,
    /// Another method than GET and HEAD.
    Method,
    /// Credentials are missing or wrong.
    Credentials,
    /// Only for this machine, and there are no credentials to come with.
    Elsewhere,
    /// This machine, under a foreign name.
    Host,
    /// Too many passwords wait to be checked.
    Busy,
}

impl Denial {
    pub(crate) const ALL: [Self; 6] = [
        Self::Path,
        Self::Method,
        Self::Credentials,
        Self::Elsewhere,
        Self::Host,
        Self::Busy,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Method => "method",
            Self::Credentials => "credentials",
            Self::Elsewhere => "elsewhere",
            Self::Host => "host",
            Self::Busy => "busy",
        }
    }

    /// The answer's status and body.
    pub(crate) const fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::Path => (StatusCode::NOT_FOUND, "not found"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method not allowed"),
            Self::Credentials => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::Elsewhere => (StatusCode::FORBIDDEN, "forbidden"),
            Self::Host => (StatusCode::MISDIRECTED_REQUEST, "misdirected request"),
            Self::Busy => (StatusCode::TOO_MANY_REQUESTS, "too many requests"),
        }
    }
}

impl Demand {
    /// Whether the decision depends on credentials; where it does not, none are looked at, and no password costs time.
    pub(crate) fn asks_for_credentials(self, origin: Origin) -> bool {
        match self {
            Self::Nothing => false,
            Self::Metrics => true,
            Self::Details | Self::Protected => origin != Origin::Here,
        }
    }
}

/// Decides. A path that no route has (`None`) is denied to everybody.
///
/// Credentials that are presented have to be right, also where a request without any would get something: a scraper with an
/// old password is to be told. Who presents the right ones has not come through a foreign web page, so its Host does not
/// matter.
pub(crate) fn decide(demand: Option<Demand>, origin: Origin, credentials: Credentials) -> Access {
    use Credentials::{Busy, Missing, NotAsked, Right, Wrong};
    let Some(demand) = demand else {
        return Access::Denied(Denial::Path);
    };
    match (demand, origin, credentials) {
        (Demand::Nothing, _, _)
        | (Demand::Details | Demand::Protected, Origin::Here, _)
        | (Demand::Metrics, _, NotAsked)
        | (_, _, Right) => Access::Full,
        (_, _, Busy) => Access::Denied(Denial::Busy),
        (_, _, Wrong) | (Demand::Metrics, _, Missing) => Access::Denied(Denial::Credentials),
        (Demand::Details, _, Missing | NotAsked) => Access::Probe,
        (Demand::Protected, Origin::ForeignHost, _) => Access::Denied(Denial::Host),
        (Demand::Protected, _, Missing) => Access::Denied(Denial::Credentials),
        (Demand::Protected, _, NotAsked) => Access::Denied(Denial::Elsewhere),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGINS: [Origin; 3] = [Origin::Here, Origin::ForeignHost, Origin::Elsewhere];

    const CREDENTIALS: [Credentials; 5] = [
        Credentials::NotAsked,
        Credentials::Missing,
        Credentials::Wrong,
        Credentials::Busy,
        Credentials::Right,
    ];

    /// A row for each demand and origin: what each of [`CREDENTIALS`] gets.
    const TABLE: &str = "
        Nothing    Here         full full  full  full  full
        Nothing    ForeignHost  full full  full  full  full
        Nothing    Elsewhere    full full  full  full  full
        Metrics    Here         full 401   401   429   full
        Metrics    ForeignHost  full 401   401   429   full
        Metrics    Elsewhere    full 401   401   429   full
        Details    Here         full full  full  full  full
        Details    ForeignHost  word word  401   429   full
        Details    Elsewhere    word word  401   429   full
        Protected  Here         full full  full  full  full
        Protected  ForeignHost  421  421   401   429   full
        Protected  Elsewhere    403  401   401   429   full
    ";

    #[test]
    fn the_table_is_complete_and_kept() {
        let demands = [
            Demand::Nothing,
            Demand::Metrics,
            Demand::Details,
            Demand::Protected,
        ];
        let mut rows = TABLE.lines().map(str::trim).filter(|line| !line.is_empty());
        for demand in demands {
            for origin in ORIGINS {
                let row: Vec<_> = rows.next().expect("a row").split_whitespace().collect();
                assert_eq!(row[..2], [format!("{demand:?}"), format!("{origin:?}")]);
                for (credentials, expected) in CREDENTIALS.into_iter().zip(&row[2..]) {
                    let decided = match decide(Some(demand), origin, credentials) {
                        Access::Full => "full".to_owned(),
                        Access::Probe => "word".to_owned(),
                        Access::Denied(denial) => denial.answer().0.as_str().to_owned(),
                    };
                    assert_eq!(&decided, expected, "{demand:?} {origin:?} {credentials:?}");
                }
            }
        }
        assert_eq!(rows.next(), None);
    }

    #[test]
    fn what_no_route_has_is_denied_to_everybody() {
        for origin in ORIGINS {
            for credentials in CREDENTIALS {
                let decided = decide(None, origin, credentials);
                assert_eq!(decided, Access::Denied(Denial::Path));
            }
        }
    }

    #[test]
    fn credentials_are_looked_at_only_where_they_matter() {
        for demand in [
            Demand::Nothing,
            Demand::Metrics,
            Demand::Details,
            Demand::Protected,
        ] {
            for origin in ORIGINS {
                let decided = CREDENTIALS.map(|given| decide(Some(demand), origin, given));
                let matter = decided.iter().any(|access| *access != decided[0]);
                assert_eq!(demand.asks_for_credentials(origin), matter);
            }
        }
    }

    #[test]
    fn each_denial_has_its_own_counter_and_name() {
        for (index, denial) in Denial::ALL.into_iter().enumerate() {
            assert_eq!(denial as usize, index);
        }
        let names: std::collections::BTreeSet<_> = Denial::ALL.map(Denial::name).into();
        assert_eq!(names.len(), Denial::ALL.len());
    }
}
