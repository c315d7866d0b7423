//! The calendar: 45 days from Monday, 2026-03-16, in the local time of Hamburg, with Easter and the
//! change to summer time.

use super::dice::Dice;

pub const DAYS: i64 = 45;
pub const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

/// 2026-03-16T00:00:00Z.
pub const START: i64 = 1_773_619_200;

/// Summer time begins on 2026-03-29 at 01:00 UTC.
const SUMMER: i64 = START + 13 * DAY + HOUR;

/// The first of April, when a quarter is closed.
pub const QUARTER: i64 = 16;

/// Good Friday and Easter Monday.
const HOLIDAYS: [i64; 2] = [18, 21];

/// The time at `hour` (with fractions) of a local day.
pub fn at(day: i64, hour: f64) -> i64 {
    let wall = START + day * DAY + (hour * 3600.0) as i64;
    if wall - HOUR >= SUMMER { wall - 2 * HOUR } else { wall - HOUR }
}

/// 0 is Monday.
pub fn weekday(day: i64) -> i64 {
    day.rem_euclid(7)
}

pub fn is_workday(day: i64) -> bool {
    weekday(day) < 5 && !HOLIDAYS.contains(&day)
}

pub fn is_over(time: i64) -> bool {
    time >= START + DAYS * DAY
}

/// How much is done at each local hour.
pub type Curve = [u8; 24];

pub const SHOPPERS: Curve =
    [3, 2, 1, 1, 1, 2, 4, 6, 8, 9, 10, 10, 11, 10, 10, 10, 11, 12, 14, 17, 18, 16, 11, 6];
pub const OFFICE: Curve =
    [0, 0, 0, 0, 0, 0, 1, 4, 10, 14, 15, 13, 7, 11, 14, 13, 10, 6, 3, 2, 2, 1, 1, 0];
pub const ALWAYS: Curve = [1; 24];

/// A time of the local day, as the curve goes.
pub fn within(dice: &mut Dice, day: i64, curve: &Curve) -> i64 {
    let total: usize = curve.iter().map(|weight| usize::from(*weight)).sum();
    let mut left = dice.below(total);
    let mut hour = 0;
    for weight in curve {
        let weight = usize::from(*weight);
        if left < weight {
            break;
        }
        left -= weight;
        hour += 1;
    }
    at(day, f64::from(hour)) + dice.between(0, HOUR - 1)
}

/// As CloudTrail writes it.
pub fn text(time: i64) -> String {
    jiff::Timestamp::from_second(time).unwrap().to_string()
}
