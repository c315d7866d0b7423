//! Outputs of runs over the same logs in different places.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader as _, SerializedFileReader};

/// The rows of a Parquet file as texts, without the columns in `but`, and with `place`, where the
/// logs are, cut out.
pub fn rows(file: &Path, but: &[&str], place: &str) -> Vec<String> {
    let bytes = File::open(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let reader = SerializedFileReader::new(bytes).unwrap();
    let text = |row: parquet::record::Row| {
        let cells = row.get_column_iter().filter(|(name, _)| !but.contains(&name.as_str()));
        let cells = cells.map(|(name, cell)| format!("{name}={cell}").replace(place, ""));
        cells.collect::<Vec<_>>().join("|")
    };
    reader.get_row_iter(None).unwrap().map(|row| text(row.unwrap())).collect()
}

/// Two runs over the same logs, at `places[0]` and `places[1]`, have found and accounted for the
/// same.
pub fn same_outputs(outs: [&Path; 2], places: [&str; 2]) {
    for name in ["findings", "first_appearances", "coverage", "manifest", "rejected"] {
        same_rows(&outs.map(|out| out.join(name).with_extension("parquet")), places);
    }
}

/// Two files say the same, but for where the logs are, and what is known of objects only.
pub fn same_rows(files: &[PathBuf; 2], places: [&str; 2]) {
    let but = ["etag", "version_id"];
    let [one, other] = [0, 1].map(|number| rows(&files[number], &but, places[number]));
    let name = files[0].display();
    assert_eq!(one.len(), other.len(), "{name}");
    for (one, other) in one.iter().zip(&other) {
        assert_eq!(one, other, "{name}");
    }
}
