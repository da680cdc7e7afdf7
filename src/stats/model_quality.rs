//! How well a model orders people (`metrics.md` §6.15).

/// The probability that a converter scores above a non-converter; ties count half. Nothing without both.
pub fn auc(converters: &[f64], others: &[f64]) -> Option<f64> {
    let pairs = converters.len() * others.len();
    let half = |(a, b): (&f64, &f64)| if a > b { 1.0 } else { f64::from(u8::from(a == b)) / 2.0 };
    let won: f64 = converters.iter().flat_map(|a| others.iter().map(move |b| half((a, b)))).sum();
    (pairs > 0).then(|| won / pairs as f64)
}

/// Area between the uplift curve and the random line. One entry a bin of equally many treated and held out people, by
/// falling predicted uplift: converters among the treated, converters among the held out. Nothing without any uplift.
pub fn qini(bins: &[(f64, f64)]) -> Option<f64> {
    let whole: f64 = bins.iter().map(|(treated, control)| treated - control).sum();
    if bins.is_empty() || whole == 0.0 {
        return None;
    }
    let (mut reached, mut area) = (0.0, 0.0);
    for (treated, control) in bins {
        let next = reached + (treated - control) / whole;
        area += f64::midpoint(reached, next) / bins.len() as f64;
        reached = next;
    }
    Some(area - 0.5)
}

/// Population stability index of a feature: shares of its bins when trained and now, each adding up to 1. Above 0.2 the
/// model wants training.
pub fn stability_index(trained: &[f64], now: &[f64]) -> f64 {
    /// An empty bin counts as this share: the logarithm of nothing has no value.
    const EMPTY: f64 = 0.0001;
    trained
        .iter()
        .zip(now)
        .map(|(a, b)| (a.max(EMPTY), b.max(EMPTY)))
        .map(|(a, b)| (b - a) * (b / a).ln())
        .sum()
}

#[cfg(test)]
mod tests;
