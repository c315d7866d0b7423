//! The values that a fold measures, read from whatever column holds them.

use arrow::array::{Array, BooleanArray, Int64Array, StringArray};

use crate::events::{Dictionary, EventBatch, Field};

/// A column of a batch as texts.
pub(super) enum ValueColumn<'b> {
    Dictionary(Dictionary<'b>),
    Text(&'b StringArray),
    Integer(&'b Int64Array),
    Flag(&'b BooleanArray),
    Missing,
}

impl<'b> ValueColumn<'b> {
    /// The column of `field`.
    pub(super) fn new(field: Field, batch: &'b EventBatch) -> Self {
        if let Some(dictionary) = batch.dictionary(field) {
            return Self::Dictionary(dictionary);
        }
        let Field::Core(core) = field else { return Self::Missing };
        let text = || batch.text(core).map(Self::Text);
        let integer = || batch.integer(core).map(Self::Integer);
        let flag = || batch.boolean(core).map(Self::Flag);
        text().or_else(integer).or_else(flag).unwrap_or(Self::Missing)
    }

    /// Shows `take` each value of an event: none if the field is absent.
    fn each(&self, row: usize, mut take: impl FnMut(&str)) {
        match self {
            Self::Dictionary(dictionary) => {
                dictionary.keys(row).filter_map(|key| dictionary.value(key)).for_each(take);
            }
            Self::Text(texts) if texts.is_valid(row) => take(texts.value(row)),
            Self::Integer(numbers) if numbers.is_valid(row) => {
                take(&numbers.value(row).to_string());
            }
            Self::Flag(flags) if flags.is_valid(row) => take(&flags.value(row).to_string()),
            Self::Text(_) | Self::Integer(_) | Self::Flag(_) | Self::Missing => {}
        }
    }
}

/// Shows `take` the values of an event, or, of several columns, each combination of their values.
pub(super) fn each_value(columns: &[ValueColumn<'_>], row: usize, mut take: impl FnMut(&str)) {
    if let [only] = columns {
        return only.each(row, take);
    }
    let mut combinations = vec![String::new()];
    for column in columns {
        let mut longer = Vec::new();
        for start in &combinations {
            column.each(row, |value| longer.push(format!("{start}{}:{value}", value.len())));
        }
        combinations = longer;
    }
    for combination in &combinations {
        take(combination);
    }
}
