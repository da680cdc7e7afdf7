use super::*;
use serde_json::json;

fn account() -> Account<'static> {
    Account { id: "a-1", currency: "EUR".parse().unwrap() }
}

fn today() -> Date {
    "2026-01-24".parse().unwrap()
}

const CAMPAIGNS: Level = Level { kind: "campaign", breakdown: "campaign" };

fn goal() -> Vec<String> {
    ["conversion_purchases", "conversion_purchases_value"].map(str::to_owned).to_vec()
}

fn figures() -> Value {
    json!({"impressions": 1200, "swipes": 12, "spend": 5_250_000, "video_views": 900, "conversion_purchases": 2,
        "conversion_purchases_value": 61_500_000})
}

fn read(figures: Value, zone: &str) -> (Page<(String, Daily)>, Vec<String>) {
    let point = json!({"start_time": "2026-01-20T00:00:00.000-08:00", "end_time": "2026-01-21T00:00:00.000-08:00", "stats": figures});
    let thing = json!({"id": "c-1", "type": "CAMPAIGN", "granularity": "DAY", "timeseries": [point]});
    let body = json!({"request_status": "SUCCESS", "paging": {"next_link": "https://adsapi.snapchat.com/v1/x?cursor=1"},
        "timeseries_stats": [{"sub_request_status": "SUCCESS", "timeseries_stat": {"id": "a-1", "breakdown_stats": {"campaign": [thing]}}}]});
    let zone = TimeZone::get(zone).unwrap();
    let page = stats(body.to_string().as_bytes(), CAMPAIGNS, account(), &zone, &goal()).unwrap();
    let told = page
        .rows
        .iter()
        .map(|(_, row)| format!("{} {} {} {}", row.date, row.cost, row.conversions, row.conversion_value));
    let told = told.collect();
    (page, told)
}

#[test]
fn money_is_in_millionths_and_days_are_the_account_s() {
    let (page, told) = read(figures(), "America/Los_Angeles");
    assert_eq!(told, ["2026-01-20 5.25 2 61.50"]);
    assert_eq!((page.count, page.next.as_deref()), (1, Some("https://adsapi.snapchat.com/v1/x?cursor=1")));
    let row = &page.rows[0].1;
    assert_eq!((row.impressions, row.clicks, &row.extra["video_views"]), (1200, 12, &json!(900)));
    assert_eq!(row.entity_id, "snapchat_ads:c-1");
}

#[test]
fn a_figure_that_is_gone_is_not_zero() {
    for name in ["impressions", "swipes", "spend", "conversion_purchases_value"] {
        let mut some = figures();
        some.as_object_mut().unwrap().remove(name);
        let (page, told) = read(some, "UTC");
        assert!(
            told.is_empty() && page.seen.missing.contains_key(&format!("stats.{name}")),
            "{:?}",
            page.seen
        );
    }
    let mut more = figures();
    more["mood"] = json!(1);
    assert_eq!(read(more, "UTC").0.seen.new_fields.len(), 1);
}

#[test]
fn figures_without_the_things_they_are_of_are_no_page() {
    for stat in [
        json!({"id": "a-1", "breakdown_stats": {"adsquad": []}}),
        json!({"id": "a-1", "breakdown_stats": {"campaign": null}}),
        json!({"id": "a-1"}),
        Value::Null,
    ] {
        let body = json!({"timeseries_stats": [{"sub_request_status": "SUCCESS", "timeseries_stat": stat}]});
        let read = stats(body.to_string().as_bytes(), CAMPAIGNS, account(), &TimeZone::UTC, &goal())
            .map(|page| page.count);
        assert_eq!(read, Err(Unreadable::Not("a list 'campaign'".to_owned())));
    }
}

#[test]
fn what_is_over_has_ended_and_why_nothing_is_shown_is_kept() {
    let of = |status: &str, ends: Value| {
        let entry = json!({"id": "c-1", "name": "Spring", "status": status, "objective": "WEB_VIEW", "start_time": "2026-01-01T08:00:00.000Z",
            "end_time": ends, "daily_budget_micro": 50_000_000, "delivery_status": ["INVALID_CAMPAIGN_HAS_NO_ACTIVE_AD_SQUAD"]});
        let (external, row) = campaign(&entry, account(), today(), &mut Seen::default()).unwrap();
        assert_eq!((external.as_str(), row.daily_budget), ("c-1", Some(Decimal::from(50))));
        assert!(row.extra["delivery_status"].is_array());
        row.status
    };
    assert_eq!(of("ACTIVE", Value::Null), "active");
    assert_eq!(of("ACTIVE", json!("2026-01-23T23:00:00.000Z")), "ended");
    assert_eq!(of("PAUSED", json!("2026-01-23T23:00:00.000Z")), "paused");
    assert_eq!(of("DREAMING", Value::Null), "unknown");
}

#[test]
fn ads_and_ad_squads_know_what_they_are_in() {
    let squad = json!({"id": "s-1", "name": "Group", "status": "ACTIVE", "campaign_id": "c-1", "bid_micro": 1_500_000, "lifetime_budget_micro": 9_000_000});
    let (_, row) = ad_group(&squad, account(), today(), &mut Seen::default()).unwrap();
    assert_eq!((row.campaign_id.as_str(), row.bid), ("snapchat_ads:c-1", Some("1.5".parse().unwrap())));
    assert_eq!(row.extra["lifetime_budget"], "9");
    let entry = json!({"id": "d-1", "name": "Clip", "status": "ACTIVE", "ad_squad_id": "s-1", "type": "SNAP_AD", "review_status": "REJECTED"});
    let (_, row) = ad(&entry, &mut Seen::default()).unwrap();
    assert_eq!((row.ad_group_id.as_str(), row.policy_status.as_str()), ("snapchat_ads:s-1", "REJECTED"));
}
