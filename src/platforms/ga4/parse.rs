//! Answers of `runReport` and `checkCompatibility`, read without trust.
use crate::money::Currency;
use crate::platforms::client::Reply;
use crate::platforms::contract::Quota;
use crate::platforms::shape::{self, Missing, Seen, Unreadable};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::Value;

/// One row: its day, the other dimensions and the figures, in the order they were asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub day: Date,
    pub dimensions: Vec<String>,
    pub metrics: Vec<Decimal>,
}

/// One page of a report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    pub rows: Vec<Row>,
    /// Rows the page holds, those that were left out included.
    pub count: usize,
    /// Rows of all pages.
    pub total: Option<usize>,
    pub currency: Option<Currency>,
    pub time_zone: Option<String>,
    /// Small rows are withheld.
    pub thresholded: bool,
    /// Rows beyond the property's limit were added up as `(other)`.
    pub other_row: bool,
    /// Figures are estimated from this share of all there is.
    pub sampled: Option<Decimal>,
    pub seen: Seen,
}

const OF_PAGE: [&str; 9] = [
    "dimensionHeaders",
    "metricHeaders",
    "rows",
    "totals",
    "maximums",
    "rowCount",
    "metadata",
    "propertyQuota",
    "kind",
];

/// Reads a page with so many dimensions, the day first, and metrics. Without rows the platform leaves the list out.
pub fn page(body: &[u8], dimensions: usize, metrics: usize) -> Result<Page, Unreadable> {
    let body = shape::json(body)?;
    let Some(top) = body.as_object() else { return Err(Unreadable::Not("an object".to_owned())) };
    let mut page = Page::default();
    page.seen.unknown(top, &OF_PAGE, "");
    let rows = shape::list(&body, "rows", false)?;
    page.count = rows.len();
    for entry in rows {
        if let Some(object) = entry.as_object() {
            page.seen.unknown(object, &["dimensionValues", "metricValues"], "rows.");
        }
        let read = row(entry, dimensions, metrics);
        page.rows.extend(page.seen.row(read));
    }
    page.total = shape::count(body.get("rowCount")).and_then(|count| usize::try_from(count).ok());
    let metadata = body.get("metadata").unwrap_or(&Value::Null);
    let flag = |name: &str| metadata.get(name).and_then(Value::as_bool).unwrap_or(false);
    page.currency = shape::text_if_any(metadata, "currencyCode").and_then(|code| code.parse().ok());
    page.time_zone = shape::text_if_any(metadata, "timeZone").map(str::to_owned);
    (page.thresholded, page.other_row) = (flag("subjectToThresholding"), flag("dataLossFromOtherRow"));
    page.sampled = metadata.get("samplingMetadatas").and_then(sampled);
    Ok(page)
}

/// The smallest share that was read, of all date ranges.
fn sampled(said: &Value) -> Option<Decimal> {
    let shares = said.as_array()?.iter().filter_map(|one| {
        let read = shape::number(one.get("samplesReadCount"))?;
        let all = shape::number(one.get("samplingSpaceSize")).filter(|all| !all.is_zero())?;
        Some((read / all).round_dp(4))
    });
    shares.filter(|share| *share < Decimal::ONE).min()
}

fn row(entry: &Value, dimensions: usize, metrics: usize) -> Result<Row, Missing> {
    let values = |field: &str, length: usize| -> Result<Vec<&str>, Missing> {
        let list = entry.get(field).and_then(Value::as_array).filter(|list| list.len() == length);
        let texts: Option<Vec<&str>> = list.and_then(|list| {
            // An empty text is left out.
            list.iter().map(|one| one.get("value").map_or(Some(""), Value::as_str)).collect()
        });
        texts.ok_or_else(|| Missing(format!("rows.{field}")))
    };
    let texts = values("dimensionValues", dimensions)?;
    let lacks_day = || Missing("rows.dimensionValues".to_owned());
    let (day, rest) = texts.split_first().ok_or_else(lacks_day)?;
    let figures = values("metricValues", metrics)?;
    let figures: Option<Vec<Decimal>> =
        figures.into_iter().map(|text| shape::number(Some(&Value::from(text)))).collect();
    Ok(Row {
        day: Date::strptime("%Y%m%d", day).map_err(|_| lacks_day())?,
        dimensions: rest.iter().map(|text| (*text).to_owned()).collect(),
        metrics: figures.ok_or_else(|| Missing("rows.metricValues".to_owned()))?,
    })
}

/// The first name that a property does not have together with the others.
pub fn incompatible(body: &[u8]) -> Result<Option<String>, Unreadable> {
    let body = shape::json(body)?;
    let mut odd = None;
    for (list, one) in
        [("dimensionCompatibilities", "dimensionMetadata"), ("metricCompatibilities", "metricMetadata")]
    {
        for entry in shape::list(&body, list, false)? {
            let name = entry.get(one).and_then(|metadata| shape::text_if_any(metadata, "apiName"));
            if shape::text_if_any(entry, "compatibility") == Some("INCOMPATIBLE") {
                odd = odd.or(name.map(str::to_owned));
            }
        }
    }
    Ok(odd)
}

/// What an answer says of the property's tokens; all else of it is passed over.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quotas {
    tokens_per_day: Option<Left>,
    tokens_per_hour: Option<Left>,
    tokens_per_project_per_hour: Option<Left>,
}

#[derive(Debug, Deserialize)]
struct Left {
    /// Left out when there is none.
    #[serde(default)]
    remaining: f64,
}

#[derive(Deserialize)]
struct Told {
    #[serde(rename = "propertyQuota")]
    quota: Option<Quotas>,
}

/// How much of its tokens a property has used: of 200,000 a day, 40,000 an hour, 14,000 an hour for this project (§2.4). Larger
/// properties have more, and count as used from where the small ones would.
pub fn spent(reply: &Reply) -> Option<Quota> {
    let quota = serde_json::from_slice::<Told>(&reply.body).ok()?.quota?;
    let used = [
        (quota.tokens_per_day, 200_000.0),
        (quota.tokens_per_hour, 40_000.0),
        (quota.tokens_per_project_per_hour, 14_000.0),
    ]
    .into_iter()
    .filter_map(|(left, all)| Some((1.0 - left?.remaining / all).clamp(0.0, 1.0)))
    .fold(None, |most: Option<f64>, used| Some(most.map_or(used, |most| most.max(used))))?;
    Some(Quota { used, resets_in: None })
}

#[cfg(test)]
mod tests;
