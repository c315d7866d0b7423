//! Who habitually does what: the benign patterns and the victims of the attacks.
//!
//! In: the number of accounts. Out: buckets, principals, and a weighted table of
//! patterns (this principal does such things in this bucket). A principal keeps to
//! its few buckets and networks for the whole span, so that whatever is new later
//! on is new because an attack made it so.

use super::world::{
    AGENT_BOTO, AGENT_CONSOLE, AGENT_GO, AGENT_TERRAFORM, Actor, Bucket, Keys, Net, PARTNER,
    STRANGER, Sessions, account_number,
};

/// The habits of a pattern: which calls, how often.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Reads with some misses.
    Serve,
    /// Writes, and checks what it wrote.
    Ingest,
    /// Reads, lists and writes data sets.
    Process,
    /// Lists, then reads; is refused now and then.
    Analyse,
    /// Publishes builds with the owner-full-control ACL.
    Deploy,
    /// CloudTrail delivering its own files.
    Deliver,
    /// Looks at bucket settings.
    Inspect,
    /// Services other than S3.
    Elsewhere,
}

/// One principal's habit in one bucket.
pub(crate) struct Pattern {
    pub(crate) weight: u32,
    pub(crate) actor: usize,
    pub(crate) bucket: usize,
    pub(crate) habit: Habit,
}

/// The bucket of one attack, its regular user and the one who attacks.
pub(crate) struct Project {
    pub(crate) attack: &'static str,
    pub(crate) bucket: usize,
    pub(crate) owner: usize,
    pub(crate) attacker: usize,
}

/// All buckets, principals and habits.
pub(crate) struct Cast {
    pub(crate) accounts: Vec<String>,
    pub(crate) buckets: Vec<Bucket>,
    pub(crate) actors: Vec<Actor>,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) projects: Vec<Project>,
    /// The buckets and principals of the scheduled jobs, by account.
    pub(crate) jobs: Vec<Jobs>,
}

/// What the scheduled jobs of one account work with.
pub(crate) struct Jobs {
    pub(crate) media: usize,
    pub(crate) lake: usize,
    pub(crate) reports: usize,
    pub(crate) scratch: usize,
    pub(crate) staging: usize,
    pub(crate) logs: usize,
    pub(crate) uploader: usize,
    pub(crate) etl: usize,
    pub(crate) admin: usize,
    pub(crate) scratch_cleaner: usize,
    pub(crate) staging_cleaner: usize,
    pub(crate) report_builder: usize,
    pub(crate) reader_abroad: usize,
}

/// Addresses of instances in the main region.
const CLOUD: Net = Net::Pool(3, 121);
/// Addresses inside the VPC, seen when a call passes an endpoint.
const PRIVATE: Net = Net::Pool(10, 20);
const OFFICE: Net = Net::Few(&[[62, 153, 44, 10], [62, 153, 44, 11]]);
const ROAMING: Net = Net::Few(&[[62, 153, 44, 10], [93, 192, 71, 18], [80, 187, 96, 5]]);

/// A victim as the table lists it: attack, bucket topic, regular user, is it a role.
type Victim = (&'static str, &'static str, &'static str, bool);

const VICTIMS: [Victim; 19] = [
    ("mass_delete_single", "invoices", "invoice-service", true),
    ("mass_delete_slow", "contracts", "contractor-07", false),
    ("mass_delete_multi", "archive", "archive-service", true),
    ("mass_delete_multi_legacy", "imports", "import-service", true),
    ("version_purge", "backups", "storage-operator", false),
    ("mass_delete_denied", "payroll", "intern-03", false),
    ("acl_public_bucket", "campaigns", "web-editor", false),
    ("acl_public_bucket_body", "inbox", "inbox-service", true),
    ("acl_authenticated", "catalog", "data-steward", false),
    ("acl_cross_account", "exchange", "integration-service", true),
    ("acl_public_object", "press", "press-editor", false),
    ("acl_public_upload", "exports", "export-service", true),
    ("acl_public_denied", "staff", "trainee-02", false),
    ("new_principal", "research", "research-service", true),
    ("new_account", "genomics", "genomics-service", true),
    ("anonymous_access", "drafts", "draft-service", true),
    ("unusual_ip", "metrics", "metrics-analyst", false),
    ("config_weakened", "customers", "cloud-admin", true),
    ("endpoint_bypass", "ledger", "ledger-service", true),
];

impl Cast {
    /// The cast of `accounts` accounts.
    pub(crate) fn new(accounts: usize) -> Self {
        let mut cast = Self {
            accounts: (0..accounts).map(account_number).collect(),
            buckets: Vec::new(),
            actors: Vec::new(),
            patterns: Vec::new(),
            projects: Vec::new(),
            jobs: Vec::new(),
        };
        for account in 0..accounts {
            cast.company(account);
        }
        for (n, victim) in VICTIMS.iter().enumerate() {
            cast.project(n % accounts, victim);
        }
        cast
    }

    /// Position of an account by number.
    pub(crate) fn position(&self, number: &str) -> usize {
        self.accounts.iter().position(|a| a == number).unwrap_or(0)
    }

    /// The victim of an attack.
    pub(crate) fn victim(&self, attack: &str) -> Option<&Project> {
        self.projects.iter().find(|p| p.attack == attack)
    }

    fn company(&mut self, a: usize) {
        let media = self.bucket(a, "media", 0, Keys::Media);
        let lake = self.bucket(a, "lake", 0, Keys::Lake);
        let reports = self.bucket(a, "reports", 0, Keys::Documents);
        let scratch = self.bucket(a, "scratch", 0, Keys::Scratch);
        let staging = self.bucket(a, "staging", 0, Keys::Scratch);
        let builds = self.bucket(a, "builds", 1, Keys::Builds);
        let logs = self.bucket(a, "cloudtrail-logs", 0, Keys::Builds);

        let web = self.actor(Actor::role(a, "web-frontend", CLOUD, Sessions::Instances(6)));
        let uploader = Actor::role(a, "upload-api", CLOUD, Sessions::Instances(3));
        let uploader = self.actor(uploader.with_agent(AGENT_GO));
        let etl = Actor::role(a, "etl-worker", PRIVATE, Sessions::Instances(4));
        let etl = self.actor(etl.with_agent(AGENT_BOTO).via_endpoint());
        let ci = Actor::role(a, "ci-deploy", Net::Pool(20, 57), Sessions::Runs);
        let ci = self.actor(ci.with_agent(AGENT_TERRAFORM));
        let admin = Actor::role(a, "platform-admin", OFFICE, Sessions::Named("console"));
        let admin = self.actor(admin.with_agent(AGENT_CONSOLE));
        let scanner = Actor::role(a, "inventory-scanner", CLOUD, Sessions::Named("scan"));
        let scanner = self.actor(scanner.with_agent(AGENT_BOTO));
        let trail = self.actor(Actor::service("cloudtrail.amazonaws.com"));
        let partner = self.actor(Actor::foreign(PARTNER, Net::Pool(52, 28)));

        self.habit(30, web, media, Habit::Serve);
        self.habit(3, web, reports, Habit::Serve);
        self.habit(12, uploader, media, Habit::Ingest);
        self.habit(14, etl, lake, Habit::Process);
        self.habit(6, etl, scratch, Habit::Ingest);
        self.habit(6, ci, builds, Habit::Deploy);
        self.habit(5, trail, logs, Habit::Deliver);
        self.habit(3, partner, reports, Habit::Serve);
        for bucket in [media, lake, reports, builds] {
            self.habit(1, admin, bucket, Habit::Inspect);
            self.habit(1, scanner, bucket, Habit::Inspect);
        }
        self.habit(6, admin, builds, Habit::Elsewhere);
        for name in ["analyst-01", "analyst-02", "analyst-03"] {
            let analyst = self.actor(Actor::user(a, name, ROAMING));
            self.habit(2, analyst, lake, Habit::Analyse);
            self.habit(1, analyst, reports, Habit::Analyse);
        }

        let named = |name| Actor::role(a, name, CLOUD, Sessions::Named("nightly"));
        let jobs = Jobs {
            media,
            lake,
            reports,
            scratch,
            staging,
            logs,
            uploader,
            etl,
            admin,
            scratch_cleaner: self.actor(named("scratch-cleanup").with_agent(AGENT_BOTO)),
            staging_cleaner: self.actor(named("staging-cleanup").with_agent(AGENT_GO)),
            report_builder: self.actor(named("report-builder")),
            reader_abroad: self.actor(named("group-reporting").with_agent(AGENT_BOTO)),
        };
        self.jobs.push(jobs);
    }

    fn project(&mut self, account: usize, victim: &Victim) {
        let (attack, topic, name, is_role) = *victim;
        let bucket = self.bucket(account, topic, 0, Keys::Documents);
        let mut owner = if is_role {
            Actor::role(account, name, CLOUD, Sessions::Instances(2))
        } else {
            Actor::user(account, name, OFFICE)
        };
        if attack == "endpoint_bypass" {
            owner = Actor::role(account, name, PRIVATE, Sessions::Instances(2)).via_endpoint();
        }
        let owner = self.actor(owner);
        let attacker = match attack {
            "new_principal" => {
                Some(Actor::role(account, "temp-migration", CLOUD, Sessions::Named("migrate")))
            }
            "new_account" => Some(Actor::foreign(STRANGER, Net::Pool(151, 80))),
            "anonymous_access" => Some(Actor::anonymous(Net::Few(&[
                [95, 217, 40, 12],
                [95, 217, 40, 13],
                [95, 217, 112, 8],
            ]))),
            _ => None,
        };
        let attacker = attacker.map_or(owner, |actor| self.actor(actor));
        self.habit(3, owner, bucket, Habit::Process);
        self.projects.push(Project { attack, bucket, owner, attacker });
    }

    fn bucket(&mut self, account: usize, topic: &str, region: usize, keys: Keys) -> usize {
        self.buckets.push(Bucket::new(topic, account, region, keys));
        self.buckets.len() - 1
    }

    fn actor(&mut self, actor: Actor) -> usize {
        self.actors.push(actor);
        self.actors.len() - 1
    }

    fn habit(&mut self, weight: u32, actor: usize, bucket: usize, habit: Habit) {
        self.patterns.push(Pattern { weight, actor, bucket, habit });
    }
}
