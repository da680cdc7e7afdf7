//! What the tests of receiving look at: rows of `slack_inbound` and of the outbox.
use super::workspace::Workspace;
use adjutant::fake_slack::signature;
use adjutant::slack::worker::LEASE;
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Row as _};
use std::time::Duration;

/// One column of text of the rows that a condition leaves, in order of receipt.
pub async fn inbound(w: &Workspace, column: &str, condition: &str) -> Vec<String> {
    let statement = format!(
        "select coalesce({column}::text, '') from slack_inbound where {condition} order by received_at, event_key"
    );
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    let rows = sqlx::query(AssertSqlSafe(statement)).fetch_all(&mut *tx).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Keys of outgoing messages, in the order in which they leave their channel.
pub async fn outgoing(w: &Workspace, prefix: &str) -> Vec<String> {
    let mut tx = w.world.db.org(w.world.org).await.unwrap();
    sqlx::query_scalar(
        "select dedupe_key from outbox where dedupe_key like $1 || '%' order by seq, channel_ref",
    )
    .bind(prefix)
    .fetch_all(&mut *tx)
    .await
    .unwrap()
}

/// Waits until nothing is waiting to be worked on. Time passes only for what waits for time: a pause, or the lease of
/// somebody who is not heard of any more.
pub async fn worked(w: &Workspace) {
    let mut idle = 0;
    for _ in 0..3_000 {
        let now = w.served.app.clock.now();
        let at = |condition: &str| condition.replace("now", &format!("'{now}'"));
        if inbound(w, "event_key", "state = 'new'").await.is_empty() {
            return;
        }
        let in_hand = inbound(w, "event_key", &at("state = 'new' and lease_until > now")).await.len();
        let paused = inbound(w, "event_key", &at("state = 'new' and not_before > now")).await.len();
        idle += 1;
        if in_hand == 0 && paused > 0 {
            w.pass(Duration::from_secs(1));
        } else if idle > 100 {
            idle = 0;
            w.pass(LEASE);
        } else {
            w.fake.wait_briefly(Duration::from_millis(10), |_| None::<()>).await;
        }
    }
    let left = inbound(w, "concat_ws(' ', kind, lane, attempts, error)", "state = 'new'").await;
    panic!("still waiting: {left:?}");
}

/// An event of the fake's workspace.
pub fn event(id: &str, event: Value) -> Value {
    json!({"type": "event_callback", "event_id": id, "team_id": adjutant::fake_slack::TEAM,
           "api_app_id": adjutant::fake_slack::APP, "event_time": 1, "event": event})
}

/// A direct message of Mara's.
pub fn dm(id: &str, ts: &str, text: &str) -> Value {
    event(
        id,
        json!({"type": "message", "channel_type": "im", "channel": "D0MARA", "user": "U0MARA", "ts": ts,
               "event_ts": ts, "text": text}),
    )
}

/// A signed request that has not been sent yet.
pub fn signed(w: &Workspace, path: &str, kind: &str, body: &str) -> RequestBuilder {
    let at = w.served.app.clock.now().as_second();
    let mac = signature(&w.fake.options().signing_secret, at, body.as_bytes());
    w.served
        .client
        .post(format!("{}{path}", w.served.url))
        .header("content-type", kind)
        .header("x-slack-request-timestamp", at.to_string())
        .header("x-slack-signature", mac)
        .body(body.to_owned())
}

pub async fn post_event(w: &Workspace, payload: &Value) -> StatusCode {
    let request = signed(w, "/slack/events", "application/json", &payload.to_string());
    request.send().await.unwrap().status()
}
