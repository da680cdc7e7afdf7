//! The middle and the upper end of a list of values.

/// The median; of an even number the mean of the two in the middle. Nothing of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = if sorted.len().is_multiple_of(2) { *sorted.get(sorted.len() / 2 - 1)? } else { upper };
    Some(f64::midpoint(lower, upper))
}

/// The value at the nearest rank: of 1 to 20 the 95th percentile is 19. `share` is a fraction above 0.
pub fn nearest_rank(values: &[f64], share: f64) -> Option<f64> {
    let sorted = sorted(values);
    // 0.95 × 20 is 19.000000000000004 in binary; without the margin it would round up.
    let rank = (share * sorted.len() as f64 - 1e-9).ceil().max(1.0) as usize;
    sorted.get(rank - 1).copied()
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn middle_and_upper_end() {
        assert_eq!(median(&[9.0, 2.0, 71.0, 5.0, 26.0]), Some(9.0));
        assert_eq!(median(&[1.0, 4.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
        let twenty: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(nearest_rank(&twenty, 0.95), Some(19.0));
        assert_eq!(nearest_rank(&[7.0], 0.95), Some(7.0));
        assert_eq!(nearest_rank(&[], 0.95), None);
    }
}
