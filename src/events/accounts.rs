//! Other accounts that a record names, the values of the field `foreign_accounts`: lines of
//! `<what>=<account>` for accounts that are not the trail's. Sources: the ARN formats of AWS's general
//! reference; the shapes of S3's requests in CloudTrail.
//!
//! `kms-key=` is the account of a KMS key's ARN, unless the bucket is of the same account; `bucket=`
//! of a bucket (`resources`, and accounts that a request names beside a destination); `arn=` of any
//! other ARN. Bare key ids, aliases and bucket ARNs name no account.

use simd_json::tape::Value;
use smallvec::SmallVec;

use super::slots::{Slot, Slots};
use super::value;

/// The name under which rules ask for the accounts.
pub(super) const FOREIGN_ACCOUNTS: &str = "foreign_accounts";

/// The nesting of requests within which accounts are looked for.
const DEPTH: usize = 12;

/// Keys whose values are accounts of buckets, in lower case.
const ACCOUNT_KEYS: &[&str] =
    &["account", "accountid", "bucketaccountid", "expectedbucketowner", "bucketowneraccountid"];

/// Policies have a column of their own; their accounts are grantees.
const POLICIES: &[&str] = &["bucketpolicy", "policy"];

/// Reports every other account that the record names to `each`.
pub(super) fn foreign(slots: &Slots<'_, '_>, line: &mut String, each: &mut impl FnMut(&str)) {
    let Some(own) = slots.account() else { return };
    let resources = slots.value(Slot::Resources);
    let resources = resources.as_ref().and_then(Value::as_array);
    let items = || resources.iter().flat_map(simd_json::tape::Array::iter);
    let owners = items().filter(|item| is_of_s3(*item)).filter_map(account).collect();
    let mut found = Found { own: &own, owners, line, each };
    for slot in [Slot::RequestParameters, Slot::ResponseElements] {
        if let Some(root) = slots.value(slot) {
            found.walk("", root, DEPTH);
        }
    }
    items().for_each(|item| found.resource(item));
}

fn account<'i>(resource: Value<'_, 'i>) -> Option<&'i str> {
    resource.get("accountId").and_then(value::string)
}

fn is_of_s3(resource: Value<'_, '_>) -> bool {
    let kind = resource.get("type").and_then(value::string);
    kind.is_some_and(|kind| kind.starts_with("AWS::S3"))
}

struct Found<'f, F> {
    own: &'f str,
    /// The accounts of the buckets: their keys are not foreign to them.
    owners: SmallVec<[&'f str; 2]>,
    line: &'f mut String,
    each: &'f mut F,
}

impl<F: FnMut(&str)> Found<'_, F> {
    fn walk(&mut self, key: &str, node: Value<'_, '_>, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        if let Some(object) = node.as_object() {
            for (key, inner) in &object {
                if !is_one_of(POLICIES, key) {
                    self.walk(key, inner, depth);
                }
            }
        } else if let Some(array) = node.as_array() {
            array.iter().for_each(|inner| self.walk(key, inner, depth));
        } else if let Some(text) = value::string(node) {
            self.text(key, text);
        }
    }

    fn text(&mut self, key: &str, text: &str) {
        if text.starts_with("arn:") {
            let mut parts = text.splitn(6, ':').skip(2);
            let (service, account) = (parts.next(), parts.nth(1));
            let what = if service == Some("kms") { "kms-key" } else { "arn" };
            if let Some(account) = account {
                self.report(what, account);
            }
        } else if is_one_of(ACCOUNT_KEYS, key) {
            self.report("bucket", text);
        }
    }

    /// `resources` names the account of each bucket; of a copy, both.
    fn resource(&mut self, resource: Value<'_, '_>) {
        let Some(account) = account(resource) else { return };
        if is_of_s3(resource) {
            self.report("bucket", account);
        } else if resource.get("type").and_then(value::string) == Some("AWS::KMS::Key") {
            self.report("kms-key", account);
        }
    }

    fn report(&mut self, what: &str, account: &str) {
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let is_of_bucket = what == "kms-key" && self.owners.contains(&account);
        if !is_account || account == self.own || is_of_bucket {
            return;
        }
        self.line.clear();
        self.line.extend([what, "=", account]);
        (self.each)(self.line);
    }
}

fn is_one_of(names: &[&str], key: &str) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(key))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::events::path::{PathSink, Trie};

    struct Nothing;
    impl PathSink for Nothing {
        fn path_value(&mut self, _: usize, _: &str) {}
    }

    fn found(record: &str) -> String {
        let mut bytes = record.as_bytes().to_vec();
        let tape = simd_json::to_tape(&mut bytes).unwrap();
        let mut slots = Slots::new();
        Trie::new(&[]).walk(tape.as_value(), &mut slots, &mut Nothing);
        let mut found = BTreeSet::new();
        foreign(&slots, &mut String::new(), &mut |line| {
            found.insert(line.to_owned());
        });
        found.into_iter().collect::<Vec<_>>().join(",")
    }

    #[test]
    fn accounts_are_told_by_what_they_are_of() {
        for (rest, expected) in [
            (
                r#""requestParameters":{"x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:us-east-1:999988887777:key/1"}"#,
                "kms-key=999988887777",
            ),
            (
                r#""responseElements":{"x-amz-server-side-encryption-aws-kms-key-id":["arn:aws:kms:us-east-1:999988887777:key/1"]}"#,
                "kms-key=999988887777",
            ),
            (r#""requestParameters":{"k":"arn:aws:kms:us-east-1:111122223333:key/1"}"#, ""),
            (
                r#""requestParameters":{"x-amz-server-side-encryption-aws-kms-key-id":"1234abcd"}"#,
                "",
            ),
            (
                r#""requestParameters":{"ReplicationConfiguration":{"Rule":[{"Destination":{"Bucket":"arn:aws:s3:::b","Account":"999988887777"}}]}}"#,
                "bucket=999988887777",
            ),
            (
                r#""requestParameters":{"NotificationConfiguration":{"QueueConfiguration":{"Queue":"arn:aws:sqs:eu-west-1:999988887777:q"}}}"#,
                "arn=999988887777",
            ),
            (
                r#""requestParameters":{"bucketPolicy":{"Statement":{"Principal":{"AWS":"arn:aws:iam::999988887777:root"}}}}"#,
                "",
            ),
            (
                r#""resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::a/k"},{"type":"AWS::S3::Bucket","accountId":"111122223333"},{"type":"AWS::S3::Bucket","accountId":"999988887777"}]"#,
                "bucket=999988887777",
            ),
            (
                r#""resources":[{"type":"AWS::KMS::Key","accountId":"999988887777"},7]"#,
                "kms-key=999988887777",
            ),
            (
                r#""requestParameters":{"k":"arn:aws:kms:us-east-1:999988887777:key/1"},"resources":[{"type":"AWS::S3::Bucket","accountId":"999988887777"}]"#,
                "bucket=999988887777",
            ),
            (r#""requestParameters":null,"resources":null"#, ""),
        ] {
            let record = format!(r#"{{"recipientAccountId":"111122223333",{rest}}}"#);
            assert_eq!(found(&record), expected, "{rest}");
        }
        assert_eq!(
            found(r#"{"resources":[{"type":"AWS::S3::Bucket","accountId":"999988887777"}]}"#),
            ""
        );
    }
}
