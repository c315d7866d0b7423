//! The cast: accounts, buckets and the principals that call them.
//!
//! In: the number of accounts. Out: plain data, the same in every run; only the
//! traffic drawn over it depends on the seed. A principal's sessions, access keys
//! and addresses are computed from its name and the time, so nothing is stored
//! per session however long the dump is. Addresses lie in ranges of large network
//! operators, so that a network look-up has something to find; they were made up.

use fastrand::Rng;

use super::text;

/// The regions in use; a bucket names one by its position.
pub(crate) const REGIONS: [&str; 2] = ["eu-central-1", "us-east-1"];

/// An account outside that has always read the shared reports.
pub(crate) const PARTNER: &str = "777788889999";
/// An account outside that has no business here.
pub(crate) const STRANGER: &str = "999988887777";

/// A bucket.
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) host: String,
    /// Position of the owning account.
    pub(crate) account: usize,
    /// Number of the owning account.
    pub(crate) owner: String,
    /// Position in [`REGIONS`].
    pub(crate) region: usize,
    /// How its keys look.
    pub(crate) keys: Keys,
}

/// The naming habit of a bucket's keys.
#[derive(Clone, Copy)]
pub(crate) enum Keys {
    /// `users/3f/3f9a…/avatar-200.png`
    Media,
    /// `raw/table=orders/dt=…/part-….parquet`
    Lake,
    /// `tmp/run-…/chunk-…`
    Scratch,
    /// `builds/web/…/bundle.tar.gz`
    Builds,
    /// `documents/2024/…pdf`
    Documents,
}

/// What kind of `userIdentity` a principal gets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Role,
    User,
    /// An AWS service acting for itself; the text is its DNS name.
    Service(&'static str),
    /// A caller from another account, as the bucket owner's copy shows it.
    Foreign,
    Anonymous,
}

/// Where the session name of a role comes from.
#[derive(Clone, Copy)]
pub(crate) enum Sessions {
    /// Instances of a group that grows and shrinks: `i-0…`, new every six hours.
    Instances(u64),
    /// One session per pipeline run, new every hour.
    Runs,
    /// A fixed name, new credentials every hour.
    Named(&'static str),
}

/// Where calls come from.
#[derive(Clone, Copy)]
pub(crate) enum Net {
    /// Any host of a /16, by session.
    Pool(u8, u8),
    /// A few known addresses, changing with the time of day.
    Few(&'static [[u8; 4]]),
}

/// A principal.
pub(crate) struct Actor {
    pub(crate) kind: Kind,
    /// Number of the account it belongs to.
    pub(crate) account: String,
    pub(crate) name: String,
    /// What stands before the name in its ARN, with a slash at the end; mostly nothing.
    pub(crate) path: &'static str,
    /// `AROA…` or `AIDA…`.
    pub(crate) id: String,
    pub(crate) agent: &'static str,
    pub(crate) sessions: Sessions,
    pub(crate) net: Net,
    /// The VPC endpoint all its calls go through.
    pub(crate) vpce: Option<String>,
    seed: u64,
}

/// One session of a principal: enough to write its credentials and address.
#[derive(Clone, Copy)]
pub(crate) struct Session {
    pub(crate) seed: u64,
    /// When the credentials were issued.
    pub(crate) created: i64,
    pub(crate) ip: [u8; 4],
}

impl Bucket {
    pub(crate) fn new(topic: &str, account: usize, region: usize, keys: Keys) -> Self {
        let owner = account_number(account);
        let name = format!("acme-{topic}-{}", &owner[8..]);
        let host = format!("{name}.s3.{}.amazonaws.com", REGIONS[region]);
        Self { name, host, account, owner, region, keys }
    }
}

impl Actor {
    /// A role whose sessions come from a changing group of instances.
    pub(crate) fn role(account: usize, name: &str, net: Net, sessions: Sessions) -> Self {
        Self::new(Kind::Role, account_number(account), name, net, sessions)
    }

    /// An IAM user with a long-lived access key.
    pub(crate) fn user(account: usize, name: &str, net: Net) -> Self {
        let mut user = Self::new(Kind::User, account_number(account), name, net, Sessions::Runs);
        user.agent = AGENT_CLI;
        user
    }

    /// An AWS service.
    pub(crate) fn service(name: &'static str) -> Self {
        let (net, sessions) = (Net::Pool(0, 0), Sessions::Runs);
        Self::new(Kind::Service(name), String::new(), name, net, sessions)
    }

    /// A caller from another account, known by number only.
    pub(crate) fn foreign(number: &str, net: Net) -> Self {
        let sessions = Sessions::Named("exchange-reader");
        Self::new(Kind::Foreign, number.to_owned(), number, net, sessions)
    }

    /// A caller without credentials.
    pub(crate) fn anonymous(net: Net) -> Self {
        let mut nobody =
            Self::new(Kind::Anonymous, String::new(), "anonymous", net, Sessions::Runs);
        nobody.agent = AGENT_CURL;
        nobody
    }

    /// Sends all calls through a VPC endpoint.
    pub(crate) fn via_endpoint(mut self) -> Self {
        let mut id = String::from("vpce-0");
        text::hex(&mut id, text::mix(self.seed, 9), 16);
        self.vpce = Some(id);
        self
    }

    /// Sets the user agent.
    pub(crate) fn with_agent(mut self, agent: &'static str) -> Self {
        self.agent = agent;
        self
    }

    /// A principal of any kind.
    pub(crate) fn new(
        kind: Kind,
        account: String,
        name: &str,
        net: Net,
        sessions: Sessions,
    ) -> Self {
        let seed = text::mix(text::seed_of(name), text::seed_of(&account));
        let mut id = String::from(if kind == Kind::User { "AIDA" } else { "AROA" });
        text::letters(&mut id, text::BASE32, seed, 17);
        Self {
            kind,
            account,
            name: name.to_owned(),
            path: "",
            id,
            agent: AGENT_JAVA,
            sessions,
            net,
            vpce: None,
            seed,
        }
    }

    /// The principal as the ground truth names it.
    pub(crate) fn principal(&self) -> String {
        match self.kind {
            Kind::Role => format!("arn:aws:iam::{}:role/{}{}", self.account, self.path, self.name),
            Kind::User => format!("arn:aws:iam::{}:user/{}", self.account, self.name),
            Kind::Service(name) => name.to_owned(),
            Kind::Foreign => format!("foreign:{}", self.account),
            Kind::Anonymous => "anonymous".to_owned(),
        }
    }

    /// The session that makes a call at `time`.
    pub(crate) fn session(&self, time: i64, rng: &mut Rng) -> Session {
        let (length, parallel) = match self.sessions {
            Sessions::Instances(count) => (6 * 3600, count),
            Sessions::Runs | Sessions::Named(_) => (3600, 1),
        };
        let window = time.div_euclid(length);
        let member = if parallel > 1 { rng.u64(..parallel) } else { 0 };
        let seed = text::mix(self.seed, window.unsigned_abs() * 64 + member);
        Session { seed, created: window * length, ip: self.address(seed) }
    }

    /// A session from a given address.
    pub(crate) fn session_from(&self, time: i64, ip: [u8; 4]) -> Session {
        let seed = text::mix(self.seed, time.div_euclid(3600).unsigned_abs() * 64);
        Session { seed, created: time - time.rem_euclid(3600), ip }
    }

    /// The access key of an IAM user, which outlives its sessions.
    pub(crate) fn key_seed(&self) -> u64 {
        text::mix(self.seed, 7)
    }

    fn address(&self, seed: u64) -> [u8; 4] {
        match self.net {
            Net::Pool(a, b) => [a, b, (seed >> 8) as u8, (seed >> 16) as u8 | 1],
            Net::Few(few) => few[(seed >> 24) as usize % few.len()],
        }
    }
}

/// The number of the account at a position.
///
/// The first two are the ones AWS uses in its documentation.
pub(crate) fn account_number(position: usize) -> String {
    match position {
        0 => "111122223333".to_owned(),
        1 => "444455556666".to_owned(),
        n => format!("20{:010}", text::mix(n as u64, 5) % 10_000_000_000),
    }
}

// User agents as SDKs send them; S3 puts them in square brackets, other services do not.
pub(crate) const AGENT_JAVA: &str = "aws-sdk-java/2.31.24 md/io#sync md/http#Apache ua/2.1 os/Linux#6.1.134-150.224.amzn2023.x86_64 lang/java#21.0.7 md/OpenJDK_64-Bit_Server_VM#21.0.7+6-LTS md/vendor#Amazon.com_Inc. md/en_US m/D,N";
pub(crate) const AGENT_BOTO: &str = "Boto3/1.38.23 md/Botocore#1.38.23 ua/2.1 os/linux#6.8.0-1029-aws md/arch#x86_64 lang/python#3.12.3 md/pyimpl#CPython m/b,Z,D cfg/retry-mode#standard Botocore/1.38.23";
pub(crate) const AGENT_CLI: &str = "aws-cli/2.27.22 md/awscrt#0.26.1 ua/2.1 os/macos#24.5.0 md/arch#arm64 lang/python#3.13.3 md/pyimpl#CPython m/E,b,Z cfg/retry-mode#standard md/installer#exe md/prompt#off md/command#s3.cp";
pub(crate) const AGENT_GO: &str = "aws-sdk-go-v2/1.36.3 ua/2.1 os/linux lang/go#1.24.3 md/GOOS#linux md/GOARCH#amd64 api/s3#1.79.3 m/E,e";
pub(crate) const AGENT_CONSOLE: &str = "S3Console/0.4, aws-internal/3 aws-sdk-java/1.12.750 Linux/5.10.236-208.928.amzn2int.x86_64 OpenJDK_64-Bit_Server_VM/25.452-b09 java/1.8.0_452 vendor/Oracle_Corporation cfg/retry-mode/standard";
pub(crate) const AGENT_TERRAFORM: &str = "APN/1.0 HashiCorp/1.0 Terraform/1.12.1 (+https://www.terraform.io) terraform-provider-aws/5.98.0 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.36.3 ua/2.1 os/linux lang/go#1.23.8 md/GOOS#linux md/GOARCH#amd64 api/s3#1.79.3";
pub(crate) const AGENT_CURL: &str = "curl/8.5.0";
