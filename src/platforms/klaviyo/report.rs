//! Klaviyo's reports: what is asked for, and what comes back. Rates are never asked for: they are computed.
use super::parse::Account;
use crate::period::Window;
use crate::platforms::rows::Daily;
use crate::platforms::shape::{self, Missing, Seen, Unreadable};
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use url::Url;

/// What each report is asked for; each recipient counts once where there is a choice.
const STATISTICS: [&str; 8] = [
    "recipients",
    "opens_unique",
    "clicks_unique",
    "bounced",
    "unsubscribe_uniques",
    "spam_complaints",
    "conversions",
    "conversion_value",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Totals of campaigns that were sent in a time.
    Campaigns,
    /// Flows by day.
    Flows,
}

impl Kind {
    pub fn path(self) -> &'static str {
        match self {
            Self::Campaigns => "api/campaign-values-reports",
            Self::Flows => "api/flow-series-reports",
        }
    }

    /// Days of the account; nothing for days that its zone does not have.
    pub fn body(self, days: Window, zone: &TimeZone, metric: &str) -> Option<Value> {
        let midnight = |day: Date| {
            let at = day.at(0, 0, 0, 0).to_zoned(zone.clone()).ok()?;
            Some(at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
        };
        let after = days.end.checked_add(1.day()).ok()?;
        let mut attributes = json!({
            "statistics": STATISTICS,
            "timeframe": {"start": midnight(days.start)?, "end": midnight(after)?},
            "conversion_metric_id": metric,
            "filter": "equals(send_channel,\"email\")",
        });
        let sort = match self {
            Self::Campaigns => "campaign-values-report",
            Self::Flows => {
                attributes["interval"] = json!("daily");
                "flow-series-report"
            }
        };
        Some(json!({"data": {"type": sort, "attributes": attributes}}))
    }
}

/// What a message brought about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    figures: [Decimal; STATISTICS.len()],
}

impl Totals {
    fn whole(&self, place: usize) -> i64 {
        self.figures[place].to_i64().unwrap_or_default()
    }

    /// Whether anything happened at all.
    pub fn any(&self) -> bool {
        self.figures.iter().any(|figure| !figure.is_zero())
    }

    /// The day of a message. Conversions are left out where the report's metric is none.
    pub fn row(&self, on: Date, account: Account<'_>, external: &str, conversions: bool) -> Daily {
        let mut row = Daily::new(on, account.id, "email", account.own(external), account.currency);
        row.channel = "email";
        (row.sends, row.opens, row.email_clicks) = (self.whole(0), self.whole(1), self.whole(2));
        (row.email_bounces, row.unsubscribes) = (self.whole(3), self.whole(4));
        if self.whole(5) > 0 {
            row.extra = Map::from_iter([("spam_complaints".to_owned(), Value::from(self.whole(5)))]);
        }
        if conversions {
            (row.conversions, row.conversion_value) = (self.figures[6], self.figures[7]);
            row.revenue = row.conversion_value;
        }
        row
    }

    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.figures.iter_mut().zip(other.figures) {
            *mine = mine.checked_add(theirs).unwrap_or(*mine);
        }
    }
}

/// `data.attributes`, and each result's groupings and statistics.
struct Results {
    attributes: Value,
    seen: Seen,
}

impl Results {
    fn read(body: &[u8]) -> Result<Self, Unreadable> {
        let mut body = shape::json(body)?;
        let attributes = body.pointer_mut("/data/attributes").map(Value::take).unwrap_or_default();
        shape::list(&attributes, "results", true)?;
        let mut seen = Seen::default();
        if let Some(object) = attributes.as_object() {
            seen.unknown(object, &["results", "date_times"], "attributes.");
        }
        Ok(Self { attributes, seen })
    }

    fn list(&self) -> Vec<Value> {
        shape::list(&self.attributes, "results", false).unwrap_or_default().to_vec()
    }
}

/// The place of the page after this one, which its `links.next` names; nothing after the last one.
pub fn after(body: &[u8]) -> Result<Option<String>, Unreadable> {
    let body = shape::json(body)?;
    let link = body.pointer("/links/next").and_then(Value::as_str).filter(|link| !link.is_empty());
    let cursor = |link: &str| {
        let url = Url::parse(link).ok()?;
        url.query_pairs().find(|(name, _)| name == "page_cursor").map(|(_, cursor)| cursor.into_owned())
    };
    let named = |link| cursor(link).ok_or_else(|| Unreadable::Not("a link with a 'page_cursor'".to_owned()));
    link.map(named).transpose()
}

/// The statistics of a result and the id of what it is grouped by.
fn parts<'a>(
    result: &'a Value,
    id: &str,
    seen: &mut Seen,
) -> Result<(String, &'a Map<String, Value>), Missing> {
    let lacks = |field: &str| Missing(format!("results.{field}"));
    let object = |field: &str| result.get(field).and_then(Value::as_object).ok_or_else(|| lacks(field));
    let (groupings, statistics) = (object("groupings")?, object("statistics")?);
    let external = shape::id(groupings.get(id)).ok_or_else(|| lacks(id))?;
    if let Some(result) = result.as_object() {
        seen.unknown(result, &["groupings", "statistics"], "results.");
    }
    seen.unknown(statistics, &STATISTICS, "statistics.");
    Ok((external, statistics))
}

fn figure(statistics: &Map<String, Value>, name: &str, place: Option<usize>) -> Result<Decimal, Missing> {
    let value = statistics.get(name);
    let value = place.map_or(value, |place| value.and_then(|list| list.get(place)));
    shape::number(value).ok_or_else(|| Missing(format!("statistics.{name}")))
}

fn read(statistics: &Map<String, Value>, place: Option<usize>) -> Result<Totals, Missing> {
    let mut out = Totals::default();
    for (figure, name) in out.figures.iter_mut().zip(STATISTICS) {
        *figure = self::figure(statistics, name, place)?;
    }
    Ok(out)
}

/// Totals of campaigns by id. A campaign of several messages (an A/B test) is their sum.
pub fn totals(body: &[u8]) -> Result<(BTreeMap<String, Totals>, Seen), Unreadable> {
    let mut results = Results::read(body)?;
    let mut out: BTreeMap<String, Totals> = BTreeMap::new();
    for result in results.list() {
        let row = parts(&result, "campaign_id", &mut results.seen)
            .and_then(|(external, statistics)| Ok((external, read(statistics, None)?)));
        if let Some((external, totals)) = results.seen.row(row) {
            out.entry(external).or_default().add(&totals);
        }
    }
    Ok((out, results.seen))
}

/// What flows brought about, by id and day.
pub type Days = BTreeMap<(String, Date), Totals>;

/// Flows by id and day, a flow of several messages as their sum.
pub fn days(body: &[u8], zone: &TimeZone) -> Result<(Days, Seen), Unreadable> {
    let mut results = Results::read(body)?;
    let times = shape::list(&results.attributes, "date_times", true)?;
    let dates: Option<Vec<Date>> = times.iter().map(|time| day(time.as_str()?, zone)).collect();
    let dates = dates.ok_or_else(|| Unreadable::Not("a list of days".to_owned()))?;
    let mut out = Days::new();
    for result in results.list() {
        let row = parts(&result, "flow_id", &mut results.seen).and_then(|(external, statistics)| {
            let of = |place| read(statistics, Some(place));
            Ok((external, (0..dates.len()).map(of).collect::<Result<Vec<_>, _>>()?))
        });
        let Some((external, series)) = results.seen.row(row) else { continue };
        for (on, totals) in dates.iter().zip(series) {
            out.entry((external.clone(), *on)).or_default().add(&totals);
        }
    }
    Ok((out, results.seen))
}

/// The account's day that begins at a moment. Midnight is the account's, whatever offset stands behind it: Klaviyo counts in
/// the account's zone and writes `+00:00`.
fn day(text: &str, zone: &TimeZone) -> Option<Date> {
    let written: jiff::civil::DateTime = text.get(..19)?.parse().ok()?;
    if written.time() == Time::midnight() {
        return Some(written.date());
    }
    let at: Timestamp = text.parse().ok()?;
    Some(crate::period::local_day(at, zone))
}
