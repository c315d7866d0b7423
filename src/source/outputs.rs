//! Outputs of trailsift among the keys of a bucket: they lie there where somebody keeps results
//! beside the logs, and are no logs.

use std::collections::BTreeSet;

/// Files of a run but its findings.
const RESULTS: [&str; 7] = [
    "coverage.parquet",
    "first_appearances.parquet",
    "manifest.parquet",
    "partial.json",
    "rejected.parquet",
    "run.json",
    "table.parquet",
];

/// What trailsift keeps of a folder of converted events.
pub(super) const OWN: &str = "_trailsift";

/// Which of the keys of a page are outputs of trailsift. `run.json` and the like are known by what
/// lies beside them; in a listing that is next to them.
pub(super) fn outputs<'k>(keys: &[&'k str]) -> BTreeSet<&'k str> {
    let with = |is_mark: fn(&str) -> bool| -> BTreeSet<&str> {
        keys.iter()
            .map(|key| split(key))
            .filter(|(_, name)| is_mark(name))
            .map(|(folder, _)| folder)
            .collect()
    };
    let results = with(|name| name == "rejected.parquet");
    let states = with(|name| name.ends_with(".ledger.parquet"));
    let is_output = |key: &&str| {
        let (folder, name) = split(key);
        let is_result = RESULTS.contains(&name)
            || name.strip_prefix("findings").is_some_and(|rest| rest.starts_with(['.', '_']));
        let is_manifest = name.starts_with("manifest-") || is_of_generation(name);
        folder.rsplit('/').next() == Some(OWN)
            || (is_result && results.contains(folder))
            || (is_manifest && states.contains(folder))
            || is_changes(folder, name)
    };
    keys.iter().copied().filter(is_output).collect()
}

/// Whether a file is `00000007-….parquet`.
fn is_of_generation(name: &str) -> bool {
    let generation = name.split_once('-').map(|(generation, _)| generation);
    generation.is_some_and(|g| g.len() == 8 && g.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a file is `findings/date=2026-03-04/00000007-….jsonl`.
fn is_changes(folder: &str, name: &str) -> bool {
    let day = folder.rsplit_once("findings/date=").map(|(_, day)| day);
    day.is_some_and(|day| day.parse::<jiff::civil::Date>().is_ok()) && is_of_generation(name)
}

fn split(key: &str) -> (&str, &str) {
    key.rsplit_once('/').unwrap_or(("", key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_known_by_what_lies_beside_them() {
        let outputs_of =
            |keys: &[&'static str]| -> Vec<&str> { outputs(keys).into_iter().collect() };
        let results = ["r/findings.jsonl", "r/rejected.parquet", "r/run.json", "x/run.json"];
        assert_eq!(outputs_of(&results), ["r/findings.jsonl", "r/rejected.parquet", "r/run.json"]);
        let state = ["s/00000001-a.ledger.parquet", "s/manifest-00000001.json", "manifest-1.json"];
        assert_eq!(outputs_of(&state), state[..2]);
        let events = ["e/_trailsift/events.json", "_trailsift/00000001.ledger.parquet"];
        assert_eq!(
            outputs_of(&[events[0], events[1], "e/account=1/x.parquet"]),
            [events[1], events[0]]
        );
        let changes = "r/findings/date=2026-03-04/00000007-0123456789abcdef.jsonl";
        assert_eq!(outputs_of(&[changes, "findings/date=today/00000007-x.json"]), [changes]);
        assert_eq!(outputs_of(&["AWSLogs/1.json", "run.json"]), [""; 0]);
    }
}
