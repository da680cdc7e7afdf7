//! Budgets, pauses, reallocations: percentages to amounts, dates to windows, big rises to ramps.
use super::{Args, Proposed, campaign_id, campaigns, on_campaign};
use crate::db::OrgTx;
use crate::drafts::DraftError;
use crate::drafts::action::Action;
use crate::drafts::facts::{CampaignFacts, Facts, Org};
use crate::drafts::gather::{changed_by, over_plan, roas_7d};
use crate::drafts::proposal::{Budget, End, Pause, Proposal, Reallocation, Resume, Step};
use crate::drafts::words::float;
use crate::ids::OrgId;
use crate::text::clean;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;

fn current(campaign: &CampaignFacts, pointer: &str) -> Result<Decimal, DraftError> {
    campaign.budget().filter(|b| *b > Decimal::ZERO).ok_or_else(|| {
        let name = clean(&campaign.row.name, 80);
        let message = if campaign.row.lifetime_budget.is_some_and(|b| b > Decimal::ZERO) {
            format!("'{name}' has a lifetime budget, not a daily one; change it on the platform.")
        } else {
            format!("The daily budget of '{name}' is not known; sync or import it first.")
        };
        DraftError::payload(pointer, message)
    })
}

fn proposed(proposal: Proposal, facts: Facts, field: &str) -> Result<Proposed, DraftError> {
    let campaign = facts.campaign()?;
    let (platform, account_id) = (campaign.row.source.clone(), campaign.row.account_id.clone());
    let (entity_id, name) = (campaign.row.id.clone(), clean(&campaign.row.name, 80));
    let targets = facts.campaigns.iter().map(|c| on_campaign(&c.row.id, field)).collect();
    Ok(Proposed { proposal, facts, platform, account_id, entity_kind: "campaign", entity_id, targets, name })
}

pub async fn budget(
    tx: &mut OrgTx,
    id: OrgId,
    org: Org,
    action: &Action,
    args: &Args<'_>,
    up: bool,
) -> Result<Proposed, DraftError> {
    let campaign = campaign_id(tx, action, args, "campaign").await?;
    let facts = campaigns(tx, id, org, &[campaign]).await?;
    let campaign = facts.campaign()?;
    let old = current(campaign, "/campaign")?;
    let new = match (args.decimal("new_daily_budget")?, args.decimal("pct")?) {
        (Some(_), Some(_)) => {
            return Err(DraftError::payload("/pct", "Give either pct or new_daily_budget, not both."));
        }
        (Some(new), None) => campaign.money(new),
        (None, Some(percent)) => changed_by(campaign, old, if up { percent } else { -percent }),
        (None, None) => {
            return Err(DraftError::payload("/new_daily_budget", "Give pct or new_daily_budget."));
        }
    };
    let fits = if up { new > old } else { new < old && new > Decimal::ZERO };
    if !fits {
        let wanted = if up { "above" } else { "below" };
        let message = format!(
            "The new daily budget {new} must be {wanted} the present one, {old} {}.",
            campaign.currency
        );
        return Err(DraftError::payload("/new_daily_budget", message));
    }
    let cap = args.decimal("cap")?.map(|cap| campaign.money(cap));
    let proposal = Proposal::Budget(Budget {
        campaign_id: campaign.external_id().to_owned(),
        level: "campaign".to_owned(),
        budget_id: campaign.row.budget_id.clone(),
        current_daily_budget: old,
        new_daily_budget: new,
        cap,
    });
    proposed(proposal, facts, "daily_budget")
}

/// A campaign whose state is neither running, resting nor unknown can be neither paused nor resumed.
fn can_run(campaign: &CampaignFacts, verb: &str) -> Result<(), DraftError> {
    let state = match campaign.row.status.as_str() {
        "ended" => "has ended",
        "archived" => "is archived",
        "removed" => "was removed",
        "draft" => "is a draft that never ran",
        _ => return Ok(()),
    };
    let name = clean(&campaign.row.name, 80);
    let message =
        format!("'{name}' {state}: there is nothing to {verb}. Name a campaign that runs or is paused.");
    Err(DraftError::payload("/campaign", message))
}

/// Reasons that are read off conversions, which a campaign without tracking does not report.
const BY_CONVERSIONS: [&str; 2] = ["zero_conversions", "low_roas"];

/// The reason given, or the one the figures show.
fn reason(campaign: &CampaignFacts, said: Option<&str>) -> Result<&'static str, DraftError> {
    let all = ["low_roas", "low_ctr", "overspend", "zero_conversions", "fatigue", "seasonal", "compliance"];
    let found = said.and_then(|said| all.into_iter().find(|code| *code == said));
    let code = found.unwrap_or_else(|| reason_code(campaign));
    if campaign.row.tracking == "missing" && BY_CONVERSIONS.contains(&code) {
        let message = format!(
            "'{}' reports no conversions to us, so its figures do not show {}. Give another reason, or bring its conversions in first.",
            clean(&campaign.row.name, 80),
            code.replace('_', " ")
        );
        return Err(DraftError::payload("/reason_code", message));
    }
    Ok(code)
}

/// What speaks against a campaign, when nobody said.
fn reason_code(campaign: &CampaignFacts) -> &'static str {
    let fortnight = campaign.history.totals(14);
    if campaign.row.tracking == "missing" && campaign.history.totals(7).ctr().is_some_and(|ctr| ctr < 0.01) {
        return "low_ctr";
    }
    match roas_7d(campaign) {
        _ if fortnight.conversions.is_zero() && fortnight.cost > Decimal::ZERO => "zero_conversions",
        Some(roas) if roas < 1.5 && over_plan(campaign) => "overspend",
        Some(roas) if roas < float(Decimal::TWO) => "low_roas",
        _ if campaign.history.totals(7).ctr().is_some_and(|ctr| ctr < 0.01) => "low_ctr",
        _ => "low_roas",
    }
}

pub async fn pause(
    tx: &mut OrgTx,
    id: OrgId,
    org: Org,
    action: &Action,
    args: &Args<'_>,
) -> Result<Proposed, DraftError> {
    let campaign = campaign_id(tx, action, args, "campaign").await?;
    let facts = campaigns(tx, id, org, &[campaign]).await?;
    let campaign = facts.campaign()?;
    if campaign.row.status == "paused" {
        let message = format!("'{}' is paused already.", clean(&campaign.row.name, 80));
        return Err(DraftError::payload("/campaign", message));
    }
    can_run(campaign, "pause")?;
    let resume_at: Option<Timestamp> = args.read("resume_at")?;
    if resume_at.is_some_and(|at| at <= facts.org.now) {
        return Err(DraftError::payload("/resume_at", "resume_at must lie ahead."));
    }
    let reason = reason(campaign, args.text("reason_code"))?.to_owned();
    let proposal = Proposal::Pause(Pause {
        campaign_id: campaign.external_id().to_owned(),
        reason_code: reason,
        resume_at,
    });
    proposed(proposal, facts, "status")
}

pub async fn resume(
    tx: &mut OrgTx,
    id: OrgId,
    org: Org,
    action: &Action,
    args: &Args<'_>,
) -> Result<Proposed, DraftError> {
    let campaign = campaign_id(tx, action, args, "campaign").await?;
    let facts = campaigns(tx, id, org, &[campaign]).await?;
    let campaign = facts.campaign()?;
    if campaign.row.status == "active" {
        let message = format!("'{}' is active already.", clean(&campaign.row.name, 80));
        return Err(DraftError::payload("/campaign", message));
    }
    can_run(campaign, "resume")?;
    let new = args.decimal("new_daily_budget")?.map(|new| campaign.money(new));
    if new.is_none() {
        current(campaign, "/new_daily_budget")?;
    }
    let proposal = Proposal::Resume(Resume {
        campaign_id: campaign.external_id().to_owned(),
        budget_id: campaign.row.budget_id.clone(),
        new_daily_budget: new,
    });
    proposed(proposal, facts, "status")
}

fn end(campaign: &CampaignFacts, current: Decimal, new: Decimal) -> End {
    End {
        platform: campaign.row.source.clone(),
        account_id: campaign.row.account_id.clone(),
        currency: campaign.currency,
        campaign_id: campaign.external_id().to_owned(),
        budget_id: campaign.row.budget_id.clone(),
        current,
        new,
    }
}

pub async fn reallocate(
    tx: &mut OrgTx,
    id: OrgId,
    org: Org,
    action: &Action,
    args: &Args<'_>,
) -> Result<Proposed, DraftError> {
    let ids = [campaign_id(tx, action, args, "from").await?, campaign_id(tx, action, args, "to").await?];
    if ids[0] == ids[1] {
        return Err(DraftError::payload("/to", "Donor and receiver are the same campaign."));
    }
    let facts = campaigns(tx, id, org, &ids).await?;
    let [from, to] = facts.campaigns.as_slice() else {
        return Err(DraftError::Broken("a reallocation needs two campaigns".to_owned()));
    };
    let (old_from, old_to) = (current(from, "/from")?, current(to, "/to")?);
    let amount = match (args.decimal("amount_per_day")?, args.decimal("pct")?) {
        (Some(_), Some(_)) => {
            return Err(DraftError::payload("/pct", "Give either pct or amount_per_day, not both."));
        }
        (Some(amount), None) => from.money(amount),
        (None, Some(percent)) => from.money(old_from * percent / Decimal::ONE_HUNDRED),
        (None, None) => return Err(DraftError::payload("/amount_per_day", "Give pct or amount_per_day.")),
    };
    if amount <= Decimal::ZERO || amount >= old_from {
        let message = format!(
            "{amount} must be above 0 and below the donor's daily budget, {old_from} {}.",
            from.currency
        );
        return Err(DraftError::payload("/amount_per_day", message));
    }
    // Between currencies at the day's rate.
    let arriving = to.money(amount * from.rate / to.rate);
    let (new_from, new_to) = (old_from - amount, old_to + arriving);
    let tomorrow = facts.org.today.saturating_add(1.day());
    let start: Date = args.read("start_date")?.unwrap_or(tomorrow);
    let last: Date = args.read("end_date")?.unwrap_or_else(|| start.saturating_add(6.days()));
    if start < facts.org.today {
        return Err(DraftError::payload(
            "/start_date",
            format!("start_date must not lie before today, {}.", facts.org.today),
        ));
    }
    if last < start || last > start.saturating_add(30.days()) {
        return Err(DraftError::payload("/end_date", "end_date must lie 0 to 30 days after start_date."));
    }
    let step = Decimal::ONE + facts.org.limits.budget_step_percent / Decimal::ONE_HUNDRED;
    let ramp = ramp(from, to, (old_from, old_to), (new_from, new_to), start, step);
    if let Some(end) = ramp.last().map(|s| s.date).filter(|end| *end > last) {
        let message = format!(
            "Rising by at most {} % a day takes until {end}; choose a later end_date or move less.",
            facts.org.limits.budget_step_percent
        );
        return Err(DraftError::payload("/end_date", message));
    }
    let proposal = Proposal::Reallocate(Reallocation {
        from: end(from, old_from, new_from),
        to: end(to, old_to, new_to),
        amount_per_day: amount,
        start_date: start,
        end_date: last,
        restore_at_end: args.bool("restore_at_end").unwrap_or(false),
        ramp,
    });
    proposed(proposal, facts, "daily_budget")
}

/// Daily steps while the receiver would rise by more than one step allows: 100 → 120 → 144 → … → 250. Empty when one
/// step is enough. The donor gives what the receiver takes, day by day.
pub fn ramp(
    from: &CampaignFacts,
    to: &CampaignFacts,
    old: (Decimal, Decimal),
    new: (Decimal, Decimal),
    start: Date,
    step: Decimal,
) -> Vec<Step> {
    let mut out = Vec::new();
    let mut receiver = old.1;
    let mut date = start;
    while receiver < new.1 && out.len() < 31 {
        let next = to.money(receiver * step).min(new.1);
        if next <= receiver {
            // A budget so small that a step rounds to nothing would never arrive.
            break;
        }
        receiver = next;
        let given = (receiver - old.1) * to.rate / from.rate;
        let from_new = if receiver == new.1 { new.0 } else { from.money(old.0 - given) };
        out.push(Step { date, from_new, to_new: receiver });
        date = date.saturating_add(1.day());
    }
    if out.len() <= 1 { Vec::new() } else { out }
}
