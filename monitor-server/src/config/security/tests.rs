//! Web configuration files that are read, and those that are refused, each with its exact words.

use super::*;

const HASH: &str = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG";

fn read(text: &str) -> WebFile {
    WebFile::parse(Path::new("/etc/web.yml"), text).expect(text)
}

fn refusal(text: &str) -> String {
    WebFile::parse(Path::new("/etc/web.yml"), text)
        .expect_err(text)
        .to_string()
}

fn is_without_feature(text: &str) -> bool {
    text.starts_with("tls_server_config") && cfg!(not(feature = "tls"))
}

#[test]
fn nothing_given_protects_nothing() {
    for text in [
        "",
        "{}",
        "tls_server_config:\nbasic_auth_users:\nhttp_server_config:\n",
        "tls_server_config: {}",
    ] {
        if text.contains("{}") && is_without_feature(text) {
            continue;
        }
        let file = read(text);
        assert!(file.users.is_empty() && file.headers.is_empty(), "{text}");
        #[cfg(feature = "tls")]
        assert!(file.tls.is_none(), "{text}");
    }
}

#[test]
fn everything_of_the_format_is_read() {
    let file = read(&format!(
        "
http_server_config:
  http2: true
  headers:
    Strict-Transport-Security: max-age=300
    X-Frame-Options: SAMEORIGIN
    X-XSS-Protection: ''
basic_auth_users:
  ann: {HASH}
  7: {HASH}
"
    ));
    let names: Vec<_> = file.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["strict-transport-security", "x-frame-options"]);
    let users: Vec<_> = file.users.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(users, ["ann", "7"]);
}

#[cfg(feature = "tls")]
#[test]
fn all_settings_of_tls_are_read() {
    let file = read(
        "
tls_server_config:
  cert_file: server.crt
  key_file: /run/server.key
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ca.crt
  client_allowed_sans: [scraper.example, 10.0.0.7]
  min_version: TLS12
  max_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
  prefer_server_cipher_suites: false
  curve_preferences: [X25519]
",
    );
    let tls = file.tls.expect("TLS");
    assert_eq!(tls.cert.path.as_deref(), Some(Path::new("/etc/server.crt")));
    assert_eq!(tls.key.path.as_deref(), Some(Path::new("/run/server.key")));
    let clients = tls.clients.expect("clients");
    assert!(clients.is_required);
    let authority = clients.authority.path;
    assert_eq!(authority.as_deref(), Some(Path::new("/etc/ca.crt")));
    assert_eq!(clients.allowed_sans.map(|sans| sans.len()), Some(2));
    let versions = tls.versions.map(|version| format!("{:?}", version.version));
    assert_eq!(versions, ["TLSv1_2", "TLSv1_3"]);
    assert!(tls.leaves_order_to_client);
    let mut suites = tls.provider.cipher_suites.iter();
    assert_eq!(
        suites.by_ref().filter(|one| one.tls13().is_none()).count(),
        1
    );
    let groups = tls.provider.kx_groups.iter().map(|one| one.name().as_str());
    assert_eq!(groups.collect::<Vec<_>>(), [Some("X25519")]);
}

#[cfg(feature = "tls")]
#[test]
fn certificates_may_stand_in_the_file() {
    let file = read("tls_server_config: {cert: 'a certificate', key: 'a key'}");
    let tls = file.tls.expect("TLS");
    let (cert, key) = (&tls.cert, &tls.key);
    assert_eq!((&*cert.text.0, &*key.text.0), ("a certificate", "a key"));
    assert!(cert.path.is_none() && key.path.is_none());
    let text = format!("{tls:?}");
    assert!(!text.contains("a key"), "{text}");
}

/// Without the cargo feature `tls` all of its settings are refused.
#[cfg(not(feature = "tls"))]
#[test]
fn tls_needs_its_feature() {
    for text in ["{}", "{cert_file: a}", "{certfile: a}", "{cert: a, key: b}"] {
        assert_eq!(
            refusal(&format!("tls_server_config: {text}")),
            "/etc/web.yml:1: `tls_server_config`: needs the cargo feature `tls` of monitor-server"
        );
    }
}

/// Web configuration files and their refusals, a line each.
const REFUSALS: &str = include_str!("refusals.txt");

#[test]
fn each_refusal_says_where_and_what_and_shows_no_secret() {
    let costly = HASH.replace("$10$", "$15$");
    let mut seen = 0;
    for line in REFUSALS.lines().filter(|line| !line.starts_with("# ")) {
        let (text, expected) = line.split_once(" => ").expect(line);
        let text = text.replace("HASH_OF_COST_15", &costly);
        let text = text.replace("HASH", HASH).replace("\\n", "\n");
        if !is_without_feature(&text) {
            let message = refusal(&text);
            assert_eq!(message, format!("/etc/web.yml{expected}"), "{text}");
        }
        seen += 1;
    }
    assert!(seen > 30, "{seen}");
    // Another user of the same name would silently be the one.
    let doubled = format!("basic_auth_users:\n  ann: {HASH}\n  ann: {HASH}");
    let message = refusal(&doubled);
    assert!(message.contains("no valid YAML"), "{message}");
}
