//! The two engines behind one face: rules and events in, verdicts out.

use std::collections::BTreeMap;
use std::sync::Arc;

use rsigma_eval::event::JsonEvent;
use rsigma_eval::{CompiledRule, compile_rule, evaluate_rule};
use rsigma_parser::{SigmaRule, parse_sigma_yaml};
use serde_json::Value;
use trailsift::detect::rules::{Diagnostic, Plan, RuleFile};
use trailsift::detect::select::Placeholders;
use trailsift::events::{BatchBuilder, EventBatch, Wanted};

use super::words::PLACEHOLDERS;

/// What trailsift says of events.
pub struct Verdicts {
    /// By file, then by event; `None`: the file gave no detector.
    pub by_file: Vec<Option<Vec<bool>>>,
    pub diagnostics: Vec<Diagnostic>,
}

/// A rule file of the user's.
pub fn file(name: &str, text: &str) -> RuleFile {
    RuleFile { name: name.to_owned(), text: text.to_owned(), page: None, shipped: false }
}

/// Compiles the files into one plan and evaluates it over one batch.
pub fn trailsift(files: &[RuleFile], events: &[Value]) -> Verdicts {
    let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let placeholders = PLACEHOLDERS.iter().map(|(name, texts)| ((*name).to_owned(), list(texts)));
    let plan = plan(files, &placeholders.collect());
    let masks = masks(&plan, &batch(&plan, events));
    let verdict = |file: &RuleFile| {
        let detector = plan.detectors.iter().find(|found| found.metadata.file == file.name)?;
        let selection = plan.folds[detector.fold].rules[0];
        Some(masks[selection].clone())
    };
    Verdicts { by_file: files.iter().map(verdict).collect(), diagnostics: plan.diagnostics.clone() }
}

/// By the names of rules: what trailsift says of the events.
pub fn named_verdicts(
    files: &[RuleFile],
    placeholders: &Placeholders,
    events: &[Value],
) -> (BTreeMap<String, Vec<bool>>, Vec<Diagnostic>) {
    let plan = plan(files, placeholders);
    let masks = masks(&plan, &batch(&plan, events));
    let verdicts = plan.detectors.iter().map(|detector| {
        let selection = plan.folds[detector.fold].rules[0];
        (detector.metadata.id.clone(), masks[selection].clone())
    });
    (verdicts.collect(), plan.diagnostics.clone())
}

/// The plan of the files.
pub fn plan(files: &[RuleFile], placeholders: &Placeholders) -> Plan {
    Plan::compile_with(files, placeholders, None, &trailsift::intel::Available::everything())
}

/// Which events each selection holds for, by its number.
fn masks(plan: &Plan, batch: &EventBatch) -> Vec<Vec<bool>> {
    plan.masks(batch).iter().map(|mask| mask.iter().collect()).collect()
}

fn batch(plan: &Plan, events: &[Value]) -> EventBatch {
    let mut builder = BatchBuilder::new(&plan.fields);
    builder.start_object(Arc::from("events.json"));
    for (number, event) in (0..).zip(events) {
        let mut bytes = event.to_string().into_bytes();
        let tape = simd_json::to_tape(&mut bytes).unwrap();
        builder.append(number, tape.as_value(), |_| Wanted::Event).unwrap();
    }
    builder.finish().unwrap()
}

/// A rule as rsigma-eval runs it.
pub struct Oracle {
    pub rule: SigmaRule,
    compiled: CompiledRule,
}

impl Oracle {
    /// Compiles the only rule of the text.
    pub fn new(text: &str) -> Result<Self, String> {
        let mut parsed = parse_sigma_yaml(text).map_err(|error| error.to_string())?;
        let rule = parsed.rules.pop().ok_or_else(|| parsed.errors.join("; "))?;
        Self::of(rule)
    }

    /// Compiles a rule.
    pub fn of(rule: SigmaRule) -> Result<Self, String> {
        let compiled = compile_rule(&rule).map_err(|error| error.to_string())?;
        Ok(Self { rule, compiled })
    }

    pub fn holds(&self, event: &Value) -> bool {
        evaluate_rule(&self.compiled, &JsonEvent::borrow(event)).is_some()
    }
}
