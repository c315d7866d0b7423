//! What `trailsift scan --dry-run` shows.

use std::io::{self, Write};

use anstyle::Style;
use bytesize::ByteSize;

use super::escape::escaped;
use super::table::table;
use super::words::number;
use crate::findings::day_text;
use crate::pipeline::{DryRun, Part};
use crate::source::LogObject;

const BOLD: Style = Style::new().bold();

/// Accounts and regions named one by one.
const SHOWN: usize = 50;

/// Writes the name of an object and its stored bytes, with a tab between them.
///
/// # Errors
/// Those of `out`.
pub fn object_line(object: &LogObject, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}\t{}", escaped(&object.uri), object.bytes)
}

/// Writes what would be read.
///
/// # Errors
/// Those of `out`.
pub fn dry_run(found: &DryRun, out: &mut dyn Write) -> io::Result<()> {
    let Part { objects, bytes, .. } = found.total;
    let read = format!("{} objects, {}", number(objects), ByteSize::b(bytes));
    writeln!(out, "{BOLD}would read{BOLD:#} {read}; nothing was read or written")?;
    let row = |((account, region), part): (&(String, String), &Part)| {
        let known = |text: &str| {
            if text.is_empty() { "not in the key".to_owned() } else { text.to_owned() }
        };
        let days = part.days.map_or_else(String::new, |(first, last)| {
            format!("{} to {}", day_text(first), day_text(last))
        });
        let bytes = ByteSize::b(part.bytes).to_string();
        vec![known(account), known(region), number(part.objects), bytes, days]
    };
    if !found.parts.is_empty() {
        let head = ["ACCOUNT", "REGION", "OBJECTS", "BYTES", "DELIVERED"];
        let rows = found.parts.iter().take(SHOWN).map(row);
        writeln!(out, "\n{}", table(head, rows).trim_fmt())?;
        if let Some(more) = found.parts.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            writeln!(out, "and {more} more accounts and regions")?;
        }
    }
    writeln!(out)?;
    for ((failed, reason), count) in &found.not_read {
        let what = if *failed { "unreadable" } else { "skipped" };
        writeln!(out, "{BOLD}{what:<10}{BOLD:#} {} {}", number(*count), escaped(reason))?;
    }
    for (reason, count) in &found.left_out {
        let (what, count) = ("not listed", number(*count));
        writeln!(out, "{BOLD}{what}{BOLD:#} {count} prefixes {reason}")?;
    }
    let (Some(made), Some(dollars)) = (found.requests, found.dollars()) else { return Ok(()) };
    writeln!(
        out,
        "{BOLD}requests{BOLD:#}   {} LIST, as now, and {} GET: about ${dollars:.2} (S3 Standard in \
         us-east-1; other storage classes, regions and transfer out of the region cost more)",
        number(made.list),
        number(found.gets)
    )
}
