//! Money moved in 24 hours (`actions.md` §4), and the net change of spend that the envelope counts (§5).
use super::facts::{CampaignFacts, Facts};
use super::proposal::Proposal;
use rust_decimal::Decimal;

/// The change of one campaign's daily budget. Amounts in the account's currency.
#[derive(Clone, Copy, Debug)]
pub struct Move<'a> {
    pub campaign: &'a CampaignFacts,
    pub old: Decimal,
    pub new: Decimal,
}

impl Move<'_> {
    /// new − old in the organisation's currency.
    pub fn delta_base(&self) -> Decimal {
        (self.new - self.old) * self.campaign.rate
    }
}

/// The budget changes that a proposal comes to in the end; a pause brings a budget to zero, a resumption from zero.
pub fn moves<'a>(proposal: &Proposal, facts: &'a Facts) -> Vec<Move<'a>> {
    match (proposal, facts.campaigns.as_slice()) {
        (Proposal::Budget(b), [campaign, ..]) => {
            vec![Move { campaign, old: b.current_daily_budget, new: b.new_daily_budget }]
        }
        (Proposal::Pause(_), [campaign, ..]) => {
            vec![Move { campaign, old: campaign.history.mean_daily().0, new: Decimal::ZERO }]
        }
        (Proposal::Resume(r), [campaign, ..]) => {
            let new = r.new_daily_budget.or(campaign.budget()).unwrap_or_default();
            vec![Move { campaign, old: Decimal::ZERO, new }]
        }
        (Proposal::Reallocate(r), [from, to]) => vec![
            Move { campaign: from, old: r.from.current, new: r.from.new },
            Move { campaign: to, old: r.to.current, new: r.to.new },
        ],
        _ => Vec::new(),
    }
}

/// Σ |Δ daily budget|, or the mean daily spend that a pause stops, in the organisation's currency.
pub fn money_moved(proposal: &Proposal, facts: &Facts) -> Decimal {
    moves(proposal, facts).iter().map(|m| m.delta_base().abs()).sum()
}

/// Increases minus decreases in the organisation's currency. A pause frees nothing: what a paused campaign does not
/// spend today says nothing about what others may spend tomorrow.
pub fn net_increase(proposal: &Proposal, facts: &Facts) -> Decimal {
    match proposal {
        Proposal::Budget(_) | Proposal::Resume(_) | Proposal::Reallocate(_) => {
            moves(proposal, facts).iter().map(Move::delta_base).sum()
        }
        Proposal::Pause(_)
        | Proposal::Negatives(_)
        | Proposal::Brief(_)
        | Proposal::Ad(_)
        | Proposal::Audience(_) => Decimal::ZERO,
    }
}
