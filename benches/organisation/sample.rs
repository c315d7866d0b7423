//! Draws from the distributions that traffic follows.
//!
//! In: a seeded random source. Out: numbers. Nothing here knows what they count.

use std::f64::consts::TAU;

use fastrand::Rng;

/// A draw from the standard normal distribution.
pub(crate) fn normal(rng: &mut Rng) -> f64 {
    let (radius, angle) = (1.0 - rng.f64(), rng.f64());
    (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()
}

/// A draw from a log-normal distribution; `sigma` is that of the logarithm.
pub(crate) fn log_normal(rng: &mut Rng, median: f64, sigma: f64) -> f64 {
    median * (sigma * normal(rng)).exp()
}

/// A draw from a Poisson distribution.
pub(crate) fn poisson(rng: &mut Rng, mean: f64) -> i64 {
    if mean > 30.0 {
        return (mean + mean.sqrt() * normal(rng)).round().max(0.0) as i64;
    }
    let limit = (-mean).exp();
    let mut product = rng.f64();
    let mut count = 0;
    while product > limit {
        product *= rng.f64();
        count += 1;
    }
    count
}

/// Whether something of the given probability happens.
pub(crate) fn happens(rng: &mut Rng, probability: f64) -> bool {
    rng.f64() < probability
}

/// Any of the items, each as likely as the others.
pub(crate) fn any<T: Copy>(rng: &mut Rng, items: &[T]) -> T {
    items[rng.usize(..items.len())]
}

/// One of the items, each as likely as its weight says.
pub(crate) fn weighted<T: Copy>(rng: &mut Rng, items: &[(u32, T)]) -> T {
    let total = items.iter().map(|(weight, _)| weight).sum::<u32>();
    let mut left = rng.u32(..total.max(1));
    for (weight, item) in items {
        if left < *weight {
            return *item;
        }
        left -= weight;
    }
    items[0].1
}
