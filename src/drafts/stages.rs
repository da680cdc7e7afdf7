//! The days of a reallocation: what both budgets are to be, and from when. A ramp has several, a return at the end one more.
use super::proposal::Reallocation;
use jiff::ToSpan as _;
use jiff::civil::Date;
use rust_decimal::Decimal;

/// Budgets in each end's own currency from a day on (the accounts' days).
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Stage {
    pub on: Date,
    pub from_new: Decimal,
    pub to_new: Decimal,
    /// Puts the previous budgets back.
    pub restores: bool,
}

/// In the order of their days; at least one.
pub fn stages(r: &Reallocation) -> Vec<Stage> {
    let mut out: Vec<Stage> = r
        .ramp
        .iter()
        .map(|s| Stage { on: s.date, from_new: s.from_new, to_new: s.to_new, restores: false })
        .collect();
    if out.is_empty() {
        out.push(Stage { on: r.start_date, from_new: r.from.new, to_new: r.to.new, restores: false });
    }
    if r.restore_at_end {
        let after = r.end_date.saturating_add(1.day());
        out.push(Stage { on: after, from_new: r.from.current, to_new: r.to.current, restores: true });
    }
    out
}

/// The stage that holds on a day, and its place (from 1): the last one that has begun, else the first.
pub fn due(stages: &[Stage], today: Date) -> Option<(usize, Stage)> {
    let begun = stages.iter().rposition(|s| s.on <= today).unwrap_or(0);
    stages.get(begun).map(|stage| (begun + 1, *stage))
}

#[cfg(test)]
mod tests;
