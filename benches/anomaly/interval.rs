//! Intervals that say how far a measured number can be trusted.

use fastrand::Rng;

/// The 97.5 % quantile of the standard normal distribution.
const Z: f64 = 1.96;
const DRAWS: usize = 10_000;

/// Wilson's 95 % interval of a proportion.
pub(crate) fn wilson(hits: usize, of: usize) -> (f64, f64) {
    if of == 0 {
        return (0.0, 1.0);
    }
    let (hits, of) = (hits as f64, of as f64);
    let share = hits / of;
    let centre = (share + Z * Z / (2.0 * of)) / (1.0 + Z * Z / of);
    let spread =
        Z / (1.0 + Z * Z / of) * (share * (1.0 - share) / of + Z * Z / (4.0 * of * of)).sqrt();
    ((centre - spread).max(0.0), (centre + spread).min(1.0))
}

/// The 95 % interval of a ratio of sums over seeds, by drawing as many seeds again and again.
pub(crate) fn bootstrap(seeds: &[(f64, f64)]) -> (f64, f64) {
    let mut rng = Rng::with_seed(1);
    let mut ratios: Vec<f64> = (0..DRAWS)
        .map(|_| {
            let (mut over, mut under) = (0.0, 0.0);
            for _ in seeds {
                let (a, b) = seeds[rng.usize(..seeds.len())];
                over += a;
                under += b;
            }
            over / f64::max(under, 1.0)
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    (ratios[DRAWS / 40], ratios[DRAWS - DRAWS / 40 - 1])
}
