//! What was asked for.

use std::collections::HashMap;

use hyper::HeaderMap;
use hyper::http::request::Parts;
use percent_encoding::percent_decode_str;

use super::faults::Fault;

/// A request, and what became of it.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    pub method: String,
    /// Empty if none is named.
    pub bucket: String,
    /// As it is, without escapes; empty if none is named.
    pub key: String,
    /// As sent.
    pub query: String,
    pub range: Option<String>,
    /// That the request is signed with.
    pub access_key: Option<String>,
    /// The token of a temporary key.
    pub token: Option<String>,
    /// Whether it says that the caller pays.
    pub pays: bool,
    /// From 1: how often the same was asked for.
    pub attempt: u32,
    /// None if there was no answer.
    pub status: Option<u16>,
    pub fault: Option<Fault>,
}

impl Asked {
    fn of(parts: &Parts) -> Self {
        let path = parts.uri.path().trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let header = |name| text(&parts.headers, name);
        let signed = header("authorization");
        Self {
            method: parts.method.to_string(),
            bucket: decoded(bucket),
            key: decoded(key),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            range: header("range"),
            access_key: signed.as_deref().and_then(access_key).map(str::to_owned),
            token: header("x-amz-security-token"),
            pays: header("x-amz-request-payer").as_deref() == Some("requester"),
            ..Self::default()
        }
    }

    /// What is the same for all tries.
    pub(super) fn identity(&self) -> String {
        let Self { method, bucket, key, query, range, .. } = self;
        format!("{method} {bucket}/{key}?{query} {}", range.as_deref().unwrap_or_default())
    }

    /// The name of the operation, as far as trailsift should use any.
    pub fn operation(&self) -> &'static str {
        match (self.method.as_str(), self.key.is_empty()) {
            ("GET", true) if self.query.contains("list-type=2") => "ListObjectsV2",
            ("GET", false) => "GetObject",
            ("HEAD", true) => "HeadBucket",
            ("HEAD", false) => "HeadObject",
            ("PUT", false) => "PutObject",
            ("DELETE", false) => "DeleteObject",
            _ => "another operation",
        }
    }

    /// Whether an object is asked for.
    pub fn gets_object(&self) -> bool {
        self.method == "GET" && !self.key.is_empty()
    }

    /// Whether a page of keys is asked for.
    pub fn lists(&self) -> bool {
        self.method == "GET" && self.key.is_empty()
    }
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// Of `AWS4-HMAC-SHA256 Credential=<key>/<date>/…`.
fn access_key(authorization: &str) -> Option<&str> {
    Some(authorization.split_once("Credential=")?.1.split_once('/')?.0)
}

/// All requests since the last [`Log::clear`].
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) asked: Vec<Asked>,
    attempts: HashMap<String, u32>,
    /// Of [`Log::clear`]; an answer to a request of before belongs nowhere.
    generation: usize,
}

impl Log {
    /// Notes a request; returns it, and where it is noted.
    pub(super) fn enter(&mut self, parts: &Parts) -> (Asked, (usize, usize)) {
        let mut asked = Asked::of(parts);
        let attempts = self.attempts.entry(asked.identity()).or_default();
        *attempts += 1;
        asked.attempt = *attempts;
        self.asked.push(asked.clone());
        (asked, (self.generation, self.asked.len() - 1))
    }

    /// Notes what became of it.
    pub(super) fn leave(
        &mut self,
        (generation, number): (usize, usize),
        fault: Option<Fault>,
        status: Option<u16>,
    ) {
        if generation == self.generation {
            self.asked[number].fault = fault;
            self.asked[number].status = status;
        }
    }

    pub(super) fn clear(&mut self) {
        self.asked.clear();
        self.attempts.clear();
        self.generation += 1;
    }
}
