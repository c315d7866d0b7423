//! Links between findings.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Finding;

/// Links findings whose events share a `sharedEventID`: the copies of one action in two accounts'
/// trails are two views of it, never summed.
pub fn link_shared(findings: &mut [Finding]) {
    let mut holders: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for finding in findings.iter() {
        for shared in &finding.shared_event_ids {
            holders.entry(shared).or_default().insert(&finding.finding_id);
        }
    }
    let related: Vec<Vec<String>> = findings
        .iter()
        .map(|finding| {
            let all = finding.shared_event_ids.iter().filter_map(|id| holders.get(&**id)).flatten();
            let others: BTreeSet<&str> =
                all.copied().filter(|id| *id != finding.finding_id).collect();
            others.into_iter().map(str::to_owned).collect()
        })
        .collect();
    for (finding, related) in findings.iter_mut().zip(related) {
        finding.related = related;
    }
}
