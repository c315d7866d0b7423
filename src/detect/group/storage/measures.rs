//! Measures as a column: a list of structures. `kind` is 0 for distinct values (`hashes`, at most
//! `k`), 1 for sums (`sum`, `count`), 2 for histograms (`buckets`: list of bucket, count).

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Int16Array, Int64Array, StructArray, UInt8Array,
    UInt32Array, UInt64Array,
};
use arrow::datatypes::{Decimal128Type, Int16Type, Int64Type, UInt8Type, UInt32Type, UInt64Type};

use super::{list, structure};
use crate::detect::group::key::Key;
use crate::detect::group::measure::{Content, MAX_DISTINCT, Measure, Measures};
use crate::detect::group::row::Row;
use crate::detect::group::{Decimal, Sketch};
use crate::error::Result;

/// Precision and scale of sums.
const DECIMAL: (u8, i8) = (38, 6);

/// The column of the rows' measures.
pub(super) fn write(rows: &[(Key, Row)]) -> Result<ArrayRef> {
    let all = || rows.iter().filter_map(|(_, row)| of(row)).flat_map(Measures::iter);
    let kinds = all().map(|measure| match measure.content {
        Content::Distinct(_) => 0,
        Content::Sum { .. } => 1,
        Content::Histogram(_) => 2,
    });
    let sums = all().map(|measure| match measure.content {
        Content::Sum { sum, .. } => sum.micros(),
        _ => 0,
    });
    let sums = Decimal128Array::from_iter_values(sums);
    let counts = all().map(|measure| match measure.content {
        Content::Sum { count, .. } => count,
        _ => 0,
    });
    let sizes = all().map(|measure| match &measure.content {
        Content::Distinct(sketch) => u32::try_from(sketch.k()).unwrap_or(u32::MAX),
        _ => 0,
    });
    let hashes = || all().map(hashes);
    let buckets = || all().map(buckets);
    let flat = || buckets().flatten();
    let pairs = structure(vec![
        ("bucket", Arc::new(Int16Array::from_iter_values(flat().map(|(bucket, _)| *bucket)))),
        ("count", Arc::new(UInt64Array::from_iter_values(flat().map(|(_, count)| *count)))),
    ]);
    let flat_hashes = UInt64Array::from_iter_values(hashes().flatten().copied());
    let items = structure(vec![
        ("start", Arc::new(Int64Array::from_iter_values(all().map(|m| m.start)))),
        ("kind", Arc::new(UInt8Array::from_iter_values(kinds))),
        ("skipped", Arc::new(UInt64Array::from_iter_values(all().map(|m| m.skipped)))),
        ("sum", Arc::new(sums.with_precision_and_scale(DECIMAL.0, DECIMAL.1)?)),
        ("count", Arc::new(UInt64Array::from_iter_values(counts))),
        ("k", Arc::new(UInt32Array::from_iter_values(sizes))),
        ("hashes", list(hashes().map(<[u64]>::len), Arc::new(flat_hashes))?),
        ("buckets", list(buckets().map(<[_]>::len), pairs)?),
    ]);
    list(rows.iter().map(|(_, row)| of(row).map_or(0, Measures::len)), items)
}

fn of(row: &Row) -> Option<&Measures> {
    row.measures.as_deref()
}

fn hashes(measure: &Measure) -> &[u64] {
    match &measure.content {
        Content::Distinct(sketch) => sketch.bare_hashes(),
        _ => &[],
    }
}

fn buckets(measure: &Measure) -> &[(i16, u64)] {
    match &measure.content {
        Content::Histogram(buckets) => buckets,
        _ => &[],
    }
}

/// The measures of one row; `None` if the columns are not ours.
pub(super) fn read(items: &StructArray) -> Option<Measures> {
    let starts = items.column_by_name("start")?.as_primitive_opt::<Int64Type>()?;
    let kinds = items.column_by_name("kind")?.as_primitive_opt::<UInt8Type>()?;
    let skipped = items.column_by_name("skipped")?.as_primitive_opt::<UInt64Type>()?;
    let sums = items.column_by_name("sum")?.as_primitive_opt::<Decimal128Type>()?;
    let counts = items.column_by_name("count")?.as_primitive_opt::<UInt64Type>()?;
    let sizes = items.column_by_name("k")?.as_primitive_opt::<UInt32Type>()?;
    let hashes = items.column_by_name("hashes")?.as_list_opt::<i32>()?;
    let buckets = items.column_by_name("buckets")?.as_list_opt::<i32>()?;
    let measure = |at| {
        let content = match kinds.value(at) {
            0 => {
                let hashes = hashes.value(at);
                let hashes = hashes.as_primitive_opt::<UInt64Type>()?.values();
                let k = usize::try_from(sizes.value(at)).ok().filter(|k| *k <= MAX_DISTINCT)?;
                Content::Distinct(Sketch::from_parts(k, 0, Vec::new(), hashes)?)
            }
            1 => {
                Content::Sum { sum: Decimal::from_micros(sums.value(at)), count: counts.value(at) }
            }
            2 => Content::Histogram(read_buckets(buckets.value(at).as_struct_opt()?)?),
            _ => return None,
        };
        Some(Measure { start: starts.value(at), skipped: skipped.value(at), content })
    };
    (0..items.len()).map(measure).collect()
}

fn read_buckets(items: &StructArray) -> Option<Vec<(i16, u64)>> {
    let buckets = items.column_by_name("bucket")?.as_primitive_opt::<Int16Type>()?;
    let counts = items.column_by_name("count")?.as_primitive_opt::<UInt64Type>()?;
    let sorted = buckets.values().is_sorted_by(|a, b| a < b);
    let pairs = buckets.values().iter().copied().zip(counts.values().iter().copied());
    sorted.then(|| pairs.collect())
}
