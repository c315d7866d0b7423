//! Titles, where the principal that they name stands beside them.

/// A finding's title without ` by` or ` of` its principal.
#[must_use]
pub fn title_beside(title: &str, principal: Option<&str>) -> String {
    let Some(principal) = principal.filter(|principal| !principal.is_empty()) else {
        return title.to_owned();
    };
    [", by ", " by ", " of "].into_iter().fold(title.to_owned(), |title, word| {
        let told = format!("{word}{principal}");
        // A longer name may begin alike.
        match title.split_once(&told) {
            Some((before, after)) if after.is_empty() || after.starts_with([':', ',', ';']) => {
                format!("{before}{after}")
            }
            _ => title,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_names_its_principal_no_second_time() {
        let eve = Some("arn:aws:iam::1:user/eve");
        for (title, expected) in [
            (
                "Attack sequence by arn:aws:iam::1:user/eve: 8 findings",
                "Attack sequence: 8 findings",
            ),
            ("Logging weakened, by arn:aws:iam::1:user/eve", "Logging weakened"),
            ("Stolen credentials of arn:aws:iam::1:user/eve: 6", "Stolen credentials: 6"),
            ("Sequence by arn:aws:iam::1:user/eve2: 8", "Sequence by arn:aws:iam::1:user/eve2: 8"),
            ("S3 bucket opened", "S3 bucket opened"),
        ] {
            assert_eq!(title_beside(title, eve), expected);
        }
        assert_eq!(title_beside("by ", Some("")), "by ");
    }
}
