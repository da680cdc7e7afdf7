//! Forecasts by last week's values, and how good a forecast was (`metrics.md` §6.10).

/// Days of a season: a week.
pub const SEASON: usize = 7;

/// The values one season before, repeated over the horizon; nothing with less than a season of history.
pub fn seasonal_naive(history: &[f64], horizon: usize) -> Option<Vec<f64>> {
    let last = history.get(history.len().checked_sub(SEASON)?..)?;
    Some((0..horizon).map(|step| last[step % SEASON]).collect())
}

/// How far a forecast was off. Fractions, but `mae` and `root_mean_square` (units of the series) and `mase` (1 = as good
/// as repeating last week).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Accuracy {
    pub mae: f64,
    /// Points with an actual of 0 are left out; nothing when there are no others.
    pub mape: Option<f64>,
    pub wape: Option<f64>,
    /// Nothing where the training data has no error of its own.
    pub mase: Option<f64>,
    /// Σ forecast / Σ actual − 1.
    pub bias: Option<f64>,
    pub root_mean_square: f64,
}

/// Compares a forecast with what happened; `training` scales the mean absolute error. Nothing without points.
pub fn accuracy(training: &[f64], forecast: &[f64], actual: &[f64]) -> Option<Accuracy> {
    let pairs: Vec<(f64, f64)> = forecast.iter().copied().zip(actual.iter().copied()).collect();
    if pairs.is_empty() {
        return None;
    }
    let n = pairs.len() as f64;
    let absolute: f64 = pairs.iter().map(|(f, a)| (a - f).abs()).sum();
    let whole: f64 = pairs.iter().map(|(_, a)| a).sum();
    let shares: Vec<f64> = pairs.iter().filter(|(_, a)| *a > 0.0).map(|(f, a)| (a - f).abs() / a).collect();
    let steps: Vec<f64> =
        training.iter().skip(SEASON).zip(training).map(|(now, before)| (now - before).abs()).collect();
    let scale = steps.iter().sum::<f64>() / steps.len().max(1) as f64;
    let squares: f64 = pairs.iter().map(|(f, a)| (a - f).powi(2)).sum();
    Some(Accuracy {
        mae: absolute / n,
        mape: (!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64),
        wape: (whole > 0.0).then(|| absolute / whole),
        mase: (scale > 0.0).then(|| absolute / n / scale),
        bias: (whole != 0.0).then(|| pairs.iter().map(|(f, _)| f).sum::<f64>() / whole - 1.0),
        root_mean_square: (squares / n).sqrt(),
    })
}

/// Half the width of the interval that holds `share` of what comes, from the root mean square of past errors.
pub fn half_width(root_mean_square: f64, share: f64) -> f64 {
    super::normal_quantile(f64::midpoint(1.0, share)) * root_mean_square
}

/// How many actuals lay within `half` of the forecast.
pub fn covered(forecast: &[f64], actual: &[f64], half: f64) -> usize {
    forecast.iter().zip(actual).filter(|(f, a)| (*a - *f).abs() <= half).count()
}

#[cfg(test)]
mod tests;
