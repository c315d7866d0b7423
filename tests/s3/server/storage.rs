//! What the buckets hold: s3s-fs, with what it does otherwise than AWS set right.
//!
//! - s3s-fs looks at `If-None-Match` and `If-Match`, and writes some time later: of many that put
//!   the same key all may succeed. Here requests for one key wait for each other.
//! - s3s-fs replaces an object and then notes its ETag: who reads in between gets the ETag of the
//!   former content. Readers of a key wait for its writers too.
//! - s3s-fs gives an object whatever `If-Match` says.
//! - Listings: see `listing.rs`.
//!
//! What stays different: keys are paths of files, so there are no keys with a slash at the end, no
//! `a` beside `a/b`, and no part of a key beyond 255 bytes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::sync::RwLock;

/// The buckets, as folders of a file system.
pub(super) struct Storage {
    pub(super) files: FileSystem,
    pub(super) root: PathBuf,
    /// Ends of keys whose objects are in an archive, as listings tell.
    pub(super) archived: Arc<Mutex<Vec<String>>>,
    locks: Mutex<HashMap<String, Arc<RwLock<()>>>>,
}

impl Storage {
    pub(super) fn new(root: &Path, archived: Arc<Mutex<Vec<String>>>) -> Self {
        let files = FileSystem::new(root).unwrap();
        Self { files, root: root.to_path_buf(), archived, locks: Mutex::default() }
    }

    fn lock(&self, bucket: &str, key: &str) -> Arc<RwLock<()>> {
        let mut locks = self.locks.lock().unwrap();
        locks.entry(format!("{bucket}/{key}")).or_default().clone()
    }
}

type Answer<T> = S3Result<S3Response<T>>;

#[async_trait]
impl S3 for Storage {
    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> Answer<ListObjectsV2Output> {
        self.list(request).await
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let lock = self.lock(&request.input.bucket, &request.input.key);
        let _readers = lock.read().await;
        if let Some(ETagCondition::ETag(wanted)) = &request.input.if_match {
            let etag = self.etag(&request.input.bucket, &request.input.key).await?;
            if etag.is_some_and(|etag| !etag.strong_cmp(wanted)) {
                return Err(s3_error!(PreconditionFailed));
            }
        }
        self.files.get_object(request).await
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let lock = self.lock(&request.input.bucket, &request.input.key);
        let _readers = lock.read().await;
        self.files.head_object(request).await
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let lock = self.lock(&request.input.bucket, &request.input.key);
        let _only = lock.write().await;
        self.files.put_object(request).await
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> Answer<DeleteObjectOutput> {
        let lock = self.lock(&request.input.bucket, &request.input.key);
        let _only = lock.write().await;
        self.files.delete_object(request).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> Answer<CompleteMultipartUploadOutput> {
        let lock = self.lock(&request.input.bucket, &request.input.key);
        let _only = lock.write().await;
        self.files.complete_multipart_upload(request).await
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> Answer<CreateMultipartUploadOutput> {
        self.files.create_multipart_upload(request).await
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> Answer<UploadPartOutput> {
        self.files.upload_part(request).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> Answer<AbortMultipartUploadOutput> {
        self.files.abort_multipart_upload(request).await
    }

    async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> Answer<CreateBucketOutput> {
        self.files.create_bucket(request).await
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        self.files.head_bucket(request).await
    }
}
