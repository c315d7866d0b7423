//! Which objects need not be read, as their keys tell: objects of other accounts and regions, and
//! those delivered before or long after the time that is asked for.

use std::ops::RangeInclusive;

use super::layout::{Layout, delivery_day, event_day};
use super::listing::{Listing, NotRead};

/// CloudTrail tries for so many days to deliver again what it could not deliver. Source: CloudTrail
/// user guide, "Amazon S3 bucket policy for CloudTrail".
const REDELIVERY_DAYS: i64 = 31;

/// Days between the end of an event and its delivery that the key's day may hide.
const SLACK_DAYS: i64 = 1;

pub(super) const OTHER_ACCOUNT: &str = "of an account that is not asked for, by its key";
pub(super) const OTHER_REGION: &str = "of a region that is not asked for, by its key";
pub(super) const OTHER_TIME: &str = "delivered outside of the time that is asked for, by its key";

const OTHER_DAY: &str = "of a day that is not asked for, by its folder";

const DAY_MICROS: i64 = 86_400_000_000;

/// What is asked for, as far as keys can tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyRange {
    /// Accounts; none: all.
    pub accounts: Vec<String>,
    /// Regions; none: all.
    pub regions: Vec<String>,
    /// Events from here on, µs.
    pub since: Option<i64>,
    /// Events before, µs.
    pub until: Option<i64>,
    /// Objects delivered on the day of this time or later, µs.
    pub delivered_since: Option<i64>,
}

impl KeyRange {
    /// Takes the objects that cannot hold what is asked for out of the listing; they are skipped.
    pub fn prune(&self, listing: &mut Listing) {
        let mut kept = Vec::new();
        for object in std::mem::take(&mut listing.objects) {
            match self.excludes(&object.uri) {
                None => kept.push(object),
                Some(reason) => listing.not_read.push(NotRead {
                    uri: object.uri,
                    reason: reason.to_owned(),
                    failed: false,
                }),
            }
        }
        listing.objects = kept;
        listing.not_read.sort_by(|a, b| a.uri.cmp(&b.uri));
    }

    /// Why an object of that key cannot hold what is asked for.
    #[must_use]
    pub fn excludes(&self, key: &str) -> Option<&'static str> {
        if *self == Self::default() {
            return None;
        }
        if let Some(Layout { account, region }) = Layout::of(key) {
            if !self.wants_account(&account) {
                return Some(OTHER_ACCOUNT);
            }
            if !self.wants_region(&region) {
                return Some(OTHER_REGION);
            }
        }
        if let Some(day) = event_day(key) {
            return (!self.event_days().contains(&day)).then_some(OTHER_DAY);
        }
        let day = delivery_day(key)?;
        (!self.days().contains(&day)).then_some(OTHER_TIME)
    }

    /// Whether the account is asked for.
    pub(super) fn wants_account(&self, account: &str) -> bool {
        self.accounts.is_empty() || self.accounts.iter().any(|wanted| wanted == account)
    }

    /// Whether the region is asked for.
    pub(super) fn wants_region(&self, region: &str) -> bool {
        self.regions.is_empty() || self.regions.iter().any(|wanted| wanted == region)
    }

    /// The days of the events that are asked for, since the epoch.
    fn event_days(&self) -> RangeInclusive<i64> {
        let day = |time: i64| time.div_euclid(DAY_MICROS);
        self.since.map_or(i64::MIN, day)..=self.until.map_or(i64::MAX, day)
    }

    /// The days of delivery on which what is asked for may have come, since the epoch.
    pub(super) fn days(&self) -> RangeInclusive<i64> {
        let event = self.since.map(|since| since.div_euclid(DAY_MICROS) - SLACK_DAYS);
        let delivered = self.delivered_since.map(|since| since.div_euclid(DAY_MICROS));
        let first = event.max(delivered).unwrap_or(i64::MIN);
        let last =
            self.until.map_or(i64::MAX, |until| until.div_euclid(DAY_MICROS) + REDELIVERY_DAYS);
        first..=last
    }
}

#[cfg(test)]
mod tests {
    use super::super::listing::{LogObject, Place};
    use super::*;

    fn kept(range: &KeyRange) -> Vec<String> {
        let name = |account: u64, region: &str, day: u32| {
            format!(
                "in/AWSLogs/{account:012}/CloudTrail/{region}/2026/03/{day:02}/\
                 {account:012}_CloudTrail_{region}_202603{day:02}T1015Z_abcdefgh12345678.json.gz"
            )
        };
        let keys = [
            name(1, "eu-west-1", 4),
            name(2, "eu-west-1", 5),
            name(1, "us-east-1", 9),
            "x.json".into(),
        ];
        let object = |key: &String| LogObject {
            uri: key.as_str().into(),
            place: Place::File(None),
            bytes: 1,
            given: false,
        };
        let mut listing =
            Listing { objects: keys.iter().map(object).collect(), ..Listing::default() };
        range.prune(&mut listing);
        assert_eq!(listing.objects.len() + listing.not_read.len(), 4);
        let position = |object: &LogObject| keys.iter().position(|key| **key == *object.uri);
        listing.objects.iter().filter_map(position).map(|at| at.to_string()).collect()
    }

    #[test]
    fn keys_tell_what_need_not_be_read() {
        let day = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_microsecond();
        let all = KeyRange::default();
        assert_eq!(kept(&all), ["0", "1", "2", "3"]);
        let of = |accounts: &[&str], regions: &[&str]| KeyRange {
            accounts: accounts.iter().map(|text| (*text).to_owned()).collect(),
            regions: regions.iter().map(|text| (*text).to_owned()).collect(),
            ..KeyRange::default()
        };
        assert_eq!(kept(&of(&["000000000001"], &[])), ["0", "2", "3"]);
        assert_eq!(kept(&of(&[], &["eu-west-1", "x"])), ["0", "1", "3"]);
        let since = KeyRange { since: Some(day("2026-03-06T00:00:00Z")), ..all.clone() };
        assert_eq!(kept(&since), ["1", "2", "3"]);
        let delivered =
            KeyRange { delivered_since: Some(day("2026-03-05T23:00:00Z")), ..all.clone() };
        assert_eq!(kept(&delivered), ["1", "2", "3"]);
        let until = KeyRange { until: Some(day("2026-02-02T00:00:00Z")), ..all.clone() };
        assert_eq!(kept(&until), ["0", "1", "3"]);
    }
}
