//! Where bytes are: a place on this machine, or in a bucket.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

/// A file or folder, or a prefix of keys in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// On this machine.
    Local(PathBuf),
    /// `s3://bucket/prefix`.
    S3(S3Uri),
}

/// A bucket and what keys in it begin with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct S3Uri {
    /// The bucket's name, or the alias of an access point.
    pub bucket: String,
    /// As given, without a slash at its beginning; empty for the whole bucket.
    pub prefix: String,
}

const SCHEME: &str = "s3://";
/// How the ARNs of buckets and objects begin.
const ARN: &str = "arn:aws:s3:::";

impl Location {
    /// Reads a location: what begins with `s3://` is in a bucket, anything else is a path.
    ///
    /// # Errors
    /// In words, for an `s3://` without a bucket's name.
    pub fn parse(text: OsString) -> Result<Self, String> {
        let known = text.to_str().unwrap_or_default();
        match known.split_at_checked(SCHEME.len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => {
                S3Uri::of(rest).map(Self::S3)
            }
            _ if known.starts_with(ARN) => {
                let place = known.strip_prefix(ARN).unwrap_or_default();
                Err(format!("an ARN is no location: write {SCHEME}{place}"))
            }
            _ => Ok(Self::Local(text.into())),
        }
    }

    /// The path, of what is on this machine.
    #[must_use]
    pub fn local(&self) -> Option<&Path> {
        match self {
            Self::Local(path) => Some(path),
            Self::S3(_) => None,
        }
    }

    /// The bucket and prefix, of what is in S3.
    #[must_use]
    pub fn s3(&self) -> Option<&S3Uri> {
        match self {
            Self::Local(_) => None,
            Self::S3(uri) => Some(uri),
        }
    }
}

impl S3Uri {
    fn of(rest: &str) -> Result<Self, String> {
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if bucket.len() < 3 || !bucket.bytes().all(is_name) {
            return Err(format!("`{SCHEME}{rest}` names no bucket: write s3://bucket/prefix"));
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned() })
    }

    /// The bucket and key of an object's name.
    #[must_use]
    pub fn of_object(uri: &str) -> Option<(&str, &str)> {
        uri.strip_prefix(SCHEME)?.split_once('/')
    }

    /// The prefix as that of a folder: empty, or with a slash at its end.
    #[must_use]
    pub fn folder(&self) -> String {
        match self.prefix.trim_end_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        }
    }

    /// Whether everything in the folder `other` is in this one too.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        self.bucket == other.bucket && other.folder().starts_with(&self.folder())
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Self {
        Self::Local(path)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
            Self::S3(uri) => uri.fmt(f),
        }
    }
}

impl fmt::Display for S3Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}/{}", self.bucket, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s3(text: &str) -> S3Uri {
        Location::parse(text.into()).unwrap().s3().unwrap().clone()
    }

    #[test]
    fn locations_are_told_apart_by_their_scheme() {
        let uri = s3("s3://trail-bucket/some/AWSLogs");
        assert_eq!((uri.bucket.as_str(), uri.folder().as_str()), ("trail-bucket", "some/AWSLogs/"));
        assert_eq!(s3("S3://trail-bucket").folder(), "");
        let refused = Location::parse("arn:aws:s3:::trail-bucket/AWSLogs".into()).unwrap_err();
        assert!(refused.ends_with("write s3://trail-bucket/AWSLogs"), "{refused}");
        let path = Location::parse("s3:/x".into()).unwrap();
        assert_eq!(path.local(), Some(Path::new("s3:/x")));
        for text in ["s3://", "s3:///key", "s3://a b/key", "s3://$(id)/x"] {
            assert!(Location::parse(text.into()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_folder_holds_what_is_below_it() {
        assert!(s3("s3://logs/a").holds(&s3("s3://logs/a/b/")));
        assert!(s3("s3://logs").holds(&s3("s3://logs/a")));
        assert!(!s3("s3://logs/a").holds(&s3("s3://logs/ab")));
        assert!(!s3("s3://logs/a").holds(&s3("s3://other/a/b")));
    }
}
