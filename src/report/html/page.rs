//! The page itself: a template with everything that reads without scripts, and beside it the data
//! for the scripts. What comes from logs is escaped on each way in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, State, Value as Shown, context, escape_formatter};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::actors;
use super::coverage::Coverage;
use super::findings::{Findings, MOST};
use super::losses::Losses;
use super::zone::Zone;
use crate::error::{Error, Result};
use crate::findings::SeverityLabel;
use crate::report::escape::visible;
use crate::report::terminal::number;

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = concat!(include_str!("uplot/uPlot.min.css"), include_str!("page.css"));
/// The library that draws the charts, with its licence.
const CHARTS: &str = concat!(
    "/*!\n",
    include_str!("uplot/LICENSE"),
    "*/\n",
    include_str!("uplot/uPlot.iife.min.js"),
);
/// One script, in the order in which its parts need each other.
const SCRIPT: &str = concat!(
    "'use strict';\n",
    include_str!("script/data.js"),
    include_str!("script/filter.js"),
    include_str!("script/timeline.js"),
    include_str!("script/table.js"),
    include_str!("script/details.js"),
    include_str!("script/page.js"),
);

/// What a page is made of.
pub(super) struct Parts {
    /// The file that the findings are from.
    pub file: &'static str,
    /// run.json.
    pub run: Value,
    pub found: Findings,
    pub coverage: Coverage,
    pub losses: Losses,
    pub zone: Zone,
}

/// The HTML.
pub(super) fn render(parts: &Parts) -> Result<String> {
    let Parts { file, run, found, coverage, losses, zone } = parts;
    let event = |name: &str| {
        let time: Option<Timestamp> = run.get(name)?.as_str()?.parse().ok();
        time.map(Timestamp::as_microsecond)
    };
    let values = context! {
        csp => policy(),
        style => Shown::from_safe_string(STYLE.to_owned()),
        charts => Shown::from_safe_string(CHARTS.to_owned()),
        script => Shown::from_safe_string(SCRIPT.to_owned()),
        data => Shown::from_safe_string(data(parts)?),
        file => *file,
        run => Serde(run),
        first => event("first_event"),
        last => event("last_event"),
        zone => zone.name.as_str(),
        counts => Serde(&found.counts),
        visible => found.counts.visible(),
        left => Serde(&found.left),
        left_out => found.left_out(),
        most => MOST,
        actors => Serde(found.actors.first()),
        more_actors => found.actors.len().saturating_sub(actors::SHOWN),
        accounts => Serde(coverage.first()),
        all_accounts => coverage.accounts(),
        appearances => appearances(run),
        losses => Serde(losses),
    };
    let environment = environment(zone)?;
    let page = environment.get_template("page.html").and_then(|page| page.render(values));
    page.map_err(broken)
}

/// How many first appearances were listed and not judged.
fn appearances(run: &Value) -> u64 {
    let counts = run.get("first_appearances").and_then(Value::as_object);
    counts.into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum()
}

/// Nothing but what is in the file: the own scripts and style by their hashes, and no text may
/// become HTML.
fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    let (charts, script, style) = (hash(CHARTS), hash(SCRIPT), hash(STYLE));
    format!(
        "default-src 'none'; script-src {charts} {script}; style-src {style}; base-uri 'none'; \
         form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

/// JSON that may stand in a script: nothing in it ends one, or begins a comment.
fn data(parts: &Parts) -> Result<String> {
    let Parts { file, found, coverage, zone, .. } = parts;
    let text = format!(
        "{{\"file\":{},\"zone\":{},\"texts\":{},\"findings\":{},\"coverage\":{}}}",
        serde_json::to_string(file)?,
        serde_json::to_string(zone)?,
        serde_json::to_string(found.texts.all())?,
        found.json()?,
        serde_json::to_string(&coverage.json())?,
    );
    Ok(text.replace('<', "\\u003c"))
}

fn environment(zone: &Zone) -> Result<Environment<'static>> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.map_err(broken)?);
    environment.set_formatter(|out, state: &mut State<'_, '_>, value| {
        match value.as_str().filter(|_| !value.is_safe()) {
            Some(text) => escape_formatter(out, state, &Shown::from(visible(text).into_owned())),
            None => escape_formatter(out, state, value),
        }
    });
    environment.add_filter("number", |count: i64| number(count.unsigned_abs()));
    environment.add_filter("count", |count: i64, noun: &str, nouns: Option<String>| {
        let many = nouns.unwrap_or_else(|| format!("{noun}s"));
        let noun = if count == 1 { noun } else { many.as_str() };
        format!("{} {noun}", number(count.unsigned_abs()))
    });
    let own = zone.clone();
    environment.add_filter("time", move |micros: i64| own.text(micros));
    let zone = zone.clone();
    environment.add_filter("when", move |text: &str| {
        let time = text.parse::<Timestamp>();
        time.map_or_else(|_| text.to_owned(), |time| zone.text(time.as_microsecond()))
    });
    environment.add_filter("label", |severity: f64| SeverityLabel::of(severity).as_str());
    environment.add_template("page.html", TEMPLATE).map_err(broken)?;
    Ok(environment)
}

/// The template is ours: what is wrong with it is a bug, unless run.json is not ours.
#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn broken(error: minijinja::Error) -> Error {
    Error::Usage(format!("the report cannot be made of this run.json: {error:#}"))
}
