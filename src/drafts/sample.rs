//! An account of two campaigns for tests, with figures that can be checked by hand.
use super::facts::{CampaignFacts, Facts, Org};
use super::figures::History;
use super::limits::Limits;
use super::words::dec;
use crate::db::drafts::facts::{Campaign, Day};
use jiff::{ToSpan, civil::date, tz::TimeZone};
use rust_decimal::Decimal;

/// 28 equal days up to yesterday: 50 spent, 200 earned, 2 conversions, 100 clicks, 4,000 impressions.
pub fn campaign(id: &str) -> CampaignFacts {
    let today = date(2025, 9, 17);
    let days = (1..=28)
        .rev()
        .map(|ago| Day {
            date: today - ago.days(),
            cost: dec("50"),
            cost_base: dec("50"),
            revenue_base: dec("200"),
            conversions: dec("2"),
            clicks: 100,
            impressions: 4000,
        })
        .collect();
    let currency = "EUR".parse().unwrap();
    CampaignFacts {
        row: Campaign {
            id: format!("google_ads:{id}"),
            source: "google_ads".to_owned(),
            account_id: "1".to_owned(),
            name: format!("Campaign {id}"),
            status: "active".to_owned(),
            raw_status: "ENABLED".to_owned(),
            channel: "paid_search".to_owned(),
            daily_budget: Some(dec("50")),
            lifetime_budget: None,
            budget_id: Some("5".to_owned()),
            budget_shared: false,
            budget_cap: None,
            planned_budget: None,
            currency: "EUR".to_owned(),
            landing_page: None,
            is_brand: false,
            tracking: "ok".to_owned(),
        },
        currency,
        rate: Decimal::ONE,
        history: History { today, days },
        shared_with: Vec::new(),
        lowest_budget_24h: None,
        changed_at: None,
        experiments: Vec::new(),
        newest_day: Some(date(2025, 9, 16)),
        account_conversions: dec("20"),
    }
}

pub fn facts() -> Facts {
    let org = Org {
        now: "2025-09-17T09:00:00Z".parse().unwrap(),
        today: date(2025, 9, 17),
        zone: TimeZone::get("Europe/Zurich").unwrap(),
        currency: "EUR".parse().unwrap(),
        limits: Limits::default(),
        mer_7d: Some(3.0),
        margin_90d: None,
        mean_daily_spend: dec("1000"),
        month_to_date: dec("16000"),
        domains: ["alpine.example".to_owned()].into(),
        frozen_until: std::collections::BTreeMap::new(),
        net_24h: Decimal::ZERO,
    };
    Facts {
        org,
        campaigns: vec![campaign("1"), campaign("2")],
        terms: None,
        ad: None,
        audience: None,
        rankings: Vec::new(),
    }
}
