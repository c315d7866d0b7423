//! Names that CloudTrail is known to write, for hints alone: AWS adds names without notice, so none
//! is refused for being absent here.

use crate::events::{Core, derived_names};

/// Fields under which only these names stand. A path elsewhere is never seen in a record.
const CLOSED: &[&str] = &[
    "addendum.originalEventID",
    "addendum.originalRequestID",
    "addendum.reason",
    "addendum.updatedFields",
    "annotation",
    "apiVersion",
    "errorMessage",
    "eventTime",
    "eventVersion",
    "managementEvent",
    "requestID",
    "resources.ARN",
    "resources.ARNPrefix",
    "resources.accountId",
    "resources.type",
    "sessionCredentialFromConsole",
    "tlsDetails.cipherSuite",
    "tlsDetails.clientProvidedHostHeader",
    "tlsDetails.keyExchange",
    "userIdentity.accountId",
    "userIdentity.credentialId",
    "userIdentity.identityProvider",
    "userIdentity.inScopeOf.credentialsIssuedTo",
    "userIdentity.inScopeOf.issuerType",
    "userIdentity.inScopeOf.sourceAccount",
    "userIdentity.inScopeOf.sourceArn",
    "userIdentity.invokedByDelegate.accountId",
    "userIdentity.onBehalfOf.identityStoreArn",
    "userIdentity.onBehalfOf.userId",
    "userIdentity.principalId",
    "userIdentity.sessionContext.assumedRoot",
    "userIdentity.sessionContext.attributes.creationDate",
    "userIdentity.sessionContext.attributes.mfaAuthenticated",
    "userIdentity.sessionContext.ec2RoleDelivery",
    "userIdentity.sessionContext.sessionIssuer.accountId",
    "userIdentity.sessionContext.sessionIssuer.arn",
    "userIdentity.sessionContext.sessionIssuer.principalId",
    "userIdentity.sessionContext.sessionIssuer.type",
    "userIdentity.sessionContext.sessionIssuer.userName",
    "userIdentity.sessionContext.signInSessionArn",
    "userIdentity.sessionContext.sourceIdentity",
    "userIdentity.sessionContext.webIdFederationData.federatedProvider",
    "userIdentity.userName",
    "vpcEndpointAccountId",
];

/// Names below fields that hold whatever a service puts there: S3's own.
const OPEN: &[&str] = &[
    "additionalEventData.AuthenticationMethod",
    "additionalEventData.CipherSuite",
    "additionalEventData.SSEApplied",
    "additionalEventData.SignatureVersion",
    "additionalEventData.aclRequired",
    "additionalEventData.bytesTransferredIn",
    "additionalEventData.bytesTransferredOut",
    "additionalEventData.x-amz-id-2",
    "requestParameters.Host",
    "requestParameters.PublicAccessBlockConfiguration.BlockPublicAcls",
    "requestParameters.PublicAccessBlockConfiguration.BlockPublicPolicy",
    "requestParameters.PublicAccessBlockConfiguration.IgnorePublicAcls",
    "requestParameters.PublicAccessBlockConfiguration.RestrictPublicBuckets",
    "requestParameters.VersioningConfiguration.MfaDelete",
    "requestParameters.VersioningConfiguration.Status",
    "requestParameters.bucketName",
    "requestParameters.bucketPolicy",
    "requestParameters.delimiter",
    "requestParameters.key",
    "requestParameters.legal-hold",
    "requestParameters.list-type",
    "requestParameters.max-keys",
    "requestParameters.partNumber",
    "requestParameters.prefix",
    "requestParameters.retention",
    "requestParameters.uploadId",
    "requestParameters.versionId",
    "requestParameters.x-amz-acl",
    "requestParameters.x-amz-bypass-governance-retention",
    "requestParameters.x-amz-copy-source",
    "requestParameters.x-amz-server-side-encryption",
    "requestParameters.x-amz-server-side-encryption-aws-kms-key-id",
    "requestParameters.x-amz-server-side-encryption-customer-algorithm",
    "requestParameters.x-amz-storage-class",
    "responseElements.x-amz-server-side-encryption",
    "responseElements.x-amz-version-id",
];

/// What services fill as they like.
const ROOTS: &[&str] = &[
    "additionalEventData",
    "edgeDeviceDetails",
    "eventContext",
    "insightDetails",
    "requestParameters",
    "responseElements",
    "serviceEventDetails",
    "userIdentity.sessionContext.webIdFederationData.attributes",
];

/// S3's event sources.
const SOURCES: &[&str] = &[
    "s3.amazonaws.com",
    "s3express.amazonaws.com",
    "s3-outposts.amazonaws.com",
    "s3-object-lambda.amazonaws.com",
    "s3lifecycle.amazonaws.com",
    "s3-authn-errors.amazonaws.com",
    "s3tables.amazonaws.com",
    "s3vectors.amazonaws.com",
];

/// S3's event names in CloudTrail's spelling.
const EVENTS: &str = "\
    AbortMultipartUpload CompleteMultipartUpload CopyObject CreateBucket \
    CreateBucketMetadataConfiguration CreateBucketMetadataTableConfiguration \
    CreateMultipartUpload CreateSession DeleteAccountPublicAccessBlock DeleteBucket \
    DeleteBucketAnalyticsConfiguration DeleteBucketCors DeleteBucketEncryption \
    DeleteBucketIntelligentTieringConfiguration DeleteBucketInventoryConfiguration \
    DeleteBucketLifecycle DeleteBucketMetadataConfiguration \
    DeleteBucketMetadataTableConfiguration DeleteBucketMetricsConfiguration \
    DeleteBucketOwnershipControls DeleteBucketPolicy DeleteBucketPublicAccessBlock \
    DeleteBucketReplication DeleteBucketTagging DeleteBucketWebsite DeleteObject \
    DeleteObjectAnnotation DeleteObjectTagging DeleteObjects GetAccelerateConfiguration \
    GetAccountPublicAccessBlock GetBucketAcl GetBucketAnalyticsConfiguration GetBucketCors \
    GetBucketEncryption GetBucketIntelligentTieringConfiguration GetBucketInventoryConfiguration \
    GetBucketLifecycle GetBucketLocation GetBucketLogging GetBucketMetadataConfiguration \
    GetBucketMetadataTableConfiguration GetBucketMetricsConfiguration GetBucketNotification \
    GetBucketObjectLockConfiguration GetBucketOwnershipControls GetBucketPolicy \
    GetBucketPolicyStatus GetBucketPublicAccessBlock GetBucketReplication \
    GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite GetObject \
    GetObjectAcl GetObjectAnnotation GetObjectAttributes GetObjectLegalHold GetObjectRetention \
    GetObjectTagging GetObjectTorrent HeadBucket HeadObject InitiateReplication JobCreated \
    JobStatusChanged ListAccessPoints ListBuckets ListDirectoryBuckets ListMultipartUploads \
    ListObjectAnnotations ListObjectVersions ListObjects ListParts PreflightRequest \
    PutAccelerateConfiguration PutAccountPublicAccessBlock PutBucketAcl \
    PutBucketAnalyticsConfiguration PutBucketCors PutBucketEncryption \
    PutBucketIntelligentTieringConfiguration PutBucketInventoryConfiguration PutBucketLifecycle \
    PutBucketLogging PutBucketMetricsConfiguration PutBucketNotification \
    PutBucketObjectLockConfiguration PutBucketOwnershipControls PutBucketPolicy \
    PutBucketPublicAccessBlock PutBucketReplication PutBucketRequestPayment PutBucketTagging \
    PutBucketVersioning PutBucketWebsite PutObject PutObjectAcl PutObjectAnnotation \
    PutObjectLegalHold PutObjectRetention PutObjectTagging RestoreObject SelectObjectContent \
    UpdateObjectEncryption UploadPart UploadPartCopy WriteGetObjectResponse";

/// Names of the S3 API and of IAM actions that CloudTrail writes otherwise: such a rule never fires.
const MISTAKES: &[(&str, &str)] = &[
    ("DeleteBucketLifecycleConfiguration", "DeleteBucketLifecycle"),
    ("DeleteObjectVersion", "DeleteObject"),
    ("DeletePublicAccessBlock", "DeleteBucketPublicAccessBlock"),
    ("GetAnalyticsConfiguration", "GetBucketAnalyticsConfiguration"),
    ("GetBucketAccelerateConfiguration", "GetAccelerateConfiguration"),
    ("GetBucketLifecycleConfiguration", "GetBucketLifecycle"),
    ("GetBucketNotificationConfiguration", "GetBucketNotification"),
    ("GetEncryptionConfiguration", "GetBucketEncryption"),
    ("GetInventoryConfiguration", "GetBucketInventoryConfiguration"),
    ("GetLifecycleConfiguration", "GetBucketLifecycle"),
    ("GetMetricsConfiguration", "GetBucketMetricsConfiguration"),
    ("GetObjectLockConfiguration", "GetBucketObjectLockConfiguration"),
    ("GetObjectVersion", "GetObject"),
    ("GetObjectVersionAcl", "GetObjectAcl"),
    ("GetPublicAccessBlock", "GetBucketPublicAccessBlock"),
    ("GetReplicationConfiguration", "GetBucketReplication"),
    ("ListAllMyBuckets", "ListBuckets"),
    ("ListBucket", "ListObjects"),
    ("ListBucketMultipartUploads", "ListMultipartUploads"),
    ("ListBucketVersions", "ListObjectVersions"),
    ("ListMultipartUploadParts", "ListParts"),
    ("PutAnalyticsConfiguration", "PutBucketAnalyticsConfiguration"),
    ("PutBucketAccelerateConfiguration", "PutAccelerateConfiguration"),
    ("PutBucketLifecycleConfiguration", "PutBucketLifecycle"),
    ("PutBucketNotificationConfiguration", "PutBucketNotification"),
    ("PutEncryptionConfiguration", "PutBucketEncryption"),
    ("PutInventoryConfiguration", "PutBucketInventoryConfiguration"),
    ("PutLifecycleConfiguration", "PutBucketLifecycle"),
    ("PutMetricsConfiguration", "PutBucketMetricsConfiguration"),
    ("PutObjectLockConfiguration", "PutBucketObjectLockConfiguration"),
    ("PutObjectVersionAcl", "PutObjectAcl"),
    ("PutPublicAccessBlock", "PutBucketPublicAccessBlock"),
    ("PutReplicationConfiguration", "PutBucketReplication"),
];

/// Something odd about a name: what, and what was perhaps meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Doubt {
    /// What is odd.
    pub message: String,
    /// What was perhaps meant.
    pub meant: Option<&'static str>,
}

/// Doubts about the name of a field.
pub(super) fn field(name: &str) -> Option<Doubt> {
    let is_known = |known: &str| known == name || within(known, name);
    if fields().any(is_known) || name.contains('[') {
        return None;
    }
    // `a.b.**.key`: the key may be anything, what stands before it may not.
    if let Some((before, _)) = name.split_once(".**") {
        return if ROOTS.contains(&before) { None } else { field(before) };
    }
    let meant = near(name, fields());
    if ROOTS.iter().any(|root| within(name, root)) {
        let meant = meant?;
        return Some(Doubt {
            message: format!("`{name}` is close to a known field"),
            meant: Some(meant),
        });
    }
    let message = format!("`{name}` is no known CloudTrail field and no column of trailsift");
    Some(Doubt { message, meant })
}

/// Doubts about the name of an event of S3.
pub(super) fn event(name: &str) -> Option<Doubt> {
    let known = || EVENTS.split_whitespace();
    if known().any(|known| known.eq_ignore_ascii_case(name)) {
        return None;
    }
    let mistake = MISTAKES.iter().find(|(wrong, _)| wrong.eq_ignore_ascii_case(name));
    if let Some((wrong, right)) = mistake {
        let message =
            format!("CloudTrail never writes `{wrong}`: it is a name of the API or of IAM");
        return Some(Doubt { message, meant: Some(right) });
    }
    let meant = near(name, known())?;
    Some(Doubt { message: format!("`{name}` is no known event of S3"), meant: Some(meant) })
}

/// Doubts about the name of an event source.
pub(super) fn source(name: &str) -> Option<Doubt> {
    if SOURCES.contains(&name) || !name.starts_with("s3") {
        return None;
    }
    let message = format!("`{name}` is no known event source of S3");
    let usual = name.starts_with("s3.").then_some("s3.amazonaws.com");
    Some(Doubt { message, meant: near(name, SOURCES.iter().copied()).or(usual) })
}

/// The name that was perhaps meant: another spelling, the end of a longer path, or a few letters off.
pub(super) fn near<'k>(
    name: &str,
    known: impl Iterator<Item = &'k str> + Clone,
) -> Option<&'k str> {
    let same = known.clone().find(|known| known.eq_ignore_ascii_case(name));
    let tail = name.split_once('.').map_or(name, |(_, tail)| tail);
    let ends = |tail: &str| {
        known.clone().filter(|known| ends_in(known, tail)).min_by_key(|known| known.len())
    };
    same.or_else(|| ends(name)).or_else(|| ends(tail)).or_else(|| {
        let last = name.rsplit('.').next().map_or(0, str::len);
        let most = (last / 4).clamp(1, 2);
        let lower = name.to_lowercase();
        let distance = |known: &&str| strsim::damerau_levenshtein(&known.to_lowercase(), &lower);
        known
            .map(|known| (distance(&known), known))
            .filter(|(distance, _)| *distance <= most)
            .min()
            .map(|(_, known)| known)
    })
}

/// Whether `path` lies below `root`.
fn within(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.starts_with('.'))
}

/// Whether the last parts of `path` are `tail`.
fn ends_in(path: &str, tail: &str) -> bool {
    path.strip_suffix(tail).is_some_and(|rest| rest.ends_with('.'))
}

fn fields() -> impl Iterator<Item = &'static str> + Clone {
    let core = Core::names().chain(derived_names());
    core.chain(CLOSED.iter().copied()).chain(OPEN.iter().copied()).chain(ROOTS.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cloudtrail_writes_is_beyond_doubt() {
        let names = [
            "eventName",
            "bucket",
            "acl_grants",
            "userIdentity",
            "userIdentity.sessionContext",
            "userIdentity.sessionContext.sessionIssuer.userName",
            "requestParameters.whatever.a.service.likes",
            "requestParameters.**.BypassGovernanceRetention",
            "resources.ARN",
        ];
        for name in names {
            assert_eq!(field(name), None, "{name}");
        }
        for name in ["DeleteObject", "deleteobject", "SomethingNewOfS3"] {
            assert_eq!(event(name), None, "{name}");
        }
        assert_eq!(source("s3express.amazonaws.com"), None);
        assert_eq!(source("kms.amazonaws.com"), None);
    }

    #[test]
    fn what_was_meant_is_said() {
        let fields = [
            ("eventname", Some("eventName")),
            ("event_nmae", Some("event_name")),
            (
                "userIdentity.sessionIssuer.userName",
                Some("userIdentity.sessionContext.sessionIssuer.userName"),
            ),
            ("sessionIssuer.arn", Some("userIdentity.sessionContext.sessionIssuer.arn")),
            (
                "userIdentity.sessionContext.attributes.mfaAuthenticatd",
                Some("userIdentity.sessionContext.attributes.mfaAuthenticated"),
            ),
            ("bucketName", Some("requestParameters.bucketName")),
            ("requestParameters.bucketname", Some("requestParameters.bucketName")),
            ("userIdentity.favouriteColour", None),
        ];
        for (name, meant) in fields {
            let doubt = field(name);
            assert!(doubt.is_some(), "{name}");
            assert_eq!(doubt.and_then(|doubt| doubt.meant), meant, "{name}");
        }
        let meant = |name| event(name).and_then(|doubt| doubt.meant);
        assert_eq!(meant("PutBucketLifecycleConfiguration"), Some("PutBucketLifecycle"));
        assert_eq!(meant("PutPublicAccessBlock"), Some("PutBucketPublicAccessBlock"));
        assert_eq!(meant("ListAllMyBuckets"), Some("ListBuckets"));
        assert_eq!(meant("DeleteObjct"), Some("DeleteObject"));
        assert_eq!(source("s3.amazon.com").and_then(|doubt| doubt.meant), Some("s3.amazonaws.com"));
    }
}
