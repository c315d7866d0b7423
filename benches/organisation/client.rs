//! What callers call with, and how it is upgraded now and then.
//!
//! In: a family of clients. Out: user agents as the SDKs send them, one per version. Texts are kept
//! once and named by their position.

use fastrand::Rng;

use super::calendar::DAYS;
use super::sample;

/// A family of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Cli,
    Console,
    Boto,
    Java,
    Go,
    Node,
    Terraform,
    Rclone,
    /// Tools of intruders, and of those who test for them.
    S3Browser,
    /// An old boto, or plain requests.
    Plain,
}

/// One installation, and which user agent it sends since which day.
#[derive(Clone, Debug)]
pub(crate) struct Client(Vec<(i64, u16)>);

impl Client {
    /// The user agent's position on a day.
    pub(crate) fn on(&self, day: i64) -> u16 {
        let known = self.0.iter().rev().find(|(since, _)| *since <= day);
        known.or(self.0.first()).map_or(0, |(_, agent)| *agent)
    }
}

/// All user agents.
#[derive(Default)]
pub(crate) struct Agents(Vec<String>);

impl Agents {
    /// A new installation that is upgraded `upgrades` times at random.
    pub(crate) fn install(&mut self, family: Family, upgrades: usize, rng: &mut Rng) -> Client {
        let machine = rng.u32(..6);
        let mut version = rng.u32(0..12);
        let mut days: Vec<i64> = (0..upgrades).map(|_| rng.i64(3..DAYS)).collect();
        days.sort_unstable();
        let mut known = vec![(0, self.intern(text(family, version, machine)))];
        for day in days {
            version += rng.u32(1..4);
            known.push((day, self.intern(text(family, version, machine))));
        }
        Client(known)
    }

    /// A version that an installation has all the time.
    pub(crate) fn fixed(&mut self, family: Family, rng: &mut Rng) -> u16 {
        self.install(family, 0, rng).on(0)
    }

    /// The user agent at a position.
    pub(crate) fn text(&self, at: u16) -> &str {
        &self.0[usize::from(at)]
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u16 {
        self.0.len() as u16
    }

    fn intern(&mut self, agent: String) -> u16 {
        let at = self.0.iter().position(|known| *known == agent).unwrap_or_else(|| {
            self.0.push(agent);
            self.0.len() - 1
        });
        at as u16
    }
}

/// What machines call with.
pub(crate) fn of_machine(rng: &mut Rng) -> Family {
    let families = [(4, Family::Java), (4, Family::Boto), (3, Family::Go), (2, Family::Node)];
    sample::weighted(rng, &families)
}

fn text(family: Family, version: u32, machine: u32) -> String {
    let kernel = ["6.1.134-150.224", "6.1.141-155.222", "6.12.22-27.96"][machine as usize % 3];
    let os = [
        "macos#24.5.0",
        "linux#6.8.0-1029",
        "windows#11",
        "macos#25.0.0",
        "linux#6.14.0",
        "windows#10",
    ][machine as usize % 6];
    match family {
        Family::Cli => format!(
            "aws-cli/2.{}.{} md/awscrt#0.27.2 ua/2.1 os/{os} md/arch#x86_64 lang/python#3.13.4 md/pyimpl#CPython cfg/retry-mode#standard md/installer#exe md/prompt#off",
            27 + version / 4,
            version % 4 * 9
        ),
        Family::Console => format!(
            "S3Console/0.4, aws-internal/3 aws-sdk-java/1.12.{} Linux/5.10.236-208.928.amzn2int.x86_64 OpenJDK_64-Bit_Server_VM/25.452-b09 java/1.8.0_452 vendor/Oracle_Corporation cfg/retry-mode/standard",
            750 + version
        ),
        Family::Boto => format!(
            "Boto3/1.{0}.{1} md/Botocore#1.{0}.{1} ua/2.1 os/linux#{kernel} md/arch#x86_64 lang/python#3.12.3 md/pyimpl#CPython m/b,Z,D cfg/retry-mode#standard Botocore/1.{0}.{1}",
            38 + version / 5,
            version % 5 * 7
        ),
        Family::Java => format!(
            "aws-sdk-java/2.{}.{} md/io#sync md/http#Apache ua/2.1 os/Linux#{kernel}.amzn2023.x86_64 lang/java#21.0.7 md/OpenJDK_64-Bit_Server_VM#21.0.7+6-LTS md/vendor#Amazon.com_Inc. md/en_US m/D,N",
            31 + version / 4,
            version % 4 * 8
        ),
        Family::Go => format!(
            "aws-sdk-go-v2/1.{} ua/2.1 os/linux lang/go#1.24.3 md/GOOS#linux md/GOARCH#amd64 api/s3#1.{}.3 m/E,e",
            36 + version,
            79 + version
        ),
        Family::Node => format!(
            "aws-sdk-js/3.{}.0 ua/2.1 os/linux#{kernel} lang/js md/nodejs#22.16.0 api/s3#3.{0}.0 m/N,E,e",
            820 + version * 6
        ),
        Family::Terraform => format!(
            "APN/1.0 HashiCorp/1.0 Terraform/1.12.{} (+https://www.terraform.io) terraform-provider-aws/6.{}.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.36.3 ua/2.1 os/linux lang/go#1.23.8 md/GOOS#linux md/GOARCH#amd64 api/s3#1.79.3",
            version % 4,
            version
        ),
        Family::Rclone => format!("rclone/v1.{}.0", 66 + version / 4),
        Family::S3Browser => {
            format!("S3 Browser/12.{}.{} (https://s3browser.com)", version % 5, version % 9)
        }
        Family::Plain => {
            ["python-requests/2.32.3", "Boto/2.49.0 Python/2.7.18 Linux/5.4.0", "curl/8.5.0"]
                [version as usize % 3]
                .to_owned()
        }
    }
}
