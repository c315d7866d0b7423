//! What a rule asks of one field, in plain data. Equal predicates of all rules are one, so that
//! each is evaluated once.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::text::TextMatcher;
use crate::events::{Field, parse_event_time};

/// A question to one field of an event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Predicate {
    /// The field. Of several values one must pass the test.
    pub field: Field,
    /// The test.
    pub test: Test,
}

/// What is asked of a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Test {
    /// It matches a pattern.
    Text(TextMatcher),
    /// A regular expression is found in it.
    Regex(Pattern),
    /// It is an address in the network.
    Cidr(IpNet),
    /// It is a number that compares so.
    Number(Comparison, Number),
    /// It is a time, of which the part compares so.
    TimePart(TimePart, Comparison, Number),
    /// There is a value, of whatever kind.
    Present,
    /// It is compared with the values of another field.
    Reference(Reference),
}

/// A regular expression as written, with its flags inside.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern(pub String);

/// How a number is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `lt`
    Lt,
    /// `lte`
    Lte,
    /// `gt`
    Gt,
    /// `gte`
    Gte,
    /// No modifier.
    Eq,
}

/// A finite number, compared by its bits for equality of predicates only.
#[derive(Debug, Clone, Copy)]
pub struct Number(pub f64);

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl Eq for Number {}

impl std::hash::Hash for Number {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl Comparison {
    /// Whether `value` compares so to `number`.
    #[must_use]
    #[allow(clippy::float_cmp, reason = "equality of whole numbers of a calendar")]
    pub fn holds(self, value: f64, number: f64) -> bool {
        match self {
            Self::Lt => value < number,
            Self::Lte => value <= number,
            Self::Gt => value > number,
            Self::Gte => value >= number,
            Self::Eq => value == number,
        }
    }
}

/// A part of a time, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimePart {
    /// 0–59
    Minute,
    /// 0–23
    Hour,
    /// Of the month, 1–31.
    Day,
    /// Of the ISO year, 1–53.
    Week,
    /// 1–12
    Month,
    /// With four digits.
    Year,
}

impl TimePart {
    /// The part of the time that `text` tells.
    #[must_use]
    pub fn of(self, text: &str) -> Option<f64> {
        let time = Timestamp::from_microsecond(parse_event_time(text)?).ok()?;
        let time: Zoned = time.to_zoned(TimeZone::UTC);
        Some(match self {
            Self::Minute => time.minute().into(),
            Self::Hour => time.hour().into(),
            Self::Day => time.day().into(),
            Self::Week => time.date().iso_week_date().week().into(),
            Self::Month => time.month().into(),
            Self::Year => time.year().into(),
        })
    }
}

/// A comparison with another field of the same event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The other field.
    pub other: Field,
    /// How its values are anchored in those of the first.
    pub operation: super::Operation,
    /// Whether case counts.
    pub cased: bool,
}

/// A number as texts spell it; what is no finite number is `None`.
#[must_use]
pub(super) fn number_of(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

/// An address; IPv4 addresses mapped to IPv6 are what they map.
#[must_use]
pub(super) fn address_of(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// All predicates, each once.
#[derive(Debug, Clone, Default)]
pub struct Predicates {
    list: Vec<Predicate>,
    known: HashMap<Predicate, usize>,
}

impl Predicates {
    /// The number of a predicate.
    pub fn intern(&mut self, predicate: Predicate) -> usize {
        let next = self.list.len();
        *self.known.entry(predicate).or_insert_with_key(|predicate| {
            self.list.push(predicate.clone());
            next
        })
    }

    /// All of them, by number.
    #[must_use]
    pub fn list(&self) -> &[Predicate] {
        &self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_times_are_those_of_utc() {
        let time = "2024-12-30T23:59:01+02:00";
        let parts = [
            (TimePart::Minute, 59.0),
            (TimePart::Hour, 21.0),
            (TimePart::Day, 30.0),
            (TimePart::Week, 1.0),
            (TimePart::Month, 12.0),
            (TimePart::Year, 2024.0),
        ];
        for (part, expected) in parts {
            assert_eq!(part.of(time), Some(expected), "{part:?}");
        }
        assert_eq!(TimePart::Week.of("2021-01-01T00:00:00Z"), Some(53.0));
        assert_eq!(TimePart::Hour.of("noon"), None);
    }

    #[test]
    fn numbers_and_addresses_are_read_or_none() {
        assert_eq!(number_of(" 5.24E2"), Some(524.0));
        for text in ["", "five", "NaN", "1e999"] {
            assert_eq!(number_of(text), None, "{text}");
        }
        assert_eq!(address_of("::ffff:192.0.2.1"), address_of("192.0.2.1"));
        assert_eq!(address_of("AWS Internal"), None);
    }
}
