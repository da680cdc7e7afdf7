//! Plausible as it answers: `POST /api/v2/query`, and nothing else.
use super::contract::contract;
use super::fake::{Asked, Knobs, Platform, Trouble, refused};
use super::recorded::Recorded;
use super::rig::{Case, Rig};
use adjutant::db::syncs::SyncState;
use adjutant::platforms::fault::Code;
use adjutant::platforms::plausible::page;
use jiff::civil::Date;
use jiff::{SignedDuration, ToSpan as _};
use serde_json::{Value, json};

const SITE: &str = "fernhill.example";
const METRICS: [&str; 8] = [
    "visitors",
    "visits",
    "pageviews",
    "bounce_rate",
    "visit_duration",
    "events",
    "total_revenue",
    "conversion_rate",
];

pub struct FakePlausible;

impl FakePlausible {
    fn check(asked: &Asked, knobs: &Knobs) -> Result<Value, (u16, Value)> {
        if asked.path != "/api/v2/query" {
            return Err(refused(404, "not found"));
        }
        if asked.method != "POST" || !asked.header("content-type").starts_with("application/json") {
            return Err(refused(400, "send JSON by POST"));
        }
        let body = asked.json();
        if asked.header("authorization") != format!("Bearer {}", knobs.secret) || body["site_id"] != SITE {
            return Err(refused(401, "Invalid API key or site ID."));
        }
        let known = [
            "site_id",
            "metrics",
            "date_range",
            "dimensions",
            "order_by",
            "include",
            "pagination",
            "filters",
        ];
        if let Some(name) = body.as_object().unwrap().keys().find(|name| !known.contains(&name.as_str())) {
            return Err(refused(400, &format!("#/{name}: schema does not allow additional properties")));
        }
        let metrics = strings(&body["metrics"]);
        if metrics.is_empty() || metrics.iter().any(|metric| !METRICS.contains(&metric.as_str())) {
            return Err(refused(400, "#/metrics: invalid metric"));
        }
        let dimensions = strings(&body["dimensions"]);
        let session = metrics.iter().any(|metric| metric == "bounce_rate" || metric == "visit_duration");
        if session && dimensions.iter().any(|name| name.starts_with("event:")) {
            return Err(refused(400, "session metrics cannot be queried with event dimensions"));
        }
        let limit = body["pagination"]["limit"].as_u64().unwrap_or(10_000);
        if limit > 10_000 || dimensions.len() > 2 {
            return Err(refused(400, "#/pagination/limit: too many"));
        }
        Ok(body)
    }
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|value| value.as_str().unwrap().to_owned()).collect()
}

fn values(dimension: &str) -> &'static [&'static str] {
    match dimension {
        "visit:channel" => &["Direct", "Organic Search", "Paid Social"],
        "event:goal" => &["Newsletter", "Order"],
        _ => &["/", "/pricing"],
    }
}

/// Figures that differ by day, value and metric, and stay what they are.
fn figure(metric: &str, day: Date, index: i64, knobs: &Knobs) -> Value {
    let moved = if knobs.restated == Some(day) { 5 } else { 0 };
    let base = i64::from(day.day()) + 10 * (index + 1) + moved;
    match metric {
        "bounce_rate" => json!(50),
        "visit_duration" => json!(61.5),
        "total_revenue" if index == 1 => {
            json!({"short": "$1K", "value": base * 10, "long": "$1,000.00", "currency": "EUR"})
        }
        "total_revenue" => Value::Null,
        "visitors" => json!(base),
        "visits" => json!(base + 2),
        _ => json!(base * 3),
    }
}

impl Platform for FakePlausible {
    fn answer(&self, asked: &Asked, knobs: &Knobs) -> (u16, Value) {
        let body = match Self::check(asked, knobs) {
            Ok(body) => body,
            Err(refusal) => return refusal,
        };
        let (metrics, dimensions) = (strings(&body["metrics"]), strings(&body["dimensions"]));
        if dimensions.is_empty() {
            return (
                200,
                json!({"results": [{"metrics": [7], "dimensions": []}], "meta": {}, "query": body}),
            );
        }
        let day = |at: usize| body["date_range"][at].as_str().and_then(|text| text.parse::<Date>().ok());
        let (Some(first), Some(last)) = (day(0), day(1)) else {
            return refused(400, "#/date_range: invalid date range");
        };
        let mut rows = Vec::new();
        for date in first.series(1.day()).take_while(|day| *day <= last && !knobs.empty) {
            for (index, value) in values(&dimensions[1]).iter().enumerate() {
                let figures: Vec<Value> = metrics
                    .iter()
                    .map(|metric| figure(metric, date, i64::try_from(index).unwrap(), knobs))
                    .collect();
                let mut row = json!({"metrics": figures, "dimensions": [date, value]});
                if knobs.unknown_field {
                    row["mood"] = json!("sunny");
                }
                if knobs.missing_field {
                    row.as_object_mut().unwrap().remove("metrics");
                }
                rows.push(row);
            }
        }
        let total = rows.len();
        let whole = |name: &str| usize::try_from(body["pagination"][name].as_u64().unwrap_or(0)).unwrap();
        let offset = if knobs.repeat { 0 } else { whole("offset") };
        let page: Vec<Value> = rows.into_iter().skip(offset).take(knobs.page.min(whole("limit"))).collect();
        (200, json!({"results": page, "meta": {"total_rows": total}, "query": body}))
    }
}

pub struct PlausibleCase(&'static str, &'static str);

const FACTS: &str = "select concat_ws('|', date, account_id, entity_kind, entity_id, channel, sessions, bounces, \
     engaged_sessions, engaged_seconds, pageviews, users, exits, conversions, revenue, revenue_base, currency) \
     from daily_metrics where source = 'plausible' order by 1";

impl Case for PlausibleCase {
    fn key(&self) -> &'static str {
        "plausible"
    }

    fn stream(&self) -> &'static str {
        self.0
    }

    fn config(&self) -> Value {
        json!({"site_id": SITE, "revenue": self.1, "goals": "Newsletter=newsletter_signup"})
    }

    fn secrets(&self) -> &'static [&'static str] {
        &["api_key"]
    }

    fn platform(&self) -> Box<dyn Platform> {
        Box::new(FakePlausible)
    }

    fn facts(&self) -> &'static str {
        FACTS
    }
}

pub static SITES: PlausibleCase = PlausibleCase("site", "no");
static PAGES: PlausibleCase = PlausibleCase("pages", "no");
static GOALS: PlausibleCase = PlausibleCase("goals", "yes");

contract!(site, crate::connectors::plausible::SITES);

#[tokio::test]
async fn visits_are_filed_under_our_channels() {
    let rig = Rig::new(&SITES).await;
    rig.good().await;
    let facts = rig.facts().await;
    assert_eq!(facts.len(), 270, "90 days of three channels");
    // 16 visitors of the 16th and ten a channel: 28 visits of which half bounce, 61.5 seconds each.
    for expected in [
        "2025-09-16|fernhill.example|site|site|paid_social|48|24|24|2952|138|46|0|0.000000|0.000000|0.000000|EUR",
        "2025-09-16|fernhill.example|site|site|seo|38|19|19|2337|108|36|0|0.000000|0.000000|0.000000|EUR",
        "2025-09-16|fernhill.example|site|site|direct|28|14|14|1722|78|26|0|0.000000|0.000000|0.000000|EUR",
    ] {
        assert!(facts.iter().any(|line| line == expected), "{expected}");
    }
}

#[tokio::test]
async fn a_page_has_its_views_landings_and_exits_in_one_row() {
    let rig = Rig::new(&PAGES).await;
    let finished = rig.good().await;
    // 13 slices of a week, three reports each.
    assert_eq!(finished.counts.requests, 39);
    let facts = rig.facts().await;
    assert_eq!(facts.len(), 180);
    let expected =
        "2025-09-17|fernhill.example|page|/|unknown|29|14|15|1784|81|27|29|0.000000|0.000000|0.000000|EUR";
    assert!(facts.iter().any(|line| line == expected), "{:?}", &facts[178..]);
}

#[tokio::test]
async fn goals_go_by_our_names_and_revenue_is_read_where_there_is_some() {
    let rig = Rig::new(&GOALS).await;
    rig.good().await;
    let facts = rig.facts().await;
    for expected in [
        "2025-09-17|fernhill.example|event|Order|unknown|0|0|0|0|0|37|0|111.000000|370.000000|370.000000|EUR",
        "2025-09-17|fernhill.example|event|newsletter_signup|unknown|0|0|0|0|0|27|0|81.000000|0.000000|0.000000|EUR",
    ] {
        assert!(facts.iter().any(|line| line == expected), "{expected}");
    }
}

/// Answers that Plausible's own documentation shows, with the query of each.
pub fn recorded(file: &Recorded, all: &[Recorded]) -> Option<usize> {
    let of = |name: String| all.iter().find(|other| other.name == name);
    if let Some(start) = file.name.strip_suffix("-query.json") {
        // It says what its answer has.
        of(format!("{start}-response.json"))?;
        return Some(strings(&file.json()["metrics"]).len());
    }
    if file.name == "response-meta.json" {
        // What may stand beside the rows, with remarks that JSON does not have.
        let text = std::str::from_utf8(&file.body).unwrap();
        let bare: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let page = page(format!(r#"{{"results": [], "meta": {bare}}}"#).as_bytes(), 0, 0).unwrap();
        assert_eq!((page.total, page.warnings.len()), (Some(342), 2), "{:?}", page.warnings);
        return Some(1);
    }
    let start = file.name.strip_suffix("-response.json")?;
    let query = of(format!("{start}-query.json"))?.json();
    let (dimensions, metrics) = (strings(&query["dimensions"]).len(), strings(&query["metrics"]).len());
    let page = page(&file.body, dimensions, metrics).unwrap();
    // Rows of days and totals are ours, with figures; others are nothing we ask for, and are counted as left out.
    let results = file.json()["results"].as_array().unwrap().clone();
    let ours = |row: &&Value| {
        let day = row["dimensions"].get(0).is_none_or(|day| day.as_str().unwrap().parse::<Date>().is_ok());
        day && (row["metrics"][0].is_number() || row["metrics"][0].is_null())
    };
    let kept: Vec<&Value> = results.iter().filter(ours).collect();
    assert_eq!((page.rows.len(), page.count), (kept.len(), results.len()), "{}: {:?}", file.name, page.seen);
    let left: u64 = page.seen.missing.values().sum();
    assert_eq!(left, u64::try_from(results.len() - kept.len()).unwrap(), "{}", file.name);
    let sum = |figure: Option<&Value>| figure.and_then(Value::as_f64).unwrap_or_default();
    for metric in 0..metrics {
        let read: f64 = page.rows.iter().map(|row| sum(row.metrics.get(metric))).sum();
        let there: f64 = kept.iter().map(|row| sum(row["metrics"].get(metric))).sum();
        assert!((read - there).abs() < 1e-9, "{}: {read}, not {there}", file.name);
    }
    assert!(page.seen.new_fields.is_empty(), "{}: {:?}", file.name, page.seen);
    Some(page.count)
}

#[tokio::test]
async fn a_run_that_lasts_too_long_goes_on_where_it_was_stopped() {
    let whole = Rig::new(&SITES).await;
    whole.good().await;
    let mut rig = Rig::new(&SITES).await;
    rig.engine.outside.limits.run = SignedDuration::from_secs(30);
    rig.fake.trouble(3, Trouble::Slow(37));
    let stopped = rig.sync().await.unwrap();
    let error = stopped.error.unwrap();
    assert_eq!((stopped.state, error.code), (SyncState::Cancelled, Code::Cancelled));
    assert!(error.message.contains("it was stopped after"), "{error}");
    let kept = rig.facts().await.len();
    assert!(0 < kept && kept < whole.facts().await.len(), "{kept} rows of the slices before");
    let due = rig.engine.due(rig.world.org).await.unwrap();
    assert!(due.iter().any(|(_, stream)| stream == "site"), "the next round of the clock goes on");
    assert_eq!(rig.count("select count(*) from source_streams where fails > 0").await, 0);
    let rest = rig.good().await;
    let missing = 270 - i64::try_from(kept).unwrap();
    assert_eq!(rest.counts.rows_read, missing + 9, "what was missing, and the three days that still move");
    assert_eq!(rig.facts().await, whole.facts().await);
}
