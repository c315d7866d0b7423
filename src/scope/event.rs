//! One event as far as a scope looks at it, taken out of a batch: the core columns, and *details*,
//! the values of paths that say what was read, issued, changed or undone.

use serde::{Deserialize, Serialize};

use crate::events::{Core, Dictionary, EventBatch, Field, Fields};

/// What is looked at beyond the core columns. Spellings vary between services and years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each is named after its path in DETAILS")]
pub enum Detail {
    PrincipalId,
    SessionCreated,
    UserName,
    IssuedKey,
    IssuedSession,
    Expiration,
    Response,
    ResponseVersion,
    DeleteMarker,
    Range,
    PartNumber,
    CopySource,
    CopyRange,
    SignedAt,
    SignedFor,
    BatchKey,
    TargetKey,
    TargetUser,
    TargetRole,
    KeyStatus,
    PolicyName,
    PolicyArn,
    PolicyText,
    RuleStatus,
    RuleExpires,
    RulePrefix,
    ReplicationRole,
    ReplicationTo,
    PolicyGrants,
    AclGrants,
    ForeignAccounts,
}

/// Events that change who may do what; of these alone grants are worked out.
const GRANTING: &[&str] =
    &["putbucketpolicy", "putbucketacl", "putobjectacl", "putaccesspointpolicy"];
const LIFECYCLE: &[&str] = &["putbucketlifecycle", "putbucketlifecycleconfiguration"];
const REPLICATION: &[&str] = &["putbucketreplication"];
const BATCHES: &[&str] = &["deleteobjects"];

/// Where each detail is found; of which events, in lower case, if not of all.
const DETAILS: &[(Detail, &str, &[&str])] = &[
    (Detail::PrincipalId, "userIdentity.principalId", &[]),
    (Detail::SessionCreated, "userIdentity.sessionContext.attributes.creationDate", &[]),
    (Detail::UserName, "userIdentity.userName", &[]),
    (Detail::IssuedKey, "responseElements.credentials.accessKeyId", &[]),
    (Detail::IssuedKey, "responseElements.accessKey.accessKeyId", &[]),
    (Detail::IssuedKey, "responseElements.credentialSet.credentials.accessKeyId", &[]),
    (Detail::IssuedSession, "responseElements.assumedRoleUser.assumedRoleId", &[]),
    (Detail::IssuedSession, "responseElements.federatedUser.federatedUserId", &[]),
    (Detail::Expiration, "responseElements.credentials.expiration", &[]),
    (Detail::ResponseVersion, "responseElements.x-amz-version-id", &[]),
    (Detail::DeleteMarker, "responseElements.x-amz-delete-marker", &[]),
    (Detail::Range, "requestParameters.Range", &[]),
    (Detail::Range, "requestParameters.range", &[]),
    (Detail::PartNumber, "requestParameters.partNumber", &[]),
    (Detail::CopySource, "requestParameters.x-amz-copy-source", &[]),
    (Detail::CopyRange, "requestParameters.x-amz-copy-source-range", &[]),
    (Detail::SignedAt, "requestParameters.X-Amz-Date", &[]),
    (Detail::SignedFor, "requestParameters.X-Amz-Expires", &[]),
    (Detail::BatchKey, "requestParameters.delete.objects.key", BATCHES),
    (Detail::BatchKey, "requestParameters.delete.object.key", BATCHES),
    (Detail::BatchKey, "requestParameters.Delete.Object.Key", BATCHES),
    (Detail::BatchKey, "requestParameters.Delete.Objects.Key", BATCHES),
    (Detail::TargetKey, "requestParameters.accessKeyId", &[]),
    (Detail::TargetUser, "requestParameters.userName", &[]),
    (Detail::TargetRole, "requestParameters.roleName", &[]),
    (Detail::KeyStatus, "requestParameters.status", &[]),
    (Detail::PolicyName, "requestParameters.policyName", &[]),
    (Detail::PolicyArn, "requestParameters.policyArn", &[]),
    (Detail::PolicyText, "requestParameters.policyDocument", &["putuserpolicy", "putrolepolicy"]),
    (Detail::RuleStatus, "requestParameters.LifecycleConfiguration.Rule.Status", LIFECYCLE),
    (Detail::RuleExpires, "requestParameters.LifecycleConfiguration.Rule.Expiration", LIFECYCLE),
    (
        Detail::RuleExpires,
        "requestParameters.LifecycleConfiguration.Rule.NoncurrentVersionExpiration",
        LIFECYCLE,
    ),
    (Detail::RulePrefix, "requestParameters.LifecycleConfiguration.Rule.Filter", LIFECYCLE),
    (Detail::ReplicationRole, "requestParameters.ReplicationConfiguration.Role", REPLICATION),
    (
        Detail::ReplicationTo,
        "requestParameters.ReplicationConfiguration.Rule.Destination.Bucket",
        REPLICATION,
    ),
    (
        Detail::ReplicationTo,
        "requestParameters.ReplicationConfiguration.Rule.Destination.Account",
        REPLICATION,
    ),
    (Detail::PolicyGrants, "policy_grants", GRANTING),
    (Detail::AclGrants, "acl_grants", GRANTING),
    (Detail::ForeignAccounts, "foreign_accounts", GRANTING),
];

/// The columns that a scope asks of batches.
#[derive(Debug, Clone)]
pub struct Columns {
    fields: Fields,
    details: Vec<(Detail, Field)>,
    response: Field,
}

impl Columns {
    /// All of them.
    ///
    /// # Errors
    /// None, as long as the paths above are well formed.
    pub fn new() -> Result<Self, crate::events::UnknownField> {
        let mut fields = Fields::default();
        let mut details = Vec::new();
        for (detail, path, _) in DETAILS {
            details.push((*detail, fields.resolve(path)?));
        }
        let response = fields.presence("responseElements")?;
        let events = |number: usize| {
            let of = |field: &Field| *field == Field::Path(number);
            let at = details.iter().position(|(_, field)| of(field));
            let names = at.and_then(|at| DETAILS.get(at)).map_or(&[][..], |(_, _, names)| names);
            (!names.is_empty()).then(|| names.iter().map(|name| (*name).to_owned()).collect())
        };
        let events: Vec<_> = (0..fields.columns().len()).map(events).collect();
        fields.restrict(events);
        Ok(Self { fields, details, response })
    }

    /// What to extract of records.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.fields
    }
}

/// The events of a batch.
pub(crate) struct Rows<'b> {
    columns: &'b Columns,
    /// The batch.
    pub batch: &'b EventBatch,
}

impl<'b> Rows<'b> {
    pub(crate) fn new(columns: &'b Columns, batch: &'b EventBatch) -> Self {
        Self { columns, batch }
    }

    /// The dictionary of a core column.
    pub(crate) fn dictionary(&self, core: Core) -> Option<Dictionary<'b>> {
        self.batch.dictionary(Field::Core(core))
    }

    /// The text of a core column, unless it is empty.
    pub(crate) fn text(&self, core: Core, row: usize) -> Option<&'b str> {
        let plain = || {
            let texts = self.batch.text(core)?;
            arrow::array::Array::is_valid(texts, row).then(|| texts.value(row))
        };
        let found = match self.dictionary(core) {
            Some(dictionary) => dictionary.value(dictionary.first_key(row)?),
            None => plain(),
        };
        found.filter(|text| !text.is_empty())
    }

    /// The first value of a detail.
    pub(crate) fn detail(&self, detail: Detail, row: usize) -> Option<&'b str> {
        let of = |(named, _): &&(Detail, Field)| *named == detail;
        self.columns.details.iter().filter(of).find_map(|(_, field)| {
            let dictionary = self.batch.dictionary(*field)?;
            dictionary.value(dictionary.first_key(row)?).filter(|text| !text.is_empty())
        })
    }

    fn number(&self, core: Core, row: usize) -> Option<u64> {
        let numbers = self.batch.integer(core)?;
        let is_there = arrow::array::Array::is_valid(numbers, row);
        u64::try_from(is_there.then(|| numbers.value(row))?).ok()
    }

    /// What identifies the request among events: the copies of it in several trails have it in common.
    pub(crate) fn request(&self, row: usize) -> String {
        let own = || {
            let id = self.text(Core::EventId, row)?;
            Some(format!("{}/{id}", self.text(Core::RecipientAccount, row).unwrap_or_default()))
        };
        let place = || {
            let object = self.batch.object_uri(row).map(AsRef::as_ref).unwrap_or_default();
            format!("{object}#{}", self.batch.record_number(row))
        };
        let shared = self.text(Core::SharedEventId, row).map(str::to_owned);
        shared.or_else(own).unwrap_or_else(place)
    }

    /// The event, all of it.
    pub(crate) fn event(&self, row: usize) -> Event {
        let text = |core| self.text(core, row).map(str::to_owned);
        let mut details = Vec::new();
        for (detail, field) in &self.columns.details {
            let Some(dictionary) = self.batch.dictionary(*field) else { continue };
            let values = dictionary.keys(row).filter_map(|key| dictionary.value(key));
            details.extend(values.map(|value| (*detail, value.to_owned())));
        }
        let response = self.batch.dictionary(self.columns.response);
        let has_response = response.is_some_and(|presence| {
            presence.keys(row).any(|key| presence.value(key) == Some(Fields::VALUE))
        });
        details.extend(has_response.then(|| (Detail::Response, String::new())));
        details.sort_unstable();
        details.dedup();
        Event {
            request: self.request(row),
            time: self.batch.times().get(row).copied().unwrap_or_default(),
            account: text(Core::RecipientAccount),
            event_id: text(Core::EventId),
            shared_event_id: text(Core::SharedEventId),
            region: text(Core::AwsRegion),
            source: text(Core::EventSource).unwrap_or_default(),
            name: text(Core::EventName).unwrap_or_default(),
            category: text(Core::EventCategory),
            event_type: text(Core::EventType),
            error_code: text(Core::ErrorCode),
            access_key: text(Core::AccessKeyId),
            principal: text(Core::Principal),
            principal_type: text(Core::PrincipalType),
            principal_arn: text(Core::PrincipalArn),
            session_name: text(Core::SessionName),
            caller_account: text(Core::CallerAccount),
            invoked_by: text(Core::InvokedBy),
            source_ip: text(Core::SourceIp),
            user_agent: text(Core::UserAgent),
            vpc_endpoint: text(Core::VpcEndpoint),
            bucket: text(Core::Bucket),
            bucket_owner: text(Core::BucketOwnerAccount),
            object_key: text(Core::ObjectKey),
            version_id: text(Core::VersionId),
            bytes_in: self.number(Core::BytesIn, row),
            bytes_out: self.number(Core::BytesOut, row),
            auth_method: text(Core::AuthMethod),
            details,
            object_uri: self.batch.object_uri(row).map(ToString::to_string).unwrap_or_default(),
            record_number: self.batch.record_number(row),
        }
    }
}

/// An event. They sort by request, so that its copies stand together; what is the same event read
/// twice differs in its place alone, which comes last.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "named after the core columns")]
pub struct Event {
    /// `sharedEventID`, else account and `eventID`, else the place.
    pub request: String,
    pub time: i64,
    pub account: Option<String>,
    pub event_id: Option<String>,
    pub shared_event_id: Option<String>,
    pub region: Option<String>,
    pub source: String,
    pub name: String,
    pub category: Option<String>,
    pub event_type: Option<String>,
    pub error_code: Option<String>,
    pub access_key: Option<String>,
    pub principal: Option<String>,
    pub principal_type: Option<String>,
    pub principal_arn: Option<String>,
    pub session_name: Option<String>,
    pub caller_account: Option<String>,
    pub invoked_by: Option<String>,
    pub source_ip: Option<String>,
    pub user_agent: Option<String>,
    pub vpc_endpoint: Option<String>,
    pub bucket: Option<String>,
    pub bucket_owner: Option<String>,
    pub object_key: Option<String>,
    pub version_id: Option<String>,
    pub bytes_in: Option<u64>,
    pub bytes_out: Option<u64>,
    pub auth_method: Option<String>,
    /// Sorted.
    pub details: Vec<(Detail, String)>,
    pub object_uri: String,
    pub record_number: u64,
}

impl Event {
    /// The first value of a detail.
    #[must_use]
    pub fn detail(&self, detail: Detail) -> Option<&str> {
        self.details(detail).find(|text| !text.is_empty())
    }

    /// All values of a detail.
    pub fn details(&self, detail: Detail) -> impl Iterator<Item = &str> {
        let of = move |(named, _): &&(Detail, String)| *named == detail;
        self.details.iter().filter(of).map(|(_, text)| text.as_str())
    }

    /// Whether the log shows what the service answered.
    #[must_use]
    pub fn has_response(&self) -> bool {
        self.details.iter().any(|(named, _)| *named == Detail::Response)
    }

    /// Whether the call was done.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.error_code.is_none()
    }

    /// About its bytes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let texts = [&self.user_agent, &self.object_key, &self.principal, &self.principal_arn];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        let details: usize = self.details.iter().map(|(_, text)| 48 + text.len()).sum();
        size_of::<Self>() + 400 + texts + details + self.object_uri.len()
    }
}
