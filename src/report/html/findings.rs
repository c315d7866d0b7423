//! The findings of a run as the page has them: rows of values in the order of the columns of
//! findings.parquet, with texts as numbers. Severe ones come first.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::actors::Actors;
use super::texts::Texts;
use crate::error::Result;
use crate::findings::{Cell, Row, current_batches, rows};

/// The most findings that a report holds: a browser must keep all of them in memory.
pub(super) const MOST: usize = 50_000;

/// How many findings there are, of what can be seen by severity label.
#[derive(Debug, Default, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Counts {
    pub critical: usize,
    pub high: usize,
    pub medium: usize,
    pub low: usize,
    pub suppressed: usize,
    pub withdrawn: usize,
}

impl Counts {
    /// How many are neither suppressed nor withdrawn.
    pub(super) fn visible(&self) -> usize {
        self.critical + self.high + self.medium + self.low
    }

    fn add(&mut self, row: &Row<'_>) -> Result<()> {
        let count = if row.text("status")? == Some("withdrawn") {
            &mut self.withdrawn
        } else if row.is("suppressed")? {
            &mut self.suppressed
        } else {
            match row.text("severity_label")? {
                Some("critical") => &mut self.critical,
                Some("high") => &mut self.high,
                Some("medium") => &mut self.medium,
                _ => &mut self.low,
            }
        };
        *count += 1;
        Ok(())
    }
}

/// Where a row of the file comes among all: what can be seen before what cannot, then the severe.
#[derive(Debug, Clone, Copy)]
struct Rank {
    is_hidden: bool,
    severity: f64,
    position: usize,
}

impl Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        let severity = other.severity.total_cmp(&self.severity);
        self.is_hidden.cmp(&other.is_hidden).then(severity).then(self.position.cmp(&other.position))
    }
}

/// The findings of a run.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub counts: Counts,
    /// Those that did not fit, all that there are of a severity after those that did.
    pub left: Counts,
    pub actors: Actors,
    pub texts: Texts,
    columns: Vec<String>,
    /// JSON arrays.
    rows: Vec<String>,
    span: Option<(i64, i64)>,
}

impl Findings {
    /// Reads a file of findings, twice: first to see which ones to keep.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let mut found = Self::default();
        let kept = found.survey(path)?;
        let mut encoded = vec![String::new(); kept.len()];
        let mut position = 0;
        for batch in current_batches(path)? {
            let batch = batch?;
            if found.columns.is_empty() {
                let fields = batch.schema_ref().fields();
                found.columns = fields.iter().map(|field| field.name().clone()).collect();
            }
            for row in rows(&batch) {
                match kept.get(&position).and_then(|place| encoded.get_mut(*place)) {
                    Some(to) => encode_row(&row, &mut found.texts, to)?,
                    None => found.left.add(&row)?,
                }
                position += 1;
            }
        }
        found.rows = encoded;
        Ok(found)
    }

    /// Counts, and finds the places of the rows that are kept by their positions in the file.
    fn survey(&mut self, path: &Path) -> Result<BTreeMap<usize, usize>> {
        let mut ranks = Vec::new();
        for batch in current_batches(path)? {
            for row in rows(&batch?) {
                let is_hidden = row.is("suppressed")? || row.text("status")? == Some("withdrawn");
                let severity = row.number("severity")?.unwrap_or_default();
                ranks.push(Rank { is_hidden, severity, position: ranks.len() });
                self.counts.add(&row)?;
                if !is_hidden {
                    self.actors.add(&row)?;
                }
                let times = [row.integer("first_seen")?, row.integer("last_seen")?];
                for time in times.into_iter().flatten() {
                    let (first, last) = self.span.unwrap_or((time, time));
                    self.span = Some((first.min(time), last.max(time)));
                }
            }
        }
        ranks.sort_unstable_by(Rank::cmp);
        let kept = ranks.iter().take(MOST).enumerate();
        Ok(kept.map(|(place, rank)| (rank.position, place)).collect())
    }

    /// The times of the first and the last event judged, µs.
    pub(super) fn span(&self) -> impl IntoIterator<Item = i64> + use<> {
        self.span.into_iter().flat_map(|(first, last)| [first, last])
    }

    /// How many there are.
    pub(super) fn total(&self) -> usize {
        self.rows.len() + self.left_out()
    }

    /// How many did not fit.
    pub(super) fn left_out(&self) -> usize {
        self.left.visible() + self.left.suppressed + self.left.withdrawn
    }

    /// `{"columns": [name, …], "rows": [[value, …], …]}`; times are in milliseconds since 1970, days
    /// in days, structs are lists of their values, and texts are numbers.
    pub(super) fn json(&self) -> Result<String> {
        let columns = serde_json::to_string(&self.columns)?;
        Ok(format!("{{\"columns\":{columns},\"rows\":[{}]}}", self.rows.join(",")))
    }
}

fn encode_row(row: &Row<'_>, texts: &mut Texts, to: &mut String) -> Result<()> {
    let cells = row.cells()?.into_iter().map(|(_, cell)| cell).collect();
    encode(&Cell::List(cells), texts, to);
    Ok(())
}

fn encode(cell: &Cell<'_>, texts: &mut Texts, to: &mut String) {
    // Writing to a String cannot fail.
    let _ = match cell {
        Cell::Flag(value) => write!(to, "{value}"),
        Cell::Integer(value) => write!(to, "{value}"),
        Cell::Number(value) if value.is_finite() => write!(to, "{value}"),
        Cell::Null | Cell::Number(_) => write!(to, "null"),
        Cell::Day(day) => write!(to, "{day}"),
        Cell::Time(micros) => write!(to, "{}", micros.div_euclid(1_000)),
        Cell::Text(text) => write!(to, "{}", texts.number(text)),
        Cell::List(items) => return encode_all(items.iter(), texts, to),
        Cell::Object(fields) => {
            return encode_all(fields.iter().map(|(_, value)| value), texts, to);
        }
    };
}

fn encode_all<'c, 'b: 'c>(
    items: impl Iterator<Item = &'c Cell<'b>>,
    texts: &mut Texts,
    to: &mut String,
) {
    to.push('[');
    for (number, item) in items.enumerate() {
        if number > 0 {
            to.push(',');
        }
        encode(item, texts, to);
    }
    to.push(']');
}
