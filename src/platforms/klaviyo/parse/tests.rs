use super::super::report::{days, totals};
use super::*;
use rust_decimal::Decimal;
use serde_json::json;

fn account() -> Account<'static> {
    Account { id: "FRN123", currency: "EUR".parse().unwrap() }
}

fn sent(status: &str, archived: bool) -> Message {
    let entry = json!({"type": "campaign", "id": "T1", "attributes": {"name": "Spring", "status": status, "archived": archived,
        "send_time": "2026-01-21T02:30:00+00:00"}});
    let zone = TimeZone::get("America/Denver").unwrap();
    campaign(&entry, account(), &zone, &mut Seen::default()).unwrap()
}

#[test]
fn a_campaign_was_sent_on_the_account_s_day() {
    let message = sent("Sent", false);
    assert_eq!(
        (message.campaign.status, message.sent_on.unwrap().to_string().as_str()),
        ("ended", "2026-01-20")
    );
    assert_eq!(message.campaign.id, "klaviyo:T1");
    assert!(sent("Draft", false).sent_on.is_none());
    for (raw, ours) in [
        ("Sending", "active"),
        ("Cancelled: No Recipients", "ended"),
        ("Unknown", "unknown"),
        ("Odd", "unknown"),
    ] {
        assert_eq!(sent(raw, false).campaign.status, ours, "{raw}");
    }
    assert_eq!(sent("Sent", true).campaign.status, "archived");
}

fn person(subscriptions: Value) -> Person {
    let entry = json!({"type": "profile", "id": "P1", "attributes": {"email": "Ada@Fernhill.example", "updated": "2026-01-20T08:00:00+00:00",
        "location": {"city": "Zug", "country": "Switzerland"}, "subscriptions": subscriptions}});
    profile(&entry, account(), &mut Seen::default()).unwrap()
}

#[test]
fn a_suppression_is_a_no_whatever_was_agreed_to() {
    let marketing = |consent: &str, suppressions: Value| json!({"email": {"marketing": {"consent": consent, "timestamp": "2026-01-02T08:00:00+00:00", "suppressions": suppressions}}, "sms": null});
    let said = |subscriptions: Value| -> Vec<String> {
        let said =
            |row: &Consent| format!("{} {} {} {}", row.channel, row.status, row.recorded_at, row.evidence);
        person(subscriptions).consents.iter().map(said).collect()
    };
    assert_eq!(said(marketing("NEVER_SUBSCRIBED", json!([]))), Vec::<String>::new());
    assert_eq!(
        said(marketing("SUBSCRIBED", json!([]))),
        ["email granted 2026-01-02T08:00:00Z subscribed in Klaviyo"]
    );
    assert_eq!(
        said(marketing("UNSUBSCRIBED", json!([]))),
        ["email denied 2026-01-02T08:00:00Z unsubscribed in Klaviyo"]
    );
    let twice = json!([{"reason": "USER_SUPPRESSED", "timestamp": "2026-01-03T08:00:00+00:00"},
        {"reason": "HARD_BOUNCE", "timestamp": "2026-01-04T08:00:00+00:00"}]);
    assert_eq!(
        said(marketing("SUBSCRIBED", twice)),
        ["email denied 2026-01-04T08:00:00Z bounced in Klaviyo"]
    );
    let row = person(Value::Null).customer;
    assert_eq!((row.city.as_str(), row.country.as_str()), ("Zug", ""), "a name of a country is no code");
    assert!(row.email_hash.is_some());
}

fn statistics(factor: i64) -> Value {
    json!({"recipients": 100 * factor, "opens_unique": 40 * factor, "clicks_unique": 5.0, "bounced": 2, "unsubscribe_uniques": 1,
        "spam_complaints": 1, "conversions": 3.0, "conversion_value": 120.55})
}

#[test]
fn totals_of_a_campaign_s_messages_are_added_up() {
    let result = |message: &str, factor| json!({"groupings": {"send_channel": "email", "campaign_id": "T1", "campaign_message_id": message}, "statistics": statistics(factor)});
    let body = json!({"data": {"type": "campaign-values-report", "attributes": {"results": [result("a", 1), result("b", 2)]}}});
    let (rows, seen) = totals(body.to_string().as_bytes()).unwrap();
    assert_eq!((rows.len(), seen.rows, seen.missing.len()), (1, 2, 0));
    let row = rows["T1"].row("2026-01-20".parse().unwrap(), account(), "T1", true);
    assert_eq!((row.sends, row.opens, row.email_clicks, row.email_bounces), (300, 120, 10, 4));
    assert_eq!((row.conversions, row.conversion_value), (Decimal::from(6), "241.10".parse().unwrap()));
    assert_eq!(row.extra["spam_complaints"], 2);
    let without = rows["T1"].row("2026-01-20".parse().unwrap(), account(), "T1", false);
    assert_eq!((without.sends, without.conversion_value), (300, Decimal::ZERO));
}

#[test]
fn a_flow_has_its_days_as_the_account_counts_them() {
    let mut lists = serde_json::Map::new();
    for (name, figure) in statistics(1).as_object().unwrap() {
        lists.insert(name.clone(), json!([figure, 0]));
    }
    let body = |times: [&str; 2]| {
        json!({"data": {"type": "flow-series-report", "attributes": {"date_times": times,
            "results": [{"groupings": {"flow_id": "F1"}, "statistics": lists}]}}})
        .to_string()
    };
    let zone = TimeZone::get("America/Denver").unwrap();
    for times in [
        ["2026-01-20T00:00:00+00:00", "2026-01-21T00:00:00+00:00"],
        ["2026-01-20T07:00:00+00:00", "2026-01-21T07:00:00+00:00"],
        ["2026-01-20T00:00:00-07:00", "2026-01-21T00:00:00-07:00"],
    ] {
        let (rows, _) = days(body(times).as_bytes(), &zone).unwrap();
        let found: Vec<String> =
            rows.iter().map(|((id, day), row)| format!("{id} {day} {}", row.any())).collect();
        assert_eq!(found, ["F1 2026-01-20 true", "F1 2026-01-21 false"]);
    }
    assert!(days(body(["", "soon"]).as_bytes(), &zone).is_err());
    // A list that is shorter than the days is no list.
    let short = body(["2026-01-20T00:00:00+00:00", "2026-01-21T00:00:00+00:00"]).replace(",0]", "]");
    let (rows, seen) = days(short.as_bytes(), &zone).unwrap();
    assert_eq!((rows.len(), seen.missing.len()), (0, 1));
}
