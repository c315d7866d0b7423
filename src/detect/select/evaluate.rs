//! Selections over a batch: one mask each, one bit per event. Each distinct value of a column is
//! tried once, on all predicates together, and remembered; masks are made only of predicates that
//! hold somewhere, and only selections are looked at of which one guarding predicate does.
//!
//! Masks are two-valued: an absent field is false at the leaf, never null, so that Sigma's
//! `not filter` keeps events whose field is absent.

use std::collections::HashMap;
use std::rc::Rc;

use arrow::array::{Array, BooleanBufferBuilder};
use arrow::buffer::BooleanBuffer;

use super::Operation;
use super::column::{Column, Scratch};
use super::expression::{Expression, Selection};
use super::predicate::{Predicate, Predicates, Reference, Test};
use super::text::fold;
use crate::events::{Core, Dictionary, EventBatch, Field};

/// Compiled selections, shared by all workers.
#[derive(Debug, Clone)]
pub struct Program {
    predicates: Vec<Predicate>,
    selections: Vec<Selection>,
    columns: Vec<Column>,
    /// By predicate: the selections that it guards.
    guarded: Vec<Vec<usize>>,
    /// Selections that must always be looked at.
    unguarded: Vec<usize>,
}

impl Program {
    /// Compiles the selections.
    #[must_use]
    pub fn new(predicates: &Predicates, selections: &[Selection]) -> Self {
        let predicates = predicates.list().to_vec();
        let mut by_field: Vec<(Field, Vec<(usize, &Predicate)>)> = Vec::new();
        for (number, predicate) in predicates.iter().enumerate() {
            if let Test::Reference(_) = predicate.test {
                continue;
            }
            match by_field.iter_mut().find(|(field, _)| *field == predicate.field) {
                Some((_, list)) => list.push((number, predicate)),
                None => by_field.push((predicate.field, vec![(number, predicate)])),
            }
        }
        let columns = by_field.iter().map(|(field, list)| Column::new(*field, list)).collect();
        let mut guarded = vec![Vec::new(); predicates.len()];
        let mut unguarded = Vec::new();
        for (number, selection) in selections.iter().enumerate() {
            let guard = selection.guard.as_ref().filter(|guard| {
                // Whether a reference holds is not known before it is looked at.
                let test = |leaf: &usize| predicates.get(*leaf).map(|predicate| &predicate.test);
                !guard.iter().any(|leaf| matches!(test(leaf), Some(Test::Reference(_))))
            });
            match guard {
                None => unguarded.push(number),
                Some(guard) => {
                    for leaf in guard {
                        if let Some(list) = guarded.get_mut(*leaf) {
                            list.push(number);
                        }
                    }
                }
            }
        }
        Self { columns, guarded, unguarded, selections: selections.to_vec(), predicates }
    }
}

/// What may be remembered of a column, in bytes; then it is forgotten.
const MAX_REMEMBERED: usize = 1 << 19;

/// The longest value that is remembered, in bytes.
const MAX_VALUE: usize = 1 << 10;

/// What a remembered value takes beside itself and the predicates, in bytes, about.
const REMEMBERED_VALUE: usize = 64;

/// Evaluates a program batch after batch: one per worker.
pub struct Evaluator<'p> {
    program: &'p Program,
    /// By column.
    remembered: Vec<Remembered>,
    scratch: Scratch,
    /// By predicate: where it holds in the batch at hand.
    places: Vec<Places>,
    /// Predicates that hold somewhere in the batch.
    alive: Vec<usize>,
    masks: Vec<Option<BooleanBuffer>>,
}

/// The predicates on a column that hold for a value.
#[derive(Debug, Clone, Default)]
struct Remembered {
    hits: HashMap<Box<str>, Rc<[usize]>>,
    bytes: usize,
}

impl Remembered {
    fn hits(&mut self, column: &Column, value: &str, scratch: &mut Scratch) -> Rc<[usize]> {
        if let Some(hits) = self.hits.get(value) {
            return hits.clone();
        }
        let hits: Rc<[usize]> = column.hits(value, scratch).into();
        if self.bytes >= MAX_REMEMBERED {
            self.hits.clear();
            self.bytes = 0;
        }
        self.bytes += value.len() + size_of_val(&*hits) + REMEMBERED_VALUE;
        self.hits.insert(value.into(), hits.clone());
        hits
    }
}

/// Where a predicate holds.
#[derive(Debug, Clone, Default)]
struct Places {
    /// Positions among the distinct values of its column, or rows of a column without a dictionary.
    found: Vec<usize>,
}

impl<'p> Evaluator<'p> {
    /// Nothing is remembered yet.
    #[must_use]
    pub fn new(program: &'p Program) -> Self {
        let count = program.predicates.len();
        Self {
            program,
            remembered: vec![Remembered::default(); program.columns.len()],
            scratch: Scratch::default(),
            places: vec![Places::default(); count],
            alive: Vec::new(),
            masks: vec![None; count],
        }
    }

    /// Which events of the batch each selection holds for, by number. Insight, network activity and
    /// aggregated events tell of calls that have records of their own, which would count twice:
    /// only selections that look at the category see them.
    pub fn masks(&mut self, batch: &EventBatch) -> Vec<BooleanBuffer> {
        self.look(batch);
        let others = map_values(Field::Core(Core::AccessClass), batch, |class| class == "other");
        let calls = (others.count_set_bits() > 0).then(|| !&others);
        let mut masks = vec![BooleanBuffer::new_unset(batch.len()); self.program.selections.len()];
        for number in self.candidates() {
            let Some(selection) = self.program.selections.get(number) else { continue };
            if !self.is_possible(&selection.condition) {
                continue;
            }
            let mut mask = self.evaluate(&selection.condition, batch);
            if let Some(calls) = calls.as_ref().filter(|_| !selection.sees_every_category) {
                mask = &mask & calls;
            }
            if let Some(place) = masks.get_mut(number) {
                *place = mask;
            }
        }
        masks
    }

    /// Tries all distinct values of all columns.
    fn look(&mut self, batch: &EventBatch) {
        for leaf in self.alive.drain(..) {
            if let (Some(places), Some(mask)) =
                (self.places.get_mut(leaf), self.masks.get_mut(leaf))
            {
                places.found.clear();
                *mask = None;
            }
        }
        for (number, column) in self.program.columns.iter().enumerate() {
            if let Some(dictionary) = batch.dictionary(column.field) {
                for (key, value) in dictionary.values().iter().enumerate() {
                    self.value(number, column, key, value.unwrap_or_default());
                }
            } else if let Field::Core(core) = column.field {
                self.plain(column, core, batch);
            }
        }
    }

    /// Notes what holds for distinct value number `key` of a column.
    fn value(&mut self, number: usize, column: &Column, key: usize, value: &str) {
        let known = self.remembered.get_mut(number);
        let Some(known) = known.filter(|_| value.len() <= MAX_VALUE) else {
            self.note(column, key, value);
            return;
        };
        let hits = known.hits(column, value, &mut self.scratch);
        for leaf in hits.iter() {
            note(&mut self.places, &mut self.alive, *leaf, key);
        }
    }

    fn note(&mut self, column: &Column, place: usize, value: &str) {
        for leaf in column.hits(value, &mut self.scratch) {
            note(&mut self.places, &mut self.alive, *leaf, place);
        }
    }

    /// Columns without a dictionary: object keys, ids, flags and counts.
    fn plain(&mut self, column: &Column, core: Core, batch: &EventBatch) {
        if let Some(texts) = batch.text(core) {
            for (row, text) in texts.iter().enumerate() {
                text.inspect(|text| self.note(column, row, text));
            }
        } else if let Some(flags) = batch.boolean(core) {
            for (row, flag) in flags.iter().enumerate() {
                flag.inspect(|flag| self.note(column, row, if *flag { "true" } else { "false" }));
            }
        } else if let Some(counts) = batch.integer(core) {
            for (row, count) in counts.iter().enumerate() {
                count.inspect(|count| self.note(column, row, &count.to_string()));
            }
        }
    }

    /// The selections worth a look, ascending.
    fn candidates(&self) -> Vec<usize> {
        let guarded = self.alive.iter().filter_map(|leaf| self.program.guarded.get(*leaf));
        let mut found: Vec<usize> = guarded.flatten().copied().collect();
        found.extend_from_slice(&self.program.unguarded);
        found.sort_unstable();
        found.dedup();
        found
    }

    fn is_alive(&self, leaf: usize) -> bool {
        let is_reference = || {
            let test = self.program.predicates.get(leaf).map(|predicate| &predicate.test);
            matches!(test, Some(Test::Reference(_)))
        };
        self.places.get(leaf).is_some_and(|places| !places.found.is_empty()) || is_reference()
    }

    /// Whether the condition can hold for an event of the batch, by what holds somewhere in it.
    fn is_possible(&self, condition: &Expression) -> bool {
        match condition {
            Expression::All(parts) => parts.iter().all(|part| self.is_possible(part)),
            Expression::Any(parts) => parts.iter().any(|part| self.is_possible(part)),
            Expression::Not(_) => true,
            Expression::Leaf(leaf) => self.is_alive(*leaf),
        }
    }

    fn evaluate(&mut self, condition: &Expression, batch: &EventBatch) -> BooleanBuffer {
        match condition {
            Expression::All(parts) => {
                let mut mask = BooleanBuffer::new_set(batch.len());
                for part in parts {
                    mask = &mask & &self.evaluate(part, batch);
                    if mask.count_set_bits() == 0 {
                        break;
                    }
                }
                mask
            }
            Expression::Any(parts) => {
                let mut mask = BooleanBuffer::new_unset(batch.len());
                for part in parts {
                    if self.is_possible(part) {
                        mask = &mask | &self.evaluate(part, batch);
                    }
                }
                mask
            }
            Expression::Not(part) => !&self.evaluate(part, batch),
            Expression::Leaf(leaf) => self.leaf(*leaf, batch),
        }
    }

    fn leaf(&mut self, leaf: usize, batch: &EventBatch) -> BooleanBuffer {
        if let Some(Some(mask)) = self.masks.get(leaf) {
            return mask.clone();
        }
        let none = || BooleanBuffer::new_unset(batch.len());
        let Some(predicate) = self.program.predicates.get(leaf) else { return none() };
        if let Test::Reference(reference) = &predicate.test {
            return refer(predicate.field, reference, batch);
        }
        let found = self.places.get(leaf).map(|places| places.found.as_slice());
        let Some(found) = found.filter(|found| !found.is_empty()) else { return none() };
        let mask = match batch.dictionary(predicate.field) {
            Some(dictionary) => mask_of_keys(&dictionary, found, batch.len()),
            None => mask_of_rows(found, batch.len()),
        };
        if let Some(place) = self.masks.get_mut(leaf) {
            *place = Some(mask.clone());
        }
        mask
    }
}

/// Notes that predicate `leaf` holds at `place`.
fn note(all: &mut [Places], alive: &mut Vec<usize>, leaf: usize, place: usize) {
    if let Some(places) = all.get_mut(leaf) {
        if places.found.is_empty() {
            alive.push(leaf);
        }
        places.found.push(place);
    }
}

fn mask_of_rows(rows: &[usize], len: usize) -> BooleanBuffer {
    let mut mask = BooleanBufferBuilder::new(len);
    mask.append_n(len, false);
    for row in rows.iter().filter(|row| **row < len) {
        mask.set_bit(*row, true);
    }
    mask.finish()
}

/// The events that have one of the distinct values at `found`.
fn mask_of_keys(dictionary: &Dictionary<'_>, found: &[usize], len: usize) -> BooleanBuffer {
    let mut hits = vec![false; dictionary.values().len()];
    for key in found {
        if let Some(hit) = hits.get_mut(*key) {
            *hit = true;
        }
    }
    let hit = |key: usize| hits.get(key).copied().unwrap_or(false);
    if !dictionary.is_scalar() {
        return BooleanBuffer::collect_bool(len, |row| dictionary.keys(row).any(hit));
    }
    let (keys, nulls) = dictionary.scalar_keys();
    // A null's key is -1, which is no position.
    let mask = match found {
        [only] => {
            let only = i32::try_from(*only).unwrap_or(i32::MAX);
            BooleanBuffer::collect_bool(keys.len(), |row| keys.get(row) == Some(&only))
        }
        _ => BooleanBuffer::collect_bool(keys.len(), |row| {
            keys.get(row).and_then(|key| usize::try_from(*key).ok()).is_some_and(hit)
        }),
    };
    nulls.map_or(mask.clone(), |nulls| &mask & nulls.inner())
}

/// The mask of events with a value for which `holds`.
pub(crate) fn map_values(
    field: Field,
    batch: &EventBatch,
    holds: impl Fn(&str) -> bool,
) -> BooleanBuffer {
    let Some(dictionary) = batch.dictionary(field) else {
        return BooleanBuffer::new_unset(batch.len());
    };
    let values = dictionary.values().iter().enumerate();
    let found: Vec<usize> =
        values.filter(|(_, value)| value.is_some_and(&holds)).map(|(key, _)| key).collect();
    if found.is_empty() {
        return BooleanBuffer::new_unset(batch.len());
    }
    mask_of_keys(&dictionary, &found, batch.len())
}

/// The events in which a value of `field` compares with one of the other field.
fn refer(field: Field, reference: &Reference, batch: &EventBatch) -> BooleanBuffer {
    let fitted = |text: &str| {
        if reference.cased { text.to_owned() } else { fold(text).into_owned() }
    };
    BooleanBuffer::collect_bool(batch.len(), |row| {
        let (own, others) = (texts(batch, field, row), texts(batch, reference.other, row));
        let others: Vec<String> = others.iter().map(|text| fitted(text)).collect();
        own.iter().map(|text| fitted(text)).any(|text| {
            others.iter().any(|other| match reference.operation {
                Operation::Equals => text == *other,
                Operation::Contains => text.contains(other.as_str()),
                Operation::StartsWith => text.starts_with(other.as_str()),
                Operation::EndsWith => text.ends_with(other.as_str()),
            })
        })
    })
}

/// The texts of a field of one event.
fn texts(batch: &EventBatch, field: Field, row: usize) -> Vec<String> {
    if let Some(dictionary) = batch.dictionary(field) {
        let values = dictionary.keys(row).filter_map(|key| dictionary.value(key));
        return values.map(str::to_owned).collect();
    }
    let Field::Core(core) = field else { return Vec::new() };
    let text = batch.text(core).filter(|texts| texts.is_valid(row));
    let flag = batch.boolean(core).filter(|flags| flags.is_valid(row));
    let count = batch.integer(core).filter(|counts| counts.is_valid(row));
    let text = text.map(|texts| texts.value(row).to_owned());
    let flag = flag.map(|flags| flags.value(row).to_string());
    text.or(flag).or(count.map(|counts| counts.value(row).to_string())).into_iter().collect()
}
