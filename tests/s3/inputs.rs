//! A bucket as input gives what a folder with the same files gives.

use std::path::{Path, PathBuf};
use std::process::Output;

use aws_sdk_s3::primitives::ByteStream;
use serde_json::json;

use crate::common::{files, logs::gz, run_json};
use crate::generate;
use crate::server::{
    Asked, ROLE, Server, said, same_outputs, text, trailsift, trailsift_without_keys,
};

pub const BUCKET: &str = "trail-bucket";

/// Names that are hard to get right on the way: escapes, spaces, what is no ASCII, what XML and URLs
/// use.
const ODD: [&str; 7] = ["a b", "a+b", "%41", "ü☃", "a&<b>'\"", "=~!()*;", "a?b#c"];

/// Log objects of a month, more than a page of a listing has, in a folder as CloudTrail makes them;
/// some in another, with odd names.
pub fn logs(folder: &Path) -> PathBuf {
    let made = folder.join("made");
    let config = generate::Config {
        out: made.clone(),
        events: 25_000,
        days: 20,
        accounts: 1,
        shape: generate::Shape::Small,
        ..Default::default()
    };
    generate::generate(&config).unwrap();
    let logs = folder.join("logs");
    std::fs::rename(&made, &logs).unwrap();
    std::fs::create_dir(logs.join("odd")).unwrap();
    for (odd, file) in ODD.iter().zip(files(&logs)) {
        std::fs::rename(file, logs.join("odd").join(format!("{odd}.json.gz"))).unwrap();
    }
    logs
}

/// Scans a folder.
pub fn scan_folder(logs: &Path, out: &Path, more: &[&str]) -> Output {
    let mut scan = trailsift();
    scan.args(["scan", text(logs), "--out", text(out)]).args(more);
    scan.output().unwrap()
}

#[test]
fn a_bucket_gives_what_the_folder_gives() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let logs = logs(folder.path());
    server.put_folder(&logs, BUCKET, "some prefix+ü");
    let [local, remote] = ["local", "remote"].map(|name| folder.path().join(name));
    let ran = scan_folder(&logs, &local, &["--hash"]);
    assert!(ran.status.success(), "{}", said(&ran));
    let input = format!("s3://{BUCKET}/some prefix+ü");
    let ran = server.scan(&[&input], text(&remote)).arg("--hash").output().unwrap();
    assert!(ran.status.success(), "{}", said(&ran));

    same_outputs([&local, &remote], [&format!("{}/", text(&logs)), &format!("{input}/")]);
    let run = run_json(&remote);
    for part in ["objects", "records"] {
        assert_eq!(run[part], run_json(&local)[part]);
    }
    let objects = files(&logs).len();
    assert!(objects > 1_000, "{objects}");
    assert_eq!(run["objects"]["read"], json!(objects));
    assert!(run["findings"]["high"].as_u64().unwrap() > 0, "{run}");

    let asked = server.asked();
    assert!(asked.iter().all(|asked| asked.status == Some(200)), "{:?}", refused(&asked));
    let gets = asked.iter().filter(|asked| asked.gets_object()).count();
    assert_eq!(gets, objects, "each object is asked for once");
    assert!(asked.iter().any(|asked| asked.query.contains("continuation-token")));
    assert!(asked.iter().all(|asked| asked.access_key.is_some()), "all are signed");
}

fn refused(asked: &[Asked]) -> Vec<&Asked> {
    asked.iter().filter(|asked| asked.status != Some(200)).collect()
}

#[test]
fn objects_are_read_as_they_are_stored() {
    let server = Server::start();
    server.bucket(BUCKET);
    let document = crate::common::logs::document();
    // As uploaders mark what they have compressed, and what they have not.
    let objects = [("a.json", gz(&document), "gzip"), ("b.json", document, "gzip")];
    server.block_on(async {
        for (key, bytes, encoding) in objects {
            let put =
                server.client().put_object().bucket(BUCKET).key(key).content_encoding(encoding);
            put.body(ByteStream::from(bytes)).send().await.unwrap();
        }
    });
    let out = tempfile::tempdir().unwrap();
    let ran = server.scan(&["s3://trail-bucket"], text(out.path())).output().unwrap();
    assert!(ran.status.success(), "{}", said(&ran));
    let run = run_json(out.path());
    let records = crate::common::logs::EVENTS;
    assert_eq!(
        (&run["objects"]["read"], &run["records"]["seen"]),
        (&json!(2), &json!(2 * records))
    );
    assert_eq!(run["records"]["duplicates"], json!(records));
}

/// A bucket with one good object.
fn small() -> Server {
    let server = Server::start();
    let folder = server.bucket(BUCKET);
    std::fs::write(folder.join("a.json"), crate::common::logs::document()).unwrap();
    server
}

#[test]
fn who_may_not_is_told_so() {
    let server = small();
    let out = tempfile::tempdir().unwrap();
    let fails = |mut scan: std::process::Command, code: &str| {
        let ran = scan.output().unwrap();
        let said = said(&ran);
        assert_eq!(ran.status.code(), Some(1), "{said}");
        assert!(said.contains(code), "{said}");
        assert!(!out.path().join("run.json").exists());
    };
    let scan = |input: &str| server.scan(&[input], text(out.path()));
    let mut wrong = scan("s3://trail-bucket");
    wrong.env("AWS_SECRET_ACCESS_KEY", "another secret");
    fails(wrong, "SignatureDoesNotMatch");
    fails(scan("s3://no-such-bucket"), "NoSuchBucket");
    let mut unsigned = scan("s3://trail-bucket");
    unsigned.arg("--no-sign-request");
    fails(unsigned, "AccessDenied");
    server.make_requester_pays(BUCKET);
    fails(scan("s3://trail-bucket"), "AccessDenied");
    // None of this is worth another try.
    assert_eq!(server.asked().len(), 4);
}

#[test]
fn the_ways_to_be_let_in() {
    let server = small();
    let out = tempfile::tempdir().unwrap();
    let reads = |mut scan: std::process::Command, more: &[&str]| {
        server.forget_asked();
        let base = ["scan", "s3://trail-bucket/", "--endpoint-url", &server.endpoint];
        let ran = scan.args(base).args(["--out", text(out.path())]).args(more).output().unwrap();
        assert!(ran.status.success(), "{}", said(&ran));
        assert_eq!(run_json(out.path())["objects"]["read"], json!(1));
        server.asked()
    };
    let with = |asked: &[Asked], key: &str| {
        assert!(asked.iter().all(|asked| asked.access_key.as_deref() == Some(key)), "{asked:?}");
    };

    let mut container = trailsift_without_keys();
    container.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.credentials_url());
    with(&reads(container, &[]), "ASIA0000000000000000");

    let mut assuming = trailsift();
    assuming.env("AWS_ENDPOINT_URL_STS", &server.endpoint);
    with(&reads(assuming, &["--assume-role", ROLE]), "ASIA0000000000000001");

    let config = out.path().join("config");
    let (key, secret) = crate::server::USER;
    let profile =
        format!("[profile ir]\naws_access_key_id={key}\naws_secret_access_key={secret}\n");
    std::fs::write(&config, profile).unwrap();
    let mut profile = trailsift_without_keys();
    profile.env("AWS_CONFIG_FILE", &config);
    with(&reads(profile, &["--profile", "ir"]), key);

    server.make_public(BUCKET);
    let asked = reads(trailsift_without_keys(), &["--no-sign-request"]);
    assert!(asked.iter().all(|asked| asked.access_key.is_none()));

    server.make_requester_pays(BUCKET);
    let asked = reads(trailsift(), &["--request-payer"]);
    assert!(asked.iter().all(|asked| asked.pays));
}

#[test]
fn what_may_not_be_read_is_counted() {
    let server = small();
    let folder = server.bucket(BUCKET);
    for name in ["denied.json", "cold.json", "quiet.json"] {
        std::fs::write(folder.join(name), crate::common::logs::document()).unwrap();
    }
    server.archive("cold.json");
    server.set_faults(crate::server::Faults {
        rules: vec![
            crate::server::Rule::always("denied.json", crate::server::Fault::AccessDenied),
            // Of a class whose archive tiers listings do not tell.
            crate::server::Rule::always("quiet.json", crate::server::Fault::InvalidObjectState),
            crate::server::Rule::always("cold.json", crate::server::Fault::InvalidObjectState),
        ],
        ..Default::default()
    });
    let out = tempfile::tempdir().unwrap();
    let ran = server.scan(&["s3://trail-bucket"], text(out.path())).output().unwrap();
    let said = said(&ran);
    assert_eq!(ran.status.code(), Some(4), "{said}");
    let run = run_json(out.path());
    assert_eq!(
        (&run["objects"]["read"], &run["objects"]["failed"]),
        (&json!(1), &json!(3)),
        "{run}"
    );
    assert_eq!(run["balances"], json!(true));
    assert!(said.contains("restore"), "{said}");
}

#[test]
fn shards_in_a_bucket_merge_to_the_whole() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs");
    server.put_folder(&samples, BUCKET, "logs");
    server.bucket("results");
    let out = |name: &str| folder.path().join(name);
    let ran = server.scan(&["s3://trail-bucket/logs"], text(&out("whole"))).output().unwrap();
    assert!(ran.status.success(), "{}", said(&ran));
    for shard in 1..=8 {
        let mut scan = trailsift();
        scan.args(["scan", "s3://trail-bucket/logs", "--endpoint-url", &server.endpoint]);
        scan.args(["--shard", &format!("{shard}/8")]);
        let ran =
            scan.args(["--partial", &format!("s3://results/parts/{shard}")]).output().unwrap();
        assert!(ran.status.success(), "{}", said(&ran));
    }
    let mut merge = trailsift();
    merge.args(["merge", "s3://results/parts", "--endpoint-url", &server.endpoint]);
    let ran = merge.args(["--out", "s3://results/merged"]).output().unwrap();
    assert!(ran.status.success(), "{}", said(&ran));
    let merged = server.bucket("results").join("merged");
    for name in ["findings", "first_appearances", "coverage"] {
        let file = format!("{name}.parquet");
        let read = |folder: &Path| std::fs::read(folder.join(&file)).unwrap();
        assert!(read(&merged) == read(&out("whole")), "{file}");
    }
    assert_eq!(run_json(&merged)["objects"], run_json(&out("whole"))["objects"]);
}
