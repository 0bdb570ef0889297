//! The status of a call, and the status of a task type.

use std::fmt;
use std::str::FromStr;

use serde_core::de::{Deserialize, Deserializer, Error, Visitor};
use serde_core::ser::{Serialize, Serializer};

/// The task type that entry calls feed, which no monitored call made, or all calls: see
/// [`Totals`](crate::Totals).
pub const DEFAULT_TASK: &str = "default";

/// How a task type is doing. The numbers and names are the original's.
///
/// # Examples
///
/// ```
/// use monitor_core::TaskStatus;
///
/// assert_eq!("CONNECTION_ERROR".parse(), Ok(TaskStatus::ConnectionError));
/// assert_eq!(TaskStatus::OtherException.code(), -1);
/// assert_eq!(TaskStatus::Fatal.to_string(), "FATAL");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TaskStatus {
    /// The last call ended well.
    #[default]
    Ok = 1,
    /// An error the service does not survive.
    Fatal = 2,
    /// Something the service depends on cannot be reached.
    ConnectionError = 3,
    /// An error that no rule lists.
    OtherException = -1,
    /// An error of the service itself; a panic is one.
    Internal = 4,
    /// Not known.
    Unknown = 5,
}

impl TaskStatus {
    /// All statuses, in the order of the original's configuration, [`Ok`](Self::Ok) first.
    pub const ALL: [Self; 6] = [
        Self::Ok,
        Self::ConnectionError,
        Self::Fatal,
        Self::Internal,
        Self::OtherException,
        Self::Unknown,
    ];

    /// The number the original gives this status.
    pub const fn code(self) -> i32 {
        self as i32
    }

    /// The status of this number.
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// The name in configurations, metrics and health answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Fatal => "FATAL",
            Self::ConnectionError => "CONNECTION_ERROR",
            Self::OtherException => "OTHER_EXCEPTION",
            Self::Internal => "INTERNAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl fmt::Display for TaskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no [`TaskStatus`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no task status; known: OK, CONNECTION_ERROR, FATAL, INTERNAL, OTHER_EXCEPTION, UNKNOWN"
)]
pub struct UnknownStatus(pub String);

/// As its name.
impl Serialize for TaskStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// From its name.
impl<'de> Deserialize<'de> for TaskStatus {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = TaskStatus;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a task status")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<TaskStatus, E> {
                name.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Name)
    }
}

impl FromStr for TaskStatus {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|status| status.name() == text)
            .ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

/// Names the two values of the label `status`.
///
/// # Examples
///
/// ```
/// use monitor_core::StatusParser;
///
/// assert_eq!(StatusParser::parse(false), "success");
/// assert_eq!(StatusParser::parse(true), "failure");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct StatusParser;

impl StatusParser {
    /// `failure` if the call failed, else `success`.
    pub const fn parse(failed: bool) -> &'static str {
        if failed { "failure" } else { "success" }
    }
}

#[cfg(test)]
mod tests {
    use crate::TaskStatus;

    #[test]
    fn numbers_and_names_are_the_originals_and_lead_back() {
        let original = [
            ("OK", 1),
            ("FATAL", 2),
            ("CONNECTION_ERROR", 3),
            ("OTHER_EXCEPTION", -1),
            ("INTERNAL", 4),
            ("UNKNOWN", 5),
        ];
        assert_eq!(TaskStatus::ALL.len(), original.len());
        for (name, code) in original {
            let status = TaskStatus::from_code(code);
            assert_eq!(status, name.parse().ok());
            let status = status.map(|status| (status.name(), status.code(), status));
            assert_eq!(
                status.map(|(name, code, _)| (name, code)),
                Some((name, code))
            );
            let json = status.and_then(|(.., status)| serde_json::to_string(&status).ok());
            assert_eq!(json, Some(format!("\"{name}\"")));
            let back = json.and_then(|json| serde_json::from_str(&json).ok());
            assert_eq!(back, status.map(|(.., status)| status));
        }
        assert_eq!(TaskStatus::from_code(0), None);
        assert!("ok".parse::<TaskStatus>().is_err());
    }
}
