//! Lists that are longer than a run, and reports of several pages.
use super::{AT_ONCE, KlaviyoCase, MESSAGE_DAYS, PAGED, STUCK};
use crate::connectors::rig::Rig;
use adjutant::platforms::fault::Code;
use serde_json::json;

async fn short_runs(case: &'static KlaviyoCase) -> Rig {
    let mut rig = Rig::new(case).await;
    rig.engine.outside.limits.pages = 3;
    rig.fake.set(|knobs| knobs.page = 1);
    rig
}

const REST: &str = "select count(*) from source_streams where cursor #> '{rest}' is not null";

/// An import: everybody changed in one second, so that no place in time lies between them.
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

/// Klaviyo's links do not live for ever.
#[tokio::test]
async fn a_link_that_is_not_known_any_more_is_left() {
    let rig = short_runs(&AT_ONCE).await;
    rig.good().await;
    let mut superuser = rig.world.superuser().await;
    sqlx::query(
        "update source_streams set cursor = jsonb_set(cursor, '{rest}', to_jsonb((cursor->>'rest') || 'gone'))
         where cursor->>'rest' is not null",
    )
    .execute(&mut superuser)
    .await
    .unwrap();
    rig.fake.set(|knobs| knobs.page = 5);
    let finished = rig.good().await;
    assert_eq!((rig.facts().await.len(), &finished.warnings), (10, &json!([])));
}

#[tokio::test]
async fn every_page_of_a_report_counts() {
    let whole = Rig::new(&MESSAGE_DAYS).await;
    whole.good().await;
    let rig = Rig::new(&PAGED).await;
    // Two slices of two reports: a second page each.
    assert_eq!(rig.good().await.counts.requests, 14);
    assert_eq!(rig.facts().await, whole.facts().await);
}

#[tokio::test]
async fn a_report_that_goes_round_is_given_up() {
    let rig = Rig::new(&STUCK).await;
    let error = rig.sync().await.unwrap().error.unwrap();
    assert_eq!(error.code, Code::PageLoop, "{error}");
    assert!(rig.facts().await.is_empty(), "half a report is none");
}
