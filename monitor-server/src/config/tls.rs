//! The settings of `tls_server_config`, in the web configuration file.
//!
//! Versions, cipher suites and curves are looked up here, so that an error names the line. Certificates and keys are
//! read later, by [`Tls`](crate::tls::Tls).

use std::path::{Path, PathBuf};

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{NamedGroup, SupportedCipherSuite, SupportedProtocolVersion};

use super::security::Secret;
use super::setting::{At, Result, WORDS, expected};
use crate::error::Place;

/// The settings of `tls_server_config`.
#[derive(Debug)]
pub(crate) struct TlsSettings {
    pub(crate) place: Place,
    pub(crate) cert: Pem,
    pub(crate) key: Pem,
    /// `None` where no certificates are asked of clients.
    pub(crate) clients: Option<ClientSettings>,
    /// The oldest and the newest.
    pub(crate) versions: [&'static SupportedProtocolVersion; 2],
    /// With the cipher suites and curves that are asked for, in that order.
    pub(crate) provider: CryptoProvider,
    pub(crate) leaves_order_to_client: bool,
}

/// The certificates of clients.
#[derive(Debug)]
pub(crate) struct ClientSettings {
    pub(crate) authority: Pem,
    /// Whether each client must have one; else one that is presented has to be right.
    pub(crate) is_required: bool,
    /// Names of which a certificate must have one; `None` is any.
    pub(crate) allowed_sans: Option<Vec<String>>,
}

/// A certificate or a key in PEM: the file it is in, or else its text. With a file the text is that of its path.
#[derive(Debug)]
pub(crate) struct Pem {
    pub(crate) place: Place,
    pub(crate) path: Option<PathBuf>,
    pub(crate) text: Secret<String>,
}

const KEYS: [&str; 13] = [
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

const FILE: &str = "the path of a file";

const CLIENT_AUTH: &str = "`NoClientCert`, `VerifyClientCertIfGiven` or `RequireAndVerifyClientCert` (others do not \
    check the certificate)";

/// Names of the format's cipher suites that are not chosen by: those of TLS 1.3 always are available, and those without
/// authenticated encryption never.
const OTHER_CIPHERS: [&str; 8] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
];

/// The format's names of curves; those without a group are not to be had here.
const CURVES: [(&str, Option<NamedGroup>); 5] = [
    ("X25519", Some(NamedGroup::X25519)),
    ("CurveP256", Some(NamedGroup::secp256r1)),
    ("CurveP384", Some(NamedGroup::secp384r1)),
    ("CurveP521", None),
    ("X25519MLKEM768", None),
];

/// An empty map is no TLS, as in the format's own reader. Relative paths start at the folder.
pub(super) fn tls(at: &At<'_>, folder: &Path) -> Result<Option<TlsSettings>> {
    at.known(&KEYS)?;
    if at.map()?.is_empty() {
        return Ok(None);
    }
    let (cert, key) = (pem(at, "cert", folder)?, pem(at, "key", folder)?);
    Ok(Some(TlsSettings {
        clients: clients(at, folder)?,
        versions: versions(at)?,
        leaves_order_to_client: at.get("prefer_server_cipher_suites", At::scalar)? == Some(false),
        place: at.place(),
        cert: cert.ok_or_else(|| at.missing("cert_file", FILE))?,
        key: key.ok_or_else(|| at.missing("key_file", FILE))?,
        provider: provider(at)?,
    }))
}

/// A certificate or key, under this name or with `_file` behind it. A key's text is not shown.
fn pem(at: &At<'_>, name: &str, folder: &Path) -> Result<Option<Pem>> {
    let pem = |at: &At<'_>, folder: Option<&Path>| {
        let not_blank = |text: &&str| !text.trim().is_empty();
        let text = at.value(expected::NOT_BLANK, |node| node.text().filter(not_blank))?;
        Ok(Pem {
            place: at.place(),
            path: folder.map(|folder| folder.join(text)),
            text: Secret(text.to_owned()),
        })
    };
    let inline = at.get(name, |at| {
        let hidden = at.hidden(expected::NOT_BLANK);
        pem(at, None).map_err(|error| if name == "key" { hidden } else { error })
    })?;
    let in_file = at.get(&format!("{name}_file"), |at| pem(at, Some(folder)))?;
    let is_one = inline.is_none() || in_file.is_none();
    let at = at.key(name);
    at.require(is_one, "either the text or the file", "both")?;
    Ok(inline.or(in_file))
}

/// The certificates that are asked of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClientAuth {
    Unchecked,
    /// A certificate that is presented has to be right.
    IfGiven,
    Required,
}

fn clients(at: &At<'_>, folder: &Path) -> Result<Option<ClientSettings>> {
    let authority = pem(at, "client_ca", folder)?;
    let auth = at.get("client_auth_type", client_auth)?;
    let is_required = auth == Some(ClientAuth::Required);
    let allowed_sans = at.get("client_allowed_sans", At::words)?;
    if allowed_sans.is_some() && !is_required {
        let expected = "`client_auth_type: RequireAndVerifyClientCert` beside it";
        let found = &"another `client_auth_type`";
        return Err(at.key("client_allowed_sans").invalid(expected, found));
    }
    match (authority, auth) {
        (None, None | Some(ClientAuth::Unchecked)) => Ok(None),
        (None, Some(_)) => Err(at.missing("client_ca_file", FILE)),
        (Some(_), None) => Err(at.missing("client_auth_type", CLIENT_AUTH)),
        (Some(_), Some(ClientAuth::Unchecked)) => {
            let expected = "a type that checks certificates where there is a `client_ca`";
            let at = at.key("client_auth_type");
            Err(at.invalid(expected, &"one that checks none"))
        }
        (Some(authority), Some(_)) => Ok(Some(ClientSettings {
            authority,
            is_required,
            allowed_sans,
        })),
    }
}

/// Certificates that are not checked prove nothing: one that is only asked for is not asked for here, and
/// one that has to be there is refused, so that it is not taken for protection.
fn client_auth(at: &At<'_>) -> Result<ClientAuth> {
    at.value(CLIENT_AUTH, |node| match node.text()? {
        "" | "NoClientCert" | "RequestClientCert" => Some(ClientAuth::Unchecked),
        "VerifyClientCertIfGiven" => Some(ClientAuth::IfGiven),
        "RequireAndVerifyClientCert" => Some(ClientAuth::Required),
        _ => None,
    })
}

fn versions(at: &At<'_>) -> Result<[&'static SupportedProtocolVersion; 2]> {
    let version = |at: &At<'_>| {
        at.value("`TLS12` or `TLS13`", |node| match node.text()? {
            "TLS12" => Some(&TLS12),
            "TLS13" => Some(&TLS13),
            _ => None,
        })
    };
    let oldest = at.get("min_version", version)?.unwrap_or(&TLS12);
    let newest = at.get("max_version", version)?.unwrap_or(&TLS13);
    if (oldest, newest) == (&TLS13, &TLS12) {
        let expected = "a version not later than `max_version`";
        return Err(at.key("min_version").invalid(expected, &"a later one"));
    }
    Ok([oldest, newest])
}

fn provider(at: &At<'_>) -> Result<CryptoProvider> {
    let mut provider = ring::default_provider();
    let suites = &mut provider.cipher_suites;
    let ciphers = at.get("cipher_suites", |at| {
        at.items(WORDS, 0, |at| cipher(at, suites))
    })?;
    let curves = at.get("curve_preferences", |at| at.items(WORDS, 0, curve))?;
    if let Some(chosen) = ciphers.filter(|chosen| !chosen.is_empty()) {
        suites.retain(|suite| suite.tls13().is_some());
        suites.extend(chosen.into_iter().flatten());
    }
    if let Some(chosen) = curves.filter(|chosen| !chosen.is_empty()) {
        let known = |name| provider.kx_groups.iter().find(|one| one.name() == name);
        let groups = chosen.into_iter().flatten().filter_map(known);
        provider.kx_groups = groups.copied().collect();
    }
    if provider.kx_groups.is_empty() {
        return Err(at.unusable("none of `curve_preferences` can be had here"));
    }
    Ok(provider)
}

/// The cipher suite of this name; `None` for one of those that are not chosen by.
fn cipher(at: &At<'_>, all: &[SupportedCipherSuite]) -> Result<Option<SupportedCipherSuite>> {
    let name = at.text(expected::WORD)?;
    // Two names of the format lack the end of the registry's.
    let is_short = name.ends_with("_POLY1305");
    let full = name.clone() + if is_short { "_SHA256" } else { "" };
    let mut tls12 = all.iter().filter(|suite| suite.tls13().is_none());
    let found = tls12.find(|suite| suite.suite().as_str() == Some(&full));
    if found.is_none() && !OTHER_CIPHERS.contains(&&*name) {
        return Err(at.unusable("no cipher suite has this name"));
    }
    Ok(found.copied())
}

fn curve(at: &At<'_>) -> Result<Option<NamedGroup>> {
    let name = at.text(expected::WORD)?;
    let known = CURVES.iter().find(|(known, _)| *known == name);
    let (_, group) = known.ok_or_else(|| at.unusable("no curve has this name"))?;
    Ok(*group)
}
