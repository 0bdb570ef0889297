//! Reads a web configuration file, in the format that Prometheus' exporters share (the exporter-toolkit's).
//!
//! What is written there in good faith is taken or refused by name; nothing is passed over in silence.

use std::path::{Path, PathBuf};

use http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS, X_XSS_PROTECTION,
};

use super::section::{self, At};
use super::values;
use super::values::{expected, flag, text};
use super::yaml::{Key, Node, Value};
use crate::auth::{HashError, StoredHash};
use crate::error::{ConfigError, Origin, Place};
use crate::tls::{ClientAuth, Pem, TlsSettings, Version};

const KEYS: &[&str] = &[
    "tls_server_config",
    "http_server_config",
    "basic_auth_users",
];

/// A key of the format that is refused, with why.
const RATE_LIMIT: &str = "rate_limit";

const TLS_KEYS: &[&str] = &[
    "cert",
    "key",
    "client_ca",
    "cert_file",
    "key_file",
    "client_auth_type",
    "client_ca_file",
    "client_allowed_sans",
    "min_version",
    "max_version",
    "cipher_suites",
    "prefer_server_cipher_suites",
    "curve_preferences",
];

const HTTP_KEYS: &[&str] = &["http2", "headers"];

/// What a web configuration file says. `Debug` is that of its parts, which show no secrets.
#[derive(Debug, Default)]
pub(crate) struct WebFile {
    pub(crate) tls: Option<TlsSettings>,
    /// Headers that all answers have.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) users: Vec<(String, StoredHash)>,
}

/// Reads the text of the file at this path.
pub(crate) fn parse(path: &Path, content: &str) -> Result<WebFile, ConfigError> {
    let origin = Origin::File(path.to_owned());
    let document = super::parse(&origin, content)?;
    let at = At::section(&origin, document.line);
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut file = WebFile::default();
    for (key, node) in secret_map(&at, &document)? {
        let here = at.key(&key.name, node.line);
        match key.name.as_str() {
            "tls_server_config" => file.tls = tls(&here, node, folder)?,
            "http_server_config" => file.headers = http(&here, node)?,
            "basic_auth_users" => file.users = users(&here, node)?,
            RATE_LIMIT => return Err(here.invalid(expected::NO_RATE_LIMIT, &node.value)),
            _ => return Err(at.unknown_hidden(key, KEYS)),
        }
    }
    Ok(file)
}

/// A map that holds secrets. What is none is not shown: with a forgotten space, `ann:$2y$..` is a text, and a secret.
fn secret_map<'n>(at: &At<'_>, node: &'n Node) -> Result<&'n [(Key, Node)], ConfigError> {
    match &node.value {
        Value::Map(_) | Value::List(_) | Value::Null(_) => values::map(at, node),
        _ => Err(at.hidden(expected::MAP)),
    }
}

fn users(at: &At<'_>, node: &Node) -> Result<Vec<(String, StoredHash)>, ConfigError> {
    let mut users = Vec::new();
    for (key, node) in secret_map(at, node)? {
        let without_secret = at.key(&section::without_secret(&key.name), node.line);
        let Value::Text(hash) = &node.value else {
            return Err(without_secret.hidden(expected::BCRYPT));
        };
        let stored = StoredHash::new(hash).map_err(|error| match error {
            HashError::NoBcrypt => without_secret.hidden(expected::BCRYPT),
            HashError::Cost => without_secret.hidden(expected::COST),
        })?;
        if key.name.contains(':') {
            let here = at.key(&key.name, node.line);
            return Err(here.invalid(expected::USER, &Value::Text(key.name.clone())));
        }
        users.push((key.name.clone(), stored));
    }
    Ok(users)
}

fn http(at: &At<'_>, node: &Node) -> Result<Vec<(HeaderName, HeaderValue)>, ConfigError> {
    let mut headers = Vec::new();
    for (key, node) in values::map(at, node)? {
        let here = at.key(&key.name, node.line);
        match key.name.as_str() {
            // Served or not, HTTP/1.1 is what every client speaks too.
            "http2" => drop(flag(&here, &node.value)?),
            "headers" => {
                for (key, node) in values::map(&here, node)? {
                    headers.extend(header(&here.key(&key.name, node.line), &key.name, node)?);
                }
            }
            _ => return Err(at.unknown(key, HTTP_KEYS)),
        }
    }
    Ok(headers)
}

/// One header; a blank value leaves it unset.
fn header(
    at: &At<'_>,
    name: &str,
    node: &Node,
) -> Result<Option<(HeaderName, HeaderValue)>, ConfigError> {
    let values: (HeaderName, &[&str]) = match name {
        "Content-Security-Policy" => (CONTENT_SECURITY_POLICY, &[]),
        "X-Frame-Options" => (X_FRAME_OPTIONS, &["deny", "sameorigin"]),
        "X-Content-Type-Options" => (X_CONTENT_TYPE_OPTIONS, &["nosniff"]),
        "X-XSS-Protection" => (X_XSS_PROTECTION, &[]),
        "Strict-Transport-Security" => (STRICT_TRANSPORT_SECURITY, &[]),
        _ => return Err(at.invalid(expected::HEADER_NAME, &Value::Text(name.to_owned()))),
    };
    let (name, accepted) = values;
    let value = text(at, &node.value)?;
    if value.is_empty() {
        return Ok(None);
    }
    let is_accepted = accepted.is_empty() || accepted.contains(&value.to_lowercase().as_str());
    match HeaderValue::from_str(value) {
        Ok(header) if is_accepted => Ok(Some((name, header))),
        _ => Err(at.invalid(expected::HEADER_VALUE, &node.value)),
    }
}

/// What has been read of `tls_server_config` so far.
#[derive(Default)]
struct Reading {
    cert: Option<Pem>,
    key: Option<Pem>,
    client_ca: Option<Pem>,
    client_auth: Option<(ClientAuth, Place)>,
    allowed_sans: Option<(Vec<String>, Place)>,
    min: Option<(Version, Place)>,
    max: Option<Version>,
    ciphers: Vec<(String, Place)>,
    curves: Vec<(String, Place)>,
    leaves_order_to_client: bool,
}

/// An empty map is no TLS, as in the format's own reader.
fn tls(at: &At<'_>, node: &Node, folder: &Path) -> Result<Option<TlsSettings>, ConfigError> {
    let entries = secret_map(at, node)?;
    let mut read = Reading::default();
    for (key, node) in entries {
        if !TLS_KEYS.contains(&key.name.as_str()) {
            return Err(at.unknown_hidden(key, TLS_KEYS));
        }
        if !matches!(node.value, Value::Null(_)) {
            tls_key(
                &mut read,
                &key.name,
                &at.key(&key.name, node.line),
                node,
                folder,
            )?;
        }
    }
    if entries.is_empty() {
        Ok(None)
    } else {
        settings(at, read).map(Some)
    }
}

fn tls_key(
    read: &mut Reading,
    key: &str,
    at: &At<'_>,
    node: &Node,
    folder: &Path,
) -> Result<(), ConfigError> {
    let value = &node.value;
    match key {
        "cert" | "cert_file" => only(at, &mut read.cert, pem(at, key, value, folder)?)?,
        "key" | "key_file" => only(at, &mut read.key, pem(at, key, value, folder)?)?,
        "client_ca" | "client_ca_file" => {
            only(at, &mut read.client_ca, pem(at, key, value, folder)?)?;
        }
        "client_auth_type" => read.client_auth = Some((client_auth(at, value)?, at.place())),
        "client_allowed_sans" => {
            let sans = texts(at, node)?.into_iter().map(|(san, _)| san).collect();
            read.allowed_sans = Some((sans, at.place()));
        }
        "min_version" => read.min = Some((version(at, value)?, at.place())),
        "max_version" => read.max = Some(version(at, value)?),
        "cipher_suites" => read.ciphers = texts(at, node)?,
        "curve_preferences" => read.curves = texts(at, node)?,
        _ => read.leaves_order_to_client = !flag(at, value)?,
    }
    Ok(())
}

/// A certificate or key in the file itself, or the file it is in; relative paths start where the file is.
fn pem(at: &At<'_>, key: &str, value: &Value, folder: &Path) -> Result<Pem, ConfigError> {
    let given = match value {
        Value::Text(given) => given,
        _ if key == "key" => return Err(at.hidden(expected::NOT_BLANK)),
        other => return Err(at.invalid(expected::NOT_BLANK, other)),
    };
    if given.trim().is_empty() {
        return Err(at.invalid(expected::NOT_BLANK, value));
    }
    Ok(if key.ends_with("_file") {
        Pem::file(at.place(), folder.join(PathBuf::from(given)))
    } else {
        Pem::inline(at.place(), given.clone())
    })
}

/// Text and file of the same thing exclude each other.
fn only(at: &At<'_>, place: &mut Option<Pem>, pem: Pem) -> Result<(), ConfigError> {
    match place.replace(pem) {
        None => Ok(()),
        Some(_) => Err(at.invalid(expected::ONE_OF_BOTH, &Value::Text("both".to_owned()))),
    }
}

/// Certificates that nobody checks say nothing of who comes: one that is only asked for is not asked for here, and one that
/// has to be there is refused, lest somebody take it for protection.
fn client_auth(at: &At<'_>, value: &Value) -> Result<ClientAuth, ConfigError> {
    match value {
        Value::Text(name) => match name.as_str() {
            "" | "NoClientCert" | "RequestClientCert" => Ok(ClientAuth::None),
            "VerifyClientCertIfGiven" => Ok(ClientAuth::IfGiven),
            "RequireAndVerifyClientCert" => Ok(ClientAuth::Required),
            _ => Err(at.invalid(expected::CLIENT_AUTH, value)),
        },
        _ => Err(at.invalid(expected::CLIENT_AUTH, value)),
    }
}

fn version(at: &At<'_>, value: &Value) -> Result<Version, ConfigError> {
    match value {
        Value::Text(name) if name == "TLS12" => Ok(Version::Tls12),
        Value::Text(name) if name == "TLS13" => Ok(Version::Tls13),
        _ => Err(at.invalid(expected::TLS_VERSION, value)),
    }
}

fn texts(at: &At<'_>, node: &Node) -> Result<Vec<(String, Place)>, ConfigError> {
    let Value::List(items) = &node.value else {
        return Err(at.invalid(expected::WORDS, &node.value));
    };
    let item = |(index, item): (usize, &Node)| {
        let here = at.index(index, item.line);
        Ok((text(&here, &item.value)?.to_owned(), here.place()))
    };
    items.iter().enumerate().map(item).collect()
}

/// Puts together what was read, where it fits together.
fn settings(at: &At<'_>, read: Reading) -> Result<TlsSettings, ConfigError> {
    let missing = |key: &str, expected| ConfigError::Missing {
        place: Place {
            key: format!("{}.{key}", at.place().key),
            ..at.place()
        },
        expected,
    };
    let invalid = |place: Place, expected, found: &str| ConfigError::Invalid {
        place,
        expected,
        found: found.to_owned(),
    };
    let client_auth = read
        .client_auth
        .as_ref()
        .map_or(ClientAuth::None, |(auth, _)| *auth);
    if let Some((_, place)) = read
        .allowed_sans
        .as_ref()
        .filter(|_| client_auth != ClientAuth::Required)
    {
        return Err(invalid(
            place.clone(),
            expected::SANS,
            "another `client_auth_type`",
        ));
    }
    if read.client_ca.is_some() && client_auth == ClientAuth::None {
        return Err(match read.client_auth {
            Some((_, place)) => invalid(place, expected::CHECKS_CLIENTS, "one that checks none"),
            None => missing("client_auth_type", expected::CLIENT_AUTH),
        });
    }
    if read.client_ca.is_none() && client_auth != ClientAuth::None {
        return Err(missing("client_ca_file", expected::FILE));
    }
    let max = read.max.unwrap_or(Version::Tls13);
    let min = match read.min {
        Some((min, place)) if min > max => {
            return Err(invalid(place, expected::VERSION_ORDER, "a later one"));
        }
        Some((min, _)) => min,
        None => Version::Tls12,
    };
    Ok(TlsSettings {
        place: at.place(),
        cert: read
            .cert
            .ok_or_else(|| missing("cert_file", expected::FILE))?,
        key: read
            .key
            .ok_or_else(|| missing("key_file", expected::FILE))?,
        client_ca: read.client_ca,
        client_auth,
        allowed_sans: read.allowed_sans.map(|(sans, _)| sans),
        min,
        max,
        ciphers: read.ciphers,
        curves: read.curves,
        leaves_order_to_client: read.leaves_order_to_client,
    })
}

#[cfg(test)]
mod tests;
