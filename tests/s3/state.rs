//! States in a bucket: a run counts as a whole or not at all, whatever happens to it and whoever
//! runs beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::{files, run_json};
use crate::generate;
use crate::inputs::BUCKET;
use crate::server::{Fault, Faults, Moment, Rule, Server, rows, said, text, trailsift};

const KILLS: u64 = 50;

/// A server with logs in its bucket: those of some days, and later those of more.
struct Days {
    server: Server,
    made: tempfile::TempDir,
}

impl Days {
    fn start() -> Self {
        let made = tempfile::tempdir().unwrap();
        let config = generate::Config {
            out: made.path().to_path_buf(),
            events: 1_000,
            days: 8,
            accounts: 1,
            ..Default::default()
        };
        generate::generate(&config).unwrap();
        let server = Server::start();
        server.bucket(BUCKET);
        let days = Self { server, made };
        days.deliver(|day| day <= 6);
        days
    }

    /// Puts the objects of days of June into the bucket.
    fn deliver(&self, wanted: impl Fn(u8) -> bool) {
        for file in files(self.made.path()) {
            let key = file.strip_prefix(self.made.path()).unwrap();
            let day = key.parent().unwrap().file_name().unwrap().to_str().unwrap();
            let to = self.server.bucket(BUCKET).join(key);
            if wanted(day.parse().unwrap()) {
                std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                std::fs::copy(file, to).unwrap();
            }
        }
    }

    /// The scheduled run, with its state and outputs in `bucket`.
    fn run(&self, bucket: &str) -> Command {
        let mut scan = trailsift();
        scan.args(["scan", "s3://trail-bucket/AWSLogs", "--endpoint-url", &self.server.endpoint]);
        scan.args(["--state", &format!("s3://{bucket}/state")]);
        scan.args(["--out", &format!("s3://{bucket}/out"), "--threads", "2"]);
        scan
    }

    fn succeeds(&self, bucket: &str) -> serde_json::Value {
        self.server.bucket(bucket);
        let ran = self.run(bucket).output().unwrap();
        assert!(ran.status.success(), "{}", said(&ran));
        run_json(&self.server.bucket(bucket).join("out"))
    }

    /// Begins a run, and kills it while one of its requests is under way.
    fn kill(&self, bucket: &str, moment: Moment, before: usize) {
        let held = self.server.hold(moment, before, |_| true);
        let mut run = self.run(bucket);
        let mut run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        held.wait();
        run.kill().unwrap();
        run.wait().unwrap();
    }

    /// Makes another bucket like this one.
    fn copy(&self, bucket: &str, like: &str) {
        self.server.put_folder(&self.server.bucket(like), bucket, "");
    }
}

/// All files of a bucket with their content, without what a run tells of its own time.
fn contents(bucket: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    if !bucket.exists() {
        return BTreeMap::new();
    }
    let files = files(bucket).into_iter().filter(|file| !file.ends_with("run.json"));
    let name = |file: &Path| file.strip_prefix(bucket).unwrap().to_path_buf();
    files.map(|file| (name(&file), std::fs::read(file).unwrap())).collect()
}

/// What a bucket says of all runs together: rows of the state's newest generation, and of findings.
fn rows_of(bucket: &Path) -> BTreeMap<String, Vec<String>> {
    let all = files(bucket);
    let manifest = all.iter().rfind(|file| name(file).starts_with("manifest-")).unwrap();
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(manifest).unwrap()).unwrap();
    let named = manifest["files"].as_object().unwrap().iter();
    let mut said: BTreeMap<String, Vec<String>> = named
        // What the newest run has changed; the outputs tell of all runs.
        .filter(|(kind, _)| *kind != "findings")
        .map(|(kind, file)| {
            let file = bucket.join("state").join(file.as_str().unwrap());
            (kind.clone(), rows(&file, &[], ""))
        })
        .collect();
    let found = all.iter().filter(|file| file.starts_with(bucket.join("out/findings")));
    let found: BTreeSet<String> = found.flat_map(|file| rows(file, &[], "")).collect();
    said.insert("out/findings".to_owned(), found.into_iter().collect());
    let current = bucket.join("out/findings_current.parquet");
    said.insert("out/findings_current".to_owned(), rows(&current, &[], ""));
    said
}

fn name(file: &Path) -> &str {
    file.file_name().unwrap().to_str().unwrap()
}

fn generations(bucket: &Path) -> usize {
    files(bucket).iter().filter(|file| name(file).starts_with("manifest-")).count()
}

#[test]
fn runs_that_are_killed_and_run_again_end_the_same() {
    let committed: u64 = std::thread::scope(|scope| {
        let lanes = [1, 2].map(|seed| scope.spawn(move || kill(seed, KILLS / 2)));
        lanes.into_iter().map(|lane| lane.join().unwrap()).sum()
    });
    assert!((1..KILLS).contains(&committed), "{committed} of {KILLS} after the commit");
}

/// Kills so many runs; returns how many of them had committed.
fn kill(seed: u64, kills: u64) -> u64 {
    let days = Days::start();
    let server = &days.server;
    days.succeeds("first");
    days.deliver(|_| true);
    days.copy("undisturbed", "first");
    server.forget_asked();
    let run = days.succeeds("undisturbed");
    let requests = server.asked().len();
    let undisturbed = server.bucket("undisturbed");
    let expected = (contents(&undisturbed), rows_of(&undisturbed));
    assert!(!expected.1["out/findings"].is_empty());

    let mut random = fastrand::Rng::with_seed(seed);
    let mut committed = 0;
    for kill in 0..kills {
        let bucket = format!("killed-{kill}");
        days.copy(&bucket, "first");
        let moment = if random.bool() { Moment::Before } else { Moment::After };
        let before = random.usize(..requests);
        days.kill(&bucket, moment, before);

        let again = days.succeeds(&bucket);
        let place = server.bucket(&bucket);
        let which = format!("killed {moment:?} request {before} of {requests}");
        if again["objects"] == run["objects"] {
            assert!(
                contents(&place) == expected.0,
                "{which}: {:?}",
                differing(&place, &expected.0)
            );
        } else {
            // What had committed needs only to be published.
            committed += 1;
            assert_eq!(again["records"]["seen"], 0, "{which}");
            assert_eq!(rows_of(&place), expected.1, "{which}");
        }
        std::fs::remove_dir_all(place).unwrap();
    }
    committed
}

fn differing(bucket: &Path, expected: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<PathBuf> {
    let there = contents(bucket);
    let names: BTreeSet<_> = there.keys().chain(expected.keys()).collect();
    names.into_iter().filter(|name| there.get(*name) != expected.get(*name)).cloned().collect()
}

#[test]
fn of_two_runs_that_commit_together_one_publishes() {
    let days = Days::start();
    let server = &days.server;
    server.bucket("results");
    server.barrier(2, |asked| asked.method == "PUT" && asked.key.contains("state/manifest-"));
    let runs = ["one", "other"].map(|out| {
        let mut scan = trailsift();
        scan.args(["scan", "s3://trail-bucket/AWSLogs", "--endpoint-url", &server.endpoint]);
        scan.args(["--state", "s3://results/state", "--out", &format!("s3://results/{out}")]);
        scan.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    let ran = runs.map(|run| run.wait_with_output().unwrap());
    let results = server.bucket("results");
    let mut statuses = ran.iter().map(|ran| ran.status.code()).collect::<Vec<_>>();
    statuses.sort_unstable();
    assert_eq!(statuses, [Some(0), Some(1)], "{}\n{}", said(&ran[0]), said(&ran[1]));
    for (ran, out) in ran.iter().zip(["one", "other"]) {
        let published = contents(&results.join(out)).len();
        assert_eq!(published > 0, ran.status.success(), "{published} files of {}", said(ran));
    }
    assert_eq!(generations(&results), 1);
    let asked = server.asked();
    let tries = asked.iter().filter(|asked| asked.key.contains("state/manifest-0"));
    let tries: BTreeSet<_> = tries.filter(|it| it.method == "PUT").map(|it| it.status).collect();
    assert_eq!(tries, [Some(200), Some(412)].into());
}

#[test]
fn a_commit_whose_answer_is_lost_counts() {
    let days = Days::start();
    days.succeeds("first");
    days.deliver(|_| true);
    days.copy("undisturbed", "first");
    days.succeeds("undisturbed");
    let expected = contents(&days.server.bucket("undisturbed"));
    let faults =
        [Fault::LostAnswer, Fault::ConditionalRequestConflict, Fault::Reset, Fault::SlowDown];
    for fault in faults {
        let bucket = format!("{fault:?}").to_lowercase();
        days.copy(&bucket, "first");
        let rules = vec![Rule::once(&format!("PUT {bucket}/state/manifest-"), fault)];
        days.server.set_faults(Faults { rules, ..Faults::default() });
        days.server.forget_asked();
        days.succeeds(&bucket);
        assert!(days.server.asked().iter().any(|asked| asked.fault == Some(fault)));
        let place = days.server.bucket(&bucket);
        assert!(contents(&place) == expected, "{fault:?}: {:?}", differing(&place, &expected));
    }
}

#[test]
fn a_state_in_a_bucket_says_what_one_in_a_folder_says() {
    let days = Days::start();
    let folder = tempfile::tempdir().unwrap();
    let logs = days.server.bucket(BUCKET);
    let local = || {
        let [state, out] = ["state", "out"].map(|name| folder.path().join(name));
        let mut scan = trailsift();
        scan.args(["scan", text(&logs.join("AWSLogs")), "--state", text(&state)]);
        let ran = scan.args(["--out", text(&out)]).output().unwrap();
        assert!(ran.status.success(), "{}", said(&ran));
    };
    days.succeeds("results");
    local();
    days.deliver(|_| true);
    days.succeeds("results");
    local();
    let current =
        |place: &Path, logs: &str| rows(&place.join("out/findings_current.parquet"), &[], logs);
    let remote = current(&days.server.bucket("results"), "s3://trail-bucket/");
    assert_eq!(remote, current(folder.path(), &format!("{}/", text(&logs))));
    assert!(!remote.is_empty());
}
