//! Guardrails on money: step, cap, return, envelope, viable minimum, shared budgets, tracking.
use super::{Case, GuardResult, Severity};
use crate::drafts::action::Guard;
use crate::drafts::diff::percent;
use crate::drafts::facts::CampaignFacts;
use crate::drafts::proposal::Proposal;
use crate::drafts::stake::{Move, net_increase};
use crate::drafts::words::{amount, float, plain};
use jiff::ToSpan;
use rust_decimal::Decimal;
use serde_json::json;

fn money(campaign: &CampaignFacts, value: Decimal) -> String {
    amount(value, campaign.currency.exponent())
}

/// Each day's budget against the one before it; a ramp has several steps.
fn daily_steps<'a>(case: &Case<'a>) -> Vec<(Move<'a>, Decimal)> {
    let mut out = Vec::new();
    for (i, whole) in case.moves().into_iter().enumerate() {
        let lowest = whole.campaign.lowest_budget_24h.map_or(whole.old, |low| low.min(whole.old));
        let mut days: Vec<Decimal> = match case.proposal {
            Proposal::Reallocate(r) => {
                r.ramp.iter().map(|s| if i == 0 { s.from_new } else { s.to_new }).collect()
            }
            Proposal::Budget(_)
            | Proposal::Pause(_)
            | Proposal::Resume(_)
            | Proposal::Negatives(_)
            | Proposal::Brief(_)
            | Proposal::Ad(_)
            | Proposal::Audience(_) => Vec::new(),
        };
        if days.is_empty() {
            days.push(whole.new);
        }
        let mut reference = lowest;
        let mut old = whole.old;
        for new in days {
            out.push((Move { campaign: whole.campaign, old, new }, reference));
            (old, reference) = (new, new);
        }
    }
    out
}

/// new ≤ lowest daily budget of the last 24 h × 1.20 (block); new ≥ old × 0.50 (warn).
pub fn step(case: &Case<'_>) -> Vec<GuardResult> {
    let limit = case.facts.org.limits.budget_step_percent;
    let half = Decimal::new(5, 1);
    let mut worst: Option<GuardResult> = None;
    for (step, reference) in daily_steps(case) {
        let highest = reference * (Decimal::ONE + limit / Decimal::ONE_HUNDRED);
        let inputs = json!({"campaign": step.campaign.row.id, "old": step.old, "new": step.new,
            "lowest_24h": reference, "limit_percent": limit});
        let cur = step.campaign.currency;
        // The receiver's own currency rounds the bound: 120 % of 0.33 is 0.40, not 0.396.
        let over = step.new > step.old && step.new > step.campaign.money(highest);
        let found = if over {
            let from = money(step.campaign, reference);
            let message = format!(
                "Exceeds {}% daily increase limit ({from} → {} {cur}, {}%).",
                plain(limit),
                money(step.campaign, step.new),
                percent(reference, step.new)
            );
            case.fail(Guard::BudgetStep, Severity::Block, message, inputs)
        } else if step.new < step.old * half {
            let message = format!(
                "Cuts the daily budget by more than half ({} → {} {cur}, {}%).",
                money(step.campaign, step.old),
                money(step.campaign, step.new),
                percent(step.old, step.new)
            );
            case.fail(Guard::BudgetStep, Severity::Warn, message, inputs)
        } else {
            case.pass(Guard::BudgetStep, Severity::Block, inputs)
        };
        let graver = worst.as_ref().is_none_or(|w| w.passed && !found.passed || !w.stops() && found.stops());
        if graver {
            worst = Some(found);
        }
    }
    worst.into_iter().collect()
}

/// new ≤ the campaign's cap, else the platform's.
pub fn cap(case: &Case<'_>) -> Vec<GuardResult> {
    let limits = &case.facts.org.limits;
    let rising = case.moves().into_iter().filter(|m| m.new > m.old);
    rising
        .map(|m| {
            let own = match case.proposal {
                Proposal::Budget(b) => b.cap,
                Proposal::Pause(_)
                | Proposal::Resume(_)
                | Proposal::Reallocate(_)
                | Proposal::Negatives(_)
                | Proposal::Brief(_)
                | Proposal::Ad(_)
                | Proposal::Audience(_) => None,
            };
            let platform =
                limits.platform_budget_cap.get(&m.campaign.row.source).map(|cap| *cap / m.campaign.rate);
            let cap = [own, m.campaign.row.budget_cap.or(platform)].into_iter().flatten().min();
            let inputs = json!({"campaign": m.campaign.row.id, "new": m.new, "cap": cap});
            match cap {
                Some(cap) if m.new > cap => {
                    let message =
                        format!("Exceeds cap of {} {}.", money(m.campaign, cap), m.campaign.currency);
                    case.fail(Guard::BudgetCap, Severity::Block, message, inputs)
                }
                Some(_) => case.pass(Guard::BudgetCap, Severity::Block, inputs),
                None => case.note(
                    Guard::BudgetCap,
                    Severity::Block,
                    "No cap is set; one is required before the first live increase.".to_owned(),
                    inputs,
                ),
            }
        })
        .collect()
}

/// ROAS of the campaign and MER of the organisation, last 7 complete days (resume: its last 14 active days).
pub fn mer(case: &Case<'_>) -> Vec<GuardResult> {
    let min = float(case.facts.org.limits.min_mer);
    let resumed = matches!(case.proposal, Proposal::Resume(_));
    let rising = case.moves().into_iter().filter(|m| m.new > m.old);
    rising
        .map(|m| {
            let totals =
                if resumed { m.campaign.history.last_active(14) } else { m.campaign.history.totals(7) };
            let (roas, mer) = (totals.roas(), case.facts.org.mer_7d);
            let inputs = json!({"campaign": m.campaign.row.id, "roas": roas, "mer_7d": mer, "min_mer": min});
            let low = [roas, mer].into_iter().map(|r| r.unwrap_or(0.0)).find(|r| *r < min);
            match low {
                Some(low) => {
                    let message = format!("MER ({low:.2}) below threshold ({min:.2}).");
                    case.fail(Guard::MerBelow, Severity::Block, message, inputs)
                }
                None => case.pass(Guard::MerBelow, Severity::Block, inputs),
            }
        })
        .collect()
}

/// The envelope of net increases in a rolling 24 h, and the monthly budget where one is set.
pub fn net_spend(case: &Case<'_>) -> Vec<GuardResult> {
    let org = &case.facts.org;
    let own = net_increase(case.proposal, case.facts);
    let limit = envelope_limit(case.facts);
    let net = org.net_24h + own;
    let mut inputs = json!({"own": own, "approved_24h": org.net_24h, "limit": limit});
    let cur = org.currency;
    if own > Decimal::ZERO && net > limit {
        let message = format!(
            "Net increase of {} {cur} in 24 h exceeds the envelope of {} {cur}.",
            case.base(net),
            case.base(limit)
        );
        return vec![case.fail(Guard::NetSpend, Severity::Block, message, inputs)];
    }
    if let (Some(budget), true) = (org.limits.monthly_budget, own > Decimal::ZERO) {
        let end = org.today.last_of_month();
        let left = Decimal::from(org.today.until(end).map_or(0, |span| span.get_days()) + 1);
        let projected = org.month_to_date + left * (org.mean_daily_spend + net);
        inputs["projected_month"] = json!(projected);
        if projected > budget {
            let message = format!(
                "Spend of this month would reach {} {cur}; the monthly budget is {} {cur}.",
                case.base(projected),
                case.base(budget)
            );
            return vec![case.fail(Guard::NetSpend, Severity::Block, message, inputs)];
        }
    }
    vec![case.pass(Guard::NetSpend, Severity::Block, inputs)]
}

/// min(20 % of the trailing-7-day mean daily spend, the fixed maximum); without spend the cap of new accounts.
pub fn envelope_limit(facts: &crate::drafts::facts::Facts) -> Decimal {
    let limits = &facts.org.limits;
    if facts.org.mean_daily_spend <= Decimal::ZERO {
        return limits.new_account_daily_cap;
    }
    (facts.org.mean_daily_spend * Decimal::new(2, 1)).min(limits.max_net_increase_per_day)
}

/// A donor keeps at least 20 % of its budget and at least 10.00.
pub fn viable(case: &Case<'_>) -> Vec<GuardResult> {
    let limits = &case.facts.org.limits;
    let donors = case.moves().into_iter().filter(|m| m.new < m.old);
    donors
        .map(|m| {
            let floor =
                limits.donor_min_budget.checked_div(m.campaign.rate).unwrap_or(limits.donor_min_budget);
            let min = m.campaign.money((m.old * limits.donor_min_share).max(floor));
            let inputs = json!({"campaign": m.campaign.row.id, "old": m.old, "new": m.new, "min": min});
            if m.new < min {
                let name = crate::text::clean(&m.campaign.row.name, 80);
                let cur = m.campaign.currency;
                let message = format!(
                    "{name} would fall below its minimum viable spend ({} {cur}).",
                    money(m.campaign, min)
                );
                case.fail(Guard::MinViableSpend, Severity::Block, message, inputs)
            } else {
                case.pass(Guard::MinViableSpend, Severity::Block, inputs)
            }
        })
        .collect()
}

/// A budget that several campaigns spend is not one campaign's to change.
pub fn shared(case: &Case<'_>) -> Vec<GuardResult> {
    let campaigns = case.facts.campaigns.iter();
    campaigns
        .map(|campaign| {
            let names: Vec<String> = campaign.shared_with.iter().map(|n| crate::text::clean(n, 80)).collect();
            let inputs =
                json!({"campaign": campaign.row.id, "shared": campaign.row.budget_shared, "names": names});
            if campaign.row.budget_shared && names.len() > 1 {
                let message = format!("Budget is shared by {} campaigns: {}.", names.len(), names.join(", "));
                case.fail(Guard::SharedBudget, Severity::Hold, message, inputs)
            } else {
                case.pass(Guard::SharedBudget, Severity::Hold, inputs)
            }
        })
        .collect()
}

/// No spend without a conversion recorded in the window and a live conversion action. A campaign that rests is judged by
/// its account, and so is a new ad.
pub fn tracking(case: &Case<'_>) -> Vec<GuardResult> {
    let days = case.facts.org.limits.tracking_days;
    let by_account = matches!(case.proposal, Proposal::Resume(_) | Proposal::Ad(_));
    let from = case.facts.org.today.saturating_sub(days.days());
    let moves = case.moves();
    let rises = |id: &str| moves.iter().any(|m| m.campaign.row.id == id && m.new > m.old);
    case.facts
        .campaigns
        .iter()
        // Of a reallocation only the end that gets more.
        .filter(|campaign| !matches!(case.proposal, Proposal::Reallocate(_)) || rises(&campaign.row.id))
        .map(|campaign| {
            let own = campaign.history.totals(days).conversions;
            let (scope, seen) = if by_account {
                (format!("account {}", campaign.row.account_id), campaign.account_conversions)
            } else {
                (crate::text::clean(&campaign.row.name, 80), own)
            };
            let missing = campaign.row.tracking == "missing" || seen < Decimal::ONE;
            let inputs = json!({"campaign": campaign.row.id, "conversions": seen, "since": from,
                "tracking": campaign.row.tracking, "days": days});
            if missing {
                let message = format!(
                    "No conversion tracking seen for {scope} in {days} days; no spend without tracking."
                );
                case.fail(Guard::TrackingMissing, Severity::Block, message, inputs)
            } else {
                case.pass(Guard::TrackingMissing, Severity::Block, inputs)
            }
        })
        .collect()
}
