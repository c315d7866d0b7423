//! Who asks, and where: credentials, regions, clients.

use std::time::Duration;

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    Builder, RequestChecksumCalculation, ResponseChecksumValidation, SharedCredentialsProvider,
};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};

use backon::{ExponentialBuilder, Retryable};

use super::fault::Fault;

/// Where a caller without a region begins to ask.
const FIRST_REGION: &str = "us-east-1";

/// How S3 is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// A profile of the AWS configuration files; none: the default credential chain.
    pub profile: Option<String>,
    /// ARN of a role to assume with the credentials found.
    pub assume_role: Option<String>,
    /// Another server than AWS, addressed in path style.
    pub endpoint_url: Option<String>,
    /// Requests are not signed: for public buckets.
    pub unsigned: bool,
    /// The caller pays for requests to a requester-pays bucket.
    pub request_payer: bool,
    /// The most requests at a time.
    pub concurrency: usize,
}

impl Default for Access {
    /// The default credential chain, and 256 requests at a time.
    fn default() -> Self {
        Self {
            profile: None,
            assume_role: None,
            endpoint_url: None,
            unsigned: false,
            request_payer: false,
            concurrency: 256,
        }
    }
}

impl Access {
    /// What the environment, the configuration files and the options say together.
    pub(super) async fn load(&self) -> SdkConfig {
        let http = aws_smithy_http_client::Builder::new()
            .pool_max_idle_per_host(self.concurrency)
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build_https();
        // Of retries those of credential providers are left to the SDK; those of S3 are ours.
        let mut loader =
            aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(http.clone());
        if let Some(profile) = &self.profile {
            // As with the AWS CLI, a profile that is asked for goes before the environment.
            let provider = ProviderConfig::default().with_http_client(http);
            let credentials = ProfileFileCredentialsProvider::builder().configure(&provider);
            let credentials = credentials.profile_name(profile).build();
            loader = loader.profile_name(profile).credentials_provider(credentials);
        }
        if self.unsigned {
            return loader.no_credentials().load().await;
        }
        let config = loader.load().await;
        let Some(role) = &self.assume_role else { return config };
        let mut provider =
            AssumeRoleProvider::builder(role).session_name("trailsift").configure(&config);
        if config.region().is_none() {
            provider = provider.region(Region::from_static(FIRST_REGION));
        }
        let provider = SharedCredentialsProvider::new(provider.build().await);
        config.into_builder().credentials_provider(provider).build()
    }

    /// A client for buckets of a region; none: that of the configuration.
    pub(super) fn client(&self, config: &SdkConfig, region: Option<String>) -> Client {
        let region = region.map(Region::new).or_else(|| config.region().cloned());
        let region = region.unwrap_or_else(|| Region::from_static(FIRST_REGION));
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(Duration::from_secs(30))
            .build();
        let mut builder = Builder::from(config)
            .region(region)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            // Other servers than AWS do not know the newer checksums.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
        if let Some(url) = &self.endpoint_url {
            builder = builder.endpoint_url(url);
        }
        // Also where the environment names the server.
        let elsewhere = self.endpoint_url.is_some() || config.endpoint_url().is_some();
        Client::from_conf(builder.force_path_style(elsewhere).build())
    }
}

/// What an upload may take: the body is sent within the time that others wait for an answer.
pub(super) fn upload() -> Builder {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_hours(1))
        .build();
    aws_sdk_s3::Config::builder().timeout_config(timeouts)
}

/// The region of a bucket, as S3 tells it to anyone who asks for the bucket, allowed or not; none if
/// nobody tells, also when asked again.
pub(super) async fn region_of(client: &Client, bucket: &str) -> Option<String> {
    const HEADER: &str = "x-amz-bucket-region";
    let ask = || async {
        match client.head_bucket().bucket(bucket).send().await {
            Ok(found) => Ok(found.bucket_region().map(str::to_owned)),
            Err(error) => {
                let region = error.raw_response().and_then(|answer| answer.headers().get(HEADER));
                region.map(|region| Some(region.to_owned())).ok_or(error)
            }
        }
    };
    let pauses = ExponentialBuilder::default().with_jitter().with_max_times(3);
    ask.retry(pauses.with_min_delay(Duration::from_millis(100))).await.ok()?
}

/// The ARN of the caller.
pub(super) async fn caller(config: &SdkConfig) -> Result<Option<String>, Fault> {
    let region = config.region().cloned().unwrap_or_else(|| Region::from_static(FIRST_REGION));
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_timeout(Duration::from_secs(10))
        .build();
    let settings =
        aws_sdk_sts::config::Builder::from(config).region(region).timeout_config(timeouts);
    let client = aws_sdk_sts::Client::from_conf(settings.build());
    let identity = client.get_caller_identity().send().await.map_err(Fault::of)?;
    Ok(identity.arn().map(str::to_owned))
}
