//! Databases of countries and autonomous systems in MaxMind's format
//! (<https://maxmind.github.io/MaxMind-DB/>), whoever makes them.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use maxminddb::{LookupResult, PathElement, Reader, WithinOptions};

use super::available::Kind;
use super::networks::Networks;

/// How many records are looked at to see what a database tells.
const PROBED: usize = 10_000;

/// What a database says of an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// The number of the autonomous system.
    pub asn: Option<u32>,
    /// Whose it is.
    pub organization: Option<Arc<str>>,
    /// ISO 3166-1, two letters.
    pub country: Option<Arc<str>>,
}

/// A database.
#[derive(Debug)]
pub(super) enum Database {
    /// A file in MaxMind's format.
    MaxMind(Box<Reader<Vec<u8>>>),
    /// A few lines of text.
    Table(GeoTable),
}

/// A database of a few lines, for the cases of detectors: `198.51.100.0/24 AS64500 DE`.
#[derive(Debug, Clone, Default)]
pub struct GeoTable(Networks<Place>);

impl GeoTable {
    /// Reads lines of a network, and behind it an AS number, a country, or both.
    ///
    /// # Errors
    /// The first line that is something else.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut table = Self::default();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let mut words = line.split_whitespace();
            let network = words.next().and_then(|word| word.parse::<IpNet>().ok());
            let network = network.ok_or_else(|| format!("`{line}` begins with no network"))?;
            let place = table.0.entry(network);
            for word in words {
                match number(word) {
                    Some(asn) => place.asn = Some(asn),
                    None => place.country = Some(word.into()),
                }
            }
        }
        Ok(table)
    }
}

impl Database {
    /// Reads a file in MaxMind's format, and checks all of it.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn read(bytes: Vec<u8>) -> Result<Self, String> {
        let reader = Reader::from_source(bytes).map_err(|error| error.to_string())?;
        reader.verify().map_err(|error| error.to_string())?;
        Ok(Self::MaxMind(Box::new(reader)))
    }

    /// What it says of the address.
    pub(super) fn find(&self, address: IpAddr) -> Place {
        match self {
            // An IPv4 database knows nothing of IPv6 addresses, and says so with an error.
            Self::MaxMind(reader) => {
                reader.lookup(address).map(|found| Place::of(&found)).unwrap_or_default()
            }
            Self::Table(table) => table.0.holding(address).next().cloned().unwrap_or_default(),
        }
    }

    /// What it tells of addresses, as its first records and its type have it.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        let Self::MaxMind(reader) = self else { return vec![Kind::Asn, Kind::Country] };
        let name = reader.metadata().database_type.to_ascii_lowercase();
        let mut asn = name.contains("asn");
        let mut country = name.contains("country") || name.contains("city");
        let networks = reader.networks(WithinOptions::default());
        for found in networks.into_iter().flatten().take(PROBED).flatten() {
            let place = Place::of(&found);
            asn |= place.asn.is_some();
            country |= place.country.is_some();
            if asn && country {
                break;
            }
        }
        let told = [(asn, Kind::Asn), (country, Kind::Country)];
        told.into_iter().filter(|(told, _)| *told).map(|(_, kind)| kind).collect()
    }

    /// How many networks it has.
    pub(super) fn entries(&self) -> u64 {
        match self {
            Self::MaxMind(reader) => {
                let networks = reader.networks(WithinOptions::default());
                networks.into_iter().flatten().flatten().count() as u64
            }
            Self::Table(table) => table.0.len() as u64,
        }
    }

    /// When it was built, RFC 3339.
    pub(super) fn built(&self) -> Option<String> {
        let Self::MaxMind(reader) = self else { return None };
        let seconds = i64::try_from(reader.metadata().build_epoch).ok()?;
        let time = jiff::Timestamp::from_second(seconds).ok()?;
        Some(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    }
}

/// Where databases have the country: MaxMind's own, then flat ones.
const COUNTRY: &[&[&str]] =
    &[&["country", "iso_code"], &["registered_country", "iso_code"], &["country_code"]];

/// Where databases have the number of the autonomous system; some as text, `AS64500`.
const ASN: &[&[&str]] = &[&["autonomous_system_number"], &["asn"]];

/// Where databases have its owner.
const ORGANIZATION: &[&[&str]] = &[&["autonomous_system_organization"], &["as_name"]];

impl Place {
    fn of(found: &LookupResult<'_, Vec<u8>>) -> Self {
        let text = |paths: &[&[&'static str]]| -> Option<Arc<str>> {
            paths.iter().find_map(|path| text(found, path)).map(Arc::from)
        };
        Self {
            asn: ASN.iter().find_map(|path| asn(found, path)),
            organization: text(ORGANIZATION),
            country: text(COUNTRY),
        }
    }

    /// What this place lacks and the other one has.
    pub(super) fn or(self, other: Self) -> Self {
        // Name and number come from one database: their numbers may differ.
        let known = self.asn.is_some();
        Self {
            asn: self.asn.or(other.asn),
            organization: if known { self.organization } else { other.organization },
            country: self.country.or(other.country),
        }
    }
}

/// The text at a path; values of other types are none.
fn text<'r>(found: &LookupResult<'r, Vec<u8>>, path: &[&'static str]) -> Option<&'r str> {
    let text: &str = found.decode_path(&keys(path)).ok()??;
    Some(text).filter(|text| !text.is_empty())
}

fn asn(found: &LookupResult<'_, Vec<u8>>, path: &[&'static str]) -> Option<u32> {
    let plain = found.decode_path::<u32>(&keys(path)).ok().flatten();
    plain.or_else(|| number(text(found, path)?))
}

fn keys(path: &[&'static str]) -> Vec<PathElement<'static>> {
    path.iter().map(|key| PathElement::Key(key)).collect()
}

/// The number of `AS64500`.
fn number(text: &str) -> Option<u32> {
    text.strip_prefix("AS")?.parse().ok()
}
