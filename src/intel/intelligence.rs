//! All that is known of addresses: databases, lists and AWS's ranges together.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::available::{Available, Kind};
use super::aws_ranges::AwsRanges;
use super::databases::{Database, GeoTable, Place};
use super::lists::{Label, List};
use super::networks::{Networks, is_private};
use super::source::Source;
use super::user_agent::is_service;

/// What is known of an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// The autonomous system, `AS64500`.
    pub asn: Option<Arc<str>>,
    /// Whose it is.
    pub organization: Option<Arc<str>>,
    /// The country, ISO 3166-1, two letters.
    pub country: Option<Arc<str>>,
    /// AWS's service and region, `EC2 eu-west-1`.
    pub aws_range: Option<Arc<str>>,
    /// Labels of the threat lists that name it, sorted, with commas between them.
    pub threat_lists: Option<Arc<str>>,
    /// Whether it is one of the trusted.
    pub trusted: bool,
    /// The coarsest that is known of where it is: `private`, `service` or a service's name,
    /// `aws:eu-west-1`, `AS64500`; `None` if nothing but the address is known.
    pub origin: Option<Arc<str>>,
}

/// What is known of addresses. Nothing, by default.
#[derive(Default)]
pub struct Intel {
    databases: Vec<Database>,
    threats: Networks<BTreeSet<Label>>,
    trusted: Networks<()>,
    aws_ranges: AwsRanges,
    kinds: BTreeSet<Kind>,
    sources: Vec<Source>,
}

impl Intel {
    /// What is known of a source address, as CloudTrail logs it.
    #[must_use]
    pub fn address(&self, logged: &str) -> Address {
        let Ok(address) = logged.parse::<IpAddr>() else { return no_address(logged) };
        let trusted = self.trusted.holding(address).next().is_some();
        if is_private(address) {
            // Lists of addresses nobody should call from hold the private ones too.
            return Address { trusted, origin: Some("private".into()), ..Address::default() };
        }
        let place = self.place(address);
        let range = self.aws_ranges.find(address);
        let asn: Option<Arc<str>> = place.asn.map(|number| format!("AS{number}").into());
        let region = range.map(|range| Arc::from(format!("aws:{}", range.region)));
        Address {
            origin: region.or_else(|| asn.clone()),
            aws_range: range.map(|range| format!("{} {}", range.service, range.region).into()),
            threat_lists: self.threat_lists(address),
            asn,
            organization: place.organization,
            country: place.country,
            trusted,
        }
    }

    /// The first database that knows something counts for it.
    fn place(&self, address: IpAddr) -> Place {
        let mut place = Place::default();
        for database in &self.databases {
            if place.asn.is_some() && place.country.is_some() {
                break;
            }
            place = place.or(database.find(address));
        }
        place
    }

    fn threat_lists(&self, address: IpAddr) -> Option<Arc<str>> {
        let labels: BTreeSet<&Label> = self.threats.holding(address).flatten().collect();
        let labels: Vec<&str> = labels.iter().map(|label| label.text().as_ref()).collect();
        (!labels.is_empty()).then(|| labels.join(",").into())
    }

    /// Whether anything is known of countries or autonomous systems.
    #[must_use]
    pub fn knows_places(&self) -> bool {
        !self.databases.is_empty()
    }

    /// Which kinds of knowledge there are.
    #[must_use]
    pub fn available(&self) -> Available {
        let files = self.sources.iter().map(|source| {
            let label = source.label.as_deref().unwrap_or_default();
            format!("{} {label} {}", source.kind, source.sha256)
        });
        Available::new(self.kinds.clone(), files.collect())
    }

    /// The files behind it, in the order in which they were given.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Adds a database of a few lines.
    pub fn add_geo_table(&mut self, table: GeoTable) {
        self.add_database(Database::Table(table));
    }

    pub(super) fn add_database(&mut self, database: Database) {
        self.kinds.extend(database.kinds());
        self.databases.push(database);
    }

    /// Adds a threat list; lines without a label of their own get `label`.
    pub fn add_threat_list(&mut self, label: &Label, list: List) {
        self.kinds.insert(Kind::ThreatList);
        for (network, own) in list.entries {
            let label = own.unwrap_or_else(|| label.clone());
            self.kinds.insert(Kind::Labelled(label.text().clone()));
            self.threats.entry(network).insert(label);
        }
    }

    /// Adds addresses that are trusted.
    pub fn add_trusted(&mut self, list: List) {
        self.kinds.insert(Kind::Trusted);
        for (network, _) in list.entries {
            self.trusted.entry(network);
        }
    }

    /// Adds AWS's ranges, in the form in which AWS publishes them.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn add_aws_ranges(&mut self, json: &[u8]) -> Result<(), String> {
        self.set_aws_ranges(AwsRanges::parse(json)?);
        Ok(())
    }

    pub(super) fn set_aws_ranges(&mut self, ranges: AwsRanges) {
        self.kinds.insert(Kind::AwsRanges);
        self.aws_ranges = ranges;
    }

    pub(super) fn add_source(&mut self, source: Source) {
        self.sources.push(source);
    }
}

impl fmt::Debug for Intel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Intel").field("sources", &self.sources).finish_non_exhaustive()
    }
}

/// What services log in place of an address: their name, or something else.
fn no_address(logged: &str) -> Address {
    let origin = if is_service(logged) { logged } else { "service" };
    Address { origin: Some(origin.into()), ..Address::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intel::parse_list;

    fn origin(intel: &Intel, address: &str) -> Option<String> {
        intel.address(address).origin.map(|origin| origin.to_string())
    }

    #[test]
    fn the_origin_is_the_coarsest_that_is_known() {
        let mut intel = Intel::default();
        let geo = "198.51.100.0/24 AS64500 DE\n203.0.113.0/24 AS64501\n10.0.0.0/8 AS64502 FR";
        intel.add_geo_table(GeoTable::parse(geo).unwrap());
        let ranges = br#"{"prefixes":[
            {"ip_prefix":"203.0.113.0/25","region":"eu-west-1","service":"EC2"}]}"#;
        intel.add_aws_ranges(ranges).unwrap();
        for (address, expected) in [
            ("198.51.100.7", Some("AS64500")),
            ("203.0.113.7", Some("aws:eu-west-1")),
            ("203.0.113.200", Some("AS64501")),
            ("192.0.2.1", None),
            ("10.1.2.3", Some("private")),
            ("athena.amazonaws.com", Some("athena.amazonaws.com")),
            ("AWS Internal", Some("service")),
            ("", Some("service")),
        ] {
            assert_eq!(origin(&intel, address).as_deref(), expected, "{address}");
        }
        let known = intel.address("203.0.113.7");
        assert_eq!(known.aws_range.as_deref(), Some("EC2 eu-west-1"));
        assert_eq!((known.asn.as_deref(), known.country), (Some("AS64501"), None));
        assert_eq!(intel.address("10.1.2.3").country, None);
    }

    #[test]
    fn labels_are_sorted_and_private_addresses_are_on_no_list() {
        let mut intel = Intel::default();
        let label = |text| Label::of(text).unwrap();
        intel.add_threat_list(&label("zeta"), parse_list(b"198.51.100.0/24\n10.0.0.0/8\n"));
        intel.add_threat_list(&label("tor"), parse_list(b"198.51.100.7\n"));
        intel.add_trusted(parse_list(b"198.51.100.7\n10.0.0.0/8"));
        let known = intel.address("::ffff:198.51.100.7");
        assert_eq!((known.threat_lists.as_deref(), known.trusted), (Some("tor,zeta"), true));
        let known = intel.address("198.51.100.8");
        assert_eq!((known.threat_lists.as_deref(), known.trusted), (Some("zeta"), false));
        let known = intel.address("10.0.0.1");
        assert_eq!((known.threat_lists, known.trusted), (None, true));
        let available = intel.available();
        assert!(available.has(&Kind::parse("threat_list:tor").unwrap()));
        assert!(!available.has(&Kind::parse("threat_list:other").unwrap()));
        assert!(!available.has(&Kind::Asn));
    }

    #[test]
    fn the_first_database_that_knows_counts() {
        let mut intel = Intel::default();
        for geo in ["198.51.100.0/25 DE", "198.51.100.0/24 AS64500 FR", "198.51.100.0/24 AS64501"] {
            intel.add_geo_table(GeoTable::parse(geo).unwrap());
        }
        let known = intel.address("198.51.100.7");
        assert_eq!((known.country.as_deref(), known.asn.as_deref()), (Some("DE"), Some("AS64500")));
        assert_eq!(intel.address("198.51.100.200").country.as_deref(), Some("FR"));
    }
}
