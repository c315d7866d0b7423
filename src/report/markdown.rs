//! A detector's page as plain text: what a reader wants of Markdown on a terminal.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::escape::escaped;
use super::table::table;

/// Longest line of running text.
const WIDTH: usize = 88;

/// Renders Markdown as text: headings, paragraphs and lists wrapped, tables in columns, links as
/// their text. Nothing in it can steer a terminal.
pub(super) fn plain(page: &str) -> String {
    let mut writer = Writer::default();
    for event in Parser::new_ext(page, Options::ENABLE_TABLES) {
        writer.event(event);
    }
    writer.shown.trim_end().to_owned() + "\n"
}

#[derive(Default)]
struct Writer {
    shown: String,
    /// The block being read.
    text: String,
    /// Numbers of the lists that are open; none for bullets.
    lists: Vec<Option<u64>>,
    /// What stands before the next item's text.
    marker: Option<String>,
    row: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Writer {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Code(text) => self.text.push_str(&text),
            Event::SoftBreak | Event::HardBreak => self.text.push(' '),
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::List(first) => {
                self.block();
                self.lists.push(*first);
            }
            Tag::Item => self.marker = Some(self.next_marker()),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => {
                let heading = escaped(self.text.trim()).into_owned();
                self.text.clear();
                self.shown.push_str(&(heading.to_uppercase() + "\n\n"));
            }
            TagEnd::Paragraph | TagEnd::Item => self.block(),
            TagEnd::List(_) => {
                self.lists.pop();
                if self.lists.is_empty() {
                    self.shown.push('\n');
                }
            }
            TagEnd::CodeBlock => {
                for line in std::mem::take(&mut self.text).lines() {
                    self.shown.extend(["    ", &escaped(line), "\n"]);
                }
                self.shown.push('\n');
            }
            TagEnd::TableCell => self.row.push(std::mem::take(&mut self.text)),
            TagEnd::TableHead | TagEnd::TableRow => self.rows.push(std::mem::take(&mut self.row)),
            TagEnd::Table => self.table(),
            _ => {}
        }
    }

    fn next_marker(&mut self) -> String {
        match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{}. ", *number - 1)
            }
            _ => "- ".to_owned(),
        }
    }

    /// Writes the text read so far as a wrapped block.
    fn block(&mut self) {
        let text = std::mem::take(&mut self.text);
        if text.trim().is_empty() {
            return;
        }
        let indent = "  ".repeat(self.lists.len().saturating_sub(1));
        let marker = self.marker.take().unwrap_or_default();
        let first = format!("{indent}{marker}");
        let rest = " ".repeat(first.chars().count());
        self.shown.push_str(&wrapped(&text, &first, &rest));
        if self.lists.is_empty() {
            self.shown.push('\n');
        }
    }

    fn table(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        let Some((head, body)) = rows.split_first() else { return };
        let table = table(head.iter().map(String::as_str), body.iter().cloned());
        self.shown.push_str(&(table.trim_fmt() + "\n\n"));
    }
}

/// Words in lines of at most [`WIDTH`] characters; longer words stand alone.
pub(super) fn wrapped(text: &str, first: &str, rest: &str) -> String {
    let mut shown = String::new();
    let mut line = first.to_owned();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        let word = escaped(word);
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            shown.push_str(line.trim_end());
            shown.push('\n');
            rest.clone_into(&mut line);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(&word);
        is_empty = false;
    }
    shown.push_str(line.trim_end());
    shown.push('\n');
    shown
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_page_reads_as_text() {
        let page = "# Deleted\n\n## The attack\nSomeone with a `key`\ndeletes [all](x).\n\n1. Look.\n2. Ask.\n\n- a\n  - b\n\n| x | y |\n|---|---|\n| 1 | two\u{1b}[31m |\n\n```\ncode  here\n```\n";
        let shown = plain(page);
        let expected = "DELETED\n\nTHE ATTACK\n\nSomeone with a key deletes all.\n\n1. Look.\n2. Ask.\n\n- a\n  - b\n\nx  y\n1  two\\u{1b}[31m\n\n    code  here\n";
        assert_eq!(shown, expected);
    }

    #[test]
    fn long_lines_are_wrapped_under_their_item() {
        let shown = plain(&format!("- {}", "word ".repeat(30)));
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines.len(), 2, "{shown}");
        assert!(lines[0].starts_with("- word") && lines[1].starts_with("  word"), "{shown}");
    }
}
