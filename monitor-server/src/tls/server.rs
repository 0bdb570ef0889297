//! Serves TLS with rustls: its own provider, so that no other part of the process is bound to it, and HTTP/1.1 alone.

use std::fmt;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    NamedGroup, RootCertStore, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion,
};

use super::certificate;
use super::clients::named;
use super::{ClientAuth, Pem, TlsSettings, Version};
use crate::access::Peer;
use crate::connection::Stream;
use crate::error::{ConfigError, Place};
use crate::runtime::log::log_debug;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The protocol that is agreed on, in TLS' words.
const ALPN: &[u8] = b"http/1.1";

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

/// TLS as it is configured.
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    client_auth: ClientAuth,
    has_names: bool,
    expiry: Option<u64>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("client_auth", &self.client_auth)
            .field("expiry", &self.expiry)
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// Makes it from what is configured; `read` gives what a file or text holds.
    pub(crate) fn new(
        settings: &TlsSettings,
        read: &mut dyn FnMut(&Pem) -> Result<Vec<u8>, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let provider = Arc::new(provider(settings)?);
        let chain = certificates(&settings.cert, read)?;
        let expiry = chain.first().and_then(certificate::expiry);
        let key = PrivateKeyDer::from_pem_slice(&read(&settings.key)?)
            .map_err(|error| unusable(&settings.key, wrong(&error)))?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions(settings))
            .map_err(|error| at(&settings.place, error))?;
        let builder = match (&settings.client_ca, settings.client_auth) {
            (Some(authorities), ClientAuth::IfGiven | ClientAuth::Required) => {
                let roots = roots(authorities, read)?;
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                let verifier = match settings.client_auth {
                    ClientAuth::Required => verifier,
                    ClientAuth::None | ClientAuth::IfGiven => verifier.allow_unauthenticated(),
                };
                let verifier = verifier
                    .build()
                    .map_err(|error| unusable(authorities, error))?;
                builder.with_client_cert_verifier(named(verifier, settings.allowed_sans.clone()))
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| unusable(&settings.key, error))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.ignore_client_order = !settings.leaves_order_to_client;
        if settings.client_auth != ClientAuth::None {
            // A resumed session would not look at the certificate again, which may have expired.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            client_auth: settings.client_auth,
            has_names: settings.allowed_sans.is_some(),
            expiry,
        })
    }

    /// Whether it asks less of clients.
    pub(crate) fn weakens(&self, before: &Self) -> bool {
        self.client_auth < before.client_auth || (before.has_names && !self.has_names)
    }

    /// When the server's certificate expires, in seconds since 1970.
    pub(crate) fn expiry(&self) -> Option<u64> {
        self.expiry
    }

    /// Does the handshake. The client has a verified certificate if it came with any: others end the handshake.
    pub(crate) async fn accept(
        &self,
        stream: Box<dyn Stream>,
        peer: Peer,
    ) -> Option<(Box<dyn Stream>, bool)> {
        match self.acceptor.accept(stream).await {
            Ok(stream) => {
                let (_, session) = stream.get_ref();
                let is_certified = session.peer_certificates().is_some();
                Some((Box::new(stream), is_certified))
            }
            Err(error) => {
                log_debug(move || tracing::debug!(%peer, %error, "TLS handshake failed"));
                None
            }
        }
    }
}

fn at(place: &Place, source: impl Into<Cause>) -> ConfigError {
    ConfigError::Unusable {
        place: place.clone(),
        file: None,
        source: source.into(),
    }
}

fn unusable(pem: &Pem, source: impl Into<Cause>) -> ConfigError {
    ConfigError::Unusable {
        place: pem.place.clone(),
        file: pem.path().map(ToOwned::to_owned),
        source: source.into(),
    }
}

/// What is wrong with a PEM text. The reader's own errors hold what they read, which may be a key.
fn wrong(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a PEM section in it has no end",
        pem::Error::IllegalSectionStart { .. } => "a PEM section in it begins with no proper line",
        pem::Error::Base64Decode(_) => "a PEM section in it is no base64",
        pem::Error::NoItemsFound => "there is no such PEM section in it",
        _ => "it is no PEM text",
    }
}

fn certificates(
    pem: &Pem,
    read: &mut dyn FnMut(&Pem) -> Result<Vec<u8>, ConfigError>,
) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let content = read(pem)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content).collect();
    let found = found.map_err(|error| unusable(pem, wrong(&error)))?;
    if found.is_empty() {
        return Err(unusable(pem, "there is no certificate in it"));
    }
    Ok(found)
}

fn roots(
    pem: &Pem,
    read: &mut dyn FnMut(&Pem) -> Result<Vec<u8>, ConfigError>,
) -> Result<RootCertStore, ConfigError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, read)? {
        roots
            .add(certificate)
            .map_err(|error| unusable(pem, error))?;
    }
    Ok(roots)
}

fn versions(settings: &TlsSettings) -> Vec<&'static SupportedProtocolVersion> {
    let known = [(Version::Tls13, &TLS13), (Version::Tls12, &TLS12)];
    let range = settings.min..=settings.max;
    let chosen = known
        .into_iter()
        .filter(|(version, _)| range.contains(version));
    chosen.map(|(_, supported)| supported).collect()
}

/// The provider with the cipher suites and curves that are asked for, in that order.
fn provider(settings: &TlsSettings) -> Result<CryptoProvider, ConfigError> {
    let mut provider = ring::default_provider();
    if !settings.ciphers.is_empty() {
        provider.cipher_suites = ciphers(&provider.cipher_suites, &settings.ciphers)?;
    }
    if settings.curves.is_empty() {
        return Ok(provider);
    }
    let mut groups = Vec::new();
    for (name, place) in &settings.curves {
        let known = CURVES.iter().find(|(known, _)| known == name);
        let (_, group) = known.ok_or_else(|| at(place, "no curve has this name"))?;
        let all = provider.kx_groups.iter();
        groups.extend(all.filter(|one| Some(one.name()) == *group).copied());
    }
    if groups.is_empty() {
        return Err(at(
            &settings.place,
            "none of `curve_preferences` can be had here",
        ));
    }
    provider.kx_groups = groups;
    Ok(provider)
}

fn ciphers(
    all: &[SupportedCipherSuite],
    wanted: &[(String, Place)],
) -> Result<Vec<SupportedCipherSuite>, ConfigError> {
    let is_tls12 = |suite: &&SupportedCipherSuite| matches!(suite, SupportedCipherSuite::Tls12(_));
    let mut chosen: Vec<_> = all
        .iter()
        .filter(|suite| !is_tls12(suite))
        .copied()
        .collect();
    for (name, place) in wanted {
        let full = match name.as_str() {
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305" | "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305" => {
                format!("{name}_SHA256")
            }
            _ => name.clone(),
        };
        let named = |suite: &&SupportedCipherSuite| suite.suite().as_str() == Some(&full);
        match all.iter().filter(is_tls12).find(named) {
            Some(suite) => chosen.push(*suite),
            None if OTHER_CIPHERS.contains(&full.as_str()) => {}
            None => return Err(at(place, "no cipher suite has this name")),
        }
    }
    Ok(chosen)
}
