use super::*;
use crate::platforms::tiktok_ads::status::status;
use serde_json::json;

fn account() -> Account<'static> {
    Account { id: "7100000000000000123", currency: "CHF".parse().unwrap() }
}

const AD_LEVEL: Level = Level { kind: "ad", id: "ad_id", data_level: "AUCTION_AD" };

fn read(metrics: Value) -> Result<Daily, Missing> {
    let entry = json!({"dimensions": {"ad_id": "7100000000000000338", "stat_time_day": "2026-01-24 00:00:00"}, "metrics": metrics});
    day(&entry, AD_LEVEL, account(), &["spend", "impressions", "clicks"], &mut Seen::default())
        .map(|(_, row)| row)
}

#[test]
fn figures_are_texts_and_a_dash_is_none() {
    let row = read(json!({"spend": "9.80", "impressions": "-", "clicks": 4})).unwrap();
    assert_eq!(
        (row.entity_id.as_str(), row.date.to_string().as_str()),
        ("tiktok_ads:7100000000000000338", "2026-01-24")
    );
    assert_eq!((row.cost.to_string().as_str(), row.impressions, row.clicks), ("9.80", 0, 4));
}

#[test]
fn what_was_asked_for_must_be_there() {
    let lacks = |metrics| read(metrics).unwrap_err().0;
    assert_eq!(lacks(json!({"spend": "9.80", "clicks": "4"})), "list.metrics.impressions");
    assert_eq!(lacks(json!({"spend": "many", "impressions": "1", "clicks": "4"})), "list.metrics.spend");
    assert_eq!(lacks(json!({"spend": "1", "impressions": "1.5", "clicks": "4"})), "list.metrics.impressions");
}

#[test]
fn a_page_tells_of_fields_that_nobody_asked_for() {
    let body = json!({"code": 0, "message": "OK", "request_id": "r", "data": {"list": [
        {"dimensions": {"ad_id": 17, "stat_time_day": "2026-01-24 00:00:00"}, "metrics": {"spend": "1", "mood": "sunny"}},
        {"dimensions": {"stat_time_day": "2026-01-24 00:00:00"}, "metrics": {"spend": "1"}},
    ], "page_info": {"page": 1, "page_size": 1000, "total_number": 2, "total_page": 3}}});
    let body = serde_json::to_vec(&body).unwrap();
    let page = page(&body, |entry, seen| day(entry, AD_LEVEL, account(), &["spend"], seen)).unwrap();
    assert_eq!((page.count, page.rows.len(), page.pages), (2, 1, 3));
    assert_eq!(page.seen.new_fields.keys().collect::<Vec<_>>(), ["metrics.mood"]);
    assert_eq!(page.seen.missing.keys().collect::<Vec<_>>(), ["list.dimensions"]);
    assert_eq!(super::page(&body[..40], |_, _| Ok((String::new(), ()))).unwrap_err(), Unreadable::Truncated);
}

#[test]
fn budgets_go_by_their_mode() {
    let read = |mode: &str, budget: Value| {
        let entry = json!({"campaign_id": "1", "campaign_name": "Spring", "operation_status": "ENABLE", "budget": budget, "budget_mode": mode});
        let (_, row) = campaign(&entry, account(), &mut Seen::default()).unwrap();
        (row.daily_budget.map(|b| b.to_string()), row.lifetime_budget.map(|b| b.to_string()))
    };
    assert_eq!(read("BUDGET_MODE_DAY", json!(50.5)), (Some("50.5".to_owned()), None));
    assert_eq!(read("BUDGET_MODE_TOTAL", json!("900")), (None, Some("900".to_owned())));
    assert_eq!(read("BUDGET_MODE_INFINITE", json!(0)), (None, None));
}

#[test]
fn states_are_what_was_set_and_what_became_of_it() {
    for (operation, secondary, expected) in [
        ("ENABLE", "CAMPAIGN_STATUS_ENABLE", Some("active")),
        ("ENABLE", "ADGROUP_STATUS_DELIVERY_OK", Some("active")),
        ("ENABLE", "CAMPAIGN_STATUS_BUDGET_EXCEED", Some("active")),
        ("ENABLE", "AD_STATUS_CAMPAIGN_DISABLE", Some("paused")),
        ("DISABLE", "CAMPAIGN_STATUS_DISABLE", Some("paused")),
        ("ENABLE", "AD_STATUS_AUDIT_DENY", Some("unknown")),
        ("ENABLE", "ADGROUP_STATUS_TIME_DONE", Some("ended")),
        ("DISABLE", "AD_STATUS_CAMPAIGN_DELETE", Some("removed")),
        ("FROZEN", "", Some("archived")),
        ("RESTING", "", None),
    ] {
        assert_eq!(status(operation, secondary), expected, "{operation} {secondary}");
    }
}
