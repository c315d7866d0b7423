//! Values of the placeholders in rules, from a file of the user's. Source: Sigma specification v2.1,
//! "Placeholders".

use std::path::Path;

use super::source::RuleFile;
use super::yaml::{Mapping, documents};
use crate::detect::select::Placeholders;
use crate::error::{Error, Result};

/// Reads a YAML file of `name: value` and `name: [value, …]`; no file, no placeholders.
///
/// # Errors
/// [`Error::Usage`] for a file that is not there or not of this form.
pub fn read_placeholders(file: Option<&Path>) -> Result<Placeholders> {
    let Some(file) = file else { return Ok(Placeholders::new()) };
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Error::Usage(format!("`--placeholders {name}`: {error}")))?;
    parse(&name, &text).map_err(|fault| Error::Usage(fault.to_string()))
}

/// The example values of pages: what stands in their blocks of code named `placeholders`. Where
/// detectors are looked at, and not logs, they stand in for the values that nobody has given.
pub(super) fn of_pages(files: &[RuleFile]) -> Placeholders {
    let mut found = Placeholders::new();
    for page in files.iter().filter_map(|file| file.page.as_deref()) {
        for rest in page.split("\n```placeholders\n").skip(1) {
            let block = rest.split("\n```").next().unwrap_or_default();
            for (name, values) in parse("placeholders", block).unwrap_or_default() {
                found.entry(name).or_insert(values);
            }
        }
    }
    found
}

fn parse(name: &str, text: &str) -> Result<Placeholders, super::Diagnostic> {
    let mut found = Placeholders::new();
    for document in &documents(name, text)? {
        let mapping = Mapping::of(name, document)?;
        for key in mapping.keys() {
            found.insert(key.to_owned(), mapping.texts(key)?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_other_forms_refused() {
        let found = parse("p.yml", "admins: [a, b]\nbucket: c\n").unwrap();
        assert_eq!(found["admins"], ["a", "b"]);
        assert_eq!(found["bucket"], ["c"]);
        let fault = parse("p.yml", "admins: {a: b}\n").unwrap_err().to_string();
        assert!(fault.contains("p.yml:1:"), "{fault}");
        assert!(read_placeholders(Some(Path::new("/nowhere"))).is_err());
    }
}
