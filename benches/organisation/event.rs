//! A call as the simulation plans it: small, and without text.
//!
//! In: what traffic and attacks decide. Out: rows to be counted, sorted and at last written.

/// What a call does; names as CloudTrail spells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Get,
    Head,
    GetTags,
    Put,
    PutTags,
    PutObjectAcl,
    Delete,
    DeleteMany,
    List,
    ListVersions,
    ListBuckets,
    HeadBucket,
    Location,
    Acl,
    Policy,
    Versioning,
    Encryption,
    PublicBlock,
    Lifecycle,
    Logging,
    BucketTags,
    CreateBucket,
    PutPolicy,
    PutBucketAcl,
    PutLifecycle,
    PutBucketTags,
    PutPublicBlock,
    CreateUpload,
    UploadPart,
    CompleteUpload,
}

/// The groups of actions whose daily counts make an attack's strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Objects read.
    Read,
    /// Objects written.
    Write,
    /// Objects deleted.
    Delete,
    /// Buckets, objects and settings looked at, but for objects read.
    Discovery,
    /// Policies and ACLs written.
    Permission,
    /// Anything refused.
    Denied,
    /// Everything else.
    Other,
}

/// How a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Denied,
    NoSuchKey,
    /// The bucket lacks the setting that was asked for.
    NotSet,
}

/// What is particular about a call's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twist {
    /// Encrypted with a key that the caller brought along.
    CustomerKey,
    /// Encrypted with a KMS key of another account.
    ForeignKey,
    /// Opened for everyone.
    Everyone,
    /// Opened for a foreign account.
    Stranger,
}

/// Which service calls on the principal's behalf.
pub(crate) const VIA: [&str; 3] =
    ["athena.amazonaws.com", "cloudformation.amazonaws.com", "config.amazonaws.com"];

/// One call.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    /// Unix seconds.
    pub time: i64,
    /// Position of the principal.
    pub principal: u16,
    /// What it does.
    pub action: Action,
    /// Position of the bucket.
    pub bucket: u16,
    /// Stands for the object's key.
    pub(crate) key: u64,
    pub(crate) caller: Caller,
    /// Position in [`VIA`].
    pub(crate) via: Option<u8>,
    pub(crate) failure: Option<Failure>,
    pub(crate) twist: Option<Twist>,
    /// Whether this is one key of a multi-object delete, which `key` of the parent names.
    pub(crate) parent: Option<u64>,
}

/// From where, with which credentials and which client a call is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) ip: [u8; 4],
    /// Stands for the session's credentials and name.
    pub(crate) session: u64,
    /// When they were issued.
    pub(crate) created: i64,
    /// Position of the user agent.
    pub(crate) agent: u16,
    /// Which of the people that share the principal.
    pub(crate) person: u8,
    /// Whether the call comes through the principal's VPC endpoint, if it has one.
    pub(crate) inside: bool,
}

impl Event {
    /// A call that succeeds.
    pub(crate) fn new(time: i64, principal: usize, caller: Caller, action: Action) -> Self {
        Self {
            time,
            principal: principal as u16,
            action,
            bucket: 0,
            key: 0,
            caller,
            via: None,
            failure: None,
            twist: None,
            parent: None,
        }
    }

    pub(crate) fn on(mut self, bucket: usize, key: u64) -> Self {
        (self.bucket, self.key) = (bucket as u16, key);
        self
    }

    /// The group in which the call is counted.
    pub fn class(&self) -> Class {
        if self.failure == Some(Failure::Denied) { Class::Denied } else { self.action.class() }
    }
}

impl Action {
    /// The group of the action when it succeeds.
    pub(crate) fn class(self) -> Class {
        match self {
            Self::Get => Class::Read,
            Self::Put | Self::UploadPart => Class::Write,
            Self::Delete => Class::Delete,
            Self::PutPolicy | Self::PutBucketAcl | Self::PutObjectAcl => Class::Permission,
            Self::DeleteMany
            | Self::PutTags
            | Self::CreateBucket
            | Self::PutLifecycle
            | Self::PutBucketTags
            | Self::PutPublicBlock
            | Self::CreateUpload
            | Self::CompleteUpload => Class::Other,
            _ => Class::Discovery,
        }
    }

    /// Whether it concerns one object.
    pub(crate) fn has_key(self) -> bool {
        matches!(
            self,
            Self::Get
                | Self::Head
                | Self::GetTags
                | Self::Put
                | Self::PutTags
                | Self::PutObjectAcl
                | Self::Delete
                | Self::CreateUpload
                | Self::UploadPart
                | Self::CompleteUpload
        )
    }

    /// `eventName`, and what `requestParameters` has because of the action alone.
    pub(crate) fn wire(self) -> (&'static str, &'static str) {
        match self {
            Self::Get => ("GetObject", ""),
            Self::Head => ("HeadObject", ""),
            Self::GetTags => ("GetObjectTagging", ",\"tagging\":\"\""),
            Self::Put => ("PutObject", ""),
            Self::PutTags => ("PutObjectTagging", ",\"tagging\":\"\""),
            Self::PutObjectAcl => ("PutObjectAcl", ",\"acl\":\"\""),
            Self::Delete => ("DeleteObject", ""),
            Self::DeleteMany => ("DeleteObjects", ",\"delete\":\"\",\"x-id\":\"DeleteObjects\""),
            Self::List => ("ListObjects", ""),
            Self::ListVersions => {
                ("ListObjectVersions", ",\"versions\":\"\",\"max-keys\":\"1000\"")
            }
            Self::ListBuckets => ("ListBuckets", ""),
            Self::HeadBucket => ("HeadBucket", ""),
            Self::Location => ("GetBucketLocation", ",\"location\":\"\""),
            Self::Acl => ("GetBucketAcl", ",\"acl\":\"\""),
            Self::Policy => ("GetBucketPolicy", ",\"policy\":\"\""),
            Self::Versioning => ("GetBucketVersioning", ",\"versioning\":\"\""),
            Self::Encryption => ("GetBucketEncryption", ",\"encryption\":\"\""),
            Self::PublicBlock => ("GetBucketPublicAccessBlock", ",\"publicAccessBlock\":\"\""),
            Self::Lifecycle => ("GetBucketLifecycle", ",\"lifecycle\":\"\""),
            Self::Logging => ("GetBucketLogging", ",\"logging\":\"\""),
            Self::BucketTags => ("GetBucketTagging", ",\"tagging\":\"\""),
            Self::CreateBucket => ("CreateBucket", ""),
            Self::PutPolicy => ("PutBucketPolicy", ",\"policy\":\"\""),
            Self::PutBucketAcl => ("PutBucketAcl", ",\"acl\":\"\""),
            Self::PutLifecycle => ("PutBucketLifecycle", ",\"lifecycle\":\"\""),
            Self::PutBucketTags => ("PutBucketTagging", ",\"tagging\":\"\""),
            Self::PutPublicBlock => ("PutBucketPublicAccessBlock", ",\"publicAccessBlock\":\"\""),
            Self::CreateUpload => ("CreateMultipartUpload", ",\"uploads\":\"\""),
            Self::UploadPart => ("UploadPart", ",\"x-id\":\"UploadPart\""),
            Self::CompleteUpload => ("CompleteMultipartUpload", ""),
        }
    }
}
