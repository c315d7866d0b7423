//! How long history is kept, and from which day on a run judges.

use std::collections::BTreeMap;

use crate::detect::group::{FoldId, Key, Row, Sketch};

/// CloudTrail delivers late, mostly by minutes; events later than this many days are not judged.
const LATENESS_DAYS: i64 = 7;

const DAY: i64 = 86_400;

/// Which days a run judges, given the newest day of the runs before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Horizon {
    /// Findings of this day and later ones are revised; those of days before stand for good, and
    /// events of days before are too late.
    pub reported: i64,
    /// Days from this one on are judged, since findings of neighbouring days link to each other.
    pub judged: i64,
}

impl Horizon {
    /// The horizon behind `newest_day`; `window_days` is the most days that a window touches.
    #[must_use]
    pub fn behind(newest_day: i64, window_days: i64) -> Self {
        // A finding may change with the events of so many days after it.
        let overlap = window_days.saturating_add(1);
        let reported = newest_day.saturating_sub(LATENESS_DAYS).saturating_sub(overlap);
        Self { reported, judged: reported.saturating_sub(overlap) }
    }
}

/// What stays in the table.
#[derive(Debug, Clone)]
pub struct Retention {
    /// Days from this one on keep everything.
    pub whole_from: i64,
    /// What is kept of each fold.
    pub folds: BTreeMap<FoldId, Kept>,
}

/// What is kept of a fold's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Days before are dropped.
    pub from: i64,
    /// Whether samples are kept that hold all their texts.
    pub texts: bool,
}

impl Retention {
    /// The row as it is kept; none if it is not.
    #[must_use]
    pub fn keep(&self, key: &Key, row: &Row) -> Option<Row> {
        let fold = self.folds.get(&key.fold)?;
        let day = key.bucket.div_euclid(DAY);
        if day < fold.from {
            return None;
        }
        let mut row = row.clone();
        if day < self.whole_from
            && let Some(details) = row.details_mut()
        {
            // No finding names them any more. The first event tells when and where a value was
            // first seen; samples beyond their texts are only for counting.
            details.evidence.truncate(1);
            for sketch in &mut details.samples {
                if !fold.texts || sketch.k() != sketch.keep() {
                    *sketch = Sketch::new(sketch.k(), sketch.keep());
                }
            }
        }
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::group::{Details, Evidence, Panes};

    #[test]
    fn old_days_are_dropped_and_history_is_thinned() {
        let fold = FoldId::new("x");
        let texts = FoldId::new("texts");
        let folds =
            [(fold, Kept { from: 10, texts: true }), (texts, Kept { from: 10, texts: false })];
        let retention = Retention { whole_from: 20, folds: BTreeMap::from(folds) };
        let mut sketches = [Sketch::new(16, 16), Sketch::new(4_096, 16)];
        for sketch in &mut sketches {
            sketch.insert(Sketch::hash("a"), || "a".into());
        }
        let event = |n: u64| Evidence {
            event_time: 0,
            event_id: "".into(),
            object_uri: "".into(),
            record_number: n,
        };
        let details = Details {
            first: 0,
            last: 0,
            bytes_in: 0,
            bytes_out: 0,
            evidence: vec![event(0), event(1)],
            samples: sketches.to_vec(),
        };
        let row = Row::new(Panes::new(), Some(details));
        let kept = |fold, day: i64| {
            let key = Key { fold, entity: [].into(), bucket: day * DAY + 60 };
            let row = retention.keep(&key, &row)?;
            let details = row.details()?;
            let texts = details.samples.iter().map(|sketch| sketch.texts().len());
            Some((details.evidence.len(), texts.collect::<Vec<_>>()))
        };
        assert_eq!(kept(fold, 9), None);
        assert_eq!(kept(fold, 10), Some((1, vec![1, 0])));
        assert_eq!(kept(texts, 10), Some((1, vec![0, 0])));
        assert_eq!(kept(fold, 20), Some((2, vec![1, 1])));
        assert_eq!(kept(FoldId::new("no longer asked for"), 20), None);
    }

    #[test]
    fn days_within_lateness_are_reported_whatever_the_window() {
        for window in 1..40 {
            let horizon = Horizon::behind(100, window);
            assert!(horizon.judged < horizon.reported && horizon.reported < 93);
        }
    }
}
