//! Lists of addresses, and what else is known of them: whatever a file holds, it is read or told.

use trailsift::intel::{GeoTable, Intel, Label, Unreadable, parse_list, user_agent_family};

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let list = parse_list(bytes);
    let Unreadable { count, first } = &list.unreadable;
    let lines = bytes.split(|byte| *byte == b'\n').count();
    assert!(list.entries.len() + usize::try_from(*count).unwrap() <= lines);
    assert!(first.len() as u64 <= *count && first.iter().all(|line| line.len() < 1_000));
    let mut intel = Intel::default();
    let (addresses, label) = (list.entries.clone(), Label::of("fuzz").unwrap());
    intel.add_threat_list(&label, list.clone());
    intel.add_trusted(list);
    for (network, own) in addresses.iter().take(100) {
        let known = intel.address(&network.addr().to_string());
        assert!(known.trusted, "{network}");
        let label = own.as_ref().unwrap_or(&label).text().as_ref();
        assert!(!label.is_empty() && !label.contains(','));
        if let Some(lists) = known.threat_lists {
            assert!(lists.split(',').any(|list| list == label), "{lists} without {label}");
        }
    }
    let text = String::from_utf8_lossy(bytes);
    let _ = GeoTable::parse(&text).map(|table| intel.add_geo_table(table));
    let _ = intel.add_aws_ranges(bytes);
    for line in text.lines().take(100) {
        let _ = intel.address(line);
        let family = user_agent_family(line);
        assert!(!family.is_empty() && family.len() <= 128);
    }
}
