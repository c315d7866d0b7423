//! Public rules as they are, over real records. The rules are no part of the repository.

use std::collections::BTreeMap;

use super::compare::{Tally, Written, explain};
use super::logs;

#[test]
fn sigmahq_rules_load_unchanged_and_agree() {
    let Some(folder) = logs::shared("sigma") else { return };
    let mut rules = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(Result::unwrap) {
        if entry.path().extension().is_some_and(|extension| extension == "yml") {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            let name = entry.file_name().to_str().unwrap().to_owned();
            rules.push(Written { name, ours: text.clone(), oracle: text });
        }
    }
    let mut events = logs::records(&logs::samples(), 10);
    events.extend(logs::shared("").into_iter().flat_map(|folder| logs::records(&folder, 1)));
    let (mut tally, mut failures) = (Tally::default(), Vec::new());
    for events in events.chunks(2_000) {
        let mismatches = tally.compare(&rules, events);
        failures.extend(mismatches.iter().map(|m| explain(&rules[m.rule], &events[m.event], m)));
    }
    for (rule, hits) in &tally.by_rule {
        println!("{hits:>7} hits: {rule}");
    }
    tally.print(&format!("{} public rules over {} records", rules.len(), events.len()));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(tally.refused, BTreeMap::new(), "every rule loads");
    assert!(rules.len() > 50 && tally.hits > 0);
}
