//! The jobs of a day: months made ahead, strays reported, the record of decisions anchored.
use crate::served::Served;
use crate::world::World;
use adjutant::clock::Clock as _;
use adjutant::db::audit::{self, NewEntry};
use adjutant::ids::DraftId;
use adjutant::jobs::{audit_chain, partitions};
use std::time::Duration;

#[tokio::test]
async fn months_are_made_ahead_and_rows_without_a_month_are_found() {
    let world = World::new().await;
    let app = Served::new(&world).await.app;
    partitions::run(&app).await.unwrap();
    assert_eq!(partitions::run(&app).await.unwrap(), 0, "nothing is missing");
    assert_eq!(world.db.stray_partitions().await.unwrap(), Vec::<String>::new());
    world.clock.advance(Duration::from_secs(31 * 86_400));
    assert!(partitions::run(&app).await.unwrap() > 0, "another month has come into reach");
    let rank = "insert into keyword_ranks (org_id, date, engine, keyword, source, first_seen_at, updated_at)
                select org_id, '1999-05-31', 'google', 'tents', 'dataforseo', '2025-09-17Z', '2025-09-17Z' from orgs";
    sqlx::raw_sql(rank).execute(&mut world.superuser().await).await.unwrap();
    assert_eq!(world.db.stray_partitions().await.unwrap(), ["keyword_ranks_default"]);
}

#[tokio::test]
async fn a_rewrite_of_the_whole_record_shows_against_the_anchor_of_the_day() {
    let world = World::new().await;
    let append = async |action: &str| {
        let draft = DraftId::new(&*world.clock);
        let entry = NewEntry::by(&world.marketer, action, "draft", draft, world.clock.now());
        let mut tx = world.db.org(world.org).await.unwrap();
        audit::append(&mut tx, world.org, &entry).await.unwrap();
        tx.commit().await.unwrap();
    };
    append("draft.created").await;
    append("draft.rejected").await;
    audit_chain::run(world.round()).await.unwrap();
    audit_chain::run(world.round()).await.unwrap();
    let mut superuser = world.superuser().await;
    let anchors: i64 = sqlx::query_scalar("select count(*) from audit_anchors where seq = 2")
        .fetch_one(&mut superuser)
        .await
        .unwrap();
    assert_eq!(anchors, 1);
    // Somebody empties the record, and lets it be written anew from its beginning, with every hash right.
    let empty = "set session_replication_role = replica; delete from audit_log; delete from audit_heads";
    sqlx::raw_sql(empty).execute(&mut superuser).await.unwrap();
    append("draft.created").await;
    append("draft.approved").await;
    let broken = audit::verify(&world.db, world.org).await.unwrap().broken.expect("the anchor tells");
    assert!(broken.problem.contains("is not the one that was published"), "{}", broken.problem);
}
