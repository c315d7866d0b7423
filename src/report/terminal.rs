//! The summary of a run: what, who, where, when, how many, and what to do next; then the
//! accounting and what could not be judged.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::escape::{escaped, escaped_long};
use crate::findings::{Finding, SeverityLabel, interval};
use crate::pipeline::{ObjectOutcome, ObjectRecord, Run, Snapshot};

/// Findings shown in full; the rest is counted.
const SHOWN: usize = 20;

/// Lines shown of what may be many: low findings, damaged objects, rejected records.
const NAMED: usize = 10;

/// In place of a principal.
const NOBODY: &str = "principal unknown, or several";

/// Where all findings of a run are.
fn file(run: &Run) -> &'static str {
    if run.state.is_some() { "findings_current.parquet" } else { "findings.parquet" }
}

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();

/// Writes the summary. Styles are ANSI sequences; the stream strips them where they do not belong.
///
/// # Errors
/// Those of `out`.
pub fn summary(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    headline(run, out)?;
    cards(run, file(run), out)?;
    writeln!(out)?;
    suppressed(run, out)?;
    accounting(run, out)?;
    state(run, out)?;
    damaged(run, out)?;
    not_judged(run, out)?;
    posture(run, out)?;
    for note in &run.notes {
        writeln!(out, "{BOLD}note{BOLD:#}      {}", escaped(note))?;
    }
    writeln!(out, "{BOLD}files{BOLD:#}     {}", escaped(&run.location.to_string()))
}

/// Writes the summary of a run that is not over.
///
/// # Errors
/// Those of `out`.
pub fn interim_summary(snapshot: &Snapshot, out: &mut dyn Write) -> io::Result<()> {
    let Snapshot { run, events, objects_done, objects_known } = snapshot;
    writeln!(
        out,
        "\n{BOLD}interim: partial{BOLD:#}, {} of {} read so far",
        number(*objects_done),
        counted(*objects_known, "object")
    )?;
    let (counts, events, span) = (counts(run, "no findings"), number(*events), span(run));
    writeln!(out, "{BOLD}{counts}{BOLD:#} in {events} events{span}")?;
    cards(run, "the outputs in the end", out)
}

/// Findings in full, and those that are low in short; `file` has all of them.
fn cards(run: &Run, file: &str, out: &mut dyn Write) -> io::Result<()> {
    let (low, loud): (Vec<_>, Vec<_>) =
        run.visible().partition(|finding| finding.label() == SeverityLabel::Low);
    for finding in loud.iter().take(SHOWN) {
        card(finding, out)?;
    }
    more(loud.len(), SHOWN, file, out)?;
    low_findings(&low, file, out)
}

/// How many findings there are, by severity.
fn counts(run: &Run, none: &str) -> String {
    use SeverityLabel::{Critical, High, Low, Medium};
    let counts: Vec<String> = [Critical, High, Medium, Low]
        .into_iter()
        .map(|label| (run.count(label), label))
        .filter(|(count, _)| *count > 0)
        .map(|(count, label)| format!("{count} {}", label.as_str()))
        .collect();
    if counts.is_empty() { none.to_owned() } else { findings(run, &counts) }
}

/// The times of the events.
fn span(run: &Run) -> String {
    run.span.map_or_else(String::new, |s| format!(", {}", interval(s.first, s.last)))
}

fn headline(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let records = run.account.records();
    let span = span(run);
    let none = if run.state.is_some() { "no new findings" } else { "no findings" };
    let counts = counts(run, none);
    // No word of findings where nothing was looked at.
    let headline = match (records.seen, records.analysed) {
        (0, _) if run.state.is_some() => {
            format!("{BOLD}nothing new{BOLD:#}: no new record was read")
        }
        (0, _) => format!("{BOLD}nothing was analysed{BOLD:#}: no CloudTrail record was read"),
        (_, 0) => format!("{BOLD}nothing was analysed{BOLD:#}: see records below"),
        (_, events) => format!("{BOLD}{counts}{BOLD:#} in {} events{span}", number(events)),
    };
    writeln!(out, "{headline}")?;
    if run.incomplete {
        writeln!(out, "{BOLD}not whole{BOLD:#}: shares of the input are missing, see below")?;
    }
    if run.interrupted {
        writeln!(out, "{BOLD}interrupted{BOLD:#}: only a part of the input was read and judged")?;
    }
    Ok(())
}

/// How many findings are not shown because somebody does not want to see them.
fn suppressed(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let file = run.suppression.as_ref().map_or("", |used| &used.file);
    match run.suppressed() as u64 {
        0 => Ok(()),
        some => writeln!(
            out,
            "{BOLD}suppressed{BOLD:#} {} by {}: in {}, and not counted",
            counted(some, "finding"),
            escaped(file),
            self::file(run),
        ),
    }
}

/// What the run has changed in the state.
fn state(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let Some(change) = &run.state else { return Ok(()) };
    writeln!(
        out,
        "{BOLD}state{BOLD:#}     generation {}: findings {} new, {} revised, {} withdrawn, {} \
         unchanged; all in findings_current.parquet",
        number(change.generation),
        number(change.new),
        number(change.revised),
        number(change.withdrawn),
        number(change.unchanged),
    )?;
    match run.account.records().too_late {
        0 => Ok(()),
        late => writeln!(
            out,
            "{BOLD}too late{BOLD:#}  {}: their days are closed; they are history, and not judged",
            counted(late, "event"),
        ),
    }
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

/// Says how many of `all` are not among the `shown`.
fn more(all: usize, shown: usize, file: &str, out: &mut dyn Write) -> io::Result<()> {
    match all.saturating_sub(shown) {
        0 => Ok(()),
        rest => writeln!(out, "          … and {} more, see {file}", number(rest as u64)),
    }
}

fn findings(run: &Run, counts: &[String]) -> String {
    let all = run.visible().count() as u64;
    format!("{} ({})", counted(all, "finding"), counts.join(", "))
}

fn card(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let style = style(finding.label());
    let label = finding.label().as_str().to_uppercase();
    let title = escaped(&finding.title);
    writeln!(out, "\n{style}{label} {:.1}{style:#}  {BOLD}{title}{BOLD:#}", finding.severity)?;
    line(out, "what", &finding.description)?;
    line(out, "who", &who(finding))?;
    line(out, "where", &place(finding))?;
    line(out, "when", &interval(finding.first_seen, finding.last_seen))?;
    line(out, "how many", &how_many(finding))?;
    if let Some(remediation) = &finding.remediation {
        line(out, "next", remediation)?;
    }
    let id = format!("{}  {}", finding.finding_id, finding.finding_type);
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

/// `1 call`, `1,500 calls`.
fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", number(count))
}

/// The first three values.
fn some(values: &[impl AsRef<str>]) -> String {
    let shown: Vec<&str> = values.iter().take(3).map(AsRef::as_ref).collect();
    let more = if values.len() > 3 { " …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

fn accounting(run: &Run, out: &mut dyn Write) -> io::Result<()> {
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

fn damaged(run: &Run, out: &mut dyn Write) -> io::Result<()> {
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

fn not_judged(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    short_of_history(run, out)?;
    for unjudged in run.not_judged.iter().filter(|unjudged| unjudged.entities.is_none()) {
        let accounts = counted(unjudged.accounts.len() as u64, "account");
        let accounts = match unjudged.accounts.as_slice() {
            [] => String::new(),
            some_of => format!("{accounts} ({}): ", escaped(&some(some_of))),
        };
        let reason = escaped(&unjudged.reason);
        writeln!(out, "{BOLD}not judged{BOLD:#} {accounts}{reason}")?;
        writeln!(out, "           by {}", escaped(&unjudged.detectors.join(", ")))?;
    }
    for diagnostic in &run.diagnostics {
        let word = if diagnostic.is_error() { "not run" } else { "warning" };
        writeln!(out, "{BOLD}{word}{BOLD:#}   {}", escaped_long(&diagnostic.to_string()))?;
    }
    Ok(())
}

/// What was seen of the best practices: a line for each with findings, and one for those without.
fn posture(run: &Run, out: &mut dyn Write) -> io::Result<()> {
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
        writeln!(out, "           by {}", escaped(&detectors.join(", ")))?;
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

fn style(label: SeverityLabel) -> Style {
    let color = match label {
        SeverityLabel::Critical => AnsiColor::Magenta,
        SeverityLabel::High => AnsiColor::Red,
        SeverityLabel::Medium => AnsiColor::Yellow,
        SeverityLabel::Low => AnsiColor::Cyan,
    };
    color.on_default().bold()
}

/// 1234567 → `1,234,567`.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn thousands_are_separated() {
        let shown = [0, 999, 1_000, 1_234_567].map(number);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }
}
