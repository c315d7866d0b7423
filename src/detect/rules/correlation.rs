//! The `correlation` section of a Sigma document, read with places (Sigma specification 2.1,
//! "Correlation Rules"). rsigma-parser checks its shape; what it drops or cannot tell apart is read
//! here: fractions, percentiles, a condition that is missing, keys that it does not know.

use rsigma_parser::{ConditionExpr, Quantifier, SelectorPattern, detection_name_matches};
use saphyr::MarkedYaml;

use super::diagnostic::Diagnostic;
use super::yaml::{Mapping, fractions};
use crate::detect::group::Decimal;
use crate::detect::judge::{Condition, Operator, Pattern, Way};

const KEYS: &[&str] = &[
    "type",
    "rules",
    "group-by",
    "timespan",
    "timeframe",
    "condition",
    "aliases",
    "generate",
    "window",
    "gap",
];

const OPERATORS: &[(&str, Operator)] = &[
    ("gt", Operator::Gt),
    ("gte", Operator::Gte),
    ("lt", Operator::Lt),
    ("lte", Operator::Lte),
    ("eq", Operator::Eq),
    ("neq", Operator::Neq),
];

/// The section as written; names are not resolved yet.
#[derive(Debug)]
pub(super) struct Correlation {
    /// Names and ids of rules and correlations.
    pub rules: Vec<String>,
    /// Fields and aliases.
    pub group_by: Vec<String>,
    /// When it fires.
    pub condition: Written,
    /// Other names for fields.
    pub aliases: Vec<Alias>,
    /// Where its keys stand.
    places: Vec<(&'static str, (usize, usize))>,
}

/// A condition as written.
#[derive(Debug)]
pub(super) enum Written {
    /// None: temporal correlations want all rules.
    Missing,
    /// Comparisons.
    Numbers {
        /// All must hold.
        conditions: Vec<Condition>,
        /// Fields whose values are judged.
        fields: Vec<String>,
        /// For `value_percentile`.
        percentile: Option<Decimal>,
    },
    /// `rule_a and rule_b`.
    Expression(String),
}

/// A name that stands for another field in each rule.
#[derive(Debug)]
pub(super) struct Alias {
    /// The name.
    pub name: String,
    /// (Rule, field).
    pub fields: Vec<(String, String)>,
}

impl Correlation {
    /// Reads the section of a document.
    pub(super) fn read(file: &str, document: &MarkedYaml<'_>) -> Result<Self, Diagnostic> {
        let document = Mapping::of(file, document)?;
        let Some(section) = document.mapping("correlation")? else {
            return Err(document.fault("correlation", "correlation", "no `correlation`"));
        };
        section.only(KEYS)?;
        let rules = section.texts("rules")?;
        if rules.is_empty() {
            return Err(section.fault("rules", "rules", "`rules` is missing or empty"));
        }
        let places = KEYS.iter().filter_map(|key| Some((*key, section.place_of(key)?)));
        Ok(Self {
            rules,
            group_by: section.texts("group-by")?,
            condition: condition(&section)?,
            aliases: aliases(&section)?,
            places: places.collect(),
        })
    }

    /// Where a key stands.
    pub(super) fn place(&self, key: &str) -> Option<(usize, usize)> {
        self.places.iter().find(|(known, _)| *known == key).map(|(_, place)| *place)
    }

    /// The pattern of an expression over the rules' names.
    pub(super) fn pattern(
        &self,
        text: &str,
        expression: &ConditionExpr,
    ) -> Result<Pattern, String> {
        Ok(Pattern { text: Some(text.to_owned()), ways: self.ways(expression, true)? })
    }

    /// The pattern of all rules.
    pub(super) fn all_rules(&self) -> Pattern {
        let present = (0..self.rules.len()).collect();
        Pattern { text: None, ways: vec![Way { present, absent: Vec::new() }] }
    }

    /// The ways in which the expression is, or is not, satisfied.
    fn ways(&self, expression: &ConditionExpr, wanted: bool) -> Result<Vec<Way>, String> {
        match expression {
            ConditionExpr::Not(part) => self.ways(part, !wanted),
            ConditionExpr::And(parts) => self.linked(parts, wanted, wanted),
            ConditionExpr::Or(parts) => self.linked(parts, !wanted, wanted),
            ConditionExpr::Identifier(name) => {
                let rule = self.rules.iter().position(|rule| rule == name);
                let rule = rule.ok_or_else(|| {
                    format!("the condition names `{name}`, which is not among `rules`")
                })?;
                let (present, absent) =
                    if wanted { (vec![rule], vec![]) } else { (vec![], vec![rule]) };
                Ok(vec![Way { present, absent }])
            }
            ConditionExpr::Selector { quantifier, pattern } => {
                let named = |name: &&String| match pattern {
                    SelectorPattern::Them => true,
                    SelectorPattern::Pattern(pattern) => detection_name_matches(pattern, name),
                };
                let rules = self.rules.iter().filter(named);
                let parts: Vec<_> = rules.cloned().map(ConditionExpr::Identifier).collect();
                if parts.is_empty() {
                    return Err(format!("no rule is named `{pattern}`"));
                }
                match quantifier {
                    Quantifier::All => self.linked(&parts, wanted, wanted),
                    Quantifier::Any | Quantifier::Count(1) => self.linked(&parts, !wanted, wanted),
                    Quantifier::Count(_) => {
                        Err("a number other than 1 before `of`: write `condition: {gte: 2}`".into())
                    }
                }
            }
        }
    }

    /// The ways of all parts together, or those of each.
    fn linked(&self, parts: &[ConditionExpr], all: bool, wanted: bool) -> Result<Vec<Way>, String> {
        let each = parts.iter().map(|part| self.ways(part, wanted));
        let each: Vec<Vec<Way>> = each.collect::<Result<_, _>>()?;
        if !all {
            return bounded(each.into_iter().flatten().collect());
        }
        let mut ways = vec![Way { present: Vec::new(), absent: Vec::new() }];
        for part in each {
            let both = |a: &Way| part.iter().filter_map(|b| join(a, b)).collect::<Vec<_>>();
            ways = bounded(ways.iter().flat_map(both).collect())?;
        }
        Ok(ways)
    }
}

/// Both ways at once; `None` if they contradict each other.
fn join(a: &Way, b: &Way) -> Option<Way> {
    let union = |a: &[usize], b: &[usize]| {
        let mut union = [a, b].concat();
        union.sort_unstable();
        union.dedup();
        union
    };
    let (present, absent) = (union(&a.present, &b.present), union(&a.absent, &b.absent));
    let consistent = !present.iter().any(|rule| absent.contains(rule));
    consistent.then_some(Way { present, absent })
}

/// Most ways to satisfy a condition.
const MAX_WAYS: usize = 256;

fn bounded(ways: Vec<Way>) -> Result<Vec<Way>, String> {
    if ways.len() > MAX_WAYS {
        return Err(format!("the condition can be satisfied in more than {MAX_WAYS} ways"));
    }
    Ok(ways)
}

fn condition(section: &Mapping<'_, '_>) -> Result<Written, Diagnostic> {
    if section.get("condition").is_none() {
        return Ok(Written::Missing);
    }
    if let Ok(Some(text)) = section.text("condition") {
        return Ok(Written::Expression(text.to_owned()));
    }
    let Some(numbers) = section.mapping("condition")? else { return Ok(Written::Missing) };
    let mut known: Vec<&str> = OPERATORS.iter().map(|(name, _)| *name).collect();
    known.extend(["field", "percentile"]);
    numbers.only(&known)?;
    let mut conditions = Vec::new();
    for (name, operator) in OPERATORS {
        let value = numbers.decimal(name)?;
        conditions.extend(value.map(|value| Condition { operator: *operator, value }));
    }
    let percentile = numbers.decimal("percentile")?;
    if percentile.is_some_and(|p| !(Decimal::whole(0)..=Decimal::whole(100)).contains(&p)) {
        let message = "`percentile` must lie between 0 and 100";
        return Err(numbers.fault("percentile", "range", message));
    }
    Ok(Written::Numbers { conditions, fields: numbers.texts("field")?, percentile })
}

fn aliases(section: &Mapping<'_, '_>) -> Result<Vec<Alias>, Diagnostic> {
    let Some(aliases) = section.mapping("aliases")? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for name in aliases.keys() {
        let Some(fields) = aliases.mapping(name)? else { continue };
        let field = |rule: &str| {
            let field = fields.text(rule)?.unwrap_or_default();
            Ok((rule.to_owned(), field.to_owned()))
        };
        let fields = fields.keys().map(field).collect::<Result<_, Diagnostic>>()?;
        found.push(Alias { name: name.to_owned(), fields });
    }
    Ok(found)
}

/// The text with whole numbers in place of the fractions in conditions, which rsigma-parser
/// refuses although averages need them; the numbers themselves are read by [`Correlation::read`].
pub(super) fn without_fractions(file: &str, text: &str, nodes: &[MarkedYaml<'_>]) -> String {
    let mut spans = Vec::new();
    for node in nodes {
        let Ok(document) = Mapping::of(file, node) else { continue };
        let Ok(Some(section)) = document.mapping("correlation") else { continue };
        let Ok(Some(condition)) = section.mapping("condition") else { continue };
        spans.extend(fractions(&condition));
    }
    let mut chars: Vec<char> = text.chars().collect();
    for (start, end) in spans {
        for (at, char) in chars.iter_mut().enumerate().take(end).skip(start) {
            *char = if at == start { '0' } else { ' ' };
        }
    }
    chars.into_iter().collect()
}
