//! The state before: what the server reads of the thing to be changed, and how it performed. Never supplied by a caller.
//!
//! Performance figures inform reviewers; only the pointers that the action file lists under `compare` must still hold
//! at approval and execution.
use super::DraftError;
use super::facts::{CampaignFacts, Facts};
use super::proposal::{Negatives, Proposal, Reallocation};
use super::words::{float, kept, ratio};
use crate::text::clean;
use jiff::ToSpan;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

/// Builds `before` for a proposal from the facts of this moment.
pub fn before(proposal: &Proposal, facts: &Facts) -> Result<Value, DraftError> {
    Ok(match proposal {
        Proposal::Budget(_) => budget(facts.campaign()?),
        Proposal::Pause(_) => pause(facts.campaign()?),
        Proposal::Resume(_) => resume(facts.campaign()?),
        Proposal::Reallocate(r) => ends(r, facts)?,
        Proposal::Negatives(n) => negatives(n, facts)?,
        Proposal::Brief(_) => brief(facts),
        Proposal::Ad(_) => ad(facts)?,
        Proposal::Audience(_) => audience(facts),
    })
}

fn money(campaign: &CampaignFacts, amount: Decimal) -> Value {
    json!(campaign.money(amount))
}

fn budget(campaign: &CampaignFacts) -> Value {
    let week = campaign.history.totals(7);
    json!({
        "campaign": clean(&campaign.row.name, 80),
        "daily_budget": campaign.budget(),
        "currency": campaign.currency,
        "shared": campaign.row.budget_shared,
        "used_by": campaign.shared_with.len().max(1),
        "status": campaign.row.status,
        "is_brand": campaign.row.is_brand,
        "spend_7d": money(campaign, week.cost),
        "roas_7d": kept(week.roas()),
        "utilisation_7d": kept(campaign.utilisation()),
        "days_active": campaign.history.days_active(),
    })
}

fn pause(campaign: &CampaignFacts) -> Value {
    let week = campaign.history.totals(7);
    json!({
        "campaign": clean(&campaign.row.name, 80),
        "status": campaign.row.status,
        "effective_status": effective_status(&campaign.row.raw_status),
        "currency": campaign.currency,
        "daily_budget": campaign.budget(),
        "is_brand": campaign.row.is_brand,
        "spend_since_conversion": money(campaign, campaign.history.spend_since_conversion().0),
        "spend_7d": money(campaign, week.cost),
        "roas_7d": kept(week.roas()),
        "ctr_7d": kept(week.ctr()),
        "conversions_7d": kept(Some(float(week.conversions))),
        "days_active": campaign.history.days_active(),
    })
}

/// Whether it really serves, in the platform's own word; nothing when the platform was not asked.
fn effective_status(raw: &str) -> Option<String> {
    (!raw.is_empty()).then(|| clean(raw, 80))
}

fn resume(campaign: &CampaignFacts) -> Value {
    let active = campaign.history.last_active(14);
    json!({
        "campaign": clean(&campaign.row.name, 80),
        "status": campaign.row.status,
        "currency": campaign.currency,
        "daily_budget": campaign.budget(),
        "shared": campaign.row.budget_shared,
        "is_brand": campaign.row.is_brand,
        "roas_last_14_active_days": kept(active.roas()),
        "last_active": campaign.history.days.last().map(|day| day.date),
    })
}

fn ends(_: &Reallocation, facts: &Facts) -> Result<Value, DraftError> {
    match facts.campaigns.as_slice() {
        [from, to] => Ok(json!({"from": budget(from), "to": budget(to)})),
        _ => Err(DraftError::Broken("a reallocation needs two campaigns".to_owned())),
    }
}

fn negatives(n: &Negatives, facts: &Facts) -> Result<Value, DraftError> {
    let campaign = facts.campaign()?;
    let terms = facts.terms.clone().unwrap_or_default();
    // Negatives of campaigns are not stored; how many there are is not known.
    let existing = (n.level == "ad_group").then(|| terms.keywords.iter().filter(|k| k.negative).count());
    Ok(json!({
        "campaign": clean(&campaign.row.name, 80),
        "status": campaign.row.status,
        "currency": campaign.currency,
        "existing_negatives": existing,
        "already_negative": terms.dropped,
        "terms_90d": terms.terms.len(),
    }))
}

fn brief(facts: &Facts) -> Value {
    let clicks: i64 = facts.rankings.iter().map(|r| r.clicks).sum();
    let impressions: i64 = facts.rankings.iter().map(|r| r.impressions).sum();
    let weighted: Decimal =
        facts.rankings.iter().filter_map(|r| Some(r.position? * Decimal::from(r.impressions))).sum();
    json!({
        "position_28d": kept(ratio(weighted, Decimal::from(impressions))),
        "clicks_28d": clicks,
        "impressions_28d": impressions,
        "pages": pages(facts),
    })
}

/// Own pages shown for the keyword: path, clicks, impressions, the most seen first; at most five.
pub fn pages(facts: &Facts) -> Vec<Value> {
    let mut by_page: Vec<(String, i64, i64)> = Vec::new();
    for row in &facts.rankings {
        match by_page.iter_mut().find(|(page, ..)| *page == row.page) {
            Some((_, clicks, impressions)) => {
                *clicks += row.clicks;
                *impressions += row.impressions;
            }
            None => by_page.push((row.page.clone(), row.clicks, row.impressions)),
        }
    }
    by_page.sort_by(|a, b| b.2.cmp(&a.2).then_with(|| a.0.cmp(&b.0)));
    by_page
        .into_iter()
        .take(5)
        .map(
            |(page, clicks, impressions)| json!({"page": page, "clicks": clicks, "impressions": impressions}),
        )
        .collect()
}

fn ad(facts: &Facts) -> Result<Value, DraftError> {
    let campaign = facts.campaign()?;
    let ad = facts.ad.as_ref().ok_or_else(|| DraftError::Broken("an ad group was not read".to_owned()))?;
    let active: Vec<_> = ad.ads.iter().filter(|a| a.status == "active").collect();
    let clicks: i64 = active.iter().map(|a| a.clicks).sum();
    let impressions: i64 = active.iter().map(|a| a.impressions).sum();
    Ok(json!({
        "status": ad.group.status,
        "campaign_status": campaign.row.status,
        "ad_group": ad.group.name,
        "active_ads": active.len(),
        "ctr_28d": kept(ratio(Decimal::from(clicks), Decimal::from(impressions))),
        "impressions_28d": impressions,
        "best_ad": active.first().and_then(|a| a.headlines.first()),
    }))
}

fn audience(facts: &Facts) -> Value {
    let audience = facts.audience.clone().unwrap_or_default();
    let share = audience
        .consenting
        .zip(audience.size)
        .and_then(|(yes, all)| ratio(Decimal::from(yes), Decimal::from(all)));
    json!({
        "segment": audience.name,
        "size": audience.size,
        "consenting": audience.consenting,
        "consent_share": kept(share),
        "existing": audience.existing,
    })
}

/// The arguments that would make this proposal again: what a revision starts from.
pub fn arguments(
    proposal: &Proposal,
    payload: &Value,
    facts: &Facts,
) -> Result<Map<String, Value>, DraftError> {
    let mut args = Map::new();
    let campaign = facts.campaigns.first().map(|c| json!(c.row.id));
    match proposal {
        Proposal::Budget(b) => {
            args.insert("new_daily_budget".to_owned(), json!(b.new_daily_budget));
            args.extend(b.cap.map(|cap| ("cap".to_owned(), json!(cap))));
        }
        Proposal::Pause(p) => {
            args.insert("reason_code".to_owned(), json!(p.reason_code));
            args.extend(p.resume_at.map(|at| ("resume_at".to_owned(), json!(at))));
        }
        Proposal::Resume(r) => {
            args.extend(r.new_daily_budget.map(|new| ("new_daily_budget".to_owned(), json!(new))));
        }
        Proposal::Reallocate(r) => {
            if let [from, to] = facts.campaigns.as_slice() {
                args.insert("from".to_owned(), json!(from.row.id));
                args.insert("to".to_owned(), json!(to.row.id));
            }
            // A start that has passed moves to tomorrow; the length stays.
            let start = r.start_date.max(facts.org.today.saturating_add(1.day()));
            let days = r.start_date.until(r.end_date).map_or(6, |span| span.get_days());
            args.insert("amount_per_day".to_owned(), json!(r.amount_per_day));
            args.insert("start_date".to_owned(), json!(start));
            args.insert("end_date".to_owned(), json!(start.saturating_add(days.days())));
            args.insert("restore_at_end".to_owned(), json!(r.restore_at_end));
        }
        Proposal::Negatives(n) => {
            args.insert("keywords".to_owned(), json!(n.keywords));
            if n.level == "ad_group" {
                args.insert("ad_group".to_owned(), json!(n.parent_id));
            }
        }
        Proposal::Brief(_) | Proposal::Audience(_) => {
            let own = proposal.to_value()?;
            args.extend(own.as_object().cloned().unwrap_or_default());
        }
        Proposal::Ad(_) => {
            let own = proposal.to_value()?;
            args.extend(own.as_object().cloned().unwrap_or_default());
            for server_set in ["campaign_id", "ad_set_id", "name", "final_url_suffix", "enable"] {
                args.remove(server_set);
            }
            args.extend(facts.ad.as_ref().map(|ad| ("ad_group".to_owned(), json!(ad.group.id))));
        }
    }
    if !matches!(proposal, Proposal::Brief(_) | Proposal::Audience(_) | Proposal::Reallocate(_)) {
        args.extend(campaign.map(|id| ("campaign".to_owned(), id)));
    }
    args.extend(payload.get("reason").map(|reason| ("reason".to_owned(), reason.clone())));
    Ok(args)
}
