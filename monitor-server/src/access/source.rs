//! Where connections come from: single peers, and the sources that limits are counted by.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Never an IPv4 address written as IPv6: made by `From`.
    Tcp(SocketAddr),
    /// A Unix socket's peers have no address; who may open the socket is on this machine.
    Unix,
}

impl Peer {
    /// Whether it is on this machine.
    pub(crate) fn is_local(self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().is_loopback(),
            Self::Unix => true,
        }
    }

    pub(crate) fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip()),
            Self::Unix => None,
        }
    }

    pub(crate) fn source(self) -> Source {
        match self.ip() {
            Some(IpAddr::V4(address)) => Source::V4(address),
            Some(IpAddr::V6(address)) => Source::V6(network_part(address)),
            None => Source::Unix,
        }
    }
}

impl From<SocketAddr> for Peer {
    /// An IPv4 client of a socket for both families comes as `::ffff:10.0.0.1`. Here, at the one way in, it becomes what it is
    /// for networks, limits, this machine's rights, and the log.
    fn from(mut address: SocketAddr) -> Self {
        if let ip @ IpAddr::V4(_) = address.ip().to_canonical() {
            address.set_ip(ip);
        }
        Self::Tcp(address)
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix => f.write_str("a unix socket"),
        }
    }
}

/// Whom limits per source hold responsible: an IPv4 address, or an IPv6 network of 64 bits, since one customer has at least
/// that many addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Source {
    V4(Ipv4Addr),
    V6(u64),
    Unix,
}

fn network_part(address: Ipv6Addr) -> u64 {
    u64::try_from(address.to_bits() >> 64).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
