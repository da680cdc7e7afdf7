//! Net spend in a rolling day: what holds room, what makes room, and when by-hand changes count.
use super::account::{account, code, decide, draft, message, raise, sql};
use crate::world::World;
use adjutant::access::Actor;
use adjutant::clock::Clock as _;
use adjutant::drafts::{self, AppliedRequest, Created, Decision, DraftError, Outcome};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::time::Duration;

/// An account that may spend 15 more a day.
async fn narrow() -> World {
    let world = account().await;
    let mut superuser = world.superuser().await;
    sql(&mut superuser, world.org,
        "insert into org_settings (org_id, key, value, set_at) values (ORG, 'max_net_increase_per_day', '\"15\"', '2025-09-17T00:00:00Z')
         on conflict (org_id, key) do update set value = excluded.value").await;
    world
}

/// +10 on another campaign than [`raise`].
async fn other(world: &World) -> Created {
    let asked = json!({"campaign": "Retargeting", "new_daily_budget": 110});
    draft(world, &world.marketer, "increase_budget", asked).await.unwrap()
}

/// −50 a day.
async fn lower(world: &World) -> Created {
    let asked = json!({"campaign": "Broad match test", "pct": 20});
    draft(world, &world.marketer, "decrease_budget", asked).await.unwrap()
}

async fn approve(world: &World, created: &Created) -> Result<Outcome, DraftError> {
    decide(world, &world.approver, created, Decision::Approve).await
}

async fn apply(
    world: &World,
    actor: &Actor,
    created: &Created,
    at: Timestamp,
) -> Result<Outcome, DraftError> {
    let request = AppliedRequest {
        revision: created.revision,
        payload_hash: created.payload_hash,
        applied_at: at,
        evidence: "Change history, entry 3".to_owned(),
    };
    drafts::mark_applied(&world.db, &*world.clock, actor, created.id, &request).await
}

const FULL: &str = "Net increase of 20.00 EUR in 24 h exceeds the envelope of 15.00 EUR.";

#[tokio::test]
async fn room_is_held_until_it_is_used_or_given_back() {
    let world = narrow().await;
    approve(&world, &raise(&world).await).await.unwrap();
    let second = other(&world).await;
    let mut superuser = world.superuser().await;
    sql(&mut superuser, world.org,
        "update drafts set decided_at = decided_at - interval '60 hours' where org_id = ORG and decided_at is not null").await;
    assert_eq!(
        message(approve(&world, &second).await),
        FULL,
        "approved three days ago, and not carried out yet"
    );
}

#[tokio::test]
async fn an_increase_counts_for_a_day_after_it_was_carried_out() {
    let world = narrow().await;
    let first = raise(&world).await;
    approve(&world, &first).await.unwrap();
    apply(&world, &world.admin, &first, world.clock.now()).await.unwrap();
    let second = other(&world).await;
    let mut superuser = world.superuser().await;
    let ago = |hours: u32| {
        format!(
            "update drafts set decided_at = '2025-09-10T00:00:00Z' where org_id = ORG and number = 1;
             update executions set started_at = '2025-09-17T09:00:00Z'::timestamptz - interval '{hours} hours'
              where org_id = ORG"
        )
    };
    sql(&mut superuser, world.org, &ago(23)).await;
    assert_eq!(message(approve(&world, &second).await), FULL, "approved a week ago, carried out yesterday");
    sql(&mut superuser, world.org, &ago(25)).await;
    approve(&world, &second).await.unwrap();
}

#[tokio::test]
async fn a_decrease_makes_room_once_it_is_carried_out_and_not_before() {
    let world = narrow().await;
    let less = lower(&world).await;
    approve(&world, &less).await.unwrap();
    let (one, two) = (raise(&world).await, other(&world).await);
    approve(&world, &one).await.unwrap();
    // Were this let through, cancelling the decrease would leave 20 in an envelope of 15.
    assert_eq!(message(approve(&world, &two).await), FULL);
    apply(&world, &world.admin, &less, world.clock.now()).await.unwrap();
    approve(&world, &two).await.unwrap();
}

#[tokio::test]
async fn nothing_was_applied_before_it_was_approved() {
    let world = account().await;
    let created = raise(&world).await;
    approve(&world, &created).await.unwrap();
    let early = world.clock.now() - SignedDuration::from_secs(1);
    let refused = apply(&world, &world.admin, &created, early).await;
    assert_eq!(message(refused), "applied_at must not lie before the approval, 2025-09-17T09:00:00Z.");
    apply(&world, &world.admin, &created, world.clock.now()).await.unwrap();
}

#[tokio::test]
async fn a_schedule_that_is_taken_back_leaves_the_approval_as_short_as_it_was() {
    let world = account().await;
    let created = raise(&world).await;
    approve(&world, &created).await.unwrap();
    let at = world.clock.now() + SignedDuration::from_hours(10 * 24);
    drafts::schedule(&world.db, &*world.clock, &world.admin, created.id, at).await.unwrap();
    drafts::unschedule(&world.db, &*world.clock, &world.admin, created.id).await.unwrap();
    world.clock.advance(Duration::from_secs(73 * 3600));
    let late = apply(&world, &world.admin, &created, world.clock.now()).await;
    assert_eq!(code(late), "draft.approval_expired");
    let late = drafts::schedule(&world.db, &*world.clock, &world.admin, created.id, at).await;
    assert_eq!(code(late), "draft.approval_expired");
}
