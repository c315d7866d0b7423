//! AWS's own address ranges, as AWS publishes them
//! (<https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-syntax.html>).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use serde::Deserialize;

use super::networks::Networks;
use super::source::Unreadable;

/// The service that stands for all ranges.
const ALL: &str = "AMAZON";

/// Where in AWS an address is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AwsRange {
    /// `EC2`, `S3`; `AMAZON` if no service is named.
    pub service: Arc<str>,
    /// `eu-west-1`, or `GLOBAL`.
    pub region: Arc<str>,
}

/// The ranges.
#[derive(Debug, Clone, Default)]
pub(super) struct AwsRanges {
    /// Per network the ranges of services.
    services: Networks<Option<AwsRange>>,
    /// Those that no service is named for.
    all: Networks<Option<AwsRange>>,
    entries: u64,
    /// When AWS made the file.
    pub created: Option<String>,
    pub unreadable: Unreadable,
}

/// The published file. Both lists have the same form but for the name of the prefix.
#[derive(Debug, Deserialize)]
struct File {
    #[serde(rename = "createDate")]
    created: Option<String>,
    prefixes: Vec<Entry>,
    #[serde(default)]
    ipv6_prefixes: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(alias = "ipv6_prefix")]
    ip_prefix: String,
    region: String,
    service: String,
}

impl AwsRanges {
    /// Reads the published file. Entries without a readable prefix are counted.
    ///
    /// # Errors
    /// What is wrong with the file, in words.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let file: File = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let mut ranges = Self { created: file.created, ..Self::default() };
        let mut texts = Texts::default();
        for (number, entry) in (1..).zip(file.prefixes.iter().chain(&file.ipv6_prefixes)) {
            let Ok(network) = entry.ip_prefix.parse::<IpNet>() else {
                ranges.unreadable.note(number, entry.ip_prefix.as_bytes(), "no prefix");
                continue;
            };
            let (service, region) = (texts.shared(&entry.service), texts.shared(&entry.region));
            ranges.add(network, AwsRange { service, region });
        }
        Ok(ranges)
    }

    /// Of several services with the same range the first by name counts.
    fn add(&mut self, network: IpNet, range: AwsRange) {
        self.entries += 1;
        let networks = if &*range.service == ALL { &mut self.all } else { &mut self.services };
        let known = networks.entry(network);
        if known.as_ref().is_none_or(|known| range < *known) {
            *known = Some(range);
        }
    }

    /// The smallest range of a service that holds the address, else the smallest of all.
    pub(super) fn find(&self, address: IpAddr) -> Option<&AwsRange> {
        let services = self.services.holding(address).flatten().next();
        services.or_else(|| self.all.holding(address).flatten().next())
    }

    /// How many ranges there are.
    pub(super) fn entries(&self) -> u64 {
        self.entries
    }
}

/// Equal texts, once each.
#[derive(Default)]
struct Texts(BTreeMap<Arc<str>, Arc<str>>);

impl Texts {
    fn shared(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return known.clone();
        }
        let text: Arc<str> = text.into();
        self.0.insert(text.clone(), text.clone());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_range_of_a_service_wins() {
        let text = br#"{"syncToken":"1","createDate":"2026-08-22-15-17-05","prefixes":[
            {"ip_prefix":"198.51.100.0/24","region":"eu-west-1","service":"AMAZON","network_border_group":"eu-west-1"},
            {"ip_prefix":"198.51.100.0/24","region":"eu-west-1","service":"S3"},
            {"ip_prefix":"198.51.100.0/24","region":"eu-west-1","service":"EC2"},
            {"ip_prefix":"198.51.100.128/25","region":"eu-west-1","service":"AMAZON"},
            {"ip_prefix":"203.0.113.0/24","region":"GLOBAL","service":"AMAZON"},
            {"ip_prefix":"nonsense","region":"x","service":"EC2"}],
            "ipv6_prefixes":[{"ipv6_prefix":"2001:db8::/32","region":"us-east-1","service":"S3"}]}"#;
        let ranges = AwsRanges::parse(text).unwrap();
        let of = |address: &str| {
            let range = ranges.find(address.parse().unwrap())?;
            Some(format!("{} {}", range.service, range.region))
        };
        assert_eq!(of("198.51.100.200").as_deref(), Some("EC2 eu-west-1"));
        assert_eq!(of("203.0.113.1").as_deref(), Some("AMAZON GLOBAL"));
        assert_eq!(of("2001:db8::1").as_deref(), Some("S3 us-east-1"));
        assert_eq!(of("192.0.2.1"), None);
        assert_eq!((ranges.entries(), ranges.unreadable.count), (6, 1));
        assert_eq!(ranges.created.as_deref(), Some("2026-08-22-15-17-05"));
    }

    #[test]
    fn another_file_is_refused() {
        for text in ["", "[]", "{}", r#"{"prefixes":[{"ip":"1.2.3.4"}]}"#] {
            assert!(AwsRanges::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
