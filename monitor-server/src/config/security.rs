//! Security settings: addresses and credentials, and the web configuration file, which is in the format that
//! Prometheus' exporters share (the exporter-toolkit's).
//!
//! Each key of the file is taken or refused by name; no key is ignored. No message and no `Debug` shows
//! a token, a hash, a key, or a text that may be one because a space or a level is missing: the file's positions
//! [hide](At::hiding) keys and any value in place of a map.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use http::header::{HeaderName, HeaderValue};

use super::MonitorConfig;
use super::setting::{At, Node, Result, expected};
#[cfg(feature = "tls")]
use super::tls::{TlsSettings, tls};
use crate::access::{Network, Networks};
#[cfg(feature = "auth")]
use crate::auth::{HASH, StoredHash, is_token};
use crate::error::Origin;

/// Security settings. `Debug` shows no secret.
#[derive(Debug, Clone, Default)]
pub(crate) struct Security {
    pub(crate) web_config: Option<PathBuf>,
    pub(crate) bearer_token_file: Option<PathBuf>,
    /// Tokens that were given directly.
    pub(crate) bearer_tokens: Secret<Vec<String>>,
    pub(super) allow_from: Vec<String>,
}

/// A value that `Debug` does not show.
#[derive(Clone, Copy, Default)]
pub(crate) struct Secret<T>(pub(crate) T);

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl Security {
    /// The networks that may connect. A text that is none is refused by [`validate`](Self::validate).
    pub(crate) fn networks(&self) -> Networks {
        let networks = self.allow_from.iter();
        Networks(networks.filter_map(|text| Network::parse(text)).collect())
    }

    /// An error for a setting that was made in code and is wrong.
    pub(crate) fn check(&self) -> Result {
        self.validate(&At::code(""))
    }

    pub(super) fn validate(&self, at: &At<'_>) -> Result {
        #[cfg(feature = "auth")]
        for (index, token) in self.bearer_tokens.0.iter().enumerate() {
            if !is_token(token) {
                return Err(at.key("bearer_tokens").index(index).hidden(expected::TOKEN));
            }
        }
        for (index, network) in self.allow_from.iter().enumerate() {
            let is_good = Network::parse(network).is_some();
            let at = at.key("allow_from").index(index);
            at.require(is_good, expected::NETWORK, network)?;
        }
        for (key, path) in [
            ("web_config", &self.web_config),
            ("bearer_token_file", &self.bearer_token_file),
        ] {
            let text = path.as_ref().map(|path| path.to_string_lossy());
            let text = text.as_deref().unwrap_or("none");
            at.key(key).require_not_blank(expected::NOT_BLANK, text)?;
        }
        Ok(())
    }

    /// The same with paths that do not depend on the current directory; all stay as they are where that is not known.
    pub(crate) fn made_absolute(mut self) -> Self {
        for path in [&mut self.web_config, &mut self.bearer_token_file] {
            let absolute = path.as_ref().map(std::path::absolute);
            *path = absolute.and_then(Result::ok).or(path.take());
        }
        self
    }

    /// Whether the server is to be protected by something that has to be loaded first.
    pub(crate) fn is_given(&self) -> bool {
        let has_tokens = !self.bearer_tokens.0.is_empty();
        has_tokens || self.web_config.is_some() || self.bearer_token_file.is_some()
    }
}

pub(super) fn path(at: &At<'_>) -> Result<PathBuf> {
    Ok(at.text(expected::NOT_BLANK)?.into())
}

/// An empty list is refused, which may be meant as no client or as every client.
pub(super) fn networks(at: &At<'_>) -> Result<Vec<String>> {
    let text = |node: &Node| node.text().map(str::to_owned);
    at.items("a list of IP addresses and networks", 1, |item| {
        item.value(expected::NETWORK, text)
    })
}

/// No message shows a token, nor one in place of the list.
pub(super) fn tokens(at: &At<'_>) -> Result<Secret<Vec<String>>> {
    let expected = "a list of tokens";
    if at.is_scalar() {
        return Err(at.hidden(expected));
    }
    let tokens = at.items(expected, 1, |item| item.secret(expected::TOKEN))?;
    Ok(Secret(tokens))
}

/// Security in code.
impl MonitorConfig {
    /// A web configuration file, in the format that Prometheus' exporters share: TLS (`tls_server_config`, with the
    /// cargo feature `tls`), users with bcrypt hashes of their passwords (`basic_auth_users`), and headers of answers
    /// (`http_server_config`). Default none. With users, or with tokens, `/metrics` is for them alone; probes stay
    /// open. A relative path starts at the current directory, those in the file where the file is.
    ///
    /// The file, and those it names, are looked at twice a second. A change that cannot be used, or that would take
    /// protection away, is not taken: the last good one stays in force, and
    /// `monitor_server_web_config_last_reload_successful` turns 0.
    #[must_use]
    pub fn web_config(mut self, path: impl Into<PathBuf>) -> Self {
        self.security.web_config = Some(path.into());
        self
    }

    /// Adds a token that is as good as a user's password (`Authorization: Bearer ..`). At least 16 visible ASCII
    /// characters; others are refused when the settings are applied. Default none.
    #[cfg(feature = "auth")]
    #[must_use]
    pub fn bearer_token(mut self, token: impl Into<String>) -> Self {
        self.security.bearer_tokens.0.push(token.into());
        self
    }

    /// A file with such tokens, one a line; blank lines and those that begin with `#` do not count. Read again when it
    /// changes, as [`web_config`](Self::web_config) is. Default none.
    #[cfg(feature = "auth")]
    #[must_use]
    pub fn bearer_token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.security.bearer_token_file = Some(path.into());
        self
    }

    /// Adds an IP address or a network (`10.0.0.0/8`) that may connect; once there is one, all others are turned away
    /// as they connect, probes included. Default all. Peers of a Unix socket have no address and are let in.
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

const WEB_KEYS: [&str; 3] = [
    "tls_server_config",
    "http_server_config",
    "basic_auth_users",
];

const NO_RATE_LIMIT: &str = "no such key: a limit for all clients together keeps the good ones out, and \
    passwords are checked one at a time already";

/// The settings of a web configuration file. `Debug` is that of its parts, which show no secrets.
#[derive(Debug, Default)]
pub(crate) struct WebFile {
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<TlsSettings>,
    /// Headers that all answers have.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    #[cfg(feature = "auth")]
    pub(crate) users: Vec<(String, StoredHash)>,
}

impl WebFile {
    /// Reads the text of the file at this path.
    pub(crate) fn parse(path: &Path, content: &str) -> Result<Self> {
        let origin = Origin::File(path.to_owned());
        let document = super::parse(&origin, content)?;
        #[cfg(feature = "tls")]
        let folder = path.parent().unwrap_or(Path::new(""));
        let at = At::new(&origin, "", Some(&document)).hiding(true);
        at.get::<()>("rate_limit", |at| Err(at.refused(NO_RATE_LIMIT)))?;
        at.known(&WEB_KEYS)?;
        #[cfg(not(feature = "auth"))]
        at.get::<()>("basic_auth_users", |at| Err(at.missing_feature("auth")))?;
        #[cfg(not(feature = "tls"))]
        at.get::<()>("tls_server_config", |at| Err(at.missing_feature("tls")))?;
        let open = at.clone().hiding(false);
        Ok(Self {
            #[cfg(feature = "tls")]
            tls: at.get("tls_server_config", |at| tls(at, folder))?.flatten(),
            headers: open.get("http_server_config", headers)?.unwrap_or_default(),
            #[cfg(feature = "auth")]
            users: at.get("basic_auth_users", users)?.unwrap_or_default(),
        })
    }
}

#[cfg(feature = "auth")]
fn users(at: &At<'_>) -> Result<Vec<(String, StoredHash)>> {
    at.entries(|name, here| {
        let stored = StoredHash::new(&here.secret(HASH)?);
        let stored = stored.map_err(|expected| here.hidden(expected))?;
        let here = at.clone().hiding(false).key(name);
        here.require(!name.contains(':'), "a user name without a colon", name)?;
        Ok((name.to_owned(), stored))
    })
}

/// The headers there may be, each with the values that it may have; none are any.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-XSS-Protection", &[]),
    ("Strict-Transport-Security", &[]),
];

/// A header without a value stays unset.
fn headers(at: &At<'_>) -> Result<Vec<(HeaderName, HeaderValue)>> {
    at.known(&["http2", "headers"])?;
    // HTTP/2 is not served, and not needed: every client has HTTP/1.1 too.
    at.get("http2", At::scalar::<bool>)?;
    let headers = at.get("headers", |at| at.entries(header))?;
    Ok(headers.into_iter().flatten().flatten().collect())
}

fn header(name: &str, at: &At<'_>) -> Result<Option<(HeaderName, HeaderValue)>> {
    let Some((_, accepted)) = HEADERS.iter().find(|(known, _)| *known == name) else {
        let expected = "`Content-Security-Policy`, `X-Frame-Options`, `X-Content-Type-Options`, `X-XSS-Protection` or \
            `Strict-Transport-Security`";
        return at.require(false, expected, name).map(|()| None);
    };
    let value: String = at.scalar()?;
    let is_accepted = accepted.is_empty() || accepted.contains(&&*value.to_lowercase());
    match (HeaderName::from_str(name), HeaderValue::from_str(&value)) {
        _ if value.is_empty() => Ok(None),
        (Ok(name), Ok(value)) if is_accepted => Ok(Some((name, value))),
        _ => Err(at.refused("a value that this header may have")),
    }
}

#[cfg(all(test, feature = "yaml", feature = "auth"))]
mod tests;
