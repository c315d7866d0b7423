//! Networks by address: which of them hold it, the smallest first.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};

/// The prefix length of IPv4 addresses within IPv6 (`::ffff:0:0/96`, RFC 4291).
const MAPPED: u8 = 96;

/// A value for each network.
#[derive(Debug, Clone)]
pub(super) struct Networks<T> {
    networks: BTreeMap<IpNet, T>,
    /// The prefix lengths that occur.
    lengths: BTreeSet<u8>,
}

impl<T> Default for Networks<T> {
    fn default() -> Self {
        Self { networks: BTreeMap::new(), lengths: BTreeSet::new() }
    }
}

impl<T: Default> Networks<T> {
    /// The value of a network; a new one is the default.
    pub(super) fn entry(&mut self, network: IpNet) -> &mut T {
        let network = canonical(network);
        self.lengths.insert(network.prefix_len());
        self.networks.entry(network).or_default()
    }
}

impl<T> Networks<T> {
    /// The values of the networks that hold the address, the smallest network first.
    pub(super) fn holding(&self, address: IpAddr) -> impl Iterator<Item = &T> {
        let address = address.to_canonical();
        let of_length = move |length: &u8| IpNet::new(address, *length).ok();
        let networks = self.lengths.iter().rev().filter_map(of_length);
        networks.filter_map(|network| self.networks.get(&network.trunc()))
    }

    /// How many networks there are.
    pub(super) fn len(&self) -> usize {
        self.networks.len()
    }
}

/// The network without host bits, and as one of IPv4 if it is that.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network.trunc() else { return network.trunc() };
    let mapped = || {
        let length = v6.prefix_len().checked_sub(MAPPED)?;
        Ipv4Net::new(v6.addr().to_ipv4_mapped()?, length).ok()
    };
    mapped().map_or(IpNet::V6(v6), IpNet::V4)
}

/// Whether no stranger can call from the address.
#[must_use]
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

/// RFC 1918, RFC 6598 (carrier-grade NAT), loopback, link-local and unspecified.
fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let shared = first == 100 && (64..128).contains(&second);
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || shared
        || address.is_unspecified()
}

/// RFC 4193 (unique local), loopback, link-local and unspecified.
fn is_private_v6(address: Ipv6Addr) -> bool {
    address.is_unique_local()
        || address.is_unicast_link_local()
        || address.is_loopback()
        || address.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_network_comes_first_and_families_are_kept_apart() {
        let mut networks = Networks::<&str>::default();
        for (network, name) in [
            ("0.0.0.0/0", "all of IPv4"),
            ("198.51.100.0/24", "a /24"),
            ("198.51.100.7/32", "an address"),
            ("198.51.100.128/25", "another half"),
            ("2001:db8::/32", "documentation"),
            ("::ffff:203.0.113.0/120", "written as IPv6"),
        ] {
            *networks.entry(network.parse().unwrap()) = name;
        }
        let of = |address: &str| -> Vec<&str> {
            networks.holding(address.parse().unwrap()).copied().collect()
        };
        assert_eq!(of("198.51.100.7"), ["an address", "a /24", "all of IPv4"]);
        assert_eq!(of("::ffff:198.51.100.7"), of("198.51.100.7"));
        assert_eq!(of("198.51.100.200"), ["another half", "a /24", "all of IPv4"]);
        assert_eq!(of("203.0.113.9"), ["written as IPv6", "all of IPv4"]);
        assert_eq!(of("2001:db8::1"), ["documentation"]);
        assert!(of("2001:db9::1").is_empty());
        assert_eq!(networks.len(), 6);
    }

    #[test]
    fn host_bits_do_not_matter() {
        let mut networks = Networks::<u8>::default();
        *networks.entry("198.51.100.7/24".parse().unwrap()) = 1;
        assert_eq!(networks.holding("198.51.100.200".parse().unwrap()).next(), Some(&1));
    }
}
