//! A run with far more findings than logs of a test could give.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::TimestampMicrosecondType;
use parquet::arrow::ArrowWriter;

use super::common::table;

/// Makes `count` findings of those in a file: each with an id, a principal, a description and times of
/// its own.
pub(super) fn multiply(path: &Path, count: u32) {
    let batches = table(path);
    let known = concat_batches(&batches[0].schema(), &batches).unwrap();
    let most = u32::try_from(known.num_rows()).unwrap();
    let from = UInt32Array::from_iter_values((0..count).map(|row| row % most));
    let schema = known.schema();
    let columns = schema.fields().iter().zip(known.columns()).map(|(field, column)| {
        let column = take(column, &from, None).unwrap();
        match field.name().as_str() {
            "finding_id" => texts(count, |row| format!("{row:032x}")),
            "principal" => {
                texts(count, |row| format!("arn:aws:iam::111122223333:user/u{}", row % 5_000))
            }
            "description" => {
                let before = column.as_string::<i32>().clone();
                texts(count, |row| format!("{} No. {row}.", before.value(row as usize)))
            }
            "first_seen" | "last_seen" => moved(&column),
            _ => column,
        }
    });
    let batch = RecordBatch::try_new(schema.clone(), columns.collect()).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, schema, None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn texts(count: u32, of: impl Fn(u32) -> String) -> ArrayRef {
    Arc::new((0..count).map(|row| Some(of(row))).collect::<StringArray>())
}

/// Spread over some days.
fn moved(column: &ArrayRef) -> ArrayRef {
    let times = column.as_primitive::<TimestampMicrosecondType>();
    let moved = (0..times.len()).map(|row| {
        let shift = i64::try_from(row % 9_973).unwrap() * 60_000_000;
        times.value(row) - shift
    });
    Arc::new(TimestampMicrosecondArray::from_iter_values(moved).with_timezone("UTC"))
}
