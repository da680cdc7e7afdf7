//! How long daily figures take: events of thirty days counted into their tables, for a tenth of them and for all, and one day
//! again as the job of every five minutes does it. Everything is on this machine.
//!
//! `cargo bench --bench rollup`; after `--`: `--events N` (10,000,000), `--days N` (30), `--keep` (what an earlier run filled).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench prints its figures and stops at the first thing that does not work"
)]
#[allow(dead_code, reason = "each bench uses its part of the harness")]
mod harness;

use adjutant::clock::ManualClock;
use adjutant::daily::rollup;
use adjutant::db::PoolSizes;
use adjutant::ids::OrgId;
use adjutant::period::Window;
use harness::args::Args;
use harness::figures::machine;
use harness::{World, company, known};
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use jiff_sqlx::ToSqlx as _;
use std::time::Instant;

const TODAY: Date = date(2026, 3, 20);

/// Of ten events one begins a visit, five look at pages, two say how long, one is of a mail or an ad, and one of a campaign
/// of the company's own, a quote or a purchase. `$2`: the first day, `$3`: days, `$4`, `$5`: which of them, `$6`: how many in all.
const EVENTS: &str = "
    insert into events (org_id, id, occurred_at, name, source, channel, entity_kind, entity_id, actor_type, actor_id, session_id,
        value, currency, props, context, received_at, ingested_via, payload_hash)
    select $1, md5($1::text || n)::uuid, at,
        name, case name when 'email_sent' then 'klaviyo' when 'email_opened' then 'klaviyo' when 'ad_click' then 'google_ads'
                        when 'campaign_delivered' then 'mobile' else 'web' end,
        case name when 'campaign_delivered' then 'push' else 'unknown' end,
        case name when 'page_view' then 'page' when 'email_sent' then 'email' when 'email_opened' then 'email'
                  when 'ad_click' then 'campaign' when 'campaign_delivered' then 'campaign' else 'org' end,
        case name when 'page_view' then '/p/' || h % 1000 when 'email_sent' then 'm' || h % 20 when 'email_opened' then 'm' || h % 20
                  when 'ad_click' then (h % 200)::text when 'campaign_delivered' then 'c' || h % 50 else 'org' end,
        'user', 'u' || (n / 10) % 200000, 's' || n / 10,
        case name when 'purchase' then 40 + h % 50 end, case name when 'purchase' then 'EUR' end,
        case name when 'page_view' then jsonb_build_object('page_path', '/p/' || h % 1000, 'page_type', 'product', 'city', 'c' || h % 7)
                  when 'user_engagement' then jsonb_build_object('engagement_time_msec', h % 20000, 'page_path', '/p/' || h % 1000)
                  when 'session_start' then jsonb_build_object('landing_path', '/p/' || h % 1000, 'is_new_user', h % 2 = 0)
                  when 'ad_click' then jsonb_build_object('campaign_id', (h % 200)::text)
                  when 'campaign_delivered' then jsonb_build_object('campaign_id', 'c' || h % 50, 'delivery_channel', 'push')
                  when 'quote_submitted' then jsonb_build_object('flow', 'quote', 'city', 'c' || h % 7)
                  else '{}' end,
        case when name = 'session_start' and h % 3 = 0 then jsonb_build_object('utm', jsonb_build_object('source', 'newsletter', 'medium', 'email'))
             when name = 'session_start' and h % 3 = 1 then jsonb_build_object('referrer', 'https://www.google.com/', 'page_url', 'https://shop.example/')
             else '{}' end,
        at + interval '2 seconds', 'api', '\\x00'
    from (
        select n, h, $2::timestamptz + (n::float8 / $6 * $3) * interval '1 day' as at,
            case n % 10 when 0 then 'session_start' when 6 then 'user_engagement' when 7 then 'user_engagement'
                 when 8 then (array['email_sent', 'email_opened', 'ad_click', 'ad_click'])[1 + h % 4]
                 when 9 then (array['campaign_delivered', 'campaign_delivered', 'quote_submitted', 'purchase'])[1 + h % 4]
                 else 'page_view' end as name
        from (select n, abs(hashint8(n)) as h from generate_series($4::bigint, $5::bigint) n) s) e";
const A_LOAD: usize = 250_000;

fn main() {
    let args = Args::read(&["events", "days", "keep"]);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(bench(&args));
}

async fn bench(args: &Args) {
    println!("machine: {}", machine());
    let (events, days) = (args.number("events", 10_000_000), args.number("days", 30));
    let clock = ManualClock::at("2026-03-20T12:00:00Z".parse().expect("a moment"));
    let (world, _) = World::open("bench_rollup", args.has("keep"), TODAY, PoolSizes::default()).await;
    let mut took = Vec::new();
    for size in [events / 10, events] {
        let slug = format!("rollup-{size}-{days}");
        let org = match known(&world.db, &slug).await {
            Some(org) => org,
            None => {
                let org = company(&world.db, &*clock, &slug).await.org;
                fill(&world, org, size, days).await;
                org
            }
        };
        took.push(measure(&world, &clock, org, size, days).await);
    }
    println!("\nten times the events take {:.1} times as long", took[1] / took[0]);
    world.db.close().await;
    world.cluster.stop().await;
}

fn window(days: usize) -> Window {
    let days = i64::try_from(days).expect("a sensible number of days");
    let last = TODAY.saturating_sub(1.day());
    Window::new(last.saturating_sub((days - 1).days()), last).expect("a window")
}

async fn fill(world: &World, org: OrgId, events: usize, days: usize) {
    let begun = Instant::now();
    let mut admin = world.superuser().await;
    for from in (0..events).step_by(A_LOAD) {
        sqlx::query(EVENTS)
            .bind(org)
            .bind(format!("{} 00:00:00+01", window(days).start))
            .bind(days as f64)
            .bind(from as i64)
            .bind((from + A_LOAD).min(events) as i64 - 1)
            .bind(events as f64)
            .execute(&mut admin)
            .await
            .expect("events");
    }
    world.settle().await;
    println!("{events} events filled in {:.0} s", begun.elapsed().as_secs_f64());
}

/// Seconds for the whole range.
async fn measure(world: &World, clock: &ManualClock, org: OrgId, events: usize, days: usize) -> f64 {
    for table in ["daily_metrics", "daily_campaign_metrics", "daily_funnel_metrics", "touches"] {
        let clear = format!("delete from {table} where org_id = $1");
        sqlx::query(sqlx::AssertSqlSafe(clear))
            .bind(org)
            .execute(&mut world.superuser().await)
            .await
            .expect("cleared");
    }
    world.settle().await;
    let window = window(days);
    let begun = Instant::now();
    let built = rollup::range(&world.db, clock, org, window, &|_| {}).await.expect("the days");
    let took = begun.elapsed().as_secs_f64();
    let rows: u64 = built.iter().map(|day| day.rows).sum();
    println!(
        "\n{events} events of {days} days: {took:.1} s, {:.0} events/s, {rows} rows",
        events as f64 / took
    );
    let last = Window::new(window.end, window.end).expect("a day");
    let begun = Instant::now();
    let again = rollup::range(&world.db, clock, org, last, &|_| {}).await.expect("a day");
    println!(
        "the last day ({} events) again: {:.2} s, {} rows changed",
        events / days,
        begun.elapsed().as_secs_f64(),
        again[0].rows
    );
    let late = "update events set value = value + 1 where org_id = $1 and name = 'purchase' and occurred_at >= $2::date";
    sqlx::query(late)
        .bind(org)
        .bind(window.end.to_sqlx())
        .execute(&mut world.superuser().await)
        .await
        .expect("changed");
    let begun = Instant::now();
    let again = rollup::range(&world.db, clock, org, last, &|_| {}).await.expect("a day");
    println!(
        "the same after its purchases changed: {:.2} s, {} rows changed",
        begun.elapsed().as_secs_f64(),
        again[0].rows
    );
    took
}
