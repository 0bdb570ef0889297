//! Access: which addresses may connect, and how much a request may see.
//!
//! Three questions, in this order. May the address connect at all ([`Networks`], asked before TLS and before anything
//! is read)? Where does the request come from ([`origin`]: this machine, this machine under a foreign name, elsewhere)?
//! And how much may it see ([`decide`]), by the needs of its route, its origin, and the outcome of checking its
//! credentials? The decision is made on the exact path, before any handler runs, and is a pure function of these three;
//! a path that no route has is denied.
//!
//! The connection makes one [`Client`] for each request and puts it into the request's extensions; the routes set its
//! `access` once, and handlers only read it. A request without a `Client` came through a filter that is mounted in
//! another server: nothing is known of its origin, so it is one from elsewhere.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, StatusCode, Uri};

use crate::self_metrics::label_values;

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Never an IPv4 address written as IPv6: made by `From`.
    Tcp(SocketAddr),
    /// A Unix socket's peers have no address; they are on this machine.
    Unix,
}

impl Peer {
    /// Whether it is on this machine.
    pub(crate) fn is_local(self) -> bool {
        self.ip().is_none_or(|ip| ip.is_loopback())
    }

    pub(crate) fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip()),
            Self::Unix => None,
        }
    }

    pub(crate) fn source(self) -> Source {
        match self.ip() {
            Some(IpAddr::V6(ip)) => Source::Ip(IpAddr::V6((ip.to_bits() >> 64 << 64).into())),
            Some(ip) => Source::Ip(ip),
            None => Source::Unix,
        }
    }
}

impl From<SocketAddr> for Peer {
    /// An IPv4 client of a socket for both families comes as `::ffff:10.0.0.1`. Here, at the one way in, it becomes
    /// IPv4 for networks, limits, this machine's rights, and the log.
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(canonical(address))
    }
}

/// The address, as one of IPv4 where it is that written as IPv6.
pub(crate) fn canonical(mut address: SocketAddr) -> SocketAddr {
    if let ip @ IpAddr::V4(_) = address.ip().to_canonical() {
        address.set_ip(ip);
    }
    address
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("a unix socket"),
        }
    }
}

/// The unit that limits per source count by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// An IPv4 address, or the first address of an IPv6 network of 64 bits, since one customer has at least that many
    /// addresses.
    Ip(IpAddr),
    Unix,
}

/// An address and how many of its bits count: `10.0.0.0/8`, `fd00::/8`; without a number all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// `None` for no address, too many bits, and an address with bits set that do not count: which network is meant
    /// is not clear.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits: u8 = match bits {
            // No sign, no leading zero that a reader could take for octal.
            Some(bits) if bits.starts_with(['+', '0']) && bits != "0" => return None,
            Some(bits) => bits.parse().ok()?,
            None => most,
        };
        if bits > most || u32::from(bits) + high_bits(address).trailing_zeros() < 128 {
            return None;
        }
        // Peers are compared in canonical form, so a network of IPv4 that is written as IPv6 becomes one of IPv4.
        let (address, bits) = match (address.to_canonical(), bits.checked_sub(96)) {
            (v4 @ IpAddr::V4(_), Some(bits)) if address.is_ipv6() => (v4, bits),
            _ => (address, bits),
        };
        Some(Self { address, bits })
    }

    fn holds(self, address: IpAddr) -> bool {
        let different = high_bits(self.address) ^ high_bits(address);
        self.address.is_ipv4() == address.is_ipv4()
            && different.leading_zeros() >= u32::from(self.bits)
    }
}

/// The address's bits, from the highest on.
fn high_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The networks whose addresses may connect; an empty list admits every address.
#[derive(Debug, Clone, Default)]
pub(crate) struct Networks(pub(crate) Vec<Network>);

impl Networks {
    /// A peer without an address came by a Unix socket, whose file has a mode that limits it.
    pub(crate) fn admit(&self, peer: Peer) -> bool {
        let holds = |address| self.0.iter().any(|network| network.holds(address));
        self.0.is_empty() || peer.ip().is_none_or(holds)
    }
}

/// The client of a request. Put into the request's extensions by the connection that it came over.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// The other end of the connection.
    pub(crate) peer: Peer,
    /// The authority of an absolute-form target (`GET http://host/path`), which overrides Host.
    pub(crate) authority: Option<Authority>,
    /// Whether the target has a path: neither an authority alone (`CONNECT host:80`) nor `*` has one.
    pub(crate) has_path: bool,
    /// Whether it came with a client certificate that was verified.
    pub(crate) is_certified: bool,
    /// The port of the server that it came to; `None` for a Unix socket.
    pub(crate) port: Option<u16>,
    /// The decision, for handlers whose answer depends on it.
    pub(crate) access: Access,
}

impl Client {
    pub(crate) fn new(peer: Peer, target: &Uri, is_certified: bool) -> Self {
        Self {
            peer,
            authority: target.authority().cloned(),
            has_path: target.path().starts_with('/'),
            is_certified,
            port: None,
            access: Access::Probe,
        }
    }
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientOrigin {
    /// This machine, and no web page of another site.
    Here,
    /// This machine, under a name that any web page could have given it.
    ForeignHost,
    Elsewhere,
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

/// Where a request comes from: from elsewhere if its client is not known.
pub(crate) fn origin(client: Option<&Client>, headers: &HeaderMap) -> ClientOrigin {
    let is_proxied = FORWARDED.iter().any(|name| headers.contains_key(*name));
    let Some(client) = client.filter(|client| client.peer.is_local() && !is_proxied) else {
        return ClientOrigin::Elsewhere;
    };
    let authority = client.authority.as_ref();
    let has_local_target = authority.is_none_or(|authority| is_local_name(authority.as_str()));
    if has_local_target && has_local_host(headers) {
        ClientOrigin::Here
    } else {
        ClientOrigin::ForeignHost
    }
}

/// Against DNS rebinding: a web page of another site that reaches the server through the operator's browser sends that
/// site's name as Host. Exactly one Host, and it is `localhost` or an IP literal.
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
    let bracketed = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let literal = bracketed.unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || literal.parse::<IpAddr>().is_ok()
}

/// The access that a route asks of its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RouteAccess {
    /// Nothing: probes, whose answer is one word.
    Nothing,
    /// Nothing, unless credentials are configured: metrics.
    Metrics,
    /// Nothing for a word, and for the rest the same as [`Protected`](Self::Protected): health.
    Details,
    /// This machine, or credentials: the API of the live page and its text twins.
    Protected,
    /// Nothing, unless users are configured, and then the same: the files of the live page, which have no data. A browser
    /// asks for name and password when it opens the page, but a token is typed into it.
    Shell,
}

impl RouteAccess {
    /// Whether the decision depends on credentials; where it does not, none are looked at, and no password costs time.
    pub(crate) fn asks_for_credentials(self, origin: ClientOrigin) -> bool {
        match self {
            Self::Nothing => false,
            Self::Metrics => true,
            Self::Details | Self::Protected | Self::Shell => origin != ClientOrigin::Here,
        }
    }
}

/// The outcome of looking at a request's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "auth"),
    allow(dead_code, reason = "without it none are looked at")
)]
pub(crate) enum AuthOutcome {
    /// None are configured, or the decision does not depend on them.
    NotAsked,
    Missing,
    Wrong,
    /// Too many passwords wait to be checked.
    Busy,
    Right,
}

/// How much a request may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Full,
    /// No details.
    Probe,
    Denied(RejectReason),
}

label_values! {
    /// Why a request is refused.
    RejectReason {
        /// No route has the path.
        Path = "path",
        /// Another method than GET and HEAD.
        Method = "method",
        /// Credentials are missing or wrong.
        Credentials = "credentials",
        /// Only for this machine, and there are no credentials to come with.
        Elsewhere = "elsewhere",
        /// This machine, under a foreign name.
        Host = "host",
        /// Too many passwords wait to be checked.
        Busy = "busy",
    }
}

impl RejectReason {
    /// The answer's status and body.
    pub(crate) const fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::Path => (StatusCode::NOT_FOUND, "not found"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "method not allowed"),
            Self::Credentials => (StatusCode::UNAUTHORIZED, "unauthorized"),
            Self::Elsewhere => (StatusCode::FORBIDDEN, "forbidden"),
            Self::Host => (StatusCode::MISDIRECTED_REQUEST, "misdirected request"),
            Self::Busy => (StatusCode::TOO_MANY_REQUESTS, "too many requests"),
        }
    }
}

/// Decides how much a request may see. A path that no route has (`None`) is denied to every client.
///
/// Credentials that are presented have to be right, also where a request without any would get something: a scraper
/// with an old password is to learn of it. A client that presents the right ones has not come through a foreign web
/// page, so its Host does not matter.
pub(crate) fn decide(
    route: Option<RouteAccess>,
    origin: ClientOrigin,
    outcome: AuthOutcome,
) -> Access {
    use AuthOutcome::{Busy, Missing, NotAsked, Right, Wrong};
    use RouteAccess::{Details, Metrics, Nothing, Protected, Shell};
    let Some(route) = route else {
        return Access::Denied(RejectReason::Path);
    };
    match (route, origin, outcome) {
        (Nothing, _, _)
        | (Details | Protected | Shell, ClientOrigin::Here, _)
        | (Metrics, _, NotAsked)
        | (_, _, Right) => Access::Full,
        (_, _, Busy) => Access::Denied(RejectReason::Busy),
        (_, _, Wrong) | (Metrics, _, Missing) => Access::Denied(RejectReason::Credentials),
        (Details, _, Missing | NotAsked) => Access::Probe,
        (Protected | Shell, ClientOrigin::ForeignHost, _) => Access::Denied(RejectReason::Host),
        (Protected | Shell, _, Missing) => Access::Denied(RejectReason::Credentials),
        (Shell, _, NotAsked) => Access::Full,
        (Protected, _, NotAsked) => Access::Denied(RejectReason::Elsewhere),
    }
}

#[cfg(test)]
mod tests;
