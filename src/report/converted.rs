//! What a conversion came to, on the terminal.

use std::io::{self, Write};

use bytesize::ByteSize;

use super::escape::escaped;
use crate::pipeline::Converted;

/// Writes the summary of a conversion.
///
/// # Errors
/// Those of `out`.
pub fn converted(done: &Converted, out: &mut dyn Write) -> io::Result<()> {
    let (objects, records) = (done.account.objects(), done.account.records());
    let written = done.written;
    let bytes = ByteSize::b(written.bytes).display().iec();
    let cut = if done.interrupted { "interrupted: nothing was added\n" } else { "" };
    write!(out, "{cut}")?;
    writeln!(out, "added     {} events in {} files, {bytes}", written.rows, written.files)?;
    if let Some(span) = done.span {
        let time = crate::findings::timestamp_text;
        writeln!(out, "events    from {} to {}", time(span.first), time(span.last))?;
    }
    writeln!(
        out,
        "objects   {} listed = {} read + {} skipped + {} failed",
        objects.listed, objects.read, objects.skipped, objects.failed
    )?;
    let copies = records.analysed.saturating_sub(written.rows);
    writeln!(
        out,
        "records   {} seen = {} written + {copies} copies + {} rejected",
        records.seen, written.rows, records.rejected
    )?;
    for note in &done.notes {
        writeln!(out, "note      {}", escaped(note))?;
    }
    let folder = done.out.display().to_string();
    let folder = escaped(&folder);
    writeln!(out, "files     {folder}; what could not be read: {folder}/_trailsift")
}
