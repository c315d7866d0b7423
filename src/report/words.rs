//! The small words of what is shown: counts, samples, the colour of a severity.

use std::borrow::Cow;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use crate::findings::SeverityLabel;
use crate::pipeline::Run;

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();

/// Lines shown of what may be many: low findings, damaged objects, rejected records.
pub(super) const NAMED: usize = 10;

/// The least that is shown of a finding's id.
const SHORT_ID: usize = 8;

/// In place of a principal.
pub(super) const NOBODY: &str = "principal unknown, or several";

/// Says how many of `all` are not among the `shown`.
pub(super) fn more(all: usize, shown: usize, file: &str, out: &mut dyn Write) -> io::Result<()> {
    match all.saturating_sub(shown) {
        0 => Ok(()),
        rest => writeln!(out, "          … and {} more, see {file}", number(rest as u64)),
    }
}

/// `1 call`, `1,500 calls`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", number(count))
}

/// The first three values.
pub(super) fn some(values: &[impl AsRef<str>]) -> String {
    let shown: Vec<&str> = values.iter().take(3).map(AsRef::as_ref).collect();
    let more = if values.len() > 3 { " …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

pub(super) fn style(label: SeverityLabel) -> Style {
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

/// The beginning of a text, if it is longer than `longest` characters.
pub(super) fn clipped(text: &str, longest: usize) -> Cow<'_, str> {
    match text.char_indices().nth(longest) {
        None => text.into(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)).into(),
    }
}

/// The first of many names, and how many more there are.
pub(super) fn few(names: &[impl AsRef<str>]) -> String {
    let shown: Vec<&str> = names.iter().take(4).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        rest => format!("{} and {} more", shown.join(", "), number(rest as u64)),
    }
}

/// As much of a finding's id as no other finding of the run begins with.
pub(super) fn short_id<'i>(run: &Run, id: &'i str) -> &'i str {
    let is_shared = |prefix: &str| {
        let begin_so = run.findings.iter().filter(|other| other.finding_id.starts_with(prefix));
        begin_so.count() > 1
    };
    let prefixes = (SHORT_ID..id.len()).filter_map(|length| id.get(..length));
    prefixes.into_iter().find(|prefix| !is_shared(prefix)).unwrap_or(id)
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
