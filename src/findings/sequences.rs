//! Attack sequences: findings of several detectors about one principal or bucket that follow each
//! other within a day are told as one, in order.
//!
//! Works on the finished findings, and not on those that are suppressed. A sequence is of the day in
//! which its last stage is reached, and looks at findings of that day and of the day before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::combine::absorb;
use super::finding::{Finding, Outcome, shell_quoted};
use super::shorten::shorten;
use super::time::{interval, timestamp_text};
use crate::detect::rules::{Message, Placeholder, Sequence, SequenceBy, Stage};
use crate::digest::{Identity, hex};

const MICROS_OF_DAY: i64 = 86_400_000_000;

/// Findings that a sequence links, the most severe first.
const MAX_LINKED: usize = 64;
/// Findings that the description tells of.
const MAX_TOLD: usize = 8;

/// The account, and what the findings have in common.
type Entity = (Option<Arc<str>>, Arc<str>);

/// The sequences among findings, which are sorted.
#[must_use]
pub fn find_sequences(sequences: &[Sequence], findings: &[Finding]) -> Vec<Finding> {
    let mut found = Vec::new();
    for sequence in sequences {
        for (entity, parts) in entities(sequence, findings) {
            let mut before: Option<(i64, String)> = None;
            let stages: Vec<Times> =
                sequence.stages.iter().map(|stage| Times::of(stage, &parts)).collect();
            let within = sequence.timespan.saturating_mul(1_000_000);
            for (day, from) in days(sequence.ordered, within, &stages) {
                let Some(mut told) = tell(sequence, &entity, day, from, &parts) else { continue };
                let yesterday = before.take().filter(|(known, _)| known + 1 == day);
                told.continues = yesterday.map(|(_, id)| id);
                before = Some((day, told.finding_id.clone()));
                found.push(told);
            }
        }
    }
    found
}

/// The findings of any stage, by what they have in common.
fn entities<'f>(
    sequence: &Sequence,
    findings: &'f [Finding],
) -> BTreeMap<Entity, Vec<&'f Finding>> {
    let mut entities: BTreeMap<Entity, Vec<&Finding>> = BTreeMap::new();
    let is_part = |finding: &&Finding| {
        !finding.is_suppressed() && sequence.stages.iter().any(|stage| is_of(stage, finding))
    };
    for finding in findings.iter().filter(is_part) {
        let values: Vec<&Arc<str>> = match sequence.by {
            // Services and anonymous callers are no one actor.
            SequenceBy::Principal => {
                finding.principal.iter().filter(|name| name.contains(':')).collect()
            }
            SequenceBy::Bucket => finding.buckets.iter().collect(),
        };
        for value in values {
            entities.entry((finding.account.clone(), value.clone())).or_default().push(finding);
        }
    }
    entities
}

fn is_of(stage: &Stage, finding: &Finding) -> bool {
    let is_named = stage.detectors.contains(&finding.detector_id)
        || finding.mitre_tactics.iter().any(|tactic| stage.tactics.contains(tactic));
    is_named
        && finding.severity >= stage.severity
        && !(stage.succeeded && finding.outcome() == Outcome::Failed)
}

/// When a stage was seen: the findings' times, which may overlap.
struct Times {
    /// Sorted.
    starts: Vec<i64>,
    /// The latest end of the findings that have begun so far.
    ends: Vec<i64>,
}

impl Times {
    fn of(stage: &Stage, parts: &[&Finding]) -> Self {
        let of_stage = parts.iter().filter(|part| is_of(stage, part));
        Self::new(of_stage.map(|part| (part.first_seen, part.last_seen)).collect())
    }

    fn new(mut times: Vec<(i64, i64)>) -> Self {
        times.sort_unstable();
        let ends = times.iter().scan(i64::MIN, |latest, (_, end)| {
            *latest = (*latest).max(*end);
            Some(*latest)
        });
        Self { ends: ends.collect(), starts: times.iter().map(|(start, _)| *start).collect() }
    }

    /// The latest moment until `time` at which the stage was seen.
    fn latest(&self, time: i64) -> Option<i64> {
        let begun = self.starts.partition_point(|start| *start <= time).checked_sub(1)?;
        self.ends.get(begun).map(|end| time.min(*end))
    }
}

/// The days in which the last stage is reached, each with the time from which on findings are told: a
/// timespan before the last stage is reached for the first time.
fn days(ordered: bool, within: i64, stages: &[Times]) -> BTreeMap<i64, i64> {
    let mut days: BTreeMap<i64, i64> = BTreeMap::new();
    if stages.iter().any(|stage| stage.starts.is_empty()) {
        return days;
    }
    // Between these moments the distance to the first stage only grows.
    let mut moments: BTreeSet<i64> = BTreeSet::new();
    for stage in stages {
        moments.extend(&stage.starts);
        let mut next = i64::MIN;
        for (start, end) in stage.starts.iter().zip(&stage.ends) {
            // Ends never fall: what an earlier finding covers is there already.
            let days = next.max(day_of(*start) + 1)..=day_of(*end);
            moments.extend(days.map(|day| day * MICROS_OF_DAY));
            next = next.max(day_of(*end) + 1);
        }
    }
    for moment in moments {
        let first = first_stage(ordered, stages, moment);
        if first.is_some_and(|first| moment.saturating_sub(first) <= within) {
            days.entry(day_of(moment)).or_insert(moment.saturating_sub(within));
        }
    }
    days
}

/// The latest time of the first stage, if the last one is reached at `moment`.
fn first_stage(ordered: bool, stages: &[Times], moment: i64) -> Option<i64> {
    if ordered {
        let (last, before) = stages.split_last()?;
        let reached = last.latest(moment).filter(|latest| *latest == moment)?;
        return before.iter().rev().try_fold(reached, |time, stage| stage.latest(time));
    }
    let latest: Option<Vec<i64>> = stages.iter().map(|stage| stage.latest(moment)).collect();
    let latest = latest.filter(|latest| latest.contains(&moment))?;
    latest.into_iter().min()
}

fn day_of(time: i64) -> i64 {
    time.div_euclid(MICROS_OF_DAY)
}

/// The sequence of a day that began at `from`; none if one detector found several of its stages.
fn tell(
    sequence: &Sequence,
    entity: &Entity,
    day: i64,
    from: i64,
    parts: &[&Finding],
) -> Option<Finding> {
    let is_near = |part: &&&Finding| {
        (day - 1..=day).contains(&part.day)
            && part.last_seen >= from
            && day_of(part.first_seen) <= day
    };
    let mut parts: Vec<&Finding> = parts.iter().filter(is_near).copied().collect();
    parts.sort_by(|a, b| (a.first_seen, &a.finding_id).cmp(&(b.first_seen, &b.finding_id)));
    let detectors = |stage: Option<&Stage>| {
        let of_stage = parts.iter().filter(|part| stage.is_none_or(|stage| is_of(stage, part)));
        of_stage.map(|part| part.detector_id.as_str()).collect::<BTreeSet<_>>().len()
    };
    let is_whole = sequence.stages.iter().all(|stage| detectors(Some(stage)) > 0)
        && detectors(None) >= sequence.stages.len();
    let mut told = parts.first().filter(|_| is_whole).map(|first| (*first).clone())?;
    for part in parts.iter().skip(1) {
        absorb(&mut told, (*part).clone());
    }
    about(&mut told, sequence, entity, day, &parts);
    told.severity = severity(sequence, &parts, |stage| detectors(stage) as u64);
    write(&mut told, sequence, &parts);
    shorten(&mut told);
    Some(told)
}

/// Fills in what a sequence is about.
fn about(told: &mut Finding, sequence: &Sequence, entity: &Entity, day: i64, parts: &[&Finding]) {
    let metadata = &sequence.metadata;
    let (account, value) = entity;
    let start = Identity::default().part(Some(&metadata.id)).part(Some(&day.to_string()));
    told.finding_id = hex(&start.part(account.as_deref()).part(Some(value)).finish());
    (told.day, told.account) = (day, account.clone());
    told.detector_id.clone_from(&metadata.id);
    told.detector_version = metadata.version;
    told.finding_type.clone_from(&metadata.finding_type);
    told.confidence = metadata.confidence;
    told.practice.clone_from(&metadata.practice);
    let all = |of: fn(&Finding) -> &Vec<String>, own: &[String]| -> Vec<String> {
        let all: BTreeSet<&String> = parts.iter().flat_map(|part| of(part)).chain(own).collect();
        all.into_iter().cloned().collect()
    };
    told.mitre_tactics = all(|part| &part.mitre_tactics, &metadata.tactics);
    told.mitre_techniques = all(|part| &part.mitre_techniques, &metadata.techniques);
    told.principal = only(parts, |part| &part.principal);
    told.principal_type = only(parts, |part| &part.principal_type);
    told.caller_account = only(parts, |part| &part.caller_account);
    told.bucket_owner_account = only(parts, |part| &part.bucket_owner_account);
    told.is_foreign = parts.iter().filter_map(|part| part.is_foreign).max();
    if sequence.by == SequenceBy::Bucket {
        told.buckets = vec![value.clone()];
    }
    told.evidence = evidence(sequence, parts);
    told.features.clear();
    told.baseline = None;
    let mut linked: Vec<&Finding> = parts.to_vec();
    linked.sort_by(|a, b| b.severity.total_cmp(&a.severity).then(a.finding_id.cmp(&b.finding_id)));
    let ids: BTreeSet<&String> =
        linked.iter().take(MAX_LINKED).map(|part| &part.finding_id).collect();
    told.related = ids.into_iter().cloned().collect();
}

/// The value that all parts have which have one.
fn only(parts: &[&Finding], of: fn(&Finding) -> &Option<Arc<str>>) -> Option<Arc<str>> {
    let mut values = parts.iter().filter_map(|part| of(part).as_ref());
    let first = values.next()?;
    values.all(|value| value == first).then(|| first.clone())
}

/// An event of each stage.
fn evidence(sequence: &Sequence, parts: &[&Finding]) -> Vec<crate::detect::group::Evidence> {
    let of_stage = |stage: &Stage| parts.iter().find(|part| is_of(stage, part));
    let first = sequence.stages.iter().filter_map(of_stage);
    let mut evidence: Vec<_> = first.filter_map(|part| part.evidence.first()).cloned().collect();
    evidence.sort_unstable();
    evidence.dedup();
    evidence
}

/// By how many detectors speak for it; lower if the last stage failed.
fn severity(
    sequence: &Sequence,
    parts: &[&Finding],
    detectors: impl Fn(Option<&Stage>) -> u64,
) -> f64 {
    let last = sequence.stages.last();
    let mut of_last = parts.iter().filter(|part| last.is_some_and(|last| is_of(last, part)));
    let failed = of_last.all(|part| part.outcome() == Outcome::Failed);
    if let Some(severity) = sequence.severity.if_failed.filter(|_| failed) {
        return severity;
    }
    let stage = |rule: usize| sequence.stages.get(rule);
    let reached = sequence
        .severity
        .escalate
        .iter()
        .filter(|raised| detectors(raised.rule.and_then(stage)) >= raised.at_least);
    reached.map(|raised| raised.severity).fold(sequence.severity.base, f64::max)
}

/// Fills in the texts.
fn write(told: &mut Finding, sequence: &Sequence, parts: &[&Finding]) {
    let names: Vec<&str> = sequence.stages.iter().map(|stage| stage.name.as_str()).collect();
    let (order, by) =
        (if sequence.ordered { "one after the other" } else { "together" }, sequence.by);
    told.observed = names.join(if sequence.ordered { " → " } else { ", " });
    told.expected =
        format!("not {order} for one {} within {}", by.as_str(), sequence.timespan_text);
    let story = story(parts);
    let known: &Finding = told;
    let fill = |placeholder: &Placeholder| value(placeholder, known, sequence, parts, &story);
    let metadata = &sequence.metadata;
    let (title, description) = (metadata.title.render(fill), metadata.description.render(fill));
    let quoted = |placeholder: &Placeholder| shell_quoted(&fill(placeholder));
    let remediation = metadata.remediation.as_ref().map(|text: &Message| text.render(quoted));
    (told.title, told.description, told.remediation) = (title, description, remediation);
}

/// What was found, in order: the first finding of each detector.
fn story(parts: &[&Finding]) -> String {
    let mut seen = BTreeSet::new();
    let firsts: Vec<&&Finding> =
        parts.iter().filter(|part| seen.insert(part.detector_id.as_str())).collect();
    let tell = |part: &&&Finding| {
        format!("{} {} ({:.1})", timestamp_text(part.first_seen), part.title, part.severity)
    };
    let mut told: Vec<String> = firsts.iter().take(MAX_TOLD).map(tell).collect();
    if let Some(more) = firsts.len().checked_sub(MAX_TOLD).filter(|more| *more > 0) {
        told.push(format!("and {more} more"));
    }
    told.join("; ")
}

fn value(
    placeholder: &Placeholder,
    told: &Finding,
    sequence: &Sequence,
    parts: &[&Finding],
    story: &str,
) -> String {
    let text = |text: &Option<Arc<str>>| text.as_deref().unwrap_or("several").to_owned();
    let list = |list: &[Arc<str>]| match list {
        [] => "unknown".to_owned(),
        some => some.join(", "),
    };
    match placeholder {
        Placeholder::Principal => text(&told.principal),
        Placeholder::Account => text(&told.account),
        Placeholder::Region => text(&told.region),
        Placeholder::Bucket => list(&told.buckets),
        Placeholder::SourceIps => list(&told.source_ips),
        Placeholder::Observed => told.observed.clone(),
        Placeholder::Expected => told.expected.clone(),
        Placeholder::Details => story.to_owned(),
        Placeholder::DistinctValues => parts.len().to_string(),
        Placeholder::Timespan => sequence.timespan_text.clone(),
        Placeholder::Interval => interval(told.first_seen, told.last_seen),
        // Refused when the detector is read.
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STEP: i64 = MICROS_OF_DAY / 8;

    /// Whether some choice of moments, one of each stage, the last at `last`, satisfies the sequence.
    fn holds(ordered: bool, within: i64, stages: &[Vec<(i64, i64)>], last: i64) -> bool {
        let seen = |stage: &Vec<(i64, i64)>, time: i64| {
            stage.iter().any(|(start, end)| (*start..=*end).contains(&time))
        };
        let range = last - within..=last;
        if !ordered {
            let near = |stage: &Vec<(i64, i64)>| range.clone().any(|time| seen(stage, time));
            return stages.iter().all(near) && stages.iter().any(|stage| seen(stage, last));
        }
        let choose = |times: &BTreeSet<i64>, stage: &Vec<(i64, i64)>| -> BTreeSet<i64> {
            let earliest = times.first().copied().unwrap_or(i64::MAX);
            range.clone().filter(|time| *time >= earliest && seen(stage, *time)).collect()
        };
        let all: BTreeSet<i64> = range.clone().collect();
        stages.iter().fold(all, |times, stage| choose(&times, stage)).contains(&last)
    }

    proptest! {
        /// Against trying all moments, with an eighth of a day for the unit of time.
        #[test]
        fn days_are_those_on_which_some_choice_of_moments_holds(
            ordered in any::<bool>(),
            within in 0_i64..9,
            stages in prop::collection::vec(
                prop::collection::vec((0_i64..40, 0_i64..12), 0..4), 2..4),
        ) {
            let stages: Vec<Vec<(i64, i64)>> = stages
                .into_iter()
                .map(|stage| stage.into_iter().map(|(start, long)| (start, start + long)).collect())
                .collect();
            let times: Vec<Times> = stages
                .iter()
                .map(|stage| Times::new(stage.iter().map(|(a, b)| (a * STEP, b * STEP)).collect()))
                .collect();
            let found: Vec<i64> = days(ordered, within * STEP, &times).into_keys().collect();
            let expected: BTreeSet<i64> = (0..60)
                .filter(|last| holds(ordered, within, &stages, *last))
                .map(|last| last / 8)
                .collect();
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
