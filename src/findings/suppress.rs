//! Suppression: findings that somebody has looked at and does not want to see. They stay in the
//! files, marked, and are counted apart. An entry ends with the day that it names, compared with the
//! finding's day and never with the clock, so that equal logs give equal findings.

use wildmatch::WildMatch;

use super::finding::Finding;
use super::time::day_text;
use crate::detect::rules::yaml::{Mapping, sequence, strict_documents};
use crate::detect::rules::{Diagnostic, Level, UsedFile};
use crate::digest::sha256;

/// As many values as a finding's list holds; a full one may be cut, and is not known as a whole.
const FULL: usize = 16;

/// The columns that patterns may name.
const COLUMNS: &[&str] = &[
    "account",
    "region",
    "principal",
    "principal_type",
    "caller_account",
    "access_key_id",
    "session_name",
    "bucket",
    "bucket_owner_account",
    "event_name",
    "error_code",
    "source_ip",
    "vpc_endpoint",
    "user_agent",
];

/// The entries of a suppression file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Suppressions {
    /// The file, if there is one.
    pub used: Option<UsedFile>,
    /// Entries that do not apply, and why.
    pub diagnostics: Vec<Diagnostic>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    place: (usize, usize),
    /// `*` for all.
    detector: String,
    patterns: Vec<(String, Vec<WildMatch>)>,
    /// Findings of this day and later ones are not suppressed; days since the epoch.
    until: Option<i64>,
    reason: String,
}

impl Suppressions {
    /// Reads a suppression file; entries that are not understood as a whole do not apply.
    #[must_use]
    pub fn parse(file: &str, text: &str) -> Self {
        let used = UsedFile { file: file.to_owned(), sha256: sha256(text.as_bytes()) };
        let mut read = Self { used: Some(used), ..Self::default() };
        let items = strict_documents(file, text).and_then(|documents| {
            let lists = documents.iter().map(|document| sequence(file, document));
            lists.map(|list| Ok(list?.iter().map(|item| Entry::of(file, item)).collect())).collect()
        });
        let items: Vec<Vec<Result<Entry, Diagnostic>>> = match items {
            Ok(items) => items,
            Err(fault) => {
                read.diagnostics.push(fault);
                Vec::new()
            }
        };
        for item in items.into_iter().flatten() {
            match item {
                Ok(entry) => read.entries.push(entry),
                Err(fault) => read.diagnostics.push(fault),
            }
        }
        for fault in &mut read.diagnostics {
            fault.message.push_str("; it suppresses nothing");
            fault.severity = Level::Warning;
        }
        read
    }

    /// SHA-256 of the file's text, if there is one.
    #[must_use]
    pub fn sha256(&self) -> Option<&str> {
        self.used.as_ref().map(|used| used.sha256.as_str())
    }

    fn file(&self) -> &str {
        self.used.as_ref().map_or("", |used| &used.file)
    }

    /// Warnings of entries that name a detector that is not loaded.
    #[must_use]
    pub fn strangers(&self, known: &[String]) -> Vec<Diagnostic> {
        let is_strange = |entry: &&Entry| entry.detector != "*" && !known.contains(&entry.detector);
        let strangers = self.entries.iter().filter(is_strange);
        let warning = |entry: &Entry| {
            let message = format!("`{}` is no detector of this run", entry.detector);
            Diagnostic::at(self.file(), entry.place, "unknown_detector", message).warning()
        };
        strangers.map(warning).collect()
    }

    /// Marks the findings that an entry matches; the first one gives the reason. Returns what to say
    /// of entries that have expired.
    pub fn apply(&self, findings: &mut [Finding]) -> Vec<String> {
        let mut expired = vec![0_u64; self.entries.len()];
        for finding in findings {
            finding.suppression_reason = None;
            for (entry, expired) in self.entries.iter().zip(&mut expired) {
                if !entry.matches(finding) {
                    continue;
                }
                if entry.until.is_none_or(|until| finding.day < until) {
                    finding.suppression_reason = Some(entry.reason.clone());
                    break;
                }
                *expired += 1;
            }
        }
        let told = self.entries.iter().zip(&expired).filter(|(_, findings)| **findings > 0);
        let note = |(entry, findings): (&Entry, &u64)| {
            let until = entry.until.map(day_text).unwrap_or_default();
            let (line, detector) = (entry.place.0, &entry.detector);
            format!(
                "{}:{line}: the entry for `{detector}` ended on {until}; it matches {findings} later \
                 finding(s), which are not suppressed by it",
                self.file()
            )
        };
        told.map(note).collect()
    }
}

impl Entry {
    fn of(file: &str, node: &saphyr::MarkedYaml<'_>) -> Result<Self, Diagnostic> {
        let mapping = Mapping::of(file, node)?;
        let known: Vec<&str> =
            ["detector", "until", "reason"].iter().chain(COLUMNS).copied().collect();
        mapping.only(&known)?;
        let missing = |key: &str| {
            let message = format!("`{key}` is missing");
            Diagnostic::at(file, mapping.place, "missing_key", message)
        };
        let detector = mapping.text("detector")?.ok_or_else(|| missing("detector"))?.to_owned();
        let reason = mapping.text("reason")?.ok_or_else(|| missing("reason"))?.to_owned();
        let mut patterns = Vec::new();
        for column in COLUMNS {
            let texts = mapping.texts(column)?;
            if !texts.is_empty() {
                let matchers = texts.iter().map(|text| WildMatch::new(text)).collect();
                patterns.push(((*column).to_owned(), matchers));
            }
        }
        if detector == "*" && patterns.is_empty() {
            let message = "an entry for all detectors needs a pattern";
            return Err(mapping.fault("detector", "pattern", message));
        }
        let until = mapping.text("until")?.map(|text| {
            let day = text.parse::<jiff::civil::Date>().ok();
            let epoch = jiff::civil::Date::constant(1970, 1, 1);
            let days = day.and_then(|day| epoch.until(day).ok()).map(|span| span.get_days().into());
            days.ok_or_else(|| {
                let message = format!("`{text}` is no date: write 2026-04-01");
                mapping.fault("until", "date", message)
            })
        });
        let until = until.transpose()?;
        Ok(Self { place: mapping.place, detector, patterns, until, reason })
    }

    /// Whether the detector and every pattern match. Of a list all values must match, and the list
    /// must be known as a whole.
    fn matches(&self, finding: &Finding) -> bool {
        let is_detector = self.detector == "*" || self.detector == finding.detector_id;
        is_detector
            && self.patterns.iter().all(|(column, matchers)| {
                let values = values(finding, column);
                let is_matched =
                    |value: &&str| matchers.iter().any(|matcher| matcher.matches(value));
                !values.is_empty() && values.len() < FULL && values.iter().all(is_matched)
            })
    }
}

fn values<'f>(finding: &'f Finding, column: &str) -> Vec<&'f str> {
    let list = match column {
        "access_key_id" => &finding.access_key_ids,
        "session_name" => &finding.session_names,
        "bucket" => &finding.buckets,
        "event_name" => &finding.event_names,
        "error_code" => &finding.error_codes,
        "source_ip" => &finding.source_ips,
        "vpc_endpoint" => &finding.vpc_endpoints,
        "user_agent" => &finding.user_agents,
        one => return value(finding, one).into_iter().collect(),
    };
    list.iter().map(AsRef::as_ref).collect()
}

fn value<'f>(finding: &'f Finding, column: &str) -> Option<&'f str> {
    match column {
        "account" => finding.account.as_deref(),
        "region" => finding.region.as_deref(),
        "principal" => finding.principal.as_deref(),
        "principal_type" => finding.principal_type.as_deref(),
        "caller_account" => finding.caller_account.as_deref(),
        "bucket_owner_account" => finding.bucket_owner_account.as_deref(),
        _ => None,
    }
}
