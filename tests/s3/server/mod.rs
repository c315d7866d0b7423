//! An S3 server in the test's own process, with faults: s3s and s3s-fs on a port of 127.0.0.1, with
//! signatures checked (SigV4). What goes wrong is said by [`Faults`], what waits by
//! [`Server::hold`] and [`Server::barrier`], and what was asked for is told by [`Server::asked`].

mod body;
mod compare;
mod credentials;
mod faults;
mod gates;
mod http;
mod listing;
mod log;
mod run;
mod storage;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Builder, Credentials as SdkCredentials, Region};
use s3s::service::{S3Service, S3ServiceBuilder};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

pub use compare::{rows, same_outputs, same_rows};
pub use credentials::{ROLE, USER};
pub use faults::{Fault, Faults, Rule};
pub use gates::{Held, Moment};
pub use log::Asked;
pub use run::{said, text, trailsift, trailsift_without_keys, without_settings};

use credentials::{Credentials, Keys};
use gates::Gates;
use log::Log;
use storage::Storage;

/// A running server. Dropped, it ends.
pub struct Server {
    runtime: Option<Runtime>,
    /// `http://127.0.0.1:<port>`.
    pub endpoint: String,
    shared: Arc<Shared>,
    archived: Arc<Mutex<Vec<String>>>,
    root: TempDir,
}

/// What all connections share.
struct Shared {
    s3: S3Service,
    faults: Mutex<Faults>,
    gates: Gates,
    log: Mutex<Log>,
    credentials: Arc<Mutex<Credentials>>,
}

impl Server {
    /// A server without buckets.
    pub fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        let credentials = Arc::<Mutex<Credentials>>::default();
        let archived = Arc::<Mutex<Vec<String>>>::default();
        let mut builder = S3ServiceBuilder::new(Storage::new(root.path(), archived.clone()));
        builder.set_auth(Keys(credentials.clone()));
        builder.set_access(Keys(credentials.clone()));
        let shared = Arc::new(Shared {
            s3: builder.build(),
            faults: Mutex::default(),
            gates: Gates::default(),
            log: Mutex::default(),
            credentials,
        });
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(http::serve(listener, shared.clone()));
        Self { runtime: Some(runtime), endpoint, shared, archived, root }
    }

    /// Runs what is asynchronous.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.as_ref().unwrap().block_on(future)
    }

    /// Begins what is asynchronous.
    pub fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.runtime.as_ref().unwrap().spawn(future)
    }

    /// What goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        *self.shared.faults.lock().unwrap() = faults;
    }

    /// Holds the request that fits after `before` others have been let through.
    pub fn hold(
        &self,
        moment: Moment,
        before: usize,
        fits: impl Fn(&Asked) -> bool + Send + 'static,
    ) -> Held {
        self.shared.gates.hold(moment, before, Box::new(fits))
    }

    /// Holds requests that fit until `wanted` are there; later ones pass.
    pub fn barrier(&self, wanted: usize, fits: impl Fn(&Asked) -> bool + Send + 'static) {
        self.shared.gates.barrier(wanted, Box::new(fits));
    }

    /// All requests since the start, or since they were last forgotten. Those for credentials are
    /// not among them.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.log.lock().unwrap().asked.clone()
    }

    /// Forgets all requests, and how often what was asked for.
    pub fn forget_asked(&self) {
        self.shared.log.lock().unwrap().clear();
    }

    /// Temporary keys that are handed out from now on expire after so many requests.
    pub fn expire_after(&self, requests: usize) {
        self.shared.credentials.lock().unwrap().expire_after(requests);
    }

    /// How many temporary keys were handed out.
    pub fn handed_out(&self) -> usize {
        self.shared.credentials.lock().unwrap().handed_out()
    }

    /// The URL at which containers get credentials (`AWS_CONTAINER_CREDENTIALS_FULL_URI`).
    pub fn credentials_url(&self) -> String {
        format!("{}{}", self.endpoint, http::CREDENTIALS)
    }

    /// Anyone may read the bucket.
    pub fn make_public(&self, bucket: &str) {
        self.shared.credentials.lock().unwrap().public.insert(bucket.to_owned());
    }

    /// Readers of the bucket must say that they pay.
    pub fn make_requester_pays(&self, bucket: &str) {
        self.shared.credentials.lock().unwrap().requester_pays.insert(bucket.to_owned());
    }

    /// Objects whose keys end so are in an archive: listings say so, and they cannot be read.
    pub fn archive(&self, end: &str) {
        self.archived.lock().unwrap().push(end.to_owned());
        let rule = Rule::always(end, Fault::InvalidObjectState);
        self.shared.faults.lock().unwrap().rules.push(rule);
    }

    /// Makes a bucket, and gives the folder that its objects are files in.
    pub fn bucket(&self, name: &str) -> PathBuf {
        let folder = self.root.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Puts all files below `folder` into a bucket, their paths behind `prefix`.
    pub fn put_folder(&self, folder: &Path, bucket: &str, prefix: &str) {
        let to = self.bucket(bucket).join(prefix);
        for entry in walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap) {
            if entry.file_type().is_file() {
                let target = to.join(entry.path().strip_prefix(folder).unwrap());
                std::fs::create_dir_all(target.parent().unwrap()).unwrap();
                std::fs::copy(entry.path(), target).unwrap();
            }
        }
    }

    /// A client with the keys of [`USER`] that does not try again.
    pub fn client(&self) -> Client {
        self.client_with(USER.0, USER.1, None)
    }

    /// A client with other keys.
    pub fn client_with(&self, access_key: &str, secret: &str, token: Option<&str>) -> Client {
        client_of(&self.endpoint, access_key, secret, token)
    }

    /// A client that does not sign.
    pub fn anonymous(&self) -> Client {
        Client::from_conf(settings(&self.endpoint).allow_no_auth().build())
    }
}

/// A client of any server, that does not try again.
pub fn client_of(endpoint: &str, access_key: &str, secret: &str, token: Option<&str>) -> Client {
    let token = token.map(str::to_owned);
    let keys = SdkCredentials::new(access_key, secret, token, None, "test");
    Client::from_conf(settings(endpoint).credentials_provider(keys).build())
}

fn settings(endpoint: &str) -> Builder {
    Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .endpoint_url(endpoint)
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}
