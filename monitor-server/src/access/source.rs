//! Where connections come from: single peers, and the sources that limits are counted by.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    Tcp(SocketAddr),
    /// A Unix socket's peers have no address; who may open the socket is on this machine.
    Unix,
}

impl Peer {
    /// Whether it is on this machine.
    pub(crate) fn is_local(self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix => true,
        }
    }

    /// Its address, that of IPv4 where it is written as IPv6.
    pub(crate) fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip().to_canonical()),
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
    fn from(address: SocketAddr) -> Self {
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
        Peer::Tcp(text.parse().expect("an address"))
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
