//! The calendar: sixty days from Monday, 2026-01-05, with weekends, holidays and the ends of months.
//!
//! In: a day's number. Out: what kind of day it is, and where.

/// 2026-01-05T00:00:00Z, a Monday.
pub const START: i64 = 1_767_571_200;
/// Days of the simulation.
pub const DAYS: i64 = 60;
/// The second after the last.
pub(crate) const END: i64 = START + DAYS * DAY;
/// Seconds of a day.
pub const DAY: i64 = 86_400;
/// January 31 and February 28.
pub(crate) const MONTH_ENDS: [i64; 2] = [26, 54];

/// Public holidays that fall on working days: Epiphany, Martin Luther King Day, Republic Day,
/// Presidents' Day.
const HOLIDAYS: [(&str, i64); 5] = [("DE", 1), ("PL", 1), ("US", 14), ("IN", 21), ("US", 42)];

/// How busy machines are, hour by hour of the local day; the mean is about one.
const HOURS: [f64; 24] = [
    0.35, 0.3, 0.28, 0.28, 0.32, 0.45, 0.7, 1.0, 1.35, 1.55, 1.6, 1.55, 1.4, 1.5, 1.55, 1.5, 1.4,
    1.3, 1.25, 1.2, 1.1, 0.9, 0.65, 0.45,
];

/// The first second of a day.
pub(crate) fn midnight(day: i64) -> i64 {
    START + day * DAY
}

/// The day in which a second lies.
pub fn day_of(time: i64) -> i64 {
    (time - START).div_euclid(DAY)
}

/// Days since Monday.
pub(crate) fn weekday(day: i64) -> i64 {
    day.rem_euclid(7)
}

/// Whether offices are open in a country.
pub(crate) fn is_workday(country: &str, day: i64) -> bool {
    weekday(day) < 5 && !HOLIDAYS.contains(&(country, day))
}

/// How busy machines are at an hour of a day, as a factor; `swing` is 0 for those that follow no
/// rhythm and 1 for those that follow customers.
pub(crate) fn busyness(day: i64, hour: i64, swing: f64) -> f64 {
    let weekend = if weekday(day) < 5 { 1.0 } else { 0.75 };
    let rhythm = HOURS[hour.rem_euclid(24) as usize] * weekend;
    1.0 + swing * (rhythm - 1.0)
}
