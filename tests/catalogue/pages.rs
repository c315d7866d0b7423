//! The pages that are made from the shipped detectors.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use trailsift::detect::rules::Entry;
use trailsift::pipeline::PRACTICES;

/// A class of detections that somebody has, or should have.
pub(crate) struct Class {
    /// `A01` … `F10`: some product or rule set has it; `X01` …: none of those surveyed.
    pub id: String,
    /// What it is.
    pub name: String,
    /// When it fires.
    pub condition: String,
    /// What is not covered of it, and why; empty if all of it is.
    pub reason: String,
}

const HEAD: &str = "\
<!-- Made from detectors/ by tests/catalogue.rs; do not edit. -->

# The shipped detectors

`trailsift detectors show ID` shows one with its page. Each lies in `detectors/<topic>/<id>.yml`, with \
the page and its cases beside it.

## Severity and confidence

The scale is GuardDuty's, 1.0 to 10.0. A detector's severity is what would be true if it were an \
attack; confidence is how often it is one.

| severity | what it would mean |
| --- | --- |
| 2.0 | somebody looked, or a neutral change |
| 3.0 | a sign that is weak alone; work that recurs; calls that all failed |
| 5.0 | a guard is weaker, or data may leave |
| 7.0 | evidence or the way back is gone, data is open to a foreign account, or much of it left |
| 8.0 | data is open to everyone, destroyed, or locked with somebody else's key |
| 9.0 | several of these in a row |

What raises and lowers it stands in each file: `severity_if_failed` (attempts are never as severe as \
successes), `escalate` (by counts of calls, of root, without MFA, from listed addresses), `recurring` \
(what the entity did on earlier days too), `foreign` (accounts of one's own). Beyond that every finding above 3.0 \
of which a call succeeded is raised by 1.0 for each of: the root user, an address on a threat list, a bucket \
that `--placeholders` calls `sensitive_buckets`; its description says so. Whether a second factor was \
used is weighed by detectors of their own, since few records say it. Detectors marked *hunting* \
run with `--hunting` only; those that need something run where it is given. What several findings come to \
together is judged by the attack sequences.

";

/// `docs/detectors.md`.
pub(crate) fn detectors_page(entries: &[Entry], guardduty: &[Vec<String>]) -> String {
    let mut page = HEAD.to_owned();
    let mut topics: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries {
        let topic = entry.file.split('/').next().unwrap_or_default();
        topics.entry(topic).or_default().push(entry);
    }
    for (topic, entries) in topics {
        let _ = writeln!(page, "## {topic}\n");
        page += "| detector | what it finds | severity | finding type | ATT&CK | needs |\n";
        page += "| --- | --- | ---: | --- | --- | --- |\n";
        for entry in entries {
            let data = entry.needs_data_events.then(|| "s3_data_events".to_owned());
            let needs: Vec<String> = data.into_iter().chain(entry.needs.clone()).collect();
            let _ = writeln!(
                page,
                "| `{}` | {} | {:.1} | `{}` | {} | {} |",
                entry.id,
                cell(&entry.title),
                entry.severity,
                entry.finding_type,
                entry.techniques.join(", "),
                needs.join(", ")
            );
        }
        page += "\n";
    }
    practices(&mut page, entries);
    page += "## GuardDuty's finding types\n\n";
    page += "The types of [GuardDuty](https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-active.html) that logs can show.\n\n";
    page += "| type | detectors | how it differs |\n| --- | --- | --- |\n";
    for row in guardduty {
        let detectors: Vec<String> =
            row[1].split(' ').filter(|id| !id.is_empty()).map(|id| format!("`{id}`")).collect();
        let _ = writeln!(page, "| `{}` | {} | {} |", row[0], detectors.join(", "), row[2]);
    }
    page
}

fn practices(page: &mut String, entries: &[Entry]) {
    *page += "## The twelve best practices\n\n| practice | guarded by |\n| --- | --- |\n";
    for (practice, title) in PRACTICES {
        let guards = entries.iter().filter(|entry| entry.practice.as_deref() == Some(*practice));
        let guards: Vec<String> = guards.map(|entry| format!("`{}`", entry.id)).collect();
        let _ = writeln!(page, "| {title} (`{practice}`) | {} |", guards.join(", "));
    }
    *page += "\n";
}

/// `docs/coverage.md`.
pub(crate) fn coverage_page(entries: &[Entry], classes: &[Class]) -> String {
    let mut covered: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for entry in entries {
        for class in &entry.covers {
            covered.entry(class).or_default().push(format!("`{}`", entry.id));
        }
    }
    let whole = classes.iter().filter(|class| class.reason.is_empty()).count();
    let some = classes.iter().filter(|class| covered.contains_key(class.id.as_str())).count();
    let mut page = format!(
        "<!-- Made from detectors/ and docs/data by tests/catalogue.rs; do not edit. -->\n\n\
         # Coverage\n\n\
         The classes of S3 detections found in a survey of GuardDuty, SigmaHQ, Elastic, Panther, \
         Tailpipe, Stratus Red Team, Splunk, Sentinel, Chronicle, Falco, Suzaku, Sumo Logic, Datadog, \
         Cortex XDR, Prowler and others (A–F), and those that none of them has (X). Of {} classes {some} \
         have a detector, {whole} in whole; what is missing of the others stands beside them.\n\n\
         | class | what | when | detectors | what is missing |\n| --- | --- | --- | --- | --- |\n",
        classes.len(),
    );
    for class in classes {
        let detectors = covered.get(class.id.as_str()).map(|found| found.join(", "));
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} | {} |",
            class.id,
            cell(&class.name),
            cell(&class.condition),
            detectors.unwrap_or_default(),
            cell(&class.reason),
        );
    }
    page
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
