//! Whose votes count, on which platforms, and who carries a critical draft out.
use super::account::{account, code, confirm, decide, draft, look, message, pause, raise, sql};
use crate::world::World;
use adjutant::access::{Actor, Credential, Surface};
use adjutant::clock::Clock as _;
use adjutant::db::people::{self, Grant};
use adjutant::drafts::{self, AppliedRequest, Created, Decision, DraftState, ExportFormat, Outcome};
use serde_json::{Value, json};
use std::time::Duration;

fn done(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Done { .. })
}

/// Grants the marketer a permission within limits, and answers with the marketer at work.
async fn granted(world: &World, permission: &str, scope: Value) -> Actor {
    let member = world.viewer.member;
    let mut tx = world.db.org(world.org).await.unwrap();
    let grant = Grant { permission: permission.to_owned(), scope };
    people::grant(&mut tx, world.org, member, &grant, None, world.clock.now()).await.unwrap();
    let actor = people::actor(&mut tx, world.org, member, Surface::Http, Credential::Session).await.unwrap();
    tx.commit().await.unwrap();
    actor.unwrap()
}

async fn tier(world: &World, tier: &str) {
    let mut superuser = world.superuser().await;
    let two = format!("update drafts set tier = '{tier}', required_approvals = 2 where org_id = ORG");
    sql(&mut superuser, world.org, &two).await;
}

#[tokio::test]
async fn the_vote_of_somebody_who_left_no_longer_counts() {
    let world = account().await;
    let created = pause(&world).await;
    tier(&world, "medium").await;
    decide(&world, &world.approver, &created, Decision::Approve).await.unwrap();
    let mut superuser = world.superuser().await;
    let gone = format!("update members set state = 'disabled' where id = '{}'", world.approver.member);
    sql(&mut superuser, world.org, &gone).await;
    let second = decide(&world, &world.second_approver, &created, Decision::Approve).await.unwrap();
    assert!(matches!(second, Outcome::Recorded { .. }), "{second:?}");
    assert!(done(&decide(&world, &world.admin, &created, Decision::Approve).await.unwrap()));
}

#[tokio::test]
async fn approve_high_reaches_as_far_as_its_grant() {
    for (scope, reaches) in [
        (json!({}), true),
        (json!({"platforms": ["meta_ads"], "types": ["pause_campaign"], "max_tier": "high"}), true),
        (json!({"platforms": ["google_ads"]}), false),
        (json!({"types": ["increase_budget"]}), false),
        (json!({"max_tier": "medium"}), false),
    ] {
        let world = account().await;
        let created = pause(&world).await;
        tier(&world, "high").await;
        let mut superuser = world.superuser().await;
        let change = format!("update member_grants set scope = '{scope}' where org_id = ORG");
        sql(&mut superuser, world.org, &change).await;
        confirm(&world, &world.approver, &created).await.unwrap();
        let second = confirm(&world, &world.second_approver, &created).await.unwrap();
        assert_eq!(done(&second), reaches, "{scope}");
    }
}

#[tokio::test]
async fn a_move_between_platforms_needs_the_right_to_both() {
    let world = account().await;
    let across = json!({"from": "Broad match test", "to": "Retargeting", "amount_per_day": 20});
    let created = draft(&world, &world.marketer, "reallocate_budget", across).await.unwrap();
    let half = granted(&world, "draft.approve", json!({"platforms": ["google_ads"]})).await;
    assert_eq!(code(decide(&world, &half, &created, Decision::Approve).await), "permission.missing");
    let whole = granted(&world, "draft.approve", json!({"platforms": ["google_ads", "meta_ads"]})).await;
    assert!(done(&decide(&world, &whole, &created, Decision::Approve).await.unwrap()));
}

#[tokio::test]
async fn a_critical_draft_cools_off_and_a_third_person_carries_it_out() {
    let world = account().await;
    let created = pause(&world).await;
    tier(&world, "critical").await;
    confirm(&world, &world.second_approver, &created).await.unwrap();
    assert!(done(&confirm(&world, &world.admin, &created).await.unwrap()));
    let operator = granted(&world, "operator", json!({})).await;
    let apply = async |actor: &Actor, created: &Created| {
        let request = AppliedRequest {
            revision: 1,
            payload_hash: created.payload_hash,
            applied_at: world.clock.now(),
            evidence: "Change history, entry 4".to_owned(),
        };
        drafts::mark_applied(&world.db, &*world.clock, actor, created.id, &request).await
    };
    assert_eq!(code(apply(&operator, &created).await), "execution.cooling_off");
    world.clock.advance(Duration::from_secs(30 * 60));
    assert_eq!(
        message(apply(&world.admin, &created).await),
        "You approved this draft; at this tier someone else must carry it out."
    );
    assert!(done(&apply(&operator, &created).await.unwrap()));
}

#[tokio::test]
async fn an_approval_that_ran_out_exports_nothing_but_a_preview() {
    let world = account().await;
    let created = raise(&world).await;
    decide(&world, &world.approver, &created, Decision::Approve).await.unwrap();
    world.clock.advance(Duration::from_secs(72 * 3600));
    let get = async |preview| {
        let json = Some(ExportFormat::Json);
        drafts::download(&world.db, &*world.clock, &world.marketer, created.id, json, preview).await
    };
    assert_eq!(code(get(false).await), "draft.approval_expired");
    let preview: Value = serde_json::from_slice(&get(true).await.unwrap().body).unwrap();
    assert_eq!((&preview["preview"], &preview["approvers"]), (&json!(true), &json!([])));
}

#[tokio::test]
async fn a_freeze_of_its_platform_stops_an_audience() {
    let world = account().await;
    let mut superuser = world.superuser().await;
    sql(&mut superuser, world.org,
        "insert into freeze_windows (org_id, id, platform, starts_at, ends_at, created_at) values
         (ORG, '00000000-0000-7000-8000-00000000000f', 'google_ads', '2025-09-16T00:00:00Z', '2025-09-18T16:00:00Z', '2025-09-01T00:00:00Z')").await;
    let failed = async |platform: &str| {
        let asked = json!({"segment": "INACTIVE", "platform": platform, "method": "list"});
        let created = draft(&world, &world.marketer, "retargeting_audience", asked).await.unwrap();
        let all = look(&world, created.id).await.guardrails;
        all.into_iter().filter(|g| g.stops()).map(|g| g.code).collect::<Vec<_>>()
    };
    assert_eq!(failed("google_ads").await, ["guardrail.freeze"]);
    assert!(failed("meta_ads").await.is_empty());
}

#[tokio::test]
async fn notes_are_kept_without_people_and_keys() {
    let world = account().await;
    let created = raise(&world).await;
    let mut said = super::account::review(&created, Decision::Reject);
    said.note = Some("Ask jo@mail.example\u{7} or +41 44 123 45 67, key adj_12_34567890".to_owned());
    let (db, clock) = (&world.db, &*world.clock);
    drafts::decide(db, clock, &world.approver, created.id, &said, drafts::StepUp::No).await.unwrap();
    let kept = "Ask [e-mail] or [phone], key [token]";
    assert_eq!(look(&world, created.id).await.reviews[0].note.as_deref(), Some(kept));
    let mut superuser = world.superuser().await;
    let recorded: Option<String> =
        sqlx::query_scalar("select reason from audit_log where action = 'draft.rejected'")
            .fetch_one(&mut superuser)
            .await
            .unwrap();
    assert_eq!(recorded.as_deref(), Some(kept));
}

#[tokio::test]
async fn a_schedule_is_kept_within_bounds_and_taken_back() {
    let world = account().await;
    let created = raise(&world).await;
    decide(&world, &world.approver, &created, Decision::Approve).await.unwrap();
    let at = |days: i64| world.clock.now() + jiff::SignedDuration::from_hours(24 * days);
    let schedule = async |at| drafts::schedule(&world.db, &*world.clock, &world.admin, created.id, at).await;
    assert_eq!(code(schedule(at(15)).await), "draft.payload_invalid");
    assert!(matches!(schedule(at(5)).await.unwrap(), Outcome::Done { .. }));
    assert_eq!(look(&world, created.id).await.summary.execute_at, Some(at(5)));
    let back = drafts::unschedule(&world.db, &*world.clock, &world.admin, created.id).await.unwrap();
    assert!(matches!(back, Outcome::Done { state: DraftState::Approved, .. }));
    let cancelled = drafts::cancel(&world.db, &*world.clock, &world.marketer, created.id, Some("Not now."))
        .await
        .unwrap();
    assert!(matches!(cancelled, Outcome::Done { state: DraftState::Cancelled, .. }));
}

#[tokio::test]
async fn compliance_vetoes_and_must_agree_where_people_are_reached() {
    let world = account().await;
    let vetoed = raise(&world).await;
    assert_eq!(
        code(decide(&world, &world.compliance, &vetoed, Decision::Approve).await),
        "permission.missing"
    );
    assert!(done(&decide(&world, &world.compliance, &vetoed, Decision::Reject).await.unwrap()));
    let asked = json!({"segment": "INACTIVE", "platform": "meta_ads"});
    let audience = draft(&world, &world.marketer, "retargeting_audience", asked).await.unwrap();
    assert_eq!(audience.co_approvals, ["compliance"]);
    let first = decide(&world, &world.approver, &audience, Decision::Approve).await.unwrap();
    let expected = Outcome::Recorded {
        have: 1,
        need: 1,
        missing: vec!["compliance".into()],
        step_up_required: false,
        next: None,
    };
    assert_eq!(first, expected);
    assert!(done(&decide(&world, &world.compliance, &audience, Decision::Approve).await.unwrap()));
}
