//! Long lines on a terminal: broken at spaces, with what follows below what begins the text.

use std::io::{self, Write};

use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

/// The narrowest terminal that lines are broken for.
const NARROWEST: usize = 40;
/// Broader lines are hard to read.
const BROADEST: usize = 120;
/// Where the texts begin, behind their names.
const INDENT: &str = "            ";

/// Writes what `write` writes, with lines broken for a terminal of `width` columns, if it is one.
/// Lines that say what to do next stay whole, since commands are copied from them.
pub(super) fn wrapped(
    width: Option<usize>,
    out: &mut dyn Write,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let Some(width) = width.filter(|width| *width >= NARROWEST) else { return write(out) };
    let mut text = Vec::new();
    write(&mut text)?;
    let options = Options::new(width.min(BROADEST))
        .subsequent_indent(INDENT)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit);
    for line in String::from_utf8_lossy(&text).lines() {
        if line.starts_with("  next ") || line.starts_with("  trailsift ") {
            writeln!(out, "{line}")?;
        } else {
            writeln!(out, "{}", textwrap::fill(line, &options))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

    use super::*;

    fn at(width: Option<usize>, text: &str) -> String {
        let mut out = Vec::new();
        wrapped(width, &mut out, |out| out.write_all(text.as_bytes())).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn words_are_never_broken_and_commands_stay_whole() {
        let long = format!("  what      {}\n", "five5 ".repeat(30).trim_end());
        let shown = at(Some(80), &long);
        assert!(shown.lines().all(|line| line.len() <= 80), "{shown}");
        assert!(shown.lines().skip(1).all(|line| line.starts_with("            five5")), "{shown}");
        let next = long.replace("what", "next");
        assert_eq!(at(Some(80), &next), next);
        let word = format!("  who       {}\n", "x".repeat(100));
        assert!(at(Some(80), &word).contains(&"x".repeat(100)));
        assert_eq!(at(None, &long), long);
    }
}
