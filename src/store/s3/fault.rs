//! What can go wrong with a request to S3, and whether trying again helps. Source of the codes:
//! Amazon S3 API reference, "Error responses".

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

/// A request that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What it means.
    pub kind: FaultKind,
    /// What the server, or the connection to it, has said; and what to do.
    pub message: String,
}

/// What a failed request means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// There is no such object or bucket.
    NotFound,
    /// The caller may not.
    Denied,
    /// The caller is not known.
    Unknown,
    /// In a storage class that must be restored first.
    Archived,
    /// Too many requests.
    Throttled,
    /// The credentials are no longer valid.
    Expired,
    /// The server or the network had a moment of weakness.
    Transient,
    /// The body was shorter than promised.
    Cut,
    /// A condition of the request does not hold.
    Precondition,
    /// Another request changes the same object.
    Conflict,
    /// Anything else: trying again does not help.
    Other,
}

/// What an error says, and what those say that it stems from.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut said: Vec<String> = causes.map(|cause| cause.to_string().replace('\n', " ")).collect();
    said.dedup();
    said.join(": ")
}

/// How the SDK begins a long list of where it has looked.
const NO_CREDENTIALS: &str = "no credentials found in chain";
const UNSIGNED: &str = "no credentials found: give --profile, set AWS_ACCESS_KEY_ID and \
                        AWS_SECRET_ACCESS_KEY, or ask for a public bucket with --no-sign-request";

impl Fault {
    /// A fault of that kind.
    pub(super) fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What an error of the SDK means.
    #[allow(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
    pub(super) fn of<E>(error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let kind = match &error {
            SdkError::TimeoutError(_) | SdkError::ResponseError(_) => FaultKind::Transient,
            // Also where a provider of credentials has had a moment of weakness.
            SdkError::DispatchFailure(failure)
                if !failure.is_user() && !chain(&error).contains(NO_CREDENTIALS) =>
            {
                FaultKind::Transient
            }
            SdkError::ServiceError(context) => {
                let code = context.err().code().unwrap_or_default();
                of_code(code, context.raw().status().as_u16())
            }
            _ => FaultKind::Other,
        };
        let said = if let SdkError::ServiceError(context) = &error {
            let status = context.raw().status().as_u16().to_string();
            let code = context.err().code().unwrap_or(&status).to_owned();
            context.err().message().map_or(code.clone(), |message| format!("{code}: {message}"))
        } else {
            let said = chain(&error);
            if said.contains(NO_CREDENTIALS) { UNSIGNED.to_owned() } else { said }
        };
        let advice = kind.advice().map(|advice| format!(" ({advice})")).unwrap_or_default();
        Self { kind, message: format!("{said}{advice}") }
    }

    /// How many times a request may fail so before it is given up.
    pub(super) fn patience(&self) -> usize {
        match self.kind {
            FaultKind::Throttled => 10,
            FaultKind::Transient => 6,
            FaultKind::Conflict => 5,
            FaultKind::Cut | FaultKind::Expired => 4,
            _ => 1,
        }
    }
}

impl FaultKind {
    fn advice(self) -> Option<&'static str> {
        match self {
            Self::Denied => Some("docs/iam.md says what the caller must be allowed"),
            Self::Unknown => Some("the keys are wrong, or not those of this server"),
            Self::Archived => Some(
                "in an archived storage class: `aws s3api restore-object` brings it back, then run \
                 again",
            ),
            Self::Expired => Some("renew the credentials and run again"),
            _ => None,
        }
    }
}

fn of_code(code: &str, status: u16) -> FaultKind {
    match code {
        "SlowDown"
        | "RequestLimitExceeded"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequests"
        | "ServiceUnavailable" => return FaultKind::Throttled,
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" | "RequestExpired" => {
            return FaultKind::Expired;
        }
        "InvalidObjectState" => return FaultKind::Archived,
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "AuthFailure" | "InvalidToken" => {
            return FaultKind::Unknown;
        }
        "RequestTimeTooSkewed" => return FaultKind::Other,
        "ConditionalRequestConflict" | "OperationAborted" => return FaultKind::Conflict,
        "RequestTimeout" | "InternalError" | "BadDigest" | "IncompleteBody" => {
            return FaultKind::Transient;
        }
        _ => {}
    }
    match status {
        401 | 403 => FaultKind::Denied,
        404 => FaultKind::NotFound,
        409 => FaultKind::Conflict,
        412 => FaultKind::Precondition,
        429 | 503 => FaultKind::Throttled,
        // An answer that cannot be read was cut, or is some proxy's.
        200..=299 | 500..=599 => FaultKind::Transient,
        _ => FaultKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_else_the_status_tell_what_to_do() {
        let cases = [
            ("SlowDown", 503, FaultKind::Throttled),
            ("ExpiredToken", 400, FaultKind::Expired),
            ("InvalidObjectState", 403, FaultKind::Archived),
            ("AccessDenied", 403, FaultKind::Denied),
            ("SignatureDoesNotMatch", 403, FaultKind::Unknown),
            ("", 200, FaultKind::Transient),
            ("NoSuchKey", 404, FaultKind::NotFound),
            ("PreconditionFailed", 412, FaultKind::Precondition),
            ("", 502, FaultKind::Transient),
            ("", 400, FaultKind::Other),
        ];
        for (code, status, kind) in cases {
            assert_eq!(of_code(code, status), kind, "{code} {status}");
        }
    }
}
