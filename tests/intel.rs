//! What is known of addresses, from the files that say it to the findings: databases, lists and AWS's
//! ranges, whole, broken and missing.
//!
//! `TRAILSIFT_INTEL_DATA` may name a folder with files as they are published; without it that test is
//! skipped, aloud.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as loudly as the test itself, and skipping is said aloud"
)]

mod common;

use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use common::logs::read;
use common::{Ran, findings, partial, run_json, scan, table, trailsift};
use serde_json::{Value, json};
use tempfile::TempDir;

const AWS_RANGES: &str = r#"{"createDate": "2026-03-01-00-00-00", "prefixes": [
    {"ip_prefix": "203.0.113.0/25", "region": "eu-west-1", "service": "EC2"},
    {"ip_prefix": "203.0.113.0/24", "region": "eu-west-1", "service": "AMAZON"}]}"#;

/// A folder with what a test writes.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Logs of these events.
    fn log(&self, name: &str, records: &[Value]) -> PathBuf {
        self.write(name, json!({ "Records": records }).to_string()).into()
    }

    fn scan(&self, logs: &Path, out: &str, more: &[&str]) -> (Ran, PathBuf) {
        let out = self.path(out);
        (scan(&[logs.to_path_buf()], &out, more), out)
    }
}

/// A database of `tests/data`.
fn database(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    folder.join(format!("{name}.mmdb")).to_str().unwrap().to_owned()
}

/// A read of user `user` from an address.
fn from(address: &str, user: &str, day: i64) -> Value {
    let mut event = read(user, day, &format!("{address} {user} {day}"));
    event["sourceIPAddress"] = json!(address);
    event["userAgent"] = json!("[aws-cli/2.15.0]");
    event
}

/// Reads from a listed address, and from others.
fn records() -> Vec<Value> {
    let addresses = ["198.51.100.7", "2001:db8:1::5", "203.0.113.200", "192.0.2.1", "AWS Internal"];
    addresses.iter().map(|address| from(address, "eve", 3)).collect()
}

/// The values of a list column of the first finding of a detector.
fn list(out: &Path, detector: &str, column: &str) -> Vec<String> {
    for batch in table(&out.join("findings.parquet")) {
        let ids = batch.column_by_name("detector_id").unwrap().as_string::<i32>();
        let Some(row) = ids.iter().position(|id| id == Some(detector)) else { continue };
        let values = batch.column_by_name(column).unwrap().as_list::<i32>().value(row);
        return values.as_string::<i32>().iter().flatten().map(str::to_owned).collect();
    }
    Vec::new()
}

fn reasons(run: &Value) -> Vec<&str> {
    let all = run["not_judged"].as_array().unwrap().iter();
    all.filter(|unjudged| unjudged.get("entities").is_none())
        .map(|unjudged| unjudged["reason"].as_str().unwrap())
        .collect()
}

#[test]
fn findings_say_where_calls_came_from() {
    let desk = Desk::new();
    let logs = desk.log("log.json", &records());
    let listed = desk.write("bad.txt", "198.51.100.7\n2001:db8:1::/48\n");
    let ranges = desk.write("ranges.json", AWS_RANGES);
    let (asn, city) = (database("asn"), database("city"));
    let more =
        ["--geoip", &asn, "--geoip", &city, "--threat-list", &listed, "--aws-ranges", &ranges];
    let (ran, out) = desk.scan(&logs, "out", &more);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let found = findings(&out);
    let finding = found.iter().find(|found| found.detector == "malicious_address_read").unwrap();
    assert_eq!((finding.event_count, finding.observed.as_str()), (2, "bad"), "{found:#?}");
    assert_eq!(list(&out, "malicious_address_read", "asns"), ["AS64500", "AS64502"]);
    assert_eq!(list(&out, "malicious_address_read", "countries"), ["DE", "FR"]);
    let run = run_json(&out);
    let sources = run["intel"].as_array().unwrap();
    let told: Vec<_> = sources.iter().map(|s| (&s["kind"], &s["entries"], &s["label"])).collect();
    assert_eq!(
        told,
        [
            (&json!("geoip"), &json!(3), &json!(null)),
            (&json!("geoip"), &json!(3), &json!(null)),
            (&json!("threat_list"), &json!(2), &json!("bad")),
            (&json!("aws_ranges"), &json!(2), &json!(null)),
        ]
    );
    assert_eq!(sources[0]["file"], json!(asn));
    assert!(sources[0]["built"].as_str().unwrap().ends_with('Z'));
    assert_eq!(sources[3]["built"], json!("2026-03-01-00-00-00"));
    assert!(sources.iter().all(|source| source["sha256"].as_str().unwrap().len() == 64));
    let expected =
        [OWN_LISTS, &labelled("custom"), &labelled("tor"), "weak alone, for hunting: --hunting"];
    assert_eq!(reasons(&run), expected);
}

#[test]
fn the_first_database_that_knows_counts() {
    let desk = Desk::new();
    let logs = desk.log("log.json", &[from("198.51.100.7", "eve", 3)]);
    let listed = desk.write("bad.txt", "198.51.100.7");
    for (order, asn, country) in [
        (["flat", "city", "asn"], "AS64510", "NL"),
        (["city", "flat", "asn"], "AS64510", "DE"),
        (["asn", "flat", "city"], "AS64500", "NL"),
    ] {
        let files = order.map(database);
        let mut more = vec!["--threat-list", &listed];
        more.extend(files.iter().flat_map(|file| ["--geoip", file.as_str()]));
        let (ran, out) = desk.scan(&logs, &order.concat(), &more);
        assert_eq!(ran.status, 0, "{}", ran.err);
        assert_eq!(list(&out, "malicious_address_read", "asns"), [asn], "{order:?}");
        assert_eq!(list(&out, "malicious_address_read", "countries"), [country], "{order:?}");
    }
}

#[test]
fn files_that_are_something_else_end_the_run_before_it_begins() {
    let desk = Desk::new();
    let logs = desk.log("log.json", &records());
    let whole = std::fs::read(database("city")).unwrap();
    let mut damaged = whole.clone();
    // Within the data section, behind the tree: a map that says it is longer than the file.
    let marker = b"\xab\xcd\xefMaxMind.com";
    let end = whole.windows(marker.len()).rposition(|bytes| bytes == marker).unwrap();
    damaged[end - 40..end].fill(0xff);
    for (flag, bytes, why) in [
        ("--geoip", b"no database".to_vec(), "no database in MaxMind's format"),
        ("--geoip", whole[..whole.len() / 2].to_vec(), "no database in MaxMind's format"),
        ("--geoip", damaged, "no database in MaxMind's format"),
        ("--geoip", Vec::new(), "no database in MaxMind's format"),
        ("--geoip", std::fs::read(database("nothing")).unwrap(), "neither countries nor AS"),
        ("--threat-list", b"# nothing\nyet\n".to_vec(), "no line holds an address"),
        ("--threat-list", vec![0xff; 100_000], "no line holds an address"),
        ("--trusted", Vec::new(), "no line holds an address"),
        ("--aws-ranges", b"{}".to_vec(), "not AWS's ip-ranges.json"),
        ("--aws-ranges", br#"{"prefixes":[]}"#.to_vec(), "holds no range"),
    ] {
        let file = desk.write("given", bytes);
        let (ran, out) = desk.scan(&logs, "out", &[flag, &file]);
        assert_eq!(ran.status, 2, "{flag} {why}: {}", ran.out);
        assert!(ran.err.contains(&file) && ran.err.contains(why), "{flag} {why}: {}", ran.err);
        assert!(!out.exists());
    }
    let missing = desk.path("missing");
    let (ran, _) = desk.scan(&logs, "out", &["--trusted", missing.to_str().unwrap()]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("missing"), "{}", ran.err);
}

#[test]
fn hostile_lines_are_counted_and_told_and_the_others_used() {
    let desk = Desk::new();
    let logs = desk.log("log.json", &records());
    let mut text = b"198.51.100.7\n\x00\x1b[31mred\n\xff\xfe\n".to_vec();
    text.extend(vec![b'9'; 2_000_000]);
    text.extend(b"\n999.1.1.1\n2001:db8:1::5\n");
    let listed = desk.write("bad.txt", text);
    let (ran, out) = desk.scan(&logs, "out", &["--threat-list", &format!("Evil={listed}")]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let run = run_json(&out);
    let source = &run["intel"][0];
    assert_eq!((&source["entries"], &source["label"]), (&json!(2), &json!("evil")));
    assert_eq!(source["unreadable"]["count"], json!(4));
    assert_eq!(source["unreadable"]["first"].as_array().unwrap().len(), 4);
    let note = "4 lines could not be read, the other 2 entries are used: line 2, no address: ";
    assert!(ran.out.contains(note), "{}", ran.out);
    assert!(!ran.out.contains('\u{0}') && !ran.out.contains("\u{1b}[31mred"), "{}", ran.out);
    assert!(ran.out.len() < 20_000);
    let found = findings(&out);
    let read = found.iter().find(|found| found.detector == "malicious_address_read").unwrap();
    assert_eq!((read.event_count, read.observed.as_str()), (2, "evil"));
}

const OWN_LISTS: &str = "lists of one's own were not given (`trailsift detectors show` names them): --placeholders FILE";

fn labelled(label: &str) -> String {
    format!("no threat list of this label was given: --threat-list {label}=FILE")
}

#[test]
fn what_is_missing_is_said_once_and_its_detectors_are_off() {
    let desk = Desk::new();
    let logs = desk.log("log.json", &records());
    let (ran, out) = desk.scan(&logs, "out", &[]);
    let run = run_json(&out);
    let threats = "no threat list was given: --threat-list FILE";
    let (custom, tor) = (labelled("custom"), labelled("tor"));
    let ranges = "AWS's address ranges were not given: --aws-ranges ip-ranges.json";
    let systems = "no database with AS numbers was given: --geoip FILE.mmdb";
    let countries = "no database with countries was given: --geoip FILE.mmdb";
    let hunting = "weak alone, for hunting: --hunting";
    let all = [ranges, OWN_LISTS, systems, countries, &custom, &tor, threats, hunting];
    assert_eq!(reasons(&run), all);
    for line in all {
        assert_eq!(ran.out.matches(line).count(), 1, "{}", ran.out);
    }
    let ids: Vec<&str> =
        run["detectors"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    assert!(!ids.iter().any(|id| id.starts_with("malicious_") || id.starts_with("tor_")));
    assert!(ids.contains(&"unusual_network_of_principal"));
    assert_eq!(run["intel"], json!([]));
    let exits = desk.write("exits.csv", "fingerprint, ipaddr, port\nAB, 198.51.100.7, 444\n");
    let (_, out) = desk.scan(&logs, "out", &["--threat-list", &format!("tor={exits}")]);
    let without = [ranges, OWN_LISTS, systems, countries, custom.as_str(), hunting];
    assert_eq!(reasons(&run_json(&out)), without);
    let found = findings(&out);
    assert!(found.iter().any(|found| found.detector == "tor_access"), "{found:#?}");
    assert!(!found.iter().any(|found| found.detector.starts_with("malicious_")), "{found:#?}");
}

#[test]
fn detectors_of_ones_own_name_what_they_need() {
    let desk = Desk::new();
    let logs = desk.log("log.json", &records());
    let rules = desk.path("rules");
    std::fs::create_dir(&rules).unwrap();
    let rule = |needs: &str| {
        format!(
            "title: Called from abroad\nname: abroad\nlogsource: {{product: aws, service: cloudtrail}}\n\
             detection:\n  abroad: {{source_country|exists: true}}\n  home: {{source_country: DE}}\n  \
             condition: abroad and not home\ntrailsift:\n  needs: {needs}\n  \
             details: [source_country, source_as_organization]\n"
        )
    };
    std::fs::write(rules.join("abroad.yml"), rule("[country, asn]")).unwrap();
    let rules_text = rules.to_str().unwrap();
    let (asn, city) = (database("asn"), database("city"));
    let (_, out) = desk.scan(&logs, "out", &["--detectors", rules_text, "--geoip", &asn]);
    let country = "no database with countries was given: --geoip FILE.mmdb";
    assert!(reasons(&run_json(&out)).contains(&country));
    let more = ["--detectors", rules_text, "--geoip", &asn, "--geoip", &city];
    let (_, out) = desk.scan(&logs, "out", &more);
    let found = findings(&out);
    let abroad = found.iter().find(|found| found.detector == "abroad").unwrap();
    assert_eq!((abroad.event_count, abroad.observed.as_str()), (1, "Example Six, FR"));
    std::fs::write(rules.join("abroad.yml"), rule("[countries]")).unwrap();
    let ran = trailsift(["detectors", "check", rules_text]);
    assert_eq!(ran.status, 1);
    assert!(
        ran.out.contains("abroad.yml:9:10: ") && ran.out.contains("`needs` can be"),
        "{}",
        ran.out
    );
}

#[test]
fn threads_and_shares_give_the_same_findings_and_other_files_do_not_merge() {
    let desk = Desk::new();
    let folder = desk.path("logs");
    std::fs::create_dir(&folder).unwrap();
    for day in 0..20 {
        let address = if day < 15 { "192.0.2.10" } else { "198.51.100.7" };
        let users = ["eve", "ann"].map(|user| from(address, user, day));
        let text = json!({ "Records": users }).to_string();
        std::fs::write(folder.join(format!("{day}.json")), text).unwrap();
    }
    let listed = desk.write("bad.txt", "198.51.100.7");
    let (asn, flat) = (database("asn"), database("flat"));
    let more = ["--geoip", &asn, "--geoip", &flat, "--threat-list", &listed];
    let bytes = |out: &Path| std::fs::read(out.join("findings.parquet")).unwrap();
    let (ran, one) = desk.scan(&folder, "one", &[&more[..], &["--threads", "1"]].concat());
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(findings(&one).iter().any(|found| found.observed == "AS64500"), "{:?}", findings(&one));
    let (_, two) = desk.scan(&folder, "two", &[&more[..], &["--threads", "2"]].concat());
    assert!(bytes(&one) == bytes(&two));
    let share = desk.path("share");
    assert_eq!(partial(&[folder], &share, &more).status, 0);
    let merged = desk.path("merged");
    let merge = |more: &[&str]| {
        let mut arguments: Vec<String> = vec!["merge".into(), share.to_str().unwrap().into()];
        arguments.extend(["--out".to_owned(), merged.to_str().unwrap().to_owned()]);
        arguments.extend(more.iter().map(|&text| text.to_owned()));
        trailsift(arguments)
    };
    let ran = merge(&more);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(bytes(&one) == bytes(&merged));
    let other = desk.write("other.txt", "198.51.100.8");
    for others in [&more[..4], &[&more[..4], &["--threat-list", &other]].concat()] {
        let ran = merge(others);
        assert_eq!(ran.status, 2);
        assert!(ran.err.contains("other files of known addresses"), "{}", ran.err);
    }
}

#[test]
fn a_database_that_is_added_to_a_state_makes_nothing_new() {
    let desk = Desk::new();
    let (state, out) = (desk.path("state"), desk.path("out"));
    let asn = database("asn");
    let run = |name: &str, days: std::ops::Range<i64>, more: &[&str]| {
        let records: Vec<Value> = days.map(|day| from("198.51.100.7", "eve", day)).collect();
        let log = desk.log(name, &records);
        let state = state.to_str().unwrap();
        let ran = scan(&[log], &out, &[&["--state", state], more].concat());
        assert_eq!(ran.status, 0, "{}", ran.err);
        run_json(&out)["findings"].clone()
    };
    run("a.json", 0..20, &[]);
    let found = run("b.json", 20..21, &["--geoip", &asn]);
    assert_eq!(found["medium"], json!(0), "{found}");
    assert_eq!(found["low"], json!(0), "{found}");
}

#[test]
fn files_as_they_are_published_are_read() {
    let Some(folder) = std::env::var_os("TRAILSIFT_INTEL_DATA").map(PathBuf::from) else {
        eprintln!("SKIPPED: no published files (set TRAILSIFT_INTEL_DATA)");
        return;
    };
    let desk = Desk::new();
    let file = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let exits = file("tor-latest.exits.csv");
    let text = std::fs::read_to_string(&exits).unwrap();
    let addresses: Vec<&str> = text.lines().skip(1).filter_map(|l| l.split(", ").nth(1)).collect();
    let v6 = addresses.iter().find(|address| address.contains(':')).unwrap();
    let records = [addresses[0], v6, "8.8.8.8"].map(|address| from(address, "eve", 3));
    let logs = desk.log("log.json", &records);
    let more = [
        "--geoip",
        &file("geo-whois-asn-country-ipv4.mmdb"),
        "--threat-list",
        &file("ipsum-level3.txt"),
        "--threat-list",
        &format!("tor={exits}"),
        "--aws-ranges",
        &file("aws-ip-ranges.json"),
    ];
    let (ran, out) = desk.scan(&logs, "out", &more);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let run = run_json(&out);
    for source in run["intel"].as_array().unwrap() {
        assert!(source["entries"].as_u64().unwrap() > 1_000, "{source}");
        assert_eq!(source["unreadable"]["count"], json!(0), "{source}");
    }
    assert_eq!(run["intel"][2]["entries"], json!(addresses.len()));
    assert!(reasons(&run).is_empty(), "{run}");
    let found = findings(&out);
    let tor = found.iter().find(|found| found.detector == "tor_access").unwrap();
    assert_eq!(tor.event_count, 2, "{found:#?}");
    assert_eq!(list(&out, "tor_access", "countries").len(), 1);
}
