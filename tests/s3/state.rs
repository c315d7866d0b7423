//! States in a bucket: a run counts as a whole or not at all, whatever happens to it and whoever
//! runs beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
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
        days.deliver(2..=5, "first");
        days
    }

    /// Puts the objects of days of June into the bucket.
    fn deliver(&self, wanted: RangeInclusive<u8>, prefix: &str) {
        for file in files(self.made.path()) {
            let key = file.strip_prefix(self.made.path()).unwrap();
            let day = key.parent().unwrap().file_name().unwrap().to_str().unwrap();
            let to = self.server.bucket(BUCKET).join(prefix).join(key);
            if wanted.contains(&day.parse().unwrap()) {
                std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                std::fs::copy(file, to).unwrap();
            }
        }
    }

    /// The scheduled run over prefixes, with its state and outputs in `bucket`.
    fn run(&self, inputs: &[&str], bucket: &str) -> Command {
        let mut scan = trailsift();
        scan.arg("scan").args(inputs.iter().map(|prefix| format!("s3://{BUCKET}/{prefix}")));
        scan.args(["--endpoint-url", &self.server.endpoint, "--threads", "2"]);
        scan.args(["--state", &format!("s3://{bucket}/state")]);
        scan.args(["--out", &format!("s3://{bucket}/out")]);
        scan
    }

    fn succeeds(&self, inputs: &[&str], bucket: &str) {
        self.server.bucket(bucket);
        let ran = self.run(inputs, bucket).output().unwrap();
        assert!(ran.status.success(), "{}", said(&ran));
        let run = run_json(&self.server.bucket(bucket).join("out"));
        assert_eq!(run["balances"], true, "{run}");
    }

    /// A run that is left alone.
    fn undisturbed(&self, inputs: &[&str], bucket: &str) -> Undisturbed {
        self.server.forget_asked();
        self.succeeds(inputs, bucket);
        let asked = self.server.asked();
        let first_write = asked.iter().position(|asked| asked.method == "PUT").unwrap();
        let left = contents(&self.server.bucket(bucket));
        Undisturbed { requests: asked.len(), first_write, left }
    }

    /// Begins a run, and kills it while one of its requests is under way.
    fn kill(&self, inputs: &[&str], bucket: &str, moment: Moment, before: usize) {
        let held = self.server.hold(moment, before, |_| true);
        let mut run = self.run(inputs, bucket);
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

/// The number of the newest generation of the state in a bucket.
fn newest_generation(bucket: &Path) -> usize {
    let all = files(&bucket.join("state"));
    let names = all.iter().map(|file| file.file_name().unwrap().to_str().unwrap());
    let numbers = names.filter_map(|name| name.strip_prefix("manifest-")?.strip_suffix(".json"));
    numbers.map(|number| number.parse().unwrap()).max().unwrap()
}

#[test]
fn runs_that_are_killed_and_run_again_end_the_same() {
    let committed: u64 = std::thread::scope(|scope| {
        let lanes = [false, true].map(|writing| scope.spawn(move || kill(writing, KILLS / 2)));
        lanes.into_iter().map(|lane| lane.join().unwrap()).sum()
    });
    assert!((5..KILLS - 5).contains(&committed), "{committed} of {KILLS} after the commit");
}

/// What the scheduled runs after the first read, one after the other.
const STEPS: [&[&str]; 3] =
    [&["first", "second"], &["first", "second", "third"], &["first", "second", "third", "fourth"]];

/// What an undisturbed run was like.
struct Undisturbed {
    requests: usize,
    first_write: usize,
    left: BTreeMap<PathBuf, Vec<u8>>,
}

/// Kills so many runs, each at any request or while it writes, and sees that the run after two of
/// them leaves what undisturbed runs leave. Returns how many of the killed had committed.
fn kill(writing: bool, kills: u64) -> u64 {
    let days = Days::start();
    days.succeeds(&["first"], "before");
    for (days_of_june, prefix) in [(6..=6, "second"), (7..=7, "third"), (8..=30, "fourth")] {
        days.deliver(days_of_june, prefix);
    }
    days.copy("undisturbed", "before");
    let undisturbed = STEPS.map(|inputs| days.undisturbed(inputs, "undisturbed"));

    let mut random = fastrand::Rng::with_seed(50 + u64::from(writing));
    let mut committed = 0;
    for round in 0..kills / 2 {
        let bucket = format!("killed-{round}");
        let place = days.server.bucket(&bucket);
        days.copy(&bucket, "before");
        let (mut step, mut killed) = (0, Vec::new());
        for _ in 0..2 {
            let like = &undisturbed[step];
            let moment = if random.bool() { Moment::Before } else { Moment::After };
            let from = if writing { like.first_write } else { 0 };
            let before = random.usize(from..like.requests);
            days.kill(STEPS[step], &bucket, moment, before);
            killed.push((step, moment, before));
            // What is committed is not read again: the next run has to read what is new by then,
            // and to bring what the killed one could not.
            step = newest_generation(&place) - 1;
        }
        committed += u64::try_from(step).unwrap();
        days.succeeds(STEPS[step], &bucket);
        let differing = differing(&place, &undisturbed[step].left);
        assert_eq!(differing, Vec::<PathBuf>::new(), "killed in {killed:?}");
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
    // Which of the two writes its files last, and which commits first, is chance.
    for round in 0..6 {
        race(&days.server, &format!("results-{round}"));
    }
}

fn race(server: &Server, bucket: &str) {
    server.bucket(bucket);
    server.forget_asked();
    let name = bucket.to_owned();
    server.barrier(2, move |asked| {
        asked.method == "PUT" && asked.bucket == name && asked.key.contains("state/manifest-")
    });
    let runs = ["one", "other"].map(|out| {
        let mut scan = trailsift();
        scan.args(["scan", "s3://trail-bucket/first", "--endpoint-url", &server.endpoint]);
        let [state, out] = ["state", out].map(|name| format!("s3://{bucket}/{name}"));
        scan.args(["--state", &state, "--out", &out]);
        scan.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    let ran = runs.map(|run| run.wait_with_output().unwrap());
    let results = server.bucket(bucket);
    let mut statuses = ran.iter().map(|ran| ran.status.code()).collect::<Vec<_>>();
    statuses.sort_unstable();
    assert_eq!(statuses, [Some(0), Some(1)], "{}\n{}", said(&ran[0]), said(&ran[1]));
    for (ran, out) in ran.iter().zip(["one", "other"]) {
        let published = contents(&results.join(out)).len();
        assert_eq!(published > 0, ran.status.success(), "{published} files of {}", said(ran));
    }
    assert_eq!(newest_generation(&results), 1);
    // What the loser has written beside it took nothing of the winner's away: copies of the same
    // events under other names are known.
    for (number, file) in files(&server.bucket(BUCKET).join("first")).iter().enumerate() {
        let copies = server.bucket(BUCKET).join("copies");
        std::fs::create_dir_all(&copies).unwrap();
        std::fs::copy(file, copies.join(format!("{number}.json.gz"))).unwrap();
    }
    let out = server.bucket("later").join(bucket);
    let mut scan = server.scan(&["s3://trail-bucket/copies"], text(&out));
    let ran = scan.args(["--state", &format!("s3://{bucket}/state")]).output().unwrap();
    assert!(ran.status.success(), "{}", said(&ran));
    let records = &run_json(&out)["records"];
    assert!(records["analysed"] == 0 && records["duplicates"] == records["seen"], "{records}");
    let asked = server.asked();
    let tries = asked.iter().filter(|asked| asked.key.contains("state/manifest-0"));
    let tries: BTreeSet<_> = tries.filter(|it| it.method == "PUT").map(|it| it.status).collect();
    assert_eq!(tries, [Some(200), Some(412)].into());
}

#[test]
fn a_commit_whose_answer_is_lost_counts() {
    let days = Days::start();
    let (first, all) = (["first"], ["first", "second"]);
    days.succeeds(&first, "before");
    days.deliver(6..=30, "second");
    days.copy("undisturbed", "before");
    days.succeeds(&all, "undisturbed");
    let expected = contents(&days.server.bucket("undisturbed"));
    let faults =
        [Fault::LostAnswer, Fault::ConditionalRequestConflict, Fault::Reset, Fault::SlowDown];
    for fault in faults {
        let bucket = format!("{fault:?}").to_lowercase();
        days.copy(&bucket, "before");
        let rules = vec![Rule::once(&format!("PUT {bucket}/state/manifest-"), fault)];
        days.server.set_faults(Faults { rules, ..Faults::default() });
        days.server.forget_asked();
        days.succeeds(&all, &bucket);
        assert!(days.server.asked().iter().any(|asked| asked.fault == Some(fault)));
        let differing = differing(&days.server.bucket(&bucket), &expected);
        assert_eq!(differing, Vec::<PathBuf>::new(), "{fault:?}");
    }
}

#[test]
fn a_state_in_a_bucket_says_what_one_in_a_folder_says() {
    let days = Days::start();
    let folder = tempfile::tempdir().unwrap();
    let logs = days.server.bucket(BUCKET);
    let local = |inputs: &[&str]| {
        let [state, out] = ["state", "out"].map(|name| folder.path().join(name));
        let mut scan = trailsift();
        scan.arg("scan").args(inputs.iter().map(|prefix| logs.join(prefix)));
        let ran = scan.args(["--state", text(&state), "--out", text(&out)]).output().unwrap();
        assert!(ran.status.success(), "{}", said(&ran));
    };
    days.succeeds(&["first"], "results");
    local(&["first"]);
    days.deliver(6..=30, "second");
    days.succeeds(&["first", "second"], "results");
    local(&["first", "second"]);
    let current =
        |place: &Path, logs: &str| rows(&place.join("out/findings_current.parquet"), &[], logs);
    let remote = current(&days.server.bucket("results"), "s3://trail-bucket/");
    assert!(remote == current(folder.path(), &format!("{}/", text(&logs))));
    assert!(!remote.is_empty());
}

#[test]
fn runs_ask_for_no_more_than_the_documented_permissions() {
    let days = Days::start();
    days.succeeds(&["first"], "results");
    days.deliver(6..=7, "second");
    days.succeeds(&["first", "second"], "results");
    days.deliver(8..=30, "third");
    days.succeeds(&["first", "second", "third"], "results");
    let asked = days.server.asked();
    let table = std::fs::read_to_string("docs/iam.md").unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" |"));
    let documented: Vec<_> = rows.flat_map(|(requests, _)| requests.split(['`', ','])).collect();
    for asked in &asked {
        assert!(documented.contains(&asked.operation()), "{asked:?}");
        let writes = ["PUT", "DELETE", "POST"].contains(&asked.method.as_str());
        assert!(!writes || asked.bucket == "results", "{asked:?}");
    }
    // The third run removes what only the first has left.
    assert!(asked.iter().any(|asked| asked.operation() == "DeleteObject"));
}
