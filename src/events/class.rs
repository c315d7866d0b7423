//! What an event does to data, as coverage counts it.

/// `delete`, `read` or `write` of data, `management`, or `other`: Insight, network activity and
/// aggregated events tell of calls that have records of their own.
///
/// The category decides; records below version 1.07 have none: there `managementEvent` decides,
/// and below 1.06 the name (object-level calls are data events).
pub(super) fn access_class(
    category: Option<&str>,
    management: Option<bool>,
    read_only: Option<bool>,
    event_name: &str,
) -> &'static str {
    let is_data = match category {
        Some("Insight" | "NetworkActivity" | "Aggregated") => return "other",
        Some(category) => category != "Management",
        None => !management.unwrap_or_else(|| !is_object_level(event_name)),
    };
    if !is_data {
        return "management";
    }
    if event_name.starts_with("Delete") || event_name == "AbortMultipartUpload" {
        return "delete";
    }
    let reads = ["Get", "Head", "List", "Select"].iter().any(|verb| event_name.starts_with(verb));
    if read_only.unwrap_or(reads) { "read" } else { "write" }
}

fn is_object_level(event_name: &str) -> bool {
    event_name.contains("Object") && !event_name.contains("Bucket")
}

#[cfg(test)]
mod tests {
    use super::access_class;

    #[test]
    fn the_category_decides_then_the_name() {
        let cases = [
            (Some("Data"), None, Some(true), "GetObject", "read"),
            (Some("Data"), None, Some(false), "PutObject", "write"),
            (Some("Data"), None, Some(false), "DeleteObject", "delete"),
            (Some("Management"), None, Some(false), "DeleteBucket", "management"),
            (Some("NetworkActivity"), None, None, "DeleteObject", "other"),
            (None, Some(false), None, "HeadObject", "read"),
            (None, None, None, "PutBucketAcl", "management"),
            (None, None, None, "GetObject", "read"),
            (None, Some(true), None, "GetObject", "management"),
        ];
        for (category, management, read_only, name, expected) in cases {
            assert_eq!(access_class(category, management, read_only, name), expected, "{name}");
        }
    }
}
