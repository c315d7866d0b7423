//! Deployments: many principals of one account that appear within an hour, with one client and from
//! one kind of place, are one finding and not as many as there are principals.
//!
//! Works on the finished findings of a day: a run that judges the day anew, because more of it has
//! come, brings them together anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::combine::absorb;
use super::finding::Finding;
use crate::digest::{Identity, hex};
use crate::events::network;
use crate::intel::user_agent_family;

const MICROS_OF_HOUR: i64 = 3_600_000_000;
/// Principals that the description names.
const NAMED: usize = 3;

/// What the findings of a deployment have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Common {
    detector: String,
    account: Option<Arc<str>>,
    caller_account: Option<Arc<str>>,
    principal_type: Option<Arc<str>>,
    hour: i64,
    clients: BTreeSet<String>,
    places: BTreeSet<String>,
}

/// Brings deployments together. `least` tells from how many principals on a detector's findings are
/// one; `None` for detectors that tell none.
#[must_use]
pub fn merge_deployments(
    findings: Vec<Finding>,
    least: impl Fn(&str) -> Option<usize>,
) -> Vec<Finding> {
    let mut rest = Vec::with_capacity(findings.len());
    let mut groups: BTreeMap<Common, Vec<Finding>> = BTreeMap::new();
    for finding in findings {
        match least(&finding.detector_id).and(finding.principal.as_ref()) {
            Some(_) => groups.entry(Common::of(&finding)).or_default().push(finding),
            None => rest.push(finding),
        }
    }
    for (common, group) in groups {
        let principals: BTreeSet<Arc<str>> =
            group.iter().filter_map(|finding| finding.principal.clone()).collect();
        if least(&common.detector).is_some_and(|least| principals.len() >= least) {
            rest.extend(merged(&common, group, &principals));
        } else {
            rest.extend(group);
        }
    }
    rest
}

impl Common {
    fn of(finding: &Finding) -> Self {
        let families =
            finding.user_agents.iter().map(|agent| user_agent_family(agent).into_owned());
        let known = finding.asns.iter().map(ToString::to_string);
        // Where no autonomous system is known, addresses of one rollout differ at random.
        let coarse = finding.source_ips.iter().map(|address| match network(address) {
            place if place.contains('/') => "public".to_owned(),
            place => place,
        });
        let places = if finding.asns.is_empty() { coarse.collect() } else { known.collect() };
        Self {
            detector: finding.detector_id.clone(),
            account: finding.account.clone(),
            caller_account: finding.caller_account.clone(),
            principal_type: finding.principal_type.clone(),
            hour: finding.first_seen.div_euclid(MICROS_OF_HOUR),
            clients: families.collect(),
            places,
        }
    }

    fn finding_id(&self) -> String {
        let start = Identity::default().part(Some("deployment")).part(Some(&self.detector));
        let columns = [&self.account, &self.caller_account, &self.principal_type];
        let named = columns.into_iter().fold(start, |id, value| id.part(value.as_deref()));
        let timed = named.part(Some(&self.hour.to_string()));
        let listed =
            self.clients.iter().map(Some).chain([None]).chain(self.places.iter().map(Some));
        hex(&listed.fold(timed, |id, value| id.part(value.map(String::as_str))).finish())
    }
}

/// The findings of a deployment as one: the most severe one's, about all principals.
fn merged(
    common: &Common,
    mut group: Vec<Finding>,
    principals: &BTreeSet<Arc<str>>,
) -> Option<Finding> {
    let order = |a: &Finding, b: &Finding| {
        let others = (a.first_seen, &a.finding_id).cmp(&(b.first_seen, &b.finding_id));
        b.severity.total_cmp(&a.severity).then(others)
    };
    group.sort_by(order);
    let mut findings = group.into_iter();
    let mut merged = findings.next()?;
    for finding in findings {
        absorb(&mut merged, finding);
    }
    let count = principals.len();
    let buckets = match merged.buckets.len() {
        0 => "no bucket".to_owned(),
        1 => "1 bucket".to_owned(),
        many => format!("{many} buckets"),
    };
    let mut names: Vec<&str> = principals.iter().take(NAMED).map(AsRef::as_ref).collect();
    let more = format!("{} more", count.saturating_sub(names.len()));
    names.extend((count > NAMED).then_some(more.as_str()));
    merged.finding_id = common.finding_id();
    merged.continues = None;
    merged.title =
        format!("{}: {count} principals within an hour, as in a deployment", merged.title);
    merged.description = format!(
        "{count} principals of one kind began within an hour, with one client and from one kind of \
         place, as in a deployment: {}; {} calls on {buckets}; expected {}",
        names.join(", "),
        merged.ok_count.saturating_add(merged.error_count),
        merged.expected,
    );
    merged.observed = format!("{count} principals");
    merged.principal = None;
    Some(merged)
}
