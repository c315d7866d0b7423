//! A server with a bucket in memory that answers as late as S3 does. As cheap as can be: signatures
//! are not looked at.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Read as _;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use tokio::net::TcpListener;
use walkdir::WalkDir;

use crate::process::processor_seconds;

/// The only bucket.
pub(crate) const BUCKET: &str = "trail-bucket";

const PAGE: usize = 1_000;

struct Bucket {
    objects: BTreeMap<String, Bytes>,
    latency: Duration,
}

/// Serves the files below `folder`; prints the endpoint, and when standard input ends the seconds
/// of processor that serving took.
pub(crate) fn serve(folder: &Path, latency: Duration) {
    let files = WalkDir::new(folder).into_iter().map(|entry| entry.expect("a file"));
    let files = files.filter(|entry| entry.file_type().is_file());
    let objects = files.map(|entry| {
        let key = entry.path().strip_prefix(folder).expect("below the folder");
        let bytes = std::fs::read(entry.path()).expect("a file");
        (key.to_str().expect("UTF-8").to_owned(), bytes.into())
    });
    let bucket = Arc::new(Bucket { objects: objects.collect(), latency });
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("threads");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
    println!("http://{}", listener.local_addr().expect("an address"));
    let before = processor_seconds();
    runtime.spawn(accept(listener, bucket));
    std::io::stdin().read_to_end(&mut Vec::new()).expect("standard input");
    println!("{}", processor_seconds() - before);
}

async fn accept(listener: TcpListener, bucket: Arc<Bucket>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let bucket = bucket.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, bucket.clone()));
            http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    bucket: Arc<Bucket>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    tokio::time::sleep(bucket.latency).await;
    let path = percent_decode_str(request.uri().path()).decode_utf8_lossy();
    let key = path.trim_start_matches('/').strip_prefix(BUCKET).unwrap_or_default();
    let key = key.trim_start_matches('/');
    if key.is_empty() {
        let page = bucket.page(request.uri().query().unwrap_or_default());
        return Ok(Response::new(page.into()));
    }
    Ok(match bucket.objects.get(key) {
        Some(bytes) => {
            let answer = Response::builder().header("etag", etag(bytes));
            answer.body(bytes.clone().into()).expect("an answer")
        }
        None => Response::builder().status(404).body(Full::default()).expect("an answer"),
    })
}

fn etag(bytes: &Bytes) -> String {
    format!("\"{:032x}\"", xxhash_rust::xxh3::xxh3_128(bytes))
}

impl Bucket {
    /// A page of keys. Their names need no escapes, so they may be said to be encoded.
    fn page(&self, query: &str) -> String {
        let value = |name: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let value = pairs.into_iter().find(|(known, _)| *known == name)?.1;
            Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
        };
        let prefix = value("prefix").unwrap_or_default();
        let delimiter = value("delimiter");
        let mut last = value("continuation-token");
        let next = |last: &Option<String>| {
            let from = last.as_ref().map_or(Bound::Included(&prefix), Bound::Excluded);
            let next = self.objects.range::<String, _>((from, Bound::Unbounded)).next();
            next.filter(|(key, _)| key.starts_with(&prefix))
        };
        let mut lines = Vec::new();
        for _ in 0..PAGE {
            let Some((key, bytes)) = next(&last) else { break };
            let rest = &key[prefix.len()..];
            let end = delimiter.as_deref().and_then(|it| Some(rest.find(it)? + it.len()));
            last = Some(if let Some(end) = end {
                let folder = &key[..prefix.len() + end];
                lines.push(format!("<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>"));
                // Behind everything in it.
                format!("{folder}\u{10ffff}")
            } else {
                let (size, etag) = (bytes.len(), etag(bytes).replace('"', "&quot;"));
                lines.push(format!(
                    "<Contents><Key>{key}</Key><Size>{size}</Size><ETag>{etag}</ETag></Contents>"
                ));
                key.clone()
            });
        }
        let more = next(&last).is_some();
        let token = last.filter(|_| more);
        let token = token.map(|it| format!("<NextContinuationToken>{it}</NextContinuationToken>"));
        format!(
            "<ListBucketResult><IsTruncated>{more}</IsTruncated>{}{}</ListBucketResult>",
            token.unwrap_or_default(),
            lines.concat()
        )
    }
}
