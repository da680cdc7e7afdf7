//! The organisation's settings that drafts obey, with their defaults (`actions.md` §§4–6).
use super::DraftError;
use crate::db::drafts::kinds::Tier;
use jiff::{Span, ToSpan as _};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Upper bounds of the tiers by money moved in 24 hours.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TierLimits {
    pub low: Decimal,
    pub medium: Decimal,
    pub high: Decimal,
}

impl Default for TierLimits {
    fn default() -> Self {
        Self { low: Decimal::new(100, 0), medium: Decimal::new(1000, 0), high: Decimal::new(10000, 0) }
    }
}

/// Keys of `org_settings` that drafts read; amounts in the organisation's currency.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct Limits {
    pub break_even_roas: Decimal,
    pub min_mer: Decimal,
    pub max_net_increase_per_day: Decimal,
    pub new_account_daily_cap: Decimal,
    pub monthly_budget: Option<Decimal>,
    /// By platform: the highest daily budget of one campaign.
    pub platform_budget_cap: BTreeMap<String, Decimal>,
    pub allow_self_approval: bool,
    pub tier_limits: TierLimits,
    pub step_up_tier: Tier,
    pub draft_ttl_days: i64,
    pub approval_ttl_hours: i64,
    pub brand_terms: Vec<String>,
    /// Registrable domains that ads may link to, beside those of the account's own pages.
    pub allowed_domains: Vec<String>,
    pub competitor_marks: Vec<String>,
    pub budget_step_percent: Decimal,
    pub pause_min_spend: Decimal,
    pub pause_roas: Decimal,
    pub tracking_days: i32,
    pub min_sample_impressions: i64,
    pub min_sample_conversions: Decimal,
    pub cooldown_hours: i64,
    pub donor_min_share: Decimal,
    pub donor_min_budget: Decimal,
    pub minor_categories: Vec<String>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            break_even_roas: Decimal::new(20, 1),
            min_mer: Decimal::new(20, 1),
            max_net_increase_per_day: Decimal::new(500, 0),
            new_account_daily_cap: Decimal::new(50, 0),
            monthly_budget: None,
            platform_budget_cap: BTreeMap::new(),
            allow_self_approval: false,
            tier_limits: TierLimits::default(),
            step_up_tier: Tier::High,
            draft_ttl_days: 7,
            approval_ttl_hours: 72,
            brand_terms: Vec::new(),
            allowed_domains: Vec::new(),
            competitor_marks: Vec::new(),
            budget_step_percent: Decimal::new(20, 0),
            pause_min_spend: Decimal::new(100, 0),
            pause_roas: Decimal::new(20, 1),
            tracking_days: 14,
            min_sample_impressions: 1000,
            min_sample_conversions: Decimal::new(30, 0),
            cooldown_hours: 24,
            donor_min_share: Decimal::new(20, 2),
            donor_min_budget: Decimal::new(10, 0),
            minor_categories: Vec::new(),
        }
    }
}

impl Limits {
    /// How long an approval may be used: 1 hour to 14 days.
    pub fn approval_ttl(&self) -> Span {
        self.approval_ttl_hours.clamp(1, 14 * 24).hours()
    }

    /// From the rows of `org_settings`; keys of other rooms are ignored, a value of the wrong type is an error.
    pub fn read(settings: impl IntoIterator<Item = (String, Value)>) -> Result<Self, DraftError> {
        let set = settings.into_iter().filter(|(_, value)| !value.is_null());
        let all: Map<String, Value> = set.map(|(key, value)| (key, exact(value))).collect();
        serde_json::from_value(Value::Object(all))
            .map_err(|e| DraftError::Broken(format!("a setting of this organisation cannot be read: {e}")))
    }
}

/// Fractions as text, which is how decimals are read without rounding.
fn exact(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => Value::String(number.to_string()),
        Value::Object(map) => Value::Object(map.into_iter().map(|(k, v)| (k, exact(v))).collect()),
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

#[cfg(test)]
mod tests;
