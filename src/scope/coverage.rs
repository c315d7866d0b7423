//! What was logged where: the hours in which a bucket's reads were logged, and how far each account's
//! logs go. Only what is logged can be told from what did not happen.

use std::collections::BTreeMap;

use super::event::Rows;
use crate::events::Core;

const HOUR: i64 = 3_600_000_000;
const DAY_HOURS: i64 = 24;

/// Hours, as a mask per day since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hours(BTreeMap<i64, u32>);

impl Hours {
    /// Adds the hour of a time, µs.
    pub fn add(&mut self, time: i64) {
        let hour = time.div_euclid(HOUR);
        *self.0.entry(hour.div_euclid(DAY_HOURS)).or_default() |= 1 << hour.rem_euclid(DAY_HOURS);
    }

    fn join(&mut self, other: Self) {
        for (day, mask) in other.0 {
            *self.0.entry(day).or_default() |= mask;
        }
    }

    fn iter(&self) -> impl Iterator<Item = i64> {
        self.0.iter().flat_map(|(day, mask)| {
            let is_set = move |hour: &i64| mask >> *hour & 1 == 1;
            (0..DAY_HOURS).filter(is_set).map(move |hour| day * DAY_HOURS + hour)
        })
    }

    /// The parts of a span of time, µs, that lie in no logged stretch: hours not more than a day
    /// apart are one stretch.
    #[must_use]
    pub fn gaps(&self, first: i64, last: i64) -> Vec<(i64, i64)> {
        let (mut gaps, mut at) = (Vec::new(), first);
        let mut stretch: Option<(i64, i64)> = None;
        let mut close = |stretch: (i64, i64)| {
            let (from, until) = (stretch.0 * HOUR, (stretch.1 + 1) * HOUR);
            if from > at && at <= last {
                gaps.push((at, from.min(last)));
            }
            at = at.max(until);
        };
        for hour in self.iter() {
            stretch = match stretch {
                Some((from, until)) if hour - until <= DAY_HOURS => Some((from, hour)),
                done => {
                    done.into_iter().for_each(&mut close);
                    Some((hour, hour))
                }
            };
        }
        stretch.into_iter().for_each(close);
        if at <= last {
            gaps.push((at, last));
        }
        gaps
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// An account's trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    /// Its first and last event, µs.
    pub span: (i64, i64),
    /// When reads of objects were logged, of any bucket.
    pub reads: Hours,
}

/// What was logged where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// When data events that read were logged, by bucket.
    pub buckets: BTreeMap<String, Hours>,
    /// By account.
    pub trails: BTreeMap<String, Trail>,
}

impl Coverage {
    /// Adds an event.
    pub(crate) fn add(&mut self, rows: &Rows<'_>, row: usize) {
        let Some(time) = rows.batch.times().get(row).copied() else { return };
        let account = rows.text(Core::RecipientAccount, row).unwrap_or_default();
        let reads = rows.text(Core::AccessClass, row) == Some("read");
        let bucket = rows.text(Core::Bucket, row).filter(|_| reads);
        if let Some(trail) = self.trails.get_mut(account) {
            trail.span = (trail.span.0.min(time), trail.span.1.max(time));
        } else {
            let trail = Trail { span: (time, time), reads: Hours::default() };
            self.trails.insert(account.to_owned(), trail);
        }
        let Some(bucket) = bucket else { return };
        if let Some(trail) = self.trails.get_mut(account) {
            trail.reads.add(time);
        }
        match self.buckets.get_mut(bucket) {
            Some(hours) => hours.add(time),
            // Names that are guessed are no buckets.
            None if rows.text(Core::ErrorCode, row) == Some("NoSuchBucket") => {}
            None => self.buckets.entry(bucket.to_owned()).or_default().add(time),
        }
    }

    /// Both together.
    pub fn join(&mut self, other: Self) {
        for (bucket, hours) in other.buckets {
            self.buckets.entry(bucket).or_default().join(hours);
        }
        for (account, trail) in other.trails {
            match self.trails.get_mut(&account) {
                Some(own) => {
                    own.span = (own.span.0.min(trail.span.0), own.span.1.max(trail.span.1));
                    own.reads.join(trail.reads);
                }
                None => drop(self.trails.insert(account, trail)),
            }
        }
    }

    /// The last event of all, µs.
    #[must_use]
    pub fn last(&self) -> Option<i64> {
        self.trails.values().map(|trail| trail.span.1).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_what_no_stretch_covers() {
        let hours = |of: &[i64]| {
            let mut hours = Hours::default();
            for hour in of {
                hours.add(hour * HOUR + 7);
            }
            hours
        };
        let gaps = |of: &[i64], from: i64, until: i64| {
            let gaps = hours(of).gaps(from * HOUR, until * HOUR);
            gaps.into_iter().map(|(a, b)| (a / HOUR, b / HOUR)).collect::<Vec<_>>()
        };
        assert_eq!(gaps(&[], 5, 9), [(5, 9)]);
        assert_eq!(gaps(&[4, 20], 5, 9), []);
        assert_eq!(gaps(&[4, 29], 5, 9), [(5, 9)]);
        assert_eq!(gaps(&[4, 29, 60], 0, 70), [(0, 4), (5, 29), (30, 60), (61, 70)]);
        assert_eq!(gaps(&[100], 5, 9), [(5, 9)]);
        assert_eq!(gaps(&[1], 5, 9), [(5, 9)]);
        assert_eq!(gaps(&[6], 6, 6), []);
    }
}
