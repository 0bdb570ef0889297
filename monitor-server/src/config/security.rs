//! Who may connect, and with what: the settings, and the web configuration file, which is in the format that Prometheus' exporters
//! share (the exporter-toolkit's).
//!
//! What is written in the file in good faith is taken or refused by name; nothing is passed over in silence. No message and no
//! `Debug` shows a token, a hash, a key, or what may be one because a space or a level is missing: the file's positions
//! [hide](At::hiding) keys and what stands in place of a map.

use std::fmt;
use std::path::Path;
use std::path::PathBuf;

use http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS, X_XSS_PROTECTION,
};

use super::MonitorConfig;
use super::setting::{At, Node, Result, Setting, expected};
use crate::access::{Network, Networks};
#[cfg(feature = "auth")]
use crate::auth::{Fingerprint, MIN_TOKEN};
#[cfg(feature = "auth")]
use crate::auth::{HashError, StoredHash};
use crate::error::{Origin, Place};
use crate::tls::{ClientAuth, Pem, TlsSettings, Version};

/// Who may connect, and with what. `Debug` shows no secret.
#[derive(Debug, Clone, Default)]
pub(crate) struct Security {
    pub(crate) web_config: Option<PathBuf>,
    pub(crate) bearer_token_file: Option<PathBuf>,
    pub(super) bearer_tokens: Tokens,
    pub(super) allow_from: Allowed,
}

/// Tokens that were given directly.
#[derive(Clone, Default)]
pub(super) struct Tokens(Vec<String>);

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} secrets>", self.0.len())
    }
}

/// Addresses and networks that may connect, as they were given.
#[derive(Debug, Clone, Default)]
pub(super) struct Allowed(Vec<String>);

impl Security {
    /// The tokens that were given directly.
    #[cfg(feature = "auth")]
    pub(crate) fn fingerprints(&self) -> impl Iterator<Item = Fingerprint> {
        let tokens = self.bearer_tokens.0.iter();
        tokens.map(|token| Fingerprint::of(token.as_bytes()))
    }

    /// The networks that may connect. What is none is refused by [`validate`](Self::validate).
    pub(crate) fn networks(&self) -> Networks {
        let networks = self.allow_from.0.iter();
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
        for (index, network) in self.allow_from.0.iter().enumerate() {
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

impl Setting for PathBuf {
    fn read(&mut self, at: &At<'_>) -> Result {
        *self = at.text(expected::NOT_BLANK)?.into();
        Ok(())
    }
}

/// An empty list is refused, which may be meant as no client or as every client.
impl Setting for Allowed {
    fn read(&mut self, at: &At<'_>) -> Result {
        let expected = "a list of IP addresses and networks";
        let text = |node: &Node| node.text().map(str::to_owned);
        self.0 = at.items(expected, |item| item.value(expected::NETWORK, text))?;
        if self.0.is_empty() {
            return Err(at.refused(expected));
        }
        Ok(())
    }
}

/// No message shows a token, nor one in place of the list.
impl Setting for Tokens {
    fn read(&mut self, at: &At<'_>) -> Result {
        let expected = "a list of tokens";
        if at.is_scalar() {
            return Err(at.hidden(expected));
        }
        self.0 = at.items(expected, |item| {
            let token = item.text(expected::TOKEN);
            token.map_err(|_| item.hidden(expected::TOKEN))
        })?;
        if self.0.is_empty() {
            return Err(at.refused(expected));
        }
        Ok(())
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
        self.security.allow_from.0.push(network.into());
        self
    }
}

const NO_RATE_LIMIT: &str = "no such key: a limit for all clients together keeps the good ones out, and passwords are checked one at a time already";

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
        let mut file = Self::default();
        let at = At::new(&origin, "", Some(&document)).hiding(true);
        if let Some(at) = at.given("rate_limit") {
            return Err(at.refused(NO_RATE_LIMIT));
        }
        let keys = [
            "tls_server_config",
            "http_server_config",
            "basic_auth_users",
        ];
        at.each(&keys, &mut |key, at| {
            match key {
                "tls_server_config" => file.tls = tls(at, folder)?,
                "http_server_config" => file.headers = headers(&at.clone().hiding(false))?,
                #[cfg(feature = "auth")]
                _ => file.users = users(at)?,
                #[cfg(not(feature = "auth"))]
                _ => return Err(at.missing_feature("auth")),
            }
            Ok(())
        })?;
        Ok(file)
    }
}

#[cfg(feature = "auth")]
fn users(at: &At<'_>) -> Result<Vec<(String, StoredHash)>> {
    at.entries(|name, here| {
        let hash = here
            .text(expected::BCRYPT)
            .map_err(|_| here.hidden(expected::BCRYPT))?;
        let stored = StoredHash::new(&hash).map_err(|error| match error {
            HashError::NoBcrypt => here.hidden(expected::BCRYPT),
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
    let mut headers = Vec::new();
    at.each(&["http2", "headers"], &mut |key, at| {
        if key == "http2" {
            // Served or not, HTTP/1.1 is what every client speaks too.
            return bool::default().read(at);
        }
        at.entries(|name, at| {
            let Some((_, header, accepted)) = HEADERS.iter().find(|(known, ..)| *known == name) else {
                let known = "`Content-Security-Policy`, `X-Frame-Options`, `X-Content-Type-Options`, `X-XSS-Protection` or `Strict-Transport-Security`";
                return at.require(false, known, name);
            };
            let mut value = String::new();
            value.read(at)?;
            let is_accepted = accepted.is_empty() || accepted.contains(&&*value.to_lowercase());
            match HeaderValue::from_str(&value) {
                _ if value.is_empty() => {}
                Ok(value) if is_accepted => headers.push((header.clone(), value)),
                _ => return Err(at.refused("a value that this header may have")),
            }
            Ok(())
        })?;
        Ok(())
    })?;
    Ok(headers)
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
    let [mut cert, mut key, mut client_ca] = [const { None::<Pem> }; 3];
    let [mut min, mut max] = [None; 2];
    let (mut auth_type, mut allowed_sans) = (None, None);
    let (mut ciphers, mut curves, mut prefers_server) = (Vec::new(), Vec::new(), true);
    at.each(&TLS_KEYS, &mut |name, at| {
        match name {
            "cert_file" | "cert" => pem(&mut cert, name, at, folder)?,
            "key_file" | "key" => pem(&mut key, name, at, folder)?,
            "client_ca_file" | "client_ca" => pem(&mut client_ca, name, at, folder)?,
            "client_auth_type" => auth_type = Some(client_auth(at)?),
            "client_allowed_sans" => allowed_sans = Some(at.words()?),
            "min_version" => min = Some(version(at)?),
            "max_version" => max = Some(version(at)?),
            "cipher_suites" => ciphers = named(at)?,
            "curve_preferences" => curves = named(at)?,
            _ => prefers_server.read(at)?,
        }
        Ok(())
    })?;
    if at.map()?.is_empty() {
        return Ok(None);
    }
    let client_auth = auth_type.unwrap_or(ClientAuth::None);
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
    let (min, max) = (min.unwrap_or(Version::Tls12), max.unwrap_or(Version::Tls13));
    if min > max {
        let expected = "a version not later than `max_version`";
        return Err(at.key("min_version").invalid(expected, &"a later one"));
    }
    Ok(Some(TlsSettings {
        place: at.place(),
        cert: cert.ok_or_else(|| at.missing("cert_file", FILE))?,
        key: key.ok_or_else(|| at.missing("key_file", FILE))?,
        client_ca,
        client_auth,
        allowed_sans,
        min,
        max,
        ciphers,
        curves,
        leaves_order_to_client: !prefers_server,
    }))
}

const FILE: &str = "the path of a file";

const CLIENT_AUTH: &str = "`NoClientCert`, `VerifyClientCertIfGiven` or `RequireAndVerifyClientCert` (others do not check the certificate)";

/// A certificate or key in the file itself, or the file it is in; relative paths start where the file is. Text and file of the
/// same thing exclude each other.
fn pem(pem: &mut Option<Pem>, key: &str, at: &At<'_>, folder: &Path) -> Result {
    let given = at.value(expected::NOT_BLANK, |node| {
        let text = node.text()?;
        (!text.trim().is_empty()).then(|| text.to_owned())
    });
    let given = match given {
        Err(_) if key == "key" => return Err(at.hidden(expected::NOT_BLANK)),
        given => given?,
    };
    at.require(pem.is_none(), "either the text or the file", "both")?;
    *pem = Some(if key.ends_with("_file") {
        Pem::file(at.place(), folder.join(given))
    } else {
        Pem::inline(at.place(), given)
    });
    Ok(())
}

/// Certificates that are not checked say nothing of the client: one that is only asked for is not asked for here, and one that
/// has to be there is refused, so that it is not taken for protection.
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
