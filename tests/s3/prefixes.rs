//! What is listed of a bucket is what is asked for: the same objects that a folder with these keys
//! gives, and no listing of what nobody wants.

use std::collections::BTreeSet;

use crate::common::logs::document;
use crate::inputs::BUCKET;
use crate::server::{Server, said, text, trailsift};

/// The places where organisations have CloudTrail put its folders.
const ROOTS: [&str; 4] =
    ["AWSLogs/", "audit/AWSLogs/", "AWSLogs/o-abcdefghij/", "o-abcdefghij/AWSLogs/o-abcdefghij/"];

/// Keys of two accounts, two regions and some days, of every layout; and what lies beside them.
fn keys() -> Vec<String> {
    let mut keys: Vec<String> = [
        "AWSLogs/000000000001/CloudTrail-Digest/eu-west-1/2026/03/04/digest.json.gz",
        "AWSLogs/000000000001/Config/eu-west-1/2026/3/4/config.json.gz",
        "AWSLogs/000000000001/CloudTrail/eu-west-1/2026/03/late.json.gz",
        "AWSLogs/000000000001/CloudTrail/eu-west-1/copies/2026.json.gz",
        "AWSLogs/000000000001/ELBAccessLogTestFile",
        "AWSLogs/CWL/test.json.gz",
        "exports/other.json.gz",
        "top.json.gz",
    ]
    .map(str::to_owned)
    .into();
    for (number, root) in ROOTS.iter().enumerate() {
        for account in [1, 2] {
            for region in ["eu-west-1", "us-east-1"] {
                for day in ["2025/12/31", "2026/01/01", "2026/03/04", "2026/03/31"] {
                    let unique = format!("abcdefgh1234567{number}");
                    let stamp = day.replace('/', "");
                    keys.push(format!(
                        "{root}{account:012}/CloudTrail/{region}/{day}/{account:012}_CloudTrail_\
                         {region}_{stamp}T1015Z_{unique}.json.gz"
                    ));
                }
            }
        }
    }
    keys
}

/// The keys that a dry run names.
fn named(input: &str, more: &[&str], server: Option<&Server>) -> BTreeSet<String> {
    let mut scan = trailsift();
    scan.args(["scan", input, "--dry-run=objects"]).args(more);
    if let Some(server) = server {
        scan.args(["--endpoint-url", &server.endpoint]);
    }
    let ran = scan.output().unwrap();
    assert!(ran.status.success(), "{more:?}: {}", said(&ran));
    let lines = String::from_utf8(ran.stdout).unwrap();
    let key = |line: &str| {
        let name = line.split('\t').next().unwrap();
        name.strip_prefix(input).unwrap().trim_start_matches('/').to_owned()
    };
    lines.lines().map(key).collect()
}

/// Whether a key, which by itself tells too little, lies in a folder that is left out.
fn is_left_out_unlisted(key: &str, more: &[&str]) -> bool {
    let has_march = !more.iter().any(|more| ["2026-01-15", "2030-01-01"].contains(more));
    key.contains("/CloudTrail-Digest/")
        || key.contains("/Config/")
        || (key.starts_with("AWSLogs/000000000001/") && more.contains(&"000000000002"))
        || (key.ends_with("2026/03/late.json.gz") && !has_march)
}

#[test]
fn the_bucket_gives_what_the_folder_gives_and_lists_no_more() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    for key in keys() {
        let path = folder.path().join(&key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, document()).unwrap();
    }
    server.put_folder(folder.path(), BUCKET, "");
    let bucket = format!("s3://{BUCKET}");
    let cases: [&[&str]; 9] = [
        &[],
        &["--account", "000000000002"],
        &["--region", "us-east-1"],
        &["--since", "2026-03-05"],
        &["--since", "2026-01-02", "--until", "2026-01-15"],
        &["--delivered-since", "2026-03-04T12:00:00Z"],
        &["--order", "newest"],
        &["--account", "000000000001", "--region", "eu-west-1", "--since", "2026-03-10"],
        &["--since", "2030-01-01"],
    ];
    for more in cases {
        server.forget_asked();
        let mut expected = named(text(folder.path()), more, None);
        expected.retain(|key| !is_left_out_unlisted(key, more));
        assert_eq!(named(&bucket, more, Some(&server)), expected, "{more:?}");
        for asked in server.asked().iter().filter(|asked| asked.lists()) {
            assert!(asked.status == Some(200) && !is_unwanted(&asked.query, more), "{asked:?}");
        }
    }
}

/// Whether a listing is of a folder that the arguments leave out.
fn is_unwanted(query: &str, more: &[&str]) -> bool {
    let asks = |word: &str| query.contains(word);
    let (account, region) = (more.contains(&"--account"), more.contains(&"--region"));
    asks("CloudTrail-Digest")
        || asks("Config")
        || (account && more.contains(&"000000000002") && asks("000000000001"))
        || (region && more.contains(&"us-east-1") && asks("eu-west-1"))
        || (more.contains(&"2026-03-05") && (asks("2025") || asks("2026%2F01")))
        || (more.contains(&"2030-01-01") && asks("%2F2026%2F"))
}

#[test]
fn a_key_is_no_folder_and_a_folder_no_prefix() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    for key in ["logs/1.json", "logs-2/2.json", "log.json"] {
        let path = folder.path().join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, document()).unwrap();
    }
    server.put_folder(folder.path(), BUCKET, "");
    let named = |input: &str| named(input, &[], Some(&server));
    assert_eq!(named("s3://trail-bucket/logs"), BTreeSet::from(["1.json".to_owned()]));
    assert_eq!(named("s3://trail-bucket/logs/"), BTreeSet::from(["1.json".to_owned()]));
    assert_eq!(named("s3://trail-bucket/log.json"), BTreeSet::from([String::new()]));
    for nothing in ["s3://trail-bucket/log", "s3://trail-bucket/log/"] {
        let out = folder.path().join("out");
        let ran = server.scan(&[nothing], text(&out)).output().unwrap();
        assert_eq!(ran.status.code(), Some(2), "{}", said(&ran));
    }
}
