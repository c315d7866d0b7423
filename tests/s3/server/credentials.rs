//! Who may ask: keys, the endpoint that hands out temporary ones, and as much of STS as trailsift
//! asks for. S3 requests are held against their signatures (SigV4) by s3s; those to STS are not.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::path::S3Path;
use s3s::{S3Result, s3_error};
use serde_json::json;

/// Access key and secret of a user, for ever valid.
pub const USER: (&str, &str) = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");

/// The role that STS gives keys for.
pub const ROLE: &str = "arn:aws:iam::111122223333:role/log-reader";

/// Who may ask for what.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    temporary: HashMap<String, Temporary>,
    /// So many requests are allowed with the temporary keys that are handed out from now on.
    allowed: Option<usize>,
    /// Buckets that anyone may read.
    pub(super) public: HashSet<String>,
    /// Buckets whose readers pay, and must say that they know.
    pub(super) requester_pays: HashSet<String>,
}

#[derive(Debug)]
struct Temporary {
    secret: String,
    token: String,
    requests_left: usize,
}

/// Keys that were handed out.
struct Handed {
    access_key: String,
    secret: String,
    token: String,
}

/// Far away: only the server decides when keys expire.
const EXPIRATION: &str = "2099-01-01T00:00:00Z";

impl Credentials {
    /// The keys that are handed out from now on expire after so many requests.
    pub(super) fn expire_after(&mut self, requests: usize) {
        self.allowed = Some(requests);
    }

    /// How many temporary keys were handed out.
    pub(super) fn handed_out(&self) -> usize {
        self.temporary.len()
    }

    fn hand_out(&mut self) -> Handed {
        let number = self.temporary.len();
        let handed = Handed {
            access_key: format!("ASIA{number:016}"),
            secret: format!("secret-{number}"),
            token: format!("token-{number}"),
        };
        let kept = Temporary {
            secret: handed.secret.clone(),
            token: handed.token.clone(),
            requests_left: self.allowed.unwrap_or(usize::MAX),
        };
        self.temporary.insert(handed.access_key.clone(), kept);
        handed
    }

    /// What a container's credential endpoint answers.
    pub(super) fn container(&mut self) -> String {
        let Handed { access_key, secret, token } = self.hand_out();
        json!({"AccessKeyId": access_key, "SecretAccessKey": secret, "Token": token,
            "Expiration": EXPIRATION})
        .to_string()
    }

    /// What STS answers to a form; none for what it does not know.
    pub(super) fn sts(&mut self, form: &str) -> Option<String> {
        let has = |pair: &str| form.split('&').any(|part| part == pair);
        if has("Action=GetCallerIdentity") {
            return Some(STS_CALLER.to_owned());
        }
        if !has("Action=AssumeRole") {
            return None;
        }
        let Handed { access_key, secret, token } = self.hand_out();
        Some(format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <AssumeRoleResult><AssumedRoleUser><AssumedRoleId>AROA:trailsift</AssumedRoleId>\
             <Arn>arn:aws:sts::111122223333:assumed-role/log-reader/trailsift</Arn>\
             </AssumedRoleUser><Credentials><AccessKeyId>{access_key}</AccessKeyId>\
             <SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{token}</SessionToken>\
             <Expiration>{EXPIRATION}</Expiration></Credentials></AssumeRoleResult>\
             </AssumeRoleResponse>"
        ))
    }

    /// Whether a request with temporary keys still counts; the S3 error if not.
    pub(super) fn check(&mut self, access_key: &str, token: Option<&str>) -> Result<(), Refusal> {
        let Some(temporary) = self.temporary.get_mut(access_key) else { return Ok(()) };
        if token != Some(&temporary.token) {
            return Err((400, "InvalidToken", "The provided token is malformed."));
        }
        let left = temporary.requests_left.checked_sub(1);
        temporary.requests_left =
            left.ok_or((400, "ExpiredToken", "The provided token has expired."))?;
        Ok(())
    }

    fn secret(&self, access_key: &str) -> Option<SecretKey> {
        if access_key == USER.0 {
            return Some(USER.1.into());
        }
        self.temporary.get(access_key).map(|temporary| temporary.secret.as_str().into())
    }
}

/// Status, code and message of an error.
pub(super) type Refusal = (u16, &'static str, &'static str);

const STS_CALLER: &str = "<GetCallerIdentityResponse \
    xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
    <Arn>arn:aws:iam::111122223333:user/analyst</Arn><UserId>AIDAEXAMPLE</UserId>\
    <Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

/// Asks [`Credentials`] for s3s.
#[derive(Clone)]
pub(super) struct Keys(pub(super) Arc<Mutex<Credentials>>);

#[async_trait]
impl S3Auth for Keys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let secret = self.0.lock().unwrap().secret(access_key);
        secret.ok_or_else(|| s3_error!(InvalidAccessKeyId))
    }
}

#[async_trait]
impl S3Access for Keys {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        if context.credentials().is_some() {
            return Ok(());
        }
        let bucket = match context.s3_path() {
            S3Path::Root => None,
            S3Path::Bucket { bucket } | S3Path::Object { bucket, .. } => Some(bucket.to_string()),
        };
        let reads = ["ListObjectsV2", "GetObject", "HeadObject", "HeadBucket"];
        let is_public = bucket.is_some_and(|it| self.0.lock().unwrap().public.contains(&it));
        if is_public && reads.contains(&context.s3_op().name()) {
            return Ok(());
        }
        Err(s3_error!(AccessDenied))
    }
}
