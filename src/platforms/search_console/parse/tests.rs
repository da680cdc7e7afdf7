use super::*;
use serde_json::json;

#[test]
fn rows_are_read_as_they_are_written() {
    let body = json!({"rows": [
        {"keys": ["2025-09-01", "https://fernhill.example/a?x=1", "rain jacket"], "clicks": 3.0, "impressions": 120, "ctr": 0.025, "position": 7.4},
        {"keys": ["2025-09-01", "https://fernhill.example/b"], "clicks": 1, "impressions": 2, "position": 1},
        {"keys": ["2025-09-01", "https://fernhill.example/b", "tent"], "clicks": 1, "impressions": 2, "mood": 1},
    ], "responseAggregationType": "byPage"});
    let page = page(body.to_string().as_bytes(), 3).unwrap();
    assert_eq!((page.count, page.rows.len()), (3, 1));
    assert_eq!((page.rows[0].clicks, page.rows[0].position.to_string().as_str()), (3, "7.4"));
    assert_eq!(page.seen.missing.keys().collect::<Vec<_>>(), ["rows.keys", "rows.position"]);
    assert_eq!(page.seen.new_fields.keys().collect::<Vec<_>>(), ["rows.mood"]);
}

#[test]
fn no_rows_is_an_empty_page() {
    assert_eq!(page(b"{\"responseAggregationType\": \"auto\"}", 1).unwrap(), Page::default());
    assert_eq!(page(b"[]", 1), Err(Unreadable::Not("an object".to_owned())));
    assert_eq!(page(b"{\"rows\": [{", 1), Err(Unreadable::Truncated));
}
