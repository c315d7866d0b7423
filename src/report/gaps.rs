//! What the logs do not show: detectors and entities that were not judged, and what was seen of the
//! best practices.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::escape::{escaped, escaped_long};
use super::words::{BOLD, counted, few, number, some};
use crate::pipeline::Run;

/// Writes what could not be judged, and which rules do not run.
pub(super) fn not_judged(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    short_of_history(run, out)?;
    for unjudged in run.not_judged.iter().filter(|unjudged| unjudged.entities.is_none()) {
        let accounts = counted(unjudged.accounts.len() as u64, "account");
        let accounts = match unjudged.accounts.as_slice() {
            [] => String::new(),
            some_of => format!("{accounts} ({}): ", escaped(&some(some_of))),
        };
        let reason = escaped(&unjudged.reason);
        writeln!(out, "{BOLD}not judged{BOLD:#} {accounts}{reason}")?;
        writeln!(out, "           by {}", escaped(&few(&unjudged.detectors)))?;
    }
    for diagnostic in &run.diagnostics {
        let word = if diagnostic.is_error() { "not run" } else { "warning" };
        writeln!(out, "{BOLD}{word}{BOLD:#}   {}", escaped_long(&diagnostic.to_string()))?;
    }
    Ok(())
}

/// What was seen of the best practices: a line for each with findings, and one for those without.
pub(super) fn posture(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    if run.account.records().analysed == 0 {
        return Ok(());
    }
    let mut unobserved: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for practice in run.posture() {
        if practice.findings == 0 {
            unobserved.entry(practice.observed).or_default().push(practice.title);
            continue;
        }
        writeln!(
            out,
            "{BOLD}practice{BOLD:#}  {}: {}",
            practice.title,
            escaped(&practice.observed)
        )?;
    }
    for (observed, titles) in unobserved {
        writeln!(out, "{BOLD}practice{BOLD:#}  {}: {observed}", titles.join(", "))?;
    }
    Ok(())
}

/// Entities that were not judged, a line per reason; and what appeared while it was learned.
fn short_of_history(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let mut reasons: BTreeMap<&str, (u64, Vec<String>)> = BTreeMap::new();
    for unjudged in &run.not_judged {
        let Some(entities) = unjudged.entities else { continue };
        let (total, detectors) = reasons.entry(&unjudged.reason).or_default();
        *total += entities;
        let names = unjudged.detectors.iter().map(|name| format!("{name} {}", number(entities)));
        detectors.extend(names);
    }
    for (reason, (total, detectors)) in &reasons {
        let entities = if *total == 1 { "entity" } else { "entities" };
        writeln!(out, "{BOLD}not judged{BOLD:#} {} {entities}: {reason}", number(*total))?;
        writeln!(out, "           by {}", escaped(&few(detectors)))?;
    }
    let learned: u64 = run.first_appearances.counts.values().sum();
    if learned > 0 {
        let learned = counted(learned, "first appearance");
        writeln!(
            out,
            "{BOLD}learned{BOLD:#}    {learned} listed in first_appearances.parquet: {}",
            run.learning
        )?;
    }
    Ok(())
}
