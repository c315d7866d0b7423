//! What became of objects and records: the sums, and what was damaged.

use std::io::{self, Write};

use super::escape::escaped;
use super::words::{BOLD, NAMED, more, number};
use crate::pipeline::{ObjectOutcome, ObjectRecord, Run};

/// Writes the sums.
pub(super) fn accounting(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let (objects, records) = (run.account.objects(), run.account.records());
    let partial = match objects.partial {
        0 => String::new(),
        some => format!(" ({} of those read were damaged)", number(some)),
    };
    writeln!(
        out,
        "{BOLD}objects{BOLD:#}   {} listed = {} read + {} skipped + {} failed{partial}",
        number(objects.listed),
        number(objects.read),
        number(objects.skipped),
        number(objects.failed),
    )?;
    writeln!(
        out,
        "{BOLD}records{BOLD:#}   {} seen = {} analysed + {} duplicates + {} filtered + {} rejected",
        number(records.seen),
        number(records.analysed),
        number(records.duplicates),
        number(records.filtered),
        number(records.rejected),
    )?;
    if !run.account.balances() {
        writeln!(
            out,
            "{BOLD}the accounting does not balance: please report this as a bug{BOLD:#}"
        )?;
    }
    if records.conflict > 0 {
        writeln!(
            out,
            "{BOLD}conflicts{BOLD:#} {} events share their id with one of other content; all are \
             analysed, the ids are in run.json",
            number(records.conflict)
        )?;
    }
    if !run.account.odd.is_empty() {
        let fields: Vec<String> = run
            .account
            .odd
            .iter()
            .map(|(name, count)| format!("{name} {}", number(*count)))
            .collect();
        writeln!(
            out,
            "{BOLD}odd values{BOLD:#} read as absent, by field: {}",
            escaped(&fields.join(", "))
        )?;
    }
    for (reason, count) in run.account.skipped_by_reason() {
        writeln!(out, "{BOLD}skipped{BOLD:#}   {} {}", number(count), escaped(reason))?;
    }
    Ok(())
}

/// Writes which objects and records were damaged.
pub(super) fn damaged(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let is_damaged = |object: &&ObjectRecord| {
        matches!(object.outcome, ObjectOutcome::Failed | ObjectOutcome::Partial)
    };
    let all: Vec<&ObjectRecord> = run.account.manifest.iter().filter(is_damaged).collect();
    for object in all.iter().take(NAMED) {
        let name = object.outcome.as_str();
        let reason = object.reason.as_deref().unwrap_or_default();
        writeln!(out, "{BOLD}{name:<9}{BOLD:#} {}: {}", escaped(&object.uri), escaped(reason))?;
    }
    more(all.len(), NAMED, "manifest.parquet", out)?;
    for record in run.account.rejected.iter().take(NAMED) {
        writeln!(
            out,
            "{BOLD}rejected{BOLD:#}  {}: record {}, byte {}: {}",
            escaped(&record.object_uri),
            record.record_number,
            record.byte_offset,
            escaped(&record.reason)
        )?;
    }
    more(run.account.rejected.len(), NAMED, "rejected.parquet", out)
}
