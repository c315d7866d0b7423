//! Outputs of runs over the same logs in different places.

use std::path::Path;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// The rows of a Parquet file as texts, without the columns in `but`, and with `place`, where the
/// logs are, cut out.
pub fn rows(file: &Path, but: &[&str], place: &str) -> Vec<String> {
    let bytes = std::fs::File::open(file).unwrap_or_else(|error| panic!("{file:?}: {error}"));
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
    let texts = reader.flat_map(|batch| texts(&batch.unwrap(), but));
    texts.map(|text| text.replace(place, "")).collect()
}

fn texts(batch: &RecordBatch, but: &[&str]) -> Vec<String> {
    let options = FormatOptions::default().with_null("null");
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let columns = columns.filter(|(field, _)| !but.contains(&field.name().as_str()));
    let columns: Vec<_> = columns
        .map(|(field, column)| (field.name(), ArrayFormatter::try_new(column, &options).unwrap()))
        .collect();
    let text = |row| {
        let cells = columns.iter().map(|(name, column)| format!("{name}={}", column.value(row)));
        cells.collect::<Vec<_>>().join("|")
    };
    (0..batch.num_rows()).map(text).collect()
}

/// Two runs over the same logs, at `places[0]` and `places[1]`, have found and accounted for the
/// same.
pub fn same_outputs(outs: [&Path; 2], places: [&str; 2]) {
    // What identifies a content is known of objects only.
    let but = ["etag", "version_id"];
    for name in ["findings", "first_appearances", "coverage", "manifest", "rejected"] {
        let file = format!("{name}.parquet");
        let [one, other] =
            [0, 1].map(|number| rows(&outs[number].join(&file), &but, places[number]));
        assert_eq!(one.len(), other.len(), "{file}");
        for (one, other) in one.iter().zip(&other) {
            assert_eq!(one, other, "{file}");
        }
    }
}
