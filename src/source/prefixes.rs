//! The logs of a bucket. Millions of keys are not listed to read those of three days: the folders
//! that CloudTrail makes are discovered with a delimiter, down to the month, and only what may hold
//! what is asked for is listed, several prefixes at a time.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::layout::{Layout, is_account, is_organisation, is_region};
use super::listing::{Listing, LogObject, NotRead};
use super::outputs::outputs;
use super::prune::{KeyRange, OTHER_ACCOUNT, OTHER_REGION, OTHER_TIME};
use super::shard::Shard;
use crate::error::{Error, Result};
use crate::store::{Bucket, Fault, ListedPage, Page, S3Uri, Unit};

/// So many folders of unknown names are looked into for `AWSLogs/`.
const FOLDERS: usize = 64;
/// Regions whose months are discovered before listing begins.
const REGIONS: usize = 64;

const OTHER_SERVICE: &str = "of another service, or CloudTrail's digests";
const OTHER_SHARD: &str = "of another share";
const OUTPUT: &str = "output of trailsift";

/// Which days come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The newest.
    Newest,
    /// The oldest.
    Oldest,
}

/// What is asked for of a bucket.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// Accounts, regions, days.
    pub range: &'a KeyRange,
    /// Only this share.
    pub shard: Option<Shard>,
    /// Which days come first; none: whatever is fastest.
    pub order: Option<Order>,
    /// Folders with outputs of trailsift.
    pub own: Vec<S3Uri>,
}

/// An input that is in a bucket.
#[derive(Debug)]
pub struct Trail<'a> {
    bucket: &'a Bucket,
    root: &'a S3Uri,
    asked: &'a Asked<'a>,
    /// Prefixes that were left out without listing them, by reason.
    left_out: BTreeMap<&'static str, u64>,
}

/// Takes a page of a listing; says whether to go on.
type Take<'t> = &'t mut dyn FnMut(Listing, std::time::Duration) -> Result<bool>;

/// What to do with a folder.
enum Way {
    /// Look into it.
    Deeper,
    /// List all that is below.
    List,
    /// A region's folder.
    Region,
    /// Nothing that is asked for is below.
    LeaveOut(&'static str),
}

/// What discovery has found.
#[derive(Default)]
struct Found {
    regions: Vec<String>,
    whole: Vec<String>,
}

/// What is at the top of a bucket.
#[derive(Default)]
struct Around {
    deeper: Vec<String>,
    whole: Vec<String>,
    /// Objects beside the folders.
    pages: Vec<Page>,
}

/// A prefix of the days of a region. Sorts by time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Days {
    year_month_day: (i16, i8, i8),
    prefix: String,
}

/// What to do with a month.
enum Month {
    /// List it whole.
    Whole((i16, i8, i8)),
    /// List its days one by one; it begins with that date.
    Split(Date),
    /// Nothing that is asked for is in it.
    LeftOut,
}

impl<'a> Trail<'a> {
    /// What is at `root`.
    #[must_use]
    pub fn new(bucket: &'a Bucket, root: &'a S3Uri, asked: &'a Asked<'a>) -> Self {
        Self { bucket, root, asked, left_out: BTreeMap::new() }
    }

    /// Lists it: gives page after page to `take`, as they come, until that says no. Returns the
    /// number of prefixes that were left out without listing them, by reason.
    ///
    /// # Errors
    /// [`Error::S3`] if the root cannot be listed, [`Error::Usage`] if there is nothing; and those
    /// of `take`. Prefixes below that cannot be listed are failed inputs.
    pub fn list(mut self, take: Take<'_>) -> Result<BTreeMap<&'static str, u64>> {
        let Some(root) = self.root_folder(take)? else { return Ok(self.left_out) };
        let Some(found) = self.discover(root, take)? else { return Ok(self.left_out) };
        let whole = found.whole.into_iter().map(|prefix| Unit { prefix }).collect();
        if !self.pages(whole, take)? {
            return Ok(self.left_out);
        }
        // The first day is that of all regions.
        let at_a_time = if self.asked.order.is_some() { usize::MAX } else { REGIONS };
        for regions in found.regions.chunks(at_a_time.min(found.regions.len().max(1))) {
            let Some(mut days) = self.days(regions, take)? else { break };
            days.sort_unstable();
            if self.asked.order == Some(Order::Newest) {
                days.reverse();
            }
            let units = days.into_iter().map(|days| Unit { prefix: days.prefix }).collect();
            if !self.pages(units, take)? {
                break;
            }
        }
        Ok(self.left_out)
    }

    /// The folder to look into; an object of exactly that key is given.
    fn root_folder(&self, take: Take<'_>) -> Result<Option<String>> {
        let folder = self.root.folder();
        if folder.is_empty() || self.root.prefix.ends_with('/') {
            return Ok(Some(folder));
        }
        let page = self.glance(&self.root.prefix)?;
        let uri = self.root.to_string();
        let object = page.entries.into_iter().find(|entry| *entry.uri == uri);
        let is_folder = page.folders.contains(&folder);
        if object.is_none() && !is_folder {
            let near: Vec<_> =
                page.folders.iter().take(3).map(|near| self.bucket.uri(near)).collect();
            let hint = if near.is_empty() {
                String::new()
            } else {
                format!("; there is {}", near.join(", "))
            };
            return Err(Error::Usage(format!("`{uri}`: no such object or folder{hint}")));
        }
        let objects = object.into_iter().map(|entry| LogObject::stored(entry, true)).collect();
        let go_on = take(self.kept(Listing { objects, ..Listing::default() }), page.took)?;
        Ok((is_folder && go_on).then_some(folder))
    }

    /// The first page of what is directly under a prefix.
    fn glance(&self, prefix: &str) -> Result<Page> {
        let page = self.bucket.glance(&[prefix.to_owned()]).into_iter().next();
        page.unwrap_or_else(|| Ok(Page::default())).map_err(Error::s3(self.bucket.uri(prefix)))
    }

    fn root_children(&self, prefix: &str) -> Result<Page> {
        let page = self.bucket.children(&[prefix.to_owned()]).into_iter().next();
        page.unwrap_or_else(|| Ok(Page::default())).map_err(Error::s3(self.bucket.uri(prefix)))
    }

    /// Looks for the folders that CloudTrail makes; `None`: `take` has said no.
    fn discover(&mut self, root: String, take: Take<'_>) -> Result<Option<Found>> {
        let mut found = Found::default();
        let mut top = self.glance(&root)?;
        let is_trail = |folder: &String| folder.ends_with("AWSLogs/");
        let is_layout = root.contains("AWSLogs/") && !matches!(self.way(&root), Way::List);
        if !top.is_last() && (is_layout || top.folders.iter().any(is_trail)) {
            top = self.root_children(&root)?;
        }
        if top.entries.is_empty() && top.folders.is_empty() {
            return Err(Error::Usage(format!("`{}`: nothing is there", self.bucket.uri(&root))));
        }
        let mut next = Vec::new();
        if !top.is_last() {
            found.whole.push(root);
        } else if root.contains("AWSLogs/") {
            if !self.walk(&root, top, &mut next, &mut found, take)? {
                return Ok(None);
            }
        } else {
            match self.look_around(&top) {
                None => found.whole.push(root),
                Some(around) => {
                    found.whole.extend(around.whole);
                    next.extend(around.deeper);
                    for page in around.pages.into_iter().chain([top]) {
                        if !self.take_page(page, take)? {
                            return Ok(None);
                        }
                    }
                }
            }
        }
        while !next.is_empty() {
            let level = std::mem::take(&mut next);
            for (prefix, page) in level.iter().zip(self.bucket.children(&level)) {
                let go_on = match page {
                    Ok(page) => self.walk(prefix, page, &mut next, &mut found, take)?,
                    Err(fault) => take(self.failed(prefix, &fault), std::time::Duration::ZERO)?,
                };
                if !go_on {
                    return Ok(None);
                }
            }
        }
        Ok(Some(found))
    }

    /// What is around `AWSLogs/` at the top; `None`: no folder there is CloudTrail's, so that all is
    /// better listed at once.
    fn look_around(&self, top: &Page) -> Option<Around> {
        if top.folders.len() > FOLDERS {
            return None;
        }
        let is_trail = |folder: &String| folder.ends_with("AWSLogs/");
        let (deeper, others) = top.folders.iter().cloned().partition(is_trail);
        let mut around = Around { deeper, ..Around::default() };
        // Of a folder with millions of keys the first page is enough to see that it is no trail's.
        for (folder, page) in others.iter().zip(self.bucket.glance(&others)) {
            match page {
                Ok(mut page) if page.folders.iter().any(is_trail) && page.is_last() => {
                    let folders = std::mem::take(&mut page.folders);
                    let (trails, rest): (Vec<_>, Vec<_>) = folders.into_iter().partition(is_trail);
                    around.deeper.extend(trails);
                    around.whole.extend(rest);
                    around.pages.push(page);
                }
                _ => around.whole.push(folder.clone()),
            }
        }
        (!around.deeper.is_empty()).then_some(around)
    }

    /// Sorts what is in a folder; says whether to go on.
    fn walk(
        &mut self,
        prefix: &str,
        page: Page,
        next: &mut Vec<String>,
        found: &mut Found,
        take: Take<'_>,
    ) -> Result<bool> {
        if matches!(self.way(prefix), Way::Region) {
            found.regions.push(prefix.to_owned());
            return Ok(true);
        }
        if matches!(self.way(prefix), Way::List) {
            found.whole.push(prefix.to_owned());
            return Ok(true);
        }
        for folder in &page.folders {
            match self.way(folder) {
                Way::Deeper => next.push(folder.clone()),
                Way::List => found.whole.push(folder.clone()),
                Way::Region => found.regions.push(folder.clone()),
                Way::LeaveOut(reason) => self.leave_out(reason),
            }
        }
        self.take_page(page, take)
    }

    /// What to do with a folder at or below `AWSLogs/`.
    fn way(&self, folder: &str) -> Way {
        let Some((_, rest)) = folder.rsplit_once("AWSLogs/") else { return Way::List };
        let mut parts = rest.trim_end_matches('/').split('/').filter(|part| !part.is_empty());
        let mut account = parts.next();
        if account.is_some_and(is_organisation) {
            account = parts.next();
        }
        let Some(account) = account else { return Way::Deeper };
        if !is_account(account) {
            return Way::List;
        }
        if !self.asked.range.wants_account(account) {
            return Way::LeaveOut(OTHER_ACCOUNT);
        }
        let Some(service) = parts.next() else { return Way::Deeper };
        if !service.starts_with("CloudTrail") || service == "CloudTrail-Digest" {
            return Way::LeaveOut(OTHER_SERVICE);
        }
        let Some(region) = parts.next() else { return Way::Deeper };
        if !is_region(region) || parts.next().is_some() {
            return Way::List;
        }
        let layout = Layout { account: account.to_owned(), region: region.to_owned() };
        if !self.asked.range.wants_region(region) {
            Way::LeaveOut(OTHER_REGION)
        } else if self.asked.shard.is_some_and(|shard| !shard.holds(Some(&layout))) {
            Way::LeaveOut(OTHER_SHARD)
        } else {
            Way::Region
        }
    }

    /// The days of regions that may hold what is asked for: by months, or day by day where that is
    /// asked for.
    fn days(&mut self, regions: &[String], take: Take<'_>) -> Result<Option<Vec<Days>>> {
        let mut all = Vec::new();
        let Some(years) = self.numbered(regions, take, &mut all)? else { return Ok(None) };
        let wanted = |(prefix, year): &(String, i16)| {
            let (first, last) = (Date::new(*year, 1, 1), Date::new(*year, 12, 31));
            let (Ok(first), Ok(last)) = (first, last) else { return None };
            self.overlaps(first, last).then(|| (prefix.clone(), *year))
        };
        let kept: Vec<(String, i16)> = years.iter().filter_map(wanted).collect();
        self.leave_out_times(years.len() - kept.len());
        let prefixes: Vec<String> = kept.iter().map(|(prefix, _)| prefix.clone()).collect();
        let kept: BTreeMap<String, i16> = kept.into_iter().collect();
        let Some(months) = self.numbered(&prefixes, take, &mut all)? else { return Ok(None) };
        let mut left_out = 0;
        let mut split = Vec::new();
        for (prefix, month) in months {
            let Some(year) = parent(&prefix).and_then(|parent| kept.get(parent)) else { continue };
            match self.month(*year, month) {
                Month::Whole(year_month_day) => all.push(Days { year_month_day, prefix }),
                Month::Split(first) => split.push((prefix, first)),
                Month::LeftOut => left_out += 1,
            }
        }
        self.leave_out_times(left_out);
        Ok(self.split(&split, take, &mut all)?.then_some(all))
    }

    /// The folders in `prefixes` whose names are numbers. Others are listed whole, at the end.
    fn numbered(
        &self,
        prefixes: &[String],
        take: Take<'_>,
        others: &mut Vec<Days>,
    ) -> Result<Option<Vec<(String, i16)>>> {
        let mut numbered = Vec::new();
        for (prefix, page) in prefixes.iter().zip(self.bucket.children(prefixes)) {
            let page = match page {
                Ok(page) => page,
                Err(fault) if take(self.failed(prefix, &fault), std::time::Duration::ZERO)? => {
                    continue;
                }
                Err(_) => return Ok(None),
            };
            for folder in &page.folders {
                let name = folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
                match name.parse() {
                    Ok(number) => numbered.push((folder.clone(), number)),
                    Err(_) => {
                        others.push(Days { year_month_day: (0, 0, 0), prefix: folder.clone() });
                    }
                }
            }
            if !self.take_page(page, take)? {
                return Ok(None);
            }
        }
        Ok(Some(numbered))
    }

    fn month(&self, year: i16, month: i16) -> Month {
        let first = i8::try_from(month).ok().and_then(|month| Date::new(year, month, 1).ok());
        let Some(first) = first else { return Month::Whole((year, 0, 0)) };
        let (from, until) = (number(first), number(first.last_of_month()));
        let wanted = self.asked.range.days();
        if !self.overlaps(first, first.last_of_month()) {
            Month::LeftOut
        } else if wanted.contains(&from) && wanted.contains(&until) && self.asked.order.is_none() {
            Month::Whole((year, first.month(), 0))
        } else {
            Month::Split(first)
        }
    }

    /// The days of months, and what else is in them; says whether to go on.
    fn split(
        &self,
        months: &[(String, Date)],
        take: Take<'_>,
        days: &mut Vec<Days>,
    ) -> Result<bool> {
        let prefixes: Vec<String> = months.iter().map(|(prefix, _)| prefix.clone()).collect();
        let months: BTreeMap<&str, Date> =
            months.iter().map(|(prefix, first)| (prefix.as_str(), *first)).collect();
        let Some(found) = self.numbered(&prefixes, take, days)? else { return Ok(false) };
        let wanted = self.asked.range.days();
        for (prefix, day) in found {
            let first = parent(&prefix).and_then(|parent| months.get(parent));
            let Some(first) = first else { continue };
            let date = i8::try_from(day).ok();
            let date = date.and_then(|day| Date::new(first.year(), first.month(), day).ok());
            if date.is_none_or(|date| wanted.contains(&number(date))) {
                let year_month_day = (first.year(), first.month(), date.map_or(0, Date::day));
                days.push(Days { year_month_day, prefix });
            }
        }
        Ok(true)
    }

    fn overlaps(&self, first: Date, last: Date) -> bool {
        let wanted = self.asked.range.days();
        number(first) <= *wanted.end() && number(last) >= *wanted.start()
    }

    /// Lists units; says whether to go on.
    fn pages(&self, units: Vec<Unit>, take: Take<'_>) -> Result<bool> {
        for ListedPage { unit, page } in self.bucket.list(units) {
            let go_on = match page {
                Ok(page) => self.take_page(page, take)?,
                Err(fault) => take(self.failed(&unit.prefix, &fault), std::time::Duration::ZERO)?,
            };
            if !go_on {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn take_page(&self, page: Page, take: Take<'_>) -> Result<bool> {
        let is_folder = |uri: &str| uri.ends_with('/');
        let objects = page.entries.into_iter().filter(|entry| !is_folder(&entry.uri));
        let objects = objects.map(|entry| LogObject::stored(entry, false)).collect();
        take(self.kept(Listing { objects, ..Listing::default() }), page.took)
    }

    /// What of a page is to be read.
    fn kept(&self, mut listing: Listing) -> Listing {
        if let Some(shard) = self.asked.shard {
            listing.keep(shard);
        }
        let uris: Vec<_> = listing.objects.iter().map(|object| object.uri.clone()).collect();
        let outputs = outputs(&uris.iter().map(AsRef::as_ref).collect::<Vec<&str>>());
        let is_own = |object: &LogObject| {
            let (bucket, key) = object.bucket_and_key().unwrap_or_default();
            outputs.contains(&*object.uri)
                || self
                    .asked
                    .own
                    .iter()
                    .any(|own| own.bucket == bucket && key.starts_with(&own.folder()))
        };
        let (own, objects) = listing.objects.into_iter().partition(is_own);
        listing.objects = objects;
        let not_read = |object: LogObject| NotRead {
            uri: object.uri,
            reason: OUTPUT.to_owned(),
            failed: false,
        };
        listing.not_read.extend(Vec::<LogObject>::into_iter(own).map(not_read));
        self.asked.range.prune(&mut listing);
        listing
    }

    fn failed(&self, prefix: &str, fault: &Fault) -> Listing {
        // What cannot be listed belongs to no share; the first one names it.
        let is_shared = !matches!(self.way(prefix), Way::Region) && Layout::of(prefix).is_none();
        if is_shared && self.asked.shard.is_some_and(|shard| shard.number > 1) {
            return Listing::default();
        }
        let reason = format!("could not be listed: {fault}");
        let not_read = NotRead { uri: self.bucket.uri(prefix).into(), reason, failed: true };
        Listing { not_read: vec![not_read], ..Listing::default() }
    }

    fn leave_out(&mut self, reason: &'static str) {
        *self.left_out.entry(reason).or_default() += 1;
    }

    fn leave_out_times(&mut self, count: usize) {
        if count > 0 {
            *self.left_out.entry(OTHER_TIME).or_default() += count as u64;
        }
    }
}

/// The folder that a folder is in.
fn parent(folder: &str) -> Option<&str> {
    let inner = folder.strip_suffix('/')?;
    inner.get(..=inner.rfind('/')?)
}

/// Days since the epoch.
fn number(date: Date) -> i64 {
    date.to_zoned(jiff::tz::TimeZone::UTC)
        .map_or(0, |start| start.timestamp().as_second().div_euclid(86_400))
}
