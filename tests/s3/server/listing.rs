//! `ListObjectsV2` as AWS documents it. s3s-fs gives no ETags and no storage classes, does not
//! encode what it says is encoded, drops a folder of which `start-after` names an object, and its
//! tokens are keys, so that a client which takes the one for the other would not be found out.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use walkdir::WalkDir;

use super::storage::Storage;

/// What `encoding-type=url` leaves as it is; a space becomes a plus.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/').remove(b' ');

/// AWS gives no more at a time, whatever is asked for.
const MOST: usize = 1_000;

struct Stored {
    key: String,
    bytes: u64,
    modified: SystemTime,
}

/// A line of a listing: an object, or all that share a prefix up to the delimiter.
enum Line {
    Object(Stored),
    Folder(String),
}

impl Line {
    fn name(&self) -> &str {
        match self {
            Self::Object(stored) => &stored.key,
            Self::Folder(prefix) => prefix,
        }
    }
}

impl Storage {
    pub(super) async fn list(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        let bucket = self.root.join(&input.bucket);
        if !bucket.is_dir() {
            return Err(s3_error!(NoSuchBucket));
        }
        let token = input.continuation_token.as_deref().map(of_token).transpose()?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let mut stored = objects(&bucket, &prefix);
        stored.sort_by(|one, other| one.key.cmp(&other.key));
        if let (None, Some(after)) = (&token, &input.start_after) {
            stored.retain(|object| object.key > *after);
        }
        let mut lines = rolled_up(stored, &prefix, input.delimiter.as_deref());
        lines.retain(|line| token.as_deref().is_none_or(|token| line.name() > token));
        let asked = input.max_keys.unwrap_or(1_000);
        let most = usize::try_from(asked).map_err(|_| s3_error!(InvalidArgument))?.min(MOST);
        let is_truncated = most > 0 && lines.len() > most;
        lines.truncate(most);
        let next = lines.last().filter(|_| is_truncated).map(|line| STANDARD.encode(line.name()));

        let encode = |text: &str| match input.encoding_type {
            Some(_) => utf8_percent_encode(text, PLAIN).to_string().replace(' ', "+"),
            None => text.to_owned(),
        };
        let key_count = i32::try_from(lines.len()).unwrap();
        let (mut contents, mut folders) = (Vec::new(), Vec::new());
        for line in lines {
            match line {
                Line::Object(stored) => {
                    contents.push(self.object(&input.bucket, stored, &encode).await?);
                }
                Line::Folder(prefix) => {
                    folders.push(CommonPrefix { prefix: Some(encode(&prefix)) });
                }
            }
        }
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(encode(&prefix)),
            delimiter: input.delimiter.as_deref().map(encode),
            start_after: input.start_after.as_deref().map(encode),
            encoding_type: input.encoding_type.clone(),
            max_keys: Some(asked),
            key_count: Some(key_count),
            is_truncated: Some(is_truncated),
            continuation_token: input.continuation_token,
            next_continuation_token: next,
            contents: Some(contents),
            common_prefixes: Some(folders),
            ..Default::default()
        }))
    }

    async fn object(
        &self,
        bucket: &str,
        stored: Stored,
        encode: &impl Fn(&str) -> String,
    ) -> S3Result<Object> {
        let is_archived =
            self.archived.lock().unwrap().iter().any(|end| stored.key.ends_with(end.as_str()));
        let class =
            if is_archived { ObjectStorageClass::GLACIER } else { ObjectStorageClass::STANDARD };
        Ok(Object {
            key: Some(encode(&stored.key)),
            size: Some(i64::try_from(stored.bytes).unwrap()),
            last_modified: Some(stored.modified.into()),
            e_tag: self.etag(bucket, &stored.key).await?,
            storage_class: Some(ObjectStorageClass::from_static(class)),
            ..Default::default()
        })
    }

    /// The ETag of an object, if it is there. Takes no lock.
    pub(super) async fn etag(&self, bucket: &str, key: &str) -> S3Result<Option<ETag>> {
        let input = HeadObjectInput::builder().bucket(bucket.to_owned()).key(key.to_owned());
        let head = S3Request {
            input: input.build().unwrap(),
            method: hyper::Method::HEAD,
            uri: hyper::Uri::default(),
            headers: hyper::HeaderMap::default(),
            extensions: hyper::http::Extensions::default(),
            credentials: None,
            region: None,
            service: None,
            trailing_headers: None,
        };
        match self.files.head_object(head).await {
            Ok(head) => Ok(head.output.e_tag),
            // Deleted since the listing began, as may happen on AWS.
            Err(_) => Ok(None),
        }
    }
}

fn of_token(token: &str) -> S3Result<String> {
    let wrong = || s3_error!(InvalidArgument, "The continuation token provided is incorrect");
    let bytes = STANDARD.decode(token).map_err(|_| wrong())?;
    String::from_utf8(bytes).map_err(|_| wrong())
}

/// The objects whose keys begin with `prefix`.
fn objects(bucket: &Path, prefix: &str) -> Vec<Stored> {
    let folder = prefix.rsplit_once('/').map_or(PathBuf::new(), |(folder, _)| folder.into());
    let files = WalkDir::new(bucket.join(folder)).into_iter().filter_map(Result::ok);
    let files = files.filter(|entry| entry.file_type().is_file());
    files
        .filter_map(|entry| {
            let key = entry.path().strip_prefix(bucket).ok()?.to_str()?.to_owned();
            let metadata = entry.metadata().ok()?;
            let modified = metadata.modified().ok()?;
            key.starts_with(prefix).then_some(Stored { key, bytes: metadata.len(), modified })
        })
        .collect()
}

/// Lines of a listing, in their order.
fn rolled_up(stored: Vec<Stored>, prefix: &str, delimiter: Option<&str>) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for object in stored {
        let rest = &object.key[prefix.len()..];
        let end = delimiter.and_then(|delimiter| Some(rest.find(delimiter)? + delimiter.len()));
        let Some(end) = end else {
            lines.push(Line::Object(object));
            continue;
        };
        let folder = &object.key[..prefix.len() + end];
        if lines.last().is_none_or(|line| line.name() != folder) {
            lines.push(Line::Folder(folder.to_owned()));
        }
    }
    lines
}
