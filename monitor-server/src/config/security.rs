//! Who may connect, and with what: the settings, and the web configuration file, which is in the format that
//! Prometheus' exporters share (the exporter-toolkit's).
//!
//! What is written in the file in good faith is taken or refused by name; nothing is passed over in silence. No message
//! and no `Debug` shows a token, a hash, a key, or what may be one because a space or a level is missing: the file's
//! positions [hide](At::hiding) keys and what stands in place of a map.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS, X_XSS_PROTECTION,
};

use super::MonitorConfig;
use super::setting::{At, Node, Result, expected};
use crate::access::{Network, Networks};
#[cfg(feature = "auth")]
use crate::auth::{Fingerprint, HashError, MIN_TOKEN, StoredHash};
use crate::error::{Origin, Place};
use crate::tls::{ClientAuth, Pem, TlsSettings, Version};

/// Who may connect, and with what. `Debug` shows no secret.
#[derive(Debug, Clone, Default)]
pub(crate) struct Security {
    pub(crate) web_config: Option<PathBuf>,
    pub(crate) bearer_token_file: Option<PathBuf>,
    pub(super) bearer_tokens: Tokens,
    pub(super) allow_from: Vec<String>,
}

/// Tokens that were given directly.
#[derive(Clone, Default)]
pub(super) struct Tokens(Vec<String>);

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} secrets>", self.0.len())
    }
}

impl Security {
    /// The tokens that were given directly.
    #[cfg(feature = "auth")]
    pub(crate) fn fingerprints(&self) -> impl Iterator<Item = Fingerprint> {
        let tokens = self.bearer_tokens.0.iter();
        tokens.map(|token| Fingerprint::of(token.as_bytes()))
    }

    /// The networks that may connect. What is none is refused by [`validate`](Self::validate).
    pub(crate) fn networks(&self) -> Networks {
        let networks = self.allow_from.iter();
        Networks::new(networks.filter_map(|text| text.parse().ok()).collect())
    }

    /// An error for what was given in code and cannot be.
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
            at.key("allow_from").index(index).require(
                network.parse::<Network>().is_ok(),
                expected::NETWORK,
                network,
            )?;
        }
        self.paths().try_for_each(|(key, path)| {
            let text = path.to_string_lossy();
            at.key(key).require_not_blank(expected::NOT_BLANK, &text)
        })
    }

    /// The files that are named, by the keys that name them.
    fn paths(&self) -> impl Iterator<Item = (&'static str, &PathBuf)> {
        let web_config = self.web_config.iter().map(|path| ("web_config", path));
        let tokens = self.bearer_token_file.iter();
        web_config.chain(tokens.map(|path| ("bearer_token_file", path)))
    }

    /// The same with paths that do not depend on the current directory; one that cannot be told stays as it is.
    pub(crate) fn made_absolute(mut self) -> Self {
        let paths = [&mut self.web_config, &mut self.bearer_token_file];
        for path in paths.into_iter().flatten() {
            if let Ok(absolute) = std::path::absolute(&*path) {
                *path = absolute;
            }
        }
        self
    }

    /// Whether the server is to be protected by something that has to be loaded first.
    pub(crate) fn is_given(&self) -> bool {
        !self.bearer_tokens.0.is_empty() || self.paths().next().is_some()
    }
}

/// Whether a text can be sent in a header, and is too long to be guessed by asking.
#[cfg(feature = "auth")]
pub(crate) fn is_token(text: &str) -> bool {
    text.len() >= MIN_TOKEN && text.bytes().all(|byte| byte.is_ascii_graphic())
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
pub(super) fn tokens(at: &At<'_>) -> Result<Tokens> {
    let expected = "a list of tokens";
    if at.is_scalar() {
        return Err(at.hidden(expected));
    }
    let tokens = at.items(expected, 1, |item| item.secret(expected::TOKEN))?;
    Ok(Tokens(tokens))
}

/// Who may connect, and with what.
impl MonitorConfig {
    /// A web configuration file, in the format that Prometheus' exporters share: TLS (`tls_server_config`, with the
    /// cargo feature `tls`), users with bcrypt hashes of their passwords (`basic_auth_users`), and headers of answers
    /// (`http_server_config`). Default none. With users, or with tokens, `/metrics` is for them alone; probes stay
    /// open. A relative path starts at the current directory, those in the file where the file is.
    ///
    /// The file, and those it names, are looked at twice a second. A change that cannot be used, or that would take
    /// protection away, is not taken: what was good stays in force, and
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

/// What a web configuration file says. `Debug` is that of its parts, which show no secrets.
#[derive(Debug, Default)]
pub(crate) struct WebFile {
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
        let folder = path.parent().unwrap_or(Path::new(""));
        let at = At::new(&origin, "", Some(&document)).hiding(true);
        at.get::<()>("rate_limit", |at| Err(at.refused(NO_RATE_LIMIT)))?;
        at.known(&WEB_KEYS)?;
        #[cfg(not(feature = "auth"))]
        at.get::<()>("basic_auth_users", |at| Err(at.missing_feature("auth")))?;
        let open = at.clone().hiding(false);
        Ok(Self {
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
        let expected = "a bcrypt hash (`htpasswd -nBC 10 USER` makes one)";
        let stored = StoredHash::new(&here.secret(expected)?).map_err(|error| match error {
            HashError::NoBcrypt => here.hidden(expected),
            HashError::Cost => here.hidden("a bcrypt hash of a cost from 4 to 14"),
        })?;
        let here = at.clone().hiding(false).key(name);
        here.require(!name.contains(':'), "a user name without a colon", name)?;
        Ok((name.to_owned(), stored))
    })
}

/// The headers there may be, each with the values that it may have; none are any.
const HEADERS: [(&str, HeaderName, &[&str]); 5] = [
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY, &[]),
    ("X-Frame-Options", X_FRAME_OPTIONS, &["deny", "sameorigin"]),
    (
        "X-Content-Type-Options",
        X_CONTENT_TYPE_OPTIONS,
        &["nosniff"],
    ),
    ("X-XSS-Protection", X_XSS_PROTECTION, &[]),
    ("Strict-Transport-Security", STRICT_TRANSPORT_SECURITY, &[]),
];

/// A header without a value stays unset.
fn headers(at: &At<'_>) -> Result<Vec<(HeaderName, HeaderValue)>> {
    at.known(&["http2", "headers"])?;
    // Served or not, HTTP/1.1 is what every client speaks too.
    at.get("http2", At::scalar::<bool>)?;
    let headers = at.get("headers", |at| at.entries(header))?;
    Ok(headers.into_iter().flatten().flatten().collect())
}

fn header(name: &str, at: &At<'_>) -> Result<Option<(HeaderName, HeaderValue)>> {
    let Some((_, header, accepted)) = HEADERS.iter().find(|(known, ..)| *known == name) else {
        let expected = "`Content-Security-Policy`, `X-Frame-Options`, `X-Content-Type-Options`, `X-XSS-Protection` or \
            `Strict-Transport-Security`";
        return at.require(false, expected, name).map(|()| None);
    };
    let value: String = at.scalar()?;
    let is_accepted = accepted.is_empty() || accepted.contains(&&*value.to_lowercase());
    match HeaderValue::from_str(&value) {
        _ if value.is_empty() => Ok(None),
        Ok(value) if is_accepted => Ok(Some((header.clone(), value))),
        _ => Err(at.refused("a value that this header may have")),
    }
}

/// The keys of `tls_server_config`.
const TLS_KEYS: [&str; 13] = [
    "cert_file",
    "cert",
    "key_file",
    "key",
    "client_ca_file",
    "client_ca",
    "client_auth_type",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "curve_preferences",
    "prefer_server_cipher_suites",
];

/// An empty map is no TLS, as in the format's own reader.
fn tls(at: &At<'_>, folder: &Path) -> Result<Option<TlsSettings>> {
    at.known(&TLS_KEYS)?;
    if at.map()?.is_empty() {
        return Ok(None);
    }
    let pem = |name: &str| -> Result<Option<Pem>> {
        let inline = at.get(name, |at| pem(at, name == "key", None))?;
        let in_file = at.get(&format!("{name}_file"), |at| pem(at, false, Some(folder)))?;
        let is_one = inline.is_none() || in_file.is_none();
        at.key(name)
            .require(is_one, "either the text or the file", "both")?;
        Ok(inline.or(in_file))
    };
    let (cert, key, client_ca) = (pem("cert")?, pem("key")?, pem("client_ca")?);
    let auth_type = at.get("client_auth_type", client_auth)?;
    let client_auth = auth_type.unwrap_or(ClientAuth::None);
    let allowed_sans = at.get("client_allowed_sans", At::words)?;
    if allowed_sans.is_some() && client_auth != ClientAuth::Required {
        let expected = "`client_auth_type: RequireAndVerifyClientCert` beside it";
        let found = &"another `client_auth_type`";
        return Err(at.key("client_allowed_sans").invalid(expected, found));
    }
    match (&client_ca, client_auth) {
        (Some(_), ClientAuth::None) if auth_type.is_none() => {
            return Err(at.missing("client_auth_type", CLIENT_AUTH));
        }
        (Some(_), ClientAuth::None) => {
            let expected = "a type that checks certificates where there is a `client_ca`";
            let at = at.key("client_auth_type");
            return Err(at.invalid(expected, &"one that checks none"));
        }
        (None, ClientAuth::IfGiven | ClientAuth::Required) => {
            return Err(at.missing("client_ca_file", FILE));
        }
        _ => {}
    }
    let min = at.get("min_version", version)?.unwrap_or(Version::Tls12);
    let max = at.get("max_version", version)?.unwrap_or(Version::Tls13);
    if min > max {
        let expected = "a version not later than `max_version`";
        return Err(at.key("min_version").invalid(expected, &"a later one"));
    }
    let prefers_server = at.get("prefer_server_cipher_suites", At::scalar)?;
    Ok(Some(TlsSettings {
        place: at.place(),
        cert: cert.ok_or_else(|| at.missing("cert_file", FILE))?,
        key: key.ok_or_else(|| at.missing("key_file", FILE))?,
        client_ca,
        client_auth,
        allowed_sans,
        min,
        max,
        ciphers: at.get("cipher_suites", named)?.unwrap_or_default(),
        curves: at.get("curve_preferences", named)?.unwrap_or_default(),
        leaves_order_to_client: prefers_server == Some(false),
    }))
}

const FILE: &str = "the path of a file";

const CLIENT_AUTH: &str = "`NoClientCert`, `VerifyClientCertIfGiven` or `RequireAndVerifyClientCert` (others do not \
    check the certificate)";

/// A certificate or key in the file itself or, where there is a folder, the file it is in: relative paths start there.
fn pem(at: &At<'_>, is_secret: bool, folder: Option<&Path>) -> Result<Pem> {
    let text = at.value(expected::NOT_BLANK, |node| {
        node.text().filter(|text| !text.trim().is_empty())
    });
    let hide = |error| {
        if is_secret {
            at.hidden(expected::NOT_BLANK)
        } else {
            error
        }
    };
    let text = text.map_err(hide)?;
    Ok(match folder {
        Some(folder) => Pem::file(at.place(), folder.join(text)),
        None => Pem::inline(at.place(), text.to_owned()),
    })
}

/// Certificates that are not checked say nothing of the client: one that is only asked for is not asked for here, and
/// one that has to be there is refused, so that it is not taken for protection.
fn client_auth(at: &At<'_>) -> Result<ClientAuth> {
    at.value(CLIENT_AUTH, |node| match node.text()? {
        "" | "NoClientCert" | "RequestClientCert" => Some(ClientAuth::None),
        "VerifyClientCertIfGiven" => Some(ClientAuth::IfGiven),
        "RequireAndVerifyClientCert" => Some(ClientAuth::Required),
        _ => None,
    })
}

fn version(at: &At<'_>) -> Result<Version> {
    at.value("`TLS12` or `TLS13`", |node| match node.text()? {
        "TLS12" => Some(Version::Tls12),
        "TLS13" => Some(Version::Tls13),
        _ => None,
    })
}

/// Names that TLS may know, each with its place.
fn named(at: &At<'_>) -> Result<Vec<(String, Place)>> {
    let words = at.words()?.into_iter().enumerate();
    Ok(words
        .map(|(index, word)| (word, at.index(index).place()))
        .collect())
}

#[cfg(all(test, feature = "yaml", feature = "auth"))]
mod tests;
