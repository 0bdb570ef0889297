//! Networks that may connect, origins of requests, and their access.

use std::net::Ipv4Addr;

use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn of(peer: Peer, target: &str) -> Client {
    Client::new(peer, &target.parse().expect("a target"), false)
}

fn client(peer: &str) -> Client {
    let address: SocketAddr = peer.parse().expect("an address");
    of(address.into(), "/")
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
            ClientOrigin::Here
        } else {
            ClientOrigin::ForeignHost
        };
        assert_eq!(found, expected, "{host}");
    }
}

#[test]
fn a_host_is_needed_and_only_one() {
    let peer = client("127.0.0.1:5");
    let two = headers(&[("host", "localhost"), ("host", "localhost")]);
    for headers in [HeaderMap::new(), two] {
        assert_eq!(origin(Some(&peer), &headers), ClientOrigin::ForeignHost);
    }
}

#[test]
fn only_loopback_without_a_proxy_is_here() {
    let local = headers(&[("host", "localhost")]);
    for (peer, expected) in [
        ("127.0.0.1:5", ClientOrigin::Here),
        ("127.8.8.8:5", ClientOrigin::Here),
        ("[::1]:5", ClientOrigin::Here),
        ("[::ffff:127.0.0.1]:5", ClientOrigin::Here),
        ("192.168.0.3:5", ClientOrigin::Elsewhere),
        ("[::ffff:10.0.0.1]:5", ClientOrigin::Elsewhere),
    ] {
        assert_eq!(origin(Some(&client(peer)), &local), expected, "{peer}");
    }
    let socket = of(Peer::Unix, "/");
    assert_eq!(origin(Some(&socket), &local), ClientOrigin::Here);
    for name in FORWARDED {
        let proxied = headers(&[("host", "localhost"), (name, "127.0.0.1")]);
        for client in [&client("127.0.0.1:5"), &socket] {
            assert_eq!(
                origin(Some(client), &proxied),
                ClientOrigin::Elsewhere,
                "{name}"
            );
        }
    }
    assert_eq!(origin(None, &local), ClientOrigin::Elsewhere);
}

#[test]
fn an_absolute_target_s_authority_is_checked_too() {
    let peer = Peer::Tcp("127.0.0.1:5".parse().expect("an address"));
    let local = headers(&[("host", "localhost")]);
    for (target, expected) in [
        ("http://evil.example/", ClientOrigin::ForeignHost),
        ("http://localhost@evil.example", ClientOrigin::ForeignHost),
        ("http://localhost:9999/x", ClientOrigin::Here),
        ("http://localhost", ClientOrigin::Here),
        ("http://localhost?x", ClientOrigin::Here),
    ] {
        let client = of(peer, target);
        assert_eq!(origin(Some(&client), &local), expected, "{target}");
    }
}

#[test]
fn an_authority_alone_and_an_asterisk_have_no_path() {
    for (target, expected) in [
        ("/", true),
        ("/*", true),
        ("/?x", true),
        ("http://a", true),
        ("http://a?x", true),
        ("http://a/x", true),
        ("*", false),
        ("a", false),
        ("metrics", false),
        ("a:80", false),
        ("[::1]:80", false),
    ] {
        assert_eq!(of(Peer::Unix, target).has_path, expected, "{target}");
    }
}

fn peer(text: &str) -> Peer {
    let address: SocketAddr = text.parse().expect("an address");
    address.into()
}

#[test]
fn an_ipv4_client_of_a_socket_for_both_families_is_one_of_ipv4() {
    let mapped = peer("[::ffff:127.0.0.1]:5");
    assert_eq!(mapped, peer("127.0.0.1:5"));
    assert_eq!(mapped.to_string(), "127.0.0.1:5");
    assert_eq!(mapped.ip(), Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    assert!(mapped.is_local());
    for other in [
        "[fe80::1%3]:5",
        "[::]:5",
        "[::7f00:1]:5",
        "[64:ff9b::a00:1]:5",
    ] {
        assert_eq!(peer(other).to_string(), other);
        assert!(!peer(other).is_local());
    }
}

#[test]
fn one_customer_is_one_source() {
    for (one, other, same) in [
        ("10.0.0.1:1", "10.0.0.1:2", true),
        ("10.0.0.1:1", "10.0.0.2:1", false),
        ("10.0.0.1:1", "[::ffff:10.0.0.1]:1", true),
        ("[2001:db8:0:1::1]:1", "[2001:db8:0:1:ffff::2]:1", true),
        ("[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", false),
    ] {
        assert_eq!(
            peer(one).source() == peer(other).source(),
            same,
            "{one} {other}"
        );
    }
    assert_eq!(Peer::Unix.source(), Source::Unix);
    assert!(Peer::Unix.is_local() && peer("127.3.3.3:1").is_local());
    assert!(!peer("10.0.0.1:1").is_local());
}

fn networks(of: &[&str]) -> Networks {
    let networks = of
        .iter()
        .map(|text| Network::parse(text).expect("a network"));
    Networks(networks.collect())
}

#[test]
fn addresses_in_a_network_may_connect() {
    let some = networks(&["10.1.0.0/16", "192.168.7.9", "fd00::/8", "::1"]);
    for (peer, expected) in [
        ("10.1.255.255:1", true),
        ("10.2.0.0:1", false),
        ("[::ffff:10.1.2.3]:1", true),
        ("[::ffff:10.2.2.3]:1", false),
        ("192.168.7.9:1", true),
        ("192.168.7.8:1", false),
        ("[fdff::1]:1", true),
        ("[fe80::1]:1", false),
        ("[::1]:1", true),
        ("127.0.0.1:1", false),
    ] {
        let peer = self::peer(peer);
        assert_eq!(some.admit(peer), expected, "{peer}");
        assert!(Networks::default().admit(peer));
    }
    assert!(some.admit(Peer::Unix));
    let all = networks(&["0.0.0.0/0"]);
    assert!(all.admit(peer("9.9.9.9:1")));
    assert!(all.admit(peer("[::ffff:9.9.9.9]:1")));
    assert!(!all.admit(peer("[2001:db8::1]:1")));
    let all6 = networks(&["::/0"]);
    assert!(!all6.admit(peer("[::ffff:9.9.9.9]:1")) && all6.admit(peer("[2001:db8::1]:1")));
    let mapped = networks(&["::ffff:10.0.0.0/104"]);
    assert!(mapped.admit(peer("10.9.9.9:1")));
}

#[test]
fn what_is_no_network_is_refused() {
    for wrong in [
        "",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "10.0.0/8",
        "10.0.0.0/08",
        "10.0.0.0/+8",
        "10.0.0.0/-1",
        "fd00::/129",
        "fd00::1/64",
        "localhost",
        "10.0.0.0/8 ",
        "10.0.0.0/8/8",
    ] {
        assert_eq!(Network::parse(wrong), None, "{wrong}");
    }
}

proptest! {
    #[test]
    fn a_network_holds_what_has_its_first_bits(ours: u32, theirs: u32, bits in 0_u8..=32) {
        let cut = |address: u32| format!("{address:032b}")[..usize::from(bits)].to_owned();
        let first = if bits == 0 { 0 } else { ours >> (32 - bits) << (32 - bits) };
        let text = format!("{}/{bits}", Ipv4Addr::from_bits(first));
        let network = Network::parse(&text).expect("a network");
        prop_assert_eq!((network.address, network.bits), (IpAddr::V4(first.into()), bits));
        let address = IpAddr::V4(theirs.into());
        prop_assert_eq!(network.holds(address), cut(ours) == cut(theirs));
    }
}

const ORIGINS: [ClientOrigin; 3] = [
    ClientOrigin::Here,
    ClientOrigin::ForeignHost,
    ClientOrigin::Elsewhere,
];

const DEMANDS: [RouteAccess; 4] = [
    RouteAccess::Nothing,
    RouteAccess::Metrics,
    RouteAccess::Details,
    RouteAccess::Protected,
];

const CREDENTIALS: [AuthOutcome; 5] = [
    AuthOutcome::NotAsked,
    AuthOutcome::Missing,
    AuthOutcome::Wrong,
    AuthOutcome::Busy,
    AuthOutcome::Right,
];

/// A row for each demand and origin: the answer to each of [`CREDENTIALS`].
const TABLE: &str = "
    Nothing    Here         full full  full  full  full
    Nothing    ForeignHost  full full  full  full  full
    Nothing    Elsewhere    full full  full  full  full
    Metrics    Here         full 401   401   429   full
    Metrics    ForeignHost  full 401   401   429   full
    Metrics    Elsewhere    full 401   401   429   full
    Details    Here         full full  full  full  full
    Details    ForeignHost  word word  401   429   full
    Details    Elsewhere    word word  401   429   full
    Protected  Here         full full  full  full  full
    Protected  ForeignHost  421  421   401   429   full
    Protected  Elsewhere    403  401   401   429   full
";

#[test]
fn the_table_is_complete_and_kept() {
    let mut rows = TABLE.lines().map(str::trim).filter(|line| !line.is_empty());
    for demand in DEMANDS {
        for origin in ORIGINS {
            let row: Vec<_> = rows.next().expect("a row").split_whitespace().collect();
            assert_eq!(row[..2], [format!("{demand:?}"), format!("{origin:?}")]);
            for (credentials, expected) in CREDENTIALS.into_iter().zip(&row[2..]) {
                let decided = match decide(Some(demand), origin, credentials) {
                    Access::Full => "full".to_owned(),
                    Access::Probe => "word".to_owned(),
                    Access::Denied(denial) => denial.answer().0.as_str().to_owned(),
                };
                assert_eq!(&decided, expected, "{demand:?} {origin:?} {credentials:?}");
            }
        }
    }
    assert_eq!(rows.next(), None);
}

#[test]
fn what_no_route_has_is_denied_to_everybody() {
    for origin in ORIGINS {
        for credentials in CREDENTIALS {
            let decided = decide(None, origin, credentials);
            assert_eq!(decided, Access::Denied(RejectReason::Path));
        }
    }
}

#[test]
fn credentials_are_looked_at_only_where_they_matter() {
    for demand in DEMANDS {
        for origin in ORIGINS {
            let decided = CREDENTIALS.map(|given| decide(Some(demand), origin, given));
            let matter = decided.iter().any(|access| *access != decided[0]);
            assert_eq!(demand.asks_for_credentials(origin), matter);
        }
    }
}

#[test]
fn each_denial_has_its_own_counter_and_name() {
    for (index, denial) in RejectReason::ALL.iter().copied().enumerate() {
        assert_eq!(denial as usize, index);
    }
    let names: std::collections::BTreeSet<_> = RejectReason::TEXTS.iter().collect();
    assert_eq!(names.len(), RejectReason::ALL.len());
}
