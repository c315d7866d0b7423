//! One call to S3 as the text of one CloudTrail record.
//!
//! In: a [`Call`]. Out: the record's JSON, with the fields in the order in which
//! AWS writes them. Who calls what and when is decided elsewhere.

use fastrand::Rng;

use super::text;
use super::world::{Actor, Bucket, Kind, REGIONS, Session, Sessions};

/// The grammar of TLS that nearly all clients of 2025 speak.
const CIPHER: &str = "TLS_AES_128_GCM_SHA256";

/// An error code and its message.
pub(crate) type Fault = (&'static str, &'static str);

/// Refused for want of permission.
pub(crate) const DENIED: Fault = ("AccessDenied", "Access Denied");
/// No object under that key.
pub(crate) const NO_SUCH_KEY: Fault = ("NoSuchKey", "The specified key does not exist.");

/// Everything that differs between two S3 records.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) time: i64,
    pub(crate) event: &'a str,
    pub(crate) actor: &'a Actor,
    pub(crate) session: Session,
    pub(crate) bucket: &'a Bucket,
    /// The object's key; empty for calls on a bucket.
    pub(crate) key: &'a str,
    /// Members of `requestParameters` before `bucketName`, each with a comma after it.
    pub(crate) head: &'a str,
    /// Members of `requestParameters` after `Host`, each with a comma before it.
    pub(crate) tail: &'a str,
    /// `responseElements` as JSON.
    pub(crate) response: &'a str,
    pub(crate) fault: Option<Fault>,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    /// `SSEApplied`; empty when the call stores or returns no object.
    pub(crate) encryption: &'a str,
    /// Another agent than the principal's own.
    pub(crate) agent: Option<&'a str>,
    /// `sharedEventID`; empty when the action was delivered to one account only.
    pub(crate) shared: &'a str,
    /// The account whose trail gets this copy; the bucket owner's unless set.
    pub(crate) recipient: &'a str,
    /// Request id and host id, where several records report one request.
    pub(crate) request: Option<(&'a str, &'a str)>,
    /// Whether this is one key of a multi-object delete, reported by S3 itself.
    pub(crate) child: bool,
    /// Whether the principal's VPC endpoint is passed by.
    pub(crate) public_path: bool,
    /// What the identity says beyond actor and session.
    pub(crate) details: Details<'a>,
}

/// What the identity of one call says beyond actor and session.
#[derive(Clone, Copy, Default)]
pub(crate) struct Details<'a> {
    /// Another session name than the actor's own.
    pub(crate) session_name: Option<&'a str>,
    /// The service that calls on the principal's behalf.
    pub(crate) invoked_by: Option<&'a str>,
}

impl<'a> Call<'a> {
    /// A successful call with nothing out of the ordinary.
    pub(crate) fn new(
        time: i64,
        event: &'a str,
        (actor, session): (&'a Actor, Session),
        (bucket, key): (&'a Bucket, &'a str),
    ) -> Self {
        Self {
            time,
            event,
            actor,
            session,
            bucket,
            key,
            head: "",
            tail: default_tail(event),
            response: "null",
            fault: None,
            bytes_in: 0,
            bytes_out: 0,
            encryption: "",
            agent: None,
            shared: "",
            recipient: &bucket.owner,
            request: None,
            child: false,
            public_path: false,
            details: Details::default(),
        }
    }

    fn read_only(&self) -> bool {
        ["Get", "Head", "List"].iter().any(|p| self.event.starts_with(p))
    }

    fn management(&self) -> bool {
        let listing = matches!(self.event, "ListObjects" | "ListObjectVersions" | "DeleteObjects");
        self.key.is_empty() && !listing
    }

    /// The region of the record: account-wide calls are answered in us-east-1.
    pub(crate) fn region(&self) -> usize {
        if self.event == "ListBuckets" { 1 } else { self.bucket.region }
    }

    fn service(&self) -> Option<&'a str> {
        match self.actor.kind {
            Kind::Service(name) => Some(name),
            _ => self.details.invoked_by,
        }
    }

    /// Appends the record.
    pub(crate) fn write(&self, out: &mut String, rng: &mut Rng) {
        out.push_str("{\"eventVersion\":\"");
        out.push_str(self.version());
        out.push_str("\",\"userIdentity\":");
        detailed_identity(out, self.actor, self.session, self.details);
        out.push_str(",\"eventTime\":\"");
        text::time(out, self.time);
        out.push_str("\",\"eventSource\":\"s3.amazonaws.com\",\"eventName\":\"");
        out.push_str(self.event);
        out.push_str("\",\"awsRegion\":\"");
        out.push_str(REGIONS[self.region()]);
        out.push_str("\",\"sourceIPAddress\":\"");
        self.caller(out);
        if let Some(fault) = self.fault {
            write_fault(out, fault);
        }
        self.parameters(out);
        out.push_str(",\"responseElements\":");
        out.push_str(if self.fault.is_some() { "null" } else { self.response });
        self.additional(out, rng);
        self.ids(out, rng);
        self.resources(out);
        self.ending(out);
    }

    /// S3's data events and most management events are 1.11 by now; a few
    /// servers still write the version before.
    fn version(&self) -> &'static str {
        match (self.management(), self.session.seed % 5) {
            (true, 0) => "1.08",
            (true, 1) => "1.09",
            _ => "1.11",
        }
    }

    fn caller(&self, out: &mut String) {
        if let Some(name) = self.service() {
            out.push_str(name);
            out.push_str("\",\"userAgent\":\"");
            out.push_str(name);
            out.push('"');
            return;
        }
        write_address(out, self.session.ip);
        out.push_str("\",\"userAgent\":\"[");
        text::escaped(out, self.agent.unwrap_or(self.actor.agent));
        out.push_str("]\"");
    }

    fn parameters(&self, out: &mut String) {
        out.push_str(",\"requestParameters\":{");
        out.push_str(self.head);
        if self.event == "ListBuckets" {
            out.push_str("\"Host\":\"s3.amazonaws.com\"}");
            return;
        }
        out.push_str("\"bucketName\":\"");
        out.push_str(&self.bucket.name);
        out.push_str("\",\"Host\":\"");
        out.push_str(&self.bucket.host);
        out.push('"');
        out.push_str(self.tail);
        if !self.key.is_empty() {
            out.push_str(",\"key\":");
            text::string(out, self.key);
        }
        out.push('}');
    }

    fn additional(&self, out: &mut String, rng: &mut Rng) {
        out.push_str(",\"additionalEventData\":{");
        let signed = self.actor.kind != Kind::Anonymous;
        if signed {
            out.push_str("\"SignatureVersion\":\"SigV4\",");
        }
        out.push_str("\"CipherSuite\":\"");
        out.push_str(CIPHER);
        out.push_str("\",\"bytesTransferredIn\":");
        text::number(out, self.bytes_in);
        if !self.encryption.is_empty() && self.fault.is_none() {
            out.push_str(",\"SSEApplied\":\"");
            out.push_str(self.encryption);
            out.push('"');
        }
        if signed {
            out.push_str(",\"AuthenticationMethod\":\"AuthHeader\"");
        }
        out.push_str(",\"x-amz-id-2\":\"");
        match self.request {
            Some((_, host_id)) => out.push_str(host_id),
            None => text::host_id(out, rng),
        }
        out.push_str("\",\"bytesTransferredOut\":");
        text::number(out, if self.fault.is_some() { 243 } else { self.bytes_out });
        out.push('}');
    }

    fn ids(&self, out: &mut String, rng: &mut Rng) {
        out.push_str(",\"requestID\":\"");
        match self.request {
            Some((request, _)) => out.push_str(request),
            None => text::letters(out, text::REQUEST, rng.u64(..), 16),
        }
        out.push_str("\",\"eventID\":\"");
        text::uuid(out, rng);
        out.push_str(if self.read_only() {
            "\",\"readOnly\":true"
        } else {
            "\",\"readOnly\":false"
        });
    }

    fn resources(&self, out: &mut String) {
        if self.event == "ListBuckets" {
            return;
        }
        out.push_str(",\"resources\":[");
        if !self.management() {
            out.push_str("{\"type\":\"AWS::S3::Object\",\"");
            out.push_str(if self.key.is_empty() { "ARNPrefix" } else { "ARN" });
            out.push_str("\":\"arn:aws:s3:::");
            out.push_str(&self.bucket.name);
            out.push('/');
            text::escaped(out, self.key);
            out.push_str("\"},");
        }
        out.push_str("{\"accountId\":\"");
        out.push_str(&self.bucket.owner);
        out.push_str("\",\"type\":\"AWS::S3::Bucket\",\"ARN\":\"arn:aws:s3:::");
        out.push_str(&self.bucket.name);
        out.push_str("\"}]");
    }

    fn ending(&self, out: &mut String) {
        out.push_str(if self.child {
            ",\"eventType\":\"AwsServiceEvent\",\"managementEvent\":"
        } else {
            ",\"eventType\":\"AwsApiCall\",\"managementEvent\":"
        });
        out.push_str(if self.management() { "true" } else { "false" });
        out.push_str(",\"recipientAccountId\":\"");
        out.push_str(self.recipient);
        out.push('"');
        if !self.shared.is_empty() {
            out.push_str(",\"sharedEventID\":\"");
            out.push_str(self.shared);
            out.push('"');
        }
        if let Some(endpoint) = self.actor.vpce.as_deref().filter(|_| !self.public_path) {
            out.push_str(",\"vpcEndpointId\":\"");
            out.push_str(endpoint);
            out.push_str("\",\"vpcEndpointAccountId\":\"");
            out.push_str(&self.actor.account);
            out.push('"');
        }
        out.push_str(if self.management() {
            ",\"eventCategory\":\"Management\""
        } else {
            ",\"eventCategory\":\"Data\""
        });
        // Calls that AWS makes itself, and what it reports after a call, have no TLS details.
        if self.service().is_none() && !self.child {
            let host =
                if self.event == "ListBuckets" { "s3.amazonaws.com" } else { &self.bucket.host };
            write_tls(out, host);
        }
        out.push('}');
    }
}

/// Appends the `userIdentity` object.
pub(crate) fn identity(out: &mut String, actor: &Actor, session: Session) {
    detailed_identity(out, actor, session, Details::default());
}

fn detailed_identity(out: &mut String, actor: &Actor, session: Session, details: Details<'_>) {
    match actor.kind {
        Kind::Role => role(out, actor, session, details),
        Kind::User => user(out, actor),
        Kind::Service(name) => {
            out.push_str("{\"type\":\"AWSService\",\"invokedBy\":\"");
            out.push_str(name);
            out.push_str("\"}");
        }
        Kind::Foreign => {
            out.push_str("{\"type\":\"AWSAccount\",\"principalId\":\"");
            out.push_str(&actor.id);
            out.push(':');
            session_name(out, actor, session, details);
            out.push_str("\",\"accountId\":\"");
            out.push_str(&actor.account);
            out.push_str("\"}");
        }
        Kind::Anonymous => out
            .push_str("{\"type\":\"AWSAccount\",\"principalId\":\"\",\"accountId\":\"anonymous\"}"),
    }
}

fn role(out: &mut String, actor: &Actor, session: Session, details: Details<'_>) {
    out.push_str("{\"type\":\"AssumedRole\",\"principalId\":\"");
    out.push_str(&actor.id);
    out.push(':');
    session_name(out, actor, session, details);
    out.push_str("\",\"arn\":\"arn:aws:sts::");
    out.push_str(&actor.account);
    out.push_str(":assumed-role/");
    out.push_str(&actor.name);
    out.push('/');
    session_name(out, actor, session, details);
    out.push_str("\",\"accountId\":\"");
    out.push_str(&actor.account);
    out.push_str("\",\"accessKeyId\":\"ASIA");
    text::letters(out, text::BASE32, session.seed, 16);
    out.push_str("\",\"sessionContext\":{\"sessionIssuer\":{\"type\":\"Role\",\"principalId\":\"");
    out.push_str(&actor.id);
    out.push_str("\",\"arn\":\"arn:aws:iam::");
    out.push_str(&actor.account);
    out.push_str(":role/");
    out.push_str(actor.path);
    out.push_str(&actor.name);
    out.push_str("\",\"accountId\":\"");
    out.push_str(&actor.account);
    out.push_str("\",\"userName\":\"");
    out.push_str(&actor.name);
    out.push_str("\"},\"attributes\":{\"creationDate\":\"");
    text::time(out, session.created);
    out.push_str("\",\"mfaAuthenticated\":\"false\"}");
    if matches!(actor.sessions, Sessions::Instances(_)) {
        out.push_str(",\"ec2RoleDelivery\":\"2.0\"");
    }
    out.push('}');
    if let Some(service) = details.invoked_by {
        out.push_str(",\"invokedBy\":\"");
        out.push_str(service);
        out.push('"');
    }
    out.push('}');
}

fn user(out: &mut String, actor: &Actor) {
    out.push_str("{\"type\":\"IAMUser\",\"principalId\":\"");
    out.push_str(&actor.id);
    out.push_str("\",\"arn\":\"arn:aws:iam::");
    out.push_str(&actor.account);
    out.push_str(":user/");
    out.push_str(&actor.name);
    out.push_str("\",\"accountId\":\"");
    out.push_str(&actor.account);
    out.push_str("\",\"accessKeyId\":\"AKIA");
    text::letters(out, text::BASE32, actor.key_seed(), 16);
    out.push_str("\",\"userName\":\"");
    out.push_str(&actor.name);
    out.push_str("\"}");
}

fn session_name(out: &mut String, actor: &Actor, session: Session, details: Details<'_>) {
    if let Some(name) = details.session_name {
        out.push_str(name);
        return;
    }
    match actor.sessions {
        Sessions::Instances(_) => {
            out.push_str("i-0");
            text::hex(out, session.seed, 16);
        }
        Sessions::Runs => {
            out.push_str("run-");
            text::number(out, session.seed % 10_000_000_000);
        }
        Sessions::Named(name) => out.push_str(name),
    }
}

fn default_tail(event: &str) -> &'static str {
    match event {
        "GetBucketAcl" | "PutBucketAcl" | "PutObjectAcl" => ",\"acl\":\"\"",
        "GetBucketLocation" => ",\"location\":\"\"",
        "DeleteObjects" => ",\"delete\":\"\",\"x-id\":\"DeleteObjects\"",
        "PutBucketTagging" => ",\"tagging\":\"\"",
        "PutBucketVersioning" => ",\"versioning\":\"\"",
        "ListObjectVersions" => {
            ",\"versions\":\"\",\"encoding-type\":\"url\",\"max-keys\":\"1000\""
        }
        "PutBucketPublicAccessBlock" => ",\"publicAccessBlock\":\"\"",
        _ => "",
    }
}

/// Appends error code and message.
pub(crate) fn write_fault(out: &mut String, (code, message): Fault) {
    out.push_str(",\"errorCode\":\"");
    out.push_str(code);
    out.push_str("\",\"errorMessage\":\"");
    out.push_str(message);
    out.push('"');
}

/// Appends a dotted address.
pub(crate) fn write_address(out: &mut String, ip: [u8; 4]) {
    for (n, part) in ip.iter().enumerate() {
        if n > 0 {
            out.push('.');
        }
        text::number(out, u64::from(*part));
    }
}

/// Appends the TLS details, which stand last.
pub(crate) fn write_tls(out: &mut String, host: &str) {
    out.push_str(",\"tlsDetails\":{\"tlsVersion\":\"TLSv1.3\",\"cipherSuite\":\"");
    out.push_str(CIPHER);
    out.push_str("\",\"clientProvidedHostHeader\":\"");
    out.push_str(host);
    out.push_str("\"}");
}
