//! The summary of a run: who did what; the findings, each with what to do next; what the logs do not
//! show; the accounting; and how to go on.

use std::io::{self, Write};

use super::accounting::{accounting, damaged};
use super::actors::actors_of;
use super::cards::cards;
use super::escape::escaped;
use super::gaps::{not_judged, posture};
use super::words::{BOLD, counted, number, short_id};
use super::wrap::wrapped;
use crate::findings::{SeverityLabel, interval};
use crate::pipeline::{REPORT, Run, Snapshot};

/// Where all findings of a run are.
fn file(run: &Run) -> &'static str {
    if run.state.is_some() { "findings_current.parquet" } else { "findings.parquet" }
}

/// Writes the summary, for a terminal of `width` columns if it is one. Styles are ANSI sequences; the
/// stream strips them where they do not belong.
///
/// # Errors
/// Those of `out`.
pub fn summary(run: &Run, width: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    wrapped(width, out, |out| {
        headline(run, out)?;
        actors_of(run, out)?;
        heading(run, "findings", out)?;
        cards(run, file(run), out)?;
        writeln!(out)?;
        suppressed(run, out)?;
        // Where nothing was read, nothing else matters.
        if run.account.records().seen > 0 || run.state.is_some() {
            not_judged(run, out)?;
        }
        posture(run, out)?;
        accounting(run, out)?;
        state(run, out)?;
        damaged(run, out)?;
        for note in &run.notes {
            writeln!(out, "{BOLD}note{BOLD:#}      {}", escaped(note))?;
        }
        older_report(run, out)?;
        writeln!(out, "{BOLD}files{BOLD:#}     {}", escaped(&run.location.to_string()))?;
        next_steps(run, out)
    })
}

/// The report of an earlier run in the same folder stays, and tells of that run.
fn older_report(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    let Some(report) = run.location.local().map(|folder| folder.join(REPORT)) else {
        return Ok(());
    };
    if !report.exists() {
        return Ok(());
    }
    let report = report.display().to_string();
    let report = escaped(&report);
    writeln!(
        out,
        "{BOLD}note{BOLD:#}      `{report}` tells of an earlier run; `trailsift report` writes it anew"
    )
}

/// What parts the actors from the findings.
fn heading(run: &Run, name: &str, out: &mut dyn Write) -> io::Result<()> {
    match run.visible().next() {
        Some(_) => writeln!(out, "\n{BOLD}{name}{BOLD:#}"),
        None => Ok(()),
    }
}

/// The commands that go on from here, with the worst finding.
fn next_steps(run: &Run, out: &mut dyn Write) -> io::Result<()> {
    if run.account.records().seen == 0 && run.state.is_none() {
        return writeln!(
            out,
            "{BOLD}next{BOLD:#}      give what CloudTrail has delivered: the folder AWSLogs, or anything below \
             it; --dry-run=objects lists what would be read, and docs/inputs.md says in which forms"
        );
    }
    let Some(worst) = run.visible().next() else { return Ok(()) };
    let folder = run.location.to_string();
    let folder = shlex::try_quote(&folder).unwrap_or_else(|_| folder.as_str().into());
    let (folder, id) = (escaped(&folder), short_id(run, &worst.finding_id));
    writeln!(
        out,
        "{BOLD}next{BOLD:#}      the worst finding with its records; all that its actor touched; a page for others:"
    )?;
    writeln!(out, "  trailsift explain {folder} {id}")?;
    writeln!(out, "  trailsift scope LOGS --run {folder} --finding {id} --out scope")?;
    writeln!(out, "  trailsift report {folder}")
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

fn findings(run: &Run, counts: &[String]) -> String {
    let all = run.visible().count() as u64;
    format!("{} ({})", counted(all, "finding"), counts.join(", "))
}
