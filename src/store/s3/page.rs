//! What a listing says.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;

/// An object as listed. There may be millions, so it takes little more than its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `s3://bucket/key`, the key as it is: nothing is escaped.
    pub uri: Arc<str>,
    /// Stored bytes.
    pub bytes: u64,
    /// What identifies this content of the key.
    pub etag: Option<Box<str>>,
}

/// A page of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order of their keys.
    pub entries: Vec<Entry>,
    /// With a delimiter: what else there is, as prefixes.
    pub folders: Vec<String>,
    /// How to ask for the next page.
    pub(super) next: Option<String>,
    /// How long it took.
    pub took: Duration,
}

impl Page {
    /// Whether there are no more pages.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.next.is_none()
    }

    pub(super) fn of(bucket: &str, listed: &ListObjectsV2Output, took: Duration) -> Self {
        let is_encoded = listed.encoding_type().is_some();
        let text = |text: &str| if is_encoded { decoded(text) } else { text.to_owned() };
        let entries = listed.contents().iter().filter_map(|object| {
            Some(Entry {
                uri: format!("s3://{bucket}/{}", text(object.key()?)).into(),
                bytes: u64::try_from(object.size().unwrap_or(0)).unwrap_or(0),
                etag: object.e_tag().map(Into::into),
            })
        });
        let folders = listed.common_prefixes().iter().filter_map(|found| found.prefix());
        Self {
            entries: entries.collect(),
            folders: folders.map(text).collect(),
            next: listed.next_continuation_token().map(str::to_owned),
            took,
        }
    }
}

/// The text behind S3's `encoding-type=url`: as in forms, a plus is a space.
fn decoded(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded() {
        let key = "AWSLogs%2F1+2/a%2Bb%26%C3%BC.json";
        assert_eq!(decoded(key), "AWSLogs/1 2/a+b&ü.json");
        assert_eq!(decoded("plain/key"), "plain/key");
    }
}
