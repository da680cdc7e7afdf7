//! Charts in text: a sparkline for a series, block bars for a ranking (`queries.md` §6, text fallback).

const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One block a value, lowest to highest; a gap stays a gap. Values that are all equal draw a middle line.
pub fn sparkline(values: &[Option<f64>]) -> String {
    let finite = || values.iter().flatten().copied().filter(|v| v.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    values
        .iter()
        .map(|value| match value {
            Some(v) if v.is_finite() && high > low => {
                let place = ((v - low) / (high - low) * 7.0).round();
                LEVELS.get(place as usize).copied().unwrap_or('█')
            }
            Some(v) if v.is_finite() => '▄',
            Some(_) | None => ' ',
        })
        .collect()
}

/// A bar of at most `width` cells for a value out of `most`, in eighths; negative values and no value draw nothing.
pub fn bar(value: Option<f64>, most: f64, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let Some(value) = value.filter(|v| v.is_finite() && *v > 0.0 && most > 0.0) else {
        return String::new();
    };
    let eighths = ((value / most).min(1.0) * width as f64 * 8.0).round() as usize;
    let rest = EIGHTHS.get(eighths % 8).copied().unwrap_or("");
    format!("{}{rest}", "█".repeat(eighths / 8))
}

#[cfg(test)]
mod tests;
