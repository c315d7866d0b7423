//! Bounds on detector files, looked at before anything is built of them: a few lines of aliases of
//! aliases can ask for more nodes than there is memory for, and what nests is read by code that
//! recurses. In comes the text, out goes what is too much, if anything is.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, Span};

use super::diagnostic::Diagnostic;

/// The longest file, in bytes.
const BYTES: usize = 1 << 20;
/// The most documents of a file.
const DOCUMENTS: u64 = 1_000;
/// The most nodes of a file; what an alias stands for counts each time.
const NODES: u64 = 100_000;
/// The most levels of nesting.
const DEPTH: usize = 64;
/// The most negations in a condition: each is one level of its syntax tree.
const NEGATIONS: usize = 1_000;

/// What the nodes of a file come to.
#[derive(Default)]
struct Count {
    documents: u64,
    nodes: u64,
    /// The anchor of each open node, and how many nodes there were before it.
    open: Vec<(usize, u64)>,
    /// How many nodes an alias stands for.
    anchored: BTreeMap<usize, u64>,
}

/// Refuses a file that is too large for any detector. Syntax errors are left to the reader.
///
/// # Errors
/// A diagnostic with the place where it becomes too large.
pub(super) fn check(file: &str, text: &str) -> Result<(), Diagnostic> {
    if text.len() > BYTES {
        let message = format!("a detector file has at most {BYTES} bytes");
        return Err(Diagnostic::of_file(file, "too_large", message));
    }
    let mut count = Count::default();
    for (event, span) in Parser::new_from_str(text).map_while(Result::ok) {
        count.add(&event);
        if let Some(message) = count.excess(&event) {
            return Err(Diagnostic::at(file, place(span), "too_large", message));
        }
    }
    Ok(())
}

fn place(span: Span) -> (usize, usize) {
    (span.start.line(), span.start.col() + 1)
}

impl Count {
    fn add(&mut self, event: &Event<'_>) {
        match event {
            Event::DocumentStart(_) => self.documents += 1,
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                self.open.push((*anchor, self.nodes));
                self.nodes += 1;
            }
            Event::Scalar(_, _, anchor, _) => {
                self.nodes += 1;
                self.anchored.insert(*anchor, 1);
            }
            Event::Alias(anchor) => {
                let nodes = self.anchored.get(anchor).copied().unwrap_or(1);
                self.nodes = self.nodes.saturating_add(nodes);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some((anchor, before)) = self.open.pop() {
                    self.anchored.insert(anchor, self.nodes - before);
                }
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
    }

    /// What is too much, now that the event is counted.
    fn excess(&self, event: &Event<'_>) -> Option<String> {
        if self.documents > DOCUMENTS {
            return Some(format!("a detector file has at most {DOCUMENTS} documents"));
        }
        if self.nodes > NODES {
            let what = "values, those that aliases repeat counted each time";
            return Some(format!("a detector file has at most {NODES} {what}"));
        }
        if self.open.len() > DEPTH {
            return Some(format!("nested deeper than {DEPTH} levels"));
        }
        let negations = |text: &str| text.matches("not").nth(NEGATIONS).is_some();
        let negated = matches!(event, Event::Scalar(text, ..) if negations(text));
        negated.then(|| format!("a condition has at most {NEGATIONS} negations"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<String> {
        check("x.yml", text).err().map(|diagnostic| diagnostic.to_string())
    }

    #[test]
    fn what_grows_without_bound_is_refused() {
        let mut laughs = "- &x0 [lol]\n".to_owned();
        for n in 1..30 {
            let aliases = vec![format!("*x{}", n - 1); 9].join(", ");
            laughs.extend(["- &x", &n.to_string(), " [", &aliases, "]\n"]);
        }
        let cases = [
            (laughs, "values, those that aliases repeat"),
            (format!("a: {}{}", "[".repeat(65), "]".repeat(65)), "nested deeper"),
            ("--- a\n".repeat(1_001), "documents"),
            (format!("condition: {}a", "not ".repeat(1_001)), "negations"),
            (" ".repeat(BYTES + 1), "bytes"),
        ];
        for (text, word) in cases {
            let refused = refused(&text).unwrap();
            assert!(refused.contains(word), "{refused}");
        }
    }

    #[test]
    fn what_is_compiled_is_bounded() {
        let diagnostics = |condition: &str, more: &str| {
            let text = format!(
                "title: t\nname: one\nlogsource: {{product: aws}}\ndetection:\n  \
                 s: {{eventName: [{}]}}\n  condition: {condition}\n{more}",
                "x, ".repeat(1_000)
            );
            let file = super::super::RuleFile {
                name: "x.yml".to_owned(),
                text,
                page: None,
                shipped: false,
            };
            let plan = super::super::Plan::compile(&[file]);
            plan.diagnostics.iter().map(ToString::to_string).collect::<String>()
        };
        let many = "---\ntitle: m\nname: many\ncorrelation: {type: event_count, rules: [one], \
                    group-by: [principal], condition: {gte: 1}, timespan: ";
        assert_eq!(diagnostics("s", &format!("{many}1y}}")), "");
        let cases = [
            (diagnostics(&format!("{}s", "s or ".repeat(100)), ""), "more than 100000 values"),
            (diagnostics("s", &format!("{many}9999999999w}}")), "at most 366 days"),
            (diagnostics("s", "trailsift: {lookback_days: 36526}"), "at most 36525"),
        ];
        for (said, word) in cases {
            assert!(said.contains(word), "{said}");
        }
    }

    #[test]
    fn detectors_are_small_and_syntax_is_not_looked_at() {
        for file in super::super::shipped() {
            assert_eq!(refused(&file.text), None);
        }
        assert_eq!(refused("a: &x [1, *x]\nb: *y"), None);
        assert_eq!(refused("a: ["), None);
    }
}
