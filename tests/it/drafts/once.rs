//! `Idempotency-Key` when the same request comes twice at once.
use crate::catalogue::load_shop;
use crate::served::Served;
use crate::world::World;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

async fn send(served: &Served, path: &str, session: &str, key: &str, body: &Value) -> (StatusCode, Value) {
    let request = served.request(Method::POST, path, session).header("idempotency-key", key).json(body);
    let reply = request.send().await.unwrap();
    (reply.status(), reply.json().await.unwrap())
}

#[tokio::test]
async fn requests_at_the_same_time_make_one_draft_and_get_one_reply() {
    let world = World::new().await;
    load_shop(&world.db, world.org, |sql| sql).await;
    let served = Served::new(&world).await;
    let session = served.session(&world.marketer).await;
    // Without the key in time, the others would be told that a draft on this is open already.
    let body = json!({"type": "generate_content_brief", "payload": {"keyword": "wool socks"}});
    let calls = (0..6).map(|_| send(&served, "/api/drafts", &session, "one", &body));
    let replies = futures::future::join_all(calls).await;
    let made: Vec<&Value> =
        replies.iter().filter(|(status, _)| *status == StatusCode::CREATED).map(|(_, body)| body).collect();
    assert!(!made.is_empty(), "{replies:?}");
    for (status, body) in &replies {
        let waits = *status == StatusCode::CONFLICT && body["code"] == "idempotency.in_progress";
        assert!(waits || body["id"] == made[0]["id"], "{status} {body}");
    }
    let (status, again) = send(&served, "/api/drafts", &session, "one", &body).await;
    assert_eq!((status, &again), (StatusCode::CREATED, made[0]));
    let other = json!({"type": "generate_content_brief", "payload": {"keyword": "wool hats"}});
    let (_, mismatch) = send(&served, "/api/drafts", &session, "one", &other).await;
    assert_eq!(mismatch["code"], "idempotency.mismatch");
    let mut superuser = world.superuser().await;
    let drafts: i64 = sqlx::query_scalar(
        "select count(*) from drafts where type = 'generate_content_brief' and requested_by = $1",
    )
    .bind(world.marketer.member)
    .fetch_one(&mut superuser)
    .await
    .unwrap();
    assert_eq!(drafts, 1);
}

#[tokio::test]
async fn a_request_that_failed_may_be_tried_again_under_its_key() {
    let world = World::new().await;
    load_shop(&world.db, world.org, |sql| sql).await;
    let served = Served::new(&world).await;
    let session = served.session(&world.viewer).await;
    let body = json!({"type": "generate_content_brief", "payload": {"keyword": "wool socks"}});
    for _ in 0..2 {
        let (status, refused) = send(&served, "/api/drafts", &session, "two", &body).await;
        assert_eq!((status, &refused["code"]), (StatusCode::FORBIDDEN, &json!("permission.missing")));
    }
}

/// The server died between the draft and its reply: the key is taken, nothing is kept under it.
#[tokio::test]
async fn a_retry_after_a_lost_reply_gets_the_draft_that_was_made() {
    let world = World::new().await;
    load_shop(&world.db, world.org, |sql| sql).await;
    // The fixture numbered its drafts by hand.
    sqlx::query("insert into counters (org_id, name, value) values ($1, 'draft', 100)")
        .bind(world.org)
        .execute(&mut world.superuser().await)
        .await
        .unwrap();
    let served = Served::new(&world).await;
    let session = served.session(&world.marketer).await;
    let body = json!({"type": "generate_content_brief", "payload": {"keyword": "wool socks"}});
    let (status, made) = send(&served, "/api/drafts", &session, "lost", &body).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let mut superuser = world.superuser().await;
    sqlx::query(
        "update idempotency_keys set status = 0, reply = 'null', expires_at = created_at + interval '60 s'",
    )
    .execute(&mut superuser)
    .await
    .unwrap();
    world.clock.advance(Duration::from_secs(61));
    let (status, again) = send(&served, "/api/drafts", &session, "lost", &body).await;
    assert_eq!((status, &again["id"], &again["number"]), (StatusCode::CREATED, &made["id"], &made["number"]));
    // A day later the key is free, also for another draft of the same words.
    let cancel = format!("/api/drafts/{}/cancel", made["id"].as_str().unwrap());
    let (status, _) = send(&served, &cancel, &session, "cancel", &json!({"reason": "not now"})).await;
    assert_eq!(status, StatusCode::OK);
    let day = "update drafts set created_at = created_at - interval '25 h'; delete from idempotency_keys";
    sqlx::raw_sql(day).execute(&mut superuser).await.unwrap();
    let (status, new) = send(&served, "/api/drafts", &session, "lost", &body).await;
    assert_eq!(status, StatusCode::CREATED, "{new}");
    assert_ne!(new["id"], made["id"]);
}
