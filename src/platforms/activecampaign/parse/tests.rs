use super::*;
use serde_json::json;

fn account() -> Account<'static> {
    Account { name: "fernhill", currency: "EUR".parse().unwrap() }
}

fn read(change: impl FnOnce(&mut Value)) -> Result<Option<Message>, Missing> {
    let mut entry = json!({"id": "12", "name": "January", "type": "single", "status": "5", "realcid": "0", "seriesid": "0",
        "automation": null, "send_amt": "1000", "uniqueopens": "310", "uniquelinkclicks": "41", "hardbounces": "3", "softbounces": "4",
        "unsubscribes": "2", "opens": "500", "sdate": "2026-01-20T23:30:00-06:00"});
    change(&mut entry);
    message(&entry, account(), &mut Seen::default())
}

#[test]
fn every_number_is_a_text_and_the_day_is_the_account_s() {
    let message = read(|_| {}).unwrap().unwrap();
    let row = message.day.unwrap();
    // In UTC it would be the 21st.
    assert_eq!(
        (row.date.to_string().as_str(), row.entity_id.as_str()),
        ("2026-01-20", "activecampaign:fernhill:12")
    );
    assert_eq!((row.entity_kind, row.channel), ("email", "email"));
    assert_eq!(
        (row.sends, row.opens, row.email_clicks, row.email_bounces, row.unsubscribes),
        (1000, 310, 41, 7, 2)
    );
    assert_eq!(
        (message.campaign.status, message.campaign.channel, message.email.name.as_str()),
        ("ended", "email", "January")
    );
}

#[test]
fn drafts_automations_and_parts_of_tests_have_no_day() {
    let day = |change: fn(&mut Value)| read(change).unwrap().map(|message| message.day.is_some());
    assert_eq!(day(|_| {}), Some(true));
    assert_eq!(day(|entry| entry["sdate"] = Value::Null), Some(false));
    assert_eq!(day(|entry| entry["send_amt"] = json!("0")), Some(false));
    assert_eq!(day(|entry| entry["type"] = json!("responder")), Some(false));
    assert_eq!(day(|entry| entry["seriesid"] = json!("4")), Some(false));
    assert_eq!(day(|entry| entry["automation"] = json!("9")), Some(false));
    // A part of an A/B test: its parent has its figures.
    assert_eq!(day(|entry| entry["realcid"] = json!("11")), None);
    assert_eq!(day(|entry| entry["realcid"] = json!("12")), Some(true));
}

#[test]
fn a_message_without_its_counts_is_none() {
    let lacks = |field: &'static str| {
        let change = move |entry: &mut Value| {
            entry.as_object_mut().unwrap().remove(field);
        };
        read(change).map(|_| ()).unwrap_err().0
    };
    for field in ["id", "name", "send_amt", "uniqueopens", "uniquelinkclicks"] {
        assert_eq!(lacks(field), format!("campaigns.{field}"));
    }
    assert_eq!(
        read(|entry| entry["send_amt"] = json!("many")).map(|_| ()).unwrap_err().0,
        "campaigns.send_amt"
    );
}

#[test]
fn of_a_person_only_the_hash_is_kept_and_of_one_forgotten_nothing() {
    let of = |entry: Value| contact(&entry, account(), &mut Seen::default()).unwrap().1;
    let plain = of(json!({"id": "1", "email": " Ada@Fernhill.example", "firstName": "Ada", "deleted": "0"}));
    let folded = of(json!({"id": "2", "email": "ada@fernhill.example"}));
    assert!(plain.email_hash.is_some() && plain.email_hash == folded.email_hash);
    assert!(!serde_json::to_string(&plain).unwrap().to_lowercase().contains("ada"));
    let gone = of(json!({"id": "3", "email": "ada@fernhill.example", "anonymized": "1"}));
    assert_eq!((gone.email_hash, gone.id.as_str()), (None, "activecampaign:fernhill:3"));
}

#[test]
fn who_left_every_list_is_not_written_to() {
    let on = |contact: &str, status: &str, at: Value| {
        membership(&json!({"contact": contact, "status": status, "udate": at}), &mut Seen::default()).unwrap()
    };
    let lists = [
        on("1", "2", json!("2025-06-30T04:12:14-05:00")),
        on("1", "3", json!("2025-07-02T04:12:14-05:00")),
        on("2", "2", json!("2025-06-30T04:12:14-05:00")),
        on("2", "1", Value::Null),
        on("3", "2", Value::Null),
    ];
    let denied = denials(&lists, account());
    assert_eq!(denied.len(), 1, "{denied:?}");
    assert_eq!((denied[0].customer_id.as_str(), denied[0].status), ("activecampaign:fernhill:1", "denied"));
    assert_eq!(denied[0].recorded_at.to_string(), "2025-07-02T09:12:14Z");
    assert!(denied[0].evidence.contains("bounced"));
}
