//! The fixed inputs of the core columns: where each stands in a record, and what one record holds
//! of them.

use std::borrow::Cow;

use simd_json::tape::Value;

use super::value;

/// The fixed inputs of the core columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "each is named after its path in SLOTS")]
pub(super) enum Slot {
    EventTime,
    EventId,
    EventSource,
    EventName,
    AwsRegion,
    RecipientAccount,
    WindowStart,
    EventCategory,
    ManagementEvent,
    EventType,
    ReadOnly,
    SourceIp,
    UserAgent,
    ErrorCode,
    SharedEventId,
    VpcEndpoint,
    IdentityType,
    IdentityArn,
    IdentityPrincipalId,
    IdentityAccount,
    IdentityAccessKey,
    IdentityUserName,
    IdentityInvokedBy,
    IdentityOnBehalfOf,
    IssuerArn,
    IssuerAccount,
    Mfa,
    RequestParameters,
    ResponseElements,
    AdditionalEventData,
    UserIdentity,
    BucketName,
    Key,
    VersionId,
    Host,
    Resources,
    BytesIn,
    BytesOut,
    AuthMethod,
    SignatureVersion,
    EncryptionApplied,
    TlsVersion,
    CannedAcl,
    AclBody,
    AclHeaders,
    GrantRead,
    GrantWrite,
    GrantReadAcp,
    GrantWriteAcp,
    GrantFullControl,
    AggregatedAccount,
}

/// How many slots there are.
pub(super) const SLOT_COUNT: usize = Slot::AggregatedAccount as usize + 1;

/// Where each slot is found. Spellings vary between services (`Host`/`host`, `Key`/`key`).
pub(super) const SLOTS: &[(&str, Slot)] = &[
    ("eventTime", Slot::EventTime),
    ("eventID", Slot::EventId),
    ("eventId", Slot::EventId),
    ("eventSource", Slot::EventSource),
    ("eventName", Slot::EventName),
    ("awsRegion", Slot::AwsRegion),
    ("recipientAccountId", Slot::RecipientAccount),
    // Aggregated events have no recipient and no time.
    ("accountId", Slot::AggregatedAccount),
    ("timeWindow.windowStart", Slot::WindowStart),
    ("eventCategory", Slot::EventCategory),
    ("managementEvent", Slot::ManagementEvent),
    ("eventType", Slot::EventType),
    ("readOnly", Slot::ReadOnly),
    ("sourceIPAddress", Slot::SourceIp),
    ("userAgent", Slot::UserAgent),
    ("errorCode", Slot::ErrorCode),
    ("sharedEventID", Slot::SharedEventId),
    ("vpcEndpointId", Slot::VpcEndpoint),
    ("userIdentity.type", Slot::IdentityType),
    ("userIdentity.arn", Slot::IdentityArn),
    ("userIdentity.principalId", Slot::IdentityPrincipalId),
    ("userIdentity.accountId", Slot::IdentityAccount),
    ("userIdentity.accessKeyId", Slot::IdentityAccessKey),
    ("userIdentity.userName", Slot::IdentityUserName),
    ("userIdentity.invokedBy", Slot::IdentityInvokedBy),
    ("userIdentity.onBehalfOf.userId", Slot::IdentityOnBehalfOf),
    ("userIdentity.sessionContext.sessionIssuer.arn", Slot::IssuerArn),
    ("userIdentity.sessionContext.sessionIssuer.accountId", Slot::IssuerAccount),
    ("userIdentity.sessionContext.attributes.mfaAuthenticated", Slot::Mfa),
    ("userIdentity", Slot::UserIdentity),
    ("requestParameters", Slot::RequestParameters),
    ("responseElements", Slot::ResponseElements),
    ("additionalEventData", Slot::AdditionalEventData),
    ("requestParameters.bucketName", Slot::BucketName),
    ("requestParameters.key", Slot::Key),
    ("requestParameters.Key", Slot::Key),
    ("requestParameters.versionId", Slot::VersionId),
    ("requestParameters.Host", Slot::Host),
    ("requestParameters.host", Slot::Host),
    ("resources", Slot::Resources),
    ("additionalEventData.bytesTransferredIn", Slot::BytesIn),
    ("additionalEventData.bytesTransferredOut", Slot::BytesOut),
    ("additionalEventData.AuthenticationMethod", Slot::AuthMethod),
    ("additionalEventData.SignatureVersion", Slot::SignatureVersion),
    ("additionalEventData.SSEApplied", Slot::EncryptionApplied),
    ("tlsDetails.tlsVersion", Slot::TlsVersion),
    ("requestParameters.x-amz-acl", Slot::CannedAcl),
    ("requestParameters.X-Amz-Acl", Slot::CannedAcl),
    ("requestParameters.AccessControlPolicy", Slot::AclBody),
    ("requestParameters.accessControlList", Slot::AclHeaders),
    ("requestParameters.x-amz-grant-read", Slot::GrantRead),
    ("requestParameters.x-amz-grant-write", Slot::GrantWrite),
    ("requestParameters.x-amz-grant-read-acp", Slot::GrantReadAcp),
    ("requestParameters.x-amz-grant-write-acp", Slot::GrantWriteAcp),
    ("requestParameters.x-amz-grant-full-control", Slot::GrantFullControl),
];

/// Other well-known fields, in CloudTrail's spelling.
const KNOWN: &[&str] = &[
    "addendum.reason",
    "apiVersion",
    "errorMessage",
    "eventVersion",
    "requestID",
    "serviceEventDetails",
    "sessionCredentialFromConsole",
    "tlsDetails.cipherSuite",
    "tlsDetails.clientProvidedHostHeader",
    "userIdentity.identityProvider",
    "userIdentity.sessionContext.attributes.creationDate",
    "userIdentity.sessionContext.ec2RoleDelivery",
    "userIdentity.sessionContext.sessionIssuer.principalId",
    "userIdentity.sessionContext.sessionIssuer.type",
    "userIdentity.sessionContext.sessionIssuer.userName",
    "userIdentity.sessionContext.sourceIdentity",
    "userIdentity.sessionContext.webIdFederationData.federatedProvider",
    "vpcEndpointAccountId",
];

/// A well-known path in CloudTrail's spelling, if `name` is one in another case. (Keys of records are
/// told by their case: who makes a request chooses names in it, and must not pass for others.)
pub(super) fn canonical(name: &str) -> Option<&'static str> {
    let slots = SLOTS.iter().map(|(path, _)| *path);
    let mut known = slots.chain(KNOWN.iter().copied());
    let found = known.clone().find(|path| *path == name);
    found.or_else(|| known.find(|path| path.eq_ignore_ascii_case(name)))
}

/// The slots of one record.
#[derive(Debug)]
pub(super) struct Slots<'t, 'i>([Option<Value<'t, 'i>>; SLOT_COUNT]);

impl<'t, 'i> Slots<'t, 'i> {
    /// No slot is filled.
    pub(super) fn new() -> Self {
        Self([None; SLOT_COUNT])
    }

    /// The raw value of a slot.
    pub(super) fn value(&self, slot: Slot) -> Option<Value<'t, 'i>> {
        self.0.get(slot as usize).copied().flatten()
    }

    /// The slot's string.
    pub(super) fn string(&self, slot: Slot) -> Option<&'i str> {
        self.value(slot).and_then(value::string)
    }

    /// The values of the slots that tell copies of an event from other events. States keep digests
    /// of them, so slots of later versions stand behind and are left out.
    pub(super) fn identifying(&self) -> impl Iterator<Item = Option<Value<'t, 'i>>> {
        self.0.iter().take(Slot::GrantFullControl as usize + 1).copied()
    }

    /// The slot's string, number or boolean as text.
    pub(super) fn text(&self, slot: Slot) -> Option<Cow<'i, str>> {
        self.value(slot).and_then(value::text)
    }

    /// The account whose trail got the record.
    pub(super) fn account(&self) -> Option<Cow<'i, str>> {
        self.text(Slot::RecipientAccount).or_else(|| self.text(Slot::AggregatedAccount))
    }

    /// The slot's string, unless it is empty.
    pub(super) fn non_empty(&self, slot: Slot) -> Option<&'i str> {
        self.string(slot).filter(|text| !text.is_empty())
    }

    pub(super) fn set(&mut self, slot: Slot, found: Value<'t, 'i>) {
        if let Some(place) = self.0.get_mut(slot as usize) {
            *place = Some(found);
        }
    }
}
