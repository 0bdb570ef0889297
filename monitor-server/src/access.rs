//! Who may see what: decided on the exact path, before any handler, and denied where nothing is said.

mod decision;
mod networks;
mod source;

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use http::header::HOST;
use http::uri::Authority;

pub(crate) use self::decision::{Access, Demand, Denial, Origin, decide};
pub(crate) use self::networks::{Network, Networks};
pub(crate) use self::source::{Peer, Source};

/// Who asks. Put into a request's extensions by the connection that it came over.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// The other end of the connection.
    pub(crate) peer: Peer,
    /// The authority of an absolute-form target (`GET http://host/path`), which overrides Host.
    pub(crate) authority: Option<Authority>,
    /// Whether it came with a client certificate that was verified.
    pub(crate) is_certified: bool,
    /// What was decided, for handlers that tell more or less.
    pub(crate) access: Access,
}

impl Client {
    pub(crate) fn new(peer: Peer, authority: Option<Authority>, is_certified: bool) -> Self {
        Self {
            peer,
            authority,
            is_certified,
            access: Access::Probe,
        }
    }
}

/// Headers a proxy adds: the peer is then the proxy, not the client.
const FORWARDED: [&str; 6] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "via",
];

/// Whether the request may see details, as it was decided when it arrived. Without a known client (a filter mounted in
/// another server) nobody may.
pub(crate) fn may_see_details(client: Option<&Client>, _headers: &HeaderMap) -> bool {
    client.is_some_and(|client| client.access == Access::Full)
}

/// Where a request comes from. Without a known client that cannot be said.
pub(crate) fn origin(client: Option<&Client>, headers: &HeaderMap) -> Origin {
    let Some(client) = client else {
        return Origin::Elsewhere;
    };
    let is_proxied = FORWARDED.iter().any(|name| headers.contains_key(*name));
    if !client.peer.is_local() || is_proxied {
        return Origin::Elsewhere;
    }
    let authority = client.authority.as_ref();
    let has_local_target = authority.is_none_or(|authority| is_local_name(authority.as_str()));
    if has_local_target && has_local_host(headers) {
        Origin::Here
    } else {
        Origin::ForeignHost
    }
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
        let address: SocketAddr = peer.parse().expect("an address");
        Client::new(address.into(), None, false)
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
            let found = origin(Some(&client("127.0.0.1:5")), &headers);
            let expected = if expected {
                Origin::Here
            } else {
                Origin::ForeignHost
            };
            assert_eq!(found, expected, "{host}");
        }
    }

    #[test]
    fn a_host_is_needed_and_only_one() {
        let peer = client("127.0.0.1:5");
        let two = headers(&[("host", "localhost"), ("host", "localhost")]);
        for headers in [HeaderMap::new(), two] {
            assert_eq!(origin(Some(&peer), &headers), Origin::ForeignHost);
        }
    }

    #[test]
    fn only_loopback_without_a_proxy_is_here() {
        let local = headers(&[("host", "localhost")]);
        for (peer, expected) in [
            ("127.0.0.1:5", Origin::Here),
            ("127.8.8.8:5", Origin::Here),
            ("[::1]:5", Origin::Here),
            ("[::ffff:127.0.0.1]:5", Origin::Here),
            ("192.168.0.3:5", Origin::Elsewhere),
            ("[::ffff:10.0.0.1]:5", Origin::Elsewhere),
        ] {
            assert_eq!(origin(Some(&client(peer)), &local), expected, "{peer}");
        }
        let socket = Client::new(Peer::Unix, None, false);
        assert_eq!(origin(Some(&socket), &local), Origin::Here);
        for name in FORWARDED {
            let proxied = headers(&[("host", "localhost"), (name, "127.0.0.1")]);
            for client in [&client("127.0.0.1:5"), &socket] {
                assert_eq!(origin(Some(client), &proxied), Origin::Elsewhere, "{name}");
            }
        }
        assert_eq!(origin(None, &local), Origin::Elsewhere);
    }

    #[test]
    fn an_absolute_target_s_authority_is_checked_too() {
        let mut peer = client("127.0.0.1:5");
        let local = headers(&[("host", "localhost")]);
        peer.authority = Some(Authority::from_static("evil.example"));
        assert_eq!(origin(Some(&peer), &local), Origin::ForeignHost);
        peer.authority = Some(Authority::from_static("localhost:9999"));
        assert_eq!(origin(Some(&peer), &local), Origin::Here);
    }
}
