//! All that a draft is judged by, gathered once: pure rooms read it, only `gather` fills it.
use super::figures::History;
use super::limits::Limits;
use super::proposal::Keyword;
use crate::db::drafts::facts::{AdGroup, Campaign, Creative, KeywordRow, Ranking, Term};
use crate::money::Currency;
use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};

/// The organisation and what holds for all its drafts. Amounts in its currency.
#[derive(Clone, Debug)]
pub struct Org {
    pub now: Timestamp,
    /// The organisation's day.
    pub today: Date,
    pub zone: TimeZone,
    pub currency: Currency,
    pub limits: Limits,
    /// Revenue ÷ spend over the last seven complete days; nothing without spend.
    pub mer_7d: Option<f64>,
    /// Gross margin of the last 90 complete days, where enough costs of goods are known.
    pub margin_90d: Option<f64>,
    /// Mean daily spend of the last seven complete days.
    pub mean_daily_spend: Decimal,
    /// Spend since the first of the month.
    pub month_to_date: Decimal,
    /// Hosts that the account's own ads and pages use, without `www.`.
    pub domains: BTreeSet<String>,
    /// The end of a freeze that holds now, by platform (`*` = all).
    pub frozen_until: BTreeMap<String, Timestamp>,
    /// Increases minus decreases that were approved in the last 24 hours.
    pub net_24h: Decimal,
}

/// A campaign with its past.
#[derive(Clone, Debug)]
pub struct CampaignFacts {
    pub row: Campaign,
    pub currency: Currency,
    /// One unit of the account's currency in the organisation's.
    pub rate: Decimal,
    pub history: History,
    /// Who else spends its budget.
    pub shared_with: Vec<String>,
    /// The lowest daily budget that held in the last 24 hours, as far as executed drafts know.
    pub lowest_budget_24h: Option<Decimal>,
    /// When an executed draft last changed it.
    pub changed_at: Option<Timestamp>,
    pub experiments: Vec<String>,
    /// The last day with figures of its platform.
    pub newest_day: Option<Date>,
    /// Conversions of its account in the tracking window.
    pub account_conversions: Decimal,
}

impl CampaignFacts {
    /// The platform's own id: what stands after the last colon.
    pub fn external_id(&self) -> &str {
        external(&self.row.id)
    }

    /// The present daily budget, rounded to the currency's smallest unit.
    pub fn budget(&self) -> Option<Decimal> {
        self.row.daily_budget.map(|amount| self.money(amount))
    }

    /// An amount with exactly the decimals of the account's currency.
    pub fn money(&self, amount: Decimal) -> Decimal {
        in_units(amount, self.currency)
    }

    /// Spend of the last seven days ÷ seven daily budgets.
    pub fn utilisation(&self) -> Option<f64> {
        let budget = self.row.daily_budget? * Decimal::from(7);
        super::words::ratio(self.history.totals(7).cost, budget)
    }
}

/// An amount rounded to, and written with, the decimals of its currency.
pub fn in_units(amount: Decimal, currency: Currency) -> Decimal {
    let mut out = crate::money::Money { amount, currency }.rounded();
    out.rescale(currency.exponent());
    out
}

/// The platform's own id of a canonical id such as `google_ads:1001`.
pub fn external(id: &str) -> &str {
    id.rsplit(':').next().unwrap_or(id)
}

/// What is known of the terms to exclude.
#[derive(Clone, Debug, Default)]
pub struct TermFacts {
    pub terms: Vec<Term>,
    pub keywords: Vec<KeywordRow>,
    /// Terms that were asked for and are excluded already.
    pub dropped: Vec<Keyword>,
}

#[derive(Clone, Debug)]
pub struct AdFacts {
    pub group: AdGroup,
    /// All ads of the group, the most seen first.
    pub ads: Vec<Creative>,
}

/// The people of a segment.
#[derive(Clone, Debug, Default)]
pub struct AudienceFacts {
    pub platform: String,
    pub segment: String,
    pub name: String,
    /// In words, for the reviewer.
    pub rule: String,
    /// Nothing when the segment has not been counted.
    pub size: Option<i64>,
    /// How many of them granted consent to advertising.
    pub consenting: Option<i64>,
    pub age_min: Option<i32>,
    /// Of how many of the people addressed an age is known, and how many of these may be under 18.
    pub age_known: i64,
    pub minors: i64,
    /// An audience of the same name that exists already.
    pub existing: Option<String>,
    pub experiments: Vec<String>,
}

/// What a draft is about.
#[derive(Clone, Debug)]
pub struct Facts {
    pub org: Org,
    /// One campaign, or donor and receiver; none for briefs and audiences.
    pub campaigns: Vec<CampaignFacts>,
    pub terms: Option<TermFacts>,
    pub ad: Option<AdFacts>,
    pub audience: Option<AudienceFacts>,
    pub rankings: Vec<Ranking>,
}

impl Facts {
    /// The campaign a draft is about.
    pub fn campaign(&self) -> Result<&CampaignFacts, super::DraftError> {
        self.campaigns.first().ok_or_else(|| super::DraftError::Broken("a campaign was not read".to_owned()))
    }
}
