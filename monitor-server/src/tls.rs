//! Serves TLS with rustls: its own provider, so that no other part of the process is bound to it, and HTTP/1.1 alone.
//!
//! Two things that rustls does not give are read here from certificates: when the server's expires, and the names of a
//! client's, of which one has to be among those allowed.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use crate::access::Peer;
use crate::config::{ClientSettings, Pem, Secret, TlsSettings};
use crate::connection::Stream;
use crate::error::ConfigError;
use crate::runtime::log::log_debug;
use crate::web::{Files, TLS};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The protocol that is agreed on, in TLS' words.
const ALPN: &[u8] = b"http/1.1";

/// TLS as it is configured.
#[derive(Debug)]
pub(crate) struct Tls {
    acceptor: Secret<TlsAcceptor>,
    /// Names of which the certificate of a client must have one; `None` is any.
    allowed_sans: Option<Vec<String>>,
    /// By name: TLS itself, and each thing that is asked of clients.
    pub(crate) protections: Vec<&'static str>,
    /// When the server's certificate expires, in seconds since 1970.
    pub(crate) expiry: Option<u64>,
}

impl Tls {
    /// Makes it from its settings.
    pub(crate) fn new(settings: &TlsSettings, files: &mut Files) -> Result<Self, ConfigError> {
        let chain = certificates(&settings.cert, files)?;
        let expiry = chain.first().and_then(expiry);
        let key = PrivateKeyDer::from_pem_slice(&content(&settings.key, files)?)
            .map_err(|error| unusable(&settings.key, wrong(&error)))?;
        let provider = Arc::new(settings.provider.clone());
        let clients = settings.clients.as_ref();
        let verifier = match clients {
            Some(clients) => client_verifier(clients, Arc::clone(&provider), files)?,
            None => WebPkiClientVerifier::no_client_auth(),
        };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&settings.versions)
            .map_err(|error| ConfigError::unusable(&settings.place, None, error))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(|error| unusable(&settings.key, error))?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.ignore_client_order = !settings.leaves_order_to_client;
        if clients.is_some() {
            // A resumed session would not look at the certificate again, which may have expired.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Self {
            acceptor: Secret(TlsAcceptor::from(Arc::new(config))),
            allowed_sans: clients.and_then(|clients| clients.allowed_sans.clone()),
            protections: protections(clients),
            expiry,
        })
    }

    /// Does the handshake, and looks at the names of the client's certificate, where one must have been presented. The
    /// client has a verified certificate if it came with any: others end the handshake.
    pub(crate) async fn accept(
        &self,
        stream: Box<dyn Stream>,
        peer: Peer,
    ) -> Option<(Box<dyn Stream>, bool)> {
        let accepted = self.acceptor.0.accept(stream).await.and_then(|stream| {
            let certificates = stream.get_ref().1.peer_certificates();
            let certificate = certificates.and_then(<[_]>::first);
            let is_certified = certificate.is_some();
            let names = certificate.map(names).unwrap_or_default();
            let has = |allowed: &Vec<String>| names.iter().any(|name| allowed.contains(name));
            if self.allowed_sans.as_ref().is_none_or(has) {
                return Ok((Box::new(stream) as Box<dyn Stream>, is_certified));
            }
            Err(std::io::Error::other("the certificate has no allowed name"))
        });
        match accepted {
            Ok(accepted) => Some(accepted),
            Err(error) => {
                log_debug(move || tracing::debug!(%peer, %error, "TLS handshake failed"));
                None
            }
        }
    }
}

/// The protections that these settings are.
fn protections(clients: Option<&ClientSettings>) -> Vec<&'static str> {
    let is_required = clients.is_some_and(|clients| clients.is_required);
    let has_names = clients.is_some_and(|clients| clients.allowed_sans.is_some());
    let all = [
        (TLS, true),
        ("client certificates", clients.is_some()),
        ("required client certificates", is_required),
        ("names of client certificates", has_names),
    ];
    let given = all.into_iter().filter(|(_, is_given)| *is_given);
    given.map(|(name, _)| name).collect()
}

fn unusable(pem: &Pem, source: impl Into<Cause>) -> ConfigError {
    ConfigError::unusable(&pem.place, pem.path.as_deref(), source)
}

/// The fault in a PEM text. The reader's own errors hold the text, which may be a key.
fn wrong(error: &pem::Error) -> &'static str {
    match error {
        pem::Error::MissingSectionEnd { .. } => "a PEM section in it has no end",
        pem::Error::IllegalSectionStart { .. } => "a PEM section in it begins with no proper line",
        pem::Error::Base64Decode(_) => "a PEM section in it is no base64",
        pem::Error::NoItemsFound => "there is no such PEM section in it",
        _ => "it is no PEM text",
    }
}

/// The text of a certificate or key.
fn content(pem: &Pem, files: &mut Files) -> Result<Vec<u8>, ConfigError> {
    match &pem.path {
        Some(path) => files.read(path, &pem.place),
        None => Ok(pem.text.0.clone().into()),
    }
}

fn certificates(pem: &Pem, files: &mut Files) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let content = content(pem, files)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content).collect();
    match found {
        Ok(found) if found.is_empty() => Err(unusable(pem, "there is no certificate in it")),
        found => found.map_err(|error| unusable(pem, wrong(&error))),
    }
}

/// Verifies the certificates of clients, as far as they are asked for.
fn client_verifier(
    clients: &ClientSettings,
    provider: Arc<CryptoProvider>,
    files: &mut Files,
) -> Result<Arc<dyn ClientCertVerifier>, ConfigError> {
    let fault = |error: Cause| unusable(&clients.authority, error);
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&clients.authority, files)? {
        roots
            .add(certificate)
            .map_err(|error| fault(error.into()))?;
    }
    let mut verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
    if !clients.is_required {
        verifier = verifier.allow_unauthenticated();
    }
    verifier.build().map_err(|error| fault(error.into()))
}

/// When a certificate expires, in seconds since 1970; `None` where it cannot be read, or was before.
fn expiry(certificate: &CertificateDer<'_>) -> Option<u64> {
    let (_, parsed) = parse_x509_certificate(certificate).ok()?;
    u64::try_from(parsed.validity().not_after.timestamp()).ok()
}

/// The alternative names of a certificate's subject: DNS names, mail addresses, URIs and IP addresses, as texts.
fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let parsed = parse_x509_certificate(certificate).ok();
    let extension = parsed
        .as_ref()
        .and_then(|(_, parsed)| parsed.subject_alternative_name().ok()?);
    let names = extension.map(|extension| &extension.value.general_names);
    names.into_iter().flatten().filter_map(name).collect()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
            Some((*name).to_owned())
        }
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(|bytes| Ipv4Addr::from(bytes).to_string());
            let v6 = <[u8; 16]>::try_from(*bytes).map(|bytes| Ipv6Addr::from(bytes).to_string());
            v4.or(v6).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_and_names_are_read() {
        let names_given = ["scraper.example", "10.0.0.7", "::1"].map(str::to_owned);
        let mut params = rcgen::CertificateParams::new(names_given.to_vec()).expect("names");
        params.not_after = rcgen::date_time_ymd(2031, 2, 3);
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        assert_eq!(expiry(certificate.der()), Some(1_927_843_200));
        assert_eq!(names(certificate.der()), names_given);
        assert_eq!(expiry(&CertificateDer::from_slice(b"none")), None);
        assert!(names(&CertificateDer::from_slice(b"none")).is_empty());
    }
}
