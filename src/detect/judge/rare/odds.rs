//! The odds of one feature's value.
//!
//! Within a history of N days-with-a-value over T different values, a value that occurred on c of
//! them, or rarer, has probability (days of values no more frequent + T) / (N + T), and a value that
//! never occurred T / (N + T): each value was new once, so that many new ones are to be expected
//! (Witten and Bell, "The zero-frequency problem", IEEE Transactions on Information Theory 37(4),
//! 1991, method C). A value that never occurred is looked at in the next wider history, the bucket's
//! and then the account's, and the probabilities multiply (back-off). A history without any day says
//! nothing: probability 1.

use std::fmt;

/// How a value stands in one history that has any day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Standing {
    /// How probable a value at least as rare is.
    pub probability: f64,
    /// Whether it occurred.
    pub known: bool,
}

/// How probable a value is in all histories.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Odds {
    /// Above 0 and at most 1.
    pub probability: f64,
    /// In which of [`HISTORIES`] it never occurred.
    new_to: [bool; HISTORIES.len()],
}

/// A feature's value with its probability.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureOdds {
    /// The feature's name.
    pub feature: String,
    /// The value; `None` if the calls have none.
    pub value: Option<String>,
    /// How probable a value at least as rare is, above 0 and at most 1.
    pub probability: f64,
    /// −log2 of the probability.
    pub bits: f64,
    /// The histories in which it never occurred: `principal`, `bucket`, `account`.
    pub new_to: Vec<&'static str>,
}

/// Whose history, from the narrowest on.
const HISTORIES: [&str; 3] = ["principal", "bucket", "account"];

impl Odds {
    /// Brings the standings in the histories together; a wider one is asked only for what is new to
    /// the narrower.
    pub(super) fn of(standings: [&dyn Fn() -> Option<Standing>; HISTORIES.len()]) -> Self {
        let mut odds = Self { probability: 1.0, new_to: [false; HISTORIES.len()] };
        for ((standing, new), whose) in standings.into_iter().zip(&mut odds.new_to).zip(HISTORIES) {
            let Some(standing) = standing() else {
                // Who has no history does everything for the first time.
                *new = whose == "principal";
                continue;
            };
            odds.probability *= standing.probability;
            if standing.known {
                break;
            }
            *new = true;
        }
        odds
    }

    /// −log2 of the probability.
    pub(super) fn bits(&self) -> f64 {
        -f64::log2(self.probability) + 0.0
    }

    /// The odds with their feature and value.
    pub(super) fn of_feature(self, feature: &str, value: Option<&str>) -> FeatureOdds {
        let whose = HISTORIES.into_iter().zip(self.new_to);
        FeatureOdds {
            feature: feature.to_owned(),
            value: value.map(str::to_owned),
            probability: self.probability,
            bits: self.bits(),
            new_to: whose.filter_map(|(whose, new)| new.then_some(whose)).collect(),
        }
    }
}

impl FeatureOdds {
    /// The bits to two places.
    #[must_use]
    pub fn rounded_bits(&self) -> f64 {
        (self.bits * 100.0).round() / 100.0
    }

    /// Whether it says anything worth telling: half a bit.
    pub(super) fn is_telling(&self) -> bool {
        self.bits >= 0.5
    }
}

impl fmt::Display for FeatureOdds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.as_deref().unwrap_or("none");
        write!(f, "{} {value} {:.1}", self.feature, self.bits)?;
        match self.new_to.as_slice() {
            [] => write!(f, " (1 in {:.0})", 1.0 / self.probability),
            new => write!(f, " (new to {})", new.join(", ")),
        }
    }
}
