//! One request, however many trails have told of it: the copies of an event in the caller's and in
//! the owner's account become one, in which the richest identity stands.

use serde::{Deserialize, Serialize};

use super::event::Event;
use super::seeds::{Caller, Reason};
use super::sorted::Runs;
use super::wanted::Wanted;
use crate::error::Result;

/// A request of the scope. Sorts by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Request {
    /// When, µs.
    pub time: i64,
    /// Whom it is counted for: an access key, else a principal.
    pub actor: String,
    /// Why it belongs to the scope.
    pub reason: Reason,
    /// What is known of it, of all its copies.
    pub event: Event,
    /// Whose trails tell of it.
    pub accounts: Vec<String>,
    /// The ids of the copies.
    pub event_ids: Vec<String>,
}

/// The requests that events tell of.
///
/// # Errors
/// Those of reading what was spilled.
pub fn requests<'r>(
    events: &'r Runs<Event>,
    wanted: &'r Wanted,
) -> Result<impl Iterator<Item = Result<Request>> + 'r> {
    let mut rows = events.read()?.peekable();
    let mut ready: Vec<Request> = Vec::new();
    Ok(std::iter::from_fn(move || {
        loop {
            if let Some(request) = ready.pop() {
                return Some(Ok(request));
            }
            let mut copies = match rows.next()? {
                Ok(first) => vec![first],
                Err(error) => return Some(Err(error)),
            };
            let is_same = |next: &Result<Event>, first: &Event| {
                next.as_ref().is_ok_and(|next| next.request == first.request)
            };
            while let Some(Ok(copy)) =
                rows.next_if(|next| copies.first().is_some_and(|first| is_same(next, first)))
            {
                copies.push(copy);
            }
            ready.extend(together(copies).into_iter().filter_map(|same| Request::of(same, wanted)));
        }
    }))
}

/// Events with one `sharedEventID`, by what they tell of.
fn together(events: Vec<Event>) -> Vec<Vec<Event>> {
    let mut groups: Vec<Vec<Event>> = Vec::new();
    for event in events {
        let known = groups.iter_mut().find(|group| group.iter().all(|own| is_copy(own, &event)));
        match known {
            Some(group) => group.push(event),
            None => groups.push(vec![event]),
        }
    }
    groups
}

/// Whether two events with one request tell of the same: one event read at two places, or the copies
/// in two trails, of which one may say less.
fn is_copy(a: &Event, b: &Event) -> bool {
    let agrees = |a: &Option<String>, b: &Option<String>| a.is_none() || b.is_none() || a == b;
    if a.account == b.account && a.event_id == b.event_id {
        let placeless =
            |event: &Event| Event { object_uri: String::new(), record_number: 0, ..event.clone() };
        return placeless(a) == placeless(b);
    }
    a.account != b.account
        && a.name == b.name
        && agrees(&a.bucket, &b.bucket)
        && agrees(&a.object_key, &b.object_key)
        && agrees(&a.version_id, &b.version_id)
}

impl Request {
    fn of(copies: Vec<Event>, wanted: &Wanted) -> Option<Self> {
        let reason = copies.iter().filter_map(|copy| wanted.reason(&Caller::of(copy))).min()?;
        let mut accounts: Vec<String> =
            copies.iter().filter_map(|copy| copy.account.clone()).collect();
        accounts.sort_unstable();
        accounts.dedup();
        let mut event_ids: Vec<String> =
            copies.iter().filter_map(|copy| copy.event_id.clone()).collect();
        event_ids.sort_unstable();
        event_ids.dedup();
        let by_session = copies
            .iter()
            .find(|copy| wanted.reason(&Caller::of(copy)) == Some(reason))
            .map(|copy| wanted.actor(&Caller::of(copy)));
        let event = richest(copies)?;
        let caller = Caller::of(&event);
        // A copy that bears another key than that of the session is of another session.
        let is_other = caller.access_key.is_some() && wanted.reason(&caller).is_none();
        if reason == Reason::SessionId && is_other {
            return None;
        }
        let keyed = caller.access_key.is_some() && wanted.followed.reason(&caller).is_some();
        let actor = if keyed { wanted.actor(&caller) } else { by_session? };
        Some(Self { time: event.time, actor, reason, event, accounts, event_ids })
    }
}

/// The copy that says most of who called, completed by the others.
fn richest(copies: Vec<Event>) -> Option<Event> {
    let says = |event: &Event| {
        let known = [&event.access_key, &event.principal_arn, &event.principal, &event.source_ip];
        (known.map(Option::is_some), event.details.len())
    };
    let most = copies.iter().map(says).max()?;
    let at = copies.iter().position(|copy| says(copy) == most)?;
    let mut event = copies.get(at)?.clone();
    for copy in copies {
        complete(&mut event, copy);
    }
    Some(event)
}

/// Fills in what is not known of the request; who called is taken from one copy alone.
fn complete(event: &mut Event, copy: Event) {
    let texts = [
        (&mut event.error_code, copy.error_code),
        (&mut event.source_ip, copy.source_ip),
        (&mut event.user_agent, copy.user_agent),
        (&mut event.vpc_endpoint, copy.vpc_endpoint),
        (&mut event.bucket, copy.bucket),
        (&mut event.bucket_owner, copy.bucket_owner),
        (&mut event.object_key, copy.object_key),
        (&mut event.version_id, copy.version_id),
        (&mut event.auth_method, copy.auth_method),
        (&mut event.shared_event_id, copy.shared_event_id),
    ];
    for (own, other) in texts {
        *own = own.take().or(other);
    }
    event.bytes_in = event.bytes_in.or(copy.bytes_in);
    event.bytes_out = event.bytes_out.or(copy.bytes_out);
    let known: Vec<_> = event.details.iter().map(|(detail, _)| *detail).collect();
    let more = copy.details.into_iter().filter(|(detail, _)| !known.contains(detail));
    event.details.extend(more);
    event.details.sort_unstable();
}
