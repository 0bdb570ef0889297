//! Which addresses may connect at all.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::Peer;

/// An address and how many of its bits count: `10.0.0.0/8`, `fd00::/8`; without a number all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u8,
}

/// Not an address, too many bits, or an address with bits set that do not count: which network is meant cannot be said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoNetwork;

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NoNetwork)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            // No sign, no leading zero that somebody could take for octal.
            Some(bits) if bits.starts_with(['+', '0']) && bits != "0" => return Err(NoNetwork),
            Some(bits) => bits.parse().map_err(|_| NoNetwork)?,
            None => most,
        };
        let network = Self { address, bits };
        let is_whole = bits <= most && network.address == network.first();
        if is_whole {
            Ok(network.canonical())
        } else {
            Err(NoNetwork)
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl Network {
    /// The first address that it holds.
    fn first(self) -> IpAddr {
        match self.address {
            IpAddr::V4(address) => IpAddr::V4((address.to_bits() & mask32(self.bits)).into()),
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() & mask128(self.bits)).into()),
        }
    }

    /// One of IPv4, where it is written as IPv6: peers are compared as what they are.
    fn canonical(self) -> Self {
        match (self.address.to_canonical(), self.bits.checked_sub(96)) {
            (address @ IpAddr::V4(_), Some(bits)) if self.address.is_ipv6() => {
                Self { address, bits }
            }
            _ => self,
        }
    }

    fn holds(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                (ours.to_bits() ^ theirs.to_bits()) & mask32(self.bits) == 0
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                (ours.to_bits() ^ theirs.to_bits()) & mask128(self.bits) == 0
            }
            _ => false,
        }
    }
}

fn mask32(bits: u8) -> u32 {
    u32::MAX
        .checked_shl(32 - u32::from(bits.min(32)))
        .unwrap_or(0)
}

fn mask128(bits: u8) -> u128 {
    u128::MAX
        .checked_shl(128 - u32::from(bits.min(128)))
        .unwrap_or(0)
}

/// The networks whose addresses may connect; none at all is everybody.
#[derive(Debug, Clone, Default)]
pub(crate) struct Networks(Vec<Network>);

impl Networks {
    pub(crate) fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Who has no address came by a Unix socket, whose file's mode says who may.
    pub(crate) fn admit(&self, peer: Peer) -> bool {
        let Some(address) = peer.ip() else {
            return true;
        };
        self.0.is_empty() || self.0.iter().any(|network| network.holds(address))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn networks(of: &[&str]) -> Networks {
        let networks = of.iter().map(|text| text.parse().expect("a network"));
        Networks::new(networks.collect())
    }

    fn peer(text: &str) -> Peer {
        let address: std::net::SocketAddr = text.parse().expect("an address");
        address.into()
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
            assert_eq!(wrong.parse::<Network>(), Err(NoNetwork), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_network_holds_what_has_its_first_bits(ours: u32, theirs: u32, bits in 0_u8..=32) {
            let cut = |address: u32| format!("{address:032b}")[..usize::from(bits)].to_owned();
            let first = if bits == 0 { 0 } else { ours >> (32 - bits) << (32 - bits) };
            let text = format!("{}/{bits}", std::net::Ipv4Addr::from_bits(first));
            let network: Network = text.parse().expect("a network");
            prop_assert_eq!(network.to_string(), text);
            let address = IpAddr::V4(theirs.into());
            prop_assert_eq!(network.holds(address), cut(ours) == cut(theirs));
        }
    }
}
