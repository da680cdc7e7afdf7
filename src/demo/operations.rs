//! Connections, their runs and data quality; targets, budgets and settings of the organisation.
use super::calendar::Calendar;
use super::draw::Draw;
use super::money::Rates;
use super::plan::{CURRENCY, GOOGLE_US, PLANS, ZONE, planted};
use super::rows::{Budget, Id, Quality, Setting, Source, SourceStream, SyncRun, Target};
use crate::db::load::Micros;
use jiff::{ToSpan, civil::Date};
use serde_json::{Value, json};

type Connection = (&'static str, &'static str, &'static [(&'static str, i64)]);

/// Connector, name, streams with their rows a day.
const SOURCES: [Connection; 10] = [
    ("google_ads", "Google Ads, Europe", &[("campaigns", 3), ("daily_metrics", 90), ("search_terms", 40)]),
    (
        "google_ads",
        "Google Ads, United States",
        &[("campaigns", 1), ("daily_metrics", 24), ("search_terms", 6)],
    ),
    ("meta_ads", "Meta Ads", &[("campaigns", 5), ("daily_metrics", 130)]),
    ("tiktok_ads", "TikTok Ads", &[("campaigns", 2), ("daily_metrics", 52)]),
    ("linkedin_ads", "LinkedIn Ads", &[("campaigns", 1), ("daily_metrics", 22)]),
    ("ga4", "Website", &[("daily_metrics", 140), ("sessions", 60)]),
    ("search_console", "Search Console", &[("search_performance", 240)]),
    ("dataforseo", "Rank checks", &[("keyword_ranks", 39)]),
    ("shopify", "Fernhill shop", &[("orders", 11), ("customers", 9)]),
    ("klaviyo", "Klaviyo", &[("daily_metrics", 6)]),
];

#[derive(Default)]
pub struct Operations {
    pub sources: Vec<Source>,
    pub streams: Vec<SourceStream>,
    pub runs: Vec<SyncRun>,
    pub quality: Vec<Quality>,
    pub targets: Vec<Target>,
    pub budgets: Vec<Budget>,
    pub settings: Vec<Setting>,
}

pub fn generate(seed: u64, calendar: &Calendar, rates: &Rates) -> Operations {
    let mut draw = Draw::new(seed, "operations");
    let mut out = Operations::default();
    let yesterday = calendar.day_of_age(1);
    for (index, (connector, name, streams)) in SOURCES.iter().enumerate() {
        let abroad = index == 1;
        let id = draw.uuid();
        // This morning's run, before the day of the demo begins for its people.
        let synced = calendar.at(calendar.today, 9_000 + index as i64 * 240);
        out.sources.push(Source {
            id,
            source: connector,
            name: (*name).to_owned(),
            config: if abroad { json!({"account_id": GOOGLE_US}) } else { json!({}) },
            state: "connected",
            account_time_zone: if abroad { "America/New_York" } else { ZONE },
            currency: if abroad { "USD" } else { CURRENCY },
            api_version: "",
            last_synced_at: Some(synced),
        });
        for (stream, rows) in *streams {
            out.streams.push(SourceStream {
                source_id: id,
                stream,
                cursor: json!({"complete_through": yesterday}),
                complete_through: Some(yesterday),
                newest_at: Some(calendar.at(yesterday, 86_000)),
                expected_rows: Some(*rows),
                quota: json!({}),
                fails: 0,
                next_due_at: synced.checked_add(6.hours()).unwrap_or(synced),
            });
            runs(&mut draw, calendar, &mut out, id, stream, *rows, index);
        }
    }
    quality(&mut draw, calendar, &mut out);
    plans(calendar, rates, &mut out);
    settings(calendar, &mut out);
    out
}

fn runs(
    draw: &mut Draw,
    calendar: &Calendar,
    out: &mut Operations,
    source_id: uuid::Uuid,
    stream: &'static str,
    rows: i64,
    index: usize,
) {
    for age in (0..60.min(calendar.len() as i64)).rev() {
        let started_at =
            calendar.at(calendar.day_of_age(age), 8_700 + index as i64 * 240 + draw.below(90) as i64);
        let day = calendar.day_of_age(age + 1);
        let outage = age < planted::OUTAGE.0
            && age + 1 >= planted::OUTAGE.1
            && stream == "daily_metrics"
            && index <= 5;
        let failed = index == 4 && age == 11;
        let (error_code, error_message) = if failed {
            (
                Some("rate.limited".to_owned()),
                Some("LinkedIn answered 429 four times; the next run caught up".to_owned()),
            )
        } else {
            (None, None)
        };
        let read = if failed { 0 } else { draw.poisson(rows as f64 * 3.0) };
        out.runs.push(SyncRun {
            id: draw.uuid(),
            source_id,
            stream,
            mode: "incremental",
            trigger: "schedule",
            state: if failed {
                "failed"
            } else if outage {
                "partial"
            } else {
                "succeeded"
            },
            window_from: Some(day.saturating_sub(2.days())),
            window_to: Some(day),
            started_at,
            finished_at: started_at.checked_add((8 + draw.below(70) as i64).seconds()).ok(),
            requests: 2 + draw.below(9) as i32,
            retries: if failed { 4 } else { i32::from(draw.chance(0.05)) },
            throttled_ms: 0,
            rows_read: read,
            rows_written: read / 3,
            rows_unchanged: read - read / 3,
            holes: if failed { json!([day]) } else { json!([]) },
            warnings: if outage {
                json!(["conversions missing: the purchase tag sent nothing"])
            } else {
                json!([])
            },
            error_code,
            error_message,
            api_version: "",
            cost: Micros(0),
        });
    }
}

/// One row a day and source: what came, what was usable. The outage shows as purchases that never came.
fn quality(draw: &mut Draw, calendar: &Calendar, out: &mut Operations) {
    let classes = [
        ("google_ads", "batch", 130),
        ("meta_ads", "batch", 130),
        ("tiktok_ads", "batch", 52),
        ("linkedin_ads", "batch", 22),
        ("search_console", "batch", 240),
        ("shopify", "user", 20),
        ("klaviyo", "batch", 6),
        ("web", "user", 880),
    ];
    for age in (1..=90.min(calendar.len() as i64)).rev() {
        let date = calendar.day_of_age(age);
        let outage = age <= planted::OUTAGE.0 && age >= planted::OUTAGE.1;
        for (source, class, rows) in classes {
            let expected = draw.poisson(f64::from(rows));
            let kept = if outage && source == "web" { 0.83 } else { 0.9985 };
            let received = draw.binomial(expected, kept);
            let valid = received - draw.binomial(received, 0.003);
            let duplicate = draw.binomial(valid, 0.004);
            out.quality.push(Quality {
                shard: 0,
                hour: calendar
                    .at(date, 86_399)
                    .round(
                        jiff::TimestampRound::new().smallest(jiff::Unit::Hour).mode(jiff::RoundMode::Trunc),
                    )
                    .unwrap_or(calendar.at(date, 0)),
                source,
                class,
                expected,
                received,
                valid,
                duplicate,
                late: draw.binomial(valid, 0.012),
                stored: valid - duplicate,
                required_filled: valid * 8 - draw.binomial(valid, 0.01),
                required_total: valid * 8,
                unknown_props: draw.poisson(0.3),
                mapped: valid - draw.binomial(valid, 0.02),
                named: valid,
                newest_at: Some(calendar.at(date, 86_300)),
                lag_p95_s: if class == "user" {
                    20 + draw.below(60) as i32
                } else {
                    9_000 + draw.below(3_000) as i32
                },
            });
        }
    }
}

/// Budgets by month: what each campaign may spend, and their sum. Targets of the organisation.
fn plans(calendar: &Calendar, rates: &Rates, out: &mut Operations) {
    let first = calendar.days.first().copied().unwrap_or(calendar.today);
    for (metric, target, band) in [
        ("roas", 3.5, json!({"low": 2.5, "high": 5.0})),
        ("mer", 3.0, json!({})),
        ("cac", 90.0, json!({"high": 110.0})),
        ("cpa", 32.0, json!({})),
        ("cpl", 120.0, json!({})),
        ("ctr", 0.02, json!({"low": 0.015, "high": 0.05})),
        ("cvr_session", 0.014, json!({})),
        ("incrementality_pct", 0.4, json!({"low": 0.3, "high": 0.6})),
        ("ltv_12m", 180.0, json!({})),
        ("engagement_rate", 0.25, json!({})),
        ("revenue", 1_250.0, json!({"per": "day"})),
    ] {
        out.targets.push(Target { metric, scope: "org", target, band, valid_from: first });
    }
    let mut month = first.first_of_month();
    while month < calendar.today {
        let mut total = Micros(0);
        for plan in &PLANS {
            let amount = month_budget(calendar, plan, month, rates);
            if amount.0 > 0 {
                total += amount;
                out.budgets.push(budget(month, "campaign", plan.id.into(), amount));
            }
        }
        out.budgets.push(budget(month, "org", "org".into(), total));
        month = month.saturating_add(1.month());
    }
}

fn budget(period_start: Date, scope_kind: &'static str, scope_id: Id, amount: Micros) -> Budget {
    Budget { period: "month", period_start, scope_kind, scope_id, amount, currency: CURRENCY }
}

/// Days × the daily plan, rounded up to tens of the campaign's currency. Two good campaigns are kept short.
fn month_cents(calendar: &Calendar, plan: &super::plan::Plan, month: Date, days: usize) -> i64 {
    let room = if matches!(plan.name, "Loyalty Week" | "Trail Shoes Search") { 101.0 } else { 108.0 };
    let cents = plan.spend * days as f64 * calendar.month_factor(month).powf(0.5) * room;
    (cents / 1_000.0).ceil() as i64 * 1_000
}

/// The budget of the days of a month on which the campaign ran, in the base currency.
fn month_budget(calendar: &Calendar, plan: &super::plan::Plan, month: Date, rates: &Rates) -> Micros {
    let days = (0..i64::from(month.days_in_month()))
        .map(|offset| month.saturating_add(offset.days()))
        .filter(|day| calendar.age(*day) <= plan.since)
        .count();
    rates.base(plan.currency, month, month_cents(calendar, plan, month, days))
}

/// The part of the month's budget that falls on each day, in the campaign's currency.
pub fn daily_budget(calendar: &Calendar, plan: &super::plan::Plan, date: Date) -> Micros {
    let month = date.first_of_month();
    let days = (0..i64::from(month.days_in_month()))
        .filter(|offset| calendar.age(month.saturating_add(offset.days())) <= plan.since)
        .count()
        .max(1);
    Micros(Micros::from_cents(month_cents(calendar, plan, month, days)).0 / days as i64)
}

fn settings(calendar: &Calendar, out: &mut Operations) {
    let set_at = calendar.at(calendar.days.first().copied().unwrap_or(calendar.today), 36_000);
    let values: [(&str, Value); 6] = [
        ("break_even_roas", json!("2.0")),
        ("target_roas", json!("3.5")),
        ("min_mer", json!("2.0")),
        ("brand_terms", json!(["fernhill", "fernhill outfitters"])),
        ("content_prefixes", json!(["/guides/", "/stories/"])),
        ("lead_value", json!("180")),
    ];
    out.settings.extend(values.into_iter().map(|(key, value)| Setting { key, value, set_at }));
}
