//! S3 and what speaks its protocol. All that is asynchronous in trailsift is in here: outside, a
//! call waits for its answer, or answers come one after the other.

mod access;
mod bucket;
mod fault;
mod fetch;
mod listing;
mod pace;
mod page;
mod reader;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aws_config::SdkConfig;
use serde::Serialize;
use tokio::runtime::{Builder, Handle, Runtime};

use super::location::Location;
use crate::error::{Error, Result};

pub use access::Access;
pub use bucket::{Bucket, Stored};
pub use fault::{Fault, FaultKind};
pub use fetch::Budget;
pub use listing::{ListedPage, Pages, Unit};
pub use page::{Entry, Page};
pub use reader::S3Reader;

use pace::Pace;

/// A connection to S3: credentials, a pool of connections, and the pace of requests.
#[derive(Debug)]
pub struct S3 {
    // Dropped here and not where a task holds what is shared: it waits for its threads.
    runtime: Runtime,
    shared: Arc<Shared>,
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

/// What all buckets share.
#[derive(Debug)]
struct Shared {
    handle: Handle,
    access: Access,
    /// Counted: credentials may be read anew.
    config: RwLock<(u64, SdkConfig)>,
    renewing: tokio::sync::Mutex<()>,
    pace: Arc<Pace>,
    counts: Counts,
}

/// How many requests were made.
#[derive(Debug, Default)]
struct Counts {
    list: AtomicU64,
    get: AtomicU64,
    put: AtomicU64,
    retried: AtomicU64,
}

/// How many requests were made, tries that failed included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// `ListObjectsV2`.
    pub list: u64,
    /// `GetObject`.
    pub get: u64,
    /// `PutObject`.
    pub put: u64,
    /// Those that were another try.
    pub retried: u64,
}

impl S3 {
    /// Connects, if one of the locations is in S3.
    ///
    /// # Errors
    /// Those of [`S3::connect`].
    pub fn connect_for<'l>(
        mut locations: impl Iterator<Item = &'l Location>,
        access: &Access,
    ) -> Result<Option<Self>> {
        let is_needed = locations.any(|location| location.s3().is_some());
        is_needed.then(|| Self::connect(access.clone())).transpose()
    }

    /// Reads credentials and settings; no request to S3 is made yet.
    ///
    /// # Errors
    /// [`Error::Io`] if no thread can be started.
    pub fn connect(access: Access) -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("s3")
            .enable_all()
            .build()
            .map_err(Error::io("threads for S3"))?;
        let config = runtime.block_on(access.load());
        let shared = Shared {
            handle: runtime.handle().clone(),
            pace: Arc::new(Pace::new(access.concurrency)),
            access,
            config: RwLock::new((0, config)),
            renewing: tokio::sync::Mutex::default(),
            counts: Counts::default(),
        };
        Ok(Self { runtime, shared: Arc::new(shared), buckets: Mutex::default() })
    }

    /// A bucket, in whatever region it is.
    #[must_use]
    pub fn bucket(&self, name: &str) -> Bucket {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = buckets.get(name) {
            return known.clone();
        }
        let (_, config) = self.shared.config();
        let access = &self.shared.access;
        let elsewhere = access.endpoint_url.is_some() || config.endpoint_url().is_some();
        let region = if elsewhere {
            None
        } else {
            let client = access.client(&config, None);
            self.runtime.block_on(access::region_of(&client, name))
        };
        let bucket = Bucket::new(self.shared.clone(), name, region);
        buckets.insert(name.to_owned(), bucket.clone());
        bucket
    }

    /// The ARN that requests are made as; `None` if they are not signed, or the server is not AWS
    /// and no address of STS is configured.
    ///
    /// # Errors
    /// Those of the request.
    pub fn caller(&self) -> Result<Option<String>, Fault> {
        let access = &self.shared.access;
        let asks_aws =
            access.endpoint_url.is_none() || std::env::var("AWS_ENDPOINT_URL_STS").is_ok();
        if access.unsigned || !asks_aws {
            return Ok(None);
        }
        let (_, config) = self.shared.config();
        self.runtime.block_on(access::caller(&config))
    }

    /// How many requests were made.
    #[must_use]
    pub fn requests(&self) -> Requests {
        let Counts { list, get, put, retried } = &self.shared.counts;
        let [list, get, put, retried] =
            [list, get, put, retried].map(|count| count.load(Ordering::Relaxed));
        Requests { list, get, put, retried }
    }
}

impl Shared {
    fn config(&self) -> (u64, SdkConfig) {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the credentials anew, unless that was done since configuration `number`: a session
    /// may have been renewed in the files, or by the service that hands them out.
    async fn renew(&self, number: u64) {
        let _one = self.renewing.lock().await;
        if self.config().0 != number {
            return;
        }
        let config = self.access.load().await;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = (number + 1, config);
    }
}

impl Counts {
    fn add(count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}
