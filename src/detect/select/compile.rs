//! Sigma's syntax tree to a [`Selection`]. Whatever is not understood is an error that names it;
//! nothing is half-compiled in silence.

use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Detections, Modifier, Quantifier, SelectorPattern,
    SigmaString, SigmaValue, SpecialChar, StringPart, detection_name_matches,
};

use super::Selection;
use super::text::{Operation, Piece, TextMatcher};
use crate::events::{Fields, UnknownField};

/// The most parts and values that a selection may come to, each counted wherever it is named.
const MAX_VALUES: usize = 100_000;

/// Why a detection cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// A modifier that this version does not know.
    #[error("modifier `{0}` is not supported yet")]
    Modifier(String),
    /// A construct that this version does not know.
    #[error("{0} is not supported yet")]
    Construct(&'static str),
    /// The condition names a detection that is not there, or a pattern that nothing matches.
    #[error("condition names `{0}`, which is not defined")]
    UnknownDetection(String),
    /// A field without values would match nothing, or everything: say which with `null`.
    #[error("field `{0}` has an empty list of values")]
    NoValues(String),
    /// `exists` takes `true` or `false`.
    #[error("`exists` of field `{0}` must be true or false")]
    ExistsValue(String),
    /// What the condition names is compiled wherever it is named.
    #[error("the condition comes to more than {MAX_VALUES} values")]
    TooLarge,
    /// The field's name is malformed.
    #[error(transparent)]
    Field(#[from] UnknownField),
}

/// Compiles the detection section of a rule; fields are resolved in, and added to, `fields`.
///
/// # Errors
/// [`CompileError`], which names the construct that is not understood.
pub fn compile(detections: &Detections, fields: &mut Fields) -> Result<Selection, CompileError> {
    let mut compiler = Compiler { detections, fields, room: MAX_VALUES };
    let conditions = &detections.conditions;
    let parts: Result<Vec<_>, _> =
        conditions.iter().map(|condition| compiler.condition(condition)).collect();
    Ok(one_or(parts?, Selection::Any))
}

struct Compiler<'d, 'f> {
    detections: &'d Detections,
    fields: &'f mut Fields,
    /// How many more parts and values there may be.
    room: usize,
}

impl Compiler<'_, '_> {
    fn condition(&mut self, condition: &ConditionExpr) -> Result<Selection, CompileError> {
        self.take(1)?;
        let mut each = |parts: &[ConditionExpr]| -> Result<Vec<_>, CompileError> {
            parts.iter().map(|part| self.condition(part)).collect()
        };
        match condition {
            ConditionExpr::And(parts) => Ok(Selection::All(each(parts)?)),
            ConditionExpr::Or(parts) => Ok(Selection::Any(each(parts)?)),
            ConditionExpr::Not(part) => Ok(Selection::Not(Box::new(self.condition(part)?))),
            ConditionExpr::Identifier(name) => self.named(name),
            ConditionExpr::Selector { quantifier, pattern } => self.selector(quantifier, pattern),
        }
    }

    /// Takes room for so many parts or values.
    fn take(&mut self, count: usize) -> Result<(), CompileError> {
        self.room = self.room.checked_sub(count).ok_or(CompileError::TooLarge)?;
        Ok(())
    }

    fn named(&mut self, name: &str) -> Result<Selection, CompileError> {
        let detection = self.detections.named.get(name);
        self.detection(detection.ok_or_else(|| CompileError::UnknownDetection(name.to_owned()))?)
    }

    fn selector(
        &mut self,
        quantifier: &Quantifier,
        pattern: &SelectorPattern,
    ) -> Result<Selection, CompileError> {
        let wanted = |name: &str| match pattern {
            SelectorPattern::Them => !name.starts_with('_'),
            SelectorPattern::Pattern(pattern) => detection_name_matches(pattern, name),
        };
        let mut names: Vec<&String> =
            self.detections.named.keys().filter(|name| wanted(name)).collect();
        names.sort();
        if names.is_empty() {
            return Err(CompileError::UnknownDetection(pattern.to_string()));
        }
        let parts = names.into_iter().map(|name| self.named(name)).collect::<Result<_, _>>()?;
        match quantifier {
            Quantifier::All => Ok(Selection::All(parts)),
            Quantifier::Any | Quantifier::Count(1) => Ok(Selection::Any(parts)),
            Quantifier::Count(_) => {
                Err(CompileError::Construct("a number other than 1 before `of`"))
            }
        }
    }

    fn detection(&mut self, detection: &Detection) -> Result<Selection, CompileError> {
        self.take(1)?;
        match detection {
            Detection::AllOf(items) => {
                let parts = items.iter().map(|item| self.item(item)).collect::<Result<_, _>>()?;
                Ok(Selection::All(parts))
            }
            Detection::AnyOf(parts) => {
                let parts = parts.iter().map(|part| self.detection(part));
                Ok(Selection::Any(parts.collect::<Result<_, _>>()?))
            }
            Detection::And(parts) => {
                let parts = parts.iter().map(|part| self.detection(part));
                Ok(Selection::All(parts.collect::<Result<_, _>>()?))
            }
            Detection::Keywords(_) => Err(CompileError::Construct("a keyword search")),
            Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {
                Err(CompileError::Construct("an array block"))
            }
        }
    }

    fn item(&mut self, item: &DetectionItem) -> Result<Selection, CompileError> {
        self.take(item.values.len())?;
        let Some(name) = item.field.name.as_deref() else {
            return Err(CompileError::Construct("a keyword search"));
        };
        let field = self.fields.resolve(name)?;
        let modifiers = Modifiers::read(&item.field.modifiers)?;
        if item.values.is_empty() {
            return Err(CompileError::NoValues(name.to_owned()));
        }
        if modifiers.exists {
            return match item.values.as_slice() {
                [SigmaValue::Bool(present)] => Ok(Selection::Present { field, present: *present }),
                _ => Err(CompileError::ExistsValue(name.to_owned())),
            };
        }
        let mut parts = Vec::new();
        let mut matchers = Vec::new();
        for value in &item.values {
            match matcher(value, &modifiers) {
                None => parts.push(Selection::Present { field, present: false }),
                Some(matcher) if modifiers.all => {
                    parts.push(Selection::Text { field, matchers: vec![matcher] });
                }
                Some(matcher) => matchers.push(matcher),
            }
        }
        if !matchers.is_empty() {
            parts.push(Selection::Text { field, matchers });
        }
        let link = if modifiers.all { Selection::All } else { Selection::Any };
        Ok(one_or(parts, link))
    }
}

/// What the modifiers of a field say.
struct Modifiers {
    operation: Operation,
    cased: bool,
    all: bool,
    exists: bool,
}

impl Modifiers {
    fn read(modifiers: &[Modifier]) -> Result<Self, CompileError> {
        let mut found =
            Self { operation: Operation::Equals, cased: false, all: false, exists: false };
        for modifier in modifiers {
            match modifier {
                Modifier::Contains => found.operation = Operation::Contains,
                Modifier::StartsWith => found.operation = Operation::StartsWith,
                Modifier::EndsWith => found.operation = Operation::EndsWith,
                Modifier::Cased => found.cased = true,
                Modifier::All => found.all = true,
                Modifier::Exists => found.exists = true,
                other => {
                    return Err(CompileError::Modifier(format!("{other:?}").to_lowercase()));
                }
            }
        }
        Ok(found)
    }
}

/// The matcher of a value; `None` for null. Numbers and booleans compare by canonical text.
fn matcher(value: &SigmaValue, modifiers: &Modifiers) -> Option<TextMatcher> {
    let pieces = match value {
        SigmaValue::Null => return None,
        SigmaValue::String(text) => pieces(text),
        scalar => vec![Piece::Literal(scalar.to_string())],
    };
    Some(TextMatcher::new(pieces, modifiers.operation, modifiers.cased))
}

fn pieces(text: &SigmaString) -> Vec<Piece> {
    let piece = |part: &StringPart| match part {
        StringPart::Plain(text) => Piece::Literal(text.clone()),
        StringPart::Special(SpecialChar::WildcardMulti) => Piece::AnyRun,
        StringPart::Special(SpecialChar::WildcardSingle) => Piece::AnyOne,
    };
    text.parts.iter().map(piece).collect()
}

/// The only part itself, else the parts linked.
fn one_or(mut parts: Vec<Selection>, link: fn(Vec<Selection>) -> Selection) -> Selection {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            parts.push(last);
            link(parts)
        }
        (None, _) => link(parts),
    }
}
