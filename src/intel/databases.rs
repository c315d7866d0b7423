//! Databases of countries and autonomous systems in MaxMind's format
//! (<https://maxmind.github.io/MaxMind-DB/>), whoever makes them.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use maxminddb::{LookupResult, MaxMindDbError, PathElement, Reader, WithinOptions};
use serde::de::IgnoredAny;

use super::available::Kind;
use super::networks::Networks;

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
pub(super) enum Database {
    /// A file in MaxMind's format.
    MaxMind(Box<MaxMind>),
    /// A few lines of text.
    Table(GeoTable),
}

/// A file in MaxMind's format, and what was found in it.
pub(super) struct MaxMind {
    reader: Reader<Vec<u8>>,
    kinds: BTreeSet<Kind>,
    networks: u64,
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

impl MaxMind {
    /// Reads all of a database once: what is broken must show before it is asked.
    fn read(bytes: Vec<u8>) -> Result<Self, MaxMindDbError> {
        let reader = Reader::from_source(bytes)?;
        let (mut kinds, mut networks) = (BTreeSet::new(), 0);
        // Networks share records.
        let mut seen = HashSet::new();
        for found in reader.networks(WithinOptions::default())? {
            let found = found?;
            networks += 1;
            if seen.insert(found.offset()) {
                found.decode::<IgnoredAny>()?;
                let place = Place::of(&found);
                kinds.extend(place.asn.map(|_| Kind::Asn));
                kinds.extend(place.country.map(|_| Kind::Country));
            }
        }
        Ok(Self { reader, kinds, networks })
    }
}

impl Database {
    /// Reads a file in MaxMind's format, all of it.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn read(bytes: Vec<u8>) -> Result<Self, String> {
        let database = MaxMind::read(bytes).map_err(|error| error.to_string())?;
        Ok(Self::MaxMind(Box::new(database)))
    }

    /// What it says of the address.
    pub(super) fn find(&self, address: IpAddr) -> Place {
        match self {
            // An IPv4 database knows nothing of IPv6 addresses, and says so with an error.
            Self::MaxMind(database) => {
                let found = database.reader.lookup(address.to_canonical());
                found.map(|found| Place::of(&found)).unwrap_or_default()
            }
            Self::Table(table) => table.0.holding(address).next().cloned().unwrap_or_default(),
        }
    }

    /// What it tells of addresses.
    pub(super) fn kinds(&self) -> BTreeSet<Kind> {
        match self {
            Self::MaxMind(database) => database.kinds.clone(),
            Self::Table(_) => [Kind::Asn, Kind::Country].into(),
        }
    }

    /// How many networks it has.
    pub(super) fn entries(&self) -> u64 {
        match self {
            Self::MaxMind(database) => database.networks,
            Self::Table(table) => table.0.len() as u64,
        }
    }

    /// When it was built, RFC 3339.
    pub(super) fn built(&self) -> Option<String> {
        let Self::MaxMind(database) = self else { return None };
        let seconds = i64::try_from(database.reader.metadata().build_epoch).ok()?;
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
    // Of an `i64` the reader takes integers of every width, and databases have several.
    let plain = found.decode_path::<i64>(&keys(path)).ok().flatten();
    plain.map_or_else(|| number(text(found, path)?), |number| u32::try_from(number).ok())
}

fn keys(path: &[&'static str]) -> Vec<PathElement<'static>> {
    path.iter().map(|key| PathElement::Key(key)).collect()
}

/// The number of `AS64500`.
fn number(text: &str) -> Option<u32> {
    text.strip_prefix("AS")?.parse().ok()
}
