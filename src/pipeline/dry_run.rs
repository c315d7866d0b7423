//! What a scan would read, without reading it: nothing is written, and of S3 only listings are
//! asked for, and what a state says of earlier runs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::accounting::{ObjectOutcome, ObjectRecord};
use super::pass::Inputs;
use super::remote::Intake;
use super::scan::{ScanOptions, load_plan_with};
use super::stateful::Session;
use crate::error::Result;
use crate::source::{Layout, LogObject, delivery_day};
use crate::store::{Folder, Requests, S3, S3Reader};

/// Dollars for a thousand requests: S3 Standard in us-east-1. Source: Amazon S3 pricing, "Requests
/// and data retrievals".
const GET_PRICE: f64 = 0.0004;
const LIST_PRICE: f64 = 0.005;

/// What a scan would read.
#[derive(Debug, Default)]
pub struct DryRun {
    /// By account and region, as keys tell; empty where they do not.
    pub parts: BTreeMap<(String, String), Part>,
    /// All together.
    pub total: Part,
    /// What would be left alone or cannot be read, by reason; whether it is a failure.
    pub not_read: BTreeMap<(bool, String), u64>,
    /// Prefixes that were left out without listing them, by reason.
    pub left_out: BTreeMap<&'static str, u64>,
    /// Requests that listing has taken, if anything is in S3.
    pub requests: Option<Requests>,
    /// `GetObject` requests that reading would take.
    pub gets: u64,
}

/// Objects that belong together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Part {
    /// How many.
    pub objects: u64,
    /// Stored bytes.
    pub bytes: u64,
    /// First and last day of delivery, since the epoch, where keys tell.
    pub days: Option<(i64, i64)>,
}

impl Part {
    fn add(&mut self, object: &LogObject, day: Option<i64>) {
        self.objects += 1;
        self.bytes += object.bytes;
        let join = |(first, last): (i64, i64), day: i64| (first.min(day), last.max(day));
        self.days = day.map(|day| join(self.days.unwrap_or((day, day)), day)).or(self.days);
    }
}

impl DryRun {
    /// What listing once more and reading would cost, in dollars, if anything is in S3.
    #[must_use]
    pub fn dollars(&self) -> Option<f64> {
        #[allow(clippy::cast_precision_loss, reason = "an estimate")]
        let price = |count: u64, price: f64| count as f64 / 1_000.0 * price;
        self.requests.map(|made| price(made.list, LIST_PRICE) + price(self.gets, GET_PRICE))
    }

    fn add(&mut self, object: &LogObject, whole_bytes: u64) {
        let layout = Layout::of(&object.uri);
        let part = layout.map_or_else(Default::default, |found| (found.account, found.region));
        let day = delivery_day(&object.uri);
        self.parts.entry(part).or_default().add(object, day);
        self.total.add(object, day);
        if object.bucket_and_key().is_some() {
            let parts = if object.bytes > whole_bytes { S3Reader::parts(object.bytes) } else { 1 };
            self.gets += parts;
        }
    }

    fn not_read(&mut self, objects: &[ObjectRecord]) {
        for object in objects {
            let failed = object.outcome == ObjectOutcome::Failed;
            let reason = object.reason.clone().unwrap_or_default();
            *self.not_read.entry((failed, reason)).or_default() += 1;
        }
    }
}

/// Lists what `scan` with these options would read; each object is told to `each`.
///
/// # Errors
/// Those of a scan before it reads.
pub fn dry_run(
    options: &ScanOptions,
    interrupt: &AtomicBool,
    each: &mut dyn FnMut(&LogObject) -> Result<()>,
) -> Result<DryRun> {
    let (placeholders, tune) = (&options.placeholders, options.tune.as_ref());
    let available = options.judge.available();
    let plan = load_plan_with(options.detectors.as_deref(), placeholders, tune, &available)?;
    let (inputs, listing) = Inputs::find(&options.read, options.own())?;
    let (remote, s3) = (inputs.remote()?, &inputs.s3);
    let is_there =
        |state: &&crate::store::Location| state.local().is_none_or(std::path::Path::exists);
    let state = options.state.as_ref().filter(is_there);
    let state = state.map(|state| Folder::open(state, s3.as_ref())).transpose()?;
    let session = state.map(|state| Session::look(state, options, &plan)).transpose()?;
    let processed = session.map(|session| session.processed());
    let mut intake = Intake { processed: processed.as_ref(), ..Intake::default() };
    let mut found = DryRun::default();
    let whole_bytes = options.read.object_limits().whole_bytes;
    let mut failed = Ok(());
    let mut take = |objects: Vec<LogObject>| {
        for object in &objects {
            found.add(object, whole_bytes);
            if failed.is_ok() {
                failed = each(object);
            }
        }
        failed.is_ok() && !interrupt.load(Ordering::Relaxed)
    };
    let local = intake.take(listing)?;
    if take(local)
        && let Some(remote) = &remote
    {
        let listed = remote.list(&mut intake, &mut take)?;
        found.left_out = listed.left_out;
    }
    failed?;
    found.not_read(&intake.account.manifest);
    found.requests = s3.as_ref().map(S3::requests);
    Ok(found)
}
