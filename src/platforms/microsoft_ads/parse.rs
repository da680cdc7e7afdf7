//! Rows of Microsoft's reports and things of its campaign service, read without trust. Money is in the account's currency, in
//! whole units with decimals.
use super::table::Row;
use crate::money::Currency;
use crate::platforms::rows::{AdGroup, Campaign, Daily, Entity, SearchTerm};
use crate::platforms::shape::{self, Missing, Seen};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::BTreeMap;

/// Whose rows they are.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    pub id: &'a str,
    pub currency: Currency,
}

/// A report: what it is ordered as, and which of its columns say what a row is about.
#[derive(Debug)]
pub struct Level {
    pub stream: &'static str,
    pub kind: &'static str,
    pub report: &'static str,
    /// The column that holds the thing's number.
    pub id: &'static str,
    pub name: &'static str,
    /// What is asked for besides the figures and the day.
    pub columns: &'static [&'static str],
}

/// Columns of every report.
const FIGURES: [&str; 7] =
    ["TimePeriod", "AccountId", "Impressions", "Clicks", "Spend", "ConversionsQualified", "Revenue"];

impl Level {
    /// The columns that are asked for.
    pub fn all(&self) -> Vec<&'static str> {
        FIGURES.iter().chain(self.columns).copied().collect()
    }

    pub fn knows(&self, column: &str) -> bool {
        FIGURES.contains(&column) || self.columns.contains(&column)
    }
}

/// The id as every table writes it.
pub fn own(external: &str) -> String {
    format!("microsoft_ads:{external}")
}

fn lacks(column: &str) -> Missing {
    Missing(format!("report.{column}"))
}

/// What every row of a report says.
struct Figures {
    date: Date,
    impressions: i64,
    clicks: i64,
    cost: Decimal,
    conversions: Decimal,
    value: Decimal,
}

impl Figures {
    fn read(row: &Row<'_>) -> Result<Self, Missing> {
        // `2026-01-24`, or the hour it begins with, written in the account's zone.
        let day = row.text("TimePeriod").and_then(|text| text.get(..10)?.parse().ok());
        let count = |name: &str| row.count(name).ok_or_else(|| lacks(name));
        let number = |name: &str| row.number(name).ok_or_else(|| lacks(name));
        // The newer column has parts of conversions; older files have whole ones.
        let qualified = row.text("ConversionsQualified").is_some() || !row.has("Conversions");
        let conversions = if qualified { "ConversionsQualified" } else { "Conversions" };
        Ok(Self {
            date: day.ok_or_else(|| lacks("TimePeriod"))?,
            impressions: count("Impressions")?,
            clicks: count("Clicks")?,
            cost: number("Spend")?,
            conversions: number(conversions)?,
            value: number("Revenue")?,
        })
    }
}

/// What a campaign of a sort is bought as. Reports and the campaign service have words of their own.
fn channel(sort: &str, seen: &mut Seen) -> &'static str {
    match sort {
        "Audience" | "Audience ads" | "AudienceNetwork" => "display",
        ""
        | "Search"
        | "Search & content"
        | "Shopping"
        | "Microsoft Shopping Campaigns"
        | "DynamicSearchAds"
        | "Dynamic search ads"
        | "Hotel"
        | "Lodging"
        | "PerformanceMax"
        | "Performance max"
        | "App"
        | "App Install" => "paid_search",
        other => {
            seen.odd_word("CampaignType", other);
            "paid_search"
        }
    }
}

/// A thing's day.
pub fn day(row: &Row<'_>, level: &Level, account: Account<'_>, seen: &mut Seen) -> Result<Daily, Missing> {
    let figures = Figures::read(row)?;
    let external = row.text(level.id).ok_or_else(|| lacks(level.id))?;
    let mut day = Daily::new(figures.date, account.id, level.kind, own(external), account.currency);
    day.channel = channel(row.text("CampaignType").unwrap_or_default(), seen);
    (day.impressions, day.clicks, day.cost) = (figures.impressions, figures.clicks, figures.cost);
    (day.conversions, day.conversion_value, day.revenue) =
        (figures.conversions, figures.value, figures.value);
    Ok(day)
}

/// The name of a thing that no list names.
pub fn named(row: &Row<'_>, level: &Level, account: Account<'_>) -> Option<Entity> {
    if !matches!(level.kind, "ad" | "keyword") {
        return None;
    }
    let external = row.text(level.id)?;
    Some(Entity {
        kind: level.kind,
        id: own(external),
        account_id: account.id.to_owned(),
        external_id: external.to_owned(),
        name: row.text(level.name).unwrap_or(external).to_owned(),
        canonical_id: own(external),
    })
}

/// Adds a row to those of the same thing and day.
pub fn add(days: &mut BTreeMap<(Date, String, &'static str), Daily>, row: Daily) {
    let key = (row.date, row.entity_id.clone(), row.channel);
    match days.get_mut(&key) {
        Some(sum) => {
            sum.impressions += row.impressions;
            sum.clicks += row.clicks;
            sum.cost += row.cost;
            sum.conversions += row.conversions;
            sum.conversion_value += row.conversion_value;
            sum.revenue += row.revenue;
        }
        None => {
            days.insert(key, row);
        }
    }
}

/// A day of a search term, in lower case.
pub fn term(row: &Row<'_>, account: Account<'_>, seen: &mut Seen) -> Result<SearchTerm, Missing> {
    let figures = Figures::read(row)?;
    let of = |column: &str| row.text(column).ok_or_else(|| lacks(column));
    // A close variant counts as its kind: `Phrase (close variant)`.
    let matched = row.text("DeliveredMatchType").unwrap_or_default();
    let match_type = match matched.split(' ').next().unwrap_or_default() {
        "Exact" => "EXACT",
        "Phrase" => "PHRASE",
        "Broad" | "Content" | "Predictive" | "" => "BROAD",
        _ => {
            seen.odd_word("DeliveredMatchType", matched);
            "BROAD"
        }
    };
    Ok(SearchTerm {
        date: figures.date,
        campaign_id: own(of("CampaignId")?),
        ad_group_id: row.text("AdGroupId").map(own).unwrap_or_default(),
        term: of("SearchQuery")?.to_lowercase(),
        match_type,
        status: "none",
        impressions: figures.impressions,
        clicks: figures.clicks,
        conversions: figures.conversions,
        cost: figures.cost,
        conversion_value: figures.value,
        currency: account.currency,
    })
}

/// What tells search terms apart: day, campaign, ad group, words, kind of match.
pub type Terms = BTreeMap<(Date, String, String, String, &'static str), SearchTerm>;

/// Adds a row to those of the same term and day.
pub fn add_term(sums: &mut Terms, row: SearchTerm) {
    let key = (row.date, row.campaign_id.clone(), row.ad_group_id.clone(), row.term.clone(), row.match_type);
    match sums.get_mut(&key) {
        Some(sum) => {
            sum.impressions += row.impressions;
            sum.clicks += row.clicks;
            sum.cost += row.cost;
            sum.conversions += row.conversions;
            sum.conversion_value += row.conversion_value;
        }
        None => {
            sums.insert(key, row);
        }
    }
}

/// Fields of a campaign that we know, read or not.
const CAMPAIGN: [&str; 24] = [
    "Id",
    "Name",
    "Status",
    "CampaignType",
    "SubType",
    "BudgetType",
    "DailyBudget",
    "BudgetId",
    "TimeZone",
    "BiddingScheme",
    "Languages",
    "TrackingUrlTemplate",
    "UrlCustomParameters",
    "FinalUrlSuffix",
    "ForwardCompatibilityMap",
    "Settings",
    "AudienceAdsBidAdjustment",
    "AdScheduleUseSearcherTimeZone",
    "ExperimentId",
    "MultimediaAdsBidAdjustment",
    "GoalIds",
    "IsDealCampaign",
    "StartDate",
    "EndDate",
];

/// A campaign by its number.
pub fn campaign(entry: &Value, account: Account<'_>, seen: &mut Seen) -> Result<(String, Campaign), Missing> {
    let lacks = |field: &str| Missing(format!("Campaigns.{field}"));
    let object = entry.as_object().ok_or_else(|| lacks("Id"))?;
    let external = shape::id(object.get("Id")).ok_or_else(|| lacks("Id"))?;
    let name = shape::text(entry, "Name").map_err(|_| lacks("Name"))?;
    let raw = shape::text(entry, "Status").map_err(|_| lacks("Status"))?;
    let mut extra = seen.unknown(object, &CAMPAIGN, "Campaigns.");
    let status = match raw {
        "Active" => "active",
        // A paused budget and a paused campaign are paused both.
        "Paused" | "BudgetPaused" | "BudgetAndManualPaused" => "paused",
        "Suspended" => "unknown",
        "Deleted" => "removed",
        other => {
            seen.odd_word("Campaigns.Status", other);
            "unknown"
        }
    };
    let sort = shape::text_if_any(entry, "CampaignType").unwrap_or_default();
    extra.insert("campaign_type".to_owned(), Value::from(sort));
    let bidding = entry.get("BiddingScheme").and_then(|scheme| shape::text_if_any(scheme, "Type"));
    let budget_id = shape::id(object.get("BudgetId")).filter(|id| id != "0");
    let row = Campaign {
        id: own(&external),
        account_id: account.id.to_owned(),
        name: name.to_owned(),
        status,
        raw_status: raw.to_owned(),
        channel: channel(sort, seen),
        objective: String::new(),
        bidding: bidding.unwrap_or_default().to_owned(),
        daily_budget: shape::number(object.get("DailyBudget")),
        lifetime_budget: None,
        budget_shared: budget_id.is_some(),
        budget_id: budget_id.map(|id| own(&id)),
        currency: account.currency,
        starts_on: None,
        ends_on: None,
        labels: Vec::new(),
        extra,
    };
    Ok((external, row))
}

/// An ad group by its number; it does not name its campaign itself.
pub fn ad_group(
    entry: &Value,
    campaign: &str,
    account: Account<'_>,
    seen: &mut Seen,
) -> Result<(String, AdGroup), Missing> {
    let lacks = |field: &str| Missing(format!("AdGroups.{field}"));
    let external = shape::id(entry.get("Id")).ok_or_else(|| lacks("Id"))?;
    let name = shape::text(entry, "Name").map_err(|_| lacks("Name"))?;
    let raw = shape::text(entry, "Status").map_err(|_| lacks("Status"))?;
    let mut extra =
        entry.as_object().map(|object| seen.unknown(object, &AD_GROUP, "AdGroups.")).unwrap_or_default();
    extra.insert("raw_status".to_owned(), Value::from(raw));
    let status = match raw {
        "Active" => "active",
        "Paused" => "paused",
        "Expired" => "ended",
        "Deleted" => "removed",
        other => {
            seen.odd_word("AdGroups.Status", other);
            "unknown"
        }
    };
    let bid = entry.get("CpcBid").and_then(|bid| shape::number(bid.get("Amount")));
    let row = AdGroup {
        id: own(&external),
        campaign_id: own(campaign),
        name: name.to_owned(),
        status,
        bid,
        daily_budget: None,
        currency: account.currency,
        optimization_goal: String::new(),
        extra,
    };
    Ok((external, row))
}

/// Fields of an ad group that we know.
const AD_GROUP: [&str; 29] = [
    "Id",
    "Name",
    "Status",
    "CpcBid",
    "CpmBid",
    "CpvBid",
    "PercentCpcBid",
    "McpaBid",
    "CommissionRate",
    "AdGroupType",
    "AdRotation",
    "AdScheduleUseSearcherTimeZone",
    "AudienceAdsBidAdjustment",
    "BiddingScheme",
    "EndDate",
    "FinalUrlSuffix",
    "ForwardCompatibilityMap",
    "FrequencyCapSettings",
    "HotelSetting",
    "Language",
    "MultimediaAdsBidAdjustment",
    "Network",
    "PrivacyStatus",
    "Settings",
    "StartDate",
    "TrackingUrlTemplate",
    "UrlCustomParameters",
    "UseOptimizedTargeting",
    "UsePredictiveTargeting",
];

#[cfg(test)]
mod tests;
