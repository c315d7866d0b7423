//! One-line messages with `{placeholders}`: a finding's title and description.

/// What a message can show of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as written in detector files")]
pub enum Placeholder {
    Principal,
    /// The caller's account and whose it is.
    Caller,
    /// How many values are new.
    DistinctValues,
    Bucket,
    Account,
    Region,
    /// All calls.
    EventCount,
    /// Calls that succeeded.
    OkCount,
    /// Calls that failed.
    ErrorCount,
    /// Distinct object keys.
    DistinctObjects,
    /// The remarkable number or value.
    Observed,
    /// Against what.
    Expected,
    Timespan,
    /// First and last event.
    Interval,
    SourceIps,
    ErrorCodes,
    /// The values of the detector's `details` fields.
    Details,
    /// `{count:rule}`: calls that one rule of the fold selected, by its position.
    Count(usize),
}

/// Text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(Placeholder),
}

const NAMES: &[(&str, Placeholder)] = &[
    ("principal", Placeholder::Principal),
    ("caller", Placeholder::Caller),
    ("distinct_values", Placeholder::DistinctValues),
    ("bucket", Placeholder::Bucket),
    ("account", Placeholder::Account),
    ("region", Placeholder::Region),
    ("event_count", Placeholder::EventCount),
    ("ok_count", Placeholder::OkCount),
    ("error_count", Placeholder::ErrorCount),
    ("distinct_objects", Placeholder::DistinctObjects),
    ("observed", Placeholder::Observed),
    ("expected", Placeholder::Expected),
    ("timespan", Placeholder::Timespan),
    ("interval", Placeholder::Interval),
    ("source_ips", Placeholder::SourceIps),
    ("error_codes", Placeholder::ErrorCodes),
    ("details", Placeholder::Details),
];

impl Message {
    /// Reads a message; `rules` are the names that `{count:…}` may use.
    ///
    /// # Errors
    /// The placeholder that is unknown or not closed.
    pub fn parse(text: &str, rules: &[String]) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or_else(|| format!("{{{after}"))?;
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Value(placeholder(name, rules).ok_or_else(|| format!("{{{name}}}"))?));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// A message without placeholders, whatever braces are in it.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self(vec![Part::Text(text.to_owned())])
    }

    /// What it shows.
    pub fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Value(placeholder) => Some(placeholder),
        })
    }

    /// The text, with `value` giving each placeholder's.
    #[must_use]
    pub fn render(&self, value: impl Fn(&Placeholder) -> String) -> String {
        self.0
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Value(placeholder) => value(placeholder),
            })
            .collect()
    }
}

fn placeholder(name: &str, rules: &[String]) -> Option<Placeholder> {
    if let Some(rule) = name.strip_prefix("count:") {
        return rules.iter().position(|known| known == rule).map(Placeholder::Count);
    }
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, placeholder)| placeholder.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_unknown_ones_refused() {
        let rules = ["marker".to_owned()];
        let message = Message::parse("{principal} did {count:marker} things", &rules).unwrap();
        let shown = message.render(|placeholder| match placeholder {
            Placeholder::Count(rule) => format!("#{rule}"),
            _ => "P".to_owned(),
        });
        assert_eq!(shown, "P did #0 things");
        assert_eq!(Message::parse("{nobody}", &rules), Err("{nobody}".into()));
        assert_eq!(Message::parse("{count:other}", &rules), Err("{count:other}".into()));
        assert_eq!(Message::parse("{open", &rules), Err("{open".into()));
    }
}
