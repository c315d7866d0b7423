//! What a process has used, and the machine has not, as Linux counts it.

#![allow(dead_code, reason = "each bench uses a part")]

use std::fs;

/// What this process has used of processors, in seconds: on a machine that others use too, it tells
/// more than the clock.
pub(crate) fn processor_seconds() -> f64 {
    let status = fs::read_to_string("/proc/self/stat").expect("Linux");
    // After the program's name in parentheses; user and system time, in hundredths.
    let fields = status.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks = fields.skip(11).take(2).map(|field| field.parse::<f64>().expect("ticks"));
    ticks.sum::<f64>() / 100.0
}

/// The peak of this process's resident memory, in kB.
pub(crate) fn peak_kilobytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
    peak.trim().trim_end_matches(" kB").parse().expect("kilobytes")
}

/// The seconds that all processors of the machine together have been idle since it started.
pub(crate) fn idle_seconds() -> f64 {
    let status = fs::read_to_string("/proc/stat").expect("Linux");
    // `cpu`, then user, nice, system, idle and waiting, in hundredths.
    let fields = status.split_whitespace().skip(4).take(2);
    fields.map(|field| field.parse::<f64>().expect("ticks")).sum::<f64>() / 100.0
}
