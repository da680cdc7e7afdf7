use super::*;
use jiff::civil::date;
use serde_json::json;

fn read(body: &Value, dimensions: usize, metrics: usize) -> Result<Page, Unreadable> {
    page(body.to_string().as_bytes(), dimensions, metrics)
}

#[test]
fn a_page_has_days_dimensions_and_figures() {
    let body = json!({
        "results": [{"dimensions": ["2025-09-01", "Email"], "metrics": [7, null]}],
        "meta": {"total_rows": 9}, "query": {},
    });
    let page = read(&body, 2, 2).unwrap();
    assert_eq!((page.count, page.total), (1, Some(9)));
    assert_eq!(page.rows[0].day, date(2025, 9, 1));
    assert_eq!(page.rows[0].dimensions[1], "Email");
    assert_eq!(page.seen, Seen { rows: 1, ..Seen::default() });
}

#[test]
fn a_row_without_what_was_asked_for_is_left_out_and_counted() {
    let body = json!({
        "results": [
            {"dimensions": ["2025-09-01", "Email"]},
            {"dimensions": ["yesterday", "Email"], "metrics": [1]},
            {"dimensions": ["2025-09-01", "Email"], "metrics": ["many"], "mood": "good"},
            {"dimensions": ["2025-09-01"], "metrics": [1]},
        ],
        "cost": 1,
    });
    let page = read(&body, 2, 1).unwrap();
    assert_eq!((page.count, page.rows.len(), page.seen.rows), (4, 0, 4));
    assert_eq!(page.seen.missing["results.metrics"], 2);
    assert_eq!(page.seen.missing["results.dimensions"], 2);
    assert_eq!(page.seen.new_fields.keys().collect::<Vec<_>>(), ["cost", "results.mood"]);
}

#[test]
fn warnings_of_the_platform_are_passed_on_in_its_words() {
    let body = json!({"results": [], "meta": {"metric_warnings": {"total_revenue": {
        "code": "no_single_revenue_currency", "warning": "Several currencies."}}}});
    assert_eq!(read(&body, 2, 1).unwrap().warnings, ["total_revenue: Several currencies."]);
}

#[test]
fn what_is_no_page_is_refused_whole() {
    assert_eq!(page(b"{\"results\": [{\"dim", 2, 1), Err(Unreadable::Truncated));
    assert_eq!(page(b"{\"error\": \"x\"}", 2, 1), Err(Unreadable::Not("a list 'results'".to_owned())));
}
