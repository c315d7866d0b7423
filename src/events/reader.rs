//! Whoever reads a trail leaves events in it, if the trail's own bucket is logged: a scheduled scan
//! would find itself, day after day.

use super::bucket::{is_s3, place};
use super::slots::{Slot, Slots};

/// What a scan asks of the buckets that it reads. CloudTrail calls `ListObjectsV2` `ListObjects`.
const READS: [&str; 4] = ["GetObject", "HeadBucket", "HeadObject", "ListObjects"];

/// Who reads the logs, and where they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// The caller's ARN; of a role without the name of the session, which each run may choose anew.
    arn: String,
    buckets: Vec<String>,
}

impl Reader {
    /// The caller with that ARN, as STS tells it, who reads those buckets.
    #[must_use]
    pub fn new(arn: &str, buckets: Vec<String>) -> Self {
        let role = arn.contains(":assumed-role/").then(|| arn.rsplit_once('/')).flatten();
        let arn = role.map_or_else(|| arn.to_owned(), |(role, _)| format!("{role}/"));
        Self { arn, buckets }
    }

    /// Who it is.
    #[must_use]
    pub fn arn(&self) -> &str {
        self.arn.trim_end_matches('/')
    }

    /// Whether an event is one of its reads of these buckets, or its question who it is. What it
    /// does elsewhere, or beyond reading, is judged like anyone's deeds.
    pub(super) fn did(&self, slots: &Slots<'_, '_>) -> bool {
        let arn = slots.string(Slot::IdentityArn).unwrap_or_default();
        let is_caller = match self.arn.strip_suffix('/') {
            Some(role) => arn.strip_prefix(role).is_some_and(|rest| rest.starts_with('/')),
            None => arn == self.arn,
        };
        if !is_caller {
            return false;
        }
        let name = slots.string(Slot::EventName).unwrap_or_default();
        let source = slots.string(Slot::EventSource).unwrap_or_default();
        if source == "sts.amazonaws.com" {
            return name == "GetCallerIdentity";
        }
        let bucket = if is_s3(source) { place(slots).bucket } else { None };
        READS.contains(&name)
            && bucket.is_some_and(|bucket| self.buckets.iter().any(|own| own == bucket))
    }
}
