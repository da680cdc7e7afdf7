use super::*;
use serde_json::json;

fn account() -> Account<'static> {
    Account { id: "500100200", currency: "USD".parse().unwrap() }
}

const CREATIVES: Level = Level { kind: "ad", pivot: "CREATIVE" };

fn read(mut element: Value) -> Result<Daily, Missing> {
    element["dateRange"] =
        json!({"start": {"year": 2026, "month": 1, "day": 24}, "end": {"year": 2026, "month": 1, "day": 24}});
    element["pivotValues"] = json!(["urn:li:sponsoredCreative:5"]);
    day(&element, CREATIVES, account(), Conversions::Website, &mut Seen::default()).map(|(_, row)| row)
}

#[test]
fn a_day_is_read_and_what_is_left_out_is_none() {
    let row = read(json!({"impressions": 90, "clicks": 2, "costInLocalCurrency": "14.20"})).unwrap();
    assert_eq!((row.entity_id.as_str(), row.date.to_string().as_str()), ("linkedin_ads:5", "2026-01-24"));
    assert_eq!((row.impressions, row.clicks, row.cost.to_string().as_str()), (90, 2, "14.2"));
    assert!(row.conversions.is_zero() && row.conversion_value.is_zero() && row.extra.is_empty());
}

#[test]
fn the_dust_of_doubles_is_no_money() {
    let cost = |value: Value| {
        read(json!({"impressions": 1.0, "clicks": 0, "costInLocalCurrency": value})).unwrap().cost
    };
    assert_eq!(cost(json!(250.000_000_000_000_03)).to_string(), "250");
    assert_eq!(cost(json!(-2e-18)).to_string(), "0");
    assert_eq!(cost(json!("3.2187604153278196")).to_string(), "3.21876");
}

#[test]
fn a_row_without_its_money_or_its_ad_is_none() {
    let lacks = |element| read(element).unwrap_err().0;
    assert_eq!(lacks(json!({"impressions": 1, "clicks": 0})), "elements.costInLocalCurrency");
    assert_eq!(lacks(json!({"clicks": 0, "costInLocalCurrency": "1"})), "elements.impressions");
    let nobody = json!({"dateRange": {"start": {"year": 2026, "month": 2, "day": 30}}});
    let error = day(&nobody, CREATIVES, account(), Conversions::Leads, &mut Seen::default()).unwrap_err();
    assert_eq!(error.0, "elements.dateRange");
}

#[test]
fn a_campaign_s_group_is_its_label_and_its_times_are_days_in_utc() {
    let element = json!({"id": 160_000_646, "name": "Awareness", "status": "CANCELED", "campaignGroup": "urn:li:sponsoredCampaignGroup:610000656",
        "runSchedule": {"start": 1_628_230_000_000_i64}, "dailyBudget": {"currencyCode": "CHF", "amount": "10"}, "costType": "CPM"});
    let groups = Groups::from([("610000656".to_owned(), "Autumn".to_owned())]);
    let mut seen = Seen::default();
    let (_, row) = campaign(&element, account(), &groups, &mut seen).unwrap();
    assert_eq!((row.status, row.labels.join(",").as_str()), ("ended", "Autumn"));
    assert_eq!((row.starts_on.unwrap().to_string().as_str(), row.ends_on), ("2021-08-06", None));
    assert_eq!((row.daily_budget.unwrap().to_string().as_str(), row.currency.as_str()), ("10", "CHF"));
    assert_eq!(seen, Seen::default());
}

#[test]
fn a_creative_says_what_its_form_says() {
    let element = json!({"id": "urn:li:sponsoredCreative:7", "campaign": "urn:li:sponsoredCampaign:3", "intendedStatus": "RESTING",
        "content": {"textAd": {"headline": "Dry at last", "description": "Tents", "landingPage": "https://fernhill.example/"}},
        "review": {"status": "APPROVED"}});
    let mut seen = Seen::default();
    let (id, row) = creative(&element, &mut seen).unwrap();
    assert_eq!(
        (id.as_str(), row.campaign_id.as_str(), row.format.as_str()),
        ("7", "linkedin_ads:3", "textAd")
    );
    assert_eq!(
        (row.headlines.join(""), row.final_url.as_str()),
        ("Dry at last".to_owned(), "https://fernhill.example/")
    );
    assert_eq!((row.status, row.policy_status.as_str()), ("unknown", "APPROVED"));
    assert_eq!(seen.unknown_values.keys().collect::<Vec<_>>(), ["intendedStatus=RESTING"]);
}
