//! Which credentials were issued to whom, and all that follow from the seeds.
//!
//! A *link* is a call that issued credentials: the caller's key and the key in the answer. In the
//! copies of a call in two accounts' trails one may lack the caller's key, another the answer; they
//! are put together by their `sharedEventID`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::event::{Detail, Event};
use super::seeds::{Caller, Reason, Seeds};
use super::sorted::Runs;
use crate::error::Result;
use crate::events::parse_event_time;

/// A call that issued credentials. Sorts by request, so that its copies stand together.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Link {
    /// See [`Event::request`].
    pub request: String,
    /// When.
    pub time: i64,
    /// The key that was issued.
    pub child: Option<String>,
    /// The key that called.
    pub parent: Option<String>,
    /// `AssumeRole` …
    pub event_name: String,
    /// Its id.
    pub event_id: Option<String>,
    /// Whose trail.
    pub account: Option<String>,
    /// Who called.
    pub principal: Option<String>,
    /// The unique id of who called.
    pub principal_id: Option<String>,
    /// The unique id of the session that was opened: `AROA…:name`.
    pub session_id: Option<String>,
    /// Until when the key is good, µs.
    pub expires: Option<i64>,
    /// Whether the call itself is a seed.
    pub is_seed: bool,
}

impl Link {
    /// The link that an event is, if it is one: what it issued, or that it would issue something
    /// which a copy of it may tell.
    pub(crate) fn of(event: &Event, is_seed: bool) -> Option<Self> {
        let child = event.detail(Detail::IssuedKey);
        let may_be = event.shared_event_id.is_some() && event.is_ok() && issues(&event.name);
        (child.is_some() || may_be).then(|| Self {
            request: event.request.clone(),
            time: event.time,
            child: child.map(str::to_owned),
            parent: event.access_key.clone(),
            event_name: event.name.clone(),
            event_id: event.event_id.clone(),
            account: event.account.clone(),
            principal: event.principal.clone(),
            principal_id: event.detail(Detail::PrincipalId).map(str::to_owned),
            session_id: event.detail(Detail::IssuedSession).map(str::to_owned),
            expires: event.detail(Detail::Expiration).and_then(parse_expiration),
            is_seed,
        })
    }

    /// Puts a copy of the same call in; this one's values stand.
    fn join(&mut self, other: Self) {
        let Self { child, parent, principal, principal_id, session_id, expires, .. } = self;
        *child = child.take().or(other.child);
        // Who called is told by the copy with its key, if there is one.
        if parent.is_none() && other.parent.is_some() {
            (*parent, *principal, *principal_id) =
                (other.parent, other.principal, other.principal_id);
        }
        *session_id = session_id.take().or(other.session_id);
        *expires = expires.or(other.expires);
        self.is_seed |= other.is_seed;
    }
}

/// Whether calls of that name issue credentials.
pub(crate) fn issues(name: &str) -> bool {
    name.starts_with("AssumeRole")
        || matches!(
            name,
            "AssumeRoot" | "GetSessionToken" | "GetFederationToken" | "CreateAccessKey"
        )
}

/// `Jul 10, 2023 1:12:05 PM`, with or without the second comma and with odd blanks, as STS writes it;
/// or as times of events are written.
fn parse_expiration(text: &str) -> Option<i64> {
    let plain = text.replace(['\u{202f}', '\u{a0}'], " ").replace(',', "");
    let time = DateTime::strptime("%b %d %Y %I:%M:%S %p", plain).ok();
    let time = time.and_then(|time| TimeZone::UTC.to_timestamp(time).ok());
    time.map(jiff::Timestamp::as_microsecond).or_else(|| parse_event_time(text))
}

/// A key in use: who it acts for. Sorts by key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Use {
    /// The access key.
    pub key: String,
    /// The unique id of who has it.
    pub principal_id: Option<String>,
    /// When the session began, as logged.
    pub created: Option<String>,
    /// Who has it.
    pub principal: Option<String>,
    /// The account of who has it.
    pub account: Option<String>,
}

/// How a key came to be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// It, its principal or its session was asked for.
    Seed,
    /// Issued to a followed actor.
    Issued,
    /// It was used from an address that was asked for: of its events only those.
    UsedFromSeed,
    /// It was used on a bucket that was asked for: of its events only those.
    UsedOnSeed,
    /// Another key of a followed key's session: not followed.
    SameSession,
    /// Another key of a followed key's principal: not followed.
    SamePrincipal,
}

impl Relation {
    /// Its name in outputs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seed => "seed",
            Self::Issued => "issued",
            Self::UsedFromSeed => "used_from_seed",
            Self::UsedOnSeed => "used_on_seed",
            Self::SameSession => "same_session",
            Self::SamePrincipal => "same_principal",
        }
    }
}

/// A key that is followed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Credential {
    /// Whether it was asked for.
    pub is_seed: bool,
    /// The call that issued it, where the logs hold it.
    pub issued: Option<Link>,
}

/// What is followed: the seeds, and all that was issued from them.
#[derive(Debug, Clone, Default)]
pub struct Followed {
    /// What was asked for.
    pub seeds: Seeds,
    /// By key.
    pub keys: BTreeMap<String, Credential>,
    /// Unique ids of opened sessions, with the key of each and the time that it is good for.
    sessions: BTreeMap<String, Vec<(i64, i64, String)>>,
}

impl Followed {
    /// The closure of the seeds over the links.
    ///
    /// # Errors
    /// Those of reading what was spilled.
    pub fn closure(seeds: &Seeds, links: &Runs<Link>) -> Result<Self> {
        let seed = |key: &String| (key.clone(), Credential { is_seed: true, issued: None });
        let keys = seeds.access_keys.iter().map(seed).collect();
        let mut followed = Self { seeds: seeds.clone(), keys, sessions: BTreeMap::new() };
        loop {
            let known = followed.keys.len();
            for link in calls(links)? {
                followed.follow(link?);
            }
            if followed.keys.len() == known {
                return Ok(followed);
            }
        }
    }

    fn follow(&mut self, link: Link) {
        let Some(child) = link.child.clone() else { return };
        let is_followed = link.is_seed || self.issued_to(&link);
        if !is_followed && !self.keys.contains_key(&child) {
            return;
        }
        let credential = self.keys.entry(child.clone()).or_default();
        if credential.issued.is_some() {
            return;
        }
        if let (Some(id), Some(expires)) = (&link.session_id, link.expires) {
            self.sessions.entry(id.clone()).or_default().push((link.time, expires, child));
        }
        credential.issued = Some(link);
    }

    fn issued_to(&self, link: &Link) -> bool {
        match &link.parent {
            Some(parent) => self.keys.contains_key(parent),
            None => self.key_of_session(link.principal_id.as_deref(), link.time).is_some(),
        }
    }

    /// The followed key of the session with that unique id at a time.
    pub(crate) fn key_of_session(&self, id: Option<&str>, time: i64) -> Option<&str> {
        let windows = self.sessions.get(id?)?;
        let live = windows.iter().filter(|(from, until, _)| (*from..=*until).contains(&time));
        live.map(|(.., key)| key.as_str()).min()
    }

    /// Why an event belongs to the scope.
    pub(crate) fn reason(&self, caller: &Caller<'_>) -> Option<Reason> {
        let credential = caller.access_key.and_then(|key| self.keys.get(key));
        let by_key = credential
            .map(|credential| if credential.is_seed { Reason::AccessKey } else { Reason::Issued });
        let by_session = || {
            let none = caller.access_key.is_none();
            let key = self.key_of_session(caller.principal_id.filter(|_| none), caller.time);
            key.map(|_| Reason::SessionId)
        };
        by_key.or_else(|| self.seeds.reason(caller)).or_else(by_session)
    }

    /// Keys that are not followed although a followed one acts for the same principal.
    ///
    /// # Errors
    /// Those of reading what was spilled.
    pub fn related(&self, keys: &Runs<Use>) -> Result<BTreeMap<String, (Relation, Use)>> {
        let mut ids: BTreeMap<String, BTreeSet<Option<String>>> = BTreeMap::new();
        for used in keys.read()? {
            let Use { key, principal_id, created, .. } = used?;
            if let (true, Some(id)) = (self.keys.contains_key(&key), principal_id) {
                ids.entry(id).or_default().insert(created);
            }
        }
        let mut related: BTreeMap<String, (Relation, Use)> = BTreeMap::new();
        for used in keys.read()? {
            let used = used?;
            let Some(sessions) = used.principal_id.as_ref().and_then(|id| ids.get(id)) else {
                continue;
            };
            if !self.keys.contains_key(&used.key) {
                let same = used.created.is_some() && sessions.contains(&used.created);
                let relation = if same { Relation::SameSession } else { Relation::SamePrincipal };
                let key = used.key.clone();
                let listed = related.entry(key).or_insert((relation, used));
                listed.0 = listed.0.min(relation);
            }
        }
        Ok(related)
    }
}

/// The links, the copies of each call put together.
fn calls(links: &Runs<Link>) -> Result<impl Iterator<Item = Result<Link>>> {
    let mut rows = links.read()?.peekable();
    Ok(std::iter::from_fn(move || {
        let mut link = match rows.next()? {
            Ok(link) => link,
            Err(error) => return Some(Err(error)),
        };
        let is_copy = |next: &Result<Link>, link: &Link| {
            next.as_ref().is_ok_and(|next| {
                next.request == link.request
                    && next.event_name == link.event_name
                    && (next.child.is_none() || link.child.is_none() || next.child == link.child)
            })
        };
        while let Some(Ok(copy)) = rows.next_if(|next| is_copy(next, &link)) {
            link.join(copy);
        }
        Some(Ok(link))
    }))
}

#[cfg(test)]
mod tests {
    use super::super::sorted::Sorted;
    use super::*;

    fn link(request: &str, parent: &str, child: &str) -> Link {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Link {
            request: request.to_owned(),
            parent: some(parent),
            child: some(child),
            event_name: "AssumeRole".to_owned(),
            ..Link::default()
        }
    }

    fn closure(seed: &str, links: Vec<Link>) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let mut sorted = Sorted::new(folder.path(), 1 << 20);
        for link in links {
            sorted.push(link, 1).unwrap();
        }
        let seeds = Seeds { access_keys: vec![seed.to_owned()], ..Seeds::default() };
        let followed = Followed::closure(&seeds, &sorted.finish()).unwrap();
        followed.keys.into_keys().collect()
    }

    #[test]
    fn what_is_issued_is_followed_however_deep_and_in_whatever_order() {
        // The requests sort against the chain, and a loop ends.
        let links = vec![
            link("9", "A", "B"),
            link("8", "B", "C"),
            link("7", "C", "D"),
            link("6", "D", "A"),
            link("5", "X", "Y"),
            link("4", "", "Z"),
        ];
        assert_eq!(closure("A", links), ["A", "B", "C", "D"]);
    }

    #[test]
    fn the_copies_of_a_call_complete_each_other() {
        let links = vec![link("s", "A", ""), link("s", "", "B"), link("t", "B", "C")];
        assert_eq!(closure("A", links), ["A", "B", "C"]);
    }

    #[test]
    fn a_redacted_caller_is_known_by_its_session_while_that_lives() {
        let opened = Link {
            session_id: Some("AROA1:s".to_owned()),
            time: 10,
            expires: Some(20),
            ..link("1", "A", "B")
        };
        let by_session = |request, child, time| Link {
            principal_id: Some("AROA1:s".to_owned()),
            time,
            ..link(request, "", child)
        };
        let links = vec![opened, by_session("2", "C", 15), by_session("3", "D", 25)];
        assert_eq!(closure("A", links), ["A", "B", "C"]);
    }

    #[test]
    fn expirations_are_read_as_sts_writes_them() {
        let expected = parse_event_time("2023-07-10T13:12:05Z");
        for text in [
            "Jul 10, 2023 1:12:05 PM",
            "Jul 10, 2023, 1:12:05 PM",
            "Jul 10, 2023, 1:12:05\u{202f}PM",
            "2023-07-10T13:12:05Z",
        ] {
            assert_eq!(parse_expiration(text), expected, "{text}");
        }
        assert_eq!(parse_expiration("soon"), None);
    }
}
