//! The network of a source address: what stays when an address changes. Public addresses become
//! their /24 (IPv6: /48), the smallest prefixes that are routed on the Internet; the rest has one
//! name each: `private` for addresses that no stranger can call from, `service` for what is no
//! address (`AWS Internal`, `cloudtrail.amazonaws.com`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, DictionaryArray, StringArray};
use arrow::datatypes::Int32Type;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Networks that no stranger can call from.
const PRIVATE: &str = "private";
/// AWS services, which log a name in place of an address.
const SERVICE: &str = "service";

/// Prefix lengths of networks.
const IPV4_PREFIX: u8 = 24;
const IPV6_PREFIX: u8 = 48;

/// The column of networks that belongs to a column of addresses: the same keys, other values.
pub(super) fn networks(addresses: &ArrayRef) -> Option<ArrayRef> {
    let addresses = addresses.as_dictionary_opt::<Int32Type>()?;
    let values = addresses.values().as_string_opt::<i32>()?;
    let networks: StringArray = values.iter().map(|value| value.map(network)).collect();
    let column = DictionaryArray::try_new(addresses.keys().clone(), Arc::new(networks)).ok()?;
    Some(Arc::new(column))
}

fn network(address: &str) -> String {
    let Ok(address) = address.parse::<IpAddr>() else { return SERVICE.to_owned() };
    let network = match address.to_canonical() {
        IpAddr::V4(address) if is_private(address) => None,
        IpAddr::V4(address) => Ipv4Net::new(address, IPV4_PREFIX).ok().map(IpNet::V4),
        IpAddr::V6(address) if is_private_v6(address) => None,
        IpAddr::V6(address) => Ipv6Net::new(address, IPV6_PREFIX).ok().map(IpNet::V6),
    };
    network.map_or_else(|| PRIVATE.to_owned(), |network| network.trunc().to_string())
}

/// RFC 1918, RFC 6598 (carrier-grade NAT), loopback, link-local and unspecified.
fn is_private(address: Ipv4Addr) -> bool {
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
    use super::network;

    #[test]
    fn every_kind_of_source_has_a_network() {
        let cases = [
            ("198.51.100.7", "198.51.100.0/24"),
            ("2001:db8:1:2::3", "2001:db8:1::/48"),
            ("::ffff:198.51.100.7", "198.51.100.0/24"),
            ("10.1.2.3", "private"),
            ("172.31.0.1", "private"),
            ("100.64.1.1", "private"),
            ("100.128.1.1", "100.128.1.0/24"),
            ("169.254.169.254", "private"),
            ("127.0.0.1", "private"),
            ("fd00::1", "private"),
            ("fe80::1", "private"),
            ("AWS Internal", "service"),
            ("cloudtrail.amazonaws.com", "service"),
            ("", "service"),
        ];
        for (address, expected) in cases {
            assert_eq!(network(address), expected, "{address}");
        }
    }
}
