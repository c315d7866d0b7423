//! What `trailsift detectors diff` shows: counts before and after, by detector and by day, and where
//! the difference lies.

use std::io::{self, Write};

use anstyle::Style;

use super::escape::{escaped, escaped_long};
use super::table::table;
use crate::pipeline::{Change, Diff, EntityDiff, Named, Side};

const BOLD: Style = Style::new().bold();

/// Findings named one by one, on each side.
const SHOWN: usize = 10;

/// Writes the comparison.
///
/// # Errors
/// Those of `out`.
pub fn detector_diff(diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    side("old", &diff.old, diff.days, out)?;
    side("new", &diff.new, diff.days, out)?;
    let Change { gained, lost, regraded, .. } = diff.total;
    writeln!(
        out,
        "{BOLD}change{BOLD:#} {gained} gained, {lost} lost, {regraded} with another severity; in {} \
         events of {} days",
        diff.events, diff.days
    )?;
    if diff.unreadable > 0 {
        writeln!(
            out,
            "{BOLD}unread{BOLD:#} {} objects or records, on both sides",
            diff.unreadable
        )?;
    }
    let changed = diff.changed();
    if changed.is_empty() {
        return writeln!(out, "both find the same");
    }
    let head = |first| [first, "OLD", "NEW", "GAINED", "LOST", "REGRADED"];
    let of_detector = |id: &str| diff.by_detector.get(id).map(|diff| diff.change);
    let rows = changed.iter().filter_map(|id| Some(row(id, of_detector(id)?)));
    writeln!(out, "\n{}", table(head("DETECTOR"), rows).trim_fmt())?;
    let moved = diff.by_day.iter().filter(|(_, change)| change.gained + change.lost > 0);
    let rows: Vec<Vec<String>> = moved.map(|(day, change)| row(day, *change)).collect();
    if !rows.is_empty() {
        writeln!(out, "\n{}", table(head("DAY"), rows).trim_fmt())?;
    }
    for id in changed {
        let top = diff.by_detector.get(id).map(|diff| diff.top.as_slice()).unwrap_or_default();
        entities(id, top, out)?;
    }
    findings("gained", &diff.gained, out)?;
    findings("lost", &diff.lost, out)
}

fn row(name: &str, change: Change) -> Vec<String> {
    let Change { old, new, gained, lost, regraded } = change;
    let numbers = [old, new, gained, lost, regraded].map(|number| number.to_string());
    std::iter::once(name.to_owned()).chain(numbers).collect()
}

#[allow(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn side(name: &str, side: &Side, days: usize, out: &mut dyn Write) -> io::Result<()> {
    let a_day = side.findings as f64 / days.max(1) as f64;
    writeln!(
        out,
        "{BOLD}{name}{BOLD:#}    {}: {} findings, {a_day:.1} a day",
        escaped(&side.detectors),
        side.findings
    )?;
    side.diagnostics.iter().try_for_each(|bad| {
        let severity = bad.severity.as_str();
        writeln!(out, "       {severity}: {}", escaped_long(&bad.to_string()))
    })
}

fn entities(detector: &str, top: &[EntityDiff], out: &mut dyn Write) -> io::Result<()> {
    if top.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{BOLD}{}{BOLD:#}, most at", escaped(detector))?;
    top.iter().try_for_each(|entity| {
        let place = place(entity.principal.as_deref(), &entity.buckets);
        writeln!(out, "  +{} -{}  {}", entity.gained, entity.lost, escaped(&place))
    })
}

fn findings(name: &str, named: &[Named], out: &mut dyn Write) -> io::Result<()> {
    if named.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{BOLD}{name}{BOLD:#}")?;
    for finding in named.iter().take(SHOWN) {
        let Named { day, severity, title, event_count, .. } = finding;
        let place = place(finding.principal.as_deref(), &finding.buckets);
        writeln!(
            out,
            "  {day}  {severity:>4.1}  {}: {}, {event_count} calls",
            escaped(title),
            escaped(&place)
        )?;
    }
    match named.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        rest => writeln!(out, "  … and {rest} more, see --json"),
    }
}

fn place(principal: Option<&str>, buckets: &[impl AsRef<str>]) -> String {
    let buckets: Vec<&str> = buckets.iter().take(3).map(AsRef::as_ref).collect();
    format!("{} on {}", principal.unwrap_or("several"), buckets.join(", "))
}
