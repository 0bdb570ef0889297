//! Certificates, made as they are needed, and clients that have them.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::client::{Answer, over};

/// A folder with an authority and a server's certificate; removed when dropped.
pub(crate) struct Pki {
    pub(crate) folder: PathBuf,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Drop for Pki {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Pki {
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("monitor-soak-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let pki = Self { folder, authority };
        pki.renew();
        pki
    }

    /// A new certificate and key, in one file that is replaced at once.
    pub(crate) fn renew(&self) {
        let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
        let key = KeyPair::generate().expect("a key");
        let certificate = params
            .signed_by(&key, &self.authority)
            .expect("a certificate");
        self.replace(
            "server.pem",
            &format!("{}{}", certificate.pem(), key.serialize_pem()),
        );
    }

    pub(crate) fn replace(&self, name: &str, text: &str) {
        let next = self.folder.join("next");
        fs::write(&next, text).expect("written");
        fs::rename(next, self.folder.join(name)).expect("renamed");
    }

    /// A web configuration file with TLS and these users.
    pub(crate) fn web(&self, users: &str) -> PathBuf {
        let tls = "tls_server_config: {cert_file: server.pem, key_file: server.pem}\n";
        self.replace("web.yml", &format!("{tls}{users}"));
        self.folder.join("web.yml")
    }

    /// A client that trusts the authority.
    pub(crate) fn connector(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).expect("ours");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }
}

/// Sends a request over TLS, with a handshake of its own.
pub(crate) async fn ask(
    connector: &TlsConnector,
    address: std::net::SocketAddr,
    target: &str,
    headers: &str,
) -> Option<Answer> {
    let begin = Instant::now();
    let stream = TcpStream::connect(address).await.ok()?;
    let name = ServerName::try_from("localhost").ok()?;
    let stream = connector.connect(name, stream).await.ok()?;
    over(stream, "GET", target, headers, begin).await
}

/// `basic_auth_users` with a user for each name and password, at this cost.
pub(crate) fn users(of: &[(&str, &str)], cost: u32) -> String {
    let mut text = "basic_auth_users:\n".to_owned();
    for (name, password) in of {
        let hash = bcrypt::hash(password, cost).expect("a hash");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name}: {hash}");
    }
    text
}
