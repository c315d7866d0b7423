//! A parsed value → the events in it: wrappers and lists are taken off, texts of JSON are parsed
//! on their own. It does not know where the value stands.

use simd_json::prelude::ValueIntoString as _;
use simd_json::tape::{Array, Object};

use super::lake::Columns;
use super::outcome::{Left, Other};
use super::parser::{Parser, parse_repaired};
use super::record::{Record, Source};
use super::reject::RejectReason;
use super::shape::{LISTS, RECORDS, Shape, shape};

/// Texts within texts that are parsed: an SNS message may hold a CloudWatch Logs message with the
/// event.
const MAX_TEXTS: usize = 4;

/// Wrappers and lists within each other.
const MAX_WRAPPERS: usize = 8;

/// What a value holds.
pub(super) enum Leaf<'a, 't, 'i> {
    /// An event, or an element of `Records`, which claims to be one.
    Event(Record<'a, 't, 'i>),
    /// A piece that holds no event although one should be there.
    Bad(RejectReason),
    /// A piece that is meant to hold none.
    Left(Left),
}

/// Takes the leaves of a value, in their order; says whether to go on.
pub(super) type Take<'f> = &'f mut dyn FnMut(Leaf<'_, '_, '_>) -> bool;

/// Takes off wrappers, with the memory for the texts in them.
pub(super) struct Unwrapper(Vec<Text>);

/// A text being parsed.
struct Text {
    parser: Parser,
    buffer: Vec<u8>,
    source: Vec<u8>,
}

impl Unwrapper {
    /// No text may nest deeper than `depth` levels.
    pub(super) fn new(depth: usize) -> Self {
        let text = |_| Text { parser: Parser::new(depth), buffer: Vec::new(), source: Vec::new() };
        Self((0..MAX_TEXTS).map(text).collect())
    }

    /// The leaves of `value`. Says whether all were taken.
    pub(super) fn leaves(&mut self, value: Record<'_, '_, '_>, take: Take<'_>) -> bool {
        unwrap(&mut self.0, value, MAX_WRAPPERS, take)
    }

    /// The leaves of one element of the array that is the value of `key`.
    pub(super) fn element(
        &mut self,
        key: &str,
        element: Record<'_, '_, '_>,
        take: Take<'_>,
    ) -> bool {
        of_element(&mut self.0, key, element, MAX_WRAPPERS, take)
    }
}

fn unwrap(texts: &mut [Text], record: Record<'_, '_, '_>, wrappers: usize, take: Take<'_>) -> bool {
    if wrappers == 0 {
        return take(Leaf::Bad(RejectReason::TooWrapped));
    }
    let source = record.source();
    match shape(record.value) {
        Shape::Event(event) => take(Leaf::Event(Record::new(event, source))),
        Shape::List(list) => of_list(texts, "", (&list, source), wrappers - 1, take),
        Shape::Lists(object) => of_lists(texts, (&object, source), wrappers - 1, take),
        Shape::Row(row) => of_row(texts, &row, take),
        Shape::Inside(inside) => unwrap(texts, Record::new(inside, source), wrappers - 1, take),
        Shape::Text(text) => of_text(texts, text, wrappers - 1, take),
        Shape::Left(left) => take(Leaf::Left(left)),
        Shape::Other(other) => take(Leaf::Bad(RejectReason::NoEvent(other))),
    }
}

fn of_lists(
    texts: &mut [Text],
    (object, source): (&Object<'_, '_>, Source<'_>),
    wrappers: usize,
    take: Take<'_>,
) -> bool {
    let mut lists = object.iter().filter(|(key, _)| LISTS.contains(key));
    lists.all(|(key, value)| {
        value.as_array().is_none_or(|list| of_list(texts, key, (&list, source), wrappers, take))
    })
}

fn of_list(
    texts: &mut [Text],
    key: &str,
    (list, source): (&Array<'_, '_>, Source<'_>),
    wrappers: usize,
    take: Take<'_>,
) -> bool {
    let mut elements = list.iter().map(|element| Record::new(element, source));
    elements.all(|element| of_element(texts, key, element, wrappers, take))
}

/// An element of `Records` is an event whatever it looks like.
fn of_element(
    texts: &mut [Text],
    key: &str,
    element: Record<'_, '_, '_>,
    wrappers: usize,
    take: Take<'_>,
) -> bool {
    if key == RECORDS { take(Leaf::Event(element)) } else { unwrap(texts, element, wrappers, take) }
}

fn of_text(texts: &mut [Text], source: &str, wrappers: usize, take: Take<'_>) -> bool {
    let Some((level, deeper)) = texts.split_first_mut() else {
        return take(Leaf::Bad(RejectReason::TooWrapped));
    };
    let parsed = parse_repaired(&mut level.parser, &mut level.buffer, source.as_bytes(), |value| {
        unwrap(deeper, value, wrappers, take)
    });
    parsed.unwrap_or_else(|reason| take(Leaf::Bad(reason)))
}

/// A row of `get-query-results`, made an event.
fn of_row(texts: &mut [Text], row: &Array<'_, '_>, take: Take<'_>) -> bool {
    let cells = || row.iter().filter_map(|cell| cell.as_object()?.iter().next());
    let Some(columns) = Columns::of_header(cells().map(|(name, _)| name)) else {
        return take(Leaf::Bad(RejectReason::NoEvent(Other::Row)));
    };
    let Some(level) = texts.first_mut() else {
        return take(Leaf::Bad(RejectReason::TooWrapped));
    };
    let texts = cells().map(|(_, value)| value.into_string().unwrap_or_default());
    columns.record(texts, &mut level.source);
    let Text { parser, buffer, source } = level;
    let parsed = parse_repaired(parser, buffer, source, |value| take(Leaf::Event(value)));
    parsed.unwrap_or_else(|reason| take(Leaf::Bad(reason)))
}
