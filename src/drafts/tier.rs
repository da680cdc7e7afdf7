//! Risk tiers (`actions.md` §4): how much money moves in 24 hours decides how many people must agree.
use super::limits::Limits;
pub use crate::db::drafts::kinds::Tier;
use rust_decimal::Decimal;

/// What the tier is computed from. Amounts in the organisation's currency.
#[derive(Clone, Copy, Debug)]
pub struct Stake {
    /// Money this draft moves in 24 hours.
    pub own: Decimal,
    /// The requester's other open and executed drafts of the last 24 hours: splitting a change does not lower its tier.
    pub others: Decimal,
    pub floor: Tier,
    /// Of the expected effect; below 0.65 the tier rises by one. None: nothing was estimated.
    pub confidence: Option<f64>,
    pub is_brand: bool,
}

/// Confidence below which a draft needs more scrutiny.
const UNSURE: f64 = 0.65;

impl Tier {
    /// How many different people must approve.
    pub fn approvals(self) -> i32 {
        match self {
            Tier::Low | Tier::Medium => 1,
            Tier::High | Tier::Critical => 2,
        }
    }

    fn up(self) -> Self {
        match self {
            Tier::Low => Tier::Medium,
            Tier::Medium => Tier::High,
            Tier::High | Tier::Critical => Tier::Critical,
        }
    }
}

/// The tier by money, raised to the floor of the type, and by one for low confidence or a brand campaign.
pub fn tier(stake: Stake, limits: &Limits) -> Tier {
    let moved = stake.own + stake.others.max(Decimal::ZERO);
    let by_money = match moved {
        m if m <= limits.tier_limits.low => Tier::Low,
        m if m <= limits.tier_limits.medium => Tier::Medium,
        m if m <= limits.tier_limits.high => Tier::High,
        _ => Tier::Critical,
    };
    let tier = by_money.max(stake.floor);
    let unsure = stake.confidence.is_some_and(|c| c < UNSURE);
    if unsure || stake.is_brand { tier.up() } else { tier }
}

#[cfg(test)]
mod tests;
