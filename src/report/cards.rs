//! Findings: those that matter in full, those that are low in a line each.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use super::escape::{escaped, escaped_long};
use super::words::{
    BOLD, DIM, NAMED, NOBODY, clipped, counted, more, number, short_id, some, style,
};
use crate::findings::{Finding, SeverityLabel, interval};
use crate::pipeline::Run;

/// Findings shown in full; the rest is counted.
const SHOWN: usize = 12;

/// Longest description shown, in characters; `trailsift explain` has all of it.
const TOLD: usize = 400;

/// Findings that differ in their day alone.
type Repeated<'f> = Vec<&'f Finding>;

/// Findings in full, those of one detector, principal and buckets on several days once, and those
/// that are low in short; `file` has all of them.
pub(super) fn cards(run: &Run, file: &str, out: &mut dyn Write) -> io::Result<()> {
    let (low, loud): (Vec<_>, Vec<_>) =
        run.visible().partition(|finding| finding.label() == SeverityLabel::Low);
    let groups = repeated(&loud);
    for group in groups.iter().take(SHOWN) {
        card(run, group, out)?;
    }
    let shown: usize = groups.iter().take(SHOWN).map(Vec::len).sum();
    more(loud.len(), shown, file, out)?;
    low_findings(&low, file, out)
}

/// The findings, in their order, with those that differ in their day alone put together.
fn repeated<'f>(findings: &[&'f Finding]) -> Vec<Repeated<'f>> {
    type Key<'f> = (&'f str, Option<&'f Arc<str>>, &'f [Arc<str>]);
    let mut places: BTreeMap<Key<'f>, usize> = BTreeMap::new();
    let mut groups: Vec<Repeated<'f>> = Vec::new();
    for &finding in findings {
        let key =
            (finding.detector_id.as_str(), finding.principal.as_ref(), finding.buckets.as_slice());
        let place = *places.entry(key).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups
}

fn card(run: &Run, group: &[&Finding], out: &mut dyn Write) -> io::Result<()> {
    let Some((finding, others)) = group.split_first() else { return Ok(()) };
    let style = style(finding.label());
    let label = finding.label().as_str().to_uppercase();
    let title = escaped(&finding.title);
    writeln!(out, "\n{style}{label} {:.1}{style:#}  {BOLD}{title}{BOLD:#}", finding.severity)?;
    line(out, "what", &clipped(&finding.description, TOLD))?;
    line(out, "who", &who(finding))?;
    line(out, "where", &place(finding))?;
    line(out, "when", &when(finding, others))?;
    if let Some(remediation) = &finding.remediation {
        line(out, "next", remediation)?;
    }
    let id = format!("{}  {}", short_id(run, &finding.finding_id), finding.finding_type);
    writeln!(out, "  {DIM}id        {}{DIM:#}", escaped(&id))
}

fn line(out: &mut dyn Write, name: &str, text: &str) -> io::Result<()> {
    writeln!(out, "  {name:<9} {}", escaped_long(text.trim_end()))
}

fn who(finding: &Finding) -> String {
    let mut parts = vec![finding.principal.as_deref().unwrap_or(NOBODY).to_owned()];
    if finding.is_foreign == Some(true) {
        parts.push("(another account)".to_owned());
    }
    if !finding.access_key_ids.is_empty() {
        parts.push(format!("with key {}", some(&finding.access_key_ids)));
    }
    if !finding.source_ips.is_empty() {
        parts.push(format!("from {}", some(&finding.source_ips)));
    }
    parts.join(" ")
}

fn place(finding: &Finding) -> String {
    let mut parts = Vec::new();
    if !finding.buckets.is_empty() {
        parts.push(format!("bucket {}", some(&finding.buckets)));
    }
    parts.extend(finding.region.as_deref().map(str::to_owned));
    parts.extend(finding.account.as_deref().map(|account| format!("account {account}")));
    parts.join(", ")
}

/// The time and the number of calls; and how often it was found again.
fn when(finding: &Finding, others: &[&Finding]) -> String {
    let time = interval(finding.first_seen, finding.last_seen);
    let again = match others.len() as u64 {
        0 => String::new(),
        1 => "; found on 1 other day too".to_owned(),
        days => format!("; found on {} other days too", number(days)),
    };
    format!("{time}, {}{again}", how_many(finding))
}

fn how_many(finding: &Finding) -> String {
    let all = finding.ok_count.saturating_add(finding.error_count);
    let mut parts = vec![counted(all, "call")];
    if finding.error_count > 0 {
        let codes = some(&finding.error_codes);
        parts.push(format!("{} failed ({codes})", number(finding.error_count)));
    }
    if finding.distinct_objects > 0 {
        let about = if finding.distinct_is_exact { "" } else { "about " };
        parts.push(format!("{about}{}", counted(finding.distinct_objects, "object")));
    }
    parts.join(", ")
}

/// Low findings, a line per detector, principal and bucket.
fn low_findings(low: &[&Finding], file: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut groups: BTreeMap<_, Vec<&Finding>> = BTreeMap::new();
    for finding in low {
        let key = (&finding.title, &finding.principal, &finding.buckets);
        groups.entry(key).or_default().push(finding);
    }
    if !groups.is_empty() {
        writeln!(out)?;
    }
    for ((title, principal, buckets), findings) in groups.iter().take(NAMED) {
        let style = style(SeverityLabel::Low);
        let calls = findings.iter().map(|f| f.ok_count.saturating_add(f.error_count)).sum();
        let who = principal.as_deref().unwrap_or(NOBODY);
        let bucket = some(buckets);
        writeln!(
            out,
            "{style}LOW{style:#}  {}: {} on {}, {} on {}",
            escaped(title),
            escaped(who),
            escaped(&bucket),
            counted(calls, "call"),
            counted(findings.len() as u64, "day"),
        )?;
    }
    more(groups.len(), NAMED, file, out)
}
