//! Sigma's syntax tree to a condition over predicates. Whatever is not understood is an error that
//! names it; nothing is half-compiled in silence. Source: Sigma specification v2.1.

use std::collections::BTreeMap;

use regex::RegexBuilder;
use rsigma_parser::fieldpath::unescape_brackets;
use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Detections, Quantifier, SelectorPattern, SigmaString,
    SigmaValue,
};

use super::expression::Expression;
use super::modifiers::Modifiers;
use super::predicate::{
    Comparison, Number, Pattern, Predicate, Predicates, Reference, Test, number_of,
};
use super::text::{Operation, Piece, TextMatcher};
use crate::events::{Extract, Field, Fields, UnknownField};

/// The most parts and values that a selection may come to, each counted wherever it is named.
const MAX_VALUES: usize = 100_000;

/// Why a detection cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// The modifiers of a field do not fit together.
    #[error("the modifiers of field `{0}` do not fit together")]
    Combination(String),
    /// What is encoded cannot have a wildcard in it.
    #[error("field `{0}` has a wildcard in a value that is encoded: escape it with a backslash")]
    EncodedWildcard(String),
    /// A construct that this version does not know.
    #[error("{0} is not supported")]
    Construct(&'static str),
    /// The condition names a detection that is not there, or a pattern that nothing matches.
    #[error("condition names `{0}`, which is not defined")]
    UnknownDetection(String),
    /// A field without values would match nothing, or everything: say which with `null`.
    #[error("field `{0}` has an empty list of values")]
    NoValues(String),
    /// A value of the wrong type for its field's modifiers.
    #[error("`{value}` of field `{field}` is not {expected}")]
    Value {
        /// The field.
        field: String,
        /// The value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A regular expression that cannot be compiled, or is no part of the specification.
    #[error("`{0}` is no regular expression that is supported: {1}")]
    Regex(String, String),
    /// A placeholder without values.
    #[error("placeholder `%{0}%` has no values: give them with --placeholders")]
    Placeholder(String),
    /// What the condition names is compiled wherever it is named.
    #[error("the condition comes to more than {MAX_VALUES} values")]
    TooLarge,
    /// The field's name is malformed.
    #[error(transparent)]
    Field(#[from] UnknownField),
}

/// Values of placeholders, by name.
pub type Placeholders = BTreeMap<String, Vec<String>>;

/// What stands for the name of a field where there is none.
const KEYWORDS: &str = "(keywords)";

/// The longest program of a regular expression, in bytes.
const REGEX_BYTES: usize = 4 << 20;

/// What rules are compiled into.
pub struct Compiler<'c> {
    /// Gets the fields that are asked for.
    pub fields: &'c mut Fields,
    /// Gets the predicates.
    pub predicates: &'c mut Predicates,
    /// Values of placeholders.
    pub placeholders: &'c Placeholders,
}

impl Compiler<'_> {
    /// Compiles the detection section of a rule.
    ///
    /// # Errors
    /// [`CompileError`], which names the construct that is not understood.
    pub fn compile(&mut self, detections: &Detections) -> Result<Expression, CompileError> {
        let mut section = Section { compiler: self, detections, room: MAX_VALUES };
        let conditions = &detections.conditions;
        let parts: Result<Vec<_>, _> =
            conditions.iter().map(|condition| section.condition(condition)).collect();
        Ok(one_or(parts?, Expression::Any))
    }

    fn leaf(&mut self, field: Field, test: Test) -> Expression {
        Expression::Leaf(self.predicates.intern(Predicate { field, test }))
    }

    /// The field has no value but null.
    fn null(&mut self, name: &str, field: Field) -> Result<Expression, CompileError> {
        if let Field::Core(_) = field {
            return Ok(not(self.leaf(field, Test::Present)));
        }
        let presence = self.fields.presence(name)?;
        let absent = not(self.leaf(presence, Test::Present));
        if self.fields.extract(presence) != Some(Extract::Presence) {
            return Ok(absent);
        }
        let text = TextMatcher::new(
            vec![Piece::Literal(Fields::NULL.to_owned())],
            Operation::Equals,
            true,
        );
        Ok(Expression::Any(vec![absent, self.leaf(presence, Test::Text(text))]))
    }
}

/// A detection section being compiled.
struct Section<'s, 'c> {
    compiler: &'s mut Compiler<'c>,
    detections: &'s Detections,
    /// How many more parts and values there may be.
    room: usize,
}

impl Section<'_, '_> {
    /// Takes room for so many parts or values.
    fn take(&mut self, count: usize) -> Result<(), CompileError> {
        self.room = self.room.checked_sub(count).ok_or(CompileError::TooLarge)?;
        Ok(())
    }

    fn condition(&mut self, condition: &ConditionExpr) -> Result<Expression, CompileError> {
        self.take(1)?;
        let mut each = |parts: &[ConditionExpr]| -> Result<Vec<_>, CompileError> {
            parts.iter().map(|part| self.condition(part)).collect()
        };
        match condition {
            ConditionExpr::And(parts) => Ok(Expression::All(each(parts)?)),
            ConditionExpr::Or(parts) => Ok(Expression::Any(each(parts)?)),
            ConditionExpr::Not(part) => Ok(not(self.condition(part)?)),
            ConditionExpr::Identifier(name) => self.named(name),
            ConditionExpr::Selector { quantifier, pattern } => self.selector(quantifier, pattern),
        }
    }

    fn named(&mut self, name: &str) -> Result<Expression, CompileError> {
        let detection = self.detections.named.get(name);
        self.detection(detection.ok_or_else(|| CompileError::UnknownDetection(name.to_owned()))?)
    }

    fn selector(
        &mut self,
        quantifier: &Quantifier,
        pattern: &SelectorPattern,
    ) -> Result<Expression, CompileError> {
        let wanted = |name: &str| match pattern {
            SelectorPattern::Them => !name.starts_with('_'),
            SelectorPattern::Pattern(pattern) => is_named(pattern, name),
        };
        let all = self.detections.named.keys();
        let mut names: Vec<&String> = all.filter(|name| wanted(name)).collect();
        names.sort();
        if names.is_empty() {
            return Err(CompileError::UnknownDetection(pattern.to_string()));
        }
        let parts = names.into_iter().map(|name| self.named(name)).collect::<Result<_, _>>()?;
        match quantifier {
            Quantifier::All => Ok(Expression::All(parts)),
            Quantifier::Any | Quantifier::Count(1) => Ok(Expression::Any(parts)),
            Quantifier::Count(_) => {
                Err(CompileError::Construct("a number other than 1 before `of`"))
            }
        }
    }

    fn detection(&mut self, detection: &Detection) -> Result<Expression, CompileError> {
        self.take(1)?;
        match detection {
            Detection::AllOf(items) => {
                let parts = items.iter().map(|item| self.item(item)).collect::<Result<_, _>>()?;
                Ok(Expression::All(parts))
            }
            Detection::AnyOf(parts) => {
                let parts = parts.iter().map(|part| self.detection(part));
                Ok(Expression::Any(parts.collect::<Result<_, _>>()?))
            }
            Detection::And(parts) => {
                let parts = parts.iter().map(|part| self.detection(part));
                Ok(Expression::All(parts.collect::<Result<_, _>>()?))
            }
            Detection::Keywords(values) => self.keywords(values, &Modifiers::default()),
            Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {
                Err(CompileError::Construct("an array block"))
            }
        }
    }

    fn item(&mut self, item: &DetectionItem) -> Result<Expression, CompileError> {
        let name = item.field.name.as_deref();
        let modifiers = Modifiers::read(&item.field.modifiers);
        let modifiers = modifiers.map_err(|unfit| unfit.of(name.unwrap_or(KEYWORDS)))?;
        let Some(name) = name else {
            return self.keywords(&item.values, &modifiers);
        };
        let name = unescape_brackets(name);
        if item.values.is_empty() {
            return Err(CompileError::NoValues(name.into_owned()));
        }
        let found = if modifiers.exists {
            self.exists(&name, &item.values)?
        } else {
            let field = self.compiler.fields.resolve(&name)?;
            self.values(&name, field, &item.values, &modifiers)?
        };
        Ok(if modifiers.negated { not(found) } else { found })
    }

    fn exists(&mut self, name: &str, values: &[SigmaValue]) -> Result<Expression, CompileError> {
        let [SigmaValue::Bool(wanted)] = values else {
            let value = values.first().map(ToString::to_string).unwrap_or_default();
            return Err(wrong(name, &value, "true or false"));
        };
        let presence = self.compiler.fields.presence(name)?;
        let present = self.compiler.leaf(presence, Test::Present);
        Ok(if *wanted { present } else { not(present) })
    }

    /// Unfielded values are looked for within every scalar of the record.
    fn keywords(
        &mut self,
        values: &[SigmaValue],
        modifiers: &Modifiers,
    ) -> Result<Expression, CompileError> {
        if values.is_empty() {
            return Err(CompileError::NoValues(KEYWORDS.to_owned()));
        }
        let field = self.compiler.fields.keywords();
        let operation = Some(modifiers.operation.unwrap_or(Operation::Contains));
        self.linked(KEYWORDS, field, values, modifiers, operation)
    }

    fn values(
        &mut self,
        name: &str,
        field: Field,
        values: &[SigmaValue],
        modifiers: &Modifiers,
    ) -> Result<Expression, CompileError> {
        self.linked(name, field, values, modifiers, modifiers.operation)
    }

    fn linked(
        &mut self,
        name: &str,
        field: Field,
        values: &[SigmaValue],
        modifiers: &Modifiers,
        operation: Option<Operation>,
    ) -> Result<Expression, CompileError> {
        let mut parts = Vec::new();
        for value in values {
            let expanded = self.expanded(value, modifiers)?;
            self.take(expanded.len())?;
            let group = expanded.iter().map(|v| self.value(name, field, v, modifiers, operation));
            parts.push(one_or(group.collect::<Result<_, _>>()?, Expression::Any));
        }
        Ok(one_or(parts, if modifiers.all { Expression::All } else { Expression::Any }))
    }

    /// The value with its placeholders filled.
    fn expanded(
        &self,
        value: &SigmaValue,
        modifiers: &Modifiers,
    ) -> Result<Vec<SigmaValue>, CompileError> {
        match value {
            SigmaValue::String(text) if modifiers.expand => {
                expand(&text.original, self.compiler.placeholders)
            }
            value => Ok(vec![value.clone()]),
        }
    }

    fn value(
        &mut self,
        name: &str,
        field: Field,
        value: &SigmaValue,
        modifiers: &Modifiers,
        operation: Option<Operation>,
    ) -> Result<Expression, CompileError> {
        if modifiers.reference {
            return self.reference(name, field, value, modifiers);
        }
        if let Some(test) = single(name, value, modifiers)? {
            return Ok(self.compiler.leaf(field, test));
        }
        let texts = modifiers.texts(value).map_err(|unfit| unfit.of(name))?;
        let Some(texts) = texts else { return self.compiler.null(name, field) };
        let operation = operation.unwrap_or(Operation::Equals);
        let parts = texts.into_iter().map(|text| {
            let test = Test::Text(TextMatcher::new(text, operation, modifiers.cased));
            self.compiler.leaf(field, test)
        });
        Ok(one_or(parts.collect(), Expression::Any))
    }

    fn reference(
        &mut self,
        name: &str,
        field: Field,
        value: &SigmaValue,
        modifiers: &Modifiers,
    ) -> Result<Expression, CompileError> {
        let SigmaValue::String(other) = value else {
            return Err(wrong(name, &value.to_string(), "the name of a field"));
        };
        let other = self.compiler.fields.resolve(&other.original)?;
        let operation = modifiers.operation.unwrap_or(Operation::Equals);
        let reference = Reference { other, operation, cased: modifiers.cased };
        Ok(self.compiler.leaf(field, Test::Reference(reference)))
    }
}

/// The test of modifiers that make no texts of their values; `None` for texts.
fn single(
    name: &str,
    value: &SigmaValue,
    modifiers: &Modifiers,
) -> Result<Option<Test>, CompileError> {
    if modifiers.regex {
        return regex(name, value, modifiers).map(|pattern| Some(Test::Regex(pattern)));
    }
    if modifiers.cidr {
        let text = value.to_string();
        let network = text.parse::<ipnet::IpNet>().ok();
        let network =
            network.or_else(|| text.parse::<std::net::IpAddr>().ok().map(ipnet::IpNet::from));
        let network = network.ok_or_else(|| wrong(name, &text, "a network in CIDR notation"))?;
        return Ok(Some(Test::Cidr(network.trunc())));
    }
    if modifiers.comparison.is_none() && modifiers.time_part.is_none() {
        return Ok(None);
    }
    let number = match value {
        SigmaValue::Null | SigmaValue::Bool(_) => None,
        value => number_of(&value.to_string()),
    };
    let number = number.ok_or_else(|| wrong(name, &value.to_string(), "a number"))?;
    let comparison = modifiers.comparison.unwrap_or(Comparison::Eq);
    Ok(Some(match modifiers.time_part {
        Some(part) => Test::TimePart(part, comparison, Number(number)),
        None => Test::Number(comparison, Number(number)),
    }))
}

fn regex(name: &str, value: &SigmaValue, modifiers: &Modifiers) -> Result<Pattern, CompileError> {
    if matches!(value, SigmaValue::Null | SigmaValue::Bool(_)) {
        return Err(wrong(name, &value.to_string(), "a regular expression"));
    }
    let flags: String =
        [(modifiers.ignore_case, 'i'), (modifiers.multi_line, 'm'), (modifiers.dot_all, 's')]
            .into_iter()
            .filter_map(|(set, flag)| set.then_some(flag))
            .collect();
    let written = value.to_string();
    let text = match modifiers.operation {
        None | Some(Operation::Equals | Operation::Contains) => written.clone(),
        Some(Operation::StartsWith) => format!("^(?:{written})"),
        Some(Operation::EndsWith) => format!("(?:{written})$"),
    };
    let text = if flags.is_empty() { text } else { format!("(?{flags}){text}") };
    RegexBuilder::new(&text)
        .size_limit(REGEX_BYTES)
        .build()
        .map_err(|error| CompileError::Regex(written, first_line(&error.to_string())))?;
    Ok(Pattern(text))
}

/// The regex crate explains over several lines; the last one says it.
fn first_line(message: &str) -> String {
    let last = message.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    last.trim().trim_start_matches("error: ").to_owned()
}

/// Fills placeholders (`%name%`); a percent sign is escaped with a backslash.
fn expand(text: &str, placeholders: &Placeholders) -> Result<Vec<SigmaValue>, CompileError> {
    const ESCAPED: char = '\u{e000}';
    let plain = text.replace(r"\%", &ESCAPED.to_string());
    let mut texts = vec![String::new()];
    let mut rest = plain.as_str();
    while let Some((before, name, after)) = placeholder(rest) {
        let values = placeholders.get(name).filter(|values| !values.is_empty());
        let values = values.ok_or_else(|| CompileError::Placeholder(name.to_owned()))?;
        let with = |text: &String| values.iter().map(|v| format!("{text}{before}{v}")).collect();
        texts = texts.iter().flat_map::<Vec<String>, _>(with).collect();
        rest = after;
    }
    let whole = |text: String| (text + rest).replace(ESCAPED, "%");
    Ok(texts.into_iter().map(|t| SigmaValue::String(SigmaString::new(&whole(t)))).collect())
}

/// The first placeholder, with what stands before and after it.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('%')?;
    let (name, after) = rest.split_once('%')?;
    (!name.is_empty()).then_some((before, name, after))
}

fn wrong(field: &str, value: &str, expected: &'static str) -> CompileError {
    CompileError::Value { field: field.to_owned(), value: value.to_owned(), expected }
}

fn not(part: Expression) -> Expression {
    Expression::Not(Box::new(part))
}

/// Whether a pattern, in which a star stands for any characters, finds the name of a detection.
fn is_named(pattern: &str, name: &str) -> bool {
    let mut pieces = Vec::new();
    for (number, part) in pattern.split('*').enumerate() {
        if number > 0 {
            pieces.push(Piece::AnyRun);
        }
        if !part.is_empty() {
            pieces.push(Piece::Literal(part.to_owned()));
        }
    }
    TextMatcher::new(pieces, Operation::Equals, true).matches(name)
}

/// The only part itself, else the parts linked.
fn one_or(mut parts: Vec<Expression>, link: fn(Vec<Expression>) -> Expression) -> Expression {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            parts.push(last);
            link(parts)
        }
        (None, _) => link(parts),
    }
}
