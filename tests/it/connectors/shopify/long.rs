//! Lists that are longer than a run, and what a search showed too late.
use super::{DAY, PLAIN, RECENT, ShopifyCase, at};
use crate::connectors::rig::Rig;
use serde_json::{Value, json};

/// A bulk edit: everything changed in one second.
fn at_once(_: i64, order: &mut Value) {
    order["updatedAt"] = json!(at(RECENT - DAY));
}

static AT_ONCE: ShopifyCase = ShopifyCase { story: at_once, ..PLAIN };
static ORDERS: ShopifyCase = PLAIN;

async fn short_runs(case: &'static ShopifyCase) -> Rig {
    let mut rig = Rig::new(case).await;
    rig.engine.outside.limits.pages = 3;
    rig.fake.set(|knobs| knobs.page = 1);
    rig
}

const REST: &str = "select count(*) from source_streams where cursor #> '{rest}' is not null";

#[tokio::test]
async fn a_list_that_is_longer_than_a_run_is_gone_on_with() {
    let rig = short_runs(&AT_ONCE).await;
    for read in [3, 6, 9] {
        let finished = rig.good().await;
        assert!(finished.warnings.to_string().contains("page.limit"), "{}", finished.warnings);
        assert_eq!((rig.facts().await.len(), rig.count(REST).await), (read, 1));
    }
    let finished = rig.good().await;
    assert_eq!((rig.facts().await.len(), rig.count(REST).await), (10, 0));
    assert_eq!(finished.warnings, json!([]));
}

#[tokio::test]
async fn days_that_were_asked_for_are_read_to_the_end() {
    let rig = short_runs(&AT_ONCE).await;
    let window = adjutant::period::Window::new("2025-09-01".parse().unwrap(), "2025-09-16".parse().unwrap());
    let finished = rig.sync_days(Some(window.unwrap())).await.unwrap();
    assert_eq!((rig.facts().await.len(), &finished.warnings), (10, &json!([])));
}

#[tokio::test]
async fn a_night_reads_seven_days_again() {
    let rig = Rig::new(&ORDERS).await;
    rig.good().await;
    let seen = async |now: &str| {
        rig.clock.set(now);
        rig.good().await.counts.rows_read
    };
    // 11:00 in the shop's zone: only the newest is read again, with its refunds none.
    let hourly = seen("2025-09-17T10:00:00Z").await;
    assert_eq!(seen("2025-09-17T23:30:00Z").await, hourly, "half past one: not yet");
    let nightly = seen("2025-09-18T00:30:00Z").await;
    assert!(nightly >= hourly + 5, "{nightly} after {hourly}");
    assert_eq!(seen("2025-09-18T01:30:00Z").await, hourly, "once a night");
}
