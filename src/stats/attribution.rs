//! Credit of orders by the touches before them (`metrics.md` §6.5). Credits of one order add up to 1 under every model.
use std::collections::BTreeMap;

/// One touch: its channel and its age in days before the order.
#[derive(Clone, Debug, PartialEq)]
pub struct Touch {
    pub channel: String,
    pub age_days: f64,
}

/// How the credit of one order is shared out over its touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreditRule {
    First,
    Last,
    Linear,
    /// Weight 2^(−age / half-life), half-life 7 days.
    TimeDecay,
    /// 40 % first, 40 % last, 20 % shared by those between.
    Position,
}

/// Days until a touch counts half.
const HALF_LIFE: f64 = 7.0;

/// The share of each touch, in the order given (oldest first); they add up to 1. Empty without touches.
pub fn credits(rule: CreditRule, touches: &[Touch]) -> Vec<f64> {
    let n = touches.len();
    let only = |at: usize| (0..n).map(|i| if i == at { 1.0 } else { 0.0 }).collect();
    match (rule, n) {
        (_, 0) => Vec::new(),
        (CreditRule::First, _) => only(0),
        (CreditRule::Last, _) => only(n - 1),
        (CreditRule::Linear, _) => vec![1.0 / n as f64; n],
        (CreditRule::TimeDecay, _) => {
            let weights: Vec<f64> = touches.iter().map(|t| (-t.age_days / HALF_LIFE).exp2()).collect();
            let whole: f64 = weights.iter().sum();
            weights.into_iter().map(|w| w / whole).collect()
        }
        (CreditRule::Position, 1) => vec![1.0],
        (CreditRule::Position, 2) => vec![0.5, 0.5],
        (CreditRule::Position, _) => {
            let middle = 0.2 / (n - 2) as f64;
            (0..n).map(|i| if i == 0 || i == n - 1 { 0.4 } else { middle }).collect()
        }
    }
}

/// Credited revenue and orders by channel.
pub type ByChannel = BTreeMap<String, (f64, f64)>;

/// What each channel is credited of these orders: revenue and number of orders. An order without a touch goes to
/// `unattributed`.
pub fn attribute(rule: CreditRule, orders: &[(Vec<Touch>, f64)]) -> ByChannel {
    let mut out = ByChannel::new();
    for (touches, revenue) in orders {
        if touches.is_empty() {
            let entry = out.entry("unattributed".to_owned()).or_default();
            *entry = (entry.0 + revenue, entry.1 + 1.0);
        }
        for (touch, credit) in touches.iter().zip(credits(rule, touches)) {
            let entry = out.entry(touch.channel.clone()).or_default();
            *entry = (entry.0 + credit * revenue, entry.1 + credit);
        }
    }
    out
}

/// The share of each channel by its removal effect in a first-order Markov chain over all paths, converting or not. Nothing
/// when no path converts.
pub fn removal_shares(paths: &[(Vec<String>, bool)]) -> Option<BTreeMap<String, f64>> {
    let mut names: Vec<&str> = paths.iter().flat_map(|(path, _)| path.iter().map(String::as_str)).collect();
    names.sort_unstable();
    names.dedup();
    let n = names.len();
    let place = |name: &str| names.iter().position(|known| *known == name).unwrap_or(0);
    // Rows: start (n), then channels; columns: channels, conversion (n), null (n + 1).
    let mut counts = vec![vec![0.0; n + 2]; n + 1];
    for (path, converts) in paths {
        let mut from = n;
        for name in path {
            counts[from][place(name)] += 1.0;
            from = place(name);
        }
        counts[from][if *converts { n } else { n + 1 }] += 1.0;
    }
    for row in &mut counts {
        let whole: f64 = row.iter().sum();
        if whole > 0.0 {
            row.iter_mut().for_each(|cell| *cell /= whole);
        }
    }
    let all = conversion(&counts, n, None);
    if all <= 0.0 {
        return None;
    }
    let effects: Vec<f64> = (0..n).map(|channel| 1.0 - conversion(&counts, n, Some(channel)) / all).collect();
    let whole: f64 = effects.iter().sum();
    (whole > 0.0).then(|| {
        names.iter().zip(effects).map(|(name, effect)| ((*name).to_owned(), effect / whole)).collect()
    })
}

/// The probability to convert from the start; visits of the `removed` channel end without one. By iteration: a chain that
/// leaves itself with probability p each step is exact to 1e-12 after a few hundred.
fn conversion(chain: &[Vec<f64>], n: usize, removed: Option<usize>) -> f64 {
    let mut reach = vec![0.0; n + 1];
    for _ in 0..2_000 {
        let next: Vec<f64> = (0..=n)
            .map(|from| {
                if removed == Some(from) {
                    return 0.0;
                }
                chain[from][n] + (0..n).map(|to| chain[from][to] * reach[to]).sum::<f64>()
            })
            .collect();
        let moved = next.iter().zip(&reach).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        reach = next;
        if moved < 1e-13 {
            break;
        }
    }
    reach[n]
}

#[cfg(test)]
mod tests;
