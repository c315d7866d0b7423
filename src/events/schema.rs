//! The core columns of an event batch: names, Arrow types and the CloudTrail path that each one
//! copies, if it copies one.

use arrow::datatypes::{DataType, Field as ArrowField, TimeUnit};

/// Raised whenever a normalised column changes its meaning: folds of older versions relearn, and
/// columns of older event files are made anew from the records.
pub const NORMALISER: u32 = 5;

/// Most events of one batch.
pub const BATCH_EVENTS: usize = 8_192;

/// How a core column is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Few distinct values: `Dictionary<Int32, Utf8>`.
    Dictionary,
    /// Mostly distinct values: `Utf8`.
    Text,
    /// `Boolean`.
    Boolean,
    /// Byte counts: `Int64`, null where the log gives none.
    Integer,
    /// `Timestamp(µs, UTC)`.
    Time,
}

/// The core columns, present in every batch, in the order of the schema.
///
/// "Copied" columns hold a CloudTrail field as it is logged and answer to its path in Sigma rules;
/// the others are normalised and answer to their own snake-case name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Core {
    /// `eventTime`, µs since the epoch, UTC.
    EventTime,
    /// `eventID`; null in version 1.0 records.
    EventId,
    /// `eventSource`.
    EventSource,
    /// `eventName`.
    EventName,
    /// `awsRegion`.
    AwsRegion,
    /// `recipientAccountId`: the account whose trail got the record.
    RecipientAccount,
    /// `eventCategory`; where it is missing, what `eventType` says of events that are no calls.
    EventCategory,
    /// `eventType`.
    EventType,
    /// `read`, `write`, `delete`, `management` or `other`.
    AccessClass,
    /// `readOnly`.
    ReadOnly,
    /// `sourceIPAddress`: an address, a service name or `AWS Internal`.
    SourceIp,
    /// The network of the address, `198.51.100.0/24`: see [`super::network`].
    SourceNetwork,
    /// `userAgent`, as logged (S3 wraps it in square brackets).
    UserAgent,
    /// `errorCode`; null when the call succeeded.
    ErrorCode,
    /// `userIdentity.type`.
    PrincipalType,
    /// `userIdentity.arn`.
    PrincipalArn,
    /// The stable principal: see [`super::principal`].
    Principal,
    /// The caller's account; null for anonymous callers and AWS services.
    CallerAccount,
    /// `true` where the caller's account is known and is not the account whose trail got the record.
    CrossAccount,
    /// `userIdentity.accessKeyId`.
    AccessKeyId,
    /// The session name of an assumed role.
    SessionName,
    /// `mfaAuthenticated` of the session.
    Mfa,
    /// `userIdentity.invokedBy`.
    InvokedBy,
    /// The bucket: see [`super::bucket`].
    Bucket,
    /// The account that owns the bucket, where `resources` says it.
    BucketOwnerAccount,
    /// The object key of S3 events: `requestParameters.key`, else out of `resources`.
    ObjectKey,
    /// `requestParameters.versionId`.
    VersionId,
    /// `additionalEventData.bytesTransferredIn`.
    BytesIn,
    /// `additionalEventData.bytesTransferredOut`.
    BytesOut,
    /// `additionalEventData.AuthenticationMethod`.
    AuthMethod,
    /// `additionalEventData.SignatureVersion`.
    SignatureVersion,
    /// `tlsDetails.tlsVersion`.
    TlsVersion,
    /// `vpcEndpointId`.
    VpcEndpoint,
    /// `additionalEventData.SSEApplied`.
    EncryptionApplied,
    /// `sharedEventID`.
    SharedEventId,
    /// Who a call is counted for by the judges of anomalies: the AWS service that made it
    /// (`userIdentity.invokedBy`, or where its name stands for the address), else the stable
    /// principal.
    Actor,
    /// The autonomous system of the address, `AS64500`. This column and those that follow come from
    /// [`crate::intel`].
    SourceAsn,
    /// Whose the autonomous system is.
    SourceAsOrganization,
    /// The country of the address, `DE`.
    SourceCountry,
    /// The service and region of AWS that the address belongs to, `EC2 eu-west-1`.
    SourceAwsRange,
    /// Labels of the threat lists that name the address, sorted, with commas between them.
    ThreatLists,
    /// `true` where the address is on a list of trusted ones.
    TrustedSource,
    /// The coarsest that is known of where the call comes from: `private`; for what is no address
    /// the service's name, else `service`; `aws:eu-west-1`; `AS64500`; else the network.
    SourceOrigin,
    /// Which program the user agent is: see [`crate::intel::user_agent_family`].
    UserAgentFamily,
}

/// Name, storage and copied path of a column.
type Row = (Core, &'static str, Kind, Option<&'static str>);

/// Every core column, in the order of [`Core`].
pub(super) const CORE: &[Row] = &[
    (Core::EventTime, "event_time", Kind::Time, None),
    (Core::EventId, "event_id", Kind::Text, Some("eventID")),
    (Core::EventSource, "event_source", Kind::Dictionary, Some("eventSource")),
    (Core::EventName, "event_name", Kind::Dictionary, Some("eventName")),
    (Core::AwsRegion, "aws_region", Kind::Dictionary, Some("awsRegion")),
    (Core::RecipientAccount, "recipient_account", Kind::Dictionary, Some("recipientAccountId")),
    (Core::EventCategory, "event_category", Kind::Dictionary, Some("eventCategory")),
    (Core::EventType, "event_type", Kind::Dictionary, Some("eventType")),
    (Core::AccessClass, "access_class", Kind::Dictionary, None),
    (Core::ReadOnly, "read_only", Kind::Boolean, None),
    (Core::SourceIp, "source_ip", Kind::Dictionary, Some("sourceIPAddress")),
    (Core::SourceNetwork, "source_network", Kind::Dictionary, None),
    (Core::UserAgent, "user_agent", Kind::Dictionary, Some("userAgent")),
    (Core::ErrorCode, "error_code", Kind::Dictionary, Some("errorCode")),
    (Core::PrincipalType, "principal_type", Kind::Dictionary, Some("userIdentity.type")),
    (Core::PrincipalArn, "principal_arn", Kind::Dictionary, Some("userIdentity.arn")),
    (Core::Principal, "principal", Kind::Dictionary, None),
    (Core::CallerAccount, "caller_account", Kind::Dictionary, None),
    (Core::CrossAccount, "cross_account", Kind::Dictionary, None),
    (Core::AccessKeyId, "access_key_id", Kind::Dictionary, Some("userIdentity.accessKeyId")),
    (Core::SessionName, "session_name", Kind::Dictionary, None),
    (Core::Mfa, "mfa", Kind::Boolean, None),
    (Core::InvokedBy, "invoked_by", Kind::Dictionary, Some("userIdentity.invokedBy")),
    (Core::Bucket, "bucket", Kind::Dictionary, None),
    (Core::BucketOwnerAccount, "bucket_owner_account", Kind::Dictionary, None),
    (Core::ObjectKey, "object_key", Kind::Text, None),
    (Core::VersionId, "version_id", Kind::Text, None),
    (Core::BytesIn, "bytes_in", Kind::Integer, None),
    (Core::BytesOut, "bytes_out", Kind::Integer, None),
    (Core::AuthMethod, "auth_method", Kind::Dictionary, None),
    (Core::SignatureVersion, "signature_version", Kind::Dictionary, None),
    (Core::TlsVersion, "tls_version", Kind::Dictionary, Some("tlsDetails.tlsVersion")),
    (Core::VpcEndpoint, "vpc_endpoint", Kind::Dictionary, Some("vpcEndpointId")),
    (Core::EncryptionApplied, "encryption_applied", Kind::Dictionary, None),
    (Core::SharedEventId, "shared_event_id", Kind::Text, Some("sharedEventID")),
    (Core::Actor, "actor", Kind::Dictionary, None),
    (Core::SourceAsn, "source_asn", Kind::Dictionary, None),
    (Core::SourceAsOrganization, "source_as_organization", Kind::Dictionary, None),
    (Core::SourceCountry, "source_country", Kind::Dictionary, None),
    (Core::SourceAwsRange, "source_aws_range", Kind::Dictionary, None),
    (Core::ThreatLists, "threat_lists", Kind::Dictionary, None),
    (Core::TrustedSource, "trusted_source", Kind::Dictionary, None),
    (Core::SourceOrigin, "source_origin", Kind::Dictionary, None),
    (Core::UserAgentFamily, "user_agent_family", Kind::Dictionary, None),
];

impl Core {
    /// All of them, in the order of the schema.
    pub fn all() -> impl Iterator<Item = Self> {
        CORE.iter().map(|row| row.0)
    }

    /// The Arrow type of the column.
    #[must_use]
    pub fn data_type(self) -> DataType {
        match self.kind() {
            Kind::Dictionary => dictionary_type(),
            Kind::Text => DataType::Utf8,
            Kind::Boolean => DataType::Boolean,
            Kind::Integer => DataType::Int64,
            Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }

    /// Position of the column in the batch.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The column's name in the batch, and in rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        CORE.get(self.index()).map_or("", |row| row.1)
    }

    /// The column that answers to `field`: its own name or the CloudTrail path that it copies.
    #[must_use]
    pub fn find(field: &str) -> Option<Self> {
        CORE.iter().find(|row| row.1 == field || row.3 == Some(field)).map(|row| row.0)
    }

    /// All that columns answer to: their names and the paths that they copy.
    pub fn names() -> impl Iterator<Item = &'static str> + Clone {
        CORE.iter().flat_map(|row| std::iter::once(row.1).chain(row.3))
    }

    /// Whether the column is filled only where a rule reads it.
    #[must_use]
    pub fn is_on_demand(self) -> bool {
        self >= Self::Actor
    }

    /// How the column is stored.
    #[must_use]
    pub fn kind(self) -> Kind {
        CORE.get(self.index()).map_or(Kind::Text, |row| row.2)
    }
}

/// The Arrow type of a dictionary column.
pub(super) fn dictionary_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// The Arrow fields of the core columns.
pub(super) fn core_fields() -> Vec<ArrowField> {
    Core::all().map(|core| ArrowField::new(core.name(), core.data_type(), true)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (position, row) in CORE.iter().enumerate() {
            assert_eq!(row.0.index(), position, "{}", row.1);
        }
    }

    #[test]
    fn a_column_answers_to_its_name_and_to_the_path_it_copies() {
        assert_eq!(Core::find("event_name"), Some(Core::EventName));
        assert_eq!(Core::find("eventName"), Some(Core::EventName));
        assert_eq!(Core::find("bucket"), Some(Core::Bucket));
        assert_eq!(Core::find("requestParameters.bucketName"), None);
    }
}
