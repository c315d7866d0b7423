//! The files of a state: tables, ledgers, recent ids, findings and manifests, each read as whatever
//! it may be, and the tables judged. A damaged file is an error; it never breaks a run.
//!
//! Bytes that are neither Parquet nor JSON describe rows, which are written as a table: so times
//! and counts of any size come through the compression.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use tempfile::TempDir;
use trailsift::Result;
use trailsift::detect::group::{
    Details, Entity, Evidence, Key, Pane, Row, Sketch, TableReader, merge, write_table,
};
use trailsift::detect::rules::{Plan, shipped};
use trailsift::findings::{Finding, read_by_day, read_current, revise, write_current};
use trailsift::state::{LedgerEntry, LedgerReader, RecentReader, State, write_ledger};
use trailsift::store::Folder;

use super::judged::{days, judged};

/// Rows that are judged at most.
const ROWS: usize = 1 << 12;

static PLAN: LazyLock<Plan> = LazyLock::new(|| Plan::compile(&shipped()));

thread_local! {
    static FOLDER: TempDir = TempDir::new().unwrap();
}

/// Runs the target.
pub fn run(bytes: &[u8]) {
    FOLDER.with(|folder| {
        let folder = folder.path();
        let path = folder.join("file");
        if bytes.starts_with(b"{") {
            manifest(&folder.join("state"), bytes);
        } else if bytes.starts_with(b"PAR1") {
            std::fs::write(&path, bytes).unwrap();
            let findings = table(&path).unwrap_or_default();
            let _ = ledger(&path, &folder.join("next"));
            let _ = RecentReader::open(&path).map(Iterator::count);
            let _ = current(&path, &folder.join("next"), &findings);
        } else {
            rows(&path, bytes);
        }
    });
}

/// A table, judged alone, and merged with itself.
fn table(path: &Path) -> Result<Vec<Finding>> {
    let rows: Vec<(Key, Row)> = TableReader::open(path)?.take(ROWS).collect::<Result<_>>()?;
    let days = days(&rows);
    let findings = judged(&PLAN, rows.iter().cloned().map(Ok), &days)?;
    let run = || Box::new(rows.clone().into_iter().map(Ok)) as _;
    let twice: Vec<(Key, Row)> = merge(vec![run(), run()]).collect::<Result<_>>()?;
    assert_eq!(twice.len(), rows.len(), "each key is there once");
    judged(&PLAN, twice.into_iter().map(Ok), &days)?;
    Ok(findings)
}

/// A ledger, and the next one.
fn ledger(path: &Path, next: &Path) -> Result<()> {
    let known = LedgerReader::open(path)?.take(ROWS).collect::<Result<Vec<_>>>()?.len();
    if known < ROWS {
        let new = LedgerEntry { object: "x".into(), bytes: 1, records: 1, run: "r".into() };
        write_ledger(next, Some(LedgerReader::open(path)?), vec![new])?;
        let all = LedgerReader::open(next)?.collect::<Result<Vec<_>>>()?.len();
        assert!(all == known || all == known + 1, "{known} entries became {all}");
    }
    Ok(())
}

/// Current findings, and what a run makes of them that finds `findings` and nothing else.
fn current(path: &Path, next: &Path, findings: &[Finding]) -> Result<()> {
    read_by_day(path)?;
    let known = read_current(Some(path), 20_000)?;
    let revised = revise(&known, findings, |_, day| day % 2 == 0)?;
    write_current(next, Some(path), 20_000, &revised.current)?;
    read_current(Some(next), i32::MIN).map(drop)
}

/// A manifest, and the next one.
fn manifest(folder: &Path, text: &[u8]) {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir(folder).unwrap();
    for name in ["manifest-00000001.json", "00000001-a.table.parquet", ".00000002-x"] {
        std::fs::write(folder.join(name), text).unwrap();
    }
    let Ok(opened) = Folder::open(&folder.to_path_buf().into(), None) else { return };
    let Ok(state) = State::open(Arc::new(opened)) else { return };
    assert!(!state.temporary_prefix().is_empty());
    state.file(|files| &files.table).unwrap();
    let manifest = state.manifest.clone().unwrap();
    let before = manifest.generation;
    if let Ok(next) = state.draft("x").commit(manifest) {
        assert!(next.manifest.unwrap().generation > before);
    }
}

/// Rows of any content survive being written, or are refused when they are read.
fn rows(path: &Path, bytes: &[u8]) {
    let mut source = Source(bytes);
    let mut rows = Vec::new();
    while !source.0.is_empty() && rows.len() < 64 {
        rows.push((source.key(), source.row()));
    }
    rows.sort_by(|(a, _), (b, _)| a.cmp(b));
    rows.dedup_by(|(a, _), (b, _)| a == b);
    write_table(path, rows.iter().cloned().map(Ok)).unwrap();
    let read: Result<Vec<(Key, Row)>> = TableReader::open(path).unwrap().collect();
    if let Ok(read) = read {
        assert_eq!(read, rows);
        table(path).unwrap();
    }
}

/// Makes values of bytes; zeros when there are no more.
struct Source<'b>(&'b [u8]);

impl Source<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn few(&mut self, most: u8) -> usize {
        usize::from(self.byte() % (most + 1))
    }

    /// Mostly a time near the day 20,000, in `unit`s per second; at times any number.
    fn time(&mut self, unit: i64) -> i64 {
        match self.byte() {
            255 => i64::MAX,
            254 => i64::MIN,
            253 => i64::from_le_bytes(std::array::from_fn(|_| self.byte())),
            252 => -1,
            day => {
                (20_000 + i64::from(day % 16)) * 86_400 * unit + i64::from(self.byte()) * 337 * unit
            }
        }
    }

    fn count(&mut self) -> u64 {
        match self.byte() {
            255 => u64::MAX,
            254 => u64::from_le_bytes(std::array::from_fn(|_| self.byte())),
            253 => i64::MAX.unsigned_abs(),
            count => u64::from(count),
        }
    }

    fn text(&mut self) -> String {
        match self.byte() {
            0 => String::new(),
            250.. => char::from(self.byte()).to_string().repeat(40),
            n => format!("text {n}"),
        }
    }

    fn key(&mut self) -> Key {
        let fold = PLAN.folds[usize::from(self.byte()) % PLAN.folds.len()].id;
        let column = |source: &mut Self| match source.byte() % 4 {
            0 => None,
            _ => Some(source.text().into()),
        };
        let entity: Entity = (0..self.few(6)).map(|_| column(self)).collect();
        Key { fold, entity, bucket: self.time(1) }
    }

    fn row(&mut self) -> Row {
        let mut row = Row::default();
        for _ in 0..self.few(9) {
            row.add(Pane {
                start: self.time(1),
                rule: u16::from(self.byte() % 4),
                ok: self.count(),
                failed: self.count(),
            });
        }
        if self.few(3) > 0 {
            let measures = row.measures.take();
            row = Row::new(row.panes, Some(self.details()));
            row.measures = measures;
        }
        row
    }

    fn details(&mut self) -> Details {
        let mut details = Details {
            first: self.time(1_000_000),
            last: self.time(1_000_000),
            bytes_in: self.count(),
            bytes_out: self.count(),
            evidence: Vec::new(),
            samples: Vec::new(),
        };
        for _ in 0..self.few(4) {
            details.witness(&Evidence {
                event_time: self.time(1_000_000),
                event_id: self.text().into(),
                object_uri: self.text().into(),
                record_number: self.count(),
            });
        }
        for _ in 0..self.few(20) {
            let mut sketch = Sketch::new(self.few(20), self.few(20));
            for _ in 0..self.few(5) {
                let text = self.text();
                sketch.insert(Sketch::hash(&text), || text.as_str().into());
            }
            details.samples.push(sketch);
        }
        details
    }
}
