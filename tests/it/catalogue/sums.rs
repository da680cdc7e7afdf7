//! Months that are over are read from their sums: every answer is the one that the rows give, also while rows change.
use super::*;
use adjutant::clock::Clock as _;
use adjutant::daily::rollup;
use adjutant::db::{load, sums};
use adjutant::demo::{self, Scale};
use jiff::civil::{Date, date};

const TODAY: Date = date(2025, 9, 17);

/// The demo account of nine months, asked by its founder with nothing remembered.
struct Account {
    world: World,
    catalogue: Catalogue,
    clock: SharedClock,
    actor: Actor,
}

impl Account {
    async fn new() -> Self {
        let world = World::new().await;
        let (mut catalogue, _) = Catalogue::load_whole(None);
        for query in catalogue.queries.values_mut() {
            query.cache_s = 0;
        }
        let company = demo::found(&world.db, &*world.clock).await.unwrap();
        load::dataset(&world.db, company.org, &demo::generate_scaled(TODAY, 7, Scale { months: 9 }))
            .await
            .unwrap();
        without_limit(&world.db, company.org).await;
        let clock: SharedClock = world.clock.clone();
        let actor = Actor { org: company.org, ..world.compliance.clone() };
        Self { world, catalogue, clock, actor }
    }

    async fn answer(&self, query: &str, params: Value) -> String {
        let context = RunContext { actor: self.actor.clone(), turn: None, reason: Some("a test".to_owned()) };
        let params = params.as_object().unwrap().clone();
        match self.catalogue.run(&self.world.db, &self.clock, &context, query, &params).await {
            Ok(found) => format!("{:?} {:?} {:?}", found.rows, found.totals, found.notes),
            Err(error) => error.to_string(),
        }
    }

    async fn answers(&self) -> Vec<String> {
        let mut out = Vec::new();
        // Months cut on both sides, whole months, and a window that begins before the account.
        for window in
            [["2025-01-20", "2025-09-16"], ["2025-02-01", "2025-06-30"], ["2024-10-01", "2025-08-31"]]
        {
            let window = json!({"start": window[0], "end": window[1]});
            for metric in
                ["cost", "ctr", "roas", "cpa", "mer", "add_to_cart_rate", "sessions", "orders", "aov"]
            {
                for by in ["none", "channel", "campaign"] {
                    let params = json!({"metric": metric, "window": window, "by": by, "compare": "none"});
                    out.push(format!("{params} {}", self.answer("metric_compare", params.clone()).await));
                }
                for unit in ["week", "month"] {
                    let params = json!({"metric": metric, "window": window, "granularity": unit});
                    out.push(format!("{params} {}", self.answer("kpi_trend", params.clone()).await));
                }
            }
        }
        out
    }

    async fn kept(&self) -> Vec<String> {
        let mut tx = self.world.db.org(self.actor.org).await.unwrap();
        sqlx::query_scalar("select month::text from metric_sums order by month")
            .fetch_all(&mut *tx)
            .await
            .unwrap()
    }

    async fn sum(&self) -> u64 {
        rollup::months(&self.world.db, &*self.world.clock, self.actor.org).await.unwrap()
    }
}

#[tokio::test]
async fn sums_give_the_answers_of_the_rows() {
    let account = Account::new().await;
    assert_eq!(account.kept().await, [""; 0]);
    let rows = account.answers().await;
    assert!(rows.iter().filter(|answer| answer.contains("Decimal")).count() > rows.len() / 2, "{rows:#?}");
    let made = account.sum().await;
    assert!(made >= 8, "{made}");
    assert_eq!(account.sum().await, 0, "they hold");
    assert_eq!(account.kept().await.last().map(String::as_str), Some("2025-08-01"), "this month moves still");
    let summed = account.answers().await;
    for (rows, summed) in rows.iter().zip(&summed) {
        assert_eq!(summed, rows);
    }

    // A month in the middle is stated anew, by a file: the answers are those of the rows at once, and again when it is summed.
    let mut tx = account.world.db.org(account.actor.org).await.unwrap();
    let day = date(2025, 4, 10);
    let changed = sqlx::query(
        "update daily_metrics set cost_base = cost_base + 1000 where org_id = $1 and date = '2025-04-10' and entity_kind = 'campaign'",
    )
    .bind(account.actor.org)
    .execute(&mut *tx)
    .await
    .unwrap();
    assert!(changed.rows_affected() > 0);
    tx.commit().await.unwrap();
    assert_eq!(account.answers().await, rows, "the sums are what is read: whoever changes rows must say so");
    let mut tx = account.world.db.org(account.actor.org).await.unwrap();
    sums::stale(&mut tx, account.actor.org, Some((day, day))).await.unwrap();
    // Whoever sums it meanwhile would miss the change: it is left for the next time.
    let mut other = account.world.db.org(account.actor.org).await.unwrap();
    assert!(
        !sums::make(&mut other, account.actor.org, day.first_of_month(), account.world.clock.now())
            .await
            .unwrap()
    );
    drop(other);
    tx.commit().await.unwrap();
    assert!(!account.kept().await.contains(&"2025-04-01".to_owned()));
    let restated = account.answers().await;
    assert_ne!(restated, rows);
    assert_eq!(account.sum().await, 1);
    assert_eq!(account.answers().await, restated);
}

/// A month whose sums are too large is named, and keeps no other from being summed.
#[tokio::test]
async fn a_month_that_cannot_be_summed_stops_no_other() {
    let world = World::new().await;
    let rows = "insert into daily_metrics (org_id, date, source, entity_kind, entity_id, channel, impressions, currency, first_seen_at,
           updated_at)
         select $1, day::date, 'google_ads', 'campaign', thing, 'paid_search', 9000000000000000000, 'EUR', '2025-09-01', '2025-09-01'
         from (values ('2025-06-10', 'a'), ('2025-07-10', 'a'), ('2025-07-10', 'b'), ('2025-08-10', 'a')) v (day, thing)";
    let mut tx = world.db.org(world.org).await.unwrap();
    sqlx::query(rows).bind(world.org).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let failed = rollup::months(&world.db, &*world.clock, world.org).await.unwrap_err().to_string();
    assert!(failed.contains("the sums of 2025-07 could not be made"), "{failed}");
    let mut tx = world.db.org(world.org).await.unwrap();
    let kept: Vec<String> = sqlx::query_scalar("select month::text from metric_sums order by month")
        .fetch_all(&mut *tx)
        .await
        .unwrap();
    assert_eq!(kept, ["2025-06-01", "2025-08-01"]);
}

/// Whoever writes rows that are summed says so: no file of ours changes them and does not call `stale`.
#[test]
fn every_writer_of_summed_rows_says_so() {
    let mut told = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let writes = sums::FAMILIES.iter().any(|family| {
                ["insert into", "delete from", "update", "merge into"].iter().any(|verb| {
                    let said = format!("{verb} {}", family.rows);
                    // Only what is not summed changes with this.
                    text.match_indices(&said)
                        .any(|(at, _)| !text[at..].starts_with("update daily_metrics set is_final = true"))
                })
            });
            if writes {
                assert!(text.contains("sums::stale("), "{} writes rows that are summed", path.display());
                told.push(path);
            }
        }
    }
    assert!(told.len() >= 2, "{told:?}");
}
