//! Listing: many prefixes at a time, in pages.

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use std::sync::Arc;

use super::bucket::Bucket;
use super::fault::Fault;
use super::page::{Entry, Page};

/// Prefixes listed at a time, and pages that wait to be looked at.
const AT_A_TIME: usize = 16;

/// Part of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// What its keys begin with.
    pub prefix: String,
}

/// What listing has come to.
#[derive(Debug)]
pub struct ListedPage {
    /// The part of the bucket that it is of.
    pub unit: Unit,
    /// The page, or why the rest of the unit could not be listed.
    pub page: Result<Page, Fault>,
}

/// Pages of several units, as they come.
#[derive(Debug)]
pub struct Pages(mpsc::Receiver<ListedPage>);

impl Iterator for Pages {
    type Item = ListedPage;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.blocking_recv()
    }
}

impl Bucket {
    /// Lists units, those first that stand first, several at a time.
    #[must_use]
    pub fn list(&self, units: Vec<Unit>) -> Pages {
        let (sender, receiver) = mpsc::channel(AT_A_TIME);
        let bucket = self.clone();
        self.shared.handle.spawn(async move {
            let places = Arc::new(Semaphore::new(AT_A_TIME));
            for unit in units {
                let Ok(place) = places.clone().acquire_owned().await else { return };
                if sender.is_closed() {
                    return;
                }
                let (bucket, sender) = (bucket.clone(), sender.clone());
                tokio::spawn(async move {
                    bucket.list_unit(unit, &sender).await;
                    drop(place);
                });
            }
        });
        Pages(receiver)
    }

    async fn list_unit(&self, unit: Unit, pages: &mpsc::Sender<ListedPage>) {
        let mut token: Option<String> = None;
        loop {
            let page = self.page(&unit.prefix, None, token.as_deref()).await;
            token = page.as_ref().ok().and_then(|page| page.next.clone());
            // Whoever no longer listens has been interrupted.
            if pages.send(ListedPage { unit: unit.clone(), page }).await.is_err() || token.is_none()
            {
                return;
            }
        }
    }

    /// What is directly under each of the prefixes, in their order: entries, and what is a folder.
    #[must_use]
    pub fn children(&self, prefixes: &[String]) -> Vec<Result<Page, Fault>> {
        self.under(prefixes, true)
    }

    /// The first page of what is directly under each of the prefixes, in their order.
    #[must_use]
    pub fn glance(&self, prefixes: &[String]) -> Vec<Result<Page, Fault>> {
        self.under(prefixes, false)
    }

    fn under(&self, prefixes: &[String], to_the_end: bool) -> Vec<Result<Page, Fault>> {
        let all = async {
            let mut tasks = JoinSet::new();
            for (number, prefix) in prefixes.iter().enumerate() {
                let (bucket, prefix) = (self.clone(), prefix.clone());
                tasks.spawn(async move {
                    let page = if to_the_end {
                        bucket.children_of(&prefix).await
                    } else {
                        bucket.page(&prefix, Some("/"), None).await
                    };
                    (number, page)
                });
            }
            tasks.join_all().await
        };
        let mut children = self.shared.handle.block_on(all);
        children.sort_unstable_by_key(|(number, _)| *number);
        children.into_iter().map(|(_, page)| page).collect()
    }

    async fn children_of(&self, prefix: &str) -> Result<Page, Fault> {
        let mut all = self.page(prefix, Some("/"), None).await?;
        while let Some(token) = all.next.take() {
            let page = self.page(prefix, Some("/"), Some(&token)).await?;
            all.entries.extend(page.entries);
            all.folders.extend(page.folders);
            all.next = page.next;
            all.took += page.took;
        }
        Ok(all)
    }

    /// All keys that begin with `prefix`.
    ///
    /// # Errors
    /// Those of the requests.
    pub fn all(&self, prefix: &str) -> Result<Vec<Entry>, Fault> {
        let all = async {
            let (mut entries, mut token) = (Vec::new(), None);
            loop {
                let page = self.page(prefix, None, token.as_deref()).await?;
                entries.extend(page.entries);
                token = page.next;
                if token.is_none() {
                    return Ok(entries);
                }
            }
        };
        self.shared.handle.block_on(all)
    }
}
