//! TLS over real sockets: versions, client certificates, stalls, reload, and files that cannot be used.
#![cfg(feature = "tls")]

mod served;

use std::fs;
use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use monitor_server::{Limits, MonitorConfig, RunError, run};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use served::{Slow, connect, eventually, local, read_all, send_get, started, status_of, turn};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};

/// Certificates of one test, in a folder that is removed when it ends.
struct Pki {
    folder: PathBuf,
    authority: CertifiedIssuer<'static, KeyPair>,
    other: CertifiedIssuer<'static, KeyPair>,
}

impl Drop for Pki {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("a certificate")
}

impl Pki {
    fn new(name: &str) -> Self {
        let name = format!("monitor-tls-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        let pki = Self {
            folder,
            authority: authority("ours"),
            other: authority("another's"),
        };
        pki.write("ca.crt", &pki.authority.pem());
        pki.renew("localhost", 2040);
        pki
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).expect("written");
        path
    }

    /// A new certificate for the server, and its key.
    fn renew(&self, name: &str, expires: i32) {
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.not_after = rcgen::date_time_ymd(expires, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params
            .signed_by(&key, &self.authority)
            .expect("a certificate");
        self.write("server.key", &key.serialize_pem());
        self.write("server.crt", &certificate.pem());
    }

    fn config(&self, more: &str) -> MonitorConfig {
        let text =
            format!("tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n{more}");
        local().web_config(self.write("web.yml", &text))
    }

    /// A client with a certificate of this name, or without.
    fn client(&self, name: Option<(&str, bool)>) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).expect("ours");
        let identity = name.map(|(name, is_ours)| {
            let params = CertificateParams::new([name.to_owned()]).expect("a name");
            let key = KeyPair::generate().expect("a key");
            let issuer = if is_ours {
                &self.authority
            } else {
                &self.other
            };
            let certificate = params.signed_by(&key, issuer).expect("a certificate");
            (certificate.pem(), key.serialize_pem())
        });
        Client {
            roots,
            identity,
            versions: vec![&TLS13, &TLS12],
        }
    }
}

struct Client {
    roots: RootCertStore,
    identity: Option<(String, String)>,
    versions: Vec<&'static SupportedProtocolVersion>,
}

impl Client {
    fn stream(&self, address: SocketAddr) -> StreamOwned<ClientConnection, TcpStream> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&self.versions)
            .expect("versions")
            .with_root_certificates(self.roots.clone());
        let mut config = match &self.identity {
            Some((certificate, key)) => {
                let certificate = CertificateDer::from_pem_slice(certificate.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
                builder
                    .with_client_auth_cert(vec![certificate.expect("PEM")], key)
                    .expect("they fit")
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let name = ServerName::try_from("localhost").expect("a name");
        let session = ClientConnection::new(Arc::new(config), name).expect("a session");
        StreamOwned::new(session, connect(address))
    }

    /// The whole answer; empty where there is none.
    fn get(&self, address: SocketAddr, path: &str, headers: &str) -> String {
        let mut stream = self.stream(address);
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
        let _ = stream.write_all(request.as_bytes());
        read_all(&mut stream)
    }

    fn status(&self, address: SocketAddr, path: &str) -> String {
        status_of(&self.get(address, path, "")).to_owned()
    }
}

/// A proxy adds it: its client is not this machine.
const PROXIED: &str = "X-Forwarded-For: 10.0.0.7\r\n";

#[test]
fn it_serves_over_tls_and_nothing_else() {
    let pki = Pki::new("serves");
    let server = started(pki.config(""));
    let address = server.local_addr();
    let client = pki.client(None);
    let page = client.get(address, "/metrics", "");
    assert!(page.starts_with("HTTP/1.1 200 OK"), "{page}");
    let expiry = served::value(&page, "monitor_server_certificate_expiry_timestamp_seconds");
    assert!((expiry - 2_208_988_800.0).abs() < 0.5, "{expiry}");
    assert!(client.get(address, "/health", "").contains("components"));
    let mut stream = client.stream(address);
    send_get(&mut stream, "/livez");
    served::read_answer(&mut stream);
    assert_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(!served::status(address, "/livez").starts_with('2'));
    let ended = "monitor_server_connections_closed_total{reason=\"tls\"}";
    eventually(|| served::value(&client.get(address, "/metrics", ""), ended) >= 1.0);
    assert!(
        CryptoProvider::get_default().is_none(),
        "the process's own is left alone"
    );
}

/// Takes so long that the server sees the end of the stream before it answers.
fn slow() -> Slow {
    Slow::by(Duration::from_millis(200))
}

#[test]
fn a_client_that_half_closes_after_its_request_is_answered() {
    let pki = Pki::new("half-closes");
    let server = started(pki.config("").collector(slow()));
    for version in [&TLS13, &TLS12] {
        for says_so in [true, false] {
            let mut client = pki.client(None);
            client.versions = vec![version];
            let mut stream = client.stream(server.local_addr());
            send_get(&mut stream, "/metrics");
            if says_so {
                stream.conn.send_close_notify();
            }
            stream.flush().expect("sent");
            stream.sock.shutdown(Shutdown::Write).expect("it is open");
            let answer = read_all(&mut stream);
            assert!(answer.contains("# TYPE"), "{version:?} {says_so} {answer}");
        }
    }
}

#[test]
fn a_busy_connection_is_not_cut_off_at_its_deadline() {
    let pki = Pki::new("deadline");
    let limits = Limits::default().connection_timeout(Duration::from_millis(500));
    let server = started(pki.config("").collector(slow()).limits(limits));
    for path in ["/metrics", "/livez"] {
        let mut stream = pki.client(None).stream(server.local_addr());
        served::ask_until_closed(&mut stream, path);
    }
}

const ENDED: &str = "monitor_server_connections_closed_total{reason=\"tls\"}";

#[test]
fn plain_http_is_told_that_this_port_speaks_tls() {
    let pki = Pki::new("plain");
    let server = started(pki.config(""));
    let address = server.local_addr();
    let headers = "Host: localhost\r\n\r\n";
    let long = format!("GET /{} HTTP/1.1\r\n{headers}", "a".repeat(2000));
    let mut ended = 0.0;
    for request in [
        format!("GET /metrics HTTP/1.1\r\n{headers}"),
        format!("get /metrics HTTP/1.0\r\n{headers}"),
        format!("HEAD / HTTP/1.1\r\n{headers}"),
        format!("CONNECT localhost:443 HTTP/1.1\r\n{headers}"),
        "POST /metrics HTTP/1.1\r\nContent-Length: 2\r\n\r\nab".to_owned(),
        "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
        // A server passes over empty lines before a request, and a method may begin with any of these.
        format!("\r\nGET /metrics HTTP/1.1\r\n{headers}"),
        format!("\n\nHEAD / HTTP/1.1\r\n{headers}"),
        format!("!x / HTTP/1.1\r\n{headers}"),
        long,
    ] {
        for half_closes in [false, true] {
            let mut stream = connect(address);
            // In pieces: the protocol shows with the first, and is answered after the last.
            let (first, rest) = request.split_at(1);
            served::send(&mut stream, first);
            served::send(&mut stream, rest);
            if half_closes {
                stream.shutdown(Shutdown::Write).expect("it is open");
            }
            let answer = read_all(&mut stream);
            assert!(
                answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
                "{request}{answer}"
            );
            let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
            assert!(head.contains("Connection: close"), "{request}{answer}");
            let has_body = !request.trim_start().starts_with("HEAD");
            assert_eq!(body.contains("TLS"), has_body, "{request}{answer}");
            ended += 1.0;
        }
    }
    let client = pki.client(None);
    let page = || client.get(address, "/metrics", "");
    eventually(|| served::value(&page(), ENDED) >= ended);
    // Bytes that are neither are left to TLS.
    for bytes in [
        &b"\x00\x01\x02"[..],
        b"\x80\x2e\x01",
        b"\x15\x03\x01\x00\x02\x01\x00",
    ] {
        let mut stream = connect(address);
        stream.write_all(bytes).expect("sent");
        stream.shutdown(Shutdown::Write).expect("it is open");
        let answer = read_all(&mut stream);
        assert!(!answer.starts_with("HTTP"), "{answer}");
    }
    assert_eq!(client.status(address, "/livez"), "200");
}

#[test]
fn plain_http_does_not_hold_a_connection_to_a_tls_port() {
    let pki = Pki::new("plain-stalls");
    let limits = Limits::default().header_timeout(Duration::from_millis(300));
    let server = started(pki.config("").limits(limits));
    let address = server.local_addr();
    // The beginning of a head, a head that is too long, and one that is answered and stays.
    let endless = format!("GET / HTTP/1.1\r\nX: {}", "a".repeat(20_000));
    let whole = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (sent, is_answered) in [("GET / HT", false), (&*endless, true), (whole, true)] {
        let mut stream = connect(address);
        let _ = stream.write_all(sent.as_bytes());
        let answer = read_all(&mut stream);
        let status = status_of(&answer);
        // Bytes beyond the limit are not read, so that the answer may be lost to a reset.
        let is_lost = sent.len() > 10_000 && status == "none";
        assert_eq!(status == "400" || is_lost, is_answered, "{answer}");
    }
    let client = pki.client(None);
    let page = || client.get(address, "/metrics", "");
    eventually(|| served::value(&page(), ENDED) >= 3.0);
}

#[test]
fn versions_are_kept_to() {
    let pki = Pki::new("versions");
    for (more, with_12, with_13) in [
        ("", true, true),
        ("  min_version: TLS13\n", false, true),
        ("  max_version: TLS12\n", true, false),
    ] {
        let server = started(pki.config(more));
        for (version, expected) in [(&TLS12, with_12), (&TLS13, with_13)] {
            let mut client = pki.client(None);
            client.versions = vec![version];
            let is_served = client.status(server.local_addr(), "/livez") == "200";
            assert_eq!(is_served, expected, "{more} {version:?}");
        }
    }
}

#[test]
fn cipher_suites_and_curves_are_chosen_from_the_lists() {
    let pki = Pki::new("ciphers");
    let more = "  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305]\n  curve_preferences: [CurveP521, CurveP384]\n";
    let server = started(pki.config(more));
    let mut stream = pki.client(None).stream(server.local_addr());
    send_get(&mut stream, "/livez");
    let (head, _) = served::read_answer(&mut stream);
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let suite = stream.conn.negotiated_cipher_suite().expect("agreed");
    let expected = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256";
    assert_eq!(suite.suite().as_str(), Some(expected));
    let group = stream.conn.negotiated_key_exchange_group().expect("agreed");
    assert_eq!(group.name().as_str(), Some("secp384r1"));
}

#[test]
fn only_the_right_client_certificates_are_let_in() {
    let pki = Pki::new("clients");
    let more = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n  client_allowed_sans: [scraper.example]\n";
    let server = started(pki.config(more));
    for (identity, expected) in [
        (None, "none"),
        (Some(("scraper.example", false)), "none"),
        (Some(("other.example", true)), "none"),
        (Some(("scraper.example.org", true)), "none"),
        (Some(("scraper.example", true)), "200"),
    ] {
        let client = pki.client(identity);
        for path in ["/livez", "/metrics", "/health"] {
            let status = client.status(server.local_addr(), path);
            assert_eq!(status, expected, "{identity:?} {path}");
        }
    }
}

#[test]
fn a_client_certificate_is_as_good_as_credentials_where_there_are_no_others() {
    let pki = Pki::new("certified");
    let more = "  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.crt\n";
    let server = started(pki.config(more));
    let address = server.local_addr();
    let certified = pki.client(Some(("scraper.example", true)));
    let health = certified.get(address, "/health", PROXIED);
    assert!(health.contains("components"), "{health}");
    let client = pki.client(None);
    let stranger = client.get(address, "/health", PROXIED);
    assert!(
        stranger.starts_with("HTTP/1.1 200 OK") && !stranger.contains("components"),
        "{stranger}"
    );
    let page = client.get(address, "/api/v1/x", PROXIED);
    assert_eq!(status_of(&page), "403");
    let unknown = pki.client(Some(("scraper.example", false)));
    assert_eq!(unknown.status(address, "/livez"), "none");
}

#[test]
fn a_stalled_handshake_ends_in_time() {
    let pki = Pki::new("stalled");
    let limits = Limits::default().header_timeout(Duration::from_millis(500));
    let server = started(pki.config("").limits(limits));
    let hello: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    for stall in [b"", &hello[..1], hello] {
        let mut stream = connect(server.local_addr());
        stream.write_all(stall).expect("sent");
        let begin = Instant::now();
        read_all(&mut stream);
        assert!(begin.elapsed() < Duration::from_secs(5), "{stall:?}");
    }
}

#[test]
fn a_new_certificate_is_served_and_a_broken_one_is_not() {
    let pki = Pki::new("renewed");
    let server = started(pki.config(""));
    let address = server.local_addr();
    let client = pki.client(None);
    let value = |name: &str| {
        served::value(
            &client.get(address, "/metrics", ""),
            &format!("monitor_server_{name}"),
        )
    };
    let expiry = || value("certificate_expiry_timestamp_seconds");
    let is_good = || value("web_config_last_reload_successful") > 0.5;
    let first = expiry();
    pki.renew("localhost", 2041);
    eventually(|| expiry() > first && is_good());
    let second = expiry();
    // A key of another certificate; then none at all.
    let key = KeyPair::generate().expect("a key");
    pki.write("server.key", &key.serialize_pem());
    eventually(|| !is_good());
    assert!((expiry() - second).abs() < 0.5);
    fs::remove_file(pki.folder.join("server.crt")).expect("ours");
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(client.status(address, "/livez"), "200");
    pki.renew("localhost", 2042);
    eventually(|| is_good() && expiry() > second);
    // Plain HTTP is nothing that a file may turn to while the server runs.
    pki.write("web.yml", "");
    eventually(|| !is_good());
    assert_eq!(client.status(address, "/livez"), "200");
}

#[test]
fn what_cannot_be_served_is_an_error_at_once_and_leaves_no_thread() {
    let _turn = turn();
    let pki = Pki::new("missing");
    pki.write(
        "garbage",
        "-----BEGIN CERTIFICATE-----\n%\n-----END CERTIFICATE-----\n",
    );
    let other = KeyPair::generate().expect("a key");
    let pem = other.serialize_pem();
    pki.write("other.key", &pem);
    // As an environment variable has it that lost its line breaks; and one that was cut off.
    pki.write("one-line.key", &pem.replace('\n', " "));
    pki.write("cut.key", &pem[..pem.len() - 40]);
    // The reader's own errors show their input, as text or as numbers.
    let secret = pem.lines().nth(1).expect("a line")[..12].to_owned();
    let numbers = format!("{:?}", secret.as_bytes());
    let numbers = numbers.trim_matches(['[', ']']).to_owned();
    let (cert, key) = ("server.crt", "server.key");
    let clients = "client_auth_type: RequireAndVerifyClientCert, client_ca_file: garbage";
    for (cert, key, more, named) in [
        ("none.crt", key, "", "cert_file`: cannot read"),
        (cert, "none.key", "", "key_file`: cannot read"),
        ("garbage", key, "", "cert_file`: cannot be used"),
        (key, key, "", "cert_file`: cannot be used"),
        (cert, cert, "", "key_file`: cannot be used"),
        (cert, "other.key", "", "key_file`: cannot be used"),
        (cert, "one-line.key", "", "key_file`: cannot be used"),
        (cert, "cut.key", "", "key_file`: cannot be used"),
        (cert, key, clients, "client_ca_file`: cannot be used"),
        (
            cert,
            key,
            "cipher_suites: [TLS_NULL]",
            "cipher_suites[0]`: cannot be used",
        ),
        (
            cert,
            key,
            "curve_preferences: [CurveP521]",
            "tls_server_config`: cannot be used",
        ),
    ] {
        let text = format!("tls_server_config: {{cert_file: {cert}, key_file: {key}, {more}}}");
        let begin = Instant::now();
        let config = local().web_config(pki.write("web.yml", &text));
        let error = run(config).expect_err(named);
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(1), "{took:?}");
        assert!(matches!(error, RunError::Config(_)), "{error:?}");
        assert!(error.to_string().contains(named), "{error}");
        let whole = format!("{error} {error:?}");
        assert!(
            !whole.contains(&secret) && !whole.contains(&numbers),
            "{whole}"
        );
    }
    assert_eq!(served::server_threads(), [""; 0]);
}
