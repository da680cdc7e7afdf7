//! Days that late facts change: the queue, its contract with those who store events, replicas and deaths.
use super::{Account, MINUTE, Table, at, event};
use crate::crash::program;
use adjutant::clock::Clock as _;
use adjutant::db::facts::shop;
use adjutant::db::job_runs;
use adjutant::db::rollups as rows;
use adjutant::jobs::schedule::{JOBS, Job, Scheduler};
use jiff::civil::date;
use serde_json::{Value, json};
use std::process::Stdio;

fn visit(id: u128, at: &str) -> Value {
    event(
        id,
        "session_start",
        at,
        "web",
        "a1",
        json!({"channel": "seo", "session": {"id": format!("s{id}")}}),
    )
}

fn job(name: &str) -> &'static Job {
    JOBS.iter().find(|job| job.name == name).unwrap()
}

/// On the queue, or taken off it and not worked yet.
const WAITING: &str = "select (select count(*) from restatements where org_id = $1)
    + (select coalesce(sum(entries), 0)::bigint from rollups_taken where org_id = $1)";

#[tokio::test]
async fn a_late_fact_changes_its_own_day_and_no_other() {
    let account = Account::new().await;
    account
        .send(&[
            visit(1, "2025-09-10T10:00:00Z"),
            visit(2, "2025-09-11T10:00:00Z"),
            visit(3, "2025-09-17T08:00:00Z"),
        ])
        .await;
    assert_eq!(account.count(WAITING).await, 2, "one entry a late day");
    let built = account.restated().await;
    assert_eq!(
        built.iter().map(|day| (day.day, day.queued)).collect::<Vec<_>>(),
        [(date(2025, 9, 10), 1), (date(2025, 9, 11), 1)]
    );
    account.recent().await;
    let of = "select count(*) from daily_metrics where org_id = $1 and sessions = 1 and restated_at is null";
    assert_eq!((account.count(of).await, account.count(WAITING).await), (3, 0));

    account.world.clock.advance(10 * MINUTE);
    account.send(&[visit(4, "2025-09-10T12:00:00Z")]).await;
    let built = account.restated().await;
    assert_eq!(built.len(), 1);
    assert_eq!(account.count(of).await, 2);
    let changed = "select count(*) from daily_metrics where org_id = $1 and date = '2025-09-10' and sessions = 2
                     and restated_at = '2025-09-17T09:10:00Z' and updated_at = restated_at and first_seen_at < updated_at";
    assert_eq!(account.count(changed).await, 1);
    assert!(account.restated().await.is_empty());
}

#[tokio::test]
async fn an_earlier_purchase_takes_the_first_sale_from_a_later_day() {
    let account = Account::new().await;
    let bought = |id, at: &str| {
        event(
            id,
            "purchase",
            at,
            "backend",
            "u1",
            json!({
            "channel": "direct", "currency": "EUR", "properties": {"transaction_id": "t", "revenue": 10}}),
        )
    };
    account.send(&[bought(1, "2025-09-12T10:00:00Z")]).await;
    account.restated().await;
    assert_eq!(account.figures(Table::Funnel).await, ["09-12 backend direct: customers=1 revenue=10"]);
    account.send(&[bought(2, "2025-09-05T10:00:00Z")]).await;
    assert_eq!(account.restated().await.len(), 2);
    assert_eq!(
        account.figures(Table::Funnel).await,
        ["09-05 backend direct: customers=1 revenue=10", "09-12 backend direct: revenue=10"]
    );
}

/// An order that comes late takes the first sale from another, and what was given back counts as its order says.
#[tokio::test]
async fn an_order_moves_the_days_of_the_order_that_was_first_and_of_its_refunds() {
    let account = Account::new().await;
    let (org, now) = (account.world.org, account.world.clock.now());
    let bought = "insert into orders (org_id, id, ordered_at, status, currency, gross, gross_base, channel, customer_id, is_first_order,
           source, first_seen_at, updated_at)
         select $1, 'shopify:' || day, day::timestamptz, 'paid', 'EUR', 10, 10, 'email', 'shopify:c1', day = '2025-07-12',
           'shopify', '2025-07-20', '2025-07-20' from unnest(array['2025-07-12', '2025-07-05']) day";
    account.run(bought).await;
    account
        .run(
            "insert into refunds (org_id, id, order_id, refunded_at, amount, currency, source, first_seen_at, updated_at)
             values ($1, 'shopify:r', 'shopify:2025-07-12', '2025-08-01T10:00:00Z', 4, 'EUR', 'shopify', '2025-08-01', '2025-08-01')",
        )
        .await;
    account.days(date(2025, 7, 5), date(2025, 8, 1)).await;
    let mut tx = account.world.db.org(org).await.unwrap();
    shop::recount_customers(&mut tx, org, &["shopify:c1".to_owned()], now).await.unwrap();
    tx.commit().await.unwrap();
    let queued = async || -> Vec<String> {
        let mut tx = account.world.db.org(org).await.unwrap();
        let days = "select date::text from restatements order by 1";
        sqlx::query_scalar(days).fetch_all(&mut *tx).await.unwrap()
    };
    assert_eq!(queued().await, ["2025-07-05", "2025-07-12", "2025-08-01"]);
    account.restated().await;
    let first = "select count(*) from daily_funnel_metrics where org_id = $1 and customers = 1 and date = '2025-07-05'";
    let all = "select sum(customers)::bigint from daily_funnel_metrics where org_id = $1";
    assert_eq!((account.count(first).await, account.count(all).await), (1, 1));
    // Who is counted already moves nothing.
    let mut tx = account.world.db.org(org).await.unwrap();
    shop::recount_customers(&mut tx, org, &["shopify:c1".to_owned()], now).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(queued().await, [""; 0]);
    // The order is cancelled: nothing of it is taken from the others any more.
    let refund = "select coalesce(sum(refund_base), 0)::bigint from daily_metrics where org_id = $1 and date = '2025-08-01'";
    assert_eq!(account.count(refund).await, 4);
    account.world.clock.advance(MINUTE);
    let now = account.world.clock.now();
    let mut tx = account.world.db.org(org).await.unwrap();
    sqlx::query("update orders set status = 'cancelled', updated_at = '2025-09-17T09:01:00Z' where id = 'shopify:2025-07-12'")
        .execute(&mut *tx)
        .await
        .unwrap();
    let one = ["shopify:2025-07-12".to_owned()];
    shop::restate(&mut tx, org, shop::Sold::Orders, Some(&one), (now, now)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(queued().await, ["2025-07-12", "2025-08-01"]);
    account.restated().await;
    assert_eq!(account.count(refund).await, 0);
}

#[tokio::test]
async fn a_death_in_between_loses_nothing_and_no_batch_waits_for_a_day() {
    let account = Account::new().await;
    let (world, day) = (&account.world, date(2025, 9, 10));
    let now = world.clock.now();
    account.send(&[visit(1, "2025-09-10T10:00:00Z")]).await;
    // Taken off the queue, computed, and then the program dies.
    let span = rows::Span { day, from: at("2025-09-09T22:00:00Z"), to: at("2025-09-10T22:00:00Z") };
    let mut tx = world.db.org(world.org).await.unwrap();
    rows::take_queued(&mut tx, world.org, day, now).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = world.db.org(world.org).await.unwrap();
    rows::alone(&mut tx, world.org, day).await.unwrap();
    assert_eq!(rows::taken(&mut tx, world.org, day).await.unwrap(), 1);
    let basis = rows::basis(&mut tx, world.org).await.unwrap();
    assert!(rows::rebuild(&mut tx, world.org, span, &basis, &[], now, true).await.unwrap() > 0);
    tx.rollback().await.unwrap();
    assert_eq!(account.count(WAITING).await, 1);
    assert!(account.figures(Table::Daily).await.is_empty());

    // Another replica has taken it and computed, and is about to commit when a batch brings one more of that day: the batch is
    // stored at once, and queues the day anew.
    let mut tx = world.db.org(world.org).await.unwrap();
    rows::alone(&mut tx, world.org, day).await.unwrap();
    assert_eq!(rows::taken(&mut tx, world.org, day).await.unwrap(), 1);
    rows::rebuild(&mut tx, world.org, span, &basis, &[], now, true).await.unwrap();
    account.send(&[visit(2, "2025-09-10T11:00:00Z")]).await;
    tx.commit().await.unwrap();
    assert_eq!(
        account.figures(Table::Daily).await,
        ["09-10 web site site seo: bounces=1 sessions=1 users=1"]
    );
    assert_eq!(account.count(WAITING).await, 1);
    account.restated().await;
    assert_eq!(
        account.figures(Table::Daily).await,
        ["09-10 web site site seo: bounces=2 sessions=2 users=1"]
    );
}

/// A batch under way holds its entry: it is left on the queue until its facts can be seen, and keeps no other from being taken.
#[tokio::test]
async fn an_entry_whose_facts_are_on_their_way_waits_for_them() {
    let account = Account::new().await;
    let (world, day) = (&account.world, date(2025, 9, 10));
    account.send(&[visit(1, "2025-09-10T10:00:00Z")]).await;
    let email = json!({"channel": "email", "session": {"id": "s9"}});
    account.send(&[event(9, "session_start", "2025-09-10T10:00:00Z", "web", "a9", email)]).await;
    assert_eq!(account.count(WAITING).await, 2);
    let mut batch = world.db.org(world.org).await.unwrap();
    sqlx::query("select 1 from restatements where channel = 'email' for key share")
        .execute(&mut *batch)
        .await
        .unwrap();
    assert_eq!(account.restated().await.iter().map(|built| built.queued).sum::<u64>(), 1);
    assert_eq!(account.count(WAITING).await, 1);
    batch.commit().await.unwrap();
    assert_eq!(
        account.restated().await.iter().map(|built| (built.day, built.queued)).collect::<Vec<_>>(),
        [(day, 1)]
    );
    assert_eq!(account.count(WAITING).await, 0);
}

#[tokio::test]
async fn a_day_about_which_nothing_new_came_is_not_computed_again() {
    let account = Account::new().await;
    account.send(&[visit(1, "2025-09-17T08:00:00Z"), visit(2, "2025-09-16T10:00:00Z")]).await;
    let same = async || account.recent().await.iter().map(|built| built.same).collect::<Vec<_>>();
    assert_eq!(same().await, [false, false]);
    assert_eq!(same().await, [true, true]);
    account.send(&[visit(3, "2025-09-17T08:10:00Z")]).await;
    assert_eq!(same().await, [true, false], "only the day that it came for");
    assert_eq!(
        account.figures(Table::Daily).await[1],
        "09-17 web site site seo: bounces=2 sessions=2 users=1"
    );
    // Whatever figures are counted from counts: a budget, a rate, what another hand states.
    for change in [
        "insert into fx_rates (org_id, date, from_currency, to_currency, rate) values ($1, '2025-09-16', 'USD', 'EUR', 0.9)",
        "insert into budgets (org_id, period, period_start, scope_kind, scope_id, amount, currency, created_at)
         values ($1, 'month', '2025-09-01', 'campaign', 'x', 30, 'EUR', '2025-09-01Z')",
        "update daily_metrics set rolled = false, updated_at = '2025-09-17T09:00:00Z' where org_id = $1",
        "insert into alerts (org_id, id, code, dedupe_key, severity, opened_at, source, incomplete_from)
         values ($1, gen_random_uuid(), 'x', 'x', 'warning', '2025-09-16Z', 'web', '2025-09-16T08:00:00Z')",
        "insert into data_quality_log (org_id, hour, source, class, expected, received)
         select $1, h, 'web', 'user', 10, 1 from unnest(array['2025-09-16T08:00:00Z', '2025-09-17T08:00:00Z']::timestamptz[]) h",
    ] {
        account.run(change).await;
        assert_eq!(same().await, [false, false], "{change}");
        assert_eq!(same().await, [true, true], "{change}");
    }
    // The next midnight one of them is over.
    account.world.clock.advance(15 * 60 * MINUTE);
    assert!(!same().await[0]);
    // By hand it is computed whatever was seen.
    assert!(account.days(date(2025, 9, 16), date(2025, 9, 16)).await.iter().all(|built| !built.same));
}

#[tokio::test]
async fn a_campaign_with_a_budget_of_the_month_and_one_of_the_quarter_has_that_of_the_month() {
    let account = Account::new().await;
    let click = event(
        1,
        "ad_click",
        "2025-09-17T08:00:00Z",
        "google_ads",
        "a1",
        json!({"channel": "paid_search",
        "entity": {"type": "campaign", "id": "google_ads:7"}, "properties": {"campaign_id": "7"}}),
    );
    account
        .run(
            "insert into campaigns (org_id, id, source, name, currency, channel, first_seen_at, updated_at)
             values ($1, 'google_ads:7', 'google_ads', 'Autumn', 'EUR', 'paid_search', '2025-09-01Z', '2025-09-01Z')",
        )
        .await;
    account
        .run(
            "insert into budgets (org_id, period, period_start, scope_kind, scope_id, amount, currency, created_at)
             values ($1, 'month', '2025-09-01', 'campaign', 'google_ads:7', 300, 'EUR', '2025-09-01Z'),
                    ($1, 'quarter', '2025-07-01', 'campaign', 'google_ads:7', 9200, 'EUR', '2025-07-01Z')",
        )
        .await;
    account.send(&[click]).await;
    account.recent().await;
    let figures = account.figures(Table::Campaigns).await;
    assert!(figures[0].contains("budget=10 ") && figures[0].contains("planned_spend=10"), "{figures:?}");
}

#[tokio::test]
async fn a_day_that_cannot_be_computed_stays_queued_and_stops_no_other() {
    let account = Account::new().await;
    let world = &account.world;
    let mut admin = world.superuser().await;
    let broken = "alter table daily_funnel_metrics add constraint broken check (date <> '2025-09-10')";
    sqlx::query(broken).execute(&mut admin).await.unwrap();
    account.send(&[visit(1, "2025-09-10T10:00:00Z"), visit(2, "2025-09-11T10:00:00Z")]).await;
    let scheduler = Scheduler::new(world.db.clone(), world.clock.clone());
    let failed = scheduler.run_now(world.org, job("restatements")).await.unwrap().unwrap_err();
    assert!(failed.contains("broken"), "{failed}");
    let eleventh = ["09-11 web site site seo: bounces=1 sessions=1 users=1"];
    assert_eq!(
        (account.count(WAITING).await, account.figures(Table::Daily).await),
        (1, eleventh.map(str::to_owned).to_vec())
    );
    sqlx::query("alter table daily_funnel_metrics drop constraint broken").execute(&mut admin).await.unwrap();
    assert_eq!(scheduler.run_now(world.org, job("restatements")).await.unwrap(), Ok(1));
    assert_eq!((account.count(WAITING).await, account.figures(Table::Daily).await.len()), (0, 2));
}

#[tokio::test]
async fn two_replicas_run_each_job_once_and_count_each_event_once() {
    let account = Account::new().await;
    let world = &account.world;
    let (one, two) = (
        Scheduler::new(world.db.clone(), world.clock.clone()),
        Scheduler::new(world.db.clone(), world.clock.clone()),
    );
    account.send(&[visit(1, "2025-09-10T10:00:00Z"), visit(2, "2025-09-17T08:00:00Z")]).await;
    for name in ["rollup", "restatements", "rollup_month"] {
        let (a, b) = tokio::join!(one.round(job(name)), two.round(job(name)));
        assert_eq!(a.unwrap() + b.unwrap(), 1, "{name}");
    }
    let counted = [
        "09-10 web site site seo: bounces=1 sessions=1 users=1",
        "09-17 web site site seo: bounces=1 sessions=1 users=1",
    ];
    assert_eq!(account.figures(Table::Daily).await, counted);
    // The same days by hand, by clock and from the queue, all at once.
    account.send(&[visit(3, "2025-09-10T11:00:00Z"), visit(4, "2025-09-17T08:30:00Z")]).await;
    let all = tokio::join!(
        account.restated(),
        account.restated(),
        account.recent(),
        account.days(date(2025, 9, 9), date(2025, 9, 17)),
        account.recent()
    );
    assert_eq!(all.0.iter().chain(&all.1).map(|day| day.queued).sum::<u64>(), 1);
    let counted = [
        "09-10 web site site seo: bounces=2 sessions=2 users=1",
        "09-17 web site site seo: bounces=2 sessions=2 users=1",
    ];
    assert_eq!(account.figures(Table::Daily).await, counted);
    assert_eq!(account.count("select count(*) from touches where org_id = $1").await, 4);

    // One replica dies in the middle: after five minutes the other runs its slot.
    let slot = job("rollup").when.last(world.clock.now());
    world.clock.advance(5 * MINUTE);
    let mut tx = world.db.org(world.org).await.unwrap();
    let slot = slot.checked_add(jiff::SignedDuration::from_mins(5)).unwrap();
    let wanted =
        job_runs::Wanted { job: "rollup", slot, owner: "dead", id: adjutant::ids::new_uuid(&*world.clock) };
    let claim = job_runs::claim(&mut tx, world.org, &wanted, world.clock.now()).await.unwrap();
    assert!(matches!(claim, job_runs::Claim::Ours { .. }));
    tx.commit().await.unwrap();
    account.send(&[visit(5, "2025-09-17T09:01:00Z")]).await;
    assert_eq!(one.round(job("rollup")).await.unwrap(), 0);
    world.clock.advance(5 * MINUTE);
    assert_eq!(two.round(job("rollup")).await.unwrap(), 1);
    assert_eq!(
        account.figures(Table::Daily).await[1],
        "09-17 web site site seo: bounces=3 sessions=3 users=1"
    );
}

#[tokio::test]
async fn old_figures_outlive_their_events_and_any_range_can_be_computed_by_hand() {
    let account = Account::new().await;
    account.send(&[visit(1, "2025-09-10T10:00:00Z")]).await;
    account.restated().await;
    account.run("update daily_metrics set date = '2024-08-01' where org_id = $1").await;
    account.run("delete from events where org_id = $1").await;
    let built = account.days(date(2024, 8, 1), date(2024, 8, 1)).await;
    assert!(built[0].kept);
    assert_eq!(account.figures(Table::Daily).await.len(), 1);
    account.run("update daily_metrics set date = '2025-09-10' where org_id = $1").await;

    let said = async |args: &[&str]| {
        let output =
            program(&account.world).arg("rollup").args(args).stdout(Stdio::piped()).output().await.unwrap();
        (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let (fine, words) = said(&["--from", "2025-09-09", "--to", "2025-09-10"]).await;
    assert!(fine && words.contains("2025-09-09 to 2025-09-10: 2 days computed, "), "{words}");
    assert!(words.contains("2025-09-10 (2 of 2): "), "{words}");
    let (fine, words) = said(&["--from", "2025-09-09", "--to", "2025-09-08"]).await;
    assert!(!fine && words.contains("2025-09-09 is not before the end of the range"), "{words}");
}
