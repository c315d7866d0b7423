//! What a run says at the end of each stage. Field names are part of the interface: see
//! docs/scheduling.md. Nothing is logged per object.

use std::time::Duration;

use super::accounting::Account;
use super::interim::Snapshot;
use super::remote::Listed;
use super::run::{StateChange, count};
use super::scan::ScanOptions;
use crate::error::Error;
use crate::findings::{Finding, SeverityLabel, timestamp_text};
use crate::store::Location;

/// A scan begins.
pub(super) fn started(options: &ScanOptions) {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        inputs = options.read.inputs.len(),
        threads = options.read.threads,
        partial = options.partial,
        "started"
    );
}

/// A merge of so many partial runs begins.
pub(super) fn merging(inputs: usize) {
    tracing::info!(version = env!("CARGO_PKG_VERSION"), inputs, "started");
}

/// The state was opened; before the first commit its generation is 0.
pub(super) fn opened(generation: u64) {
    tracing::info!(generation, "opened");
}

/// It is known what there is to read.
pub(super) fn listed(listed: &Listed) {
    tracing::info!(
        objects = listed.objects,
        bytes = listed.bytes,
        prefixes_left_out = listed.left_out.values().sum::<u64>(),
        seconds = listed.took.iter().sum::<Duration>().as_secs_f64(),
        "listed"
    );
}

/// A run that goes on was judged.
pub(super) fn interim(snapshot: &Snapshot) {
    let time = |time: Option<i64>| time.map(timestamp_text);
    let (run, span) = (&snapshot.run, snapshot.run.span);
    tracing::info!(
        objects_done = snapshot.objects_done,
        objects_known = snapshot.objects_known,
        events = snapshot.events,
        critical = run.count(SeverityLabel::Critical),
        high = run.count(SeverityLabel::High),
        medium = run.count(SeverityLabel::Medium),
        low = run.count(SeverityLabel::Low),
        first_event = time(span.map(|span| span.first)),
        last_event = time(span.map(|span| span.last)),
        "interim"
    );
}

/// Everything was read.
pub(super) fn read(account: &Account, took: Duration) {
    let (objects, records) = (account.objects(), account.records());
    tracing::info!(
        objects_listed = objects.listed,
        objects_read = objects.read,
        objects_skipped = objects.skipped,
        objects_failed = objects.failed,
        objects_partial = objects.partial,
        records_seen = records.seen,
        records_analysed = records.analysed,
        records_duplicates = records.duplicates,
        records_filtered = records.filtered,
        records_rejected = records.rejected,
        seconds = took.as_secs_f64(),
        "read"
    );
}

/// The merged table was judged; with a state these are the findings of the days that are open.
pub(super) fn judged(findings: &[Finding], took: Duration) {
    tracing::info!(
        critical = count(findings, SeverityLabel::Critical),
        high = count(findings, SeverityLabel::High),
        medium = count(findings, SeverityLabel::Medium),
        low = count(findings, SeverityLabel::Low),
        seconds = took.as_secs_f64(),
        "judged"
    );
}

/// The state has a new generation.
pub(super) fn committed(change: &StateChange) {
    tracing::info!(
        generation = change.generation,
        new = change.new,
        revised = change.revised,
        withdrawn = change.withdrawn,
        unchanged = change.unchanged,
        "committed"
    );
}

/// The state could not be committed; says so if that is because another run was faster.
pub(super) fn not_committed(error: &Error) {
    if matches!(error, Error::State { .. }) {
        tracing::warn!("lost");
    }
}

/// The outputs are in their folder.
pub(super) fn written(folder: &Location, took: Duration) {
    tracing::info!(folder = %folder, seconds = took.as_secs_f64(), "written");
}
