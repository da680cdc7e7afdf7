//! Another organisation's draft does not exist; a broken-off transaction leaves nothing.
use super::account::{account, code, pause, review, seed, state, trail};
use adjutant::drafts::{self, CreateRequest, Decision, DraftState, ListRequest, ReviseRequest, StepUp};
use serde_json::{Map, json};
use sqlx::Executor as _;

#[tokio::test]
async fn a_foreign_draft_cannot_be_read_decided_revised_cancelled_exported_or_found() {
    let world = account().await;
    let other = world.other_org().await;
    let created = pause(&world).await;
    let (db, clock, id) = (&world.db, &*world.clock, created.id);
    let stranger = &other.admin;
    assert_eq!(code(drafts::get(db, stranger, id).await), "draft.not_found");
    let request = review(&created, Decision::Approve);
    assert_eq!(
        code(drafts::decide(db, clock, stranger, id, &request, StepUp::Confirmed).await),
        "draft.not_found"
    );
    let revision = ReviseRequest { revision: 1, changes: Map::new() };
    assert_eq!(code(drafts::revise(db, clock, stranger, id, &revision).await), "draft.not_found");
    assert_eq!(code(drafts::cancel(db, clock, stranger, id, None).await), "draft.not_found");
    assert_eq!(code(drafts::download(db, clock, stranger, id, None, true).await), "draft.not_found");
    assert_eq!(code(drafts::trail(db, clock, stranger, id).await), "draft.not_found");
    assert_eq!(code(drafts::find(db, stranger, "1").await), "draft.not_found");
    assert!(drafts::list(db, stranger, &ListRequest::default()).await.unwrap().drafts.is_empty());
    assert_eq!(drafts::expire_due(db, clock, other.org).await.unwrap(), 0);
    // A campaign of one organisation is no campaign of the other, by name or by id.
    for campaign in ["google_ads:1001", "Generic search"] {
        let request = CreateRequest {
            kind: "pause_campaign".to_owned(),
            payload: json!({"campaign": campaign}).as_object().unwrap().clone(),
            evidence: Vec::new(),
            supersedes: None,
        };
        assert_eq!(code(drafts::create(db, clock, stranger, &request).await), "draft.payload_invalid");
    }
    assert_eq!(state(&world, id).await, DraftState::Pending);
}

#[tokio::test]
async fn numbers_and_fields_are_counted_per_organisation() {
    let world = account().await;
    let other = world.other_org().await;
    let mut superuser = world.superuser().await;
    seed(&mut superuser, other.org).await;
    let first = pause(&world).await;
    let request = CreateRequest {
        kind: "pause_campaign".to_owned(),
        payload: json!({"campaign": "Prospecting cold"}).as_object().unwrap().clone(),
        evidence: Vec::new(),
        supersedes: None,
    };
    let second = drafts::create(&world.db, &*world.clock, &other.marketer, &request).await.unwrap();
    assert_eq!((first.number, second.number), (1, 1));
}

/// Whatever statement fails, nothing of the verb is there: state, vote, envelope, outbox and audit belong together.
#[tokio::test]
async fn a_verb_that_breaks_at_any_statement_leaves_nothing() {
    for table in ["reviews", "approvals", "outbox", "audit_log", "draft_revisions"] {
        let world = account().await;
        let created = pause(&world).await;
        let before = trail(&world, None).await;
        let mut superuser = world.superuser().await;
        let trap = format!(
            "create function trap() returns trigger language plpgsql as $$ begin raise exception 'killed'; end $$;
             create trigger trap before insert or update on {table} for each row execute function trap()"
        );
        superuser.execute(sqlx::AssertSqlSafe(trap)).await.unwrap();
        let request = review(&created, Decision::Approve);
        let broken =
            drafts::decide(&world.db, &*world.clock, &world.approver, created.id, &request, StepUp::No).await;
        assert_eq!(code(broken), "storage.unavailable", "{table}");
        superuser.execute(sqlx::AssertSqlSafe(format!("drop trigger trap on {table}"))).await.unwrap();
        let view = drafts::get(&world.db, &world.admin, created.id).await.unwrap();
        assert_eq!((view.summary.state, view.reviews.len()), (DraftState::Pending, 0), "{table}");
        assert_eq!(trail(&world, None).await, before, "{table}");
        let left: i64 =
            sqlx::query_scalar("select count(*) from approvals").fetch_one(&mut superuser).await.unwrap();
        assert_eq!(left, 0, "{table}");
        let again =
            drafts::decide(&world.db, &*world.clock, &world.approver, created.id, &request, StepUp::No).await;
        assert!(again.is_ok(), "{table}: {again:?}");
    }
}
