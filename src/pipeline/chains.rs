//! Correlations of correlations, while the table is walked: what fires waits here for the entity of
//! the correlations that refer to it. Their folds sort behind those that they depend on, so every
//! signal has come before the entity is judged.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::detect::group::{Entity, Groups, Row};
use crate::detect::judge::{Firing, chained_rows};
use crate::detect::rules::{Detector, Member, Plan, SAMPLES};

/// Depth of a detector, its position in the plan, entity.
type Waiting = (u8, usize, Entity);

/// What waits.
#[derive(Debug)]
pub(super) struct Chains<'p> {
    plan: &'p Plan,
    /// Per detector: the detectors that refer to it.
    outer: BTreeMap<usize, Vec<(usize, &'p Member)>>,
    /// Rows by bucket.
    waiting: BTreeMap<Waiting, BTreeMap<i64, Row>>,
}

impl<'p> Chains<'p> {
    /// Nothing waits yet.
    pub(super) fn new(plan: &'p Plan) -> Self {
        let mut outer: BTreeMap<usize, Vec<_>> = BTreeMap::new();
        for (number, detector) in plan.detectors.iter().enumerate() {
            for member in &detector.members {
                outer.entry(member.detector).or_default().push((number, member));
            }
        }
        Self { plan, outer, waiting: BTreeMap::new() }
    }

    /// Hands the firings of an entity to the detectors that refer to its detector.
    pub(super) fn feed(&mut self, detector: usize, groups: &Groups, firings: &[Firing]) {
        let detectors = &self.plan.detectors;
        let Some(inner) = detectors.get(detector) else { return };
        for (number, member) in self.outer.get(&detector).into_iter().flatten() {
            let Some(outer) = detectors.get(*number) else { continue };
            let columns = member.columns.iter();
            let entity = columns.map(|column| groups.entity.get(*column).cloned().flatten());
            let grain = |found: &Detector| (found.judge.grain)(&found.terms);
            let grains = (grain(inner), grain(outer));
            let rows = chained_rows(firings, groups, grains, member.rule, SAMPLES.len());
            if rows.is_empty() {
                continue;
            }
            let key = (outer.depth, *number, entity.collect());
            let waiting = self.waiting.entry(key).or_default();
            for (bucket, row) in rows {
                waiting.entry(bucket).or_default().merge(row);
            }
        }
    }

    /// The groups of a detector's entity with what waits for it.
    pub(super) fn join<'g>(&mut self, detector: usize, groups: &'g Groups) -> Cow<'g, Groups> {
        let depth = self.plan.detectors.get(detector).map_or(0, |detector| detector.depth);
        let waiting = self.waiting.remove(&(depth, detector, groups.entity.clone()));
        let Some(mut rows) = waiting else { return Cow::Borrowed(groups) };
        for (bucket, row) in &groups.rows {
            rows.entry(*bucket).or_default().merge(row.clone());
        }
        let rows = rows.into_iter().collect();
        let (fold, entity, diffuse) = (groups.fold, groups.entity.clone(), groups.diffuse);
        Cow::Owned(Groups { fold, entity, rows, values: Vec::new(), diffuse })
    }

    /// An entity that waits for a detector of at most that depth, with the detector: the table has
    /// nothing more for it.
    pub(super) fn next(&mut self, depth: u8) -> Option<(usize, Groups)> {
        let entry = self.waiting.first_entry().filter(|entry| entry.key().0 <= depth)?;
        let ((_, number, entity), rows) = entry.remove_entry();
        let detector = self.plan.detectors.get(number)?;
        let fold = self.plan.folds.get(detector.fold)?.id;
        let rows = rows.into_iter().collect();
        Some((number, Groups { fold, entity, rows, values: Vec::new(), diffuse: false }))
    }
}
