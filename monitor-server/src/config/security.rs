//! Settings of who may connect, and with what.

use std::fmt;
use std::path::PathBuf;

use super::MonitorConfig;
use super::section::At;
use super::service;
use super::values::expected;
use super::yaml::{Node, Value};
use crate::access::{Network, Networks};
use crate::auth::{Fingerprint, MIN_TOKEN};
use crate::error::{ConfigError, Origin};

/// Who may connect, and with what. `Debug` shows no secret.
#[derive(Clone, Default)]
pub(crate) struct Security {
    pub(crate) web_config: Option<PathBuf>,
    pub(crate) bearer_token_file: Option<PathBuf>,
    bearer_tokens: Vec<String>,
    allow_from: Vec<String>,
}

impl fmt::Debug for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tokens = format_args!("<{} secrets>", self.bearer_tokens.len());
        f.debug_struct("Security")
            .field("web_config", &self.web_config)
            .field("bearer_tokens", &tokens)
            .field("bearer_token_file", &self.bearer_token_file)
            .field("allow_from", &self.allow_from)
            .finish()
    }
}

impl Security {
    /// The tokens that were given directly.
    pub(crate) fn fingerprints(&self) -> impl Iterator<Item = Fingerprint> {
        let tokens = self.bearer_tokens.iter();
        tokens.map(|token| Fingerprint::of(token.as_bytes()))
    }

    /// Who may connect. What is no network is refused by [`check`](Self::check).
    pub(crate) fn networks(&self) -> Networks {
        let networks = self.allow_from.iter().filter_map(|text| text.parse().ok());
        Networks::new(networks.collect())
    }

    /// Refuses what was given in code and cannot be.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let value = |text: &String| Value::Text(text.clone());
        let at = |key: &str, index| At::named(&Origin::Code, format!("{key}[{index}]"));
        for (index, text) in self.bearer_tokens.iter().enumerate() {
            token(&at("bearer_tokens", index), &value(text))?;
        }
        for (index, text) in self.allow_from.iter().enumerate() {
            network(&at("allow_from", index), &value(text))?;
        }
        Ok(())
    }

    /// The same with paths that do not depend on the current directory; one that cannot be told stays as it is.
    pub(crate) fn made_absolute(mut self) -> Self {
        for path in [&mut self.web_config, &mut self.bearer_token_file]
            .into_iter()
            .flatten()
        {
            if let Ok(absolute) = std::path::absolute(&*path) {
                *path = absolute;
            }
        }
        self
    }

    /// Whether the server is to be protected by something that has to be loaded first.
    pub(crate) fn is_given(&self) -> bool {
        self.web_config.is_some()
            || self.bearer_token_file.is_some()
            || !self.bearer_tokens.is_empty()
    }
}

/// Reads one of the keys of this part.
pub(super) fn apply(
    security: &mut Security,
    key: &str,
    at: &At<'_>,
    node: &Node,
) -> Result<(), ConfigError> {
    match key {
        "web_config" => security.web_config = Some(service::text(at, &node.value)?.into()),
        "bearer_token_file" => {
            security.bearer_token_file = Some(service::text(at, &node.value)?.into());
        }
        "bearer_tokens" => {
            let hidden = |found: &Value| match found {
                Value::Null(_) | Value::List(_) | Value::Map(_) => {
                    at.invalid(expected::TOKENS, found)
                }
                // A token in place of the list is not shown.
                _ => at.hidden(expected::TOKENS),
            };
            security.bearer_tokens = list(at, node, token, hidden)?;
        }
        _ => {
            let shown = |found: &Value| at.invalid(expected::NETWORKS, found);
            security.allow_from = list(at, node, network, shown)?;
        }
    }
    Ok(())
}

/// Returns an error for an empty list, which may be meant as no client or as every client. `refusal` is given what is there
/// instead, which may be a secret.
fn list(
    at: &At<'_>,
    node: &Node,
    read: fn(&At<'_>, &Value) -> Result<String, ConfigError>,
    refusal: impl Fn(&Value) -> ConfigError,
) -> Result<Vec<String>, ConfigError> {
    match &node.value {
        Value::List(items) if !items.is_empty() => {
            let item =
                |(index, item): (usize, &Node)| read(&at.index(index, item.line), &item.value);
            items.iter().enumerate().map(item).collect()
        }
        found => Err(refusal(found)),
    }
}

/// No message shows the token.
fn token(at: &At<'_>, value: &Value) -> Result<String, ConfigError> {
    match value {
        Value::Text(token) if is_token(token) => Ok(token.clone()),
        _ => Err(at.hidden(expected::TOKEN)),
    }
}

/// Whether it can be sent in a header, and is too long to be guessed by asking.
pub(crate) fn is_token(text: &str) -> bool {
    text.len() >= MIN_TOKEN && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn network(at: &At<'_>, value: &Value) -> Result<String, ConfigError> {
    match value {
        Value::Text(text) if text.parse::<Network>().is_ok() => Ok(text.clone()),
        other => Err(at.invalid(expected::NETWORK, other)),
    }
}

/// Who may connect, and with what.
impl MonitorConfig {
    /// A web configuration file, in the format that Prometheus' exporters share: TLS (`tls_server_config`, with the cargo
    /// feature `tls`), users with bcrypt hashes of their passwords (`basic_auth_users`), and headers of answers
    /// (`http_server_config`). Default none. With users, or with tokens, `/metrics` is for them alone; probes stay open. A
    /// relative path starts at the current directory, those in the file where the file is.
    ///
    /// The file, and those it names, are looked at twice a second. A change that cannot be used, or that would take
    /// protection away, is not taken: what was good stays in force, and `monitor_server_web_config_last_reload_successful`
    /// turns 0.
    #[must_use]
    pub fn web_config(mut self, path: impl Into<PathBuf>) -> Self {
        self.security.web_config = Some(path.into());
        self
    }

    /// Adds a token that is as good as a user's password (`Authorization: Bearer ..`). At least 16 visible ASCII characters;
    /// others are refused when the settings are applied. Default none.
    #[must_use]
    pub fn bearer_token(mut self, token: impl Into<String>) -> Self {
        self.security.bearer_tokens.push(token.into());
        self
    }

    /// A file with such tokens, one a line; blank lines and those that begin with `#` do not count. Read again when it
    /// changes, as [`web_config`](Self::web_config) is. Default none.
    #[must_use]
    pub fn bearer_token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.security.bearer_token_file = Some(path.into());
        self
    }

    /// Adds an IP address or a network (`10.0.0.0/8`) that may connect; once there is one, all others are turned away as they
    /// connect, probes included. Default all. Peers of a Unix socket have no address and are let in.
    ///
    /// # Examples
    ///
    /// ```
    /// use monitor_server::MonitorConfig;
    ///
    /// let config = MonitorConfig::default().allow_from("10.0.0.0/8").allow_from("::1");
    /// assert!(config.storage_config().is_ok());
    /// assert!(config.allow_from("10.0.0.1/8").storage_config().is_err());
    /// ```
    #[must_use]
    pub fn allow_from(mut self, network: impl Into<String>) -> Self {
        self.security.allow_from.push(network.into());
        self
    }
}
