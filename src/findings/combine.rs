//! Several findings as one.

use super::finding::Finding;

/// Most values of a list, and most events of evidence, as of any finding.
const MAX_LIST: usize = 16;
const MAX_EVIDENCE: usize = 4;

/// Adds what another finding says of who did what, when and where. Counts add up.
pub(super) fn absorb(merged: &mut Finding, other: Finding) {
    let lists = [
        (&mut merged.access_key_ids, other.access_key_ids),
        (&mut merged.session_names, other.session_names),
        (&mut merged.buckets, other.buckets),
        (&mut merged.object_keys, other.object_keys),
        (&mut merged.event_names, other.event_names),
        (&mut merged.error_codes, other.error_codes),
        (&mut merged.source_ips, other.source_ips),
        (&mut merged.asns, other.asns),
        (&mut merged.countries, other.countries),
        (&mut merged.vpc_endpoints, other.vpc_endpoints),
        (&mut merged.user_agents, other.user_agents),
        (&mut merged.shared_event_ids, other.shared_event_ids),
    ];
    for (list, more) in lists {
        list.extend(more);
        list.sort_unstable();
        list.dedup();
        list.truncate(MAX_LIST);
    }
    merged.region = merged.region.take().filter(|region| other.region.as_ref() == Some(region));
    merged.distinct_objects = merged.distinct_objects.saturating_add(other.distinct_objects);
    // Two findings may be about one object.
    merged.distinct_is_exact = false;
    merged.ok_count = merged.ok_count.saturating_add(other.ok_count);
    merged.error_count = merged.error_count.saturating_add(other.error_count);
    merged.bytes_in = merged.bytes_in.saturating_add(other.bytes_in);
    merged.bytes_out = merged.bytes_out.saturating_add(other.bytes_out);
    merged.first_seen = merged.first_seen.min(other.first_seen);
    merged.last_seen = merged.last_seen.max(other.last_seen);
    merged.evidence.extend(other.evidence);
    merged.evidence.sort_unstable();
    merged.evidence.dedup();
    merged.evidence.truncate(MAX_EVIDENCE);
}
