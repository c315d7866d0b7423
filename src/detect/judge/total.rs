//! What hours come to: calls, bytes, or different objects; and what a window of them comes to while
//! it slides.

use bytesize::ByteSize;

use super::sliding::Moment;
use super::{Count, Terms};
use crate::detect::group::{Content, Decimal, MeasureKind, Pane, Sketch};

/// Distinct objects of an hour are exact below this number, and beyond known to some 6 %.
pub(super) const OBJECTS: usize = 256;

/// What is added up over the hours of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// Calls.
    Events,
    /// Calls with an error code.
    Failed,
    /// `bytesTransferredIn`.
    BytesIn,
    /// `bytesTransferredOut`.
    BytesOut,
    /// Distinct object keys.
    Objects,
}

impl Total {
    /// The column whose values it is about.
    #[must_use]
    pub fn column(self) -> Option<String> {
        let name = match self {
            Self::Events | Self::Failed => return None,
            Self::BytesIn => "bytes_in",
            Self::BytesOut => "bytes_out",
            Self::Objects => "object_key",
        };
        Some(name.to_owned())
    }

    /// What is kept of the column.
    pub(super) fn measure(self) -> Option<MeasureKind> {
        match self {
            Self::Events | Self::Failed => None,
            Self::BytesIn | Self::BytesOut => Some(MeasureKind::Sum),
            Self::Objects => Some(MeasureKind::Distinct(OBJECTS)),
        }
    }

    /// A total in words.
    pub(super) fn text(self, total: u64) -> String {
        match self {
            Self::Events => format!("{total} calls"),
            Self::Failed => format!("{total} failed calls"),
            Self::BytesIn => format!("{} written", ByteSize::b(total).display().si()),
            Self::BytesOut => format!("{} read", ByteSize::b(total).display().si()),
            Self::Objects if total < OBJECTS as u64 => format!("{total} different objects"),
            Self::Objects => format!("about {total} different objects"),
        }
    }
}

/// The counts of the counted rules.
pub(super) fn count(terms: &Terms, panes: &[Pane]) -> Count {
    let counted = panes.iter().filter(|pane| is_counted(terms, pane));
    counted.fold(Count::default(), |sum, pane| Count {
        ok: sum.ok.saturating_add(pane.ok),
        failed: sum.failed.saturating_add(pane.failed),
    })
}

/// Whether it is of a counted rule.
pub(super) fn is_counted(terms: &Terms, pane: &Pane) -> bool {
    terms.counted.get(usize::from(pane.rule)) == Some(&true)
}

/// What some hours come to.
#[derive(Debug, Clone, Default)]
pub(super) struct Sum {
    calls: Count,
    number: Decimal,
    objects: Option<Sketch>,
}

impl Sum {
    /// Adds an hour.
    pub(super) fn add(&mut self, terms: &Terms, hour: &Moment<'_>) {
        let calls = count(terms, hour.panes);
        self.calls.ok = self.calls.ok.saturating_add(calls.ok);
        self.calls.failed = self.calls.failed.saturating_add(calls.failed);
        match hour.measure.map(|measure| &measure.content) {
            Some(Content::Sum { sum, .. }) => self.number = self.number.plus(*sum),
            Some(Content::Distinct(objects)) => self.add_objects(objects),
            _ => {}
        }
    }

    fn add_objects(&mut self, objects: &Sketch) {
        match &mut self.objects {
            Some(known) => known.merge(objects),
            known @ None => *known = Some(objects.clone()),
        }
    }

    /// What these hours and others come to together.
    pub(super) fn with(&self, others: &Self, total: Total) -> u64 {
        let failed = self.calls.failed.saturating_add(others.calls.failed);
        match total {
            Total::Events => failed.saturating_add(self.calls.ok).saturating_add(others.calls.ok),
            Total::Failed => failed,
            Total::BytesIn | Total::BytesOut => self.number.plus(others.number).count(),
            Total::Objects => match (&self.objects, &others.objects) {
                (Some(objects), Some(others)) => objects.distinct_with(others),
                (Some(objects), None) | (None, Some(objects)) => objects.distinct(),
                (None, None) => 0,
            },
        }
    }
}

/// The sum of a window that slides over hours. Objects can be added to a sum and not taken away:
/// what leaves the window is the first of the sums of all that came after it, so that an hour is
/// added twice however long the window is (two stacks: K. Tangwongsan et al., "General Incremental
/// Sliding-Window Aggregation", VLDB 2015).
#[derive(Debug, Default)]
pub(super) struct SlidingSum<'m> {
    /// (Start of an hour, sum from it to the last of the early ones), the earliest one last.
    early: Vec<(i64, Sum)>,
    late: Vec<&'m Moment<'m>>,
    of_late: Sum,
}

impl<'m> SlidingSum<'m> {
    /// The next hour enters.
    pub(super) fn enter(&mut self, terms: &Terms, hour: &'m Moment<'m>) {
        self.of_late.add(terms, hour);
        self.late.push(hour);
    }

    /// Hours that begin before `since` leave.
    pub(super) fn leave(&mut self, terms: &Terms, since: i64) {
        while self.early.pop_if(|(start, _)| *start < since).is_some() {}
        if self.early.is_empty() && self.late.first().is_some_and(|hour| hour.start < since) {
            let mut sum = Sum::default();
            for hour in self.late.drain(..).rev().take_while(|hour| hour.start >= since) {
                sum.add(terms, hour);
                self.early.push((hour.start, sum.clone()));
            }
            self.of_late = Sum::default();
        }
    }

    /// What the window comes to.
    pub(super) fn value(&self, total: Total) -> u64 {
        let none = Sum::default();
        self.early.last().map_or(&none, |(_, sum)| sum).with(&self.of_late, total)
    }
}
