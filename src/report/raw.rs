//! A record's text laid out for reading: a member a line. Only white space between tokens changes:
//! numbers, names and their order stay as they were written.

/// The JSON text with line ends and indents.
pub(super) fn laid_out(json: &str) -> String {
    let mut shown = String::with_capacity(json.len() * 2);
    let mut depth = 0_usize;
    let mut rest = json.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '"' => {
                shown.push('"');
                string(&mut rest, &mut shown);
            }
            '{' | '[' => {
                shown.push(character);
                while rest.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(end) = rest.next_if(|next| matches!(next, '}' | ']')) {
                    shown.push(end);
                } else {
                    depth += 1;
                    new_line(depth, &mut shown);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(depth, &mut shown);
                shown.push(character);
            }
            ',' => {
                shown.push(',');
                new_line(depth, &mut shown);
            }
            ':' => shown.push_str(": "),
            space if space.is_ascii_whitespace() => {}
            other => shown.push(other),
        }
    }
    shown
}

/// The rest of a string, with its end.
fn string(rest: &mut impl Iterator<Item = char>, shown: &mut String) {
    while let Some(character) = rest.next() {
        shown.push(character);
        match character {
            '\\' => shown.extend(rest.next()),
            '"' => return,
            _ => {}
        }
    }
}

fn new_line(depth: usize, shown: &mut String) {
    shown.push('\n');
    // Deeper nesting is not worth a longer line.
    shown.extend(std::iter::repeat_n("  ", depth.min(32)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_white_space_changes() {
        let json = r#"{"a":1e400,"b":[ ],"c":{"d":"x, {\"y\": [1]}","e":[0.10,-0]} , "f":{}}"#;
        let shown = laid_out(json);
        let expected = "{\n  \"a\": 1e400,\n  \"b\": [],\n  \"c\": {\n    \"d\": \"x, {\\\"y\\\": [1]}\",\
                        \n    \"e\": [\n      0.10,\n      -0\n    ]\n  },\n  \"f\": {}\n}";
        assert_eq!(shown, expected);
        for damaged in ["{\"a", "]}", "\"\\", ""] {
            let _ = laid_out(damaged);
        }
    }
}
