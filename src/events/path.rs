//! The trie of wanted paths. Each record is walked once; at every object only the keys that lead
//! somewhere are followed. Leaves are either *slots* (the fixed inputs of the core columns) or
//! *paths* (columns that the loaded rules ask for; 0…n values per record). Paths that rules ask for
//! of events of certain names only are extracted from those alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use simd_json::prelude::TypedScalarValue as _;
use simd_json::tape::Value;

use super::derived::derived_names;
use super::field::{Extract, PathColumn};
use super::lookup::{Fingerprint, Lookup};
use super::slots::{SLOTS, Slot, Slots};
use super::value;

/// Takes the values of rule paths.
pub(super) trait PathSink {
    /// One more value of path column `path` for the record at hand.
    fn path_value(&mut self, path: usize, text: &str);
}

/// A node of the trie.
#[derive(Debug, Default)]
struct Node {
    children: Vec<(Box<str>, Node)>,
    lookup: Lookup,
    slot: Option<Slot>,
    paths: Vec<usize>,
    /// Paths of which only the presence is asked for.
    presences: Vec<usize>,
    /// Keys wanted at any depth below (`**`), in lower case.
    anywhere: Vec<(Box<str>, usize)>,
}

impl Node {
    fn child(&self, key: &str) -> Option<&Self> {
        let print = Fingerprint::of(key);
        let Some(found) = self.lookup.find(print) else {
            return self.children.iter().find(|(name, _)| **name == *key).map(|(_, node)| node);
        };
        let (name, node) = self.children.get(found)?;
        (print.is_whole() || **name == *key).then_some(node)
    }

    fn child_mut(&mut self, key: &str) -> Option<&mut Self> {
        let known = self.children.iter().position(|(name, _)| **name == *key);
        let at = known.unwrap_or_else(|| {
            self.children.push((key.into(), Self::default()));
            self.children.len() - 1
        });
        self.children.get_mut(at).map(|(_, node)| node)
    }

    /// Builds the look-ups of the finished trie.
    fn index(&mut self) {
        let prints: Vec<Fingerprint> =
            self.children.iter().map(|(name, _)| Fingerprint::of(name)).collect();
        self.lookup = Lookup::new(&prints);
        self.children.iter_mut().for_each(|(_, node)| node.index());
    }
}

/// The compiled union of all wanted paths.
#[derive(Debug)]
pub(super) struct Trie {
    /// For events of every name, then for those of some names.
    roots: Vec<Root>,
    /// By name in lower case: which root.
    by_name: HashMap<Box<str>, usize>,
    /// The root of events whose names are not ASCII: it has all columns.
    everything: usize,
}

/// What is wanted of an event.
#[derive(Debug, Default)]
struct Root {
    node: Node,
    /// Columns that get every scalar of the record.
    keywords: Vec<usize>,
    /// Whether it has no columns, but the slots alone.
    wants_nothing: bool,
}

/// Names of events that are this long are looked up without allocation.
const SHORT_NAME: usize = 64;

impl Trie {
    /// Compiles the core slots and the columns, which are reported by their position.
    pub(super) fn new(columns: &[PathColumn]) -> Self {
        let wanted_by = |name: Option<&str>| -> Vec<usize> {
            let is_wanted = |column: &PathColumn| match (&column.events, name) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(events), Some(name)) => events.contains(name),
            };
            let numbered = columns.iter().enumerate();
            numbered.filter(|(_, column)| is_wanted(column)).map(|(number, _)| number).collect()
        };
        let mut known: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
        let mut roots = Vec::new();
        let mut root_of = |wanted: Vec<usize>| {
            *known.entry(wanted).or_insert_with_key(|wanted| {
                roots.push(Root::new(columns, wanted));
                roots.len() - 1
            })
        };
        root_of(wanted_by(None));
        let names: BTreeSet<&String> = columns.iter().flat_map(|c| &c.events).flatten().collect();
        let by_name = names.into_iter().map(|name| {
            let root = root_of(wanted_by(Some(name)));
            (name.as_str().into(), root)
        });
        let by_name = by_name.collect();
        let everything = root_of((0..columns.len()).collect());
        Self { roots, by_name, everything }
    }

    /// Whether no column is wanted of events of this name.
    pub(super) fn wants_nothing_of(&self, name: Option<&str>) -> bool {
        let root = name.and_then(|name| self.root_of_name(name)).unwrap_or(0);
        self.roots.get(root).is_some_and(|root| root.wants_nothing)
    }

    /// Walks one record: fills the slots and reports the values of the rule paths.
    pub(super) fn walk<'t, 'i>(
        &self,
        record: Value<'t, 'i>,
        slots: &mut Slots<'t, 'i>,
        paths: &mut impl PathSink,
    ) {
        let named = if self.by_name.is_empty() { None } else { self.root_of(record) };
        let Some(root) = self.roots.get(named.unwrap_or(0)) else { return };
        walk_node(&root.node, record, slots, paths);
        for path in &root.keywords {
            report_scalars(*path, record, paths);
        }
    }

    fn root_of(&self, record: Value<'_, '_>) -> Option<usize> {
        self.root_of_name(&value::text(record.get("eventName")?)?)
    }

    fn root_of_name(&self, name: &str) -> Option<usize> {
        if !name.is_ascii() {
            // Letters of many alphabets fold to ASCII ones.
            return Some(self.everything);
        }
        let mut short = [0; SHORT_NAME];
        let Some(lower) = short.get_mut(..name.len()) else {
            return self.by_name.get(name.to_ascii_lowercase().as_str()).copied();
        };
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        self.by_name.get(std::str::from_utf8(lower).ok()?).copied()
    }
}

impl Root {
    fn new(columns: &[PathColumn], wanted: &[usize]) -> Self {
        let mut root = Self { wants_nothing: wanted.is_empty(), ..Self::default() };
        for (path, slot) in SLOTS {
            if let Some(node) = descend(&mut root.node, path) {
                node.slot = Some(*slot);
            }
        }
        for number in wanted {
            if let Some(column) = columns.get(*number) {
                root.add(*number, column);
            }
        }
        root.node.index();
        root
    }

    fn add(&mut self, number: usize, column: &PathColumn) {
        let path = column.path.as_str();
        match (column.extract, split_anywhere(path)) {
            (Extract::Keywords, _) => self.keywords.push(number),
            // Worked out from slots, not copied from a path.
            _ if derived_names().any(|derived| derived == path) => {}
            (_, Some((parent, key))) => {
                if let Some(node) = descend(&mut self.node, parent) {
                    node.anywhere.push((key.to_lowercase().into(), number));
                }
            }
            (extract, None) => {
                for node in literal_keys(path) {
                    let Some(node) = descend_keys(&mut self.node, &node) else { continue };
                    let columns = match extract {
                        Extract::Presence => &mut node.presences,
                        _ => &mut node.paths,
                    };
                    columns.push(number);
                }
            }
        }
    }
}

/// A longer path is read in one way only.
const MAX_LITERAL_PARTS: usize = 16;

/// The ways of reading a dotted path: its parts as keys, and the last ones as one key with dots in
/// it (`…attributes.www.amazon.com:app_id`).
fn literal_keys(path: &str) -> Vec<Vec<&str>> {
    let parts: Vec<&str> = path.split('.').collect();
    let mut rest = path;
    let mut ways = vec![parts.clone()];
    if parts.len() > MAX_LITERAL_PARTS {
        return ways;
    }
    for (number, part) in parts.iter().enumerate().take(parts.len().saturating_sub(1)) {
        ways.push(parts.iter().take(number).copied().chain([rest]).collect());
        rest = rest.get(part.len() + 1..).unwrap_or_default();
    }
    ways
}

fn descend_keys<'n>(root: &'n mut Node, keys: &[&str]) -> Option<&'n mut Node> {
    keys.iter().try_fold(root, |node, key| node.child_mut(key))
}

/// `a.b.**.key` → (`a.b`, `key`); `**.key` → (``, `key`).
fn split_anywhere(path: &str) -> Option<(&str, &str)> {
    let (parent, key) = path.rsplit_once("**.")?;
    Some((parent.strip_suffix('.').unwrap_or(parent), key))
}

fn descend<'n>(root: &'n mut Node, path: &str) -> Option<&'n mut Node> {
    path.split('.').filter(|part| !part.is_empty()).try_fold(root, Node::child_mut)
}

fn walk_node<'t, 'i>(
    node: &Node,
    value: Value<'t, 'i>,
    slots: &mut Slots<'t, 'i>,
    paths: &mut impl PathSink,
) {
    if let Some(object) = value.as_object() {
        for (key, inner) in &object {
            if let Some(child) = node.child(key) {
                visit(child, inner, slots, paths);
            }
        }
        for (key, path) in &node.anywhere {
            walk_anywhere(key, *path, value, paths);
        }
    } else if let Some(array) = value.as_array() {
        for inner in &array {
            walk_node(node, inner, slots, paths);
        }
    }
}

fn visit<'t, 'i>(
    node: &Node,
    value: Value<'t, 'i>,
    slots: &mut Slots<'t, 'i>,
    paths: &mut impl PathSink,
) {
    if let Some(slot) = node.slot {
        slots.set(slot, value);
    }
    for path in &node.paths {
        report(*path, value, paths);
    }
    for path in &node.presences {
        report_presence(*path, value, paths);
    }
    if !(node.children.is_empty() && node.anywhere.is_empty()) {
        walk_node(node, value, slots, paths);
    }
}

/// Reports the scalars of a leaf; a list gives each of its elements, an object its text.
fn report(path: usize, value: Value<'_, '_>, paths: &mut impl PathSink) {
    if let Some(array) = value.as_array() {
        for inner in &array {
            report(path, inner, paths);
        }
    } else if value.is_object() {
        report_object(path, value, paths);
    } else if let Some(text) = value::text(value) {
        paths.path_value(path, &text);
    }
}

/// An object as compact JSON, and the same with its texts as they are, without escapes: policies
/// stand as JSON in texts.
fn report_object(path: usize, value: Value<'_, '_>, paths: &mut impl PathSink) {
    let (mut escaped, mut plain) = (String::new(), String::new());
    value::json(value, true, &mut escaped);
    value::json(value, false, &mut plain);
    paths.path_value(path, &escaped);
    if plain != escaped {
        paths.path_value(path, &plain);
    }
}

/// What a present value is, for rules that ask no more: `null`, or `value`.
fn report_presence(path: usize, value: Value<'_, '_>, paths: &mut impl PathSink) {
    if !value.is_null() {
        paths.path_value(path, VALUE);
    }
    if has_null(value) {
        paths.path_value(path, NULL);
    }
}

/// Whether it is null, or a list with a null in it, at whatever depth.
fn has_null(value: Value<'_, '_>) -> bool {
    value.is_null() || value.as_array().is_some_and(|list| list.iter().any(has_null))
}

/// What a presence column says of a null.
pub(super) const NULL: &str = "null";
/// What a presence column says of any other value.
pub(super) const VALUE: &str = "value";

/// Reports every scalar of a record.
fn report_scalars(path: usize, value: Value<'_, '_>, paths: &mut impl PathSink) {
    if let Some(object) = value.as_object() {
        for (_, inner) in &object {
            report_scalars(path, inner, paths);
        }
    } else if let Some(array) = value.as_array() {
        for inner in &array {
            report_scalars(path, inner, paths);
        }
    } else if let Some(text) = value::text(value) {
        paths.path_value(path, &text);
    }
}

/// Reports every value under `key` at any depth. The depth is bounded by the decoder's limit.
fn walk_anywhere(key: &str, path: usize, value: Value<'_, '_>, paths: &mut impl PathSink) {
    if let Some(object) = value.as_object() {
        for (name, inner) in &object {
            if name.eq_ignore_ascii_case(key) {
                report(path, inner, paths);
            }
            walk_anywhere(key, path, inner, paths);
        }
    } else if let Some(array) = value.as_array() {
        for inner in &array {
            walk_anywhere(key, path, inner, paths);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Found(Vec<(usize, String)>);

    impl PathSink for Found {
        fn path_value(&mut self, path: usize, text: &str) {
            self.0.push((path, text.to_owned()));
        }
    }

    fn walk(json: &str, paths: &[&str]) -> (Option<String>, Vec<(usize, String)>) {
        let columns: Vec<PathColumn> = paths.iter().map(|path| PathColumn::values(path)).collect();
        let trie = Trie::new(&columns);
        let mut bytes = json.as_bytes().to_vec();
        let tape = simd_json::to_tape(&mut bytes).unwrap();
        let mut slots = Slots::new();
        let mut found = Found::default();
        trie.walk(tape.as_value(), &mut slots, &mut found);
        (slots.string(Slot::BucketName).map(str::to_owned), found.0)
    }

    #[test]
    fn slots_and_paths_are_found_in_one_walk() {
        let json = r#"{"requestParameters":{"bucketName":"b","x":{"y":"z"}},"other":1}"#;
        let (bucket, found) = walk(json, &["requestParameters.x.y", "other", "missing.path"]);
        assert_eq!(bucket.as_deref(), Some("b"));
        assert_eq!(found, [(0, "z".into()), (1, "1".into())]);
    }

    #[test]
    fn a_path_through_lists_gives_every_element() {
        let json = r#"{"a":[{"b":"1"},{"b":["2",3]},{"c":4}]}"#;
        let (_, found) = walk(json, &["a.b"]);
        assert_eq!(found, [(0, "1".into()), (0, "2".into()), (0, "3".into())]);
    }

    #[test]
    fn keys_that_look_alike_are_told_apart() {
        let keys = ["abcdefgh-1-abcdefgh", "abcdefgh-2-abcdefgh", "a", "b", "", "abcd", "abcdefg"];
        for wanted in keys.iter().filter(|key| !key.is_empty()) {
            let pairs: Vec<String> = keys.iter().map(|key| format!("{key:?}:{key:?}")).collect();
            let json = format!("{{\"top\":{{{}}}}}", pairs.join(","));
            let (_, found) = walk(&json, &[&format!("top.{wanted}"), "top.abcdefgh-2-abcdefgh"]);
            assert!(found.contains(&(0, (*wanted).to_owned())), "{wanted}: {found:?}");
            assert!(found.contains(&(1, keys[1].to_owned())), "{wanted}: {found:?}");
            assert_eq!(found.len(), 2);
        }
    }

    #[test]
    fn anywhere_ignores_depth_and_case() {
        let json = r#"{"r":{"URI":"top","x":[{"uri":"deep"}]},"uri":"outside"}"#;
        let (_, found) = walk(json, &["r.**.Uri"]);
        assert_eq!(found, [(0, "top".into()), (0, "deep".into())]);
    }

    #[test]
    fn keys_with_dots_objects_and_presence_are_found() {
        let json = r#"{"a":{"b.c":1,"b":{"c":2,"d":{"x":"\"q"}}},"a.b.c":3,"n":[null,1]}"#;
        assert_eq!(walk(json, &["a.b.c"]).1, [(0, "1".into()), (0, "2".into()), (0, "3".into())]);
        let texts = [(0, r#"{"x":"\"q"}"#.into()), (0, r#"{"x":""q"}"#.into())];
        assert_eq!(walk(json, &["a.b.d"]).1, texts);
        let mut presence = PathColumn::values("n");
        presence.extract = Extract::Presence;
        let trie = Trie::new(&[presence]);
        let mut bytes = json.as_bytes().to_vec();
        let tape = simd_json::to_tape(&mut bytes).unwrap();
        let mut found = Found::default();
        trie.walk(tape.as_value(), &mut Slots::new(), &mut found);
        assert_eq!(found.0, [(0, VALUE.into()), (0, NULL.into())]);
    }

    #[test]
    fn paths_of_some_events_are_not_looked_for_in_others() {
        let mut some = PathColumn::values("x");
        some.events = Some(["getobject".to_owned()].into());
        let trie = Trie::new(&[some, PathColumn::values("y")]);
        for (name, expected) in [("GetObject", 2), ("PutObject", 1), ("\u{212a}", 2)] {
            let mut bytes = format!(r#"{{"x":1,"eventName":"{name}","y":2}}"#).into_bytes();
            let tape = simd_json::to_tape(&mut bytes).unwrap();
            let mut found = Found::default();
            trie.walk(tape.as_value(), &mut Slots::new(), &mut found);
            assert_eq!(found.0.len(), expected, "{name}");
        }
    }

    #[test]
    fn the_last_of_duplicate_keys_wins_in_a_slot() {
        let json = r#"{"requestParameters":{"bucketName":"a","bucketName":"b"}}"#;
        assert_eq!(walk(json, &[]).0.as_deref(), Some("b"));
    }
}
