//! How S3 is reached, as clap sees it. The flags are named as those of the AWS CLI.

use std::ffi::OsString;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::store::{Access, Location};

/// Where inputs are, or outputs go: a path, or `s3://bucket/prefix`.
pub(super) fn location() -> impl TypedValueParser<Value = Location> {
    OsStringValueParser::new().try_map(|text: OsString| Location::parse(text))
}

/// Reaching S3.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reaching S3 (for s3:// locations; see docs/iam.md)")]
pub(super) struct ReachS3 {
    /// A profile of the AWS configuration files [default: the default credential chain]
    #[arg(long, value_name = "NAME", conflicts_with = "no_sign_request")]
    profile: Option<String>,
    /// A role to assume with the credentials found
    #[arg(long, value_name = "ARN", conflicts_with = "no_sign_request")]
    assume_role: Option<String>,
    /// Another server than AWS that speaks S3, such as MinIO; addressed in path style
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
    /// Do not sign requests: for public buckets
    #[arg(long)]
    no_sign_request: bool,
    /// Pay for the requests to a requester-pays bucket
    #[arg(long)]
    request_payer: bool,
    /// The most requests at a time; fewer are made when S3 asks to slow down
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=4_096))]
    max_concurrent_requests: u16,
}

impl ReachS3 {
    /// The validated options.
    pub(super) fn access(&self) -> Access {
        Access {
            profile: self.profile.clone(),
            assume_role: self.assume_role.clone(),
            endpoint_url: self.endpoint_url.clone(),
            unsigned: self.no_sign_request,
            request_payer: self.request_payer,
            concurrency: usize::from(self.max_concurrent_requests),
        }
    }
}
