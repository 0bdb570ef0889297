//! Who may see details: loopback peers whose Host no foreign web page could have sent.

mod source;

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::HOST;
use http::uri::Authority;

pub(crate) use self::source::{Peer, Source};

/// Who asks. Put into a request's extensions by the connection that it came over.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// The other end of the connection.
    pub(crate) peer: Peer,
    /// The authority of an absolute-form target (`GET http://host/path`), which overrides Host.
    pub(crate) authority: Option<Authority>,
}

/// Headers a proxy adds: the peer is then the proxy, not the client.
const FORWARDED: [&str; 3] = ["forwarded", "x-forwarded-for", "x-real-ip"];

/// Whether the client may see details. Without a known client (a filter mounted in another server) nobody may.
pub(crate) fn may_see_details(client: Option<&Client>, headers: &HeaderMap) -> bool {
    let Some(client) = client else { return false };
    client.peer.is_local()
        && !FORWARDED.iter().any(|name| headers.contains_key(*name))
        && client
            .authority
            .as_ref()
            .is_none_or(|authority| is_local_name(authority.as_str()))
        && has_local_host(headers)
}

/// Against DNS rebinding: a web page of another site that reaches us through the operator's browser sends that site's
/// name as Host. Exactly one Host, and it is `localhost` or an IP literal.
fn has_local_host(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().is_ok_and(is_local_name),
        _ => false,
    }
}

fn is_local_name(authority: &str) -> bool {
    if authority.parse::<SocketAddr>().is_ok() || authority.parse::<IpAddr>().is_ok() {
        return true;
    }
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let literal = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || literal.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn client(peer: &str) -> Client {
        Client {
            peer: Peer::Tcp(peer.parse().expect("an address")),
            authority: None,
        }
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn only_local_names_are_taken_as_host() {
        let cases = [
            ("localhost", true),
            ("LocalHost:9999", true),
            ("127.0.0.1", true),
            ("127.0.0.1:9999", true),
            ("[::1]:9999", true),
            ("[::1]", true),
            ("10.0.0.7:9999", true),
            ("evil.example", false),
            ("evil.example:9999", false),
            ("localhost.evil.example", false),
            ("localhost:evil", false),
            ("127.0.0.1.nip.io", false),
            ("", false),
        ];
        for (host, expected) in cases {
            let headers = headers(&[("host", host)]);
            assert_eq!(
                may_see_details(Some(&client("127.0.0.1:5")), &headers),
                expected,
                "{host}"
            );
        }
    }

    #[test]
    fn a_host_is_needed_and_only_one() {
        let peer = client("127.0.0.1:5");
        assert!(!may_see_details(Some(&peer), &HeaderMap::new()));
        let two = headers(&[("host", "localhost"), ("host", "localhost")]);
        assert!(!may_see_details(Some(&peer), &two));
    }

    #[test]
    fn only_loopback_without_a_proxy_sees_details() {
        let local = headers(&[("host", "localhost")]);
        for (peer, expected) in [
            ("127.0.0.1:5", true),
            ("127.8.8.8:5", true),
            ("[::1]:5", true),
            ("[::ffff:127.0.0.1]:5", true),
            ("192.168.0.3:5", false),
            ("[::ffff:10.0.0.1]:5", false),
        ] {
            assert_eq!(
                may_see_details(Some(&client(peer)), &local),
                expected,
                "{peer}"
            );
        }
        for name in FORWARDED {
            let proxied = headers(&[("host", "localhost"), (name, "127.0.0.1")]);
            assert!(
                !may_see_details(Some(&client("127.0.0.1:5")), &proxied),
                "{name}"
            );
        }
        assert!(!may_see_details(None, &local));
    }

    #[test]
    fn an_absolute_target_s_authority_is_checked_too() {
        let mut peer = client("127.0.0.1:5");
        peer.authority = Some(Authority::from_static("evil.example"));
        assert!(!may_see_details(
            Some(&peer),
            &headers(&[("host", "localhost")])
        ));
        peer.authority = Some(Authority::from_static("localhost:9999"));
        assert!(may_see_details(
            Some(&peer),
            &headers(&[("host", "localhost")])
        ));
    }
}
