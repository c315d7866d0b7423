//! Values of findings cut to what AWS may write. A finding takes little memory then, whatever the
//! logs hold, and a terminal is not flooded.

use std::sync::Arc;

use super::finding::Finding;

/// Bytes of a value. The longest that AWS writes is an ARN of 2,048.
const MAX_VALUE: usize = 2_048;

/// Bytes of values one after the other.
const MAX_LIST: usize = 8 * MAX_VALUE;

/// Cuts what is too long in the columns of a finding.
pub(super) fn shorten(finding: &mut Finding) {
    let single = [
        &mut finding.account,
        &mut finding.region,
        &mut finding.principal,
        &mut finding.principal_type,
        &mut finding.caller_account,
        &mut finding.bucket_owner_account,
    ];
    let lists = [
        &mut finding.access_key_ids,
        &mut finding.session_names,
        &mut finding.buckets,
        &mut finding.object_keys,
        &mut finding.event_names,
        &mut finding.error_codes,
        &mut finding.source_ips,
        &mut finding.countries,
        &mut finding.vpc_endpoints,
        &mut finding.user_agents,
    ];
    for value in single.into_iter().flatten().chain(lists.into_iter().flatten()) {
        if let Some(short) = cut(value, MAX_VALUE) {
            *value = Arc::from(short);
        }
    }
    let values = finding.features.iter_mut().filter_map(|odds| odds.value.as_mut());
    for value in values {
        if let Some(short) = cut(value, MAX_VALUE) {
            *value = short;
        }
    }
    for list in [&mut finding.observed, &mut finding.expected] {
        shorten_list(list);
    }
}

/// Cuts values that are joined to a text.
pub(super) fn shorten_list(list: &mut String) {
    if let Some(short) = cut(list, MAX_LIST) {
        *list = short;
    }
}

/// The beginning of a text that is longer than `most` bytes, and a mark.
fn cut(text: &str, most: usize) -> Option<String> {
    let start = text.get(..text.floor_char_boundary(most)).filter(|_| text.len() > most)?;
    Some(format!("{start}…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_too_long_is_cut_and_at_a_character() {
        for (text, short) in
            [("", None), ("abcd", None), ("abcde", Some("abcd…")), ("abc\u{fffd}", Some("abc…"))]
        {
            assert_eq!(cut(text, 4).as_deref(), short, "{text}");
        }
    }
}
