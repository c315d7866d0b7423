//! The network of a source address: what stays when an address changes. Public addresses become
//! their /24 (IPv6: /48), the smallest prefixes that are routed on the Internet; the rest has one
//! name each: `private` for addresses that no stranger can call from, `service` for what is no
//! address (`AWS Internal`, `cloudtrail.amazonaws.com`).

use std::net::IpAddr;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, DictionaryArray, StringArray};
use arrow::datatypes::Int32Type;
use ipnet::IpNet;

use crate::intel::is_private;

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

/// The network of a logged source address.
pub(crate) fn network(address: &str) -> String {
    let Ok(address) = address.parse::<IpAddr>() else { return SERVICE.to_owned() };
    if is_private(address) {
        return PRIVATE.to_owned();
    }
    let address = address.to_canonical();
    let length = if address.is_ipv4() { IPV4_PREFIX } else { IPV6_PREFIX };
    IpNet::new(address, length).map_or_else(|_| address.to_string(), |net| net.trunc().to_string())
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
