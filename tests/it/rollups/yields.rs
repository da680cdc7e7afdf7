//! Rows of a sync, an import or the demo stay as they are, and nothing is counted beside them.
use super::{Account, Table, event};
use crate::world::World;
use adjutant::daily::rollup;
use adjutant::db::facts::synced::{self, Scope, Stamp};
use adjutant::db::load;
use adjutant::demo::{self, Scale};
use adjutant::ids::{OrgId, SourceId, SyncRunId};
use adjutant::jobs::schedule::{JOBS, Scheduler};
use adjutant::period::Window;
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use serde_json::json;
use std::collections::BTreeSet;

fn visit(id: u128, at: &str, source: &str) -> serde_json::Value {
    event(
        id,
        "session_start",
        at,
        source,
        "a1",
        json!({"channel": "seo", "session": {"id": format!("s{id}")}}),
    )
}

#[tokio::test]
async fn what_somebody_stated_is_not_counted_beside_it() {
    let account = Account::new().await;
    let (day, at) = (date(2025, 9, 16), "2025-09-16T10:00:00Z");
    account.send(&[visit(1, at, "web"), visit(2, at, "mobile")]).await;
    account.day(day).await;
    let counted = [
        "09-16 mobile site site seo: bounces=1 sessions=1 users=1",
        "09-16 web site site seo: bounces=1 sessions=1 users=1",
    ];
    assert_eq!(account.figures(Table::Daily).await, counted);

    // Analytics of the same site state the day: visits of `web` are theirs, those of the app are not.
    account
        .run(
            "insert into daily_metrics (org_id, date, source, account_id, entity_kind, entity_id, channel, sessions, currency, first_seen_at,
               updated_at)
             values ($1, '2025-09-16', 'plausible', 'shop.example', 'site', 'site', 'seo', 40, 'EUR', '2025-09-17', '2025-09-17')",
        )
        .await;
    assert!(account.day(day).await > 0);
    let stated = [
        "09-16 mobile site site seo: bounces=1 sessions=1 users=1",
        "09-16 plausible site site seo: sessions=40",
    ];
    assert_eq!(account.figures(Table::Daily).await, stated);

    // A day without their rows between two that have some is theirs; a week after the last one it is not.
    account.send(&[visit(3, "2025-09-10T10:00:00Z", "web"), visit(4, "2025-09-03T10:00:00Z", "web")]).await;
    account
        .run("update daily_metrics set date = '2025-09-16' where org_id = $1 and source = 'plausible'")
        .await;
    account
        .run(
            "insert into daily_metrics (org_id, date, source, account_id, entity_kind, entity_id, channel, sessions, currency, first_seen_at,
               updated_at)
             values ($1, '2025-09-08', 'plausible', 'shop.example', 'site', 'site', 'seo', 1, 'EUR', '2025-09-17', '2025-09-17')",
        )
        .await;
    account.days(date(2025, 9, 3), date(2025, 9, 10)).await;
    let web: Vec<String> =
        account.figures(Table::Daily).await.into_iter().filter(|l| l.contains(" web ")).collect();
    assert_eq!(web, ["09-03 web site site seo: bounces=1 sessions=1 users=1"]);
}

#[tokio::test]
async fn a_sync_that_states_a_computed_day_takes_it_over() {
    let account = Account::new().await;
    let (world, day) = (&account.world, date(2025, 9, 5));
    account
        .send(&[visit(1, "2025-09-05T10:00:00Z", "web"), visit(2, "2025-09-05T10:00:00Z", "mobile")])
        .await;
    account.restated().await;
    let (read_before, stamp) = (
        BTreeSet::new(),
        Stamp { source: SourceId::new(&*world.clock), run: Some(SyncRunId::new(&*world.clock)), as_of: None },
    );
    // The first read of an old day: of another source of the same visits, and of the very row that was computed.
    for (source, own, sessions) in [("plausible", "shop.example", 40), ("mobile", "", 7)] {
        let scope = Scope {
            source,
            account: own,
            kinds: &["site"],
            days: Window::new(day, day).unwrap(),
            final_before: day,
            closed_before: date(2025, 9, 17),
            read_before: &read_before,
        };
        let row = json!({"date": "2025-09-05", "source": source, "account_id": own, "entity_kind": "site", "entity_id": "site",
            "channel": "seo", "breakdown": "", "sessions": sessions, "revenue_basis": "platform", "currency": "EUR",
            "attribution_window": "", "incomplete": false, "extra": {}});
        let rows = [row.as_object().unwrap().clone()];
        let mut tx = world.db.org(world.org).await.unwrap();
        synced::replace_days(&mut tx, &*world.clock, world.org, &scope, &rows, stamp).await.unwrap();
        tx.commit().await.unwrap();
    }
    assert_eq!(account.restated().await.len(), 1);
    assert_eq!(
        account.figures(Table::Daily).await,
        ["09-05 mobile site site seo: sessions=7", "09-05 plausible site site seo: sessions=40"]
    );
    assert_eq!(account.count("select count(*) from daily_metrics where org_id = $1 and rolled").await, 0);
}

#[tokio::test]
async fn campaigns_of_a_platform_are_taken_over_and_never_rewritten() {
    let account = Account::new().await;
    account
        .run(
            "insert into daily_metrics (org_id, date, source, account_id, entity_kind, entity_id, channel, impressions, clicks, cost,
               cost_base, currency, row_hash, first_seen_at, updated_at)
             values ($1, '2025-09-16', 'google_ads', 'a1', 'campaign', 'google_ads:77', 'paid_search', 900, 30, 10, 9, 'USD', 'h',
               '2025-09-17', '2025-09-17')",
        )
        .await;
    let mut click = event(
        1,
        "ad_click",
        "2025-09-16T10:00:00Z",
        "google_ads",
        "x",
        json!({
        "entity": {"type": "campaign", "id": "77"}, "properties": {"campaign_id": "77", "count": 31}}),
    );
    click.as_object_mut().unwrap().remove("actor");
    account.send(&[click]).await;
    account.day(date(2025, 9, 16)).await;
    let row = "select count(*) from daily_metrics where org_id = $1 and clicks = 30 and not rolled and updated_at = '2025-09-17'";
    assert_eq!(account.count(row).await, 1);
    assert_eq!(account.count("select count(*) from daily_metrics where org_id = $1").await, 1);
    assert_eq!(
        account.figures(Table::Campaigns).await,
        ["09-16 google_ads google_ads:77 paid_search: clicks=30 cost=9 impressions=900"]
    );
    // The platform takes it back: what was computed from it goes with it.
    account.run("delete from daily_metrics where org_id = $1 and not rolled").await;
    account.day(date(2025, 9, 16)).await;
    assert_eq!(account.figures(Table::Campaigns).await, ["09-16 google_ads 77 unknown: clicks=31"]);
}

/// Every daily row, touch and link as text.
async fn everything(world: &World, org: OrgId) -> Vec<(String, i64, String)> {
    let mut tx = world.db.org(org).await.unwrap();
    let mut all = Vec::new();
    for table in [
        "daily_metrics",
        "daily_campaign_metrics",
        "daily_funnel_metrics",
        "touches",
        "actor_links",
        "mrr_movements",
    ] {
        let sql = format!(
            "select '{table}', count(*), coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {table} t"
        );
        all.push(sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_one(&mut *tx).await.unwrap());
    }
    all
}

#[tokio::test]
async fn the_demo_account_is_what_it_was() {
    const TODAY: Date = date(2025, 9, 17);
    let world = World::new().await;
    let data = demo::generate_scaled(TODAY, 7, Scale { months: 3 });
    let company = demo::found(&world.db, &*world.clock).await.unwrap();
    load::dataset(&world.db, company.org, &data).await.unwrap();
    let before = everything(&world, company.org).await;
    assert!(before.iter().take(4).all(|(_, rows, _)| *rows > 1_000), "{before:?}");
    let scheduler = Scheduler::new(world.db.clone(), world.clock.clone());
    for job in JOBS.iter().filter(|job| job.name.starts_with("rollup") || job.name == "restatements") {
        assert!(scheduler.round(job).await.unwrap() > 0);
    }
    let window = Window::new(TODAY.saturating_sub(45.days()), TODAY).unwrap();
    rollup::range(&world.db, &*world.clock, company.org, window, &|_| {}).await.unwrap();
    assert_eq!(everything(&world, company.org).await, before);
}
