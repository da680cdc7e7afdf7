use super::*;
use serde_json::json;

fn eur() -> Currency {
    "EUR".parse().unwrap()
}

#[test]
fn names_of_the_query_language_are_names_of_the_wire() {
    assert_eq!(camel("cost_micros"), "costMicros");
    assert_eq!(camel("ad_group_criterion"), "adGroupCriterion");
    assert_eq!(camel("id"), "id");
}

#[test]
fn millionths_become_money_and_days_are_needed() {
    let row = json!({"metrics": {"impressions": "9007199254740993", "clicks": "0", "costMicros": "1", "conversions": 0.333_333_3},
        "segments": {"date": "2025-09-16"}});
    let read = figures(&row, NEEDED, eur()).unwrap();
    assert_eq!((read.impressions, read.cost.to_string()), (9_007_199_254_740_993, "0.000001".to_owned()));
    assert_eq!(read.conversions.to_string(), "0.333333");
    let none = figures(&json!({"metrics": row["metrics"], "segments": {}}), NEEDED, eur());
    assert_eq!(none, Err(Missing("results.segments.date".to_owned())));
    let none = figures(&json!({"metrics": {"clicks": "1"}}), NEEDED, eur());
    assert_eq!(none, Err(Missing("results.metrics.impressions".to_owned())));
}

#[test]
fn a_stream_is_a_list_of_pages_and_half_of_one_is_none() {
    let whole = br#"[{"results": [{"a": {}}], "requestId": "x"}, {"results": [{"b": {}}], "mood": 1}]"#;
    let read = page(whole).unwrap();
    assert_eq!((read.rows.len(), read.next.is_none()), (2, true));
    assert_eq!(read.seen.new_fields.keys().collect::<Vec<_>>(), ["mood"]);
    assert_eq!(page(&whole[..20]), Err(Unreadable::Truncated));
    assert!(matches!(page(b"[1]"), Err(Unreadable::Not(_))));
    assert!(matches!(page(br#"{"results": {}}"#), Err(Unreadable::Not(_))));
}

#[test]
fn what_nobody_asked_for_is_noted() {
    let asked = Asked::new(&["campaign.id", "metrics.clicks", "ad_group_ad.ad.id"]);
    let mut seen = Seen::default();
    let row = json!({"campaign": {"resourceName": "x", "id": "1", "mood": 1}, "customer": {"resourceName": "y"},
        "adGroupAd": {"ad": {"id": "1"}}, "weather": {"sun": 1}});
    asked.compare(&row, &mut seen);
    assert_eq!(seen.new_fields.keys().collect::<Vec<_>>(), ["results.campaign.mood", "results.weather"]);
}

#[test]
fn words_nobody_knows_are_kept_and_noted() {
    let mut seen = Seen::default();
    let row = json!({"campaign": {"id": "7", "status": "DREAMING", "advertisingChannelType": "BILLBOARD"}});
    let read = campaign(&row, "1", eur(), "2025-09-17".parse().unwrap(), &mut seen).unwrap();
    assert_eq!(
        (read.status, read.raw_status.as_str(), read.channel, read.name.as_str()),
        ("unknown", "DREAMING", "paid_search", "7")
    );
    assert_eq!(seen.unknown_values.len(), 2);
}
