//! How long one metric takes through the engine, over 400 days of a large advertiser of 10,000 entities, with nothing cached.
//!
//! `cargo bench --bench metrics` words: `--entities N`, `--days N`, `--runs N` (per metric), `--only TEXT` (metrics whose id
//! contains it), `--keep` (use the data an earlier run loaded), `--stale` (the month before this one has just been written, so
//! that its rows are read and not its sums).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints its figures and stops at the first thing that does not work"
)]
#[allow(dead_code, reason = "each bench uses its part of the harness")]
mod harness;

use adjutant::access::Actor;
use adjutant::catalogue::{Catalogue, RunContext};
use adjutant::clock::{ManualClock, SharedClock};
use adjutant::db::{Db, PoolSizes};
use harness::args::Args;
use harness::figures::{Samples, machine};
use harness::rollup::{self, Size};
use harness::{World, company, known, unlimited};
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use serde_json::{Value, json};
use std::time::Instant;

const TODAY: Date = date(2025, 9, 17);
const NOW: &str = "2025-09-17T09:00:00Z";
/// p95 of a metric over all days, in milliseconds.
const BAR: f64 = 100.0;
/// Query and what it is asked beside the metric and the window.
const SHAPES: [(&str, &str, &str); 4] = [
    ("metric_compare", "by", "none"),
    ("metric_compare", "by", "channel"),
    ("metric_compare", "by", "campaign"),
    ("kpi_trend", "granularity", "week"),
];
/// One of each base that the advertiser's data fills.
const METRICS: [&str; 12] = [
    "cost",
    "ctr",
    "roas",
    "cpa",
    "cac",
    "mer",
    "revenue",
    "sessions",
    "cvr_session",
    "orders",
    "aov",
    "add_to_cart_rate",
];

#[tokio::main]
async fn main() {
    let args = Args::read(&["entities", "days", "runs", "only", "keep", "stale"]);
    let size = Size { entities: args.number("entities", 10_000), days: args.number("days", 400) };
    let runs = args.number("runs", 20);
    println!("machine: {}", machine());
    let (world, fresh) = World::open("bench_metrics", args.has("keep"), TODAY, PoolSizes::default()).await;
    let clock: SharedClock = ManualClock::at(NOW.parse().expect("an instant"));
    if fresh {
        let actor = company(&world.db, &*clock, "rollup").await;
        let rows = rollup::load(&world.url, actor.org, &size, TODAY).await;
        unlimited(&world, actor.org).await;
        world.settle().await;
        println!("{} entities × {} days: {rows} rows of daily_metrics", size.entities, size.days);
    }
    let org = known(&world.db, "rollup").await.expect("the organisation was loaded");
    let actor = harness::actor(&world.db, org).await;
    // What the job `sums` does every hour; `--stale` leaves the last month that is over as if it had just been written.
    let summing = Instant::now();
    let months = adjutant::daily::rollup::months(&world.db, &*clock, org).await.expect("the months");
    println!("{months} months summed in {:.1} s", summing.elapsed().as_secs_f64());
    if months > 0 {
        world.settle().await;
    }
    if args.has("stale") {
        let mut tx = world.db.org(org).await.expect("a transaction");
        let day = TODAY.first_of_month().saturating_sub(1.day());
        adjutant::db::sums::stale(&mut tx, org, Some((day, day))).await.expect("a stale month");
        tx.commit().await.expect("a commit");
    }
    let mut catalogue = Catalogue::load(None).expect("the catalogue loads");
    for query in catalogue.queries.values_mut() {
        query.cache_s = 0;
    }
    let start = TODAY.saturating_sub(i64::try_from(size.days).expect("a sensible number of days").days());
    let window = json!({"start": start.to_string(), "end": TODAY.saturating_sub(1.day()).to_string()});
    let mut all = Samples::default();
    let only = args.text("only").unwrap_or_default();
    for metric in METRICS.into_iter().filter(|metric| metric.contains(only)) {
        for (query, key, value) in SHAPES {
            let mut params = json!({"metric": metric, "window": window, "compare": "none"});
            params[key] = Value::from(value);
            let asked = Asked { db: &world.db, catalogue: &catalogue, clock: &clock, actor: &actor };
            let samples = asked.measure(query, &params, runs).await;
            println!("{metric:<18} {value:<10} {}", samples.line());
            all.extend(&samples);
        }
    }
    println!(
        "a metric over {} days × {} entities: {} (bar: p95 {BAR} ms)",
        size.days,
        size.entities,
        all.line()
    );
    world.db.close().await;
    world.cluster.stop().await;
}

struct Asked<'a> {
    db: &'a Db,
    catalogue: &'a Catalogue,
    clock: &'a SharedClock,
    actor: &'a Actor,
}

impl Asked<'_> {
    /// The first run connects and prepares; it counts for nothing.
    async fn measure(&self, query: &str, params: &Value, runs: usize) -> Samples {
        let mut samples = Samples::default();
        let params = params.as_object().expect("an object");
        for n in 0..=runs {
            let context =
                RunContext { actor: self.actor.clone(), turn: None, reason: Some("bench".to_owned()) };
            let started = Instant::now();
            self.catalogue.run(self.db, self.clock, &context, query, params).await.expect("a result");
            if n > 0 {
                samples.add(started.elapsed());
            }
        }
        samples
    }
}
