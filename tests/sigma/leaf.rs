//! A leaf of a rule, and what an event holds for it: what the known differences look at.

use rsigma_eval::event::{Event, EventValue, JsonEvent};
use rsigma_parser::{DetectionItem, Modifier, SigmaString, SigmaValue, SpecialChar, StringPart};
use serde_json::Value;

/// `field|modifiers: values`, or keywords.
#[derive(Debug)]
pub struct Leaf<'r> {
    /// `None`: keywords.
    pub field: Option<&'r str>,
    pub modifiers: &'r [Modifier],
    pub values: &'r [SigmaValue],
}

impl<'r> Leaf<'r> {
    pub fn of(item: &'r DetectionItem) -> Self {
        Self {
            field: item.field.name.as_deref(),
            modifiers: &item.field.modifiers,
            values: &item.values,
        }
    }
}

impl Leaf<'_> {
    pub fn has(&self, modifier: Modifier) -> bool {
        self.modifiers.contains(&modifier)
    }

    pub fn has_any(&self, modifiers: &[Modifier]) -> bool {
        modifiers.iter().any(|modifier| self.has(*modifier))
    }

    /// Whether values are compared as texts.
    pub fn is_text(&self) -> bool {
        use Modifier::{Cidr, Day, Exists, FieldRef, Gt, Gte, Hour, Lt, Lte, Minute, Month, Re};
        !self.has_any(&[Re, Cidr, Exists, FieldRef, Lt, Lte, Gt, Gte])
            && !self.has_any(&[Minute, Hour, Day, Modifier::Week, Month, Modifier::Year])
    }

    pub fn is_number(&self) -> bool {
        self.has_any(&[Modifier::Lt, Modifier::Lte, Modifier::Gt, Modifier::Gte])
    }

    pub fn is_time(&self) -> bool {
        use Modifier::{Day, Hour, Minute, Month, Week, Year};
        self.has_any(&[Minute, Hour, Day, Week, Month, Year])
    }

    /// The values that are texts.
    pub fn texts(&self) -> impl Iterator<Item = &SigmaString> {
        self.values.iter().filter_map(|value| match value {
            SigmaValue::String(text) => Some(text),
            _ => None,
        })
    }

    /// What the event holds in the field, if anything; of keywords, every scalar.
    pub fn found(&self, event: &Value) -> Option<Found> {
        match self.field {
            Some(field) => Found::of(event, field),
            None => Some(Found::everything(event)),
        }
    }

    /// What it holds in the other fields of a `fieldref`.
    pub fn others(&self, event: &Value) -> Vec<Found> {
        if !self.has(Modifier::FieldRef) {
            return Vec::new();
        }
        self.texts().filter_map(|text| Found::of(event, &text.original)).collect()
    }
}

/// What an event holds in a field.
#[derive(Debug, Default)]
pub struct Found {
    /// As texts, with the numbers and truth values among them, out of lists too.
    pub scalars: Vec<Value>,
    pub has_null: bool,
    pub has_object: bool,
    /// It is a list, or several values on the way through lists.
    pub is_list: bool,
}

impl Found {
    fn of(event: &Value, field: &str) -> Option<Self> {
        let event = JsonEvent::borrow(event);
        let value = event.get_field(field)?;
        let mut found = Self { is_list: matches!(value, EventValue::Array(_)), ..Self::default() };
        found.add(&value);
        Some(found)
    }

    fn add(&mut self, value: &EventValue<'_>) {
        match value {
            EventValue::Null => self.has_null = true,
            EventValue::Map(_) => self.has_object = true,
            EventValue::Array(parts) => parts.iter().for_each(|part| self.add(part)),
            scalar => self.scalars.push(scalar.to_json()),
        }
    }

    fn everything(event: &Value) -> Self {
        let mut found = Self::default();
        found.add_below(event);
        found
    }

    fn add_below(&mut self, value: &Value) {
        match value {
            Value::Null => {}
            Value::Array(parts) => parts.iter().for_each(|part| self.add_below(part)),
            Value::Object(fields) => fields.values().for_each(|part| self.add_below(part)),
            scalar => self.scalars.push(scalar.clone()),
        }
    }

    /// Null itself.
    pub fn is_null(&self) -> bool {
        self.has_null && !self.is_list
    }

    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.scalars.iter().map(text_of)
    }

    /// Those of its values that are texts in the event too.
    pub fn strings(&self) -> impl Iterator<Item = &str> {
        self.scalars.iter().filter_map(Value::as_str)
    }
}

/// A scalar as text.
pub fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether the pattern is found somewhere in the text, in whatever case.
pub fn contains(pattern: &SigmaString, text: &str) -> bool {
    let text: Vec<char> = text.chars().map(folded).collect();
    (0..=text.len()).any(|start| starts(&pattern.parts, &text[start..]))
}

fn starts(parts: &[StringPart], text: &[char]) -> bool {
    let Some((first, rest)) = parts.split_first() else { return true };
    match first {
        StringPart::Plain(plain) => {
            let plain: Vec<char> = plain.chars().map(folded).collect();
            text.strip_prefix(plain.as_slice()).is_some_and(|text| starts(rest, text))
        }
        StringPart::Special(SpecialChar::WildcardSingle) => {
            text.split_first().is_some_and(|(_, text)| starts(rest, text))
        }
        StringPart::Special(SpecialChar::WildcardMulti) => {
            (0..=text.len()).any(|start| starts(rest, &text[start..]))
        }
    }
}

/// Simple folding of the characters in the pool of words.
pub fn folded(character: char) -> char {
    match character {
        '\u{17f}' => 's',
        '\u{3c2}' => '\u{3c3}',
        other => lower(other),
    }
}

pub fn lower(character: char) -> char {
    character.to_lowercase().next().unwrap()
}

/// Whether a key on the way to the field has a dot in it that the field's name has too.
pub fn has_dotted_key(event: &Value, field: &str) -> bool {
    match event {
        Value::Array(parts) => parts.iter().any(|part| has_dotted_key(part, field)),
        Value::Object(fields) => fields.iter().any(|(key, value)| {
            let rest = field.strip_prefix(key.as_str());
            let is_start = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
            let below = rest.and_then(|rest| rest.strip_prefix('.'));
            is_start && key.contains('.') || below.is_some_and(|rest| has_dotted_key(value, rest))
        }),
        _ => false,
    }
}
