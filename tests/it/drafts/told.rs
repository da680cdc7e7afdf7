//! What becomes of a draft is an event too, once, with the decision it tells of (`events.md` §3.11).
use super::account::{account, decide, pause, raise};
use adjutant::clock::Clock as _;
use adjutant::drafts::{self, AppliedRequest, Decision};
use serde_json::Value;
use std::time::Duration;

#[tokio::test]
async fn what_becomes_of_a_draft_is_told_once() {
    let world = account().await;
    let one = pause(&world).await;
    decide(&world, &world.approver, &one, Decision::Approve).await.unwrap();
    decide(&world, &world.admin, &one, Decision::Approve).await.unwrap();
    let refused = raise(&world).await;
    decide(&world, &world.approver, &refused, Decision::Reject).await.unwrap();
    world.clock.advance(Duration::from_secs(60));
    let applied = AppliedRequest {
        revision: one.revision,
        payload_hash: one.payload_hash,
        applied_at: world.clock.now(),
        evidence: "Change history of the account, entry 17".to_owned(),
    };
    for _ in 0..2 {
        let _ = drafts::mark_applied(&world.db, &*world.clock, &world.admin, one.id, &applied).await;
    }
    let mut tx = world.db.org(world.org).await.unwrap();
    let told: Vec<(String, String, Value)> = sqlx::query_as(
        "select name, entity_id, props from events where entity_kind = 'draft' and source = 'system' order by name, entity_id",
    )
    .fetch_all(&mut *tx)
    .await
    .unwrap();
    let mut words: Vec<String> = told
        .iter()
        .map(|(name, id, props)| {
            assert_eq!(props["draft_id"], id.as_str());
            let of = |key: &str| props[key].as_str().unwrap_or_default().to_owned();
            format!("{name} {}{} {}", of("action_type"), of("decision"), of("platform"))
        })
        .collect();
    words.sort();
    assert_eq!(
        words,
        [
            "action_executed pause_campaign meta_ads",
            "draft_created increase_budget ",
            "draft_created pause_campaign ",
            "draft_decided approved ",
            "draft_decided rejected ",
        ]
    );
}
