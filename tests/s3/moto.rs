//! Runs against a server that others have written, moto, with the AWS CLI as another lister.
//!
//! Both are Python packages: the Python that `TRAILSIFT_MOTO_PYTHON` names must have `moto.server` and
//! `awscli`. Without one the tests are skipped, aloud; with `TRAILSIFT_CI` set they fail.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::common::logs::event;
use crate::common::{files, run_json};
use crate::server::{USER, client_of, said, same_outputs, text, trailsift, without_settings};
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

const BUCKET: &str = "trail-bucket";

/// A server that is running.
struct Moto {
    process: Child,
    endpoint: String,
    python: String,
}

impl Moto {
    /// None without a Python that has it.
    fn start() -> Option<Self> {
        let python =
            std::env::var("TRAILSIFT_MOTO_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut has = Command::new(&python);
        let has = has.args(["-c", "import moto.server, awscli"]).stderr(Stdio::null()).status();
        if !has.is_ok_and(|status| status.success()) {
            assert!(std::env::var_os("TRAILSIFT_CI").is_none(), "no Python with moto and awscli");
            eprintln!("SKIPPED: no Python with moto and awscli (set TRAILSIFT_MOTO_PYTHON)");
            return None;
        }
        let mut server = Command::new(&python);
        without_settings(&mut server);
        let server = server.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]);
        let mut process = server.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines =
            BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let endpoint = lines.find_map(|line| {
            Some(line.trim().strip_prefix("* Running on ")?.trim_end_matches('/').to_owned())
        });
        // Each request is a line, for which someone must make room.
        std::thread::spawn(move || lines.for_each(drop));
        Some(Self { process, endpoint: endpoint.expect("moto's address"), python })
    }

    fn client(&self) -> Client {
        client_of(&self.endpoint, USER.0, USER.1, None)
    }

    /// Puts the files below `folder` into a new bucket, with markers for folders as the console
    /// makes them.
    fn fill(&self, folder: &Path) {
        let client = self.client();
        Runtime::new().unwrap().block_on(async {
            let here = CreateBucketConfiguration::builder()
                .location_constraint(BucketLocationConstraint::EuCentral1);
            let create = client.create_bucket().bucket(BUCKET);
            create.create_bucket_configuration(here.build()).send().await.unwrap();
            let put =
                |key: &str, body| client.put_object().bucket(BUCKET).key(key).body(body).send();
            for marker in ["AWSLogs/", "AWSLogs/111122223333/"] {
                put(marker, ByteStream::default()).await.unwrap();
            }
            for file in files(folder) {
                let key = text(file.strip_prefix(folder).unwrap());
                put(key, ByteStream::from_path(&file).await.unwrap()).await.unwrap();
            }
        });
    }

    /// What the AWS CLI answers.
    fn aws_cli(&self, arguments: &[&str]) -> Value {
        let mut aws = Command::new(&self.python);
        without_settings(&mut aws);
        aws.env("AWS_ACCESS_KEY_ID", USER.0).env("AWS_SECRET_ACCESS_KEY", USER.1);
        aws.env("AWS_DEFAULT_REGION", "eu-central-1");
        aws.args(["-m", "awscli", "--endpoint-url", &self.endpoint, "--output", "json"]);
        let answer = aws.args(arguments).output().unwrap();
        assert!(answer.status.success(), "{}", said(&answer));
        serde_json::from_slice(&answer.stdout).unwrap()
    }

    /// A scan of the bucket, to be given further arguments.
    fn scan(&self) -> Command {
        let mut scan = trailsift();
        scan.args(["scan", "s3://trail-bucket", "--endpoint-url", &self.endpoint]);
        scan
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The sample logs, some with names that are hard to get right.
fn logs(folder: &Path) -> PathBuf {
    let logs = folder.join("logs");
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-logs/generated");
    for (number, file) in files(&samples).into_iter().enumerate() {
        let odd = ["a b", "a+b", "%41", "ü☃", "a&<b>", "=~!'()"].get(number);
        let name = match odd {
            Some(odd) => PathBuf::from("odd").join(odd).with_extension("json.gz"),
            None => file.strip_prefix(&samples).unwrap().to_path_buf(),
        };
        let to = logs.join(name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(file, to).unwrap();
    }
    logs
}

#[test]
fn moto_gives_what_the_folder_gives() {
    let Some(moto) = Moto::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let logs = logs(folder.path());
    moto.fill(&logs);
    let [local, remote] = ["local", "remote"].map(|name| folder.path().join(name));
    let ran = trailsift().args(["scan", text(&logs), "--out", text(&local)]).output().unwrap();
    assert!(ran.status.success(), "{}", said(&ran));
    let ran = moto.scan().args(["--out", text(&remote)]).output().unwrap();
    assert!(ran.status.success(), "{}", said(&ran));
    same_outputs([&local, &remote], [&format!("{}/", text(&logs)), "s3://trail-bucket/"]);
    let objects = |out: &Path| run_json(out)["objects"].clone();
    assert_eq!(objects(&local), objects(&remote));
}

#[test]
fn a_dry_run_names_what_the_aws_cli_lists() {
    let Some(moto) = Moto::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    moto.fill(&logs(folder.path()));
    let listed = moto.aws_cli(&["s3api", "list-objects-v2", "--bucket", BUCKET]);
    let listed = listed["Contents"].as_array().unwrap().iter();
    let objects = listed.map(|object| (object["Key"].as_str().unwrap(), object["Size"].as_u64()));
    let objects: BTreeMap<String, u64> = objects
        // Markers of folders.
        .filter(|(key, _)| !key.ends_with('/'))
        .map(|(key, size)| (format!("s3://{BUCKET}/{key}"), size.unwrap()))
        .collect();
    assert!(objects.len() > 100, "{}", objects.len());

    let ran = moto.scan().arg("--dry-run=objects").output().unwrap();
    assert!(ran.status.success(), "{}", said(&ran));
    let named = String::from_utf8(ran.stdout).unwrap();
    let named = named.lines().map(|line| line.split_once('\t').unwrap());
    let named: BTreeMap<String, u64> =
        named.map(|(uri, bytes)| (uri.to_owned(), bytes.parse().unwrap())).collect();
    assert_eq!(named, objects);
}

#[test]
fn a_scan_knows_its_own_reads_by_what_sts_says() {
    let Some(moto) = Moto::start() else { return };
    let identity = moto.aws_cli(&["sts", "get-caller-identity"]);
    let folder = tempfile::tempdir().unwrap();
    let (logs, out) = (folder.path().join("logs"), folder.path().join("out"));
    std::fs::create_dir(&logs).unwrap();
    let mut read = event(0);
    read["userIdentity"]["arn"] = identity["Arn"].clone();
    read["eventName"] = json!("GetObject");
    read["requestParameters"] = json!({"bucketName": BUCKET, "key": "a.json"});
    let mut by_another = event(1);
    by_another["eventName"] = json!("GetObject");
    by_another["requestParameters"] = read["requestParameters"].clone();
    std::fs::write(logs.join("a.json"), json!({"Records": [read, by_another]}).to_string())
        .unwrap();
    moto.fill(&logs);
    let own_reads = |scan: &mut Command| {
        let ran = scan.args(["--out", text(&out)]).output().unwrap();
        assert!(ran.status.success(), "{}", said(&ran));
        run_json(&out)["records"]["own_reads"].clone()
    };
    assert_eq!(own_reads(moto.scan().env("AWS_ENDPOINT_URL_STS", &moto.endpoint)), json!(1));
    // Without an STS of that server nobody is asked: AWS does not know who its callers are.
    assert_eq!(own_reads(&mut moto.scan()), json!(0));
}
