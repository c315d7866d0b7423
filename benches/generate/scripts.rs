//! How each attack proceeds, call by call.
//!
//! In: a stage (principal, bucket, start). Out: calls on it. [`SCRIPTS`] is the
//! registry; a new attack is one entry there, one function here, and one victim in
//! the cast. Request shapes follow what CloudTrail writes for the real calls.

use super::attacks::{Script, Stage, When};
use super::keys;
use super::record::DENIED;
use super::text;
use super::world::Net;

/// A network that rents out servers.
const HOSTING: Net = Net::Pool(65, 109);
/// Another one.
const HOSTING_TOO: Net = Net::Pool(135, 181);

const OWNER_ID: &str = "3b1f0c9a7d5e4826b0f1a2c3d4e5f60718293a4b5c6d7e8f9001122334455667";

/// Every attack there is.
pub(crate) const SCRIPTS: [Script; 19] = [
    script("mass_delete_multi_legacy", "mass_delete", 300, mass_delete_multi_legacy, "Six multi-object deletes by one role on one bucket within ten minutes; the log of that time does not name the keys.")
        .at(When::BeforeFanOut),
    script("acl_public_bucket", "public_exposure", 145, acl_public_bucket, "The bucket was made readable for everyone by a canned ACL."),
    script("acl_public_upload", "public_exposure", 185, acl_public_upload, "Three objects were uploaded readable for everyone."),
    script("mass_delete_slow", "mass_delete", 232, mass_delete_slow, "One user deleted 60 objects of one bucket evenly over 55 minutes."),
    script("acl_public_object", "public_exposure", 268, acl_public_object, "Five objects were made readable for everyone by a canned ACL."),
    script("acl_authenticated", "public_exposure", 335, acl_authenticated, "The bucket was made readable for every AWS account by an ACL grant."),
    script("mass_delete_denied", "mass_delete", 375, mass_delete_denied, "One user tried to delete 120 objects of one bucket and was refused each time."),
    script("acl_public_denied", "public_exposure", 442, acl_public_denied, "One user tried to make the bucket readable for everyone and was refused."),
    script("acl_cross_account", "public_exposure", 482, acl_cross_account, "The bucket was handed to a foreign canonical user with full control."),
    script("mass_delete_single", "mass_delete", 531, mass_delete_single, "One role deleted 250 objects of one bucket within 12 minutes."),
    script("new_principal", "new_access", 572, new_principal, "A role never seen before read 40 objects of a bucket that has had the same user all along."),
    script("unusual_ip", "new_access", 616, unusual_ip, "A user who has always called from the office read 30 objects from a hosting network."),
    script("new_account", "new_access", 660, new_account, "A foreign account never seen before read 25 objects of the bucket."),
    script("config_weakened", "config_change", 702, config_weakened, "Public access block and versioning of one bucket were switched off by one administrator."),
    script("mass_delete_multi", "mass_delete", 745, mass_delete_multi, "One role deleted 1,500 objects of one bucket with three multi-object deletes.")
        .at(When::AfterFanOut),
    script("anonymous_access", "new_access", 790, anonymous_access, "Callers without credentials read ten objects of a bucket that nobody had read anonymously before."),
    script("endpoint_bypass", "new_access", 832, endpoint_bypass, "A bucket that has always been read through one VPC endpoint was read from a public address."),
    script("acl_public_bucket_body", "public_exposure", 876, acl_public_bucket_body, "The bucket was made writable for everyone by an ACL grant."),
    script("version_purge", "mass_delete", 920, version_purge, "One user listed the versions of a bucket and deleted 300 of them for good."),
];

/// The key of document number `n`.
pub(crate) fn document(n: u64) -> String {
    let mut key = String::new();
    keys::document(&mut key, n);
    key
}

const fn script(
    attack: &'static str,
    family: &'static str,
    at: i64,
    act: fn(&mut Stage<'_, '_>),
    expected: &'static str,
) -> Script {
    Script { attack, family, at, when: When::Any, act, expected }
}

impl Script {
    const fn at(mut self, when: When) -> Self {
        self.when = when;
        self
    }
}

fn mass_delete_single(stage: &mut Stage<'_, '_>) {
    for n in 0..250 {
        stage.call(n * 715 / 249, "DeleteObject", &document(n.unsigned_abs()), |_| {});
    }
}

fn mass_delete_slow(stage: &mut Stage<'_, '_>) {
    for n in 0..60 {
        stage.call(n * 55, "DeleteObject", &document(n.unsigned_abs()), |_| {});
    }
}

fn mass_delete_multi(stage: &mut Stage<'_, '_>) {
    for call in 0..3 {
        let keys: Vec<String> = (call * 500..(call + 1) * 500).map(document).collect();
        stage.delete_many(call as i64 * 20, &keys);
    }
}

fn mass_delete_multi_legacy(stage: &mut Stage<'_, '_>) {
    for call in 0..6 {
        let keys: Vec<String> = (call * 1000..(call + 1) * 1000).map(document).collect();
        stage.delete_many(call as i64 * 95, &keys);
    }
}

fn version_purge(stage: &mut Stage<'_, '_>) {
    stage.call(0, "ListObjectVersions", "", |call| {
        call.bytes_out = 412_377;
    });
    for n in 0..300 {
        let mut version = String::new();
        let seed = stage.plan.rng.u64(..);
        text::letters(&mut version, text::BASE32, seed, 32);
        let tail = format!(",\"versionId\":\"{version}\"");
        let response = format!("{{\"x-amz-version-id\":\"{version}\"}}");
        // Three versions of each object.
        stage.call(30 + n * 3, "DeleteObject", &document(n.unsigned_abs() / 3), |call| {
            call.tail = &tail;
            call.response = &response;
        });
    }
}

fn mass_delete_denied(stage: &mut Stage<'_, '_>) {
    for n in 0..120 {
        stage.call(n * 5, "DeleteObject", &document(n.unsigned_abs()), |call| {
            call.fault = Some(DENIED);
        });
    }
}

fn acl_public_bucket(stage: &mut Stage<'_, '_>) {
    stage.call(0, "PutBucketAcl", "", |call| {
        call.tail = ",\"acl\":\"\",\"x-amz-acl\":\"public-read\"";
    });
}

fn acl_public_bucket_body(stage: &mut Stage<'_, '_>) {
    let owner = format!(
        "{{\"Grantee\":{{\"xmlns:xsi\":\"http://www.w3.org/2001/XMLSchema-instance\",\"xsi:type\":\"CanonicalUser\",\"ID\":\"{OWNER_ID}\"}},\"Permission\":\"FULL_CONTROL\"}}"
    );
    let everyone = group_grant("AllUsers", "WRITE");
    put_acl(stage, &format!("[{owner},{everyone}]"));
}

fn acl_authenticated(stage: &mut Stage<'_, '_>) {
    put_acl(stage, &group_grant("AuthenticatedUsers", "READ"));
}

fn acl_cross_account(stage: &mut Stage<'_, '_>) {
    stage.call(0, "PutBucketAcl", "", |call| {
        call.head = "\"accessControlList\":{\"x-amz-grant-full-control\":\"id=\\\"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\\\"\"},";
    });
}

fn acl_public_object(stage: &mut Stage<'_, '_>) {
    for n in 0..5 {
        stage.call(n * 9, "PutObjectAcl", &document(n.unsigned_abs()), |call| {
            call.tail = ",\"acl\":\"\",\"x-amz-acl\":\"public-read\"";
        });
    }
}

fn acl_public_upload(stage: &mut Stage<'_, '_>) {
    for n in 0..3 {
        stage.call(n * 14, "PutObject", &document(90_000 + n.unsigned_abs()), |call| {
            call.tail = ",\"x-amz-acl\":\"public-read\"";
            call.response = "{\"x-amz-server-side-encryption\":\"AES256\"}";
            call.bytes_in = 48_213;
            call.encryption = "Default_SSE_S3";
        });
    }
}

fn acl_public_denied(stage: &mut Stage<'_, '_>) {
    stage.call(0, "PutBucketAcl", "", |call| {
        call.tail = ",\"acl\":\"\",\"x-amz-acl\":\"public-read\"";
        call.fault = Some(DENIED);
    });
}

fn new_principal(stage: &mut Stage<'_, '_>) {
    stage.read(40, 12, |_| {});
}

fn new_account(stage: &mut Stage<'_, '_>) {
    // One caller's copy in the owner's trail: the other copy is out of our reach.
    let mut shared = String::new();
    text::uuid(&mut shared, &mut stage.plan.rng);
    let prefix = shared[..24].to_owned();
    for n in 0..25 {
        let shared = format!("{prefix}{:012x}", stage.plan.rng.u64(..) >> 16);
        let bytes = stage.plan.rng.u64(20_000..4_000_000);
        stage.call(n * 17, "GetObject", &document(n.unsigned_abs()), |call| {
            call.shared = &shared;
            call.bytes_out = bytes;
            call.encryption = "Default_SSE_S3";
        });
    }
}

fn anonymous_access(stage: &mut Stage<'_, '_>) {
    stage.read(10, 41, |_| {});
}

fn unusual_ip(stage: &mut Stage<'_, '_>) {
    stage.move_to(HOSTING);
    stage.read(30, 21, |_| {});
}

fn endpoint_bypass(stage: &mut Stage<'_, '_>) {
    stage.move_to(HOSTING_TOO);
    stage.read(20, 8, |call| call.public_path = true);
}

fn config_weakened(stage: &mut Stage<'_, '_>) {
    stage.call(0, "PutBucketPublicAccessBlock", "", |call| {
        call.head = "\"PublicAccessBlockConfiguration\":{\"xmlns\":\"http://s3.amazonaws.com/doc/2006-03-01/\",\"RestrictPublicBuckets\":false,\"BlockPublicPolicy\":false,\"BlockPublicAcls\":false,\"IgnorePublicAcls\":false},";
        call.bytes_in = 360;
    });
    stage.call(75, "PutBucketVersioning", "", |call| {
        call.head = "\"VersioningConfiguration\":{\"xmlns\":\"http://s3.amazonaws.com/doc/2006-03-01/\",\"Status\":\"Suspended\"},";
        call.bytes_in = 126;
    });
}

/// Replaces the bucket's ACL by a body with the given grants.
fn put_acl(stage: &mut Stage<'_, '_>, grants: &str) {
    let head = format!(
        "\"AccessControlPolicy\":{{\"xmlns\":\"http://s3.amazonaws.com/doc/2006-03-01/\",\"Owner\":{{\"ID\":\"{OWNER_ID}\"}},\"AccessControlList\":{{\"Grant\":{grants}}}}},"
    );
    stage.call(0, "PutBucketAcl", "", |call| {
        call.head = &head;
        call.bytes_in = 486;
    });
}

fn group_grant(group: &str, permission: &str) -> String {
    format!(
        "{{\"Grantee\":{{\"xmlns:xsi\":\"http://www.w3.org/2001/XMLSchema-instance\",\"xsi:type\":\"Group\",\"URI\":\"http://acs.amazonaws.com/groups/global/{group}\"}},\"Permission\":\"{permission}\"}}"
    )
}
