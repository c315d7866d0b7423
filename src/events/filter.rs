//! Which events are asked for: by account, region, bucket, principal, access key, address, name.

use ipnet::IpNet;

use super::bucket::{is_s3, place};
use super::principal;
use super::slots::{Slot, Slots};

/// Events that are asked for: of each kind one of the values, if there are any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// `recipientAccountId`.
    pub accounts: Vec<String>,
    /// `awsRegion`.
    pub regions: Vec<String>,
    /// Names of buckets.
    pub buckets: Vec<String>,
    /// Stable principals (the role of a session), ARNs of sessions, or user names.
    pub principals: Vec<String>,
    /// `userIdentity.accessKeyId`.
    pub access_keys: Vec<String>,
    /// Networks that hold `sourceIPAddress`.
    pub networks: Vec<IpNet>,
    /// `eventName`, in any case.
    pub event_names: Vec<String>,
}

impl EventFilter {
    /// Whether every event is asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it asks for more than accounts and regions, which divide logs into objects.
    #[must_use]
    pub fn looks_inside(&self) -> bool {
        let Self { buckets, principals, access_keys, networks, event_names, .. } = self;
        [buckets, principals, access_keys, event_names].iter().any(|list| !list.is_empty())
            || !networks.is_empty()
    }

    /// Whether an event is asked for.
    pub(super) fn holds(&self, slots: &Slots<'_, '_>) -> bool {
        let one_of = |list: &[String], slot| {
            list.is_empty() || slots.text(slot).is_some_and(|text| list.iter().any(|l| *l == *text))
        };
        let account = || slots.account();
        (self.accounts.is_empty()
            || account().is_some_and(|a| self.accounts.iter().any(|l| *l == *a)))
            && one_of(&self.regions, Slot::AwsRegion)
            && one_of(&self.access_keys, Slot::IdentityAccessKey)
            && self.holds_name(slots)
            && self.holds_address(slots)
            && self.holds_bucket(slots)
            && self.holds_principal(slots)
    }

    fn holds_name(&self, slots: &Slots<'_, '_>) -> bool {
        let name = slots.string(Slot::EventName).unwrap_or_default();
        let names = &self.event_names;
        names.is_empty() || names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
    }

    fn holds_address(&self, slots: &Slots<'_, '_>) -> bool {
        let address = || slots.string(Slot::SourceIp)?.parse::<std::net::IpAddr>().ok();
        // `::ffff:198.51.100.7` is 198.51.100.7.
        let address = || address().map(|address| address.to_canonical());
        self.networks.is_empty()
            || address().is_some_and(|address| self.networks.iter().any(|n| n.contains(&address)))
    }

    fn holds_bucket(&self, slots: &Slots<'_, '_>) -> bool {
        if self.buckets.is_empty() {
            return true;
        }
        let source = slots.string(Slot::EventSource).unwrap_or_default();
        let bucket = if is_s3(source) { place(slots).bucket } else { None };
        bucket.is_some_and(|bucket| self.buckets.iter().any(|wanted| wanted == bucket))
    }

    fn holds_principal(&self, slots: &Slots<'_, '_>) -> bool {
        if self.principals.is_empty() {
            return true;
        }
        let who = principal::principal(slots);
        let names = [
            who.name.as_deref(),
            slots.string(Slot::IdentityArn),
            slots.string(Slot::IdentityUserName),
        ];
        names.iter().flatten().any(|name| self.principals.iter().any(|wanted| wanted == name))
    }
}
