//! Why a finding fired, for people: what was observed against what was expected, what was done
//! around it, the records as they were written, and what to do next.

use std::io::{self, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::escape::{escaped, escaped_long};
use super::markdown::plain;
use super::raw::laid_out;
use super::words::{BOLD, DIM, NOBODY, clipped, counted, number, some, style};
use super::wrap::wrapped;
use crate::findings::SeverityLabel;
use crate::pipeline::{Around, Event, Explained, Record, Stand};

/// Longest key of an object in a list of events, in characters.
const KEY: usize = 60;

/// How an explanation is shown.
#[derive(Debug, Clone)]
pub struct Shown<'s> {
    /// The zone of times.
    pub zone: TimeZone,
    /// The columns of the terminal, if it is one.
    pub width: Option<usize>,
    /// The run's folder, as it was given.
    pub folder: &'s str,
}

/// Writes the explanation.
///
/// # Errors
/// Those of `out`.
pub fn explanation(
    explained: &Explained,
    shown: &Shown<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    wrapped(shown.width, out, |out| {
        head(explained, shown, out)?;
        why(explained, shown, out)?;
        around(&explained.around, shown, out)?;
        missing(explained, out)
    })?;
    // Pages and records have line ends of their own.
    records(explained, out)?;
    page(explained, out)?;
    next(explained, shown, out)
}

fn heading(name: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{BOLD}{name}{BOLD:#}")
}

fn line(name: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    match text {
        "" => Ok(()),
        text => writeln!(out, "  {name:<9} {}", escaped_long(text.trim_end())),
    }
}

fn head(explained: &Explained, shown: &Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    let column = |name| text(explained, name);
    let severity = explained.finding.get("severity").and_then(Value::as_f64).unwrap_or_default();
    let label = SeverityLabel::of(severity);
    let (style, name) = (style(label), label.as_str().to_uppercase());
    let title = escaped(column("title"));
    writeln!(out, "{style}{name} {severity:.1}{style:#}  {BOLD}{title}{BOLD:#}")?;
    line("what", column("description"), out)?;
    line("who", &who(explained), out)?;
    let place = [list(explained, "buckets"), texts(column("region")), texts(column("account"))];
    line("where", &place.concat().join(", "), out)?;
    let when = [column("first_seen"), column("last_seen")].map(|time| at(time, &shown.zone));
    let calls = explained.finding.get("event_count").and_then(Value::as_u64).unwrap_or_default();
    line("when", &format!("{} – {}, {}", when[0], when[1], counted(calls, "call")), out)?;
    let status = match column("status") {
        "withdrawn" => "withdrawn: events that came later explain it",
        _ => column("suppression_reason"),
    };
    line("status", status, out)?;
    writeln!(
        out,
        "  {DIM}id        {}  {}{DIM:#}",
        escaped(column("finding_id")),
        escaped(column("finding_type"))
    )
}

fn who(explained: &Explained) -> String {
    let principal = explained.finding.get("principal").and_then(Value::as_str);
    let mut parts = vec![principal.unwrap_or(NOBODY).to_owned()];
    for (word, name) in
        [("with key", "access_key_ids"), ("as", "session_names"), ("from", "source_ips")]
    {
        let values = list(explained, name);
        if !values.is_empty() {
            parts.push(format!("{word} {}", some(&values)));
        }
    }
    parts.join(" ")
}

fn why(explained: &Explained, shown: &Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    heading("why it fired", out)?;
    let column = |name| text(explained, name);
    line("observed", column("observed"), out)?;
    line("expected", column("expected"), out)?;
    let baseline = [column("baseline_from"), column("baseline_until")];
    if baseline.iter().all(|time| !time.is_empty()) {
        let [from, until] = baseline.map(|time| at(time, &shown.zone));
        line("held to", &format!("what was logged from {from} to {until}"), out)?;
    }
    let features = explained.finding.get("features").and_then(Value::as_array);
    for feature in features.into_iter().flatten() {
        line("unusual", &feature_text(feature), out)?;
    }
    line("severity", &severity_text(explained), out)?;
    for related in &explained.related {
        let named = |name: &str| related.get(name).and_then(Value::as_str).unwrap_or_default();
        let id = named("finding_id").get(..8).unwrap_or_default();
        let time = at(named("first_seen"), &shown.zone);
        line("with", &format!("{id}  {time}  {}", named("title")), out)?;
    }
    for harmless in &explained.false_positives {
        line("harmless", harmless, out)?;
    }
    let run = |name: &str| explained.run.get(name).and_then(Value::as_str).unwrap_or("unknown");
    line("run", &format!("trailsift {}, finished {}", run("trailsift"), run("finished")), out)
}

/// `user_agent “curl”: 9.5 bits, new to the principal`.
fn feature_text(feature: &Value) -> String {
    let text = |name: &str| feature.get(name).and_then(Value::as_str).unwrap_or("none");
    let bits = feature.get("bits").and_then(Value::as_f64).unwrap_or_default();
    let odds = feature.get("probability").and_then(Value::as_f64).unwrap_or_default();
    let new_to = feature.get("new_to").and_then(Value::as_array);
    let new_to: Vec<&str> = new_to.into_iter().flatten().filter_map(Value::as_str).collect();
    let new = match new_to.as_slice() {
        [] => String::new(),
        some => format!(", new to the {}", some.join(", ")),
    };
    let (name, value) = (text("feature"), text("value"));
    format!("{name} {value}: {bits:.1} bits (probability {odds:.3}){new}")
}

/// The severity, and what the detector gives by itself.
fn severity_text(explained: &Explained) -> String {
    let number = |name: &str| explained.finding.get(name).and_then(Value::as_f64);
    let severity = number("severity").unwrap_or_default();
    let version = explained.finding.get("detector_version").and_then(Value::as_u64);
    let detector = text(explained, "detector_id");
    let given = match explained.detector_severity {
        Some(own) if (own - severity).abs() < 0.05 => "as its detector gives it".to_owned(),
        Some(own) => format!(
            "the detector states {own:.1}: numbers, recurrence, tuning and what weighs more \
             move it, and the description says what did"
        ),
        None => "the detector is not known here: give --detectors DIR".to_owned(),
    };
    let confidence = number("confidence").unwrap_or_default();
    let version = version.unwrap_or_default();
    format!("{severity:.1}, {given}; confidence {confidence}; by {detector}, version {version}")
}

fn around(around: &Around, shown: &Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    if around.of.is_empty() {
        heading("around it", out)?;
        return line("", "neither a principal nor a bucket is named: nothing to follow", out);
    }
    let times = [around.since, around.until].map(|micros| clock(micros, &shown.zone));
    heading(&format!("around it: {}", escaped(&some(&around.of))), out)?;
    line("", &format!("{} – {}", times[0], times[1]), out)?;
    let mut names: Vec<(&String, &u64)> = around.names.iter().collect();
    names.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    let few: Vec<String> =
        names.iter().take(8).map(|(name, count)| format!("{name} {}", number(**count))).collect();
    let rest = names.len().saturating_sub(8) as u64;
    let more = if rest > 0 { format!(", {} more kinds", number(rest)) } else { String::new() };
    line("calls", &format!("{}{more}", few.join(", ")), out)?;
    for part in [Stand::Before, Stand::Within, Stand::After] {
        one_part(around, part, shown, out)?;
    }
    if around.cut {
        line("", "interrupted: not all objects were read", out)?;
    }
    Ok(())
}

fn one_part(
    around: &Around,
    part: Stand,
    shown: &Shown<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let all = around.counts.get(&part).copied().unwrap_or_default();
    let name = match part {
        Stand::Before => "before",
        Stand::Within => "meanwhile",
        Stand::After => "after",
    };
    let events = around.events.iter().filter(|(of, _)| *of == part).map(|(_, event)| event);
    let listed = events.clone().count() as u64;
    let rest = all.saturating_sub(listed);
    let more = match (rest, part) {
        (0, _) => String::new(),
        (_, Stand::Before) => format!(", the last {} of them", number(listed)),
        _ => format!(", the first {} of them", number(listed)),
    };
    line(name, &format!("{}{more}", counted(all, "event")), out)?;
    events.into_iter().try_for_each(|event| event_line(event, around, &shown.zone, out))
}

fn event_line(
    event: &Event,
    around: &Around,
    zone: &TimeZone,
    out: &mut dyn Write,
) -> io::Result<()> {
    let place = match (&event.bucket, &event.key) {
        (Some(bucket), Some(key)) => format!("{bucket}/{}", clipped(key, KEY)),
        (Some(bucket), None) => bucket.clone(),
        (None, _) => String::new(),
    };
    let is_told = event.principal.as_ref().is_some_and(|who| around.of.contains(who));
    let who = if is_told { "" } else { event.principal.as_deref().unwrap_or_default() };
    let error = event.error.as_ref().map(|code| format!("failed: {code}"));
    let source = event.source_ip.as_deref().unwrap_or_default();
    let parts = [event.name.as_str(), &place, source, who, error.as_deref().unwrap_or_default()];
    let parts: Vec<_> = parts.iter().filter(|part| !part.is_empty()).map(|p| escaped(p)).collect();
    writeln!(out, "    {DIM}{}{DIM:#}  {}", clock(event.time, zone), parts.join("  "))
}

fn records(explained: &Explained, out: &mut dyn Write) -> io::Result<()> {
    heading("records", out)?;
    if explained.records.is_empty() {
        return line("", "the finding names none", out);
    }
    explained.records.iter().try_for_each(|record| one_record(record, out))
}

fn one_record(record: &Record, out: &mut dyn Write) -> io::Result<()> {
    let id = record.event_id.as_deref().unwrap_or("without an id");
    let place = format!("record {} of {}", number(record.record_number), record.object_uri);
    writeln!(out, "  {BOLD}{}{BOLD:#}  {DIM}{}{DIM:#}", escaped(id), escaped_long(&place))?;
    match &record.text {
        Some(text) => {
            laid_out(text).lines().try_for_each(|line| writeln!(out, "    {}", escaped_long(line)))
        }
        None => line("", record.missing.as_deref().unwrap_or("not read"), out),
    }
}

/// Objects that are gone or other ones now.
fn missing(explained: &Explained, out: &mut dyn Write) -> io::Result<()> {
    const NAMED: usize = 5;
    for missing in explained.missing.iter().take(NAMED) {
        let text = format!("{}: {}", missing.object_uri, missing.reason);
        line("not whole", &text, out)?;
    }
    match explained.missing.len().saturating_sub(NAMED) as u64 {
        0 => Ok(()),
        rest => line("not whole", &format!("{} more objects", number(rest)), out),
    }
}

fn page(explained: &Explained, out: &mut dyn Write) -> io::Result<()> {
    let Some(described) = &explained.described else { return Ok(()) };
    heading(&format!("detector {}", escaped(&described.entry.id)), out)?;
    let Some(page) = &described.page else { return line("", "no page beside its file", out) };
    plain(page).lines().try_for_each(|line| match line {
        "" => writeln!(out),
        line => writeln!(out, "  {line}"),
    })
}

fn next(explained: &Explained, shown: &Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    heading("next", out)?;
    line("do", text(explained, "remediation"), out)?;
    let folder = shlex::try_quote(shown.folder).unwrap_or_else(|_| shown.folder.into());
    let folder = escaped(&folder);
    let id = text(explained, "finding_id");
    let id = id.get(..12).unwrap_or(id);
    line("scope", "what else the same actor did; LOGS is what the scan has read:", out)?;
    writeln!(out, "  trailsift scope LOGS --run {folder} --finding {id}")?;
    line("report", "all findings of the run, to read and to hand on:", out)?;
    writeln!(out, "  trailsift report {folder}")
}

fn text<'e>(explained: &'e Explained, column: &str) -> &'e str {
    explained.finding.get(column).and_then(Value::as_str).unwrap_or_default()
}

fn texts(text: &str) -> Vec<String> {
    if text.is_empty() { Vec::new() } else { vec![text.to_owned()] }
}

fn list(explained: &Explained, column: &str) -> Vec<String> {
    let values = explained.finding.get(column).and_then(Value::as_array);
    values.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A time column in a zone.
fn at(column: &str, zone: &TimeZone) -> String {
    column.parse::<Timestamp>().map_or_else(|_| column.to_owned(), |time| written(time, zone))
}

fn clock(micros: i64, zone: &TimeZone) -> String {
    Timestamp::from_microsecond(micros).map_or_else(|_| micros.to_string(), |t| written(t, zone))
}

fn written(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}
