//! Settings of the share of failed calls that is unhealthy: the map `unhealthy` of a file, the same as calls of the
//! builder.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use monitor_core::health::{MAX_WINDOW, SLOT};
use monitor_core::{ShareParts, ShareRule};

use super::MonitorConfig;
use super::setting::{At, MAX_SECONDS, Node, Result, seconds, settings};

/// The rule of all methods, and the parts of it that are different for some.
#[derive(Debug, Clone, Default)]
pub(super) struct ShareSettings {
    pub(super) rule: ShareRule,
    pub(super) methods: BTreeMap<Arc<str>, ShareParts>,
}

const SHARE: &str = "a number from 0 to 1";
const WINDOW: &str = "a number of seconds from 2 to 600";
const AT_LEAST: &str = "a whole number, 1 or more";

settings! {ShareSettings, on MonitorConfig () {
    "share" => rule.share = At::scalar::<f64>;
    "window" => rule.window = window;
    "at_least" => rule.at_least = at_least;
    "cancelled" => rule.cancelled = At::scalar::<bool>;
    "methods" => methods = methods;
}}

/// The share of failed calls from which on a method is unhealthy; each call replaces the parts that it gives.
impl MonitorConfig {
    /// The rule of all methods. Default half of at least 10 calls in 30 s, without cancelled ones: see [`ShareRule`]. A
    /// share of 0 turns it off. It concerns `/health` and `monitor_health`, never `/livez`, and `/readyz` only where the
    /// method's task type [counts for readiness](Self::readiness). In YAML the map `unhealthy`, with `window` in
    /// seconds.
    ///
    /// Refused when the settings are applied: a share that is not from 0 to 1, a window that is not from 2 to 600 s, an
    /// `at_least` of 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use monitor_core::ShareParts;
    /// use monitor_server::MonitorConfig;
    ///
    /// let rule = ShareParts::NONE.share(0.2).window(Duration::from_secs(60));
    /// let config = MonitorConfig::default()
    ///     .unhealthy(rule)
    ///     .unhealthy_method("Upload", ShareParts::NONE.cancelled(true));
    /// assert_eq!(config.storage_config()?.unhealthy.share, 0.2);
    /// # Ok::<(), monitor_server::ConfigError>(())
    /// ```
    #[must_use]
    pub fn unhealthy(mut self, parts: ShareParts) -> Self {
        self.unhealthy.rule = self.unhealthy.rule.with(&parts);
        self
    }

    /// Parts of the rule that are different for one method; replaces those of earlier calls for it. They win over the
    /// argument `unhealthy(..)` of the method's attribute. Default none. In YAML `unhealthy.methods`, name -> map.
    #[must_use]
    pub fn unhealthy_method(mut self, method: impl Into<Arc<str>>, parts: ShareParts) -> Self {
        self.unhealthy.methods.insert(method.into(), parts);
        self
    }
}

/// Seconds, as a number or with the unit (`30s`).
fn window(at: &At<'_>) -> Result<Duration> {
    at.value(WINDOW, |node: &Node| {
        let text = node.text().and_then(|text| text.trim().strip_suffix('s'));
        match text {
            Some(number) => {
                let seconds: f64 = number.trim().parse().ok()?;
                Duration::try_from_secs_f64(seconds).ok()
            }
            None => seconds(node, MAX_SECONDS),
        }
    })
}

fn at_least(at: &At<'_>) -> Result<u64> {
    at.value(AT_LEAST, Node::whole)
}

fn methods(at: &At<'_>) -> Result<BTreeMap<Arc<str>, ShareParts>> {
    let methods = at.entries(|name, at| {
        at.known(&["share", "window", "at_least", "cancelled"])?;
        let mut parts = ShareParts::NONE;
        parts.share = at.get("share", At::scalar)?;
        parts.window = at.get("window", window)?;
        parts.at_least = at.get("at_least", at_least)?;
        parts.cancelled = at.get("cancelled", At::scalar)?;
        Ok((Arc::from(name), parts))
    })?;
    Ok(methods.into_iter().collect())
}

/// An error for the first part that no rule can have.
pub(super) fn validate(settings: &ShareSettings, at: &At<'_>) -> Result {
    validate_rule(&settings.rule, at)?;
    for (name, parts) in &settings.methods {
        // The parts that are not given are good, and those of the rule were checked.
        validate_rule(
            &ShareRule::default().with(parts),
            &at.key("methods").key(name),
        )?;
    }
    Ok(())
}

fn validate_rule(rule: &ShareRule, at: &At<'_>) -> Result {
    let is_share = (0.0..=1.0).contains(&rule.share);
    at.key("share")
        .require_range(is_share, SHARE, &rule.share)?;
    let is_window = (SLOT..=MAX_WINDOW).contains(&rule.window);
    at.key("window")
        .require_range(is_window, WINDOW, &rule.window.as_secs_f64())?;
    at.key("at_least")
        .require_range(rule.at_least > 0, AT_LEAST, &rule.at_least)
}
