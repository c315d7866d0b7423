//! Tables for the terminal: columns without borders, values escaped.

use comfy_table::{ContentArrangement, Table, presets};

use super::escape::escaped;

/// A table of text; cells are escaped here.
pub(super) fn table<'h>(
    head: impl IntoIterator<Item = &'h str>,
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head);
    for row in rows {
        table.add_row(row.iter().map(|cell| escaped(cell).into_owned()));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}
