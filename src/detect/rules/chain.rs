//! What correlations bring beyond one selection: columns that differ per rule (aliases), measured
//! values, and rules that are correlations themselves (Sigma specification 2.1, "Correlation Rules":
//! `aliases`, `condition.field`, chained correlations).

use super::compile::Compiler;
use super::detector::{Detector, Member};
use super::diagnostic::Diagnostic;
use super::document::Document;
use super::draft::Draft;
use crate::detect::group::{MAX_ENTITY, Measured};
use crate::detect::judge::{self, Terms};
use crate::events::{ColumnKind, Core, Field};

/// Most correlations between a correlation and its plain rules.
const MAX_DEPTH: u8 = 16;

/// A rule of a detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// A plain rule, by its document.
    Plain(usize),
    /// A correlation, by its detector.
    Correlation(usize),
}

/// A column of an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// As the detector names it.
    pub name: String,
    /// The field that holds it, per rule.
    pub fields: Vec<Field>,
    /// Its position in the entity of each rule that is a correlation.
    positions: Vec<usize>,
}

impl Compiler<'_> {
    /// How many correlations lie between the draft and plain rules.
    pub(super) fn depth(&self, draft: &Draft<'_>, rules: &[Rule]) -> Result<u8, Diagnostic> {
        let depths = rules.iter().filter_map(|rule| match rule {
            Rule::Plain(_) => None,
            Rule::Correlation(detector) => self.plan.detectors.get(*detector),
        });
        let depth = depths.map(|detector| detector.depth + 1).max().unwrap_or(0);
        let fault = |key, message: String| Err(draft.document.fault_of(key, "chain", message));
        if depth > MAX_DEPTH {
            return fault(
                "rules",
                format!("more than {MAX_DEPTH} correlations refer to each other"),
            );
        }
        if depth > 0 && !draft.values.is_empty() {
            let judge = draft.judge;
            return fault(
                "type",
                format!("`{judge}` cannot judge correlations: they have no fields"),
            );
        }
        if depth > 0 && !draft.section.details.is_empty() {
            return fault("rules", "`details` are not known of correlations".to_owned());
        }
        Ok(depth)
    }

    /// The entity's columns: the recipient account is part of every entity.
    pub(super) fn columns(
        &mut self,
        draft: &Draft<'_>,
        rules: &[Rule],
    ) -> Result<Vec<Column>, Diagnostic> {
        let account = Core::RecipientAccount.name().to_owned();
        if draft.group_by.is_empty() {
            let message = "without `group-by` all events of an account are one group";
            let warning = draft.document.fault_of("type", "group_by", message).warning();
            self.plan
                .diagnostics
                .push(warning.help("say by which fields: `group-by: [principal]`"));
        }
        let mut columns: Vec<Column> = Vec::new();
        let names = std::iter::once(&account).chain(&draft.group_by).chain(&draft.section.value);
        for (number, name) in names.enumerate() {
            let column = self.column(draft, rules, name)?;
            let same = |known: &Column| {
                (&known.fields, &known.positions) == (&column.fields, &column.positions)
            };
            if !columns.iter().any(same) {
                columns.push(column);
            } else if number > draft.group_by.len() {
                let message = format!("`value: {name}` is a column of the entity already");
                return Err(draft.document.fault("group_by", message));
            }
        }
        if columns.len() > MAX_ENTITY {
            let message = format!("groups by more than {} fields", MAX_ENTITY - 1);
            return Err(draft.document.fault_of("group-by", "group_by", message));
        }
        Ok(columns)
    }

    fn column(
        &mut self,
        draft: &Draft<'_>,
        rules: &[Rule],
        name: &str,
    ) -> Result<Column, Diagnostic> {
        let (mut fields, mut positions) = (Vec::new(), Vec::new());
        for (number, rule) in rules.iter().enumerate() {
            let own = self.name_in(draft, rules, name, number)?;
            match rule {
                Rule::Plain(_) => fields.push(self.groupable(draft, own)?),
                Rule::Correlation(detector) => {
                    let position = self.position(*detector, own).ok_or_else(|| {
                        let other = draft.counted.get(number).map_or("", String::as_str);
                        let message = format!("correlation `{other}` does not group by `{own}`");
                        draft.document.fault_of("group-by", "group_by", message)
                    })?;
                    let fold = self.plan.detectors.get(*detector).map(|found| found.fold);
                    let fold = fold.and_then(|fold| self.plan.folds.get(fold));
                    let field = fold.and_then(|fold| fold.entity.get(position)).copied();
                    fields.push(field.unwrap_or(Field::Core(Core::RecipientAccount)));
                    positions.push(position);
                }
            }
        }
        Ok(Column { name: name.to_owned(), fields, positions })
    }

    /// The name that a name of the draft has in rule `number`.
    fn name_in<'n>(
        &self,
        draft: &'n Draft<'_>,
        rules: &[Rule],
        name: &'n str,
        number: usize,
    ) -> Result<&'n str, Diagnostic> {
        let Some(alias) = draft.aliases.iter().find(|alias| alias.name == name) else {
            return Ok(name);
        };
        let fault = |message| draft.document.fault_of("aliases", "alias", message);
        for (rule, field) in &alias.fields {
            let known = self.names.find(rule, &draft.document.file);
            let position = known.and_then(|document| {
                rules.iter().position(|rule| self.document_of(*rule) == Some(document))
            });
            match position {
                None => {
                    let message =
                        format!("alias `{name}` names `{rule}`, which is none of the rules");
                    return Err(fault(message));
                }
                Some(position) if position == number => return Ok(field),
                Some(_) => {}
            }
        }
        let mut names = draft.counted.iter().chain(&draft.context);
        let rule = names.nth(number).map_or("", String::as_str);
        Err(fault(format!("alias `{name}` has no field for rule `{rule}`")))
    }

    /// The number of a rule's document.
    pub(super) fn document_of(&self, rule: Rule) -> Option<usize> {
        match rule {
            Rule::Plain(document) => Some(document),
            Rule::Correlation(detector) => {
                let id = &self.plan.detectors.get(detector)?.metadata.id;
                self.document_with_id(id)
            }
        }
    }

    /// Where a correlation's entity has the column `name`.
    fn position(&self, detector: usize, name: &str) -> Option<usize> {
        let columns = self.columns.get(detector)?;
        let core = Core::find(name);
        let same = |known: &String| known == name || (core.is_some() && Core::find(known) == core);
        columns.iter().position(same)
    }

    pub(super) fn groupable(&mut self, draft: &Draft<'_>, name: &str) -> Result<Field, Diagnostic> {
        let field = self.field(draft, name)?;
        if let Field::Core(core) = field
            && core.kind() != ColumnKind::Dictionary
        {
            let message = format!("cannot group by `{name}`, which is no text of few values");
            return Err(draft.document.fault_of("group-by", "group_by", message));
        }
        Ok(field)
    }

    /// The values that the draft's judge needs of its first `counted` rules.
    pub(super) fn measured(
        &mut self,
        draft: &Draft<'_>,
        rules: &[Rule],
        counted: usize,
    ) -> Result<Option<Measured>, Diagnostic> {
        let Some(kind) = judge::find(draft.judge).and_then(|judge| (judge.measure)(&draft.terms))
        else {
            return Ok(None);
        };
        let mut fields = Vec::new();
        for number in 0..counted {
            let mut own = Vec::new();
            for name in &draft.values {
                let name = self.name_in(draft, rules, name, number)?;
                let field = self.field(draft, name)?;
                if field == Field::Core(Core::EventTime) {
                    let message = format!("`{name}` is a time, whose values cannot be judged");
                    return Err(draft.document.fault_of("condition", "field", message));
                }
                own.push(field);
            }
            fields.push(own);
        }
        Ok(Some(Measured { kind, fields }))
    }

    /// The correlations among the rules, whose signals it asks for.
    pub(super) fn members(&mut self, rules: &[Rule], columns: &[Column]) -> Vec<Member> {
        let mut members = Vec::new();
        for (rule, number) in rules.iter().zip(0..) {
            let Rule::Correlation(detector) = *rule else { continue };
            let nth = members.len();
            let columns = columns.iter().filter_map(|column| column.positions.get(nth).copied());
            members.push(Member { detector, rule: number, columns: columns.collect() });
            if let Some(inner) = self.plan.detectors.get_mut(detector) {
                inner.terms.feeds = true;
            }
        }
        members
    }
}

/// The position of the bucket among the entity's columns.
pub(super) fn bucket_of(columns: &[Column]) -> Option<usize> {
    let is_bucket = |column: &Column| column.fields.first() == Some(&Field::Core(Core::Bucket));
    columns.iter().position(is_bucket)
}

/// The terms with the bucket whose keys are known, if they ask for it.
pub(super) fn with_bucket(
    mut terms: Terms,
    document: &Document,
    columns: &[Column],
) -> Result<Terms, Diagnostic> {
    let known = terms.spike.as_mut().and_then(|spike| spike.known.as_mut());
    if let Some(known) = known {
        let message = "`known` asks for the keys of a bucket: `group_by` must have `bucket`";
        known.bucket = bucket_of(columns).ok_or_else(|| document.fault("known", message))?;
    }
    Ok(terms)
}

/// Tells each detector by how much chains lengthen the time that its signals depend on, or are
/// needed for. Detectors come behind those that they refer to.
pub(super) fn lengthen(detectors: &mut [Detector]) {
    let span = |detectors: &[Detector], at: usize| {
        detectors.get(at).map_or(0, |d| d.terms.timespan.saturating_add(d.terms.chained))
    };
    let members = |detectors: &[Detector], at: usize| -> Vec<usize> {
        let members = detectors.get(at).map(|detector| detector.members.as_slice());
        members.unwrap_or_default().iter().map(|member| member.detector).collect()
    };
    for at in 0..detectors.len() {
        let inner = members(detectors, at).into_iter().map(|inner| span(detectors, inner)).max();
        if let (Some(detector), Some(inner)) = (detectors.get_mut(at), inner) {
            detector.terms.chained = inner;
        }
    }
    for at in (0..detectors.len()).rev() {
        let whole = span(detectors, at);
        for inner in members(detectors, at) {
            if let Some(inner) = detectors.get_mut(inner) {
                let rest = whole.saturating_sub(inner.terms.timespan);
                inner.terms.chained = inner.terms.chained.max(rest);
            }
        }
    }
}
