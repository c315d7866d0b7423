//! Decimal numbers as integers of micro-units: what Arrow calls `Decimal128(38, 6)`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A number with six decimal places.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Decimal(i128);

/// Micro-units of 1.
const UNIT: i128 = 1_000_000;
/// Decimal places.
const PLACES: i64 = 6;
/// Most digits of a number that is read, in micro-units: sums of 10^11 of them fit into 38 digits.
const DIGITS: i64 = 27;
/// Binary places by which histogram buckets are counted: whole numbers below 256 have buckets of
/// their own.
const BINARY_PLACES: u32 = 20;
/// Bits of a bucket's number within its power of two, as HdrHistogram's with two digits.
const SUB_BUCKET_BITS: u32 = 8;
const HALF: i16 = 128;

impl Decimal {
    /// So many millionths.
    #[must_use]
    pub const fn from_micros(micros: i128) -> Self {
        Self(micros)
    }

    /// The number in millionths.
    #[must_use]
    pub const fn micros(self) -> i128 {
        self.0
    }

    /// A whole number.
    #[must_use]
    pub fn whole(number: u64) -> Self {
        Self(i128::from(number) * UNIT)
    }

    /// The whole part; 0 for negative numbers.
    #[must_use]
    pub fn count(self) -> u64 {
        u64::try_from(self.0.max(0) / UNIT).unwrap_or(u64::MAX)
    }

    /// Reads a number: decimal, with or without an exponent; places beyond the sixth are dropped.
    /// `None` for anything else, and for numbers of 10^21 and more.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() <= 18
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && let Ok(number) = text.parse::<u64>()
        {
            return Some(Self::whole(number));
        }
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, i64::from(exponent.parse::<i32>().ok()?)),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let zeros = PLACES + exponent - i64::try_from(fraction.len()).ok()?;
        let dropped = usize::try_from(zeros.min(0).unsigned_abs()).ok()?;
        let kept = digits.get(..digits.len().saturating_sub(dropped))?.trim_start_matches('0');
        if kept.is_empty() {
            return Some(Self(0));
        }
        let zeros = zeros.max(0);
        if i64::try_from(kept.len()).ok()?.saturating_add(zeros) > DIGITS {
            return None;
        }
        let power = 10i128.checked_pow(u32::try_from(zeros).ok()?)?;
        let micros = kept.parse::<i128>().ok()?.checked_mul(power)?;
        Some(Self(if text.starts_with('-') { -micros } else { micros }))
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The number's bucket in a histogram: HdrHistogram's with two significant digits, where
    /// negative numbers have the negative of their opposite's.
    #[must_use]
    pub fn bucket(self) -> i16 {
        let magnitude = (self.0.unsigned_abs() << BINARY_PLACES) / UNIT.unsigned_abs();
        let shift = (u128::BITS - magnitude.leading_zeros()).saturating_sub(SUB_BUCKET_BITS);
        let sub_bucket = i16::try_from(magnitude >> shift).unwrap_or(i16::MAX);
        let bucket = i16::try_from(shift).map_or(i16::MAX, |shift| shift.saturating_mul(HALF));
        let bucket = bucket.saturating_add(sub_bucket);
        if self.0 < 0 { -bucket } else { bucket }
    }

    /// The number of a bucket that is next to 0. The bucket's other numbers are farther from 0 by
    /// less than 1/128 (0.8 %) of it; whole numbers below 256 are exact.
    #[must_use]
    pub fn of_bucket(bucket: i16) -> Self {
        let number = u128::from(bucket.unsigned_abs());
        let half = u128::from(HALF.unsigned_abs());
        let magnitude = match u32::try_from(number / half) {
            Ok(power @ 2..) => (number % half + half) << (power - 1),
            _ => number,
        };
        let micros = (magnitude * UNIT.unsigned_abs()).div_ceil(1 << BINARY_PLACES);
        let micros = i128::try_from(micros).unwrap_or(i128::MAX);
        Self(if bucket < 0 { -micros } else { micros })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (unit, magnitude) = (UNIT.unsigned_abs(), self.0.unsigned_abs());
        let fraction = format!("{:06}", magnitude % unit);
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{sign}{}", magnitude / unit),
            fraction => write!(f, "{sign}{}.{fraction}", magnitude / unit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_in_every_form_and_nothing_else_is() {
        for (text, shown) in [
            ("0", "0"),
            ("-0.0", "0"),
            ("12", "12"),
            (" +12.50 ", "12.5"),
            ("-3.25e2", "-325"),
            ("5.24E2", "524"),
            ("1e-6", "0.000001"),
            ("1.23456789", "1.234567"),
            ("1e-7", "0"),
            ("0.000000000000000000000000000000000000000000001", "0"),
            ("999999999999999999999", "999999999999999999999"),
            ("0e2000000000", "0"),
            (".5", "0.5"),
        ] {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), shown, "{text}");
        }
        for text in ["", "-", ".", "e5", "1e", "abc", "1,5", "0x10", "1 2", "NaN", "inf", "1e21"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
        assert_eq!(Decimal::parse("1e99999999999"), None);
        assert_eq!(Decimal::parse("1e2000000000"), None);
    }

    #[test]
    fn whole_numbers_below_256_have_buckets_of_their_own() {
        for number in 0..256 {
            let number = Decimal::whole(number);
            assert_eq!(Decimal::of_bucket(number.bucket()), number);
        }
    }

    proptest! {
        #[test]
        fn a_bucket_is_within_one_percent_and_keeps_the_order(
            a in -1_000_000_000_000_000i128..1_000_000_000_000_000,
            b in -1_000_000_000_000_000i128..1_000_000_000_000_000,
        ) {
            let (a, b) = (Decimal(a), Decimal(b));
            prop_assert_eq!(a.bucket().min(b.bucket()), a.min(b).bucket());
            let (exact, shown) = (a.0.abs(), Decimal::of_bucket(a.bucket()).0.abs());
            prop_assert!(shown <= exact && (exact - shown - 1) * 128 <= shown, "{exact} {shown}");
            prop_assert_eq!(Decimal::parse(&a.to_string()), Some(a));
        }

        #[test]
        fn buckets_are_those_of_hdrhistogram(micros in 1i128..1_000_000_000_000) {
            let binary = u64::try_from((micros << BINARY_PLACES) / UNIT).unwrap();
            let histogram = hdrhistogram::Histogram::<u64>::new(2).unwrap();
            let lowest = i128::from(histogram.lowest_equivalent(binary));
            let number = Decimal::of_bucket(Decimal(micros).bucket());
            prop_assert_eq!((number.0 << BINARY_PLACES) / UNIT, lowest);
        }
    }
}
