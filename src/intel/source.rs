//! A file that something is known from, as `run.json` names it.

use serde::Serialize;

/// How many unreadable lines are told.
const TOLD: usize = 5;

/// How much of an unreadable line is told, in characters.
const EXCERPT: usize = 60;

/// A file and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// `geoip`, `threat_list`, `trusted` or `aws_ranges`.
    pub kind: &'static str,
    /// Its name as it was given.
    pub file: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// How many networks it names.
    pub entries: u64,
    /// When it was built, as it says itself.
    pub built: Option<String>,
    /// The label of a threat list.
    pub label: Option<String>,
    /// Lines, or entries, that could not be read.
    pub unreadable: Unreadable,
}

/// Lines, or entries, that could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// How many.
    pub count: u64,
    /// The first few, with their numbers from 1.
    pub first: Vec<String>,
}

impl Unreadable {
    /// Notes the line of that number.
    pub(super) fn note(&mut self, number: usize, bytes: &[u8], why: &str) {
        self.count += 1;
        if self.first.len() < TOLD {
            let start = bytes.get(..bytes.len().min(EXCERPT * 4)).unwrap_or_default();
            let text: String = String::from_utf8_lossy(start).chars().take(EXCERPT).collect();
            self.first.push(format!("line {number}, {why}: {}", text.escape_debug()));
        }
    }
}

impl Source {
    /// What the user should know of the file, if there is anything.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let Unreadable { count, first } = &self.unreadable;
        let lines = if *count == 1 { "line" } else { "lines" };
        (*count > 0).then(|| {
            let more = if *count > first.len() as u64 { " …" } else { "" };
            format!(
                "{}: {count} {lines} could not be read, the other {} entries are used: {}{more}",
                self.file,
                self.entries,
                first.join("; ")
            )
        })
    }
}
