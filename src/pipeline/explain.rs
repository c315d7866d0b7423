//! Why a finding fired: its row, its detector, the records behind it as they were written, and what
//! its principal did around it. The records are read again from the objects that the run has read.

mod looked_at;
mod originals;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::Serialize;
use serde_json::{Map, Value};

use super::detectors::{Described, describe_detector};
use super::output::{APPEARANCES, CURRENT, FINDINGS, RUN};
use super::pass::{Inputs, Pass, Passed};
use super::read_options::ReadOptions;
use super::scan::Progress;
use super::tables::Spill;
use crate::error::{Error, Result};
use crate::events::{EventFilter, Fields};
use crate::findings::read_findings;
use crate::intel::Intel;
use crate::source::{self, KeyRange};
use crate::store::{Access, Folder, Location, S3};
use looked_at::{Looked, Looking};
use originals::{Known, Originals};

pub use looked_at::{Around, Event, Stand};

/// A finding's columns, by their names.
type Row = Map<String, Value>;

/// What to explain, and how.
#[derive(Debug, Clone)]
pub struct ExplainOptions {
    /// The output folder of a run.
    pub folder: Location,
    /// The finding's id, or as much of it as no other begins with.
    pub finding: String,
    /// A folder with more detectors.
    pub detectors: Option<PathBuf>,
    /// So many µs before and after the finding are looked at.
    pub around: i64,
    /// At most so many events are listed before, in and after the finding.
    pub most: usize,
    /// Worker threads.
    pub threads: usize,
    /// How S3 is reached.
    pub access: Access,
}

/// A finding with all that is known of it.
#[derive(Debug, Clone, Serialize)]
pub struct Explained {
    /// Its columns.
    pub finding: Row,
    /// The findings that it names: the day before's, and those that it is made of.
    pub related: Vec<Row>,
    /// What the detector gives before anything changes it; none if it is not known any more.
    pub detector_severity: Option<f64>,
    /// The detector with its page.
    #[serde(skip)]
    pub described: Option<Described>,
    /// What the detector's author knows to be harmless.
    pub false_positives: Vec<String>,
    /// When the run ended, and which version made it.
    pub run: Value,
    /// The records of the evidence.
    pub records: Vec<Record>,
    /// What was done around it.
    pub around: Around,
    /// Objects that could not be read again, or are no longer what the run has read.
    pub missing: Vec<Missing>,
}

/// A record of the evidence.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// The event's id.
    pub event_id: Option<String>,
    /// Where it is.
    pub object_uri: String,
    /// Which one it is, from 0.
    pub record_number: u64,
    /// Its text as it was written; none if it could not be read again.
    pub text: Option<String>,
    /// Why not.
    pub missing: Option<String>,
}

/// An object that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Missing {
    /// Its name.
    pub object_uri: String,
    /// What became of it.
    pub reason: String,
}

/// Explains a finding.
///
/// # Errors
/// [`Error::Usage`] for a folder without findings, and for an id that none or several begin with.
pub fn explain(
    options: &ExplainOptions,
    progress: &dyn Progress,
    interrupt: &AtomicBool,
) -> Result<Explained> {
    let s3 = S3::connect_for(std::iter::once(&options.folder), &options.access)?;
    let folder = open(&options.folder, s3.as_ref())?;
    let (finding, related) = find(&folder, &options.finding)?;
    let known = Known::read(&folder)?;
    let reading = Reading { options, finding: &finding, known: &known, progress, interrupt };
    let mut originals = Originals::default();
    let records = reading.records(&mut originals);
    let around = reading.around(&mut originals);
    let described = text(&finding, "detector_id")
        .and_then(|id| describe_detector(options.detectors.as_deref(), id).ok());
    let entry = described.as_ref().map(|described| &described.entry);
    Ok(Explained {
        detector_severity: entry.map(|entry| entry.severity),
        false_positives: entry.map(|entry| entry.false_positives.clone()).unwrap_or_default(),
        run: run_of(&folder),
        missing: originals.missing(),
        finding,
        related,
        described,
        records,
        around,
    })
}

/// A text column of a finding.
fn text<'r>(row: &'r Row, column: &str) -> Option<&'r str> {
    row.get(column)?.as_str()
}

/// A time column, µs.
fn time(row: &Row, column: &str) -> Option<i64> {
    let time: jiff::Timestamp = text(row, column)?.parse().ok()?;
    Some(time.as_microsecond())
}

fn texts(row: &Row, column: &str) -> Vec<String> {
    let list = row.get(column).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// The folder, which must be there.
fn open(location: &Location, s3: Option<&S3>) -> Result<Folder> {
    if location.local().is_some_and(|path| !path.is_dir()) {
        let message =
            format!("`{location}` is no folder: give the output folder of a scan (--out)");
        return Err(Error::Usage(message));
    }
    Folder::open(location, s3)
}

/// The finding of that id, and those that it names.
fn find(folder: &Folder, id: &str) -> Result<(Row, Vec<Row>)> {
    let mut files = Vec::new();
    for name in [FINDINGS, CURRENT, APPEARANCES] {
        if folder.holds(name)? {
            files.push(folder.bring(name)?);
        }
    }
    let location = folder.location();
    if files.is_empty() {
        let message = format!(
            "`{location}` holds neither {FINDINGS} nor {CURRENT}: give the output folder of a scan \
             (--out), not its input"
        );
        return Err(Error::Usage(message));
    }
    let all = |wanted: &dyn Fn(&str) -> bool| -> Result<Vec<Row>> {
        let mut found = Vec::new();
        for file in &files {
            found.extend(read_findings(file, |path, why| Error::table(path, why), wanted)?);
        }
        Ok(found)
    };
    let mut found = all(&|known| known.starts_with(id))?;
    if found.len() > 1 {
        let ids: Vec<&str> =
            found.iter().filter_map(|row| text(row, "finding_id")).take(5).collect();
        let message = format!("`{id}` begins several ids of findings: {}", ids.join(", "));
        return Err(Error::Usage(message));
    }
    let Some(finding) = found.pop() else {
        let message = format!(
            "`{id}`: no finding in `{location}` has an id that begins so; the summary of the scan \
             names ids, and so does the column finding_id of {FINDINGS}"
        );
        return Err(Error::Usage(message));
    };
    let mut names = texts(&finding, "related");
    names.extend(text(&finding, "continues").map(str::to_owned));
    let related = if names.is_empty() {
        Vec::new()
    } else {
        all(&|known| names.iter().any(|name| name == known))?
    };
    Ok((finding, related))
}

/// What `run.json` says of the run; nothing if it is not there.
fn run_of(folder: &Folder) -> Value {
    let text = folder.holds(RUN).ok().filter(|there| *there).and_then(|_| {
        let path = folder.bring(RUN).ok()?;
        std::fs::read(path).ok()
    });
    let run: Value = text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
    let part = |name: &str| run.get(name).cloned().unwrap_or_default();
    serde_json::json!({"trailsift": part("trailsift"), "finished": part("finished")})
}

/// Reading objects again.
struct Reading<'e> {
    options: &'e ExplainOptions,
    finding: &'e Row,
    known: &'e Known,
    progress: &'e dyn Progress,
    interrupt: &'e AtomicBool,
}

impl Reading<'_> {
    /// The records of the evidence, in its order.
    fn records(&self, originals: &mut Originals) -> Vec<Record> {
        let evidence = self.finding.get("evidence").and_then(Value::as_array);
        let of = |event: &Value| {
            let event = event.as_object()?;
            Some(Record {
                event_id: text(event, "event_id").map(str::to_owned),
                object_uri: text(event, "object_uri")?.to_owned(),
                record_number: event.get("record_number")?.as_u64()?,
                text: None,
                missing: None,
            })
        };
        let mut records: Vec<Record> = evidence.into_iter().flatten().filter_map(of).collect();
        let event_files = self.event_files(&records);
        let uris = records.iter().map(|record| record.object_uri.as_str());
        let uris: Vec<&str> = match &*event_files {
            [] => uris.collect(),
            files => files.iter().map(|uri| &**uri).collect(),
        };
        let inputs = originals.inputs(uris.into_iter(), self.known);
        let mut found = Looked::default();
        if !inputs.is_empty() {
            let read = ReadOptions { hash: self.known.hashed, ..self.read(inputs) };
            let looking = Looking::records(&records);
            match self.pass(&read, true, &looking) {
                Ok(passed) => {
                    originals.compare(&passed.account.manifest, self.known);
                    passed.consumed.into_iter().for_each(|part| found.add(part));
                }
                Err(error) => originals.unreadable(&read.inputs, &error),
            }
        }
        for record in &mut records {
            let place = (record.object_uri.clone(), record.record_number);
            record.text = found.texts.remove(&place);
            if record.text.is_none() {
                record.missing = Some(originals.why(&record.object_uri));
            }
        }
        records
    }

    /// Where to read the records if the run has read converted events: it knows the original objects
    /// by name alone.
    fn event_files(&self, records: &[Record]) -> Vec<Arc<str>> {
        let of_originals = records.iter().all(|record| self.known.holds(&record.object_uri));
        let times = time(self.finding, "first_seen").zip(time(self.finding, "last_seen"));
        let Some((first, last)) = times.filter(|_| !of_originals) else { return Vec::new() };
        let range = KeyRange {
            accounts: text(self.finding, "account").map(str::to_owned).into_iter().collect(),
            since: Some(first),
            until: Some(last.saturating_add(1)),
            ..KeyRange::default()
        };
        let files = self.known.within(&range).into_iter();
        files.filter(|uri| source::is_event_file(uri)).collect()
    }

    /// What the principal did around the finding; without one, what was done to its buckets.
    fn around(&self, originals: &mut Originals) -> Around {
        let (Some(first), Some(last)) =
            (time(self.finding, "first_seen"), time(self.finding, "last_seen"))
        else {
            return Around::default();
        };
        let principal = text(self.finding, "principal").map(str::to_owned);
        let buckets = texts(self.finding, "buckets");
        let mut around = Around {
            of: principal.clone().into_iter().collect(),
            ..Around::new(first, last, self.options.around)
        };
        let mut filter = EventFilter::default();
        filter.accounts.extend(text(self.finding, "account").map(str::to_owned));
        match principal {
            Some(principal) => filter.principals.push(principal),
            None if buckets.is_empty() => return around,
            None => {
                around.of.clone_from(&buckets);
                filter.buckets = buckets;
            }
        }
        let read = ReadOptions {
            since: Some(around.since),
            until: Some(around.until),
            filter,
            ..self.read(Vec::new())
        };
        let wanted = self.known.within(&read.key_range());
        let inputs = originals.inputs(wanted.iter().map(|uri| &**uri), self.known);
        if inputs.is_empty() {
            return around;
        }
        let read = ReadOptions { inputs, ..read };
        match self.pass(&read, false, &Looking::around(&around, self.options.most)) {
            Ok(passed) => {
                let mut found = Looked::default();
                passed.consumed.into_iter().for_each(|part| found.add(part));
                around.take(found, self.options.most);
                around.cut = passed.cut;
            }
            Err(error) => originals.unreadable(&read.inputs, &error),
        }
        around
    }

    fn read(&self, inputs: Vec<Location>) -> ReadOptions {
        ReadOptions {
            access: self.options.access.clone(),
            threads: self.options.threads,
            ..ReadOptions::new(inputs)
        }
    }

    /// A pass over the objects, with the texts of records or without.
    fn pass(&self, read: &ReadOptions, texts: bool, looking: &Looking) -> Result<Passed<Looked>> {
        let folder = tempfile::tempdir().map_err(Error::io(std::env::temp_dir()))?;
        let (inputs, listing) = Inputs::find(read, Vec::new())?;
        let pass = Pass {
            options: read,
            fields: &Fields::default(),
            texts,
            intel: &Arc::new(Intel::default()),
            // What stands twice is evidence at either place, but was done once.
            once: !texts,
            processed: None,
            events: None,
            session: None,
            spill: Spill::into(folder.path()),
            interim: None,
            progress: self.progress,
            interrupt: self.interrupt,
        };
        pass.run(&inputs, listing, || looking.start())
    }
}
