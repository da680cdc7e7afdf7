use super::*;
use reqwest::StatusCode;
use serde_json::json;

fn bytes(body: &Value) -> Vec<u8> {
    serde_json::to_vec(body).unwrap()
}

#[test]
fn what_a_property_says_of_its_figures_is_heard() {
    let body = json!({
        "rows": [{"dimensionValues": [{"value": "20260124"}, {"value": "Direct"}], "metricValues": [{"value": "321"}, {"value": "1.5"}]}],
        "rowCount": 1, "metadata": {"currencyCode": "EUR", "timeZone": "Europe/Zurich", "subjectToThresholding": true,
            "dataLossFromOtherRow": true, "samplingMetadatas": [{"samplesReadCount": "250", "samplingSpaceSize": "1000"}]},
    });
    let read = page(&bytes(&body), 2, 2).unwrap();
    assert_eq!(read.rows[0].day.to_string(), "2026-01-24");
    assert_eq!(
        (read.rows[0].dimensions[0].as_str(), read.rows[0].metrics[1].to_string()),
        ("Direct", "1.5".to_owned())
    );
    assert!(read.thresholded && read.other_row);
    assert_eq!(
        (read.sampled.unwrap().to_string(), read.time_zone.as_deref()),
        ("0.25".to_owned(), Some("Europe/Zurich"))
    );
}

#[test]
fn a_row_with_other_columns_is_none() {
    let body =
        json!({"rows": [{"dimensionValues": [{"value": "20260124"}], "metricValues": [{"value": "x"}]}]});
    let read = page(&bytes(&body), 1, 1).unwrap();
    assert_eq!((read.count, read.rows.len(), read.seen.missing["rows.metricValues"]), (1, 0, 1));
    assert_eq!(page(&bytes(&body)[..40], 1, 1), Err(Unreadable::Truncated));
    assert_eq!(page(b"{}", 1, 1).unwrap().count, 0);
}

#[test]
fn the_scarcest_tokens_decide() {
    let reply =
        |body: Value| Reply { status: StatusCode::OK, headers: Default::default(), body: bytes(&body) };
    let told = spent(&reply(
        json!({"rows": [], "propertyQuota": {"tokensPerDay": {"consumed": 5, "remaining": 199_990},
        "tokensPerHour": {"consumed": 5, "remaining": 30_000}, "tokensPerProjectPerHour": {"consumed": 5, "remaining": 1_400}}}),
    ));
    assert_eq!(told.map(|quota| (quota.used * 100.0).round() as i64), Some(90));
    assert_eq!(spent(&reply(json!({"rows": []}))), None);
    // Nothing left is left out.
    let gone = spent(&reply(json!({"propertyQuota": {"tokensPerDay": {"consumed": 5}}})));
    assert_eq!(gone.map(|quota| quota.used), Some(1.0));
}

#[test]
fn what_does_not_go_together_is_named() {
    let body = json!({"metricCompatibilities": [{"metricMetadata": {"apiName": "keyEvents"}, "compatibility": "INCOMPATIBLE"}]});
    assert_eq!(incompatible(&bytes(&body)).unwrap().as_deref(), Some("keyEvents"));
    assert_eq!(incompatible(b"{}").unwrap(), None);
}
