//! Splitting a listing over several runs. The unit of split is (account, region) with all its
//! days; objects whose key tells neither are one unit.

use std::str::FromStr;

use xxhash_rust::xxh3::xxh3_64;

use super::layout::Layout;

/// One share of N, counted from 1: `2/5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which share, 1…`of`.
    pub number: u64,
    /// How many shares.
    pub of: u64,
}

impl Shard {
    /// Whether the share holds the objects of `layout`.
    #[must_use]
    pub fn holds(self, layout: Option<&Layout>) -> bool {
        let unit = layout.map_or(0, |layout| {
            xxh3_64(format!("{}/{}", layout.account, layout.region).as_bytes())
        });
        unit % self.of == self.number - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('/').and_then(|(number, of)| {
            let (number, of) = (number.parse().ok()?, of.parse().ok()?);
            (1 <= number && number <= of).then_some(Self { number, of })
        });
        parsed.ok_or_else(|| format!("`{text}` is no share: write `2/5` for the second of five"))
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_in_exactly_one_share() {
        let layout = |n: u32| Layout { account: format!("{n:012}"), region: "eu-west-1".into() };
        for unit in (0..100).map(layout).map(Some).chain([None]) {
            let holders =
                (1..=5).filter(|number| Shard { number: *number, of: 5 }.holds(unit.as_ref()));
            assert_eq!(holders.count(), 1, "{unit:?}");
        }
    }

    #[test]
    fn shares_are_counted_from_one() {
        assert_eq!("2/5".parse(), Ok(Shard { number: 2, of: 5 }));
        for text in ["0/5", "6/5", "1/0", "x", "1", "-1/2"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }
}
