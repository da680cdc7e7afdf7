//! The rows a file becomes: one struct a fact table, named as the columns are, and what all kinds share.
use super::table::{Fault, Row};
use crate::db::facts::fx::Rates;
use crate::db::facts::levels::Parents;
use crate::money::Currency;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Words of the caller that the file does not carry.
pub struct Setting {
    /// The connector the rows come from, for instance `google_ads`; `csv` when nobody says.
    pub source: String,
    pub account: String,
    pub currency: Currency,
    pub rates: Rates,
    /// The organisation's own: what makes ids of people from addresses, so that no other organisation, and nobody with a
    /// list of addresses, makes the same.
    pub person_key: Vec<u8>,
    /// What is stored of the things the file names.
    pub parents: Parents,
    /// The channel of lines that neither say one nor come from a platform that sells mostly one.
    pub channel: &'static str,
    /// Which figures some column of the file tells.
    pub tells: Tells,
}

/// Figures that many reports leave out. What is not told is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tells {
    pub conversions: bool,
    pub conversion_value: bool,
}

impl Tells {
    /// From the fields that columns were mapped to.
    pub fn of<'a>(fields: impl Iterator<Item = &'a String> + Clone) -> Self {
        let tells = |wanted: &str| fields.clone().any(|field| field == wanted);
        Self { conversions: tells("conversions"), conversion_value: tells("conversion_value") }
    }

    /// Columns of a day's row that stay as an earlier file told them.
    pub fn keeps(self) -> Vec<&'static str> {
        let value = ["conversion_value", "conversion_value_base", "revenue", "revenue_base"];
        let mut keeps = Vec::new();
        if !self.conversions {
            keeps.push("conversions");
        }
        if !self.conversion_value {
            keeps.extend(value);
        }
        keeps
    }
}

/// The id of a thing of a platform, as every table writes it.
pub fn id(source: &str, external: &str) -> String {
    format!("{source}:{external}")
}

/// The connectors a row may come from (`data-model.md` §8).
pub const SOURCES: &[&str] = &[
    "google_ads",
    "meta_ads",
    "tiktok_ads",
    "linkedin_ads",
    "reddit_ads",
    "microsoft_ads",
    "snapchat_ads",
    "ga4",
    "search_console",
    "dataforseo",
    "plausible",
    "shopify",
    "tiendanube",
    "mercadolibre",
    "stripe",
    "quickbooks",
    "activecampaign",
    "klaviyo",
    "csv",
];

/// The connector a file's own word means ("Google Ads", "facebook"); nothing when it is none of them.
pub fn source(said: &str) -> Option<&'static str> {
    let said = slug(said);
    let alias = match said.as_str() {
        "google" | "adwords" | "google_adwords" => "google_ads",
        "facebook" | "facebook_ads" | "meta" | "instagram" => "meta_ads",
        // Capitals within a word begin another one: `TikTok`, `LinkedIn`.
        "tiktok" | "tik_tok" | "tik_tok_ads" => "tiktok_ads",
        "linkedin" | "linked_in" | "linked_in_ads" => "linkedin_ads",
        "reddit" => "reddit_ads",
        "microsoft" | "bing" | "bing_ads" | "microsoft_advertising" => "microsoft_ads",
        "snapchat" | "snap" | "snap_ads" => "snapchat_ads",
        other => other,
    };
    SOURCES.iter().copied().find(|source| *source == alias)
}

#[derive(Debug, Serialize)]
pub struct Campaign {
    pub source: String,
    pub id: String,
    pub account_id: String,
    pub name: String,
    pub status: &'static str,
    pub raw_status: String,
    pub channel: String,
    pub currency: Currency,
    pub daily_budget: Option<Decimal>,
    pub is_brand: bool,
    pub is_brand_by: Option<&'static str>,
    /// `missing` when the file that first names the campaign has no column of conversions.
    pub tracking: &'static str,
    /// Columns that the file says nothing about: written with a new row, else left as stored.
    #[serde(skip)]
    pub keeps: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
pub struct AdGroup {
    pub source: String,
    pub id: String,
    pub campaign_id: String,
    pub name: String,
    pub status: &'static str,
    pub currency: Currency,
    /// Columns that the file says nothing about: written with a new row, else left as stored.
    #[serde(skip)]
    pub keeps: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
pub struct Creative {
    pub source: String,
    pub id: String,
    pub ad_group_id: String,
    pub campaign_id: String,
    pub headlines: Vec<String>,
    pub status: &'static str,
    /// Columns that the file says nothing about: written with a new row, else left as stored.
    #[serde(skip)]
    pub keeps: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
pub struct Entity {
    pub source: String,
    pub kind: &'static str,
    pub id: String,
    pub account_id: String,
    pub external_id: String,
    pub name: String,
    pub canonical_id: String,
    /// Columns that the file says nothing about: written with a new row, else left as stored.
    #[serde(skip)]
    pub keeps: Vec<&'static str>,
}

/// A day of an ad entity. Sums; never a rate.
#[derive(Debug, Serialize)]
pub struct DailyMetric {
    pub source: String,
    pub date: Date,
    pub account_id: String,
    pub entity_kind: &'static str,
    pub entity_id: String,
    pub channel: String,
    pub breakdown: &'static str,
    pub impressions: Decimal,
    pub clicks: Decimal,
    pub reach: Decimal,
    pub conversions: Decimal,
    pub cost: Decimal,
    pub cost_base: Decimal,
    pub conversion_value: Decimal,
    pub conversion_value_base: Decimal,
    pub revenue: Decimal,
    pub revenue_base: Decimal,
    pub revenue_basis: &'static str,
    pub currency: Currency,
    /// Empty: a stated row is no longer a sum of finer ones.
    pub extra: Value,
    /// Columns that the file says nothing about: written with a new row, else left as stored.
    #[serde(skip)]
    pub keeps: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
pub struct SearchTerm {
    pub source: String,
    pub date: Date,
    pub campaign_id: String,
    pub ad_group_id: String,
    pub term: String,
    pub match_type: &'static str,
    pub status: &'static str,
    pub impressions: Decimal,
    pub clicks: Decimal,
    pub conversions: Decimal,
    pub cost: Decimal,
    pub cost_base: Decimal,
    pub conversion_value: Decimal,
    pub conversion_value_base: Decimal,
    pub currency: Currency,
}

#[derive(Debug, Serialize)]
pub struct SearchPerformance {
    pub source: String,
    pub date: Date,
    pub site: String,
    pub search_type: String,
    pub grain: &'static str,
    pub page: String,
    pub query: String,
    pub device: String,
    pub country: String,
    pub clicks: Decimal,
    pub impressions: Decimal,
    pub position_x_impressions: Decimal,
    /// `{"derived_from": grain}` when summed from a finer grain of the same file.
    pub extra: Value,
}

#[derive(Debug, Serialize)]
pub struct Customer {
    pub source: String,
    pub id: String,
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_hash_google: Option<String>,
    pub city: String,
    pub currency: Currency,
}

#[derive(Debug, Serialize)]
pub struct Order {
    pub source: String,
    pub id: String,
    pub ordered_at: jiff::Timestamp,
    pub status: &'static str,
    pub financial_status: String,
    pub fulfilment_status: String,
    pub currency: Currency,
    pub gross: Decimal,
    pub discount: Decimal,
    pub shipping: Decimal,
    pub tax: Decimal,
    pub total: Decimal,
    pub refunded: Decimal,
    pub fees: Decimal,
    pub net: Decimal,
    pub gross_base: Decimal,
    pub discount_base: Decimal,
    pub total_base: Decimal,
    pub refunded_base: Decimal,
    pub net_base: Decimal,
    pub customer_id: Option<String>,
    pub channel: &'static str,
    pub sales_channel: String,
    pub city: Option<String>,
    pub utm: Map<String, Value>,
    pub landing_site: Option<String>,
    pub payment_method: Option<String>,
    pub promo_code: bool,
    pub cancelled_at: Option<jiff::Timestamp>,
    pub is_test: bool,
}

#[derive(Debug, Serialize)]
pub struct Lead {
    pub source: String,
    pub id: String,
    pub created_on: Date,
    pub created_at: jiff::Timestamp,
    pub lead_source: String,
    pub form: String,
    pub campaign_id: Option<String>,
    pub city: String,
    pub page_type: String,
    pub flow: String,
    pub stage: &'static str,
    pub value: Option<Decimal>,
    pub currency: Currency,
    pub first_touch: Map<String, Value>,
    pub last_touch: Map<String, Value>,
    pub channel: &'static str,
    pub booked_at: Option<jiff::Timestamp>,
    pub won_at: Option<jiff::Timestamp>,
}

/// All that one file says, ready to be written in one transaction.
#[derive(Default)]
pub struct Facts {
    pub campaigns: Vec<Campaign>,
    pub ad_groups: Vec<AdGroup>,
    pub creatives: Vec<Creative>,
    pub entities: Vec<Entity>,
    pub daily: Vec<DailyMetric>,
    pub terms: Vec<SearchTerm>,
    pub search: Vec<SearchPerformance>,
    pub customers: Vec<Customer>,
    pub orders: Vec<Order>,
    pub leads: Vec<Lead>,
    /// Campaigns and ad groups are only mentioned: unknown ones are added, none is changed.
    pub mentions: bool,
    /// The file tells conversions of its campaigns.
    pub tells_conversions: bool,
    /// Lines that repeat another one's key and figures, passed over.
    pub repeated: Vec<u64>,
    pub faults: Vec<Fault>,
    /// Currencies without a rate to the organisation's, and the days that need one.
    pub unconverted: BTreeMap<Currency, BTreeSet<Date>>,
    /// Sums over the file, for the reader to compare with the platform's own.
    pub totals: BTreeMap<&'static str, Decimal>,
}

impl Facts {
    pub fn total(&mut self, name: &'static str, amount: Decimal) {
        *self.totals.entry(name).or_default() += amount;
    }

    /// The amount in the organisation's currency. Without a rate nothing may be written: a sum that leaves parts out is wrong.
    pub fn base(&mut self, setting: &Setting, amount: Decimal, currency: Currency, day: Date) -> Decimal {
        if amount.is_zero() {
            return amount;
        }
        setting.rates.to_base(amount, currency, day).unwrap_or_else(|| {
            self.unconverted.entry(currency).or_default().insert(day);
            Decimal::ZERO
        })
    }

    /// One key twice with other figures and nothing that tells the rows apart: which is right is not ours to say.
    pub fn conflict(&mut self, row: &Row, other: u64, what: &str) {
        self.faults.push(Fault {
            line: row.line,
            column: None,
            field: None,
            code: "csv.duplicate_in_file",
            message: format!("Line {} gives {what} again with other figures than line {other}.", row.line),
        });
    }
}

/// A cost in money or in millionths.
pub fn cost(row: &Row) -> Decimal {
    row.number("cost").or_else(|| row.number("cost_micros")).unwrap_or_default()
}

pub fn amount(row: &Row, field: &str) -> Decimal {
    row.number(field).unwrap_or_default()
}

/// Lower-case words joined by `_`: the id of a thing that a file only names.
pub fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in super::header::fold(name).chars() {
        out.push(if c.is_alphanumeric() { c } else { '_' });
    }
    out
}

/// The status of a campaign or ad in our words (`connectors.md` §1.12).
pub fn status(raw: &str) -> &'static str {
    match raw.to_ascii_lowercase().as_str() {
        "active" | "enabled" | "eligible" | "serving" | "aktiv" | "delivering" => "active",
        "paused" | "campaign paused" | "adset paused" | "inactive" | "off" | "pausiert" => "paused",
        "draft" | "in process" => "draft",
        "ended" | "completed" | "canceled" | "cancelled" | "beendet" => "ended",
        "archived" => "archived",
        "removed" | "deleted" | "entfernt" => "removed",
        _ => "unknown",
    }
}
