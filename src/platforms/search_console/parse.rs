//! Answers of `searchAnalytics/query`, read without trust.
use crate::platforms::shape::{self, Missing, Seen, Unreadable};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::Value;

/// One row: its day, the other keys in the order they were asked for, and its figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub day: Date,
    pub keys: Vec<String>,
    pub clicks: i64,
    pub impressions: i64,
    /// Mean position over the impressions of the row.
    pub position: Decimal,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    pub rows: Vec<Row>,
    /// Rows the page holds, those that were left out included.
    pub count: usize,
    pub seen: Seen,
}

/// Reads a page whose rows have so many keys, the day first. Without rows the API leaves the list out.
pub fn page(body: &[u8], keys: usize) -> Result<Page, Unreadable> {
    let body = shape::json(body)?;
    let Some(top) = body.as_object() else { return Err(Unreadable::Not("an object".to_owned())) };
    let mut page = Page::default();
    page.seen.unknown(top, &["rows", "responseAggregationType", "metadata"], "");
    let rows = shape::list(&body, "rows", false)?;
    page.count = rows.len();
    for entry in rows {
        let read = row(entry, keys);
        if let Some(object) = entry.as_object() {
            page.seen.unknown(object, &["keys", "clicks", "impressions", "ctr", "position"], "rows.");
        }
        page.rows.extend(page.seen.row(read));
    }
    Ok(page)
}

fn row(entry: &Value, wanted: usize) -> Result<Row, Missing> {
    let lacks = |field: &str| Missing(format!("rows.{field}"));
    let keys = entry.get("keys").and_then(Value::as_array).filter(|keys| keys.len() == wanted);
    let keys: Option<Vec<&str>> = keys.ok_or_else(|| lacks("keys"))?.iter().map(Value::as_str).collect();
    let keys = keys.ok_or_else(|| lacks("keys"))?;
    let (day, rest) = keys.split_first().ok_or_else(|| lacks("keys"))?;
    let count = |field: &str| shape::count(entry.get(field)).ok_or_else(|| lacks(field));
    Ok(Row {
        day: day.parse().map_err(|_| lacks("keys"))?,
        keys: rest.iter().map(|key| (*key).to_owned()).collect(),
        clicks: count("clicks")?,
        impressions: count("impressions")?,
        position: shape::number(entry.get("position")).ok_or_else(|| lacks("position"))?,
    })
}

#[cfg(test)]
mod tests;
