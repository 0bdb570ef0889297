//! Real programs against a server with TLS and credentials: Prometheus scrapes it, `promtool check web-config` accepts the
//! documented files, and refuses each file that we refuse.
//!
//! Needs Debian's package `prometheus`, which `scripts/test` installs. Without it the tests print `SKIPPED`, and with `CI` set
//! they fail.

mod programs;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use monitor_core::{Monitor, StorageConfig};
use monitor_server::{MetricServer, MonitorConfig};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

const DOC: &str = include_str!("../../docs/security.md");

/// A hash of `secret`.
fn hash() -> String {
    let hash = bcrypt::hash_with_salt("secret", 4, [7; 16]).expect("a hash");
    hash.format_for_version(bcrypt::Version::TwoY)
}

/// A folder with certificates for `127.0.0.1`; removed when dropped.
struct Pki(PathBuf);

impl Pki {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        let pki = Self(folder);
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        pki.write("ca.crt", &authority.pem());
        for name in ["server", "client"] {
            let names = ["127.0.0.1".to_owned(), format!("{name}.example")];
            let params = CertificateParams::new(names).expect("names");
            let key = KeyPair::generate().expect("a key");
            let certificate = params.signed_by(&key, &authority).expect("a certificate");
            pki.write(&format!("{name}.crt"), &certificate.pem());
            pki.write(&format!("{name}.key"), &key.serialize_pem());
        }
        pki
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("written");
        path
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Pki {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Our verdict on a web configuration file.
fn ours(path: &Path) -> Result<(), String> {
    let config = MonitorConfig::default().web_config(path);
    let monitor = Monitor::new(StorageConfig::default());
    let server = MetricServer::with_config(&config, monitor).run_in_thread(([127, 0, 0, 1], 0));
    server
        .map(|server| server.shutdown())
        .map_err(|error| error.to_string())
}

/// The verdict of `promtool` on it.
fn promtool(path: &Path) -> Result<(), String> {
    let output = Command::new("promtool")
        .args(["check", "web-config"])
        .arg(path)
        .output();
    let output = output.expect("it runs");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    if output.status.success() {
        Ok(())
    } else {
        Err(said)
    }
}

#[test]
fn promtool_accepts_what_is_documented_and_refuses_what_we_refuse() {
    let name = "promtool_accepts_what_is_documented_and_refuses_what_we_refuse";
    if !programs::is_installed("promtool", name) {
        return;
    }
    let pki = Pki::new("promtool-web-config");
    let documented = DOC
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let hash = hash();
    let users = format!("basic_auth_users: {{ann: {hash}}}\n");
    let tls = "tls_server_config: {cert_file: server.crt, key_file: server.key";
    for (accepted, text) in [
        (true, documented.expect("an example").to_owned()),
        (true, String::new()),
        (true, users.clone()),
        (true, format!("{tls}}}\n{users}")),
        (
            true,
            format!(
                "{tls}, max_version: TLS12, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]}}"
            ),
        ),
        (
            true,
            format!(
                "{tls}, curve_preferences: [X25519, CurveP256], prefer_server_cipher_suites: false}}"
            ),
        ),
        (
            true,
            "http_server_config: {http2: false, headers: {X-Frame-Options: deny}}".to_owned(),
        ),
        (false, "basic_auth_user: {}".to_owned()),
        (false, "basic_auth_users: {ann: secret}".to_owned()),
        (
            false,
            format!("basic_auth_users: {{ann: {hash}, ann: {hash}}}"),
        ),
        (
            false,
            "tls_server_config: {cert_file: server.crt}".to_owned(),
        ),
        (
            false,
            "tls_server_config: {cert_file: missing.crt, key_file: server.key}".to_owned(),
        ),
        (
            false,
            "tls_server_config: {cert_file: server.crt, key_file: client.key}".to_owned(),
        ),
        (false, format!("{tls}, client_ca_file: ca.crt}}")),
        (false, format!("{tls}, client_auth_type: Nobody}}")),
        (false, format!("{tls}, min_version: SSL30}}")),
        (false, format!("{tls}, cipher_suites: [NONE]}}")),
        (
            false,
            "http_server_config: {headers: {Server: x}}".to_owned(),
        ),
        (
            false,
            "http_server_config: {headers: {X-Frame-Options: always}}".to_owned(),
        ),
    ] {
        let path = pki.write("web.yml", &text);
        assert_eq!(
            promtool(&path).is_ok(),
            accepted,
            "promtool: {text} {:?}",
            promtool(&path)
        );
        assert_eq!(
            ours(&path).is_ok(),
            accepted,
            "ours: {text} {:?}",
            ours(&path)
        );
    }
}

/// Killed when dropped.
struct Prometheus(Child, SocketAddr);

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Prometheus {
    fn start(folder: &Pki, scrape_configs: &str) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = port.expect("a free port");
        let config = folder.write("prometheus.yml", scrape_configs);
        let log = fs::File::create(folder.0.join("log")).expect("a log");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path("data")))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        Self(child.expect("it starts"), address)
    }

    /// The answer to `up`, once there is any.
    fn up(&self) -> Option<String> {
        let mut stream = TcpStream::connect(self.1).ok()?;
        let request = "GET /api/v1/query?query=up HTTP/1.0\r\n\r\n";
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }
}

#[test]
fn prometheus_scrapes_over_tls_with_password_token_and_certificate() {
    let name = "prometheus_scrapes_over_tls_with_password_token_and_certificate";
    if !programs::is_installed("prometheus", name) {
        return;
    }
    let pki = Pki::new("prometheus-tls");
    let web = pki.write(
        "web.yml",
        &format!(
            "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  \
             client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n  \
             client_allowed_sans: [client.example]\nbasic_auth_users:\n  ann: {}\n",
            hash()
        ),
    );
    let config = MonitorConfig::default()
        .web_config(web)
        .bearer_token("the-token-of-the-scraper");
    let monitor = Monitor::new(StorageConfig::default());
    let server = MetricServer::with_config(&config, monitor).run_in_thread(([127, 0, 0, 1], 0));
    let server = server.expect("a server");
    let job = |name: &str, credentials: &str| {
        let (ca, cert, key) = (
            pki.path("ca.crt"),
            pki.path("client.crt"),
            pki.path("client.key"),
        );
        format!(
            "  - job_name: {name}\n    scheme: https\n    scrape_interval: 1s\n    scrape_timeout: 1s\n    \
             tls_config: {{ca_file: {ca}, cert_file: {cert}, key_file: {key}}}\n    {credentials}\n    \
             static_configs: [{{targets: ['{}']}}]\n",
            server.local_addr()
        )
    };
    let jobs = [
        job("password", "basic_auth: {username: ann, password: secret}"),
        job(
            "token",
            "authorization: {credentials: the-token-of-the-scraper}",
        ),
        job("wrong", "basic_auth: {username: ann, password: guess}"),
    ];
    let prometheus = Prometheus::start(&pki, &format!("scrape_configs:\n{}", jobs.concat()));
    let value = |answer: &str, job: &str| {
        let (_, rest) = answer.split_once(&format!("\"job\":\"{job}\""))?;
        let (_, rest) = rest.split_once("\"value\":[")?;
        Some(rest.split('"').nth(1)?.to_owned())
    };
    let begin = Instant::now();
    loop {
        let answer = prometheus.up().unwrap_or_default();
        let found = ["password", "token", "wrong"].map(|job| value(&answer, job));
        if found.iter().all(Option::is_some) {
            let expected = ["1", "1", "0"].map(|value| Some(value.to_owned()));
            assert_eq!(found, expected, "{answer}");
            break;
        }
        assert!(begin.elapsed() < Duration::from_mins(1), "{answer}");
        std::thread::sleep(Duration::from_millis(200));
    }
    server.shutdown();
}
