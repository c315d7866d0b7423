//! The arguments that say which events are asked for.

use clap::Args;
use ipnet::IpNet;

use crate::error::{Error, Result};
use crate::events::EventFilter;

/// Which events are asked for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Events to look at (several values: with commas, or the flag again)")]
pub(super) struct Asked {
    /// Only events of this account's trail; objects of others are not read where their keys tell
    #[arg(long, value_name = "ID", value_delimiter = ',', value_parser = account_id)]
    account: Vec<String>,
    /// Only events of this region
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    region: Vec<String>,
    /// Only events on this bucket
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    bucket: Vec<String>,
    /// Only events by this role, user or session: an ARN, or a user name (which may hold commas, so
    /// for several give the flag again)
    #[arg(long, value_name = "ARN")]
    principal: Vec<String>,
    /// Only events with this access key
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    access_key: Vec<String>,
    /// Only events from this address or network
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = network)]
    ip: Vec<IpNet>,
    /// Only events of this name
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    event_name: Vec<String>,
}

impl Asked {
    /// The validated filter.
    pub(super) fn filter(&self, with_state: bool) -> Result<EventFilter> {
        let filter = EventFilter {
            accounts: self.account.clone(),
            regions: self.region.clone(),
            buckets: self.bucket.clone(),
            principals: self.principal.clone(),
            access_keys: self.access_key.clone(),
            networks: self.ip.clone(),
            event_names: self.event_name.clone(),
        };
        if with_state && filter.looks_inside() {
            let message = "`--state` with --bucket, --principal, --access-key, --ip or --event-name: \
                           the history of later runs would lack the rest; scan without --state";
            return Err(Error::Usage(message.to_owned()));
        }
        Ok(filter)
    }
}

/// Twelve digits.
fn account_id(text: &str) -> Result<String, String> {
    let is_id = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_id.then(|| text.to_owned()).ok_or_else(|| format!("`{text}` is no account: 12 digits"))
}

/// An address, or a network.
pub(super) fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<std::net::IpAddr>().ok().map(IpNet::from);
    text.parse::<IpNet>().ok().or_else(address).ok_or_else(|| {
        format!(
            "`{text}` is neither an address nor a network: write 198.51.100.7 or 198.51.100.0/24"
        )
    })
}
