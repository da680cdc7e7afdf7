use super::*;

fn told<'a>(windows: &'a [String]) -> Told<'a> {
    Told {
        level: "campaign",
        account: "17",
        currency: "EUR".parse().unwrap(),
        conversion: "purchase",
        windows,
    }
}

#[test]
fn one_purchase_under_three_names_is_one() {
    let row = json!({"campaign_id": "1", "date_start": "2025-09-16", "date_stop": "2025-09-16", "spend": "15.32",
        "impressions": "1000", "clicks": "31",
        "actions": [{"action_type": "omni_purchase", "value": "2"}, {"action_type": "purchase", "value": "2"},
            {"action_type": "offsite_conversion.fb_pixel_purchase", "value": "2"}],
        "action_values": [{"action_type": "purchase", "value": "118.00"}]});
    let read = day(&row, &told(&[]), &mut Seen::default()).unwrap();
    assert_eq!((read.conversions, read.conversion_value), (Decimal::from(2), Decimal::from(118)));
    assert_eq!(
        (read.cost.to_string(), read.clicks, &read.extra["all_clicks"]),
        ("15.32".to_owned(), 0, &json!("31"))
    );
}

#[test]
fn windows_that_were_asked_for_are_added_up_and_others_are_not() {
    let entry = json!({"actions": [{"action_type": "lead", "value": "9", "7d_click": "3", "1d_view": "2", "28d_click": "4"}]});
    let windows = ["7d_click".to_owned(), "1d_view".to_owned()];
    assert_eq!(action(&entry, "actions", "lead", &windows), Decimal::from(5));
    assert_eq!(action(&entry, "actions", "lead", &[]), Decimal::from(9));
    assert_eq!(action(&entry, "actions", "purchase", &windows), Decimal::ZERO);
}

#[test]
fn budgets_count_smallest_units_and_some_currencies_have_none() {
    let row = json!({"daily_budget": "5000", "lifetime_budget": "0"});
    let of = |code: &str| minor(&row, "daily_budget", code.parse().unwrap()).unwrap().to_string();
    assert_eq!(
        (of("EUR"), of("JPY"), of("HUF"), of("KWD")),
        ("50".to_owned(), "5000".into(), "5000".into(), "50".into())
    );
    assert_eq!(minor(&row, "lifetime_budget", "EUR".parse().unwrap()), None);
}

#[test]
fn a_day_is_one_day() {
    let row =
        json!({"campaign_id": "1", "date_start": "2025-09-16", "date_stop": "2025-09-17", "spend": "1"});
    assert_eq!(
        day(&row, &told(&[]), &mut Seen::default()).unwrap_err(),
        Missing("data.date_stop".to_owned())
    );
}

#[test]
fn words_of_an_ad_stand_in_one_of_three_places() {
    let ids = |creative: Value| {
        let row = json!({"id": "3", "adset_id": "2", "campaign_id": "1", "name": "Loop", "effective_status": "DISAPPROVED",
            "creative": creative});
        ad(&row, &mut Seen::default()).unwrap()
    };
    let own = ids(
        json!({"title": "Light tents", "body": "Up in a minute.", "link_url": "https://www.fernhill.example/"}),
    );
    assert_eq!(
        (own.headlines, own.body.as_str(), own.status),
        (vec!["Light tents".to_owned()], "Up in a minute.", "paused")
    );
    let story = ids(
        json!({"object_story_spec": {"link_data": {"name": "Tents", "message": "New.", "link": "https://a.example/",
        "description": "All sizes"}}}),
    );
    assert_eq!((story.headlines, story.final_url.as_str()), (vec!["Tents".to_owned()], "https://a.example/"));
    let feed = ids(
        json!({"asset_feed_spec": {"titles": [{"text": "One"}, {"text": "Two"}], "bodies": [{"text": "B"}],
        "link_urls": [{"website_url": "https://b.example/"}]}}),
    );
    assert_eq!(
        (feed.headlines.len(), feed.body.as_str(), feed.final_url.as_str()),
        (2, "B", "https://b.example/")
    );
}

#[test]
fn only_a_page_with_a_next_one_has_a_cursor() {
    let last = br#"{"data": [], "paging": {"cursors": {"before": "A", "after": "B"}}}"#;
    assert_eq!(page(last).unwrap().after, None);
    let more =
        br#"{"data": [], "paging": {"cursors": {"after": "B"}, "next": "https://graph.example/?after=B"}}"#;
    assert_eq!(page(more).unwrap().after.as_deref(), Some("B"));
    assert_eq!(page(&more[..30]), Err(Unreadable::Truncated));
    assert!(matches!(page(br#"{"data": {}}"#), Err(Unreadable::Not(_))));
}
