//! The cases of a detector: tables of events in its Markdown page, and the findings that they must
//! give. Each case also runs in reversed order and split into two partial tables.
//!
//! Under the heading `Cases`, each sub-heading starts a case: a table of events, then a table of
//! the findings, or the words "No findings". Format: `docs/writing-detectors.md`.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use serde_json::{Map, Value, json};

use super::archives::ArchiveLimits;
use super::detecting::Detection;
use super::feed::Feed;
use super::history::JudgeOptions;
use super::run::Span;
use super::tables::Spill;
use super::walk::judge;
use super::worker::{Input, Task, Worker};
use crate::decode::{Claim, Limits};
use crate::detect::rules::Plan;
use crate::error::{Error, Result};
use crate::events::EventFilter;
use crate::findings::{Finding, timestamp_text};
use crate::intel::{GeoTable, Intel, Label, OwnAccounts, parse_list};
use crate::source::KeyRange;

/// The most records of a case.
const MAX_RECORDS: usize = 100_000;

/// The most parts of a column's path.
const MAX_PARTS: usize = 32;

/// A case: events and what a detector must find in them.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The sub-heading.
    pub name: String,
    /// CloudTrail records.
    pub records: Vec<Value>,
    /// What is known of addresses: kind and text of each block.
    pub known: Vec<(String, String)>,
    /// One line per finding: (column, text) of the columns that the table names.
    pub expected: Vec<CaseLine>,
}

/// The compared columns of one finding: (column, text).
pub type CaseLine = Vec<(String, String)>;

/// A case that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{detector}: case `{case}`, {variant}: expected {}, found {}",
    one_line(expected),
    one_line(found)
)]
pub struct CaseFailure {
    /// The detector.
    pub detector: String,
    /// The case.
    pub case: String,
    /// As written, reversed or split.
    pub variant: &'static str,
    /// What the page says.
    pub expected: Vec<CaseLine>,
    /// What the detector says.
    pub found: Vec<CaseLine>,
}

type Rows = Vec<Vec<String>>;

/// Reads the cases off a page.
///
/// # Errors
/// What is wrong with the page, and in which case.
pub fn read_cases(page: &str) -> Result<Vec<Case>, String> {
    sections(page).into_iter().map(Section::case).collect()
}

/// A case as it stands on the page.
#[derive(Debug, Default)]
struct Section {
    name: String,
    tables: Vec<Rows>,
    text: String,
    known: Vec<(String, String)>,
}

fn sections(page: &str) -> Vec<Section> {
    let (mut found, mut in_cases): (Vec<Section>, bool) = (Vec::new(), false);
    let (mut text, mut row, mut rows): (String, Vec<String>, Rows) = Default::default();
    for event in Parser::new_ext(page, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { .. } | Tag::Paragraph | Tag::TableCell) => text.clear(),
            Event::Text(part) | Event::Code(part) => text.push_str(&part),
            Event::End(TagEnd::Heading(HeadingLevel::H3)) if in_cases => {
                found.push(Section { name: text.clone(), ..Section::default() });
            }
            Event::End(TagEnd::Heading(_)) => in_cases = text == "Cases",
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(kind))) => {
                text.clear();
                found.last_mut().into_iter().for_each(|section| {
                    section.known.push((kind.to_string(), String::new()));
                });
            }
            Event::End(TagEnd::CodeBlock) => {
                let block = found.last_mut().and_then(|section| section.known.last_mut());
                if let Some((_, block)) = block {
                    block.clone_from(&text);
                }
            }
            Event::End(TagEnd::TableCell) => row.push(text.trim().to_owned()),
            Event::End(TagEnd::TableHead | TagEnd::TableRow) => rows.push(std::mem::take(&mut row)),
            Event::End(TagEnd::Table) => {
                let table = std::mem::take(&mut rows);
                found.last_mut().into_iter().for_each(|section| section.tables.push(table.clone()));
            }
            Event::End(TagEnd::Paragraph) => {
                found.last_mut().into_iter().for_each(|section| section.text.push_str(&text));
            }
            _ => {}
        }
    }
    found
}

impl Section {
    fn case(self) -> Result<Case, String> {
        let fault = |what: &str| format!("case `{}`: {what}", self.name);
        let (events, findings) = match self.tables.as_slice() {
            [events] if self.text.contains("No findings") => (events, None),
            [events, findings] => (events, Some(findings)),
            _ => {
                return Err(fault(
                    "needs a table of events, then one of findings or `No findings`",
                ));
            }
        };
        let mut records = Vec::new();
        for line in lines(events) {
            add_records(&line, &mut records).map_err(|what| fault(&what))?;
            if records.len() > MAX_RECORDS {
                return Err(fault(&format!("has more than {MAX_RECORDS} events")));
            }
        }
        if records.is_empty() {
            return Err(fault("has no events"));
        }
        intel(&self.known).map_err(|what| fault(&what))?;
        let expected = findings.map(lines).unwrap_or_default();
        if findings.is_some() && expected.is_empty() {
            return Err(fault("has an empty table of findings: write `No findings`"));
        }
        Ok(Case { name: self.name, records, known: self.known, expected })
    }
}

/// What a case's blocks say of addresses.
fn intel(blocks: &[(String, String)]) -> Result<Intel, String> {
    let mut intel = Intel::default();
    for (kind, text) in blocks {
        let (kind, label) = kind.split_once(' ').unwrap_or((kind, ""));
        let list = || {
            let list = parse_list(text.as_bytes());
            match list.unreadable.first.first() {
                None => Ok(list),
                Some(line) => Err(format!("{kind}: {line}")),
            }
        };
        match (kind, Label::of(label)) {
            ("threat-list", Some(label)) => intel.add_threat_list(&label, list()?),
            ("trusted", _) => intel.add_trusted(list()?),
            ("geoip", _) => intel.add_geo_table(GeoTable::parse(text)?),
            ("aws-ranges", _) => intel.add_aws_ranges(text.as_bytes())?,
            // Rules are compiled with these, and accounts are no addresses.
            ("placeholders" | "own-accounts", _) => {}
            _ => {
                return Err(format!(
                    "a block can be `threat-list LABEL`, `trusted`, `geoip`, `aws-ranges`, \
                     `own-accounts` or `placeholders`, not `{kind}`"
                ));
            }
        }
    }
    Ok(intel)
}

/// Which accounts a case's blocks call its own.
fn own_accounts(blocks: &[(String, String)]) -> Result<OwnAccounts> {
    let own = blocks.iter().filter(|(kind, _)| kind == "own-accounts");
    let ids: Vec<String> =
        own.flat_map(|(_, text)| text.split_whitespace()).map(str::to_owned).collect();
    OwnAccounts::read(None, &ids)
}

/// The body of a table as (column, cell) pairs, empty cells left out.
fn lines(table: &Rows) -> Vec<Vec<(String, String)>> {
    let Some((head, body)) = table.split_first() else { return Vec::new() };
    let line = |row: &Vec<String>| {
        let pairs = head.iter().cloned().zip(row.iter().cloned());
        pairs.filter(|(_, cell)| !cell.is_empty()).collect()
    };
    body.iter().map(line).collect()
}

/// Makes the records of one line: `count` of them, `every` so many seconds; `{n}` in a cell is the
/// record's number within the line.
fn add_records(line: &[(String, String)], records: &mut Vec<Value>) -> Result<(), String> {
    let cell = |name: &str| line.iter().find(|(column, _)| column == name).map(|(_, cell)| cell);
    let number = |name: &str, default: i64| match cell(name) {
        None => Ok(default),
        Some(text) => text.parse::<i64>().map_err(|_| format!("`{name}` must be a number: {text}")),
    };
    let (count, every) = (number("count", 1)?, number("every", 1)?);
    if usize::try_from(count).map_or(true, |count| count > MAX_RECORDS) {
        return Err(format!("`count` must lie between 0 and {MAX_RECORDS}"));
    }
    if let Some((path, _)) = line.iter().find(|(path, _)| path.split('.').nth(MAX_PARTS).is_some())
    {
        return Err(format!("`{path}` has more than {MAX_PARTS} parts"));
    }
    let start = cell("eventTime").and_then(|text| crate::events::parse_event_time(text));
    let start = start.ok_or("a line of events needs an eventTime")?;
    for n in 0..count {
        let mut record = template(records.len());
        for (path, text) in line.iter().filter(|(path, _)| path != "count" && path != "every") {
            set(&mut record, path, value(&text.replace("{n}", &n.to_string()))?);
        }
        let time = start.saturating_add(n.saturating_mul(every).saturating_mul(1_000_000));
        set(&mut record, "eventTime", json!(timestamp_text(time)));
        records.push(record);
    }
    Ok(())
}

/// A cell is JSON where it looks like it, else text.
fn value(text: &str) -> Result<Value, String> {
    if text.starts_with(['{', '[', '"']) || matches!(text, "true" | "false" | "null") {
        return serde_json::from_str(text).map_err(|error| format!("`{text}` is no JSON: {error}"));
    }
    Ok(json!(text))
}

/// What the columns of a case leave out.
fn template(number: usize) -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAEXAMPLEALICE",
            "arn": "arn:aws:iam::111122223333:user/alice",
            "accountId": "111122223333",
            "accessKeyId": "AKIAEXAMPLEALICE",
            "userName": "alice",
        },
        "eventSource": "s3.amazonaws.com",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "[aws-cli/2.15.0]",
        "requestParameters": {"bucketName": "payroll", "Host": "payroll.s3.eu-west-1.amazonaws.com"},
        "responseElements": null,
        "eventID": format!("00000000-0000-4000-8000-{number:012}"),
        "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333",
        "eventCategory": "Data",
    })
}

/// Sets the value at a dotted path, making objects on the way.
fn set(record: &mut Value, path: &str, value: Value) {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    if !record.is_object() {
        *record = Value::Object(Map::new());
    }
    let Some(object) = record.as_object_mut() else { return };
    match rest {
        Some(rest) => set(object.entry(first).or_insert(Value::Null), rest, value),
        None => drop(object.insert(first.to_owned(), value)),
    }
}

/// Runs a detector's cases: as written, reversed, and split into two partial tables. Other
/// detectors of the plan run along and must change nothing.
///
/// # Errors
/// Only those that end the run; failed cases are listed.
pub fn check_cases(plan: &Plan, detector: &str, cases: &[Case]) -> Result<Vec<CaseFailure>> {
    let mut failures = Vec::new();
    for case in cases {
        let intel = intel(&case.known).map_err(Error::Usage)?;
        let own = own_accounts(&case.known)?;
        let options = JudgeOptions { intel: intel.into(), own, ..JudgeOptions::default() };
        let reversed: Vec<Value> = case.records.iter().rev().cloned().collect();
        let (left, right): (Vec<_>, Vec<_>) =
            case.records.iter().cloned().enumerate().partition(|(number, _)| number % 3 == 0);
        let only = |part: Vec<(usize, Value)>| part.into_iter().map(|(_, record)| record).collect();
        let variants = [
            ("as written", vec![case.records.clone()]),
            ("reversed", vec![reversed]),
            ("split", vec![only(left), only(right)]),
        ];
        for (variant, parts) in variants {
            let findings = run(plan, &options, &parts)?;
            let own: Vec<&Finding> =
                findings.iter().filter(|finding| finding.detector_id == detector).collect();
            failures.extend(compare(detector, case, variant, &own));
        }
    }
    Ok(failures)
}

fn run(plan: &Plan, options: &JudgeOptions, parts: &[Vec<Value>]) -> Result<Vec<Finding>> {
    let folder = std::env::temp_dir();
    let filter = EventFilter::default();
    let spill = Spill::into(&folder);
    let detection = Detection { plan, budget: usize::MAX, spill, interim: None, events: None };
    let task = Task {
        fields: &plan.fields,
        texts: false,
        since: None,
        until: None,
        filter: &filter,
        range: KeyRange::default(),
        intel: &options.intel,
        limits: Limits::default(),
        archives: ArchiveLimits::default(),
        hash: false,
        spill,
        kept: None,
        seen: None,
        s3: None,
        reader: None,
        rejected: Mutex::default(),
    };
    let never = AtomicBool::new(false);
    let feed = Feed::new(1, 0, 0, &never);
    let mut runs = super::tables::Runs::default();
    let mut span = None;
    for (number, records) in parts.iter().enumerate() {
        let mut worker = Worker::new(&task, detection.start());
        let document = serde_json::to_vec(&json!({ "Records": records }))?;
        let uri = Arc::from(format!("part-{number}.json"));
        worker.bytes(&Input { uri, claim: Claim::Given, depth: 0, cut: None }, &document, &feed)?;
        let harvest = worker.finish()?;
        span = Span::join(span, harvest.span);
        runs.add(harvest.consumed.0);
    }
    let (table, spilled) = runs.merged(1)?;
    let judged = judge(plan, &options.judging(span, None, spill), table)?;
    spilled.end()?;
    Ok(judged.findings)
}

fn compare(
    detector: &str,
    case: &Case,
    variant: &'static str,
    findings: &[&Finding],
) -> Option<CaseFailure> {
    let columns = |line: &CaseLine, finding: &Finding| -> CaseLine {
        line.iter().map(|(name, _)| (name.clone(), column(finding, name))).collect()
    };
    // Lines of the table name the same columns; findings beyond the table show all of the first's.
    let shape = case.expected.first().cloned().unwrap_or_default();
    let found: Vec<_> = findings
        .iter()
        .enumerate()
        .map(|(at, finding)| columns(case.expected.get(at).unwrap_or(&shape), finding))
        .collect();
    if found == case.expected {
        return None;
    }
    Some(CaseFailure {
        detector: detector.to_owned(),
        case: case.name.clone(),
        variant,
        expected: case.expected.clone(),
        found,
    })
}

fn one_line(lines: &[CaseLine]) -> String {
    let line = |line: &CaseLine| {
        let pairs = line.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join(" ")
    };
    let all: Vec<String> = lines.iter().map(line).collect();
    format!("{} finding(s) [{}]", lines.len(), all.join("; "))
}

/// A finding's column as text.
fn column(finding: &Finding, name: &str) -> String {
    let text = |text: &Option<Arc<str>>| text.as_deref().unwrap_or_default().to_owned();
    let list = |list: &[Arc<str>]| list.join(", ");
    match name {
        "finding_type" => finding.finding_type.clone(),
        "severity" => format!("{:.1}", finding.severity),
        "severity_label" => finding.label().as_str().to_owned(),
        "principal" => text(&finding.principal),
        "principal_type" => text(&finding.principal_type),
        "caller_account" => text(&finding.caller_account),
        "account" => text(&finding.account),
        "title" => finding.title.clone(),
        "region" => text(&finding.region),
        "buckets" => list(&finding.buckets),
        "object_keys" => list(&finding.object_keys),
        "event_names" => list(&finding.event_names),
        "error_codes" => list(&finding.error_codes),
        "source_ips" => list(&finding.source_ips),
        "asns" => list(&finding.asns),
        "countries" => list(&finding.countries),
        "outcome" => finding.outcome().as_str().to_owned(),
        "event_count" => (finding.ok_count + finding.error_count).to_string(),
        "ok_count" => finding.ok_count.to_string(),
        "error_count" => finding.error_count.to_string(),
        "distinct_objects" => finding.distinct_objects.to_string(),
        "first_seen" => timestamp_text(finding.first_seen),
        "last_seen" => timestamp_text(finding.last_seen),
        "observed" => finding.observed.clone(),
        "expected" => finding.expected.clone(),
        "continues" => finding.continues.is_some().to_string(),
        other => format!("(no column `{other}`)"),
    }
}
