//! Requests to one bucket, tried again where that helps.

use std::collections::HashMap;
use std::future::Future;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{EncodingType, RequestPayer};
use backon::{ExponentialBuilder, Retryable};
use tokio::sync::OwnedSemaphorePermit;

use super::fault::{Fault, FaultKind};
use super::page::Page;
use super::{Counts, Shared};

/// A bucket and how it is reached.
#[derive(Debug, Clone)]
pub struct Bucket {
    pub(super) shared: Arc<Shared>,
    name: Arc<str>,
    region: Option<String>,
    /// With the number of the configuration that it was made from.
    client: Arc<RwLock<(u64, Client)>>,
}

/// An object's stored bytes. The memory budget has them until they are dropped.
#[derive(Debug)]
pub struct Stored {
    /// The bytes, as stored.
    pub bytes: Vec<u8>,
    /// What identifies this content of the key.
    pub etag: Option<String>,
    /// The version, in a bucket with versions.
    pub version_id: Option<String>,
    /// How long it took, all tries together.
    pub took: Duration,
    #[allow(dead_code, reason = "held until the bytes are dropped")]
    pub(super) budget: Option<OwnedSemaphorePermit>,
}

/// Which bytes of an object: first and last.
type Range = Option<(u64, u64)>;

/// Who has written an object: a condition may fail since an earlier try has come through after all.
const WRITER: &str = "trailsift-writer";

impl Bucket {
    pub(super) fn new(shared: Arc<Shared>, name: &str, region: Option<String>) -> Self {
        let (number, config) = shared.config();
        let client = shared.access.client(&config, region.clone());
        let client = Arc::new(RwLock::new((number, client)));
        Self { shared, name: name.into(), region, client }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of one of its objects.
    #[must_use]
    pub fn uri(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    /// The client, made anew if the credentials were.
    fn client(&self) -> Client {
        let known = self.client.read().unwrap_or_else(PoisonError::into_inner);
        let (number, config) = self.shared.config();
        if known.0 == number {
            return known.1.clone();
        }
        drop(known);
        let client = self.shared.access.client(&config, self.region.clone());
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = (number, client.clone());
        client
    }

    fn payer(&self) -> Option<RequestPayer> {
        self.shared.access.request_payer.then_some(RequestPayer::Requester)
    }

    /// Tries until it works or is no longer worth it: longer and longer pauses, with jitter.
    pub(super) async fn retried<T, F>(&self, request: impl Fn(Client) -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let mut met = Vec::new();
        let pauses = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(20))
            .without_max_times();
        let once = || async {
            let _leave = self.shared.pace.leave().await;
            let (number, _) = self.shared.config();
            let answer = request(self.client()).await;
            match &answer {
                Ok(_) => self.shared.pace.faster(),
                Err(fault) if fault.kind == FaultKind::Throttled => self.shared.pace.slower(),
                Err(fault) if fault.kind == FaultKind::Expired => self.shared.renew(number).await,
                Err(_) => {}
            }
            answer
        };
        let worth = |fault: &Fault| {
            met.push(fault.kind);
            // Of each kind: a server that was busy has not used up the patience with the network.
            let tries = met.iter().filter(|kind| **kind == fault.kind).count();
            let again = tries < fault.patience();
            if again {
                Counts::add(&self.shared.counts.retried);
            }
            again
        };
        once.retry(pauses).when(worth).await
    }

    /// A page of keys.
    pub(super) async fn page(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        token: Option<&str>,
    ) -> Result<Page, Fault> {
        let started = Instant::now();
        let listed = self
            .retried(|client| async move {
                Counts::add(&self.shared.counts.list);
                let request = client
                    .list_objects_v2()
                    .bucket(&*self.name)
                    .prefix(prefix)
                    .set_delimiter(delimiter.map(str::to_owned))
                    .set_continuation_token(token.map(str::to_owned))
                    // Keys may hold what XML cannot.
                    .encoding_type(EncodingType::Url)
                    .set_request_payer(self.payer());
                request.send().await.map_err(Fault::of)
            })
            .await?;
        Ok(Page::of(&self.name, &listed, started.elapsed()))
    }

    /// A whole object of at most `most` bytes.
    pub(super) async fn whole(&self, key: &str, most: u64) -> Result<Stored, Fault> {
        let started = Instant::now();
        let stored = self.retried(|client| self.once(client, key, None, None, most)).await?;
        Ok(Stored { took: started.elapsed(), ..stored })
    }

    /// Some bytes of an object, if it is still the one with that `etag`.
    pub(super) async fn part(
        &self,
        key: &str,
        (first, last): (u64, u64),
        etag: Option<&str>,
    ) -> Result<Stored, Fault> {
        let most = last - first + 1;
        self.retried(|client| self.once(client, key, Some((first, last)), etag, most)).await
    }

    async fn once(
        &self,
        client: Client,
        key: &str,
        range: Range,
        etag: Option<&str>,
        most: u64,
    ) -> Result<Stored, Fault> {
        Counts::add(&self.shared.counts.get);
        let range = range.map(|(first, last)| format!("bytes={first}-{last}"));
        let got = client
            .get_object()
            .bucket(&*self.name)
            .key(key)
            .set_range(range)
            .set_if_match(etag.map(str::to_owned))
            .set_request_payer(self.payer())
            .send()
            .await
            .map_err(Fault::of)?;
        body(got, most).await
    }

    /// Writes the file at `path` as an object.
    pub(super) async fn put(&self, key: &str, path: &Path) -> Result<(), Fault> {
        self.retried(|client| async move {
            Counts::add(&self.shared.counts.put);
            let unreadable = |error| Fault::new(FaultKind::Other, format!("{error}"));
            let body = ByteStream::from_path(path).await.map_err(unreadable)?;
            let request = client.put_object().bucket(&*self.name).key(key).body(body);
            let request = request.set_request_payer(self.payer()).customize();
            let request = request.config_override(super::access::upload());
            request.send().await.map(drop).map_err(Fault::of)
        })
        .await
    }

    /// Writes an object unless there is one: of several processes that try, one succeeds. Returns
    /// whether this one did.
    pub(super) async fn create_new(&self, key: &str, bytes: &[u8]) -> Result<bool, Fault> {
        let writer = nonce();
        let created = self
            .retried(|client| {
                let writer = writer.clone();
                async move {
                    Counts::add(&self.shared.counts.put);
                    let request = client
                        .put_object()
                        .bucket(&*self.name)
                        .key(key)
                        .if_none_match("*")
                        .metadata(WRITER, writer)
                        .body(ByteStream::from(bytes.to_vec()))
                        .set_request_payer(self.payer());
                    request.send().await.map(drop).map_err(Fault::of)
                }
            })
            .await;
        match created {
            Ok(()) => Ok(true),
            Err(fault) if fault.kind == FaultKind::Precondition => {
                // An earlier try may have come through although its answer did not.
                let metadata = self.metadata(key).await?;
                Ok(metadata.get(WRITER) == Some(&writer))
            }
            Err(fault) => Err(fault),
        }
    }

    async fn metadata(&self, key: &str) -> Result<HashMap<String, String>, Fault> {
        let head = self.retried(|client| async move {
            let request = client.head_object().bucket(&*self.name).key(key);
            request.set_request_payer(self.payer()).send().await.map_err(Fault::of)
        });
        Ok(head.await?.metadata().cloned().unwrap_or_default())
    }

    /// Removes an object; one that is not there is no error.
    pub(super) async fn delete(&self, key: &str) -> Result<(), Fault> {
        self.retried(|client| async move {
            let request = client.delete_object().bucket(&*self.name).key(key);
            request.set_request_payer(self.payer()).send().await.map(drop).map_err(Fault::of)
        })
        .await
    }
}

/// Collects a body, and holds its length against what was promised.
async fn body(got: GetObjectOutput, most: u64) -> Result<Stored, Fault> {
    let promised = got.content_length().and_then(|length| u64::try_from(length).ok());
    if promised.is_some_and(|promised| promised > most) {
        let reason = format!("was listed with {most} bytes and has more now: run again");
        return Err(Fault::new(FaultKind::Other, reason));
    }
    let (etag, version_id) = (got.e_tag().map(str::to_owned), got.version_id().map(str::to_owned));
    let mut bytes = Vec::with_capacity(usize::try_from(promised.unwrap_or(0)).unwrap_or(0));
    let mut body = got.body;
    let cut = |bytes: usize, why: &str| {
        let promised = promised.map_or_else(|| "?".to_owned(), |length| length.to_string());
        Fault::new(FaultKind::Cut, format!("body cut at {bytes} of {promised} bytes{why}"))
    };
    loop {
        match body.next().await {
            Some(Ok(chunk)) if (bytes.len() + chunk.len()) as u64 > most => {
                return Err(Fault::new(FaultKind::Other, "the body is longer than promised"));
            }
            Some(Ok(chunk)) => bytes.extend_from_slice(&chunk),
            Some(Err(error)) => return Err(cut(bytes.len(), &format!(": {error}"))),
            None => break,
        }
    }
    if promised.is_some_and(|promised| promised != bytes.len() as u64) {
        return Err(cut(bytes.len(), ""));
    }
    Ok(Stored { bytes, etag, version_id, took: Duration::ZERO, budget: None })
}

/// A word that no other process chooses.
fn nonce() -> String {
    use std::hash::{BuildHasher, RandomState};
    format!("{:016x}{:016x}", RandomState::new().hash_one(0), RandomState::new().hash_one(1))
}
