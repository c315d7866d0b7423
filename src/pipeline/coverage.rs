//! What was logged where, hour by hour: the rows of `coverage.parquet`, and the days by which
//! histories are judged. The rows do not stay in memory; a day of a bucket takes 16 bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;

use super::output::coverage_batch;
use super::run::NotJudged;
use super::sheet::{Sheet, SheetWriter};
use super::tables::Spill;
use crate::detect::group::{Entity, Groups};
use crate::detect::rules::Detector;
use crate::error::Result;

/// Events of one account, region, bucket and class in one hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoverageRow {
    /// The account whose trail got them.
    pub account: Option<Arc<str>>,
    /// The region.
    pub region: Option<Arc<str>>,
    /// The bucket; none for events that concern none.
    pub bucket: Option<Arc<str>>,
    /// `read`, `write`, `delete` or `management`.
    pub class: Option<Arc<str>>,
    /// Start of the hour, seconds since the epoch.
    pub hour: i64,
    /// Calls that succeeded.
    pub ok: u64,
    /// Calls that failed.
    pub failed: u64,
}

impl CoverageRow {
    fn is_management(&self) -> bool {
        self.class.as_deref() == Some("management")
    }

    fn is_data(&self) -> bool {
        self.bucket.is_some() && !matches!(self.class.as_deref(), Some("management" | "other"))
    }
}

/// What was logged where; silence is no safety.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// Sorted by account, region, bucket, class, hour.
    rows: Sheet<CoverageRow>,
    data_events: BTreeMap<Option<Arc<str>>, bool>,
    management_events: bool,
    days: BTreeSet<i64>,
}

impl Coverage {
    /// Whether there are S3 data events of any account.
    #[must_use]
    pub fn has_data_events(&self) -> bool {
        self.data_events.values().any(|has| *has)
    }

    /// Whether there are management events of any account.
    #[must_use]
    pub fn has_management_events(&self) -> bool {
        self.management_events
    }

    /// The days with events, since 1970.
    #[must_use]
    pub fn days(&self) -> &BTreeSet<i64> {
        &self.days
    }

    /// Per account: whether it has S3 data events.
    #[must_use]
    pub fn data_events(&self) -> &BTreeMap<Option<Arc<str>>, bool> {
        &self.data_events
    }

    /// What the logs cannot show to detectors that need S3 data events.
    #[must_use]
    pub fn not_judged(&self, detectors: &[Detector]) -> Vec<NotJudged> {
        let needy: Vec<String> = detectors
            .iter()
            .filter(|detector| detector.raises && detector.metadata.needs_data_events)
            .map(|detector| detector.metadata.id.clone())
            .collect();
        if needy.is_empty() {
            return Vec::new();
        }
        let without = self.data_events.iter().filter(|(_, has)| !**has);
        let accounts: Vec<String> = without
            .map(|(account, _)| account.as_deref().unwrap_or("unknown").to_owned())
            .collect();
        if accounts.is_empty() {
            return Vec::new();
        }
        let reason = "the logs hold no S3 data events, so object-level calls cannot be seen";
        vec![NotJudged { detectors: needy, accounts, entities: None, reason: reason.to_owned() }]
    }

    /// Writes the rows as Parquet.
    ///
    /// # Errors
    /// Those of the files.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        self.rows.write(path, coverage_batch)
    }
}

/// Coverage being collected.
pub(super) struct Logged {
    rows: SheetWriter<CoverageRow>,
    data_events: BTreeMap<Option<Arc<str>>, bool>,
    management_events: bool,
    all_days: BTreeSet<i64>,
    days: CoveredDays,
}

impl Logged {
    /// Nothing yet.
    pub(super) fn new(spill: Spill<'_>) -> Self {
        let rows = SheetWriter::new(spill, coverage_batch);
        let (data_events, all_days) = (BTreeMap::new(), BTreeSet::new());
        let days = CoveredDays::default();
        Self { rows, data_events, management_events: false, all_days, days }
    }

    /// Adds the hours of one account, region, bucket and class.
    ///
    /// # Errors
    /// Those of the file that many rows go to.
    pub(super) fn add(&mut self, groups: &Groups) -> Result<()> {
        let column = |position: usize| groups.entity.get(position).cloned().flatten();
        let mut noted = None;
        for pane in groups.rows.iter().flat_map(|(_, row)| &row.panes) {
            let row = CoverageRow {
                account: column(0),
                region: column(1),
                bucket: column(2),
                class: column(3),
                hour: pane.start,
                ok: pane.ok,
                failed: pane.failed,
            };
            let day = row.hour.div_euclid(86_400);
            if noted.replace(day) != Some(day) {
                *self.data_events.entry(row.account.clone()).or_default() |= row.is_data();
                self.management_events |= row.is_management();
                self.all_days.insert(day);
                self.days.note(&row, day);
            }
            self.rows.push(row)?;
        }
        Ok(())
    }

    /// What was collected.
    ///
    /// # Errors
    /// Those of the file that many rows go to.
    pub(super) fn finish(self) -> Result<Coverage> {
        let Self { rows, data_events, management_events, all_days: days, .. } = self;
        Ok(Coverage { rows: rows.finish()?, data_events, management_events, days })
    }
}

/// The account, and whether only data events count.
type AccountKind = (Option<Arc<str>>, bool);

/// The days that the logs show, by account and by bucket, ascending.
#[derive(Debug, Default)]
pub(super) struct CoveredDays {
    hasher: RandomState,
    accounts: BTreeMap<AccountKind, Vec<i64>>,
    /// Hash of account, kind and bucket, and a day.
    noted: Vec<(u64, i64)>,
    /// The same, sorted: there may be millions of buckets.
    buckets: Vec<u64>,
    days: Vec<i64>,
}

impl CoveredDays {
    /// The days of coverage that is complete.
    pub(super) fn of(logged: &mut Logged) -> Self {
        let mut days = std::mem::take(&mut logged.days);
        days.noted.sort_unstable();
        days.noted.dedup();
        (days.buckets, days.days) = std::mem::take(&mut days.noted).into_iter().unzip();
        days
    }

    fn note(&mut self, row: &CoverageRow, day: i64) {
        for data in [false, true].into_iter().take(1 + usize::from(row.is_data())) {
            let account = self.accounts.entry((row.account.clone(), data)).or_default();
            if let Err(at) = account.binary_search(&day) {
                account.insert(at, day);
            }
            let bucket = self.hasher.hash_one((&row.account, data, &row.bucket));
            if self.noted.last() != Some(&(bucket, day)) {
                self.noted.push((bucket, day));
            }
        }
    }

    /// The days of the entity's account, and those of its scope.
    pub(super) fn of_entity(&self, detector: &Detector, entity: &Entity) -> (&[i64], &[i64]) {
        let Some(scope) = detector.scope else { return (&[], &[]) };
        let column = |at: usize| entity.get(at).cloned().flatten();
        let account = self.accounts.get(&(column(0), scope.data)).map_or(&[][..], Vec::as_slice);
        let Some(bucket) = scope.bucket else { return (account, account) };
        let bucket = self.hasher.hash_one((&column(0), scope.data, &column(bucket)));
        let from = self.buckets.partition_point(|other| *other < bucket);
        let until = self.buckets.partition_point(|other| *other <= bucket);
        (account, self.days.get(from..until).unwrap_or_default())
    }
}
