//! The state that reviewers saw is read again before a file leaves and before a change counts as made.
use super::account::{account, code, decide, draft, look, message, pause, raise, sql, state, trail};
use crate::world::World;
use adjutant::clock::Clock as _;
use adjutant::drafts::{
    self, AppliedRequest, Created, Decision, DraftError, DraftState, ExportFile, Outcome,
};
use serde_json::json;

async fn approved(world: &World, created: Created) -> Created {
    decide(world, &world.approver, &created, Decision::Approve).await.unwrap();
    created
}

async fn change(world: &World, what: &str, id: &str) {
    let mut superuser = world.superuser().await;
    let statement = format!("update campaigns set {what} where org_id = ORG and id = '{id}'");
    sql(&mut superuser, world.org, &statement).await;
}

async fn file(world: &World, created: &Created, preview: bool) -> Result<ExportFile, DraftError> {
    drafts::download(&world.db, &*world.clock, &world.marketer, created.id, None, preview).await
}

async fn apply(world: &World, created: &Created) -> Result<Outcome, DraftError> {
    let request = AppliedRequest {
        revision: created.revision,
        payload_hash: created.payload_hash,
        applied_at: world.clock.now(),
        evidence: "Change history of the account, entry 17".to_owned(),
    };
    drafts::mark_applied(&world.db, &*world.clock, &world.admin, created.id, &request).await
}

#[tokio::test]
async fn a_budget_that_moved_after_the_approval_stops_the_file_and_makes_the_draft_stale() {
    let world = account().await;
    let created = approved(&world, raise(&world).await).await;
    file(&world, &created, false).await.unwrap();
    change(&world, "daily_budget = 55", "google_ads:1001").await;
    let refused = message(file(&world, &created, false).await);
    assert_eq!(
        refused,
        "daily_budget was 50.00 when drafted and is now 55.00. The draft is stale: revise or cancel it."
    );
    assert_eq!(state(&world, created.id).await, DraftState::Stale);
    assert_eq!(
        trail(&world, Some(created.id)).await,
        ["draft.created", "draft.approved", "export.downloaded", "draft.stale", "guardrail.blocked"]
    );
    // Going back does not bring the approval back: people look at it again.
    change(&world, "daily_budget = 50", "google_ads:1001").await;
    assert_eq!(code(file(&world, &created, false).await), "draft.not_approved");
    assert_eq!(code(apply(&world, &created).await), "draft.not_approved");
}

#[tokio::test]
async fn what_became_something_else_is_not_marked_as_applied() {
    let world = account().await;
    let created = approved(&world, raise(&world).await).await;
    change(&world, "status = 'paused'", "google_ads:1001").await;
    assert_eq!(code(apply(&world, &created).await), "guardrail.before_changed");
    assert_eq!(state(&world, created.id).await, DraftState::Stale);
    let mut superuser = world.superuser().await;
    let held: i64 = sqlx::query_scalar("select count(*) from spend_reservations where state = 'reserved'")
        .fetch_one(&mut superuser)
        .await
        .unwrap();
    assert_eq!(held, 0, "a stale draft gives its room back");
}

#[tokio::test]
async fn a_change_that_was_made_already_is_no_drift() {
    let world = account().await;
    let budget = approved(&world, raise(&world).await).await;
    let stop = approved(&world, pause(&world).await).await;
    change(&world, "daily_budget = 60", "google_ads:1001").await;
    change(&world, "status = 'paused'", "meta_ads:2001").await;
    for created in [&budget, &stop] {
        file(&world, created, false).await.unwrap();
        apply(&world, created).await.unwrap();
        assert_eq!(state(&world, created.id).await, DraftState::Executed);
        // The file stays on record whatever happens to the campaign later.
        change(&world, "status = 'removed'", "google_ads:1001").await;
        file(&world, created, false).await.unwrap();
    }
}

#[tokio::test]
async fn either_end_of_a_reallocation_that_moved_stops_it_and_a_step_of_its_ramp_does_not() {
    let world = account().await;
    let asked = json!({"from": "Broad match test", "to": "Generic search", "amount_per_day": 30});
    let created = draft(&world, &world.marketer, "reallocate_budget", asked).await.unwrap();
    let created = approved(&world, created).await;
    let ramp = look(&world, created.id).await.payload["ramp"].clone();
    assert_eq!((&ramp[0]["from_new"], &ramp[0]["to_new"]), (&json!("240.00"), &json!("60.00")));
    change(&world, "daily_budget = 240", "google_ads:1003").await;
    change(&world, "daily_budget = 60", "google_ads:1001").await;
    file(&world, &created, false).await.unwrap();
    change(&world, "daily_budget = 61", "google_ads:1001").await;
    assert_eq!(
        message(file(&world, &created, false).await),
        "to.daily_budget was 50.00 when drafted and is now 61.00. The draft is stale: revise or cancel it."
    );
}

#[tokio::test]
async fn new_facts_make_what_rests_on_old_ones_stale_at_once() {
    let world = account().await;
    let pending = raise(&world).await;
    let done = approved(&world, pause(&world).await).await;
    let mark = async || drafts::mark_drifted(&world.db, &*world.clock, world.org).await.unwrap();
    assert!(mark().await.is_empty());
    // What was approved is done; what still waits was overtaken.
    change(&world, "status = 'paused'", "meta_ads:2001").await;
    change(&world, "daily_budget = 60", "google_ads:1001").await;
    assert_eq!(mark().await, [pending.number]);
    assert_eq!(state(&world, pending.id).await, DraftState::Stale);
    assert_eq!(state(&world, done.id).await, DraftState::Approved);
    change(&world, "status = 'removed'", "meta_ads:2001").await;
    assert_eq!(mark().await, [done.number]);
    assert!(mark().await.is_empty());
    assert_eq!(trail(&world, Some(done.id)).await.last().map(String::as_str), Some("draft.stale"));
}

#[tokio::test]
async fn a_preview_shows_a_draft_that_drifted_and_changes_nothing() {
    let world = account().await;
    let created = approved(&world, raise(&world).await).await;
    change(&world, "daily_budget = 55", "google_ads:1001").await;
    file(&world, &created, true).await.unwrap();
    assert_eq!(state(&world, created.id).await, DraftState::Approved);
}
