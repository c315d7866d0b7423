//! Log values are written by attackers: what could steer a terminal or reorder text never reaches
//! it raw.

use std::borrow::Cow;
use std::fmt::Write;

/// Longest value shown, in characters.
const LONGEST: usize = 300;

/// The text with control and text-direction characters as `\u{…}`, cut to 300 characters.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(LONGEST) {
        None => visible(text),
        Some((end, _)) => {
            let start = text.get(..end).unwrap_or_default();
            Cow::Owned(format!("{}…", visible(start)))
        }
    }
}

/// The whole text with control and text-direction characters as `\u{…}`.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_unsafe(character) {
            // Writing to a String cannot fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Our own sentences may be longer than a single log value: each word is escaped by itself.
pub(super) fn escaped_long(text: &str) -> String {
    text.split_inclusive(' ').map(escaped).collect()
}

/// C0, DEL and C1 controls, line and paragraph separators, and the format characters that reorder
/// or hide text (Unicode UAX #9, and the zero-width ones).
fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_survives() {
        let hostile = "a\u{1b}[31mred\u{7}\r\n\u{202e}txt\u{9b}0m\u{200b}";
        let shown = escaped(hostile);
        assert_eq!(shown, "a\\u{1b}[31mred\\u{7}\\u{d}\\u{a}\\u{202e}txt\\u{9b}0m\\u{200b}");
        assert!(!shown.chars().any(is_unsafe));
    }

    #[test]
    fn plain_text_is_left_alone_and_long_text_is_cut() {
        assert!(matches!(escaped("bücher/2024"), Cow::Borrowed("bücher/2024")));
        assert_eq!(escaped(&"x".repeat(1_000)).chars().count(), LONGEST + 1);
    }
}
