//! The audit chain: what tampering it names.
use crate::world::World;
use adjutant::clock::Clock as _;
use adjutant::db::audit::{self, Filter, Format, NewEntry, Verdict};
use adjutant::ids::DraftId;
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor as _};

/// Ten entries of one organisation; returns the drafts they are about.
async fn ten_entries(world: &World) -> Vec<DraftId> {
    let mut drafts = Vec::new();
    for n in 0..10 {
        let draft = DraftId::new(&*world.clock);
        let mut tx = world.db.org(world.org).await.unwrap();
        let mut entry = NewEntry::by(&world.marketer, "draft.created", "draft", draft, world.clock.now());
        entry.after =
            Some(json!({"n": n, "budget": "12.50", "share": 0.1 + 0.2, "big": 1e300, "text": "a\u{0}b"}));
        entry.payload_hash = Some(vec![n; 32]);
        assert_eq!(audit::append(&mut tx, world.org, &entry).await.unwrap(), i64::from(n) + 1);
        tx.commit().await.unwrap();
        drafts.push(draft);
    }
    drafts
}

/// Runs a statement as the superuser with the trigger out of the way, then verifies.
async fn after(world: &World, statement: &str) -> Verdict {
    let mut superuser = world.superuser().await;
    superuser.execute("set session_replication_role = replica").await.unwrap();
    let statement = statement.replace("ORG", &format!("'{}'", world.org));
    superuser.execute(AssertSqlSafe(statement)).await.unwrap();
    audit::verify(&world.db, world.org).await.unwrap()
}

fn named(verdict: &Verdict) -> (i64, &str) {
    let broken = verdict.broken.as_ref().expect("tampering is found");
    (broken.seq, &broken.problem)
}

#[tokio::test]
async fn an_untouched_chain_verifies_also_when_it_is_empty() {
    let world = World::new().await;
    assert_eq!(audit::verify(&world.db, world.org).await.unwrap().broken, None);
    ten_entries(&world).await;
    let verdict = audit::verify(&world.db, world.org).await.unwrap();
    assert_eq!((verdict.entries, verdict.head_seq, verdict.broken), (10, 10, None));
}

#[tokio::test]
async fn an_edit_is_named() {
    let world = World::new().await;
    ten_entries(&world).await;
    for (seq, column) in [
        (3, "after = jsonb_set(after, '{budget}', '\"99.50\"')"),
        (3, "actor_id = 'somebody'"),
        (3, "at = at + interval '1 microsecond'"),
        (3, "payload_hash = null"),
        (2, "reason = 'because'"),
    ] {
        let verdict =
            after(&world, &format!("update audit_log set {column} where org_id = ORG and seq = {seq}")).await;
        assert_eq!(
            named(&verdict),
            (seq, &*format!("entry {seq} was altered: its content does not give its hash"))
        );
    }
}

#[tokio::test]
async fn a_deletion_in_the_middle_is_named() {
    let world = World::new().await;
    ten_entries(&world).await;
    let verdict = after(&world, "delete from audit_log where org_id = ORG and seq = 5").await;
    assert_eq!(named(&verdict), (5, "entry 5 is missing (the one after 4 is 6)"));
}

#[tokio::test]
async fn a_truncated_tail_is_named() {
    let world = World::new().await;
    ten_entries(&world).await;
    let verdict = after(&world, "delete from audit_log where org_id = ORG and seq > 7").await;
    assert_eq!(named(&verdict), (8, "entries 8 to 10 are missing at the end"));
}

#[tokio::test]
async fn a_reordering_is_named() {
    let world = World::new().await;
    ten_entries(&world).await;
    let verdict = after(
        &world,
        "alter table audit_log drop constraint audit_log_seq_check;
         update audit_log set seq = case seq when 4 then -6 when 6 then -4 end where org_id = ORG and seq in (4, 6);
         update audit_log set seq = -seq where org_id = ORG and seq < 0",
    )
    .await;
    assert_eq!(named(&verdict).0, 4);
}

#[tokio::test]
async fn a_chain_rewritten_with_its_head_differs_from_what_was_published() {
    let world = World::new().await;
    ten_entries(&world).await;
    let verdict = after(
        &world,
        "insert into audit_anchors (org_id, seq, hash, signature, published_to, at)
         select org_id, seq, hash, '', 'a bulletin board', '2025-09-17T09:00:00Z' from audit_heads where org_id = ORG",
    )
    .await;
    assert_eq!(verdict.broken, None);
    let verdict = after(
        &world,
        "delete from audit_log where org_id = ORG and seq > 7;
         update audit_heads set seq = 7, hash = (select entry_hash from audit_log where org_id = ORG and seq = 7)
         where org_id = ORG",
    )
    .await;
    assert_eq!(named(&verdict), (8, "entries 8 to 10 are missing at the end"));
}

#[tokio::test]
async fn chains_of_two_organisations_are_independent() {
    let world = World::new().await;
    ten_entries(&world).await;
    let other = world.other_org().await;
    let mut tx = world.db.org(other.org).await.unwrap();
    let entry = NewEntry::by_system("settings.changed", "setting", "min_mer", world.clock.now());
    assert_eq!(audit::append(&mut tx, other.org, &entry).await.unwrap(), 1);
    tx.commit().await.unwrap();
    after(&world, "update audit_log set reason = 'x' where org_id = ORG and seq = 1").await;
    assert_eq!(audit::verify(&world.db, other.org).await.unwrap().broken, None);
}

#[tokio::test]
async fn fifty_writers_at_once_make_one_chain() {
    let world = World::new().await;
    let writers: Vec<_> = (0..50)
        .map(|n| {
            let (db, org, at) = (world.db.clone(), world.org, world.clock.now());
            tokio::spawn(async move {
                let mut tx = db.org(org).await.unwrap();
                let entry = NewEntry::by_system("draft.expired", "draft", n, at);
                audit::append(&mut tx, org, &entry).await.unwrap();
                // A cause that fails takes its entry with it.
                if n % 5 == 0 { tx.rollback().await.unwrap() } else { tx.commit().await.unwrap() }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let verdict = audit::verify(&world.db, world.org).await.unwrap();
    assert_eq!((verdict.entries, verdict.broken), (40, None));
}

#[tokio::test]
async fn an_export_carries_the_head_and_filters_by_area() {
    let world = World::new().await;
    ten_entries(&world).await;
    let mut tx = world.db.org(world.org).await.unwrap();
    let mut entry = NewEntry::by(&world.admin, "settings.changed", "setting", "min_mer", world.clock.now());
    entry.reason = Some("=cmd|' /C calc'!A0".to_owned());
    audit::append(&mut tx, world.org, &entry).await.unwrap();
    let all = audit::export(&mut tx, world.org, &Filter::default(), Format::JsonLines).await.unwrap();
    assert_eq!((all.entries, all.body.lines().count()), (11, 12));
    assert!(all.body.lines().last().unwrap().contains(&all.head_hash));
    let only = Filter { action: Some("settings".to_owned()), ..Filter::default() };
    let settings = audit::export(&mut tx, world.org, &only, Format::Csv).await.unwrap();
    assert_eq!((settings.entries, settings.head_seq), (1, 11));
    assert!(settings.body.contains(",'=cmd|' /C calc'!A0,"));
}
