//! Who did it: the findings that matter by actor, before any finding by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::Arc;

use super::escape::{escaped, escaped_long};
use super::words::{BOLD, NOBODY, counted, number, some, style};
use crate::findings::{Finding, SeverityLabel, interval, title_beside};
use crate::pipeline::Run;

/// Actors shown; the rest is counted.
const SHOWN: usize = 8;

/// What is told of the doings of one.
const DOINGS: usize = 4;

/// Findings of one principal, the most severe first; or of one bucket or account, if nobody is named.
#[derive(Debug)]
struct Actor<'f> {
    worst: &'f Finding,
    findings: Vec<&'f Finding>,
}

/// The actors behind findings that are not low, the worst first.
fn actors(run: &Run) -> Vec<Actor<'_>> {
    type Key<'f> = (Option<&'f Arc<str>>, Option<&'f Arc<str>>);
    let mut places: BTreeMap<Key<'_>, usize> = BTreeMap::new();
    let mut actors: Vec<Actor<'_>> = Vec::new();
    for finding in run.visible().filter(|finding| finding.label() != SeverityLabel::Low) {
        let principal = finding.principal.as_ref();
        // Of several principals nothing is one actor but what they did it to.
        let place = principal.is_none().then(|| finding.buckets.first()).flatten();
        let known = *places.entry((principal, place)).or_insert(actors.len());
        match actors.get_mut(known) {
            Some(actor) => actor.findings.push(finding),
            None => actors.push(Actor { worst: finding, findings: vec![finding] }),
        }
    }
    actors
}

/// Writes who did what to which buckets, when and from where: the worst first.
pub(super) fn actors_of(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let actors = actors(run);
    for actor in actors.iter().take(SHOWN) {
        one(actor, out)?;
    }
    match actors.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        rest => writeln!(out, "          … and {} more", counted(rest as u64, "actor")),
    }
}

fn one(actor: &Actor<'_>, out: &mut dyn Write) -> io::Result<()> {
    let style = style(actor.worst.label());
    let label = actor.worst.label().as_str().to_uppercase();
    let name = actor.worst.principal.as_deref().unwrap_or(NOBODY);
    let foreign = if actor.worst.is_foreign == Some(true) { " (another account)" } else { "" };
    writeln!(
        out,
        "\n{style}{label} {:.1}{style:#}  {BOLD}{}{BOLD:#}{foreign}",
        actor.worst.severity,
        escaped(name)
    )?;
    line(out, "did", &doings(&actor.findings))?;
    let buckets = all(&actor.findings, |finding| &finding.buckets);
    if !buckets.is_empty() {
        line(out, "on", &counted_sample("bucket", &buckets))?;
    }
    let first = actor.findings.iter().map(|finding| finding.first_seen).min();
    let last = actor.findings.iter().map(|finding| finding.last_seen).max();
    if let (Some(first), Some(last)) = (first, last) {
        line(out, "when", &interval(first, last))?;
    }
    let addresses = all(&actor.findings, |finding| &finding.source_ips);
    if addresses.is_empty() {
        return Ok(());
    }
    let countries = all(&actor.findings, |finding| &finding.countries);
    let country =
        if countries.is_empty() { String::new() } else { format!(" ({})", some(&countries)) };
    line(out, "from", &format!("{}{country}", some(&addresses)))
}

/// The sequences that are told of an actor, then the other findings in their order of time; what was
/// found several times once.
fn doings(findings: &[&Finding]) -> String {
    let mut times: BTreeMap<String, (bool, i64, u64)> = BTreeMap::new();
    for finding in findings {
        let is_part = !finding.finding_type.starts_with("AttackSequence:");
        let title = title_beside(&finding.title, finding.principal.as_deref());
        let told = times.entry(title).or_insert((is_part, finding.first_seen, 0));
        told.1 = told.1.min(finding.first_seen);
        told.2 += 1;
    }
    let mut titles: Vec<(String, (bool, i64, u64))> = times.into_iter().collect();
    // Alphabetical before, so that this decides only what is as old.
    titles.sort_by_key(|(_, told)| (told.0, told.1));
    let mut parts: Vec<String> = titles
        .iter()
        .take(DOINGS)
        .map(|(title, (_, _, count))| match count {
            1 => title.clone(),
            count => format!("{title} ({}×)", number(*count)),
        })
        .collect();
    let rest = titles.len().saturating_sub(DOINGS) as u64;
    if rest > 0 {
        parts.push(format!("{} more", number(rest)));
    }
    parts.join("; ")
}

/// `bucket a`, `5 buckets: a, b, c …`.
fn counted_sample(noun: &str, values: &[&str]) -> String {
    match values {
        [one] => format!("{noun} {one}"),
        several => format!("{}: {}", counted(several.len() as u64, noun), some(several)),
    }
}

/// The distinct values of all findings.
fn all<'f>(findings: &[&'f Finding], of: fn(&Finding) -> &Vec<Arc<str>>) -> Vec<&'f str> {
    let values = findings.iter().flat_map(|finding| of(finding)).map(AsRef::as_ref);
    values.collect::<BTreeSet<&str>>().into_iter().collect()
}

fn line(out: &mut dyn Write, name: &str, text: &str) -> io::Result<()> {
    writeln!(out, "  {name:<9} {}", escaped_long(text))
}
