//! The summary of a scope: how much, where, who, whether it is over, and what the answer lacks.

use std::io::{self, Write};

use anstyle::Style;
use bytesize::ByteSize;

use super::escape::{escaped, escaped_long};
use crate::findings::interval;
use crate::pipeline::ScopeRun;
use crate::scope::{Actor, Outcome, Status};

/// Lines shown of what may be many.
const SHOWN: usize = 20;

const BOLD: Style = Style::new().bold();

/// Writes the summary. Styles are ANSI sequences; the stream strips them where they do not belong.
///
/// # Errors
/// Those of `out`.
pub fn scope_summary(run: &ScopeRun, out: &mut dyn Write) -> io::Result<()> {
    let outcome = &run.outcome;
    headline(outcome, out)?;
    if run.interrupted {
        writeln!(out, "{BOLD}interrupted{BOLD:#}: only a part of the inputs was read")?;
    }
    buckets(outcome, out)?;
    actors(outcome, out)?;
    writeln!(out, "\n{BOLD}{}{BOLD:#}", verdict(outcome.status))?;
    if !outcome.lacking.is_empty() {
        writeln!(out, "\n{BOLD}what this answer lacks{BOLD:#}")?;
    }
    for lack in &outcome.lacking {
        writeln!(out, "  {}", escaped_long(lack))?;
    }
    writeln!(out)?;
    let (objects, records) = (run.account.objects(), run.account.records());
    writeln!(
        out,
        "{BOLD}read{BOLD:#}      {} objects, {} skipped, {} failed; {} records, {} duplicates, {} \
         rejected",
        objects.read,
        objects.skipped,
        objects.failed,
        records.seen,
        records.duplicates,
        records.rejected
    )?;
    for note in &run.notes {
        writeln!(out, "{BOLD}note{BOLD:#}      {}", escaped_long(note))?;
    }
    let place = run.location.to_string();
    writeln!(
        out,
        "{BOLD}files{BOLD:#}     {}: objects.csv, objects.parquet, timeline.parquet, \
         actors.parquet, scope.json",
        escaped(&place)
    )
}

fn headline(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    let Some((first, last)) = outcome.span else {
        return writeln!(out, "{BOLD}nothing found{BOLD:#}: no request that was asked for is here");
    };
    let total = &outcome.total;
    let unknown = match total.bytes_unknown {
        0 => String::new(),
        some => format!(" and {some} reads of unknown size"),
    };
    let read = match total.objects_read {
        1 => "1 object".to_owned(),
        some => format!("{some} objects"),
    };
    let bytes = ByteSize(total.bytes_out).display().iec();
    writeln!(
        out,
        "{BOLD}{read} read{BOLD:#}, {bytes}{unknown}; {} refused, {} taken away or written over, in \
         {} requests, {}",
        total.objects_denied,
        total.objects_deleted,
        outcome.requests,
        interval(first, last)
    )
}

fn buckets(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    if outcome.buckets.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{BOLD}is it known?{BOLD:#}")?;
    let mut shown: Vec<_> = outcome.buckets.iter().collect();
    shown.sort_by_key(|bucket| std::cmp::Reverse(bucket.objects_read));
    for same in
        shown.get(..SHOWN.min(shown.len())).unwrap_or_default().chunk_by(|a, b| a.says == b.says)
    {
        if let [bucket] = same {
            writeln!(out, "  {}: {}", escaped(&bucket.bucket), bucket.says)?;
        } else if let Some(first) = same.first() {
            writeln!(out, "  {} buckets, each: {}", same.len(), first.says)?;
            for bucket in same {
                writeln!(out, "      {}", escaped(&bucket.bucket))?;
            }
        }
    }
    more(shown.len(), "buckets, see scope.json", out)
}

fn actors(outcome: &Outcome, out: &mut dyn Write) -> io::Result<()> {
    if outcome.actors.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{BOLD}is it over?{BOLD:#}")?;
    for actor in outcome.actors.iter().take(SHOWN) {
        card(actor, out)?;
    }
    more(outcome.actors.len(), "actors, see actors.parquet", out)
}

fn card(actor: &Actor, out: &mut dyn Write) -> io::Result<()> {
    let relation = actor.relation.as_str().replace('_', " ");
    let parent = actor.parent().filter(|_| actor.is_followed);
    let parent = parent.map(|key| format!(" to {}", escaped(key))).unwrap_or_default();
    let seen = actor.activity.span.map_or_else(
        || ", not used in these logs".to_owned(),
        |(first, last)| {
            format!(", {} requests, {}", actor.activity.requests, interval(first, last))
        },
    );
    let unfollowed = if actor.is_followed { "" } else { ", not followed" };
    writeln!(out, "  {} ({relation}{parent}{unfollowed}){seen}", escaped(&actor.actor))?;
    let over = &actor.over;
    if let Some(status) = over.status {
        let quiet = over.quiet_for.map(|quiet| quiet / 3_600);
        let quiet = quiet.map(|hours| format!(", quiet for {hours} h at the end of the logs"));
        writeln!(out, "      {}{}", status.as_str(), quiet.unwrap_or_default())?;
    }
    for line in &over.containment {
        writeln!(out, "      contained: {}", escaped_long(line))?;
    }
    for line in &over.still_running {
        writeln!(out, "      still running: {}", escaped_long(line))?;
    }
    Ok(())
}

/// The word on all of it.
fn verdict(status: Option<Status>) -> &'static str {
    match status {
        None => "whether it is over these logs do not say",
        Some(Status::Active) => "not over: active within a day of the end of the logs",
        Some(Status::Quiet) => {
            "quiet, not over: a credential may still be good, or something still runs"
        }
        Some(Status::Over) => {
            "over, as far as these logs go: credentials ended, quiet for a day, nothing runs"
        }
    }
}

fn more(count: usize, what: &str, out: &mut dyn Write) -> io::Result<()> {
    match count.checked_sub(SHOWN) {
        Some(more @ 1..) => writeln!(out, "  … and {more} more {what}"),
        _ => Ok(()),
    }
}
