//! Who is behind the findings: a line per principal, those with attack sequences first.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::error::Result;
use crate::findings::{Row, SeverityLabel, title_beside};

/// Lines shown; how many there are beyond is said.
pub(super) const SHOWN: usize = 50;

/// How finding types of attack sequences begin.
const SEQUENCE: &str = "AttackSequence:";

/// What is known of a principal from its findings.
#[derive(Debug, Default)]
struct Known {
    severity: f64,
    findings: usize,
    sequences: BTreeSet<String>,
    types: BTreeSet<String>,
    buckets: BTreeSet<String>,
    accounts: BTreeSet<String>,
    first: Option<i64>,
    last: Option<i64>,
}

/// All principals with findings; none where there is no principal, or more than one.
#[derive(Debug, Default)]
pub(super) struct Actors(BTreeMap<Option<String>, Known>);

/// A line of the summary.
#[derive(Debug, Serialize)]
pub(super) struct Actor<'a> {
    principal: Option<&'a str>,
    severity: f64,
    label: &'static str,
    findings: usize,
    /// Titles.
    sequences: &'a BTreeSet<String>,
    types: &'a BTreeSet<String>,
    buckets: &'a BTreeSet<String>,
    accounts: &'a BTreeSet<String>,
    /// µs.
    first: Option<i64>,
    last: Option<i64>,
}

impl Actors {
    /// Adds a finding.
    pub(super) fn add(&mut self, row: &Row<'_>) -> Result<()> {
        let principal = row.text("principal")?.map(str::to_owned);
        let known = self.0.entry(principal).or_default();
        known.findings += 1;
        known.severity = known.severity.max(row.number("severity")?.unwrap_or_default());
        let kind = row.text("finding_type")?.unwrap_or_default();
        if kind.starts_with(SEQUENCE) {
            let title = row.text("title")?.unwrap_or_default();
            known.sequences.insert(title_beside(title, row.text("principal")?));
        } else {
            known.types.insert(kind.to_owned());
        }
        known.buckets.extend(row.texts("buckets")?.into_iter().map(str::to_owned));
        known.accounts.extend(row.text("account")?.map(str::to_owned));
        let (first, last) = (row.integer("first_seen")?, row.integer("last_seen")?);
        known.first = known.first.into_iter().chain(first).min();
        known.last = known.last.into_iter().chain(last).max();
        Ok(())
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The first lines: those with sequences, then by severity and number of findings.
    pub(super) fn first(&self) -> Vec<Actor<'_>> {
        let mut actors: Vec<_> =
            self.0.iter().map(|(name, known)| known.actor(name.as_deref())).collect();
        actors.sort_by(|a, b| {
            let without = |actor: &Actor<'_>| actor.sequences.is_empty();
            (without(a).cmp(&without(b)))
                .then(b.severity.total_cmp(&a.severity))
                .then(b.findings.cmp(&a.findings))
        });
        actors.truncate(SHOWN);
        actors
    }
}

impl Known {
    fn actor<'a>(&'a self, principal: Option<&'a str>) -> Actor<'a> {
        Actor {
            principal,
            severity: self.severity,
            label: SeverityLabel::of(self.severity).as_str(),
            findings: self.findings,
            sequences: &self.sequences,
            types: &self.types,
            buckets: &self.buckets,
            accounts: &self.accounts,
            first: self.first,
            last: self.last,
        }
    }
}
