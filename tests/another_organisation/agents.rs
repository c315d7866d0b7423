//! User agents, and how a session is put together.

use std::sync::Arc;

use super::calls::{Session, Via};
use super::identities::Identity;

pub const CONSOLE: &str = "[S3Console/0.4, aws-internal/3 aws-sdk-java/1.12.780 Linux/5.10.236-208.928.amzn2int.x86_64 OpenJDK_64-Bit_Server_VM/25.452-b09 java/1.8.0_452 vendor/N/A cfg/retry-mode/standard]";
pub const FIREFOX: &str =
    "[Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:136.0) Gecko/20100101 Firefox/136.0]";
pub const CHROME: &str = "[Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/134.0.0.0 Safari/537.36]";
pub const SAFARI: &str = "[Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Safari/605.1.15]";
pub const IPHONE: &str = "[Mozilla/5.0 (iPhone; CPU iPhone OS 18_3_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3.1 Mobile/15E148 Safari/604.1]";
pub const BATCH: &str = "[aws-cli/2.15.30 Python/3.11.8 Linux/5.10.210-201.852.amzn2.x86_64 exe/x86_64.amzn.2 prompt/off command/s3.cp]";
pub const NEXTFLOW: &str = "[aws-sdk-java/2.29.52 md/io#sync md/http#Apache ua/2.1 os/Linux#6.1.129-138.220.amzn2023.x86_64 lang/java#21.0.6 md/OpenJDK_64-Bit_Server_VM#21.0.6+7-LTS md/vendor#Amazon.com_Inc. m/D,E]";
pub const BOTO: &str = "[Boto3/1.37.11 md/Botocore#1.37.11 ua/2.0 os/linux#6.8.0-55-generic md/arch#x86_64 lang/python#3.12.3 md/pyimpl#CPython m/b,Z cfg/retry-mode#legacy Botocore/1.37.11]";
pub const NODE_LAMBDA: &str = "[aws-sdk-js/3.758.0 ua/2.1 os/linux#5.10.234-251.895.amzn2.x86_64 lang/js md/nodejs#20.18.3 exec-env/AWS_Lambda_nodejs20.x api/s3#3.758.0 m/E]";
pub const GO_SERVICE: &str = "[aws-sdk-go-v2/1.36.3 ua/2.1 os/linux lang/go#1.24.1 md/GOOS#linux md/GOARCH#arm64 api/s3#1.78.2 m/E]";
pub const TERRAFORM: &str = "[APN/1.0 HashiCorp/1.0 Terraform/1.11.2 (+https://www.terraform.io) terraform-provider-aws/5.91.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.36.3 ua/2.1 os/linux lang/go#1.23.7 md/GOOS#linux md/GOARCH#amd64 api/s3#1.78.2 m/b,E]";
pub const HADOOP: &str = "[Hadoop 3.4.0, aws-sdk-java/2.25.53 Linux/6.1.128-136.201.amzn2023.x86_64 OpenJDK_64-Bit_Server_VM/17.0.14+7-LTS Java/17.0.14 vendor/Amazon.com_Inc. io/async http/NettyNio cfg/retry-mode/legacy hll/cross-region]";
pub const GLUE: &str = "[ElasticMapReduce/1.0.0 emrfs/s3n {}, aws-sdk-java/1.12.705 Linux/5.10.233-224.894.amzn2.x86_64 OpenJDK_64-Bit_Server_VM/17.0.14+7-LTS java/17.0.14 vendor/Amazon.com_Inc. cfg/retry-mode/standard]";
pub const VEEAM: &str =
    "[APN/1.0 Veeam/1.0 Backup/12.3, aws-sdk-cpp/1.11.446 Windows/10.0.20348.3207 AMD64 MSVC/1942]";
pub const SEQUENCER: &str =
    "[aws-cli/1.27.84 Python/3.6.8 Linux/3.10.0-1160.119.1.el7.x86_64 botocore/1.29.84]";
pub const PIM: &str =
    "[aws-sdk-php/3.342.6 ua/2.1 OS/Linux#5.15.0-134-generic lang/php#8.2.28 GuzzleHttp/7]";
pub const PACS: &str = "[MinIO (linux; amd64) minio-go/v7.0.70 orthanc-relay/1.12.6]";

/// The command line, with the command that is run.
pub fn cli(system: &str, command: &str) -> String {
    format!(
        "[aws-cli/2.24.20 md/awscrt#0.23.8 ua/2.1 {system} lang/python#3.12.9 md/pyimpl#CPython m/Z,b,E cfg/retry-mode#standard md/installer#exe md/prompt#off md/command#{command}]"
    )
}

pub const MAC: &str = "os/macos#24.3.0 md/arch#arm64";
pub const LINUX: &str = "os/linux#6.8.0-55-generic md/arch#x86_64";
pub const WSL: &str = "os/linux#5.15.167.4-microsoft-standard-WSL2 md/arch#x86_64";
pub const WINDOWS: &str = "os/windows#11 md/arch#amd64";

pub fn open(who: Identity, address: &str, agent: &str, via: Via) -> Arc<Session> {
    Arc::new(Session { who, address: address.into(), agent: agent.into(), via })
}

/// A service by itself, or on behalf of a role.
pub fn by_service(who: Identity, service: &str) -> Arc<Session> {
    open(who, service, service, Via::Service)
}
