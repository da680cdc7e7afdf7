//! Scores of findings and proposals (`metrics.md` §6.16).

/// Confidence of a finding: data quality × sample × steadiness × calibration, each 0..1. `cv` is the robust coefficient of
/// variation of the series, `n_full` the sample that is as good as any.
pub fn confidence(quality: f64, n: f64, n_full: f64, cv: f64, calibration: f64) -> f64 {
    quality * (n / n_full).sqrt().min(1.0) / (1.0 + cv * cv) * calibration
}

/// Below it a finding is exploratory: mentioned, never proposed.
pub const EXPLORATORY_BELOW: f64 = 0.65;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Low,
    Medium,
    High,
}

/// 7-day value (a loss counts as 0) × confidence × risk factor / effort.
pub fn opportunity_score(value_7d: f64, confidence: f64, risk: Level, effort: Level) -> f64 {
    let risk = match risk {
        Level::Low => 1.0,
        Level::Medium => 0.7,
        Level::High => 0.4,
    };
    let effort = match effort {
        Level::Low => 1.0,
        Level::Medium => 2.0,
        Level::High => 3.0,
    };
    value_7d.max(0.0) * confidence * risk / effort
}

/// How much speaks for pausing: 50 and more for a bad return, for days of it and for a bad click rate. `ctr` is a fraction.
pub fn pause_score(roas: f64, days: f64, ctr: f64) -> f64 {
    let of_return = match roas {
        r if r < 1.0 => 30.0,
        r if r < 2.0 => 20.0 + 10.0 * (2.0 - r),
        r if r < 3.0 => 10.0,
        _ => 0.0,
    };
    let of_days = match days {
        d if d < 3.0 => 0.0,
        d if d < 7.0 => 5.0,
        _ => 10.0,
    };
    let of_clicks = match ctr {
        c if c < 0.005 => 10.0,
        c if c < 0.01 => 5.0,
        _ => 0.0,
    };
    50.0 + of_return + of_days + of_clicks
}

/// Score (0–100) × urgency × feasibility, cut to one decimal.
pub fn priority(score: f64, urgency: f64, feasibility: f64) -> f64 {
    // The margin forgives binary fractions.
    ((score * urgency * feasibility * 10.0) + 1e-9).trunc() / 10.0
}

#[cfg(test)]
mod tests;
