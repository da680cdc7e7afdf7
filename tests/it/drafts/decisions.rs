//! Reviews: one winner, bound to what was seen, by people who may.
use super::account::{
    account, code, confirm, decide, draft, entries, look, message, pause, raise, review, sql, state, trail,
};
use crate::world::World;
use adjutant::access::{Actor, Credential};
use adjutant::clock::Clock as _;
use adjutant::db::audit;
use adjutant::drafts::{
    self, AppliedRequest, Created, Decision, DraftState, Outcome, OverrideRequest, ReviseRequest, StepUp,
    Tier,
};
use adjutant::ids::ApiKeyId;
use serde_json::{Map, json};
use std::time::Duration;

fn done(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Done { .. })
}

async fn revise(
    world: &World,
    actor: &Actor,
    created: &Created,
    changes: serde_json::Value,
) -> Result<Outcome, drafts::DraftError> {
    let request = ReviseRequest { revision: created.revision, changes: changes.as_object().unwrap().clone() };
    drafts::revise(&world.db, &*world.clock, actor, created.id, &request).await
}

/// The same draft as a reviewer sees it now.
async fn fresh(world: &World, created: &Created) -> Created {
    let view = look(world, created.id).await;
    Created { revision: view.summary.revision, payload_hash: view.summary.payload_hash, ..created.clone() }
}

/// A draft whose tier needs two people: the money is raised behind the server's back.
async fn high(world: &World) -> Created {
    let created = pause(world).await;
    let mut superuser = world.superuser().await;
    sql(
        &mut superuser,
        world.org,
        "update drafts set tier = 'high', required_approvals = 2 where org_id = ORG",
    )
    .await;
    created
}

#[tokio::test]
async fn an_approval_is_decided_audited_and_minted_once() {
    let world = account().await;
    let created = pause(&world).await;
    let outcome = decide(&world, &world.approver, &created, Decision::Approve).await.unwrap();
    assert!(done(&outcome), "{outcome:?}");
    let view = look(&world, created.id).await;
    assert_eq!(view.summary.state, DraftState::Approved);
    assert_eq!(view.summary.decided_by.as_deref(), Some("Aron Keller"));
    let again = decide(&world, &world.admin, &created, Decision::Approve).await.unwrap();
    let Outcome::Unchanged { state, decided_by, .. } = again else { panic!("{again:?}") };
    assert_eq!((state, decided_by.as_deref()), (DraftState::Approved, Some("Aron Keller")));
    let late = decide(&world, &world.admin, &created, Decision::Reject).await;
    assert_eq!(message(late), "Draft 1 was already approved by Aron Keller at 2025-09-17T09:00:00Z.");
    assert_eq!(trail(&world, Some(created.id)).await, ["draft.created", "draft.approved", "draft.refused"]);
    let edited = revise(&world, &world.marketer, &created, json!({"reason_code": "low_roas"})).await;
    assert_eq!(message(edited), "Draft 1 is approved and cannot be revised.");
}

#[tokio::test]
async fn fifty_mixed_decisions_have_one_winner() {
    let world = account().await;
    let created = pause(&world).await;
    let people = [&world.approver, &world.second_approver, &world.admin];
    let calls = (0..50).map(|n| {
        let decision = if n % 2 == 0 { Decision::Approve } else { Decision::Reject };
        decide(&world, people[n % 3], &created, decision)
    });
    let results = futures::future::join_all(calls).await;
    assert_eq!(results.iter().filter(|r| r.as_ref().is_ok_and(done)).count(), 1);
    let winner = look(&world, created.id).await.summary;
    let name = winner.decided_by.clone().unwrap();
    for result in &results {
        match result {
            Ok(Outcome::Unchanged { state, decided_by, .. }) => {
                assert_eq!((*state, decided_by), (winner.state, &winner.decided_by));
            }
            Ok(outcome) => assert!(done(outcome), "{outcome:?}"),
            Err(e) => {
                assert_eq!(e.code(), "draft.already_decided");
                let said = format!("Draft 1 was already {} by {name} at", winner.state);
                assert!(e.to_string().starts_with(&said), "{e}");
            }
        }
    }
    let view = look(&world, created.id).await;
    assert_eq!(view.reviews.len(), 1, "no vote is written for a decided draft");
    assert!(audit::verify(&world.db, world.org).await.unwrap().broken.is_none());
}

#[tokio::test]
async fn a_quorum_of_two_with_ten_simultaneous_approvals_transitions_once() {
    let world = account().await;
    let created = high(&world).await;
    let people = [&world.approver, &world.second_approver];
    let calls = (0..10).map(|n| confirm(&world, people[n % 2], &created));
    let results = futures::future::join_all(calls).await;
    let outcomes: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes.iter().filter(|o| done(o)).count(), 1);
    assert_eq!(
        outcomes.iter().filter(|o| matches!(o, Outcome::Recorded { have: 1, need: 2, .. })).count(),
        1
    );
    assert_eq!(state(&world, created.id).await, DraftState::Approved);
    assert_eq!(
        trail(&world, Some(created.id)).await[..3],
        ["draft.created", "draft.voted", "draft.approved"],
        "one vote recorded, one transition"
    );
}

#[tokio::test]
async fn high_tiers_need_the_second_confirmation_and_somebody_who_may() {
    let world = account().await;
    let created = high(&world).await;
    let plain = decide(&world, &world.approver, &created, Decision::Approve).await.unwrap();
    let Outcome::Recorded { have: 0, need: 2, missing, step_up_required: true, next: Some(next) } = plain
    else {
        panic!("{plain:?}")
    };
    assert!(missing.is_empty());
    let path = format!("to /api/drafts/{}/reviews with revision 1", created.id);
    for told in [
        "counts once you confirm it",
        "`adjutant session \"Aron Keller\" --confirm`",
        "within ten minutes",
        &path,
    ] {
        assert!(next.contains(told), "{told}: {next}");
    }
    let confirmed = confirm(&world, &world.approver, &created).await.unwrap();
    assert!(matches!(confirmed, Outcome::Recorded { have: 1, step_up_required: false, .. }), "{confirmed:?}");
    // The second of two ordinary approvers is not enough: one of them must hold approve_high.
    let mut superuser = world.superuser().await;
    sql(&mut superuser, world.org, "delete from member_grants where org_id = ORG").await;
    let second = confirm(&world, &world.second_approver, &created).await.unwrap();
    let Outcome::Recorded { have, need, missing, .. } = second else { panic!("{second:?}") };
    assert_eq!((have, need, missing), (2, 2, vec!["draft.approve_high".to_owned()]));
    assert!(done(&confirm(&world, &world.admin, &created).await.unwrap()));
}

#[tokio::test]
async fn nobody_decides_on_what_they_asked_for_or_edited_on_any_path() {
    let world = account().await;
    let own =
        draft(&world, &world.admin, "pause_campaign", json!({"campaign": "Prospecting cold"})).await.unwrap();
    let refused = decide(&world, &world.admin, &own, Decision::Approve).await;
    assert_eq!(message(refused), "You asked for or edited this draft; someone else must approve it.");
    // The approver edits it, and is out as well.
    revise(&world, &world.approver, &own, json!({"reason": "Nothing was sold for months."})).await.unwrap();
    let edited = fresh(&world, &own).await;
    for editor in [&world.admin, &world.approver] {
        assert_eq!(code(decide(&world, editor, &edited, Decision::Approve).await), "permission.four_eyes");
        assert_eq!(code(confirm(&world, editor, &edited).await), "permission.four_eyes");
    }
    assert!(done(&decide(&world, &world.second_approver, &edited, Decision::Approve).await.unwrap()));
    let refusals: Vec<Option<i32>> = entries(&world, Some(own.id))
        .await
        .into_iter()
        .filter(|entry| entry.action == "draft.refused")
        .map(|entry| entry.revision)
        .collect();
    let (first, second) = (Some(1), Some(2));
    assert_eq!(refusals, [first, second, second, second, second], "refused attempts are written down");
}

#[tokio::test]
async fn a_key_of_an_admin_decides_cancels_and_applies_nothing() {
    let world = account().await;
    let created = pause(&world).await;
    let mut key = world.admin.clone();
    key.credential = Credential::ApiKey(ApiKeyId::new(&*world.clock));
    for decision in [Decision::Approve, Decision::Reject, Decision::RequestChanges, Decision::Hold] {
        assert_eq!(code(decide(&world, &key, &created, decision).await), "permission.missing");
    }
    assert_eq!(
        code(drafts::cancel(&world.db, &*world.clock, &key, created.id, None).await),
        "permission.missing"
    );
    assert!(done(&decide(&world, &world.approver, &created, Decision::Approve).await.unwrap()));
    let applied = applied(&created, &world);
    let refused = drafts::mark_applied(&world.db, &*world.clock, &key, created.id, &applied).await;
    assert_eq!(code(refused), "permission.missing");
}

fn applied(created: &Created, world: &World) -> AppliedRequest {
    AppliedRequest {
        revision: created.revision,
        payload_hash: created.payload_hash,
        applied_at: world.clock.now(),
        evidence: "Change history of the account, entry 17".to_owned(),
    }
}

#[tokio::test]
async fn an_edit_voids_approvals_and_the_old_hash_is_refused() {
    let world = account().await;
    let created = high(&world).await;
    confirm(&world, &world.approver, &created).await.unwrap();
    let later = json!({"resume_at": "2025-10-01T00:00:00Z"});
    let outcome = revise(&world, &world.marketer, &created, later.clone()).await.unwrap();
    let Outcome::Done { state, revision, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((state, revision), (DraftState::Pending, 2));
    let view = look(&world, created.id).await;
    assert_eq!(view.summary.tier, Tier::High, "an edit that moves as much money stays as strict");
    assert!(view.reviews.iter().all(|r| !r.valid), "the vote stays on record and no longer counts");
    let old = confirm(&world, &world.second_approver, &created).await;
    assert_eq!(message(old), "You reviewed revision 1; revision 2 is current.");
    let mut mixed = fresh(&world, &created).await;
    mixed.payload_hash = created.payload_hash;
    assert_eq!(code(confirm(&world, &world.second_approver, &mixed).await), "draft.hash_mismatch");
    // Sending the same again is no third revision.
    let now = fresh(&world, &created).await;
    let same = revise(&world, &world.marketer, &now, later).await.unwrap();
    assert!(matches!(same, Outcome::Unchanged { .. }), "{same:?}");
    assert!(trail(&world, Some(created.id)).await.contains(&"draft.approval_voided".to_owned()));
}

#[tokio::test]
async fn one_altered_byte_of_the_stored_content_stops_approval_export_and_execution() {
    for (what, statement) in [
        (
            "payload",
            "update draft_revisions set payload = jsonb_set(payload, '{campaign_id}', '\"1002\"') where org_id = ORG",
        ),
        (
            "before",
            "update draft_revisions set before = jsonb_set(before, '{daily_budget}', '\"31.00\"') where org_id = ORG",
        ),
        ("plan", "update draft_revisions set rollback_plan = '[]' where org_id = ORG"),
        ("platform", "update drafts set platform = 'google_ads' where org_id = ORG"),
    ] {
        let world = account().await;
        let created = pause(&world).await;
        let mut superuser = world.superuser().await;
        sql(&mut superuser, world.org, statement).await;
        let refused = decide(&world, &world.approver, &created, Decision::Approve).await;
        assert_eq!(code(refused), "draft.hash_mismatch", "{what}");
    }
    let world = account().await;
    let created = pause(&world).await;
    decide(&world, &world.approver, &created, Decision::Approve).await.unwrap();
    let mut superuser = world.superuser().await;
    sql(&mut superuser, world.org,
        "update draft_revisions set payload = jsonb_set(payload, '{campaign_id}', '\"1002\"') where org_id = ORG").await;
    let file = drafts::download(&world.db, &*world.clock, &world.marketer, created.id, None, false).await;
    assert_eq!(code(file), "draft.hash_mismatch");
    let applied =
        drafts::mark_applied(&world.db, &*world.clock, &world.admin, created.id, &applied(&created, &world))
            .await;
    assert_eq!(code(applied), "draft.hash_mismatch");
}

#[tokio::test]
async fn drift_between_draft_and_approval_makes_it_stale_and_a_new_revision_rebases_it() {
    let world = account().await;
    let created = raise(&world).await;
    let mut superuser = world.superuser().await;
    sql(
        &mut superuser,
        world.org,
        "update campaigns set daily_budget = 55 where org_id = ORG and id = 'google_ads:1001'",
    )
    .await;
    let refused = decide(&world, &world.approver, &created, Decision::Approve).await;
    assert_eq!(message(refused), "daily_budget was 50.00 when drafted and is now 55.00.");
    assert_eq!(state(&world, created.id).await, DraftState::Stale);
    assert!(look(&world, created.id).await.reviews.is_empty());
    let rebased = drafts::revise(
        &world.db,
        &*world.clock,
        &world.marketer,
        created.id,
        &ReviseRequest { revision: 1, changes: Map::new() },
    )
    .await
    .unwrap();
    assert!(done(&rebased));
    let view = look(&world, created.id).await;
    assert_eq!(view.diff[0], "Daily budget: 55.00 → 60.00 EUR (+9.1 %)");
    assert!(done(
        &decide(&world, &world.approver, &fresh(&world, &created).await, Decision::Approve).await.unwrap()
    ));
    assert_eq!(
        trail(&world, Some(created.id)).await,
        ["draft.created", "draft.stale", "guardrail.blocked", "draft.revised", "draft.approved"]
    );
}

#[tokio::test]
async fn changes_are_requested_made_and_then_approved() {
    let world = account().await;
    let created = raise(&world).await;
    let asked = decide(&world, &world.approver, &created, Decision::RequestChanges).await.unwrap();
    assert!(matches!(asked, Outcome::Done { state: DraftState::ChangesRequested, .. }));
    assert_eq!(code(decide(&world, &world.admin, &created, Decision::Approve).await), "draft.wrong_state");
    revise(&world, &world.marketer, &created, json!({"pct": 10})).await.unwrap();
    let view = look(&world, created.id).await;
    assert_eq!(view.diff[0], "Daily budget: 50.00 → 55.00 EUR (+10.0 %)");
    let forbidden =
        revise(&world, &world.marketer, &fresh(&world, &created).await, json!({"campaign": "Brand search"}))
            .await;
    let text = message(forbidden);
    assert!(text.starts_with("'campaign' cannot be edited; editable: new_daily_budget"), "{text}");
    assert!(done(
        &decide(&world, &world.approver, &fresh(&world, &created).await, Decision::Approve).await.unwrap()
    ));
}

#[tokio::test]
async fn a_rejection_needs_a_reason_and_frees_the_field() {
    let world = account().await;
    let created = raise(&world).await;
    let mut bare = review(&created, Decision::Reject);
    bare.reason_code = None;
    let refused =
        drafts::decide(&world.db, &*world.clock, &world.approver, created.id, &bare, StepUp::No).await;
    assert_eq!(message(refused), "A rejection needs a reason_code.");
    assert!(done(&decide(&world, &world.approver, &created, Decision::Reject).await.unwrap()));
    let again = decide(&world, &world.approver, &created, Decision::Reject).await.unwrap();
    assert!(matches!(again, Outcome::Unchanged { state: DraftState::Rejected, .. }));
    let approve = decide(&world, &world.admin, &created, Decision::Approve).await;
    assert_eq!(message(approve), "Draft 1 was already rejected by Aron Keller at 2025-09-17T09:00:00Z.");
    assert_eq!(raise(&world).await.number, 2);
}

#[tokio::test]
async fn time_closes_drafts_and_a_hold_moves_the_deadline_once() {
    let world = account().await;
    let held = raise(&world).await;
    let lapsed = pause(&world).await;
    let mut hold = review(&held, Decision::Hold);
    hold.hours = Some(48);
    drafts::decide(&world.db, &*world.clock, &world.approver, held.id, &hold, StepUp::No).await.unwrap();
    let twice = drafts::decide(&world.db, &*world.clock, &world.admin, held.id, &hold, StepUp::No).await;
    assert_eq!(code(twice), "draft.already_held");
    let again = drafts::decide(&world.db, &*world.clock, &world.approver, held.id, &hold, StepUp::No).await;
    let unchanged = matches!(again, Ok(Outcome::Unchanged { state: DraftState::Pending, .. }));
    assert!(unchanged, "the same reviewer says the same of the same revision: {again:?}");
    world.clock.advance(Duration::from_secs(7 * 86_400 + 60));
    let late = decide(&world, &world.approver, &lapsed, Decision::Approve).await;
    assert_eq!(message(late), "Draft 2 was already expired by the system at 2025-09-24T09:01:00Z.");
    assert_eq!(drafts::expire_due(&world.db, &*world.clock, world.org).await.unwrap(), 0);
    assert_eq!(state(&world, held.id).await, DraftState::Pending);
    world.clock.advance(Duration::from_secs(48 * 3600));
    assert_eq!(drafts::expire_due(&world.db, &*world.clock, world.org).await.unwrap(), 1);
    assert_eq!(state(&world, held.id).await, DraftState::Expired);
    assert_eq!(trail(&world, Some(held.id)).await.last().map(String::as_str), Some("draft.expired"));
}

#[tokio::test]
async fn an_approved_draft_is_applied_by_hand_once_and_its_result_is_awaited() {
    let world = account().await;
    let created = raise(&world).await;
    let early =
        drafts::mark_applied(&world.db, &*world.clock, &world.admin, created.id, &applied(&created, &world))
            .await;
    assert_eq!(code(early), "draft.not_approved");
    decide(&world, &world.approver, &created, Decision::Approve).await.unwrap();
    let calls = (0..5).map(|_| async {
        let request = applied(&created, &world);
        drafts::mark_applied(&world.db, &*world.clock, &world.admin, created.id, &request).await
    });
    let results = futures::future::join_all(calls).await;
    assert_eq!(results.iter().filter(|r| r.as_ref().is_ok_and(done)).count(), 1, "{results:?}");
    assert_eq!(state(&world, created.id).await, DraftState::Executed);
    let mut superuser = world.superuser().await;
    let due: Vec<i32> = sqlx::query_scalar("select checkpoint_days from measurements order by 1")
        .fetch_all(&mut superuser)
        .await
        .unwrap();
    assert_eq!(due, [3, 7]);
}

#[tokio::test]
async fn an_admin_overrides_a_hold_and_one_more_person_must_agree() {
    let world = account().await;
    let mut superuser = world.superuser().await;
    sql(&mut superuser, world.org,
        "update campaigns set budget_shared = true, budget_id = '51001' where org_id = ORG and id in ('google_ads:1001', 'google_ads:1003')").await;
    let created = raise(&world).await;
    let held = decide(&world, &world.approver, &created, Decision::Approve).await;
    let text = message(held);
    assert_eq!(
        text,
        "Budget is shared by 2 campaigns: Broad match test, Generic search. An admin may override this with a reason."
    );
    let request = OverrideRequest {
        revision: 1,
        code: "guardrail.shared_budget".to_owned(),
        reason: "Both campaigns are meant to rise.".to_owned(),
    };
    let refused =
        drafts::override_guardrail(&world.db, &*world.clock, &world.approver, created.id, &request).await;
    assert_eq!(code(refused), "permission.missing");
    drafts::override_guardrail(&world.db, &*world.clock, &world.admin, created.id, &request).await.unwrap();
    let first = decide(&world, &world.approver, &created, Decision::Approve).await.unwrap();
    assert!(matches!(first, Outcome::Recorded { have: 1, need: 2, .. }), "{first:?}");
    assert!(done(&decide(&world, &world.second_approver, &created, Decision::Approve).await.unwrap()));
}
