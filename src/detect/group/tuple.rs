//! Several values as one: how a fold keeps a combination of features in one column of its key.
//!
//! Each part is written as its length in bytes, a colon and its text (`7:payroll`), an absent one
//! as `-`, so that no text can pass for two parts: log values are written by attackers.

/// The parts as one text.
#[must_use]
pub fn join(parts: &[Option<&str>]) -> String {
    let mut text = String::new();
    for part in parts {
        match part {
            Some(part) => {
                text.push_str(&part.len().to_string());
                text.push(':');
                text.push_str(part);
            }
            None => text.push('-'),
        }
    }
    text
}

/// The parts of a joined text; `None` if it is none.
#[must_use]
pub fn split(text: &str) -> Option<Vec<Option<&str>>> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix('-') {
            parts.push(None);
            rest = behind;
            continue;
        }
        let (length, behind) = rest.split_once(':')?;
        let (part, behind) = behind.split_at_checked(length.parse().ok()?)?;
        parts.push(Some(part));
        rest = behind;
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_tuple_is_refused() {
        for text in ["x", "5:abc", "99999999999999999999:a", "1", ":", "1:\u{e9}"] {
            assert_eq!(split(text), None, "{text}");
        }
        assert_eq!(split(""), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn parts_survive(parts in proptest::collection::vec(proptest::option::of(".{0,9}"), 0..5)) {
            let parts: Vec<Option<&str>> = parts.iter().map(Option::as_deref).collect();
            let joined = join(&parts);
            prop_assert_eq!(split(&joined), Some(parts));
        }
    }
}
