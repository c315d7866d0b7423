//! Inputs in buckets: what is listed is looked at page by page, and fetched while more is listed
//! and the workers read what has come.

use std::collections::BTreeMap;
use std::time::Duration;

use super::accounting::Account;
use super::events_out::EventsOut;
use super::feed::Feed;
use super::processed::{Identities, Processed};
use crate::error::{Error, Result};
use crate::events::Reader;
use crate::source::{Asked, KeyRange, Listing, LogObject, Order, Shard, Trail};
use crate::store::{Bucket, Budget, Fault, Location, S3, S3Uri};

/// The inputs that are in buckets.
pub(super) struct Remote<'o> {
    roots: Vec<(Bucket, &'o S3Uri)>,
    asked: Asked<'o>,
}

/// What listed objects are told to.
#[derive(Default)]
pub(super) struct Intake<'i> {
    /// What earlier runs have read.
    pub processed: Option<&'i Processed>,
    /// The folder that the events go to.
    pub events: Option<&'i EventsOut>,
    /// Where every object is accounted for.
    pub account: Account,
    /// With a state: what identifies the objects to read.
    pub identities: Identities,
}

/// What listing came to.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// Prefixes that were left out without listing them, by reason.
    pub left_out: BTreeMap<&'static str, u64>,
    /// Objects without account and region in their key that a shard had to take as one unit.
    pub unsplit: usize,
    /// How long each page took, or each input on this machine.
    pub took: Vec<Duration>,
    /// Objects to read.
    pub objects: u64,
    /// Their stored bytes.
    pub bytes: u64,
}

impl Listed {
    /// Counts objects that are to be read.
    pub(super) fn add(&mut self, objects: &[LogObject]) {
        self.objects += objects.len() as u64;
        self.bytes += objects.iter().map(|object| object.bytes).sum::<u64>();
    }

    /// Both together.
    pub(super) fn join(&mut self, other: Self) {
        self.unsplit += other.unsplit;
        self.took.extend(other.took);
        self.objects += other.objects;
        self.bytes += other.bytes;
        for (reason, count) in other.left_out {
            *self.left_out.entry(reason).or_default() += count;
        }
    }
}

/// How inputs in buckets are listed.
pub(super) struct Asking<'o> {
    /// What keys can tell of what is asked for.
    pub range: &'o KeyRange,
    /// Only this share.
    pub shard: Option<Shard>,
    /// Which days come first.
    pub order: Option<Order>,
    /// Where the outputs go.
    pub own: Vec<&'o Location>,
}

impl<'o> Remote<'o> {
    /// The inputs that are in buckets; none, if none is. One that lies in another is listed once.
    ///
    /// # Errors
    /// [`Error::Usage`] for an output that an input lies in.
    pub(super) fn of(
        inputs: &'o [Location],
        s3: Option<&S3>,
        asking: &Asking<'o>,
    ) -> Result<Option<Self>> {
        let uris: Vec<&S3Uri> = inputs.iter().filter_map(Location::s3).collect();
        let Some(s3) = s3.filter(|_| !uris.is_empty()) else { return Ok(None) };
        let own: Vec<S3Uri> = asking.own.iter().filter_map(|own| own.s3()).cloned().collect();
        for uri in &uris {
            if let Some(own) = own.iter().find(|own| own.holds(uri)) {
                let message = format!("`{uri}` lies in `{own}`, where the outputs go");
                return Err(Error::Usage(message));
            }
        }
        let is_inside = |number: usize, uri: &S3Uri| {
            uris.iter().enumerate().any(|(other, holder)| {
                holder.holds(uri) && (number > other || !uri.holds(holder)) && number != other
            })
        };
        let roots = uris.iter().enumerate().filter(|(number, uri)| !is_inside(*number, uri));
        let roots = roots.map(|(_, uri)| (s3.bucket(&uri.bucket), *uri)).collect();
        let asked = Asked { range: asking.range, shard: asking.shard, order: asking.order, own };
        Ok(Some(Self { roots, asked }))
    }

    /// Lists everything, and hands what is to be read to `take`, until that says no.
    ///
    /// # Errors
    /// Those of listing the roots, and of the state.
    pub(super) fn list(
        &self,
        intake: &mut Intake<'_>,
        take: &mut dyn FnMut(Vec<LogObject>) -> bool,
    ) -> Result<Listed> {
        let mut listed = Listed::default();
        for (bucket, root) in &self.roots {
            let mut page = |listing: Listing, took| {
                listed.took.push(took);
                listed.unsplit += listing.unsplit;
                let objects = intake.take(listing)?;
                listed.add(&objects);
                Ok(take(objects))
            };
            let left_out = Trail::new(bucket, root, &self.asked).list(&mut page)?;
            listed.join(Listed { left_out, ..Listed::default() });
        }
        Ok(listed)
    }

    /// Who reads these buckets.
    ///
    /// # Errors
    /// Those of asking.
    pub(super) fn reader(&self, s3: &S3) -> Result<Option<Reader>, Fault> {
        let buckets = self.roots.iter().map(|(bucket, _)| bucket.name().to_owned()).collect();
        Ok(s3.caller()?.map(|arn| Reader::new(&arn, buckets)))
    }

    /// Fetches what is listed, until there is no more.
    pub(super) fn fetch(&self, feed: &Feed<'_>, budget: &Budget) {
        while let Some((number, object)) = feed.next_to_fetch() {
            let arrivals = feed.arrivals();
            let place = object.bucket_and_key();
            let bucket = place.and_then(|(bucket, _)| self.bucket(bucket));
            if let (Some(bucket), Some((_, key))) = (bucket, place) {
                let done = move |stored| arrivals.bring(number, stored);
                let waits = || feed.is_going_on();
                bucket.fetch(key.to_owned(), object.bytes, budget, &waits, done);
            }
        }
    }

    fn bucket(&self, name: &str) -> Option<&Bucket> {
        self.roots.iter().map(|(bucket, _)| bucket).find(|bucket| bucket.name() == name)
    }
}

impl Intake<'_> {
    /// Accounts for a listing; gives what of it is to be read.
    pub(super) fn take(&mut self, mut listing: Listing) -> Result<Vec<LogObject>> {
        self.account.list(&listing);
        if let Some(processed) = self.processed {
            let left_out = processed.leave_out(&mut listing, &mut self.identities)?;
            self.account.add(left_out, Vec::new());
        }
        if let Some(events) = self.events {
            events.expect(&listing.objects)?;
        }
        Ok(listing.objects)
    }
}
