//! The rows a connector makes: one struct a fact table, named as the columns are. The sink adds whose they are, amounts in the
//! organisation's currency, and provenance.
use crate::money::Currency;
use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Map, Value};

/// A day of an entity. Sums; never a rate.
#[derive(Clone, Debug, Serialize)]
pub struct Daily {
    pub date: Date,
    pub account_id: String,
    pub entity_kind: &'static str,
    pub entity_id: String,
    pub channel: &'static str,
    pub breakdown: String,
    pub impressions: i64,
    pub eligible_impressions: i64,
    pub clicks: i64,
    /// Pages that were there after a click.
    pub landed: i64,
    pub reach: i64,
    pub sessions: i64,
    pub engaged_sessions: i64,
    pub engaged_seconds: i64,
    pub bounces: i64,
    pub pageviews: i64,
    pub exits: i64,
    pub users: i64,
    pub new_users: i64,
    /// Of messages: sent, opened and clicked (once a recipient), bounced, unsubscribed.
    pub sends: i64,
    pub opens: i64,
    pub email_clicks: i64,
    pub email_bounces: i64,
    pub unsubscribes: i64,
    pub conversions: Decimal,
    pub conversion_value: Decimal,
    pub cost: Decimal,
    pub revenue: Decimal,
    pub revenue_basis: &'static str,
    pub currency: Currency,
    pub attribution_window: String,
    /// The platform withholds part of it.
    pub incomplete: bool,
    pub extra: Map<String, Value>,
}

impl Daily {
    /// A day of which nothing is told yet.
    pub fn new(date: Date, account: &str, kind: &'static str, id: String, currency: Currency) -> Self {
        Self {
            date,
            account_id: account.to_owned(),
            entity_kind: kind,
            entity_id: id,
            channel: "unknown",
            breakdown: String::new(),
            impressions: 0,
            eligible_impressions: 0,
            clicks: 0,
            landed: 0,
            reach: 0,
            sessions: 0,
            engaged_sessions: 0,
            engaged_seconds: 0,
            bounces: 0,
            pageviews: 0,
            exits: 0,
            users: 0,
            new_users: 0,
            sends: 0,
            opens: 0,
            email_clicks: 0,
            email_bounces: 0,
            unsubscribes: 0,
            conversions: Decimal::ZERO,
            conversion_value: Decimal::ZERO,
            cost: Decimal::ZERO,
            revenue: Decimal::ZERO,
            revenue_basis: "platform",
            currency,
            attribution_window: String::new(),
            incomplete: false,
            extra: Map::new(),
        }
    }

    /// What tells this row from every other.
    pub fn key(&self) -> (Date, &str, &str, &str, &str, &str) {
        (self.date, &self.account_id, self.entity_kind, &self.entity_id, self.channel, &self.breakdown)
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Search {
    pub date: Date,
    pub site: String,
    pub search_type: String,
    pub grain: &'static str,
    pub page: String,
    pub query: String,
    pub device: String,
    pub country: String,
    pub clicks: i64,
    pub impressions: i64,
    pub position_x_impressions: Decimal,
    pub extra: Map<String, Value>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Campaign {
    pub id: String,
    pub account_id: String,
    pub name: String,
    pub status: &'static str,
    pub raw_status: String,
    pub channel: &'static str,
    pub objective: String,
    pub bidding: String,
    pub daily_budget: Option<Decimal>,
    pub lifetime_budget: Option<Decimal>,
    pub budget_id: Option<String>,
    pub budget_shared: bool,
    pub currency: Currency,
    pub starts_on: Option<Date>,
    pub ends_on: Option<Date>,
    /// Words that the account files it under, such as the group it is in.
    pub labels: Vec<String>,
    pub extra: Map<String, Value>,
}

#[derive(Clone, Debug, Serialize)]
pub struct AdGroup {
    pub id: String,
    pub campaign_id: String,
    pub name: String,
    pub status: &'static str,
    pub bid: Option<Decimal>,
    pub daily_budget: Option<Decimal>,
    pub currency: Currency,
    pub optimization_goal: String,
    pub extra: Map<String, Value>,
}

/// One ad.
#[derive(Clone, Debug, Serialize)]
pub struct Creative {
    pub id: String,
    pub ad_group_id: String,
    pub campaign_id: String,
    pub format: String,
    pub headlines: Vec<String>,
    pub descriptions: Vec<String>,
    pub body: String,
    pub call_to_action: String,
    pub final_url: String,
    pub status: &'static str,
    pub policy_status: String,
    pub extra: Map<String, Value>,
}

/// One keyword of an ad group.
#[derive(Clone, Debug, Serialize)]
pub struct Keyword {
    pub id: String,
    pub ad_group_id: String,
    pub text: String,
    pub match_type: &'static str,
    pub negative: bool,
    pub bid: Option<Decimal>,
    pub currency: Currency,
    pub quality_score: Option<i64>,
    pub ad_relevance: String,
    pub landing_page_experience: String,
    pub status: &'static str,
    pub extra: Map<String, Value>,
}

/// A day of what people searched for. Terms are in lower case.
#[derive(Clone, Debug, Serialize)]
pub struct SearchTerm {
    pub date: Date,
    pub campaign_id: String,
    /// Empty where the campaign has no ad groups.
    pub ad_group_id: String,
    pub term: String,
    pub match_type: &'static str,
    pub status: &'static str,
    pub impressions: i64,
    pub clicks: i64,
    pub conversions: Decimal,
    pub cost: Decimal,
    pub conversion_value: Decimal,
    pub currency: Currency,
}

/// A thing by name, for everything that joins on canonical entities.
#[derive(Clone, Debug, Serialize)]
pub struct Entity {
    pub kind: &'static str,
    pub id: String,
    pub account_id: String,
    pub external_id: String,
    pub name: String,
    /// Itself; a member may have said since that it is another one.
    pub canonical_id: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Customer {
    pub id: String,
    pub kind: &'static str,
    /// In PostgreSQL's hex form.
    pub email_hash: Option<String>,
    pub country: String,
    pub city: String,
    pub currency: Currency,
    pub extra: Map<String, Value>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    pub id: String,
    pub name: String,
    /// `month` or `year`.
    pub interval: &'static str,
    pub amount: Decimal,
    pub currency: Currency,
    pub extra: Map<String, Value>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Subscription {
    pub id: String,
    pub customer_id: String,
    pub plan_id: String,
    pub status: &'static str,
    pub quantity: Decimal,
    /// A month of it, in `currency`.
    pub mrr: Decimal,
    pub trial_mrr: Decimal,
    pub currency: Currency,
    pub started_at: Timestamp,
    pub trial_started_at: Option<Timestamp>,
    pub trial_ends_at: Option<Timestamp>,
    pub canceled_at: Option<Timestamp>,
    pub cancel_reason: String,
    /// What it paid a month before it ended, for the movement of its end; no column.
    #[serde(skip)]
    pub last_mrr: Decimal,
    pub extra: Map<String, Value>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Refund {
    pub id: String,
    pub order_id: Option<String>,
    pub invoice_id: Option<String>,
    pub refunded_at: Timestamp,
    pub amount: Decimal,
    pub currency: Currency,
    pub reason: String,
    pub extra: Map<String, Value>,
}

/// A bill.
#[derive(Clone, Debug, Serialize)]
pub struct Invoice {
    pub id: String,
    pub subscription_id: Option<String>,
    pub customer_id: String,
    /// In the platform's words.
    pub status: String,
    pub amount_due: Decimal,
    pub amount_paid: Decimal,
    pub currency: Currency,
    pub issued_at: Timestamp,
    pub due_at: Option<Timestamp>,
    pub paid_at: Option<Timestamp>,
    /// Tries to collect it.
    pub attempts: i64,
    pub failure_code: Option<String>,
    /// When it was paid after a try had failed.
    pub recovered_at: Option<Timestamp>,
    pub extra: Map<String, Value>,
}

/// A sale. Amounts in its own currency; the sink adds those in the organisation's.
#[derive(Clone, Debug, Serialize)]
pub struct Order {
    pub id: String,
    pub ordered_at: Timestamp,
    pub status: &'static str,
    pub financial_status: String,
    pub fulfilment_status: String,
    pub currency: Currency,
    /// Item revenue before discount, without tax and shipping (`metrics.md` rule 9).
    pub gross: Decimal,
    pub discount: Decimal,
    pub shipping: Decimal,
    pub tax: Decimal,
    pub total: Decimal,
    pub refunded: Decimal,
    pub fees: Decimal,
    pub net: Decimal,
    pub customer_id: Option<String>,
    pub channel: &'static str,
    pub sales_channel: String,
    pub city: Option<String>,
    pub utm: Map<String, Value>,
    pub landing_site: Option<String>,
    pub payment_method: Option<String>,
    pub promo_code: bool,
    pub cancelled_at: Option<Timestamp>,
    pub is_test: bool,
    /// When the platform changed it last, where it says so: an older look never replaces a newer one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_updated_at: Option<Timestamp>,
    pub extra: Map<String, Value>,
    /// All of them: a line that is not here is gone.
    #[serde(skip)]
    pub items: Vec<OrderItem>,
}

#[derive(Clone, Debug, Serialize)]
pub struct OrderItem {
    pub order_id: String,
    /// From 1.
    pub line: i64,
    pub product_id: Option<String>,
    pub variant_id: Option<String>,
    pub sku: String,
    pub qty: Decimal,
    pub unit_price: Decimal,
    pub discount: Decimal,
    pub extra: Map<String, Value>,
}

/// A customer of a shop.
#[derive(Clone, Debug, Serialize)]
pub struct Shopper {
    pub id: String,
    pub kind: &'static str,
    /// In PostgreSQL's hex form.
    pub email_hash: Option<String>,
    pub country: String,
    pub city: String,
    pub accepts_marketing: bool,
    pub currency: Currency,
    pub source_updated_at: Timestamp,
    pub extra: Map<String, Value>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Product {
    pub id: String,
    pub name: String,
    pub category: String,
    pub status: String,
    pub source_updated_at: Timestamp,
    pub extra: Map<String, Value>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Variant {
    pub id: String,
    pub product_id: String,
    pub sku: String,
    pub name: String,
    pub price: Decimal,
    pub compare_at: Option<Decimal>,
    pub unit_cost: Option<Decimal>,
    pub currency: Currency,
    pub source_updated_at: Timestamp,
    pub extra: Map<String, Value>,
}

/// People whom the platform was asked to forget, and orders that shall no longer tell of anybody: our ids.
#[derive(Clone, Debug, Default)]
pub struct Forgotten {
    pub customers: Vec<String>,
    pub orders: Vec<String>,
}

/// SHA-256 of a folded address, in PostgreSQL's hex form.
pub fn email_hash(email: &str) -> String {
    format!("\\x{}", crate::db::people::hex(&crate::db::people::email_hash(email)))
}

/// Somebody's word on being written to, as a platform keeps it. Never an address.
#[derive(Clone, Debug)]
pub struct Consent {
    pub customer_id: String,
    /// `email`, `push`, `sms`, `ads` or `analytics`.
    pub channel: &'static str,
    /// `granted`, `denied` or `unknown`.
    pub status: &'static str,
    pub recorded_at: Timestamp,
    /// How it is known.
    pub evidence: &'static str,
}

/// Rows of one table.
#[derive(Clone, Debug)]
pub enum Rows {
    Daily(Vec<Daily>),
    Search(Vec<Search>),
    Campaigns(Vec<Campaign>),
    AdGroups(Vec<AdGroup>),
    Creatives(Vec<Creative>),
    Keywords(Vec<Keyword>),
    SearchTerms(Vec<SearchTerm>),
    Entities(Vec<Entity>),
    Customers(Vec<Customer>),
    Consents(Vec<Consent>),
    Plans(Vec<Plan>),
    Subscriptions(Vec<Subscription>),
    Refunds(Vec<Refund>),
    Invoices(Vec<Invoice>),
    /// With their lines.
    Orders(Vec<Order>),
    Shoppers(Vec<Shopper>),
    Products(Vec<Product>),
    Variants(Vec<Variant>),
    Forgotten(Forgotten),
}

impl Rows {
    pub fn len(&self) -> usize {
        match self {
            Self::Daily(rows) => rows.len(),
            Self::Search(rows) => rows.len(),
            Self::Campaigns(rows) => rows.len(),
            Self::AdGroups(rows) => rows.len(),
            Self::Creatives(rows) => rows.len(),
            Self::Keywords(rows) => rows.len(),
            Self::SearchTerms(rows) => rows.len(),
            Self::Entities(rows) => rows.len(),
            Self::Customers(rows) => rows.len(),
            Self::Consents(rows) => rows.len(),
            Self::Plans(rows) => rows.len(),
            Self::Subscriptions(rows) => rows.len(),
            Self::Refunds(rows) => rows.len(),
            Self::Invoices(rows) => rows.len(),
            Self::Orders(rows) => rows.len(),
            Self::Shoppers(rows) => rows.len(),
            Self::Products(rows) => rows.len(),
            Self::Variants(rows) => rows.len(),
            Self::Forgotten(rows) => rows.customers.len() + rows.orders.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The site of a search property, as the facts name it: a domain property without its prefix, of an address the host.
pub fn site_name(property: &str) -> String {
    let bare = property.trim_start_matches("sc-domain:");
    super::channel::host(bare).unwrap_or_else(|| bare.to_owned())
}
