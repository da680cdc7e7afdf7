//! Who is waited for, handing over, drafting again, forms, and that everything that happens is announced once.
use super::account::{account, code, decide, draft, look, message, pause, raise, sql};
use crate::world::World;
use adjutant::clock::Clock as _;
use adjutant::drafts::{self, AppliedRequest, Created, Decision, DraftState, Outcome, ReviseRequest};
use adjutant::ids::MemberId;
use serde_json::{Value, json};
use std::collections::BTreeMap;

async fn waited_for(world: &World, created: &Created) -> Vec<MemberId> {
    drafts::reviewers(&world.db, world.org, created.id).await.unwrap()
}

/// What was announced of a draft, oldest first: event, version, who did it.
async fn announced(world: &World, created: &Created) -> Vec<(String, i64, String)> {
    let mut superuser = world.superuser().await;
    let rows: Vec<(Value,)> =
        sqlx::query_as("select payload from outbox where channel_ref = $1 order by seq")
            .bind(format!("draft:{}", created.id))
            .fetch_all(&mut superuser)
            .await
            .unwrap();
    let text = |payload: &Value, key: &str| payload[key].as_str().unwrap_or("-").to_owned();
    rows.iter().map(|(p,)| (text(p, "event"), p["version"].as_i64().unwrap(), text(p, "by_name"))).collect()
}

#[tokio::test]
async fn a_draft_waits_for_those_who_may_approve_it_and_did_not_yet() {
    let world = account().await;
    let created = pause(&world).await;
    let all = waited_for(&world, &created).await;
    assert_eq!(all.len(), 3);
    for actor in [&world.approver, &world.second_approver, &world.admin] {
        assert!(all.contains(&actor.member), "{}", actor.name);
        assert_eq!(drafts::waiting_for(&world.db, actor).await.unwrap().len(), 1);
    }
    for actor in [&world.marketer, &world.viewer, &world.compliance] {
        assert!(drafts::waiting_for(&world.db, actor).await.unwrap().is_empty(), "{}", actor.name);
    }
    decide(&world, &world.approver, &created, Decision::Approve).await.unwrap();
    assert!(waited_for(&world, &created).await.is_empty());
}

#[tokio::test]
async fn a_draft_is_handed_to_somebody_who_may_approve_it_and_to_nobody_else() {
    let world = account().await;
    let created = pause(&world).await;
    let assign = |by, to: MemberId| drafts::assign(&world.db, &*world.clock, by, created.id, to);
    assert_eq!(code(assign(&world.viewer, world.admin.member).await), "permission.missing");
    let refused = message(assign(&world.approver, world.viewer.member).await);
    assert_eq!(
        refused,
        "Vito Frey cannot approve draft 1: has no permission to approve it. Choose somebody else."
    );
    let refused = message(assign(&world.approver, world.marketer.member).await);
    assert!(refused.starts_with("Mara Lindt cannot approve draft 1"), "{refused}");
    // Its requester may, too.
    assert!(matches!(assign(&world.marketer, world.admin.member).await.unwrap(), Outcome::Done { .. }));
    assert!(matches!(assign(&world.marketer, world.admin.member).await.unwrap(), Outcome::Unchanged { .. }));
    assert_eq!(waited_for(&world, &created).await, [world.admin.member]);
    assert_eq!(look(&world, created.id).await.summary.assignee.as_deref(), Some("Adele Moser"));
    decide(&world, &world.second_approver, &created, Decision::Approve).await.unwrap();
    assert_eq!(code(assign(&world.approver, world.admin.member).await), "draft.already_decided");
}

#[tokio::test]
async fn a_draft_that_is_over_is_taken_up_again_once() {
    let world = account().await;
    let created = pause(&world).await;
    let open = drafts::again(&world.db, &*world.clock, &world.marketer, created.id).await;
    assert_eq!(code(open), "draft.wrong_state");
    decide(&world, &world.approver, &created, Decision::Reject).await.unwrap();
    let again = drafts::again(&world.db, &*world.clock, &world.marketer, created.id).await.unwrap();
    let (old, new) = (look(&world, created.id).await, look(&world, again.id).await);
    assert_eq!((new.summary.state, new.summary.number), (DraftState::Pending, 2));
    assert_eq!(new.payload["campaign_id"], old.payload["campaign_id"]);
    assert_eq!(new.payload["reason"], old.payload["reason"]);
    let twice = drafts::again(&world.db, &*world.clock, &world.marketer, created.id).await;
    assert_eq!(code(twice), "draft.conflicting_open");
}

#[tokio::test]
async fn a_form_shows_what_stands_and_tries_a_revision_without_writing_it() {
    let world = account().await;
    let created = raise(&world).await;
    let form = drafts::editing(&world.db, &*world.clock, &world.marketer, created.id).await.unwrap();
    let shown: Vec<(&str, &str)> =
        form.fields.iter().map(|f| (f.name.as_str(), f.value.as_str())).take(3).collect();
    assert_eq!(shown, [("new_daily_budget", "60.00"), ("pct", ""), ("cap", "")]);
    let filled = BTreeMap::from([("new_daily_budget".to_owned(), "55".to_owned())]);
    let request = form.request(&filled).unwrap();
    let tried = drafts::try_revise(&world.db, &*world.clock, &world.marketer, created.id, &request).await;
    assert!(matches!(tried.unwrap(), Outcome::Done { revision: 2, .. }));
    assert_eq!(look(&world, created.id).await.summary.revision, 1, "nothing was written");
    let lower = BTreeMap::from([("new_daily_budget".to_owned(), "40".to_owned())]);
    let request = form.request(&lower).unwrap();
    let refused = drafts::try_revise(&world.db, &*world.clock, &world.marketer, created.id, &request).await;
    let error = refused.unwrap_err();
    let pointer = error.refusal().unwrap().pointer.clone().unwrap();
    assert_eq!(drafts::form::field_of_pointer(&pointer), "new_daily_budget", "{error}");
    assert_eq!(
        code(drafts::editing(&world.db, &*world.clock, &world.viewer, created.id).await.map(|f| f.revision)),
        "permission.missing"
    );
}

#[tokio::test]
async fn a_null_takes_an_argument_out() {
    let world = account().await;
    let asked = json!({"campaign": "Generic search", "pct": 20, "cap": "120"});
    let created = draft(&world, &world.marketer, "increase_budget", asked).await.unwrap();
    assert!(look(&world, created.id).await.payload["cap"].is_string());
    let changes = json!({"cap": null}).as_object().unwrap().clone();
    let request = ReviseRequest { revision: 1, changes };
    drafts::revise(&world.db, &*world.clock, &world.marketer, created.id, &request).await.unwrap();
    assert_eq!(look(&world, created.id).await.payload.get("cap"), None);
}

#[tokio::test]
async fn everything_that_happens_is_announced_once_with_who_did_it() {
    let world = account().await;
    let created = pause(&world).await;
    let mut superuser = world.superuser().await;
    sql(&mut superuser, world.org, "update drafts set required_approvals = 2 where org_id = ORG").await;
    decide(&world, &world.approver, &created, Decision::Approve).await.unwrap();
    decide(&world, &world.approver, &created, Decision::Approve).await.unwrap();
    drafts::assign(&world.db, &*world.clock, &world.approver, created.id, world.admin.member).await.unwrap();
    decide(&world, &world.second_approver, &created, Decision::Hold).await.unwrap();
    decide(&world, &world.admin, &created, Decision::Approve).await.unwrap();
    let seen = announced(&world, &created).await;
    let told: Vec<(&str, i64, &str)> = seen.iter().map(|(e, v, b)| (e.as_str(), *v, b.as_str())).collect();
    assert_eq!(
        told,
        [
            ("draft.created", 1, "Mara Lindt"),
            ("draft.voted", 2, "Aron Keller"),
            ("draft.assigned", 3, "Aron Keller"),
            ("draft.held", 4, "Sofia Brandt"),
            ("draft.approved", 5, "Adele Moser"),
        ]
    );
}

/// `actions.md` §10.2: the time to resume makes a draft, not a change.
#[tokio::test]
async fn a_pause_that_ends_makes_a_draft_to_resume_once() {
    let world = account().await;
    let asked = json!({"campaign": "Prospecting cold", "reason_code": "zero_conversions", "resume_at": "2025-09-19T09:00:00Z"});
    let created = draft(&world, &world.marketer, "pause_campaign", asked).await.unwrap();
    decide(&world, &world.approver, &created, Decision::Approve).await.unwrap();
    let applied = AppliedRequest {
        revision: created.revision,
        payload_hash: created.payload_hash,
        applied_at: world.clock.now(),
        evidence: "Change history of the account, entry 17".to_owned(),
    };
    drafts::mark_applied(&world.db, &*world.clock, &world.admin, created.id, &applied).await.unwrap();
    let mut superuser = world.superuser().await;
    let paused = "update campaigns set status = 'paused' where org_id = ORG and id = 'meta_ads:2001'";
    sql(&mut superuser, world.org, paused).await;
    let due = async || drafts::resume_due(&world.db, &*world.clock, world.org).await.unwrap();
    assert_eq!(due().await, 0, "it is not time yet");
    world.clock.advance(std::time::Duration::from_secs(3 * 86_400));
    assert_eq!((due().await, due().await), (1, 0));
    let mut tx = world.db.org(world.org).await.unwrap();
    let (kind, state, by): (String, String, MemberId) =
        sqlx::query_as("select type, state, requested_by from drafts where number = 2")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
    assert_eq!((kind.as_str(), state.as_str(), by), ("resume_campaign", "pending", world.marketer.member));
}
