//! What an organisation can set, with the defaults: rows of `org_settings` over a closed list.
use super::{Error, OrgTx};
use crate::ids::{MemberId, OrgId};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

crate::closed_list! {
    /// Decimals are stored as text, money in the organisation's currency.
    Setting = "setting" {
        BreakEvenRoas = "break_even_roas",
        TargetRoas = "target_roas",
        MinMer = "min_mer",
        ImpactRef = "impact_ref",
        BrandTerms = "brand_terms",
        ContentPrefixes = "content_prefixes",
        LeadValue = "lead_value",
        Calendar = "calendar",
        Recovery = "recovery",
        MaxNetIncreasePerDay = "max_net_increase_per_day",
        NewAccountDailyCap = "new_account_daily_cap",
        MonthlyBudget = "monthly_budget",
        PlatformBudgetCap = "platform_budget_cap",
        AllowSelfApproval = "allow_self_approval",
        TierLimits = "tier_limits",
        ExecutionMode = "execution_mode",
        DraftTtlDays = "draft_ttl_days",
        ApprovalTtlHours = "approval_ttl_hours",
        StepUpTier = "step_up_tier",
        HourlyLimits = "hourly_limits",
        AllowedDomains = "allowed_domains",
        CompetitorMarks = "competitor_marks",
        BudgetStepPercent = "budget_step_percent",
        PauseMinSpend = "pause_min_spend",
        PauseRoas = "pause_roas",
        TrackingDays = "tracking_days",
        MinSampleImpressions = "min_sample_impressions",
        MinSampleConversions = "min_sample_conversions",
        CooldownHours = "cooldown_hours",
        DonorMinShare = "donor_min_share",
        DonorMinBudget = "donor_min_budget",
        MinorCategories = "minor_categories",
        MaxMessagesPerWeek = "max_messages_per_week",
        /// While it holds, no month of facts is dropped.
        LegalHold = "legal_hold",
    }
}

impl Setting {
    /// What holds until somebody sets it; `null` = no such limit.
    pub fn default_value(self) -> Value {
        match self {
            Self::BreakEvenRoas | Self::MinMer | Self::PauseRoas => json!("2.0"),
            Self::TargetRoas => json!("3.5"),
            Self::ImpactRef => json!("2000"),
            Self::BrandTerms
            | Self::ContentPrefixes
            | Self::Calendar
            | Self::AllowedDomains
            | Self::CompetitorMarks
            | Self::MinorCategories => json!([]),
            Self::LeadValue | Self::MonthlyBudget => Value::Null,
            Self::Recovery | Self::PlatformBudgetCap | Self::ExecutionMode | Self::HourlyLimits => json!({}),
            Self::MaxNetIncreasePerDay => json!("500.00"),
            Self::NewAccountDailyCap => json!("50.00"),
            Self::AllowSelfApproval | Self::LegalHold => json!(false),
            Self::TierLimits => json!({"low": "100", "medium": "1000", "high": "10000"}),
            Self::DraftTtlDays => json!(7),
            Self::ApprovalTtlHours => json!(72),
            Self::StepUpTier => json!("high"),
            Self::BudgetStepPercent => json!("20"),
            Self::PauseMinSpend => json!("100.00"),
            Self::TrackingDays => json!(14),
            Self::MinSampleImpressions => json!(1000),
            Self::MinSampleConversions => json!("30"),
            Self::CooldownHours => json!(24),
            Self::DonorMinShare => json!("0.20"),
            Self::DonorMinBudget => json!("10.00"),
            Self::MaxMessagesPerWeek => json!(3),
        }
    }

    /// Says what is wrong with a value, if anything.
    pub fn problem(self, value: &Value) -> Option<String> {
        let within = |least: i64, most: i64| value.as_i64().is_some_and(|n| (least..=most).contains(&n));
        let one_of = |list: &[Self]| list.contains(&self);
        let wanted = if self == Self::StepUpTier {
            let known = matches!(value.as_str(), Some("low" | "medium" | "high" | "critical"));
            (known, "low, medium, high or critical")
        } else if self == Self::HourlyLimits {
            let known = |key: &str| matches!(key, "queries" | "turns" | "tokens" | "cost");
            (amounts(value, known), "an object of amounts for queries, turns, tokens or cost")
        } else if self == Self::TierLimits {
            let known = |key: &str| matches!(key, "low" | "medium" | "high");
            (
                amounts(value, known) && rises(value),
                "an object of amounts for low, medium and high, none below the one before",
            )
        } else if self == Self::PlatformBudgetCap {
            (amounts(value, |_| true), "an object of amounts by platform")
        } else if one_of(&[Self::DraftTtlDays, Self::TrackingDays]) {
            (within(1, 90), "a whole number from 1 to 90")
        } else if self == Self::CooldownHours {
            (within(0, 90 * 24), "a whole number from 0 to 2160")
        } else if self == Self::ExecutionMode {
            let mode = |mode: &Value| matches!(mode.as_str(), Some("off" | "dry_run" | "live"));
            let known = value.as_object().is_some_and(|modes| modes.values().all(mode));
            (known, "an object of off, dry_run or live by platform")
        } else if self == Self::ApprovalTtlHours {
            (within(1, 14 * 24), "a whole number from 1 to 336")
        } else if self == Self::DonorMinShare {
            (amount(value).is_some_and(|share| share <= Decimal::ONE), "a share from 0 to 1")
        } else if one_of(TEXTS) {
            (texts(value), "a list of texts")
        } else {
            self.plain(value)
        };
        (!wanted.0).then(|| format!("{self} must be {}", wanted.1))
    }

    /// Whether it has the type of the default, and what that is.
    fn plain(self, value: &Value) -> (bool, &'static str) {
        match self.default_value() {
            Value::Bool(_) => (value.is_boolean(), "true or false"),
            Value::Number(_) => (value.as_i64().is_some_and(|n| n >= 0), "a whole number from 0"),
            Value::Array(_) => (value.is_array(), "a list"),
            Value::Object(_) => (value.is_object(), "an object"),
            Value::String(_) => (amount(value).is_some(), "a decimal number from 0"),
            Value::Null => (value.is_null() || amount(value).is_some(), "a decimal number from 0, or none"),
        }
    }
}

/// Lists of words, names and domains.
const TEXTS: &[Setting] = &[
    Setting::BrandTerms,
    Setting::ContentPrefixes,
    Setting::AllowedDomains,
    Setting::CompetitorMarks,
    Setting::MinorCategories,
];

fn texts(value: &Value) -> bool {
    let text = |item: &Value| item.as_str().is_some_and(|text| !text.trim().is_empty());
    value.as_array().is_some_and(|items| items.iter().all(text))
}

fn amounts(value: &Value, known: impl Fn(&str) -> bool) -> bool {
    let fits = |(key, value): (&String, &Value)| known(key) && amount(value).is_some();
    value.as_object().is_some_and(|fields| fields.iter().all(fits))
}

/// Limits of tiers, with the defaults where they are silent, do not fall: else a draft would need fewer people the dearer
/// it is.
fn rises(value: &Value) -> bool {
    let default = Setting::TierLimits.default_value();
    let limits =
        ["low", "medium", "high"].map(|tier| value.get(tier).or_else(|| default.get(tier)).and_then(amount));
    limits.is_sorted()
}

/// An amount as text or number, not below nought.
fn amount(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    text.parse::<Decimal>().ok().filter(|amount| !amount.is_sign_negative())
}

/// What was set, as (key, value); keys that are not here have their default.
pub async fn changed(tx: &mut OrgTx, org: OrgId) -> Result<Vec<(String, Value)>, Error> {
    sqlx::query_as("select key, value from org_settings where org_id = $1 order by key")
        .bind(org)
        .fetch_all(&mut **tx)
        .await
}

/// Every setting with the value that holds.
pub async fn all(tx: &mut OrgTx, org: OrgId) -> Result<Map<String, Value>, Error> {
    let mut values: Map<String, Value> =
        Setting::ALL.iter().map(|s| (s.as_str().to_owned(), s.default_value())).collect();
    values.extend(changed(tx, org).await?);
    Ok(values)
}

pub async fn get(tx: &mut OrgTx, org: OrgId, setting: Setting) -> Result<Value, Error> {
    let value = sqlx::query_scalar("select value from org_settings where org_id = $1 and key = $2")
        .bind(org)
        .bind(setting)
        .fetch_optional(&mut **tx)
        .await?;
    Ok(value.unwrap_or_else(|| setting.default_value()))
}

/// Sets a value (see [`Setting::problem`] first); returns the one that held before, for the audit entry.
pub async fn set(
    tx: &mut OrgTx,
    org: OrgId,
    setting: Setting,
    value: &Value,
    by: Option<MemberId>,
    at: Timestamp,
) -> Result<Value, Error> {
    let before = get(tx, org, setting).await?;
    sqlx::query(
        "insert into org_settings (org_id, key, value, set_by, set_at) values ($1, $2, $3, $4, $5)
         on conflict (org_id, key) do update
         set value = excluded.value, set_by = excluded.set_by, set_at = excluded.set_at",
    )
    .bind(org)
    .bind(setting)
    .bind(value)
    .bind(by)
    .bind(at.to_sqlx())
    .execute(&mut **tx)
    .await?;
    Ok(before)
}

/// Takes a setting back to its default; returns the value that held before.
pub async fn clear(tx: &mut OrgTx, org: OrgId, setting: Setting) -> Result<Value, Error> {
    let before = get(tx, org, setting).await?;
    sqlx::query("delete from org_settings where org_id = $1 and key = $2")
        .bind(org)
        .bind(setting)
        .execute(&mut **tx)
        .await?;
    Ok(before)
}
