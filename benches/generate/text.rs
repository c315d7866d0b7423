//! JSON text written by hand into a reused buffer.
//!
//! In: values and a seeded random source. Out: characters appended to a `String`.
//! Building `serde_json::Value`s would cost more than the rest of the generator
//! together, so records are written as text from the start. Nothing here knows
//! what a CloudTrail record looks like.

use fastrand::Rng;

/// Letters of access key ids and principal ids (base 32, as AWS draws them).
pub(crate) const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Letters of S3 request ids.
pub(crate) const REQUEST: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends `value` as a quoted JSON string.
pub(crate) fn string(out: &mut String, value: &str) {
    out.push('"');
    escaped(out, value);
    out.push('"');
}

/// Appends `value` with JSON escapes but without the quotes.
pub(crate) fn escaped(out: &mut String, value: &str) {
    if !value.bytes().any(|b| b < 0x20 || b == b'"' || b == b'\\') {
        out.push_str(value);
        return;
    }
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if u32::from(c) < 0x20 => {
                out.push_str("\\u00");
                hex(out, u64::from(c), 2);
            }
            c => out.push(c),
        }
    }
}

/// Appends a decimal number.
pub(crate) fn number(out: &mut String, mut value: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    digits[at..].iter().for_each(|d| out.push(char::from(*d)));
}

/// Appends a decimal number with leading zeros up to `width` digits.
pub(crate) fn padded(out: &mut String, value: u64, width: u32) {
    for place in (0..width).rev() {
        let digit = value / 10_u64.pow(place) % 10;
        out.push(char::from(b'0' + digit as u8));
    }
}

/// Appends the lowest `digits` hexadecimal digits of `value`.
pub(crate) fn hex(out: &mut String, value: u64, digits: u32) {
    for place in (0..digits).rev() {
        out.push(char::from(HEX[(value >> (4 * place) & 15) as usize]));
    }
}

/// Appends `count` letters of a 32-letter alphabet, taken from `seed`.
///
/// The same seed gives the same letters, so an access key id can be recomputed
/// for every event instead of being stored.
pub(crate) fn letters(out: &mut String, alphabet: &[u8; 32], mut seed: u64, count: usize) {
    for n in 0..count {
        if n % 12 == 11 {
            seed = mix(seed, n as u64);
        }
        out.push(char::from(alphabet[(seed & 31) as usize]));
        seed >>= 5;
    }
}

/// Appends a random UUID of version 4.
pub(crate) fn uuid(out: &mut String, rng: &mut Rng) {
    let (high, low) = (rng.u64(..), rng.u64(..));
    hex(out, high >> 32, 8);
    out.push('-');
    hex(out, high >> 16, 4);
    out.push('-');
    hex(out, high & 0x0fff | 0x4000, 4);
    out.push('-');
    hex(out, low >> 48 & 0x3fff | 0x8000, 4);
    out.push('-');
    hex(out, low, 12);
}

/// Appends an `x-amz-id-2` value: 56 random bytes in base 64.
pub(crate) fn host_id(out: &mut String, rng: &mut Rng) {
    let mut left = 75;
    while left > 0 {
        let mut bits = rng.u64(..);
        let run = left.min(10);
        let mut letters = [0_u8; 10];
        for letter in &mut letters[..run] {
            *letter = BASE64[(bits & 63) as usize];
            bits >>= 6;
        }
        letters[..run].iter().for_each(|l| out.push(char::from(*l)));
        left -= run;
    }
    out.push('=');
}

/// Appends a time of the form `2025-06-02T08:15:00Z`.
pub(crate) fn time(out: &mut String, unix: i64) {
    let (year, month, day) = civil(unix.div_euclid(86_400));
    let second = unix.rem_euclid(86_400) as u64;
    padded(out, year, 4);
    out.push('-');
    padded(out, month, 2);
    out.push('-');
    padded(out, day, 2);
    out.push('T');
    padded(out, second / 3600, 2);
    out.push(':');
    padded(out, second / 60 % 60, 2);
    out.push(':');
    padded(out, second % 60, 2);
    out.push('Z');
}

/// Year, month and day of a day number counted from 1970-01-01.
///
/// This runs for every record; a calendar library would cost more than the
/// rest of the record. Days from 1970 to 9999 only.
pub(crate) fn civil(days: i64) -> (u64, u64, u64) {
    let shifted = (days + 719_468).max(0) as u64;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

/// Mixes two numbers into a well-spread third (the finaliser of SplitMix64).
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let mut x = a ^ b.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// A number that stands for a text, the same in every run and on every machine.
pub(crate) fn seed_of(text: &str) -> u64 {
    text.bytes().fold(0x5EED, |seed, byte| mix(seed, u64::from(byte)))
}
