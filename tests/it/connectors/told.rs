//! What reading a connection tells: that it went well or not, what somebody changed on the platform, each once and with its cause; and
//! days that are read again because an alert about them lasts too long (`connectors.md` §1.8, `events.md` §8).
use super::fake::Trouble;
use super::google_ads::CAMPAIGNS;
use super::plausible::SITES;
use super::rig::Rig;
use crate::events::own::as_the_registry_has_it;
use adjutant::clock::{Clock as _, SharedClock};
use adjutant::db::syncs::SyncState;
use adjutant::jobs::freshness;
use serde_json::{Value, json};

/// Events of a name: entity and properties, in order.
async fn told(rig: &Rig, name: &str) -> Vec<(String, Value)> {
    let mut tx = rig.world.db.org(rig.world.org).await.unwrap();
    sqlx::query_as(
        "select entity_id, props from events where name = $1 and source = 'system' order by occurred_at, id",
    )
    .bind(name)
    .fetch_all(&mut *tx)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_run_is_told_once_however_it_ends() {
    let rig = Rig::new(&SITES).await;
    let good = rig.good().await;
    rig.fake.trouble(0, Trouble::Status(401));
    let bad = rig.sync().await.unwrap();
    assert_eq!(bad.state, SyncState::Failed);
    let completed = told(&rig, "sync_completed").await;
    assert_eq!(completed.len(), 1);
    assert_eq!(
        (&completed[0].1["run_id"], &completed[0].1["rows_written"]),
        (&json!(good.run), &json!(good.counts.rows_written))
    );
    let failed = told(&rig, "sync_failed").await;
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0].1["run_id"], json!(bad.run));
    assert!(failed[0].1["code"].as_str().unwrap().starts_with("auth."), "{failed:?}");
}

#[tokio::test]
async fn what_somebody_changes_on_the_platform_is_told_once_and_what_is_new_is_not() {
    let rig = Rig::new(&CAMPAIGNS).await;
    rig.good().await;
    assert_eq!(told(&rig, "entity_changed").await, [], "everything was new");
    rig.good().await;
    assert_eq!(told(&rig, "entity_changed").await, [], "nothing was changed");
    rig.fake.set(|knobs| knobs.restated = Some(jiff::civil::date(2025, 9, 16)));
    rig.good().await;
    rig.good().await;
    let changed = told(&rig, "entity_changed").await;
    let words: Vec<String> = changed
        .iter()
        .map(|(id, props)| {
            format!("{id} {} {} {} {}", props["field"], props["from"], props["to"], props["by"])
        })
        .collect();
    assert_eq!(words.len(), 1, "{words:?}");
    assert!(words[0].contains(":1 \"daily_budget\" 50.0 55.0 \"platform\""), "{words:?}");
    let kind = "select count(*) from events where name = 'entity_changed' and entity_kind = 'campaign'";
    assert_eq!(rig.count(kind).await, 1);
    let item = json!({"id": uuid::Uuid::from_u128(1), "name": "entity_changed", "occurred_at": rig.clock.now().to_string(),
        "source": "system", "entity": {"type": "campaign", "id": changed[0].0}, "properties": changed[0].1});
    as_the_registry_has_it(&[item], rig.clock.now());
}

#[tokio::test]
async fn days_of_a_connection_that_stays_old_are_read_again_and_their_figures_are_incomplete_meanwhile() {
    let rig = Rig::new(&SITES).await;
    rig.good().await;
    let clock: SharedClock = rig.clock.clone();
    let look = async |at: &str| {
        rig.clock.set(at);
        freshness::run(&rig.world.db, &clock).await.unwrap();
    };
    // Read on the 17th at 9; a day later it is too old. It is looked at twice, then left for two days.
    look("2025-09-18T10:00:00Z").await;
    look("2025-09-18T10:01:00Z").await;
    let open = "select count(*) from alerts where code = 'freshness' and closed_at is null";
    assert_eq!(rig.count(open).await, 1);
    look("2025-09-20T10:00:00Z").await;
    let asked = "select count(*) from source_streams where backfill_from is not null";
    assert_eq!(rig.count(asked).await, 0, "not before its grace of 48 hours is over");
    look("2025-09-20T10:01:00Z").await;
    look("2025-09-20T10:02:00Z").await;
    assert!(rig.count(asked).await > 0);
    let from = "select (min(backfill_from) = '2025-09-17')::int::bigint from source_streams";
    assert_eq!(rig.count(from).await, 1, "from the day of the last good run on");
    let marked = "select count(*) from daily_metrics where incomplete and date >= '2025-09-17'";
    assert!(rig.count(marked).await > 0);
    rig.round().await;
    let read = "select count(*) from sync_runs where trigger = 'backfill' and state = 'succeeded' and window_from = '2025-09-17'
                and window_to = '2025-09-20' and stream = 'site'";
    assert_eq!(rig.count(read).await, 1);
    assert_eq!(rig.count(marked).await, 0, "the platform said anew how they are");
    assert_eq!(rig.count(asked).await, 0);
    for minute in 3..7 {
        look(&format!("2025-09-20T10:0{minute}:00Z")).await;
    }
    assert_eq!(rig.count(open).await, 0);
    rig.round().await;
    assert_eq!(rig.count(read).await, 1, "once");
}
