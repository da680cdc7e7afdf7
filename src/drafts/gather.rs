//! Reads the facts that a draft is judged by, in one transaction of its organisation.
use super::DraftError;
use super::facts::{AdFacts, AudienceFacts, CampaignFacts, Facts, Org, TermFacts, external, in_units};
use super::figures::History;
use super::limits::Limits;
use super::proposal::{Audience, Keyword, Proposal};
use super::words::{float, ratio};
use crate::db::OrgTx;
use crate::db::drafts::facts as db;
use crate::db::drafts::people::{self, People};
use crate::db::drafts::read;
use crate::ids::OrgId;
use crate::period::local_day;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rust_decimal::Decimal;
use serde_json::Value;

/// What a proposal is about, by canonical ids.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// One campaign, or donor and receiver.
    pub campaigns: Vec<String>,
    pub ad_group: Option<String>,
}

/// The organisation and what holds for all its drafts at this moment.
pub async fn org(tx: &mut OrgTx, id: OrgId, now: Timestamp) -> Result<Org, DraftError> {
    let row = db::organisation(tx)
        .await?
        .ok_or_else(|| DraftError::Broken("the organisation is gone".to_owned()))?;
    let zone = TimeZone::get(&row.time_zone)
        .map_err(|e| DraftError::Broken(format!("the organisation's time zone cannot be read: {e}")))?;
    let currency = row.currency.parse().map_err(|e| DraftError::Broken(format!("{e}")))?;
    let limits = Limits::read(db::settings(tx).await?)?;
    let today = local_day(now, &zone);
    let (week, yesterday) = (today.saturating_sub(7.days()), today.saturating_sub(1.day()));
    let spend = db::sums(tx, None, week, yesterday).await?;
    let month = db::sums(tx, None, today.first_of_month(), yesterday.max(today.first_of_month())).await?;
    let start = |day: jiff::civil::Date| {
        day.to_zoned(zone.clone())
            .map(|z| z.timestamp())
            .map_err(|e| DraftError::Broken(format!("no such day: {e}")))
    };
    // Without a shop of its own an organisation has only what the platforms report. A week without orders of a shop that
    // had some is a week without revenue.
    let revenue = match db::has_orders(tx).await? {
        true => db::order_revenue(tx, start(week)?, start(today)?).await?,
        false => spend.revenue_base,
    };
    let links = db::known_links(tx).await?;
    let hosts = links.iter().filter_map(|link| {
        let host = link.split_once("://")?.1.to_lowercase();
        Some(host.strip_prefix("www.").unwrap_or(&host).to_owned())
    });
    let frozen_until = read::freezes(tx, id, now).await?.into_iter().collect();
    let net_24h = crate::db::drafts::envelope::net_since(tx, id, now - 24.hours()).await?;
    Ok(Org {
        now,
        today,
        zone: zone.clone(),
        currency,
        limits,
        mer_7d: ratio(revenue, spend.cost_base),
        margin_90d: db::margin(tx, start(today.saturating_sub(90.days()))?, start(today)?).await?.map(float),
        mean_daily_spend: spend.cost_base / Decimal::from(7),
        month_to_date: month.cost_base,
        domains: hosts.collect(),
        frozen_until,
        net_24h,
    })
}

/// All facts for a proposal about these things.
pub async fn facts(
    tx: &mut OrgTx,
    id: OrgId,
    org: Org,
    about: &About,
    proposal: &Proposal,
    platform: &str,
) -> Result<Facts, DraftError> {
    let mut campaigns = Vec::new();
    for campaign_id in &about.campaigns {
        campaigns.push(campaign(tx, id, &org, campaign_id).await?);
    }
    let mut facts = Facts { org, campaigns, terms: None, ad: None, audience: None, rankings: Vec::new() };
    match proposal {
        Proposal::Negatives(_) => facts.terms = Some(terms(tx, &facts, about).await?),
        Proposal::Ad(_) => facts.ad = Some(ad(tx, &facts, about).await?),
        Proposal::Audience(a) => facts.audience = Some(audience(tx, id, &facts.org, a, platform).await?),
        Proposal::Brief(brief) => {
            let pattern = like(&brief.keyword);
            facts.rankings = db::rankings(tx, &pattern, facts.org.today.saturating_sub(28.days())).await?;
        }
        Proposal::Budget(_) | Proposal::Pause(_) | Proposal::Resume(_) | Proposal::Reallocate(_) => {}
    }
    Ok(facts)
}

/// A LIKE pattern for texts that hold the words of a keyword in order.
pub fn like(keyword: &str) -> String {
    let words: Vec<String> = keyword
        .to_lowercase()
        .split_whitespace()
        .map(|word| word.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
        .collect();
    format!("%{}%", words.join("%"))
}

/// A campaign with 90 days of history.
pub async fn campaign(
    tx: &mut OrgTx,
    id: OrgId,
    org: &Org,
    campaign_id: &str,
) -> Result<CampaignFacts, DraftError> {
    let row = db::campaign(tx, campaign_id)
        .await?
        .ok_or_else(|| DraftError::payload("/campaign", format!("There is no campaign {campaign_id}.")))?;
    let currency = row.currency.parse().map_err(|e| DraftError::Broken(format!("{e}")))?;
    let yesterday = org.today.saturating_sub(1.day());
    let days = db::days(tx, "campaign", campaign_id, org.today.saturating_sub(90.days()), yesterday).await?;
    let history = History { today: org.today, days };
    let rate = rate(tx, org, &row.currency, &history).await?;
    let shared_with = match (&row.budget_id, row.budget_shared) {
        (Some(budget), true) => db::budget_users(tx, &row.source, budget).await?,
        _ => Vec::new(),
    };
    let since = org.now - 72.hours();
    let changes = read::executed_changes(tx, id, campaign_id, since).await?;
    let own = external(campaign_id);
    let recent = changes.iter().filter(|(at, ..)| *at > org.now - 24.hours());
    let lowest_budget_24h = recent.filter_map(|(_, payload, before)| old_budget(own, payload, before)).min();
    let tracking_from = org.today.saturating_sub(org.limits.tracking_days.days());
    let account = (row.source.as_str(), row.account_id.as_str());
    let account_conversions = db::sums(tx, Some(account), tracking_from, yesterday).await?.conversions;
    let experiments = db::running_experiments(tx, "campaign", campaign_id).await?;
    let newest_day = db::newest_day(tx, &row.source).await?;
    Ok(CampaignFacts {
        currency,
        rate,
        history,
        shared_with,
        lowest_budget_24h,
        changed_at: changes.first().map(|(at, ..)| *at),
        experiments,
        newest_day,
        account_conversions,
        row,
    })
}

/// The budget that an executed draft found.
fn old_budget(campaign: &str, payload: &Value, before: &Value) -> Option<Decimal> {
    let of = |part: &Value| part.get("daily_budget")?.as_str()?.parse().ok();
    for end in ["from", "to"] {
        if payload.get(end).and_then(|e| e.get("campaign_id")).and_then(Value::as_str) == Some(campaign) {
            return of(before.get(end)?);
        }
    }
    of(before)
}

/// One unit of the account's currency in the organisation's: a stored rate, else what the facts were converted at.
async fn rate(tx: &mut OrgTx, org: &Org, currency: &str, history: &History) -> Result<Decimal, DraftError> {
    if currency == org.currency.as_str() {
        return Ok(Decimal::ONE);
    }
    if let Some(rate) = db::fx_rate(tx, currency, org.currency.as_str(), org.today).await? {
        return Ok(rate);
    }
    let past = history.totals(90);
    past.cost_base.checked_div(past.cost).filter(|rate| *rate > Decimal::ZERO).ok_or_else(|| {
        let message =
            format!("No exchange rate from {currency} to {} is known; import fx_rates first.", org.currency);
        DraftError::conflict("draft.no_rate", message)
    })
}

async fn terms(tx: &mut OrgTx, facts: &Facts, about: &About) -> Result<TermFacts, DraftError> {
    let campaign = &facts.campaign()?.row.id;
    let terms = db::terms(tx, campaign, about.ad_group.as_deref(), facts.org.today).await?;
    let mut keywords = db::keywords(tx, campaign).await?;
    // Stored negatives are those of ad groups: what one group excludes, its campaign and its siblings do not.
    keywords.retain(|k| !k.negative || Some(&k.ad_group_id) == about.ad_group.as_ref());
    Ok(TermFacts { terms, keywords, dropped: Vec::new() })
}

/// Splits the keywords that are excluded already off from those that are new.
pub fn split_known(keywords: Vec<Keyword>, terms: &TermFacts) -> (Vec<Keyword>, Vec<Keyword>) {
    keywords.into_iter().partition(|keyword| {
        !terms.keywords.iter().any(|k| {
            k.negative
                && k.match_type == keyword.match_type.as_str()
                && k.text.to_lowercase() == keyword.text.to_lowercase()
        })
    })
}

async fn ad(tx: &mut OrgTx, facts: &Facts, about: &About) -> Result<AdFacts, DraftError> {
    let campaign = facts.campaign()?;
    let from = facts.org.today.saturating_sub(28.days());
    let groups = db::ad_groups(tx, &campaign.row.id, Some(from)).await?;
    let wanted = about.ad_group.as_deref();
    let group = groups
        .into_iter()
        .find(|g| wanted.is_none_or(|id| g.id == id))
        .ok_or_else(|| DraftError::payload("/ad_group", "This ad group is gone."))?;
    let ads = db::creatives(tx, &group.id, from).await?;
    Ok(AdFacts { group, ads })
}

/// The people that a named segment stands for, with its rule in words.
pub async fn people_of(
    tx: &mut OrgTx,
    id: OrgId,
    segment: &str,
    now: Timestamp,
) -> Result<Option<(People, String, String, Option<i32>)>, DraftError> {
    let week = now - (7 * 24).hours();
    let built_in = match segment {
        "quote_started_no_submit_7d" => Some((
            People::QuoteStarted { since: week },
            "started a quote in the last 7 days and sent none since",
        )),
        "lead_no_booking_7d" => Some((
            People::LeadWithoutBooking { since: week, until: now - 24.hours() },
            "became a lead in the last 7 days, at least 24 hours ago, and booked nothing since",
        )),
        "city_page_viewed_2x_14d" => Some((
            People::CityPageTwice { since: now - (14 * 24).hours() },
            "saw a city page at least twice in 14 days and is no lead yet",
        )),
        "churn_risk_high" => {
            Some((People::ChurnRisk, "is likelier than not to buy nothing in the next 30 days"))
        }
        _ => None,
    };
    if let Some((people, rule)) = built_in {
        return Ok(Some((people, segment.to_owned(), rule.to_owned(), None)));
    }
    let stored = people::segments(tx, id).await?;
    let found = stored.into_iter().find(|s| s.id.to_string() == segment || s.name == segment);
    Ok(found.map(|s| {
        (People::Stored(s.id), s.name.clone(), format!("members of the segment {}", s.name), s.age_min)
    }))
}

async fn audience(
    tx: &mut OrgTx,
    id: OrgId,
    org: &Org,
    a: &Audience,
    platform: &str,
) -> Result<AudienceFacts, DraftError> {
    let (people, name, rule, age_min) = people_of(tx, id, &a.segment, org.now)
        .await?
        .ok_or_else(|| DraftError::payload("/segment", format!("There is no segment {}.", a.segment)))?;
    let whom = (a.exclude_customers, a.method == "list");
    let counted = people::count(tx, id, &people, whom, org.today).await?;
    // A pixel may know people of whom no event arrived here: no event at all means the size is the platform's to tell.
    let by_pixel = a.method == "rule" && !matches!(people, People::Stored(_) | People::ChurnRisk);
    let known = counted.size > 0 || !by_pixel;
    Ok(AudienceFacts {
        platform: platform.to_owned(),
        segment: a.segment.clone(),
        name,
        rule,
        size: known.then_some(counted.size),
        consenting: known.then_some(counted.consenting),
        age_min,
        age_known: counted.age_known,
        minors: counted.minors,
        existing: people::existing_audience(tx, id, platform, &a.name).await?,
        experiments: db::running_experiments(tx, "segment", &a.segment).await?,
    })
}

/// A budget after a change by `percent`, in the campaign's units.
pub fn changed_by(campaign: &CampaignFacts, current: Decimal, percent: Decimal) -> Decimal {
    in_units(current * (Decimal::ONE + percent / Decimal::ONE_HUNDRED), campaign.currency)
}

/// Return over the last seven days, for reasons that the server finds itself.
pub fn roas_7d(campaign: &CampaignFacts) -> Option<f64> {
    campaign.history.totals(7).roas()
}

/// Whether spend exceeds the plan of seven days by more than 10 %.
pub fn over_plan(campaign: &CampaignFacts) -> bool {
    let plan =
        campaign.row.planned_budget.or(campaign.row.daily_budget).unwrap_or_default() * Decimal::from(7);
    plan > Decimal::ZERO && float(campaign.history.totals(7).cost) > 1.1 * float(plan)
}
