//! How long each named query takes, through `Catalogue::run`, with nothing cached.
//!
//! `cargo bench --bench queries` loads two organisations into a private, durable PostgreSQL: the demo account at full
//! scale, and a large advertiser of 10,000 entities × 400 days. `-- --help` words: `--entities N`, `--days N` (a smaller
//! advertiser), `--runs N` (per query), `--only TEXT` (queries whose name contains it), `--keep` (use the data an earlier
//! run loaded), `--hold` (print the database's address and wait for a line, for EXPLAIN by hand).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::wildcard_enum_match_arm,
    reason = "a bench prints its figures and stops at the first thing that does not work"
)]
#[allow(dead_code, reason = "each bench uses its part of the harness")]
mod harness;

use adjutant::access::Actor;
use adjutant::catalogue::{Catalogue, ParamType, Query, QueryResult, RunContext, ToolError};
use adjutant::clock::{ManualClock, SharedClock};
use adjutant::db::{Db, PoolSizes, load};
use adjutant::demo;
use adjutant::period::Window;
use harness::args::Args;
use harness::figures::{Samples, machine};
use harness::rollup::{self, Size};
use harness::{World, company, known, unlimited};
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use jiff_sqlx::ToSqlx as _;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Instant;

const TODAY: Date = date(2025, 9, 17);
const NOW: &str = "2025-09-17T09:00:00Z";
/// The bar for a query over rollups, and for any query, in milliseconds.
const BARS: (f64, f64) = (100.0, 3000.0);
/// Fact tables that hold one row an entity and day.
const ROLLUPS: [&str; 3] = ["daily_metrics", "daily_campaign_metrics", "daily_funnel_metrics"];

#[tokio::main]
async fn main() {
    let args = Args::read(&["entities", "days", "runs", "only", "keep", "hold"]);
    let size = Size { entities: args.number("entities", 10_000), days: args.number("days", 400) };
    let runs = args.number("runs", 20);
    println!("machine: {}", machine());
    let (world, fresh) = World::open("bench_queries", args.has("keep"), TODAY, PoolSizes::default()).await;
    let clock: SharedClock = ManualClock::at(NOW.parse().expect("an instant"));
    if fresh {
        fill(&world, &clock, &size).await;
    }
    let mut catalogue = Catalogue::load(None).expect("the catalogue loads");
    for query in catalogue.queries.values_mut() {
        query.cache_s = 0;
    }
    if args.has("hold") {
        println!("the database is {} ; a line on standard input ends the bench", world.url);
        std::io::stdin().read_line(&mut String::new()).expect("a line");
    } else {
        let only = args.text("only").unwrap_or_default();
        for (slug, title) in [("demo", "demo account, 18 months"), ("rollup", "large advertiser")] {
            let org = known(&world.db, slug).await.expect("the organisation was loaded");
            let actor = harness::actor(&world.db, org).await;
            let desk = Desk { db: &world.db, catalogue: &catalogue, clock: &clock, actor };
            desk.report(title, slug == "rollup", only, runs).await;
        }
    }
    world.db.close().await;
    world.cluster.stop().await;
}

async fn fill(world: &World, clock: &SharedClock, size: &Size) {
    let started = Instant::now();
    let actor = company(&world.db, &**clock, "demo").await;
    let data = demo::generate(TODAY, 7);
    let loaded = load::dataset(&world.db, actor.org, &data).await.expect("the demo account loads");
    unlimited(world, actor.org).await;
    println!("demo account: {} rows in {:.1} s", loaded.written, started.elapsed().as_secs_f64());
    let started = Instant::now();
    let actor = company(&world.db, &**clock, "rollup").await;
    let rows = rollup::load(&world.url, actor.org, size, TODAY).await;
    unlimited(world, actor.org).await;
    world.settle().await;
    println!(
        "large advertiser: {} entities × {} days, {rows} rows of daily_metrics in {:.0} s{}",
        size.entities,
        size.days,
        started.elapsed().as_secs_f64(),
        if size.entities < 10_000 || size.days < 400 { " (smaller than the bar asks for)" } else { "" }
    );
}

/// Somebody of one organisation who asks.
struct Desk<'a> {
    db: &'a Db,
    catalogue: &'a Catalogue,
    clock: &'a SharedClock,
    actor: Actor,
}

/// One query's figures.
struct Line {
    name: String,
    rollup: bool,
    usual: Samples,
    /// The longest window the query takes.
    long: Samples,
    rows: u64,
    problem: Option<String>,
}

impl Desk<'_> {
    async fn report(&self, title: &str, rollups_only: bool, only: &str, runs: usize) {
        let base = self.baseline(28, runs.max(10)).await;
        println!("\n## {title}");
        println!("baseline, `select sum(cost_base) … where date between` over 28 days: {}", base.line());
        let mut lines = Vec::new();
        for query in self.catalogue.queries.values() {
            let rollup = query.sources.iter().any(|s| ROLLUPS.contains(&s.as_str()));
            if query.name.contains(only) && (rollup || !rollups_only) {
                lines.push(self.measure(query, rollup, runs).await);
            }
        }
        println!(
            "{:<28} {:>8} {:>8} {:>8} {:>9} {:>6}  (ms; ratio to the baseline's p50)",
            "query", "p50", "p95", "longest", "p50/base", "rows"
        );
        for line in &lines {
            if line.usual.len() == 0 {
                println!("{:<28} ! {}", line.name, line.problem.as_deref().unwrap_or("no run"));
                continue;
            }
            println!(
                "{:<28} {:>8.1} {:>8.1} {:>8.1} {:>9.1} {:>6}{}{}",
                line.name,
                line.usual.at(0.5),
                line.usual.at(0.95),
                line.long.max(),
                line.usual.at(0.5) / base.at(0.5),
                line.rows,
                if line.rollup { "" } else { "  not a rollup" },
                line.problem.as_ref().map(|p| format!("  ! {p}")).unwrap_or_default()
            );
        }
        summary(&lines, &base);
    }

    /// Runs with the query's usual window, moved back a day each time, and with its longest.
    async fn measure(&self, query: &Query, rollup: bool, runs: usize) -> Line {
        let mut line = Line {
            name: query.name.clone(),
            rollup,
            usual: Samples::default(),
            long: Samples::default(),
            rows: 0,
            problem: None,
        };
        let names = self.names(query).await;
        if let Some((kind, _)) = names.iter().find(|(_, list)| list.is_empty()) {
            line.problem = Some(format!("not run: this organisation has no {kind}"));
            return line;
        }
        let mut window: Option<Window> = None;
        // The first run connects and prepares; it counts for nothing.
        for n in 0..=runs {
            let mut params = required(query, n, &names);
            if let (Some(w), Some(name)) = (window, dates(query)) {
                let back = i64::try_from(n % 28).unwrap_or(0).days();
                let day = |d: Date| d.saturating_sub(back).to_string();
                params.insert(name.0, json!({"start": day(w.start), "end": day(w.end)}));
            }
            let started = Instant::now();
            match self.run(&query.name, &params).await {
                Ok(result) => {
                    if n > 0 {
                        line.usual.add(started.elapsed());
                    }
                    window = window.or(result.window);
                    line.rows = line.rows.max(result.total_rows);
                }
                Err(error) => line.problem = Some(format!("{}: {error}", error.code())),
            }
        }
        if let Some((name, most)) = dates(query) {
            let first = TODAY.saturating_sub(i64::from(most).days());
            for n in 0..runs.div_ceil(5) {
                let mut params = required(query, n, &names);
                let end = TODAY.saturating_sub(1.day());
                params.insert(name.clone(), json!({"start": first.to_string(), "end": end.to_string()}));
                let started = Instant::now();
                if let Err(error) = self.run(&query.name, &params).await {
                    line.problem = Some(format!("{most} days: {}: {error}", error.code()));
                }
                line.long.add(started.elapsed());
            }
        } else {
            line.long.extend(&line.usual);
        }
        line
    }

    async fn run(&self, query: &str, params: &Map<String, Value>) -> Result<QueryResult, ToolError> {
        let context = RunContext { actor: self.actor.clone(), turn: None, reason: Some("bench".to_owned()) };
        self.catalogue.run(self.db, self.clock, &context, query, params).await
    }

    /// Names of the kinds that the query's parameters require.
    async fn names(&self, query: &Query) -> BTreeMap<String, Vec<String>> {
        let mut found = BTreeMap::new();
        for param in query.params.iter().filter(|p| p.required) {
            let kind = match &param.kind {
                ParamType::Entity(kind) => kind.as_str(),
                ParamType::Segment | ParamType::Segments => "segment",
                ParamType::Lead => {
                    let mut tx = self.db.reader(self.actor.org).await.expect("a transaction");
                    let ids = sqlx::query_scalar("select id from facts.leads order by id desc limit 20");
                    found.insert("lead".to_owned(), ids.fetch_all(&mut *tx).await.expect("leads"));
                    continue;
                }
                _ => continue,
            };
            let list =
                self.catalogue.entities(self.db, self.clock, self.actor.org, kind).await.expect("names");
            found.insert(kind.to_owned(), list.iter().map(|e| e.id.clone()).collect());
        }
        found
    }

    /// What reading the same days costs in plain SQL, in a transaction like the runner's.
    async fn baseline(&self, days: i64, runs: usize) -> Samples {
        let mut samples = Samples::default();
        for n in 0..=runs {
            let end = TODAY.saturating_sub((1 + i64::try_from(n).unwrap_or(0)).days());
            let start = end.saturating_sub((days - 1).days());
            let started = Instant::now();
            let mut tx = self.db.reader(self.actor.org).await.expect("a transaction");
            let _: Option<rust_decimal::Decimal> = sqlx::query_scalar(
                "select sum(cost_base) from facts.daily_metrics
                 where entity_kind = 'campaign' and breakdown = '' and date between $1 and $2",
            )
            .bind(start.to_sqlx())
            .bind(end.to_sqlx())
            .fetch_one(&mut *tx)
            .await
            .expect("a sum");
            tx.commit().await.expect("a commit");
            if n > 0 {
                samples.add(started.elapsed());
            }
        }
        samples
    }
}

fn summary(lines: &[Line], base: &Samples) {
    for (title, rollup, bar) in [("over rollups", true, BARS.0), ("the others", false, BARS.1)] {
        let mut all = Samples::default();
        let group: Vec<&Line> = lines.iter().filter(|l| l.rollup == rollup).collect();
        group.iter().for_each(|line| all.extend(&line.usual));
        if all.len() > 0 {
            let above = group.iter().filter(|l| l.usual.at(0.95) > bar).count();
            println!(
                "{} queries {title}: {}, {:.1} × the baseline; {above} with a p95 above {bar} ms",
                group.len(),
                all.line(),
                all.at(0.5) / base.at(0.5)
            );
        }
    }
    let mut slow: Vec<&Line> = lines.iter().filter(|line| line.usual.len() > 0).collect();
    slow.sort_by(|a, b| b.usual.at(0.95).total_cmp(&a.usual.at(0.95)));
    let list = |of: &[&Line], at: fn(&Line) -> f64| {
        of.iter().take(5).map(|l| format!("{} {:.0} ms", l.name, at(l))).collect::<Vec<_>>().join(", ")
    };
    println!("slowest five by p95: {}", list(&slow, |l| l.usual.at(0.95)));
    slow.sort_by(|a, b| b.long.max().total_cmp(&a.long.max()));
    println!(
        "slowest five over the longest window: {} (bar {} ms, or cut with a message)",
        list(&slow, |l| l.long.max()),
        BARS.1
    );
}

/// The window parameter and the most days it takes.
fn dates(query: &Query) -> Option<(String, u32)> {
    query.params.iter().find_map(|p| match p.kind {
        ParamType::DateRange { max_days, future: false } => Some((p.name.clone(), max_days)),
        _ => None,
    })
}

/// A value for everything that must be said, and for choices in turn: another one each time.
fn required(query: &Query, n: usize, names: &BTreeMap<String, Vec<String>>) -> Map<String, Value> {
    let mut given = Map::new();
    let turn = |list: &[String], at: usize| list.get(at % list.len().max(1)).cloned().unwrap_or_default();
    for param in &query.params {
        let value = match &param.kind {
            ParamType::Metric { values } if !values.is_empty() => json!(turn(values, n)),
            ParamType::Enum { values, values_from: None } if !values.is_empty() => json!(turn(values, n)),
            _ if !(param.required || param.expected) => continue,
            ParamType::Entity(kind) => json!(turn(names.get(kind).map_or(&[], |l| l), n)),
            ParamType::Entities(kind) => json!([turn(names.get(kind).map_or(&[], |l| l), n)]),
            ParamType::Segment => json!(turn(&names["segment"], n)),
            ParamType::Segments => json!([turn(&names["segment"], n), turn(&names["segment"], n + 1)]),
            ParamType::Lead => json!(turn(&names["lead"], n)),
            ParamType::Metric { .. } => json!("revenue"),
            ParamType::Text => json!(["roas", "cost", "bounce"][n % 3]),
            ParamType::Channel => json!("paid_search"),
            ParamType::Percent => json!(0.1),
            ParamType::Days | ParamType::Integer | ParamType::Number | ParamType::Money => json!(1000 + n),
            ParamType::Bool => json!(true),
            ParamType::DateRange { .. }
            | ParamType::Compare
            | ParamType::Granularity
            | ParamType::Platform
            | ParamType::Source
            | ParamType::Enum { .. } => continue,
        };
        given.insert(param.name.clone(), value);
    }
    given
}
