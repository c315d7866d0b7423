//! The bucket and key of an S3 event and the account that owns the bucket, normalised out of
//! `requestParameters`, `resources` and access-point ARNs.

use simd_json::tape::Value;

use super::slots::{Slot, Slots};
use super::value;

/// The bucket and object an event concerns.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Place<'i> {
    /// The bucket's name; an access point's ARN or alias where the log does not give the bucket.
    pub(super) bucket: Option<&'i str>,
    /// The object's key, as logged.
    pub(super) key: Option<&'i str>,
    /// The owner's account, if `resources` says it.
    pub(super) owner: Option<&'i str>,
}

/// Event sources of S3 (CloudTrail user guide; S3 user guide "CloudTrail events").
const S3_SOURCES: &[&str] = &[
    "s3.amazonaws.com",
    "s3express.amazonaws.com",
    "s3-outposts.amazonaws.com",
    "s3-object-lambda.amazonaws.com",
    "s3lifecycle.amazonaws.com",
    "s3-authn-errors.amazonaws.com",
    "s3tables.amazonaws.com",
    "s3vectors.amazonaws.com",
];

/// Whether the event source is one of S3's.
pub(super) fn is_s3(event_source: &str) -> bool {
    event_source.starts_with("s3") && S3_SOURCES.contains(&event_source)
}

/// Reads the place off the slots of an S3 event. ARNs are taken apart only where the request does
/// not say it.
pub(super) fn place<'i>(slots: &Slots<'_, 'i>) -> Place<'i> {
    let resources = slots.value(Slot::Resources).map(Resources::read).unwrap_or_default();
    let requested = slots.non_empty(Slot::BucketName);
    let object = || resources.object.and_then(split_arn);
    let bucket = match requested {
        Some(name) if !is_access_point(name) => Some(name),
        _ => (resources.bucket.and_then(split_arn).or_else(object).map(|(name, _)| name))
            .or(requested)
            .or_else(|| slots.non_empty(Slot::Host).and_then(virtual_host)),
    };
    let key = slots.string(Slot::Key).or_else(|| object().and_then(|(_, key)| key));
    Place { bucket, key, owner: resources.owner }
}

/// An access point's ARN, or its alias (`…-s3alias`, Object Lambda `…--ol-s3`).
fn is_access_point(name: &str) -> bool {
    name.starts_with("arn:") || name.ends_with("-s3alias") || name.ends_with("--ol-s3")
}

/// What `resources` says: ARNs of the first bucket and object, and the bucket's account.
#[derive(Debug, Default)]
struct Resources<'i> {
    bucket: Option<&'i str>,
    object: Option<&'i str>,
    owner: Option<&'i str>,
}

impl<'i> Resources<'i> {
    fn read(value: Value<'_, 'i>) -> Self {
        let mut found = Self::default();
        if let Some(items) = value.as_array() {
            items.iter().for_each(|item| found.add(item));
        }
        found
    }

    fn add(&mut self, item: Value<'_, 'i>) {
        let Some(object) = item.as_object() else { return };
        let (mut kind, mut arn, mut account) = (None, None, None);
        for (key, inner) in &object {
            match key {
                "type" => kind = value::string(inner),
                "ARN" | "arn" | "ARNPrefix" => arn = value::string(inner),
                "accountId" => account = value::string(inner).filter(|text| !text.is_empty()),
                _ => {}
            }
        }
        match kind {
            Some("AWS::S3::Bucket" | "AWS::S3Express::DirectoryBucket") => {
                self.bucket = self.bucket.or(arn);
                self.owner = self.owner.or(account);
            }
            Some("AWS::S3::Object" | "AWS::S3Express::Object") | None => {
                self.object = self.object.or(arn);
            }
            Some(_) => {}
        }
    }
}

/// `arn:aws:s3:::bucket/key` → bucket and key, if it has one; a directory bucket's ARN is
/// `arn:aws:s3express:region:account:bucket/name`.
fn split_arn(arn: &str) -> Option<(&str, Option<&str>)> {
    let rest = arn.strip_prefix("arn:")?;
    let mut parts = rest.splitn(5, ':');
    let (_partition, service) = (parts.next()?, parts.next()?);
    let (region, _account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let path = match (service, region) {
        ("s3", "") => resource,
        ("s3express", _) => resource.strip_prefix("bucket/")?,
        _ => return None,
    };
    let (name, key) = path.split_once('/').map_or((path, None), |(name, key)| (name, Some(key)));
    (!name.is_empty()).then_some((name, key.filter(|key| !key.is_empty())))
}

/// `bucket.s3.eu-west-1.amazonaws.com` → `bucket`.
fn virtual_host(host: &str) -> Option<&str> {
    let at = host.find(".s3.").or_else(|| host.find(".s3-"))?;
    // `111122223333.s3-control.eu-west-1.amazonaws.com` names an account.
    let is_bucket = !host.get(at..).is_some_and(|rest| rest.starts_with(".s3-control."));
    host.get(..at).filter(|name| !name.is_empty() && is_bucket)
}

#[cfg(test)]
mod tests {
    use super::super::path::{PathSink, Trie};
    use super::*;

    struct Nowhere;

    impl PathSink for Nowhere {
        fn path_value(&mut self, _: usize, _: &str) {}
    }

    #[test]
    fn the_bucket_is_found_wherever_the_log_gives_it() {
        let point = "arn:aws:s3:eu-west-1:111122223333:accesspoint/p";
        let owner = r#"[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::b/k"},{"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::b"}]"#;
        let cases = [
            (r#""requestParameters":{"bucketName":"b"}"#.to_owned(), Some("b"), None),
            (
                r#""requestParameters":{"Host":"111122223333.s3-control.eu-west-1.amazonaws.com"}"#
                    .to_owned(),
                None,
                None,
            ),
            (r#""requestParameters":{"bucketName":["b"]}"#.to_owned(), Some("b"), None),
            (
                format!(r#""requestParameters":{{"bucketName":"{point}"}},"resources":{owner}"#),
                Some("b"),
                Some("111122223333"),
            ),
            (format!(r#""requestParameters":{{"bucketName":"{point}"}}"#), Some(point), None),
            (
                r#""requestParameters":{"bucketName":"p-abc-s3alias"},"resources":[{"type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::b"}]"#.to_owned(),
                Some("b"),
                None,
            ),
            (
                r#""requestParameters":null,"resources":[{"ARNPrefix":"arn:aws:s3:::b/"}]"#.to_owned(),
                Some("b"),
                None,
            ),
            (
                r#""requestParameters":{"Host":"b.s3.eu-west-1.amazonaws.com"}"#.to_owned(),
                Some("b"),
                None,
            ),
            (r#""requestParameters":"text","resources":"text""#.to_owned(), None, None),
            (
                r#""resources":[{"type":"AWS::S3Express::DirectoryBucket","ARN":"arn:aws:s3express:r:1:bucket/d--x-s3"}]"#.to_owned(),
                Some("d--x-s3"),
                None,
            ),
        ];
        for (fields, name, owner) in cases {
            let mut bytes = format!("{{{fields}}}").into_bytes();
            let tape = simd_json::to_tape(&mut bytes).unwrap();
            let mut slots = Slots::new();
            Trie::new(&[]).walk(tape.as_value(), &mut slots, &mut Nowhere);
            let found = place(&slots);
            assert_eq!((found.bucket, found.owner), (name, owner), "{fields}");
        }
    }

    #[test]
    fn the_key_is_requested_or_else_a_resource() {
        let resources = r#""resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::b/a/k"}]"#;
        let cases = [
            (format!(r#""requestParameters":{{"key":"k"}},{resources}"#), Some("k")),
            (format!(r#""requestParameters":{{"Key":"K"}},{resources}"#), Some("K")),
            (resources.to_owned(), Some("a/k")),
            (r#""resources":[{"ARNPrefix":"arn:aws:s3:::b/"}]"#.to_owned(), None),
        ];
        for (fields, key) in cases {
            let mut bytes = format!("{{{fields}}}").into_bytes();
            let tape = simd_json::to_tape(&mut bytes).unwrap();
            let mut slots = Slots::new();
            Trie::new(&[]).walk(tape.as_value(), &mut slots, &mut Nowhere);
            assert_eq!(place(&slots).key, key, "{fields}");
        }
    }

    #[test]
    fn every_event_source_of_s3_counts() {
        assert!(is_s3("s3.amazonaws.com") && is_s3("s3tables.amazonaws.com"));
        assert!(!is_s3("sts.amazonaws.com") && !is_s3("s3.example.com"));
    }
}
