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

#[test]
fn what_is_no_secret_is_shown_as_it_is_written() {
    for (text, expected) in [
        (
            "basic_auth_users: {007: x}",
            ":1: `basic_auth_users.007`: expected a bcrypt hash (`htpasswd -nBC 10 USER` makes one), found the text `<secret>`",
        ),
        (
            "http_server_config: none",
            ":1: `http_server_config`: expected a map, found the text `none`",
        ),
        (
            "http_server_config: {headers: 010}",
            ":1: `http_server_config.headers`: expected a map, found `010`",
        ),
        (
            "tls_server_config: {cert_file: 007}",
            ":1: `tls_server_config.cert_file`: expected a text that is not blank, found `007`",
        ),
        (
            "tls_server_config: {key_file: yes}",
            ":1: `tls_server_config.key_file`: expected a text that is not blank, found the truth value `yes`",
        ),
        (
            "tls_server_config: {key: 007}",
            ":1: `tls_server_config.key`: expected a text that is not blank, found the text `<secret>`",
        ),
    ] {
        if !is_without_feature(text) {
            let message = refusal(text);
            assert_eq!(message, format!("/etc/web.yml{expected}"), "{text}");
        }
    }
}

/// User and hash in the wrong order, and a hash with its user in a key.
#[test]
fn a_hash_in_the_place_of_its_user_is_not_shown() {
    for (text, expected) in [
        (
            format!("basic_auth_users: {{{HASH}: ann}}"),
            ":1: `basic_auth_users.<secret>`: expected a bcrypt hash (`htpasswd -nBC 10 USER` makes one), found the text `<secret>`",
        ),
        (
            format!("basic_auth_users: {{{HASH}: }}"),
            ":1: `basic_auth_users.<secret>`: expected a bcrypt hash (`htpasswd -nBC 10 USER` makes one), found the text `<secret>`",
        ),
        (
            format!("basic_auth_users: {{'ann:{HASH}': x}}"),
            ":1: `basic_auth_users.ann:<secret>`: expected a bcrypt hash (`htpasswd -nBC 10 USER` makes one), found the text `<secret>`",
        ),
        (
            format!("{{{HASH}: ann}}"),
            ":1: `<secret>`: unknown key; the nearest valid one is `basic_auth_users`",
        ),
    ] {
        let message = refusal(&text);
        assert_eq!(message, format!("/etc/web.yml{expected}"), "{text}");
    }
}

#[test]
fn each_refusal_says_where_and_what() {
    let tls = "tls_server_config: {cert_file: a, key_file: b";
    for (text, expected) in [
        ("[]".to_owned(), ":1: expected a map, found a list"),
        (
            "user: {}".to_owned(),
            ":1: `user`: unknown key; the nearest valid one is `basic_auth_users`",
        ),
        (
            "rate_limit: {burst: 1}".to_owned(),
            ":1: `rate_limit`: expected no such key: a limit for all clients together keeps the good ones out, and passwords are checked one at a time already, found a map",
        ),
        (
            "basic_auth_users:\n  ann: secret".to_owned(),
            ":2: `basic_auth_users.ann`: expected a bcrypt hash (`htpasswd -nBC 10 USER` makes one), found the text `<secret>`",
        ),
        (
            "basic_auth_users:\n  ann:secret".to_owned(),
            ":2: `basic_auth_users`: expected a map, found the text `<secret>`",
        ),
        (
            "basic_auth_users:\n  ann: 17".to_owned(),
            ":2: `basic_auth_users.ann`: expected a bcrypt hash (`htpasswd -nBC 10 USER` makes one), found the text `<secret>`",
        ),
        (
            format!("basic_auth_users:\n  ann: {}", HASH.replace("$10$", "$15$")),
            ":2: `basic_auth_users.ann`: expected a bcrypt hash of a cost from 4 to 14, found the text `<secret>`",
        ),
        (
            format!("basic_auth_users: {{'a:b': {HASH}}}"),
            ":1: `basic_auth_users.a:b`: expected a user name without a colon, found the text `a:b`",
        ),
        (
            format!("{tls}, cert: c}}"),
            ":1: `tls_server_config.cert`: expected either the text or the file, found the text `both`",
        ),
        (
            "tls_server_config: {cert_file: a}".to_owned(),
            ":1: `tls_server_config.key_file`: missing; expected the path of a file",
        ),
        (
            "tls_server_config: {key_file: a}".to_owned(),
            ":1: `tls_server_config.cert_file`: missing; expected the path of a file",
        ),
        (
            format!("{tls}, client_ca_file: c}}"),
            ":1: `tls_server_config.client_auth_type`: missing; expected `NoClientCert`, `VerifyClientCertIfGiven` or `RequireAndVerifyClientCert` (others do not check the certificate)",
        ),
        (
            format!("{tls}, client_ca_file: c, client_auth_type: RequestClientCert}}"),
            ":1: `tls_server_config.client_auth_type`: expected a type that checks certificates where there is a `client_ca`, found one that checks none",
        ),
        (
            format!("{tls}, client_auth_type: RequireAnyClientCert}}"),
            ":1: `tls_server_config.client_auth_type`: expected `NoClientCert`, `VerifyClientCertIfGiven` or `RequireAndVerifyClientCert` (others do not check the certificate), found the text `RequireAnyClientCert`",
        ),
        (
            format!("{tls}, client_auth_type: RequireAndVerifyClientCert}}"),
            ":1: `tls_server_config.client_ca_file`: missing; expected the path of a file",
        ),
        (
            format!("{tls}, client_allowed_sans: [a]}}"),
            ":1: `tls_server_config.client_allowed_sans`: expected `client_auth_type: RequireAndVerifyClientCert` beside it, found another `client_auth_type`",
        ),
        (
            format!("{tls}, min_version: TLS11}}"),
            ":1: `tls_server_config.min_version`: expected `TLS12` or `TLS13`, found the text `TLS11`",
        ),
        (
            format!("{tls}, min_version: TLS13, max_version: TLS12}}"),
            ":1: `tls_server_config.min_version`: expected a version not later than `max_version`, found a later one",
        ),
        (
            format!("{tls}, certfile: c}}"),
            ":1: `tls_server_config.certfile`: unknown key; the nearest valid one is `cert_file`",
        ),
        (
            "http_server_config: {headers: {Server: x}}".to_owned(),
            ":1: `http_server_config.headers.Server`: expected `Content-Security-Policy`, `X-Frame-Options`, `X-Content-Type-Options`, `X-XSS-Protection` or `Strict-Transport-Security`, found the text `Server`",
        ),
        (
            "http_server_config: {headers: {X-Frame-Options: always}}".to_owned(),
            ":1: `http_server_config.headers.X-Frame-Options`: expected a value that this header may have, found the text `always`",
        ),
        (
            "http_server_config: {http2: maybe}".to_owned(),
            ":1: `http_server_config.http2`: expected `true` or `false`, found the text `maybe`",
        ),
    ] {
        if !is_without_feature(&text) {
            let message = refusal(&text);
            assert_eq!(message, format!("/etc/web.yml{expected}"), "{text}");
        }
    }
    // Another user of the same name would silently be the one.
    let doubled = format!("basic_auth_users:\n  ann: {HASH}\n  ann: {HASH}");
    assert!(
        refusal(&doubled).contains("no valid YAML"),
        "{}",
        refusal(&doubled)
    );
}
