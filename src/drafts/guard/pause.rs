//! Guardrails on stopping spend: brand campaigns, evidence before a pause.
use super::{Case, GuardResult, Severity};
use crate::drafts::action::Guard;
use crate::drafts::facts::CampaignFacts;
use crate::drafts::proposal::Proposal;
use crate::drafts::words::{amount, count, float};
use rust_decimal::Decimal;
use serde_json::json;

/// Days over which the evidence behind a claim is counted.
const SAMPLE_DAYS: i32 = 14;

/// Brand campaigns are never paused, nor cut by more than 20 %.
pub fn brand(case: &Case<'_>) -> Vec<GuardResult> {
    let kept = Decimal::new(8, 1);
    case.moves()
        .into_iter()
        .filter(|m| m.new < m.old || matches!(case.proposal, Proposal::Pause(_)))
        .map(|m| {
            let pausing = matches!(case.proposal, Proposal::Pause(_));
            let inputs = json!({"campaign": m.campaign.row.id, "is_brand": m.campaign.row.is_brand,
                "old": m.campaign.money(m.old), "new": m.campaign.money(m.new)});
            if m.campaign.row.is_brand && (pausing || m.new < m.old * kept) {
                let name = crate::text::clean(&m.campaign.row.name, 80);
                case.fail(
                    Guard::BrandPause,
                    Severity::Block,
                    format!("Cannot pause brand campaigns ({name})."),
                    inputs,
                )
            } else {
                case.pass(Guard::BrandPause, Severity::Block, inputs)
            }
        })
        .collect()
}

/// The triggers of §10.2 that a campaign which still converts may meet; the first that holds.
fn other_trigger(campaign: &CampaignFacts) -> Option<&'static str> {
    let week = campaign.history.totals(7);
    let days = campaign.history.days_active();
    let low_ctr = days >= 5 && week.ctr().is_some_and(|ctr| ctr < 0.01);
    let plan =
        campaign.row.planned_budget.or(campaign.row.daily_budget).unwrap_or_default() * Decimal::from(7);
    let over = plan > Decimal::ZERO && week.cost > plan * Decimal::new(11, 1);
    let overspend = over && week.roas().is_some_and(|roas| roas < 1.5);
    match (low_ctr, overspend) {
        (true, _) => Some("CTR below 1.0 % after five days"),
        (_, true) => Some("spend over plan by more than 10 % at a ROAS below 1.5"),
        (false, false) => None,
    }
}

/// Enough was spent without a conversion, or the return is low after a week, or compliance asks.
pub fn min_spend(case: &Case<'_>) -> Vec<GuardResult> {
    let (Proposal::Pause(pause), Some(campaign)) = (case.proposal, case.facts.campaigns.first()) else {
        return Vec::new();
    };
    let limits = &case.facts.org.limits;
    let guard = Guard::MinSpendBeforePause;
    let (spend, spend_base) = campaign.history.spend_since_conversion();
    let week = campaign.history.totals(7);
    let days = campaign.history.days_active();
    let roas = week.roas();
    let inputs = json!({"campaign": campaign.row.id, "spend_since_conversion": campaign.money(spend), "min": limits.pause_min_spend,
        "days_active": days, "roas_7d": roas, "conversions_7d": week.conversions.normalize(), "reason": pause.reason_code});
    let low_return = days >= 7 && roas.is_some_and(|roas| roas < float(limits.pause_roas));
    if pause.reason_code == "compliance" || spend_base >= limits.pause_min_spend || low_return {
        return vec![case.pass(guard, Severity::Block, inputs)];
    }
    let min = limits.pause_min_spend.checked_div(campaign.rate).unwrap_or(limits.pause_min_spend);
    let places = campaign.currency.exponent();
    let cur = campaign.currency;
    let message = format!(
        "Spend ({} {cur}) below pause threshold ({} {cur}).",
        amount(spend, places),
        amount(min, places)
    );
    match other_trigger(campaign) {
        Some(trigger) if week.conversions > Decimal::ZERO => {
            let mut inputs = inputs;
            inputs["note"] = json!(format!("The campaign still converts; {trigger}."));
            vec![case.fail(guard, Severity::Hold, message, inputs)]
        }
        _ => vec![case.fail(guard, Severity::Block, message, inputs)],
    }
}

/// ≥ 7 days active and ≥ 1,000 impressions or 30 conversions behind the claim.
pub fn sample(case: &Case<'_>) -> Vec<GuardResult> {
    if matches!(case.proposal, Proposal::Pause(pause) if pause.reason_code == "compliance") {
        return vec![case.pass(Guard::MinSample, Severity::Hold, json!({"reason": "compliance"}))];
    }
    let limits = &case.facts.org.limits;
    case.facts
        .campaigns
        .iter()
        .map(|campaign| {
            let seen = campaign.history.totals(SAMPLE_DAYS);
            let days = campaign.history.days_active();
            let enough = seen.impressions >= limits.min_sample_impressions
                || seen.conversions >= limits.min_sample_conversions;
            let inputs = json!({"campaign": campaign.row.id, "days_active": days, "impressions": seen.impressions,
                "conversions": seen.conversions.normalize(), "days": SAMPLE_DAYS});
            let thin = match (days >= 7, enough) {
                (true, true) => return case.pass(Guard::MinSample, Severity::Hold, inputs),
                (false, _) => format!("{days} active days"),
                (true, false) => format!("{} impressions", count(seen.impressions)),
            };
            let message = format!("Only {thin} in {SAMPLE_DAYS} days; evidence is too thin.");
            case.fail(Guard::MinSample, Severity::Hold, message, inputs)
        })
        .collect()
}
