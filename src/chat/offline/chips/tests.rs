use super::super::entities::Entity;
use super::super::understand::{Day, read};
use super::super::vocabulary::Vocabulary;
use super::*;
use jiff::civil::date;
use serde_json::json;

fn about(question: &str, looked_at: &str) -> Option<String> {
    let named = |id: &str, name: &str| Entity { kind: "campaign".into(), id: id.into(), name: name.into() };
    let known = Known::new([
        named("google_ads:1", "Trail Ads"),
        named("google_ads:2", "Twins"),
        named("meta_ads:2", "Twins"),
    ]);
    let vocabulary = Vocabulary::embedded().unwrap();
    let reading = read(question, &known, Day::new(date(2025, 9, 17)), &vocabulary, &|_| false, None);
    let context = Map::from_iter([("campaign".to_owned(), json!(looked_at))]);
    let reading = with_campaign(&reading, &context, &known)?;
    reading.of_kind("campaign").next().map(|one| one.id.clone())
}

#[test]
fn this_campaign_is_the_one_that_is_looked_at() {
    assert_eq!(about("draft a pause for this campaign", "google_ads:1").as_deref(), Some("google_ads:1"));
    assert_eq!(about("pause this campaign", "Trail Ads").as_deref(), Some("google_ads:1"));
    assert_eq!(about("pause this campaign", "Twins"), None, "it may be either");
}

#[test]
fn any_other_campaign_is_not() {
    for question in [
        "draft a pause for the second campaign",
        "pause the campaign with the highest cost",
        "draft a pause for all campaigns that wasted money",
        "pause trail ads, not this campaign",
    ] {
        assert_eq!(about(question, "google_ads:2"), None, "{question}");
    }
    assert_eq!(about("pause this campaign", "google_ads:9"), None);
}
