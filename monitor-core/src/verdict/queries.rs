//! The queries of a verdict's rows: what a Prometheus that scrapes the service would be asked for the same numbers.
//!
//! They have the forms of `docs/metrics.md`, with the family names of the profile in force, and for one method. They
//! keep `job` and `instance`, as all queries of the documentation do. Rates are over 5 minutes: two scrapes fit into
//! that at any usual interval, so a query shows less of the first minute than the verdict does.

use std::borrow::Cow;

use crate::data::catalog::{Id, Profile, built_in};
use crate::data::labels::push_pair;
use crate::verdict::words::FamilyNames;

impl FamilyNames {
    /// The name of a built-in family.
    fn family(&self, id: Id) -> Cow<'static, str> {
        let spec = built_in(self.profile).iter().find(|spec| spec.id == id);
        // Every identity that is asked for below stands in the tables of its profile; a test asks for all of them.
        spec.map_or(Cow::Borrowed("monitor_series"), |spec| {
            spec.name(&self.namespace)
        })
    }

    /// The histogram of the durations of calls.
    fn durations(&self) -> Cow<'static, str> {
        self.family(match self.profile {
            Profile::Servicekit => Id::TimeFull,
            Profile::Prometheus => Id::Durations,
        })
    }

    /// The rate of calls that ended, by method.
    fn ended(&self, selector: &str) -> String {
        let by_method = |series: &str| {
            format!("sum by (job, instance, method) (rate({series}{{{selector}}}[5m]))")
        };
        match (self.profile, self.is_native) {
            (Profile::Servicekit, _) => by_method(&self.family(Id::Processed)),
            (Profile::Prometheus, false) => by_method(&format!("{}_count", self.durations())),
            (Profile::Prometheus, true) => {
                format!("histogram_count({})", by_method(&self.durations()))
            }
        }
    }

    /// The query of the share of a method's calls that fail; of those with this error type, where one is given.
    ///
    /// # Examples
    ///
    /// ```
    /// let names = monitor_core::verdict::FamilyNames::default();
    /// let query = names.failure_share("LookUpWords", None);
    /// assert!(query.contains(r#"method="LookUpWords""#));
    /// ```
    pub fn failure_share(&self, method: &str, error_type: Option<&str>) -> String {
        let errors = self.family(Id::Errors);
        let selector = label("method", method);
        let failed = match error_type {
            Some(error_type) => format!("{errors}{{{selector},{}}}[5m]", label("type", error_type)),
            None => format!("{errors}{{{selector},type!=\"cancelled\"}}[5m]"),
        };
        // A type that is given is one that counts.
        let unexpected = match error_type {
            Some(_) => String::new(),
            None => format!(
                " unless on (job, instance, method, type) {}",
                self.family(Id::ExpectedError)
            ),
        };
        format!(
            "sum by (job, instance, method) (rate({failed}){unexpected}) / ({} - sum by (job, instance, method) \
             (rate({errors}{{{selector},type=\"cancelled\"}}[5m])))",
            self.ended(&selector)
        )
    }

    /// The query of a quantile, from 0 to 1, of a method's durations in seconds; of those of all methods without one.
    pub fn quantile(&self, quantile: f64, method: Option<&str>) -> String {
        let (family, selector) = (self.durations(), selector(method));
        let by = if method.is_some() {
            "job, instance, method"
        } else {
            "job, instance"
        };
        if self.is_native {
            return format!(
                "histogram_quantile({quantile}, sum by ({by}) (rate({family}{selector}[5m])))"
            );
        }
        format!(
            "histogram_quantile({quantile}, sum by ({by}, le) (rate({family}_bucket{selector}[5m])))"
        )
    }

    /// A method's calls in flight.
    pub(crate) fn in_flight(&self, method: &str) -> String {
        let selector = label("method", method);
        let sum = |id| {
            format!(
                "sum by (job, instance, method) ({}{{{selector}}})",
                self.family(id)
            )
        };
        match self.profile {
            Profile::Servicekit => format!("{} - {}", sum(Id::Request), sum(Id::Processed)),
            Profile::Prometheus => sum(Id::InFlightOf),
        }
    }

    /// A method's calls that wait for a permit.
    pub(crate) fn waiting(&self, method: &str) -> String {
        let family = self.family(Id::Waiting);
        format!(
            "sum by (job, instance, method) ({family}{{{}}})",
            label("method", method)
        )
    }

    /// Calls of a method that begin a second; without one, those of entry calls.
    pub(crate) fn begun(&self, method: Option<&str>) -> String {
        let (id, by) = match method {
            Some(_) => (Id::Request, "job, instance, method"),
            None => (Id::Started, "job, instance"),
        };
        format!(
            "sum by ({by}) (rate({}{}[5m]))",
            self.family(id),
            selector(method)
        )
    }

    /// Whether a check is up.
    #[expect(
        clippy::unused_self,
        reason = "its family has one name in all profiles"
    )]
    pub(crate) fn check(&self, name: &str) -> String {
        if let Some(task) = name.strip_prefix("task type ") {
            return format!("monitor_health{{{}}}", label("task", task));
        }
        format!("monitor_check_up{{{}}}", label("check", name))
    }

    /// Starts of the process in 15 minutes.
    pub(crate) fn restarts(&self) -> String {
        format!("changes({}[15m])", self.family(Id::ProcessStart))
    }

    /// Updates that found no room.
    pub(crate) fn overflow(&self) -> String {
        format!("increase({}[1h])", self.family(Id::Overflowed))
    }
}

/// The braces around the label `method`, or nothing.
fn selector(method: Option<&str>) -> String {
    method.map_or(String::new(), |method| {
        format!("{{{}}}", label("method", method))
    })
}

/// A label with its value, as a selector has it: backslash, quotation mark and newline are escaped as on a page.
fn label(name: &str, value: &str) -> String {
    let mut out = Vec::new();
    push_pair(&mut out, name, value);
    // An escaped text is as valid as the one it is made of.
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests;
