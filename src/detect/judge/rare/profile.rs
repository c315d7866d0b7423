//! Profiles: on how many days which value of a feature occurred, for a principal, for each bucket
//! and for the account.

use hashbrown::HashMap;
use rayon::prelude::*;

use super::combination::{Combination, Place, combinations};
use super::odds::Standing;
use super::{DAY, Past, Rare};
use crate::detect::group::Groups;
use crate::detect::judge::memo::Memo;

/// The most values of all buckets of an account together; beyond, buckets have no profiles.
const MAX_BUCKET_VALUES: usize = 1_000_000;

/// The days of one value: (day, on how many principals' days), ascending.
type Days = Vec<(i64, u64)>;

/// What a history of a context comes to.
#[derive(Debug, Default)]
struct Sums {
    /// Different values.
    values: u64,
    /// Days with a value.
    days: u64,
    /// (On how many days a value occurred, days of all values that occurred on no more), ascending.
    up_to: Vec<(u64, u64)>,
}

/// A history of features: the days of each value of each context.
#[derive(Debug, Default)]
pub(super) struct Profile {
    contexts: HashMap<u64, HashMap<u64, Days>>,
    sums: Memo<(u64, Past), Sums>,
}

/// The profiles of an account and of its buckets.
#[derive(Debug)]
pub struct Profiles {
    rare: Rare,
    account: Profile,
    buckets: HashMap<u64, Profile>,
    bucket_values: usize,
}

/// A value, the day on which it occurred, and the bucket on which it did.
type Occurrence = (Place, i64, Option<u64>);

/// The values of a principal's combinations with the bucket that they occurred on, each day once.
fn occurrences(rare: &Rare, groups: &Groups, combinations: &[Combination<'_>]) -> Vec<Occurrence> {
    let mut found = Vec::new();
    for combination in combinations {
        for (start, row) in groups.rows.get(combination.rows.clone()).unwrap_or_default() {
            let day = start.div_euclid(DAY);
            let hours =
                row.panes.iter().filter(|_| rare.hour).map(|pane| Place::of_hour(pane.start));
            let places = combination.places.iter().copied().chain(hours);
            found.extend(places.map(|place| (place, day, combination.bucket)));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

impl Profile {
    /// A principal's own.
    pub(super) fn of(rare: &Rare, groups: &Groups, combinations: &[Combination<'_>]) -> Self {
        let mut profile = Self::default();
        let occurrences = occurrences(rare, groups, combinations);
        for same in occurrences.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            if let Some((place, day, _)) = same.first() {
                profile.add(*place, *day);
            }
        }
        profile
    }

    /// Adds a principal's day with the value. Returns whether the value is new.
    fn add(&mut self, place: Place, day: i64) -> bool {
        let days = self.contexts.entry(place.context).or_default().entry(place.value).or_default();
        let is_new = days.is_empty();
        match days.binary_search_by_key(&day, |(day, _)| *day) {
            Ok(at) => {
                if let Some((_, principals)) = days.get_mut(at) {
                    *principals += 1;
                }
            }
            Err(at) => days.insert(at, (day, 1)),
        }
        is_new
    }

    /// How the value stands in the past; `None` if the past has no day with any value.
    pub(super) fn standing(&self, place: Place, past: Past) -> Option<Standing> {
        let context = self.contexts.get(&place.context)?;
        let occurred = context.get(&place.value).map_or(0, |days| days_in(days, past));
        let standing = |sums: &Sums| {
            let known = occurred > 0;
            (sums.days > 0).then(|| Standing { probability: sums.probability(occurred), known })
        };
        self.sums.look((place.context, past), || Sums::of(context, past), standing)
    }
}

/// On how many days of the past.
fn days_in(days: &Days, past: Past) -> u64 {
    let from = days.partition_point(|(day, _)| *day < past.from);
    let of_past = days.get(from..).unwrap_or_default().iter();
    of_past.take_while(|(day, _)| *day < past.until).map(|(_, principals)| principals).sum()
}

impl Sums {
    #[allow(clippy::iter_over_hash_type, reason = "sorted right below")]
    fn of(context: &HashMap<u64, Days>, past: Past) -> Self {
        let mut counts: Vec<u64> = context.values().map(|days| days_in(days, past)).collect();
        counts.retain(|count| *count > 0);
        counts.sort_unstable();
        let mut sums = Self { values: counts.len() as u64, ..Self::default() };
        for count in counts {
            sums.days += count;
            match sums.up_to.last_mut().filter(|(last, _)| *last == count) {
                Some((_, days)) => *days = sums.days,
                None => sums.up_to.push((count, sums.days)),
            }
        }
        sums
    }

    /// How probable a value is that occurred so often, or a rarer one.
    #[allow(clippy::cast_precision_loss, reason = "days of principals, far below 2^53")]
    fn probability(&self, occurred: u64) -> f64 {
        let at = self.up_to.partition_point(|(count, _)| *count <= occurred);
        let rarer =
            at.checked_sub(1).and_then(|at| self.up_to.get(at)).map_or(0, |(_, days)| *days);
        (rarer + self.values) as f64 / (self.days + self.values) as f64
    }
}

impl Profiles {
    /// No principal yet.
    pub(in crate::detect::judge) fn new(rare: &Rare) -> Self {
        let (account, buckets) = (Profile::default(), HashMap::new());
        Self { rare: rare.clone(), account, buckets, bucket_values: 0 }
    }

    /// Whether it is what a detector that looks at these features needs.
    pub(in crate::detect::judge) fn is_for(&self, rare: &Rare) -> bool {
        (&self.rare.features, self.rare.hour) == (&rare.features, rare.hour)
    }

    /// Adds principals.
    pub(in crate::detect::judge) fn add(&mut self, groups: &[Groups]) {
        let occurrences = groups
            .par_iter()
            .map(|groups| occurrences(&self.rare, groups, &combinations(&self.rare, groups)));
        for occurrences in occurrences.collect::<Vec<_>>() {
            self.add_principal(&occurrences);
        }
    }

    fn add_principal(&mut self, occurrences: &[Occurrence]) {
        for same in occurrences.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            if let Some((place, day, _)) = same.first() {
                self.account.add(*place, *day);
            }
            for (place, day, bucket) in same {
                self.add_to_bucket(*bucket, *place, *day);
            }
        }
        if !self.has_buckets() {
            self.buckets = HashMap::new();
        }
    }

    /// Adds a value to a bucket's profile, which does not tell buckets.
    fn add_to_bucket(&mut self, bucket: Option<u64>, place: Place, day: i64) {
        let Some(bucket) = bucket.filter(|_| self.has_buckets()) else { return };
        if self.rare.bucket == Some(place.feature()) {
            return;
        }
        let profile = self.buckets.entry(bucket).or_default();
        self.bucket_values += usize::from(profile.add(place, day));
    }

    fn has_buckets(&self) -> bool {
        self.bucket_values <= MAX_BUCKET_VALUES
    }

    /// How the value stands among the calls on a bucket.
    pub(super) fn of_bucket(&self, bucket: u64, place: Place, past: Past) -> Option<Standing> {
        self.buckets.get(&bucket)?.standing(place, past)
    }

    /// How the value stands among the calls of the account.
    pub(super) fn of_account(&self, place: Place, past: Past) -> Option<Standing> {
        self.account.standing(place, past)
    }
}
