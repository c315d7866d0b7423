//! What `trailsift detectors` shows: the list, a page, diagnostics, the outcome of cases.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::escape::{escaped, escaped_long};
use super::markdown::{plain, wrapped};
use super::table::table;
use crate::detect::rules::{Diagnostic, Entry, Level};
use crate::findings::SeverityLabel;
use crate::pipeline::{CaseFailure, CaseLine, Checked, Described, Tested};

const BOLD: Style = Style::new().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const GREEN: Style = AnsiColor::Green.on_default();

/// Writes the list of detectors, and what does not run.
///
/// # Errors
/// Those of `out`.
pub fn detector_list(
    entries: &[Entry],
    refused: &[Diagnostic],
    out: &mut dyn Write,
) -> io::Result<()> {
    let head = ["ID", "SEVERITY", "JUDGE", "ATT&CK", "SOURCE", "TITLE"];
    let rows = entries.iter().map(|entry| {
        vec![
            entry.id.clone(),
            severity(entry.severity),
            entry.judge.to_owned(),
            entry.techniques.join(" "),
            entry.source.to_owned(),
            entry.title.clone(),
        ]
    });
    writeln!(out, "{}", table(head, rows).trim_fmt())?;
    refused.iter().try_for_each(|bad| {
        writeln!(out, "{BOLD}not run{BOLD:#}  {}", escaped_long(&bad.to_string()))
    })
}

fn severity(severity: f64) -> String {
    format!("{severity:>4.1} {}", SeverityLabel::of(severity).as_str())
}

/// Writes all that is known of a detector: its file and its page.
///
/// # Errors
/// Those of `out`.
pub fn detector_page(described: &Described, out: &mut dyn Write) -> io::Result<()> {
    let Described { entry, page, cases } = described;
    writeln!(out, "{BOLD}{}{BOLD:#}: {}", escaped(&entry.id), escaped(&entry.title))?;
    if let Some(description) = &entry.description {
        write!(out, "\n{}", wrapped(description, "", ""))?;
    }
    writeln!(out)?;
    let data = entry.needs_data_events.then(|| "S3 data events".to_owned());
    let needs: Vec<String> = data.into_iter().chain(entry.needs.iter().cloned()).collect();
    let needs = if needs.is_empty() { "nothing special".to_owned() } else { needs.join(", ") };
    let facts = [
        ("severity", severity(entry.severity).trim().to_owned()),
        ("level", entry.level.unwrap_or("none").to_owned()),
        ("confidence", entry.confidence.to_string()),
        ("type", entry.finding_type.clone()),
        ("ATT&CK", [entry.tactics.join(", "), entry.techniques.join(", ")].join(": ")),
        ("judge", entry.judge.to_owned()),
    ];
    facts.iter().try_for_each(|(name, text)| fact(out, name, text))?;
    entry.numbers.iter().try_for_each(|(name, text)| fact(out, name, text))?;
    fact(out, "needs", &needs)?;
    fact(out, "practice", entry.practice.as_deref().unwrap_or("none"))?;
    fact(out, "version", &entry.version.to_string())?;
    fact(out, "source", &format!("{}: {}", entry.source, entry.file))?;
    fact(out, "cases", &cases.len().to_string())?;
    list("false positives", &entry.false_positives, out)?;
    list("references", &entry.references, out)?;
    match page {
        Some(page) => write!(out, "\n{}", plain(page)),
        None => writeln!(out, "\nno page beside the file"),
    }
}

fn fact(out: &mut dyn Write, name: &str, text: &str) -> io::Result<()> {
    let first = format!("{name:<19} ");
    write!(out, "{}", wrapped(text, &first, &" ".repeat(first.len())))
}

fn list(name: &str, items: &[String], out: &mut dyn Write) -> io::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    writeln!(out, "{name}")?;
    items.iter().try_for_each(|item| write!(out, "{}", wrapped(item, "  - ", "    ")))
}

/// Writes diagnostics, each with its place and a fix, and their number.
///
/// # Errors
/// Those of `out`.
pub fn check_results(checked: &Checked, out: &mut dyn Write) -> io::Result<()> {
    for bad in &checked.diagnostics {
        let style = if bad.severity == Level::Error { RED } else { YELLOW };
        let place = format!("{}:{}:{}", bad.file, bad.line, bad.column);
        let level = bad.severity.as_str();
        writeln!(
            out,
            "{}: {style}{level}{style:#}[{}]: {}",
            escaped(&place),
            bad.code,
            escaped_long(&bad.message)
        )?;
        if let Some(help) = &bad.help {
            writeln!(out, "    fix: {}", escaped_long(help))?;
        }
    }
    let (errors, warnings) = (checked.count(Level::Error), checked.count(Level::Warning));
    writeln!(
        out,
        "{BOLD}checked{BOLD:#} {}, {}: {}, {}",
        counted(checked.files, "file"),
        counted(checked.detectors.len(), "detector"),
        counted(errors, "error"),
        counted(warnings, "warning"),
    )
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Writes which cases hold, and how the others differ.
///
/// # Errors
/// Those of `out`.
pub fn test_results(tested: &[Tested], out: &mut dyn Write) -> io::Result<()> {
    for test in tested {
        let name = escaped(&test.detector).into_owned();
        match (test.passed(), test.cases) {
            (true, 0) => writeln!(out, "{YELLOW}none{YELLOW:#}  {name}: no cases")?,
            (true, cases) => {
                writeln!(out, "{GREEN}ok{GREEN:#}    {name}: {}", counted(cases, "case"))?;
            }
            (false, _) => writeln!(out, "{RED}FAIL{RED:#}  {name}: {}", escaped(&test.file))?,
        }
        if let Some(fault) = &test.fault {
            writeln!(out, "      {}", escaped_long(fault))?;
        }
        test.failures.iter().try_for_each(|failure| difference(failure, out))?;
    }
    let failed = tested.iter().filter(|test| !test.passed()).count();
    let cases: usize = tested.iter().map(|test| test.cases).sum();
    writeln!(
        out,
        "{BOLD}tested{BOLD:#} {} in {}, each as written, reversed and split: {failed} failed",
        counted(cases, "case"),
        counted(tested.len(), "detector"),
    )
}

/// A failed case, finding by finding: `-` is what the page says, `+` what was found.
fn difference(failure: &CaseFailure, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "      case `{}`, {}:", escaped(&failure.case), failure.variant)?;
    let (expected, found) = (&failure.expected, &failure.found);
    for at in 0..expected.len().max(found.len()) {
        match (expected.get(at), found.get(at)) {
            (Some(expected), Some(found)) if expected == found => {
                writeln!(out, "          {}", escaped_long(&shown(expected)))?;
            }
            (expected, found) => {
                for (sign, line) in [('-', expected), ('+', found)] {
                    let Some(line) = line else { continue };
                    writeln!(out, "        {sign} {}", escaped_long(&shown(line)))?;
                }
            }
        }
    }
    if found.is_empty() {
        writeln!(out, "        + no finding")?;
    } else if expected.is_empty() {
        writeln!(out, "        - no finding")?;
    }
    Ok(())
}

fn shown(line: &CaseLine) -> String {
    let pairs: Vec<String> = line.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    match pairs.as_slice() {
        [] => "a finding".to_owned(),
        some => some.join(" | "),
    }
}
