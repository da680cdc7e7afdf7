//! When the server cannot take a batch now: nothing of it is stored, and the reply says when to come back.
use super::*;
use adjutant::events::Via;
use adjutant::events::ingest::{Ingest, IngestError, Pressed, Reason};
use std::time::Duration;

#[tokio::test]
async fn while_too_many_days_wait_to_be_computed_batches_are_sent_back_and_the_health_page_says_why() {
    let gate = Gate::new().await;
    let health = async || gate.served.get("/readyz", &gate.key).await.body["events"].clone();
    assert_eq!(health().await, json!({"state": "ok"}));
    let mut superuser = gate.world.superuser().await;
    let fill = "insert into restatements (org_id, date, entity_kind, entity_id, channel, queued_at)
                select $1, '2025-09-01', 'page', n::text, 'seo', '2025-09-17T08:59:00Z' from generate_series(1, $2) n";
    sqlx::query(fill).bind(gate.world.org).bind(50_001).execute(&mut superuser).await.unwrap();
    let response = gate.post(&gate.key).json(&json!([gate.click(1, 60)])).send().await.unwrap();
    // Nobody is seen to empty the queue: two minutes, here without spread.
    assert_eq!(response.headers()["retry-after"], "120");
    assert!(response.headers().contains_key("ratelimit-remaining"));
    let told = reply(response).await;
    assert_eq!((told.status.as_u16(), told.body["code"].as_str().unwrap()), (429, "rate.backpressure"));
    assert_eq!(told.body["context"]["reason"], "rollup_queue");
    assert_eq!(
        health().await,
        json!({"state": "backpressure", "reason": "rollup_queue", "retry_after": 120})
    );
    // The body is not looked at meanwhile.
    assert_eq!(
        gate.raw(&[("content-encoding", "gzip")], vec![0; (5 << 20) + 1]).await.body["code"],
        "rate.backpressure"
    );
    // Another organisation's queue is its own.
    let other = gate.world.other_org().await;
    let theirs = Gate::key_of(&gate.world, &other.marketer, &ordinary()).await;
    assert_eq!(gate.send_as(&theirs, &[gate.click(1, 60)]).await.status, 200);
    // A thousand a second are done: 40,001 still wait, which is few enough.
    sqlx::query("delete from restatements where entity_id::int > 40001")
        .execute(&mut superuser)
        .await
        .unwrap();
    gate.world.clock.advance(Duration::from_secs(10));
    assert_eq!(gate.send(&[gate.click(1, 60)]).await.status, 200);
    gate.world.clock.advance(Duration::from_secs(61));
    assert_eq!(health().await, json!({"state": "ok"}));
}

#[tokio::test]
async fn where_no_connection_comes_free_for_two_seconds_a_batch_is_sent_back() {
    let gate = Gate::new().await;
    let mut held = Vec::new();
    for _ in 0..gate.world.db.most_transactions() {
        held.push(gate.world.db.org(gate.world.org).await.unwrap());
    }
    let told = gate.send(&[gate.click(1, 60)]).await;
    assert_eq!((told.status.as_u16(), told.body["code"].as_str().unwrap()), (429, "rate.backpressure"));
    assert_eq!(told.body["context"]["reason"], "pool");
    drop(held);
    // The same once it is known who sends: when the batch is to be stored.
    let ingest = Ingest::new(gate.world.db.clone(), gate.world.clock.clone(), || 0.5).unwrap();
    let prepared = ingest.prepare(&gate.world.marketer, Via::Api).await.unwrap();
    let judged = || vec![prepared.check(&gate.click(1, 60).to_string(), 0)];
    let mut held = Vec::new();
    for _ in 0..gate.world.db.most_transactions() {
        held.push(gate.world.db.org(gate.world.org).await.unwrap());
    }
    let refused = ingest.store(&prepared, judged(), false).await;
    assert!(matches!(refused, Err(IngestError::Pressed(Pressed { reason: Reason::Pool, .. }))));
    assert_eq!(ingest.pressed().unwrap().reason, Reason::Pool);
    drop(held);
    assert_eq!(ingest.store(&prepared, judged(), false).await.unwrap().accepted, 1);
}

#[tokio::test]
async fn while_the_database_is_away_nothing_is_taken_and_a_retry_is_safe() {
    let gate = Gate::new().await;
    let mut superuser = gate.world.superuser().await;
    for (table, code, said) in [
        ("event_ids", "57P01", "storage.unavailable"),
        ("events", "08006", "storage.unavailable"),
        ("data_quality_log", "57P03", "storage.unavailable"),
        ("events", "53100", "storage.full"),
    ] {
        let fail = format!(
            "create or replace function fail_{table}() returns trigger language plpgsql as
               $$ begin raise exception 'gone' using errcode = '{code}'; end $$;
             create or replace trigger fail before insert on {table} for each row execute function fail_{table}()"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(fail)).execute(&mut superuser).await.unwrap();
        let response = gate.post(&gate.key).json(&json!([gate.click(1, 60)])).send().await.unwrap();
        let wait = if said == "storage.full" { "60" } else { "5" };
        assert_eq!(response.headers()["retry-after"], wait);
        let told = reply(response).await;
        assert_eq!((told.status.as_u16(), told.body["code"].as_str().unwrap()), (503, said), "{table}");
        let mend = format!("drop trigger fail on {table}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(mend)).execute(&mut superuser).await.unwrap();
        assert_eq!(gate.count(gate.world.org, "select count(*) from event_ids").await, 0);
    }
    assert_eq!(statuses(&gate.send(&[gate.click(1, 60)]).await), ["accepted"]);
}

#[tokio::test]
async fn a_batch_that_the_database_ends_in_favour_of_another_is_stored_anew() {
    let gate = Gate::new().await;
    let mut superuser = gate.world.superuser().await;
    // The first three tries are ended; the counter lives outside of their transactions.
    let fail = "create sequence tries;
         create function fail_quality() returns trigger language plpgsql security definer as
           $$ begin if nextval('tries') < 4 then raise exception 'deadlock' using errcode = '40P01'; end if; return new; end $$;
         create trigger fail before insert on data_quality_log for each row execute function fail_quality()";
    sqlx::raw_sql(fail).execute(&mut superuser).await.unwrap();
    let told = gate.send(&[gate.click(1, 60)]).await;
    assert_eq!(told.status, 200, "{}", told.body);
    assert_eq!(gate.count(gate.world.org, "select count(*) from events").await, 1);
}
