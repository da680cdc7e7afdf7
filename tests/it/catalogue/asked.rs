//! Parameters that queries share: whose drafts, texts as they stand, splits and periods.
use super::*;

#[tokio::test]
async fn my_drafts_are_mine_also_when_somebody_asked_before() {
    let desk = Desk::built_in().await;
    let all = desk.ask("approvals_pending", json!({})).await.unwrap();
    let mut tx = desk.world.db.org(desk.world.org).await.unwrap();
    sqlx::query("update drafts set requested_by = $2, assigned_to = null where org_id = $1 and number = 7")
        .bind(desk.world.org)
        .bind(desk.world.admin.member)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    desk.catalogue.forget(desk.world.org).await;
    let count = async |actor: &Actor, mine: Value| {
        desk.ask_as(actor, "approvals_pending", json!({ "mine": mine })).await.unwrap().rows.len()
    };
    let viewer = count(&desk.world.viewer, json!(true)).await;
    assert_eq!((viewer, count(&desk.world.marketer, json!("mine")).await), (0, 1));
    assert_eq!(count(&desk.world.viewer, json!(false)).await, all.rows.len());
}

/// An underscore is a letter like any other: action names are full of them.
#[tokio::test]
async fn texts_are_looked_for_as_they_stand() {
    let desk = Desk::built_in().await;
    let mut tx = desk.world.db.org(desk.world.org).await.unwrap();
    sqlx::query("update campaigns set name = 'Sale_50% off' where org_id = $1 and id = 'google_ads:1002'")
        .bind(desk.world.org)
        .execute(&mut *tx)
        .await
        .unwrap();
    sqlx::query("update entities set name = 'Sale_50% off' where org_id = $1 and id = 'google_ads:1002'")
        .bind(desk.world.org)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let found = desk.ask("audit_search", json!({"q": "sale_50% off"})).await.unwrap();
    assert_eq!(found.rows.len(), 2);
}

#[tokio::test]
async fn cost_per_new_customer_can_be_split_by_audience() {
    let desk = Desk::built_in().await;
    let found = desk.ask("cac_by_channel", json!({"by": "segment"})).await.unwrap();
    assert_eq!(found.totals["cost"].number().unwrap().normalize(), Decimal::from(2521));
    assert!(desk.ask("cac_by_channel", json!({"by": "city"})).await.unwrap().rows.is_empty());
    let weeks = desk.ask("spend_by_channel", json!({"granularity": "week"})).await.unwrap();
    let whole = desk.ask("spend_by_channel", json!({})).await.unwrap();
    assert_eq!(weeks.totals["cost"], whole.totals["cost"]);
    assert!(weeks.rows.len() > whole.rows.len());
}

/// Largest over the whole window, not within the first of its days; drawn over time.
#[tokio::test]
async fn spend_over_time_is_headed_by_the_whole_window() {
    let desk = Desk::built_in().await;
    let text = |result: &QueryResult, row: usize, column: &str| match result.cell(row, column) {
        Some(Cell::Text(text)) => text.clone(),
        other => panic!("{column}: {other:?}"),
    };
    let mut tx = desk.world.db.org(desk.world.org).await.unwrap();
    // On one day another channel leads.
    sqlx::query(
        "update daily_metrics set cost_base = 5000 where org_id = $1 and entity_id = 'meta_ads:2001' and entity_kind = 'campaign'
            and breakdown = '' and date = '2025-09-10'",
    )
    .bind(desk.world.org)
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let window = json!({"start": "2025-08-20", "end": "2025-09-16"});
    let whole = desk.ask("spend_by_channel", json!({"window": window})).await.unwrap();
    let days = json!({"start": "2025-09-10", "end": "2025-09-16"});
    for (asked, leads_first) in [(&window, "paid_search"), (&days, "paid_social")] {
        let split =
            desk.ask("spend_by_channel", json!({"window": asked, "granularity": "day"})).await.unwrap();
        let plain = desk.ask("spend_by_channel", json!({"window": asked})).await.unwrap();
        assert_eq!(text(&split, 0, "channel"), leads_first);
        assert_eq!(text(&split, 0, "top_channel"), text(&plain, 0, "channel"));
        assert_eq!(split.cell(0, "top_share"), plain.cell(0, "share"));
    }
    let week = desk.ask("spend_by_channel", json!({"window": days, "granularity": "day"})).await.unwrap();
    let drawn = |result: &QueryResult| {
        adjutant::catalogue::chart::definition(
            &result.title,
            &result.chart,
            &result.columns,
            &result.rows,
            None,
        )
        .unwrap()
    };
    let adjutant::report::chart::Shape::Stacked { x, series } = drawn(&week).shape else {
        panic!("a stacked chart")
    };
    assert_eq!((x.len(), x[0].as_str()), (7, "2025-09-10"));
    assert!(series.iter().any(|s| s.name == "paid search"));
    let adjutant::report::chart::Shape::Stacked { x, series } = drawn(&whole).shape else {
        panic!("a stacked chart")
    };
    assert_eq!((x[0].as_str(), series.len()), ("paid search", 1));
}

/// Amounts by city come from the orders; the funnel gives only the visits they are weighed by.
#[tokio::test]
async fn what_drove_a_change_by_city_counts_the_orders() {
    let desk = Desk::built_in().await;
    let mut tx = desk.world.db.org(desk.world.org).await.unwrap();
    sqlx::query(
        "insert into daily_funnel_metrics (org_id, date, source, channel, campaign_id, city, page_type, flow, visits, customers, revenue)
         select $1, day::date, 'web', 'direct', '', city, '', '', visits, 1, 999
         from generate_series('2025-09-03'::timestamp, '2025-09-16', interval '1 day') day
         cross join (values ('Lyon', 200), ('Porto', 100)) v (city, visits)",
    )
    .bind(desk.world.org)
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let whole = desk.ask("metric_compare", json!({"metric": "revenue", "by": "city"})).await.unwrap();
    let sum = |column: &str| {
        let cells = (0..whole.rows.len()).filter_map(|row| whole.cell(row, column));
        cells.filter_map(Cell::number).sum::<Decimal>().normalize()
    };
    let drivers = desk.ask("change_drivers", json!({"by": "city"})).await.unwrap();
    let number = |column: &str| drivers.cell(0, column).and_then(Cell::number).map(|n| n.normalize());
    assert_eq!((number("value_before"), number("value_now")), (Some(sum("before")), Some(sum("now"))));
    // 15 orders a day of 50, now 14: one of Harvest Sale is gone.
    let expected = BY_CITY.map(|n| Some(Decimal::from(n)));
    assert_eq!([number("value_before"), number("value_now")], expected);
    assert!(matches!(drivers.cell(0, "basis"), Some(Cell::Text(basis)) if basis.contains("city")));
}

/// Revenue of the shop fixture in the two weeks: 50 an order.
const BY_CITY: [i64; 2] = [5250, 4900];

/// `metrics.md` rule 7.
#[tokio::test]
async fn the_change_of_a_click_rate_is_told_in_points() {
    let desk = Desk::built_in().await;
    let found = desk.ask("metric_compare", json!({"metric": "ctr"})).await.unwrap();
    let told = desk.catalogue.render(&found, &TimeZone::UTC).unwrap();
    assert!(told.headline.contains(" pp.") && !told.headline.contains("change +0.0%"), "{}", told.headline);
    assert!(told.rows.iter().all(|row| row.ends_with(" pp")), "{:?}", told.rows);
    let cost = desk.ask("metric_compare", json!({"metric": "cost"})).await.unwrap();
    let told = desk.catalogue.render(&cost, &TimeZone::UTC).unwrap();
    assert!(told.rows.iter().all(|row| row.ends_with('%')), "{:?}", told.rows);
}

/// People are counted by the day: with more buyers than carts nothing is known of a loss.
#[tokio::test]
async fn losses_are_never_below_zero() {
    let desk = Desk::built_in().await;
    let mut tx = desk.world.db.org(desk.world.org).await.unwrap();
    for statement in [
        "update daily_metrics set users = users * 100 where org_id = $1 and entity_kind = 'event' and entity_id = 'purchase'",
        "update daily_campaign_metrics set buyers = cart_users + 7 where org_id = $1",
    ] {
        sqlx::query(statement).bind(desk.world.org).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    let window = json!({"start": "2024-05-13", "end": "2024-05-19"});
    let carts = desk.ask("checkout_abandonment", json!({"window": window, "by": "device"})).await.unwrap();
    assert!(!carts.rows.is_empty());
    for row in 0..carts.rows.len() {
        assert_eq!(
            carts.cell(row, "abandoned").and_then(Cell::number).map(|n| n.normalize()),
            Some(Decimal::ZERO)
        );
        assert_eq!(carts.cell(row, "abandonment"), Some(&Cell::Null));
    }
    let window = json!({"start": "2024-05-06", "end": "2024-05-12"});
    let funnel =
        desk.ask("campaign_funnel", json!({"window": window, "campaign": "google_ads:9001"})).await.unwrap();
    assert_eq!(funnel.cell(4, "drop"), Some(&Cell::Null));
}

#[tokio::test]
async fn a_quote_period_before_all_data_is_not_a_period_without_quotes() {
    let desk = Desk::built_in().await;
    let asked = json!({"window": {"start": "2024-04-25", "end": "2024-05-09"}});
    let found = desk.ask("quote_booking_funnel", asked).await.unwrap();
    assert_eq!(
        (found.cell(0, "before"), found.cell(0, "step_rate_before")),
        (Some(&Cell::Null), Some(&Cell::Null))
    );
}

/// Without targets of its own an organisation is judged by the registry's.
#[tokio::test]
async fn cost_per_new_customer_falls_back_on_the_registry() {
    let desk = Desk::built_in().await;
    let mut tx = desk.world.db.org(desk.world.org).await.unwrap();
    sqlx::query("delete from metric_targets where org_id = $1")
        .bind(desk.world.org)
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let found = desk.ask("cac_by_channel", json!({})).await.unwrap();
    let judged =
        (0..found.rows.len()).filter(|row| found.cell(*row, "vs_target") != Some(&Cell::Null)).count();
    assert_eq!(judged, 2, "every channel that won somebody");
}

/// A target is judged by whatever its days measure, and one that no day measures is named without a verdict.
#[tokio::test]
async fn every_target_that_is_set_is_judged() {
    let desk = Desk::built_in().await;
    let mut tx = desk.world.db.org(desk.world.org).await.unwrap();
    sqlx::query(
        "insert into metric_targets (org_id, metric, scope, target, band, valid_from, created_at)
         select $1, t.metric, 'org', t.target, t.band::jsonb, '2025-01-01', '2025-01-01T00:00:00Z'
         from (values ('cpm', 0.01, '{}'), ('clicks', 1000000, '{\"per\": \"day\"}'), ('cost', 1, '{\"per\": \"week\"}'),
                      ('nrr', 1.2, '{}')) as t (metric, target, band)",
    )
    .bind(desk.world.org)
    .execute(&mut *tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let found = desk.ask("target_gaps", json!({})).await.unwrap();
    let names: Vec<String> = (0..found.rows.len())
        .filter_map(|row| match found.cell(row, "metric_id") {
            Some(Cell::Text(id)) => Some(id.clone()),
            _ => None,
        })
        .collect();
    for metric in ["cpm", "clicks", "cost", "ctr"] {
        assert!(names.contains(&metric.to_owned()), "{metric}: {names:?}");
    }
    let last = found.rows.len() - 1;
    assert_eq!((names[last].as_str(), found.cell(last, "gap")), ("nrr", Some(&Cell::Null)));
    assert_eq!(found.totals["off"].number(), Some(Decimal::from(last)));
}

/// A plan in dollars on days without spend counts at the day's rate, not one to one.
#[tokio::test]
async fn plans_in_another_currency_are_weighed_at_their_rate() {
    let desk = Desk::built_in().await;
    let mut tx = desk.world.db.org(desk.world.org).await.unwrap();
    // 5 % below the plan one to one, 19 % above it at 0.80.
    for statement in [
        "insert into fx_rates (org_id, date, from_currency, to_currency, rate)
         values ($1, '2025-09-08', 'USD', 'EUR', 0.80)",
        "update daily_campaign_metrics p set cost = 0, cost_base = 0, currency = 'USD', planned_spend = (
             select sum(d.cost_base) / 7 * 1.05 from daily_metrics d
             where d.org_id = $1 and d.entity_kind = 'campaign' and d.entity_id = 'meta_ads:2002' and d.breakdown = ''
               and d.date between '2025-09-10' and '2025-09-16')
         where p.org_id = $1 and p.campaign_id = 'meta_ads:2002'",
        "update daily_metrics set revenue_base = cost_base * 1.2
         where org_id = $1 and entity_kind = 'campaign' and entity_id = 'meta_ads:2002'",
    ] {
        sqlx::query(statement).bind(desk.world.org).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    let found = desk.ask("campaign_underperformers", json!({})).await.unwrap();
    let reason = (0..found.rows.len())
        .find(|row| found.cell(*row, "campaign") == Some(&Cell::Text("Loyalty Week".to_owned())))
        .and_then(|row| found.cell(row, "reason"));
    assert!(matches!(reason, Some(Cell::Text(reason)) if reason.contains("over plan")), "{reason:?}");
}

/// Single people, where they are known, are counted once however often they come back; a day of carts without its people
/// is not guessed.
#[tokio::test]
async fn funnels_count_people_once() {
    let desk = Desk::built_in().await;
    let mut tx = desk.world.db.org(desk.world.org).await.unwrap();
    // Four people came; one twice, one under two names. Three filled carts, one of them on three days, and two bought,
    // one two weeks later.
    sqlx::raw_sql(sqlx::AssertSqlSafe(PEOPLE.replace("{{org}}", &desk.world.org.to_string())))
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let asked = json!({"window": {"start": "2024-07-01", "end": "2024-07-14"}, "granularity": "week"});
    let carts = desk.ask("checkout_abandonment", asked.clone()).await.unwrap();
    let figure = |name: &str| carts.totals[name].number().unwrap();
    assert_eq!([figure("carts"), figure("purchases"), figure("abandoned")], [3.into(), 2.into(), 1.into()]);
    assert_eq!(carts.cell(0, "counted"), Some(&Cell::Text("people".into())));
    let asked = json!({"window": asked["window"], "campaign": "google_ads:9001"});
    let steps = |found: &QueryResult| -> Vec<Decimal> {
        (2..5).map(|row| found.cell(row, "users").and_then(Cell::number).unwrap()).collect()
    };
    let funnel = desk.ask("campaign_funnel", asked.clone()).await.unwrap();
    assert_eq!(steps(&funnel), [4, 3, 2].map(Decimal::from));
    let mut tx = desk.world.db.org(desk.world.org).await.unwrap();
    sqlx::query("delete from events where occurred_at::date = '2024-07-04' and occurred_at >= '2024-07-04'")
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    desk.catalogue.forget(desk.world.org).await;
    let funnel = desk.ask("campaign_funnel", asked).await.unwrap();
    assert_eq!(steps(&funnel), [90, 9, 3].map(Decimal::from), "by the day, and said to be");
    assert_eq!(funnel.cell(4, "counted"), Some(&Cell::Text("people by the day".into())));
}

const PEOPLE: &str = "
insert into daily_campaign_metrics (org_id, date, campaign_id, channel, source, impressions, clicks, landed, cart_users, buyers, currency)
select '{{org}}', day::date, 'google_ads:9001', 'paid_search', 'google_ads', 1000, 40, 30, 3, 1, 'EUR'
from generate_series('2024-07-02'::timestamp, '2024-07-04'::timestamp, interval '1 day') as day;
insert into actor_links (org_id, actor_id, customer_id) values ('{{org}}', 'web:d2', 'web:d'), ('{{org}}', 'web:d1', 'web:d');
insert into touches (org_id, occurred_at, id, actor_id, kind, channel, campaign_id)
select '{{org}}', t.at::timestamptz, gen_random_uuid(), t.actor, 'visit', 'paid_search', 'google_ads:9001'
from (values ('2024-07-02T08:00:00Z', 'web:a'), ('2024-07-03T08:00:00Z', 'web:a'), ('2024-07-02T09:00:00Z', 'web:b'),
             ('2024-07-02T09:30:00Z', 'web:c'), ('2024-07-02T10:00:00Z', 'web:d1'), ('2024-07-04T10:00:00Z', 'web:d2')) as t (at, actor);
insert into events (org_id, id, occurred_at, name, source, channel, entity_kind, entity_id, actor_type, actor_id, received_at, ingested_via, payload_hash)
select '{{org}}', gen_random_uuid(), e.at::timestamptz, e.name, 'web', 'paid_search', 'product', 'p1', 'anonymous', e.actor, e.at::timestamptz, 'api',
    sha256(convert_to(e.at || e.actor || e.name, 'UTF8'))
from (values ('2024-07-02T08:10:00Z', 'web:a', 'add_to_cart'), ('2024-07-03T08:10:00Z', 'web:a', 'add_to_cart'),
             ('2024-07-04T08:10:00Z', 'web:a', 'add_to_cart'), ('2024-07-02T09:10:00Z', 'web:b', 'add_to_cart'),
             ('2024-07-02T09:20:00Z', 'web:b', 'purchase'), ('2024-07-02T10:10:00Z', 'web:d1', 'add_to_cart'),
             ('2024-07-16T10:10:00Z', 'web:d2', 'user_purchased')) as e (at, actor, name);
";
