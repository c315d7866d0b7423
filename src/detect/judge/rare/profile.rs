//! Profiles: on how many days which value of a feature occurred, for a principal, for each bucket
//! and for the account.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use super::odds::Standing;
use super::{DAY, Past, Rare, hour_text};
use crate::detect::group::{Groups, tuple};

/// The most values of all buckets of an account together; beyond, buckets have no profiles.
const MAX_BUCKET_VALUES: usize = 1_000_000;
/// The most sums that are kept for the next question.
const MAX_SUMS: usize = 100_000;

/// A feature's value, among those that share its context.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place {
    context: Context,
    value: Option<Arc<str>>,
}

/// A feature, and the values that it is looked at given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Context {
    feature: usize,
    given: Arc<str>,
}

impl Place {
    /// The place of a feature's value in a combination; the hour's value is given.
    pub(super) fn of(
        rare: &Rare,
        feature: usize,
        values: &[Option<&str>],
        hour: Option<&str>,
    ) -> Self {
        let given = rare.features.get(feature).map_or(&[][..], |feature| &feature.given);
        let given: Vec<Option<&str>> =
            given.iter().map(|before| values.get(*before).copied().flatten()).collect();
        let value = hour.or_else(|| values.get(feature).copied().flatten());
        let context = Context { feature, given: tuple::join(&given).into() };
        Self { context, value: value.map(Arc::from) }
    }

    /// The value.
    pub(super) fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }
}

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

/// A history of features.
#[derive(Debug, Default)]
pub(super) struct Profile {
    contexts: HashMap<Context, HashMap<Option<Arc<str>>, Days>>,
    sums: RefCell<HashMap<(Context, i64, i64), Sums>>,
}

/// The profiles of an account and of its buckets.
#[derive(Debug)]
pub struct Profiles {
    rare: Rare,
    account: Profile,
    buckets: HashMap<Arc<str>, Profile>,
    bucket_values: usize,
}

/// The values of a principal's combinations, each day once.
fn occurrences(rare: &Rare, groups: &Groups) -> BTreeSet<(Option<Arc<str>>, Place, i64)> {
    let mut found = BTreeSet::new();
    for ((bucket, row), value) in groups.rows.iter().zip(&groups.values) {
        let day = bucket.div_euclid(DAY);
        let Some(values) = value.as_deref().and_then(tuple::split) else { continue };
        let name = rare.bucket.and_then(|bucket| values.get(bucket).copied().flatten());
        let name: Option<Arc<str>> = name.map(Arc::from);
        for feature in 0..rare.features.len() {
            found.insert((name.clone(), Place::of(rare, feature, &values, None), day));
        }
        for pane in row.panes.iter().filter(|_| rare.hour) {
            let hour = hour_text(pane.start);
            let place = Place::of(rare, rare.features.len(), &values, Some(&hour));
            found.insert((name.clone(), place, day));
        }
    }
    found
}

impl Profile {
    /// A principal's own.
    pub(super) fn of(rare: &Rare, groups: &Groups) -> Self {
        let mut profile = Self::default();
        let places: BTreeSet<(Place, i64)> =
            occurrences(rare, groups).into_iter().map(|(_, place, day)| (place, day)).collect();
        for (place, day) in &places {
            profile.add(place, *day);
        }
        profile
    }

    /// Adds a principal's day with the value. Returns whether the value is new.
    fn add(&mut self, place: &Place, day: i64) -> bool {
        let context = self.contexts.entry_ref(&place.context).or_default();
        let days = context.entry_ref(&place.value).or_default();
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

    /// How the value stands in the past.
    pub(super) fn standing(&self, place: &Place, past: Past) -> Standing {
        let unknown = Standing { probability: 1.0, known: false, any: false };
        let Some(context) = self.contexts.get(&place.context) else { return unknown };
        let key = (place.context.clone(), past.from, past.until);
        let mut sums = self.sums.borrow_mut();
        if sums.len() > MAX_SUMS {
            sums.clear();
        }
        let sums = sums.entry(key).or_insert_with(|| Sums::of(context, past));
        if sums.days == 0 {
            return unknown;
        }
        let occurred = context.get(&place.value).map_or(0, |days| days_in(days, past));
        let probability = sums.probability(occurred);
        Standing { probability, known: occurred > 0, any: true }
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
    fn of(context: &HashMap<Option<Arc<str>>, Days>, past: Past) -> Self {
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

    /// Adds a principal.
    pub(in crate::detect::judge) fn add(&mut self, groups: &Groups) {
        let occurrences = occurrences(&self.rare, groups);
        let mut of_account: BTreeSet<(&Place, i64)> = BTreeSet::new();
        for (bucket, place, day) in &occurrences {
            if of_account.insert((place, *day)) {
                self.account.add(place, *day);
            }
            if self.rare.bucket == Some(place.context.feature) {
                continue;
            }
            let Some(bucket) = bucket.as_ref().filter(|_| self.has_buckets()) else { continue };
            let profile = self.buckets.entry_ref(bucket).or_default();
            self.bucket_values += usize::from(profile.add(place, *day));
        }
        if !self.has_buckets() {
            self.buckets = HashMap::new();
        }
    }

    fn has_buckets(&self) -> bool {
        self.bucket_values <= MAX_BUCKET_VALUES
    }

    /// How the value stands among the calls on a bucket.
    pub(super) fn of_bucket(&self, bucket: &str, place: &Place, past: Past) -> Standing {
        let unknown = Standing { probability: 1.0, known: false, any: false };
        self.buckets.get(bucket).map_or(unknown, |profile| profile.standing(place, past))
    }

    /// How the value stands among the calls of the account.
    pub(super) fn of_account(&self, place: &Place, past: Past) -> Standing {
        self.account.standing(place, past)
    }
}
